//! What is sent? Seeded requests, made before the first is due, each sent under an id of its own.
//!
//! Making one takes longer than some bidders take to answer it, so a test makes its stock first and
//! goes round in it; cold. Who listens depends on the hour where he is: of the traffic's requests
//! those are taken whose listener would be awake.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::stdx::rng::Rng;
use crate::base::units::time::Moment;
use crate::rehearsal::traffic::Requests;

/// Distinct requests that a test goes round in at most: some 60 MB.
pub const STOCK_MAX: u64 = 1 << 15;

/// What a request without `tmax` is taken to allow.
const TMAX_ELSE_MS: u64 = 500;

/// How much is listened to in each hour of the day, beside the busiest: asleep at four, most in
/// the evening.
const BY_HOUR: [f64; 24] = [
    0.30, 0.20, 0.14, 0.11, 0.10, 0.14, 0.28, 0.52, 0.72, 0.76, 0.78, 0.82, 0.86, 0.84, 0.82, 0.84,
    0.90, 0.97, 1.00, 0.98, 0.92, 0.84, 0.68, 0.48,
];

/// Requests, ready to be sent.
pub struct Shots(Vec<Shot>);

struct Shot {
    body: Vec<u8>,
    /// Where the request's own id stands, and how long it is.
    id: Range<usize>,
    tmax: Duration,
}

impl Shots {
    /// `tmax_ms`: instead of what each request says.
    pub fn new(requests: &Requests, count: u64, moment: Moment, tmax_ms: Option<u64>) -> Shots {
        let count = count.clamp(1, STOCK_MAX) as usize;
        let mut rng = Rng::new(count as u64);
        let values = (0..).map_while(|n| serde_json::from_slice(&requests.json(n, moment)).ok());
        let awake = values.filter(|request| rng.chance(BY_HOUR[local_hour(request, moment)]));
        Shots(awake.take(count).filter_map(|request| Shot::new(request, tmax_ms)).collect())
    }

    /// The request with this number, into `body`.
    pub fn load(&self, number: u64, body: &mut Vec<u8>) {
        body.clear();
        let Some(shot) = self.shot(number) else { return };
        body.extend_from_slice(&shot.body);
        let mut rest = number;
        for digit in body[shot.id.clone()].iter_mut().rev() {
            *digit = b"0123456789abcdef"[rest as usize & 15];
            rest >>= 4;
        }
    }

    /// How long the exchange waits for an answer to it.
    pub fn tmax(&self, number: u64) -> Duration {
        self.shot(number).map_or(Duration::ZERO, |shot| shot.tmax)
    }

    fn shot(&self, number: u64) -> Option<&Shot> {
        self.0.get(number as usize % self.0.len().max(1))
    }
}

impl Shot {
    fn new(mut request: Value, tmax_ms: Option<u64>) -> Option<Shot> {
        if let Some(tmax) = tmax_ms {
            request["tmax"] = json!(tmax);
        }
        let tmax = Duration::from_millis(request["tmax"].as_u64().unwrap_or(TMAX_ELSE_MS));
        let (body, id) = (serde_json::to_vec(&request).ok()?, request["id"].as_str()?);
        let at = body.windows(id.len()).position(|part| part == id.as_bytes())?;
        Some(Shot { id: at..at + id.len(), body, tmax })
    }
}

/// Of the listener; in UTC where the request does not tell.
fn local_hour(request: &Value, moment: Moment) -> usize {
    let offset_min = request["device"]["geo"]["utcoffset"].as_i64().unwrap_or(0);
    ((moment.unix_s() / 60 + offset_min) / 60).rem_euclid(24) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon in London, night in California and Japan.
    const NOON: Moment = Moment::from_unix_s(1_795_348_800 / 86_400 * 86_400 + 43_200);

    fn sample(count: u64) -> Vec<Value> {
        let shots = Shots::new(&Requests::new(3, 10_000), count, NOON, None);
        let mut body = Vec::new();
        let load = |number| {
            shots.load(number, &mut body);
            serde_json::from_slice(&body).unwrap()
        };
        (0..count).map(load).collect()
    }

    #[test]
    fn every_request_is_whole_and_has_an_id_of_its_own() {
        let shots = Shots::new(&Requests::new(3, 1_000), 10, NOON, Some(77));
        let (mut body, mut ids) = (Vec::new(), std::collections::HashSet::new());
        for number in 0..25 {
            shots.load(number, &mut body);
            let request: Value = serde_json::from_slice(&body).unwrap();
            assert!(request["imp"][0]["audio"].is_object() || request["imp"][1].is_object());
            assert_eq!(request["tmax"], 77);
            assert_eq!(shots.tmax(number), Duration::from_millis(77));
            ids.insert(request["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(ids.len(), 25);
    }

    #[test]
    fn the_population_has_the_shares_of_real_traffic() {
        let requests = sample(4_000);
        let share = |holds: &dyn Fn(&Value) -> bool| {
            requests.iter().filter(|request| holds(request)).count() as f64 / 4_000.0
        };
        let imp = |request: &Value, key: &str| request["imp"][0]["audio"][key].clone();
        let deals = share(&|request| request["imp"].to_string().contains("\"deals\""));
        assert!((0.05..0.12).contains(&deals), "{deals}");
        let dynamic = share(&|request| imp(request, "poddur").is_number());
        assert!((0.015..0.05).contains(&dynamic), "{dynamic}");
        let structured = share(&|request| imp(request, "sequence").is_number());
        assert!((0.008..0.04).contains(&structured), "{structured}");
        let consent = share(&|request| request["user"]["consent"].is_string());
        assert!(consent > 0.08, "{consent}");
        assert!(share(&|request| request["regs"].is_null()) > 0.4);
        assert!((0.02..0.12).contains(&share(&|request| request["tmax"].is_null())));
        let mut sizes: Vec<usize> = requests.iter().map(|r| r.to_string().len()).collect();
        sizes.sort_unstable();
        assert!((1_400..1_800).contains(&sizes[2_000]), "{}", sizes[2_000]);
    }

    #[test]
    fn listeners_are_few_who_are_heard_often_and_sleep_at_night() {
        let requests = sample(4_000);
        let mut times = std::collections::HashMap::new();
        for id in requests.iter().filter_map(|request| request["user"]["buyeruid"].as_str()) {
            *times.entry(id).or_insert(0_usize) += 1;
        }
        let mut times: Vec<usize> = times.into_values().collect();
        times.sort_unstable_by(|one, other| other.cmp(one));
        let (all, most): (usize, usize) = (times.iter().sum(), times.iter().take(100).sum());
        // A hundredth of the listeners; if all were heard alike it would be that of the requests.
        assert!(most * 100 > all * 8, "{most} of {all}");
        // Those who are awake are drawn more often than the traffic has them.
        let night = |requests: &[Value]| {
            let at_night = |request: &&Value| (1..6).contains(&local_hour(request, NOON));
            requests.iter().filter(at_night).count() as f64 / requests.len() as f64
        };
        let traffic = Requests::new(3, 10_000);
        let all: Vec<Value> = (0..4_000)
            .map(|number| serde_json::from_slice(&traffic.json(number, NOON)).unwrap())
            .collect();
        assert!(night(&all) > 0.02, "{}", night(&all));
        assert!(night(&requests) < night(&all) / 3.0, "{} {}", night(&requests), night(&all));
    }
}
