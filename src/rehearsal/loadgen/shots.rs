//! What is sent? Seeded requests, made before the first is due, each sent under an id of its own.
//!
//! Making one takes longer than some bidders take to answer it, so a test makes its stock first and
//! goes round in it; cold.

use serde_json::Value;

use crate::base::units::time::Moment;
use crate::rehearsal::traffic::Requests;

/// Distinct requests that a test goes round in at most: some 60 MB.
pub const STOCK_MAX: u64 = 1 << 15;

/// Requests, ready to be sent.
pub struct Shots(Vec<Shot>);

struct Shot {
    body: Vec<u8>,
    /// Where the request's own id stands, and how long it is.
    id: std::ops::Range<usize>,
}

impl Shots {
    pub fn new(requests: &Requests, count: u64, moment: Moment) -> Shots {
        let count = count.clamp(1, STOCK_MAX);
        Shots((0..count).filter_map(|n| Shot::new(requests.json(n, moment))).collect())
    }

    /// The request with this number, into `body`.
    pub fn load(&self, number: u64, body: &mut Vec<u8>) {
        body.clear();
        let Some(shot) = self.0.get(number as usize % self.0.len().max(1)) else { return };
        body.extend_from_slice(&shot.body);
        let digits = format!("{number:0width$x}", width = shot.id.len());
        body[shot.id.clone()].copy_from_slice(&digits.as_bytes()[..shot.id.len()]);
    }
}

impl Shot {
    fn new(body: Vec<u8>) -> Option<Shot> {
        let request: Value = serde_json::from_slice(&body).ok()?;
        let id = request["id"].as_str()?;
        let at = body.windows(id.len()).position(|part| part == id.as_bytes())?;
        let id = at..at + id.len();
        Some(Shot { body, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_whole_and_has_an_id_of_its_own() {
        let requests = Requests::new(3, 1_000);
        let shots = Shots::new(&requests, 10, Moment::from_unix_s(1_795_348_800));
        let mut body = Vec::new();
        let mut ids = std::collections::HashSet::new();
        for number in 0..25 {
            shots.load(number, &mut body);
            let request: Value = serde_json::from_slice(&body).unwrap();
            assert!(request["imp"][0]["audio"].is_object(), "{request}");
            ids.insert(request["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(ids.len(), 25);
    }
}
