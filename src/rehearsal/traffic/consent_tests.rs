//! Does anything personal happen without the grant? Combinations of signals, places and ages,
//! decided as in production before a spy on the store, on the live half, and on what comes out.
//!
//! What is granted is worked out anew from the choices, not from the strings. Writes: the bid
//! path has no way to write a profile at all, as a world is immutable.

mod third_parties;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::requests::consents::Written;
use super::series;
use super::stage::Stage;
use crate::base::stdx::rng::Rng;
use crate::base::units::ids::ListenerKey;
use crate::base::units::time::Moment;
use crate::flows::decide::record::record;
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::world::World;
use crate::flows::decide::{Circumstance, Received, decide};
use crate::knowledge::audience::{Audience, GenerationBuilder, Profile, Segment, encode, spy};
use crate::market::openrtb::Wire;
use crate::market::outcome::{NoBid, Outcome, Refusal};
use crate::market::privacy::{Config, Policy};
use crate::market::ticket::Channel;
use crate::market::vocabulary::Dimension;
use crate::offer::delivery::{Answers, Ask, Hold, Live, Pace};

/// 2026-11-22T12:00:00Z
const NOW: Moment = Moment::from_unix_s(1_795_348_800);
const OURS: u64 = 8;

/// Ids that stand nowhere else, and a city that nothing but a precise place can tell.
const ADULT: &str = "canary-adult-7f3a";
const CHILD: &str = "canary-child-7f3a";
const STRANGER: &str = "canary-stranger-7f3a";
const IFA: &str = "CA9A4100-0000-4000-8000-0000000007f3";

/// What a TC string was made to say.
#[derive(Clone, Copy, Debug)]
struct Said {
    purposes: [bool; 8],
    vendor: bool,
    feature_1: bool,
    policy: u64,
    disclosed: bool,
    /// Days ago.
    updated: i64,
    /// The publisher forbids us this purpose.
    forbidden: Option<u8>,
}

impl Said {
    fn draw(rng: &mut Rng) -> Said {
        let mut purposes = [true; 8];
        if rng.chance(0.6) {
            purposes = [(); 8].map(|()| rng.chance(0.7));
        }
        Said {
            purposes,
            vendor: rng.chance(0.85),
            feature_1: rng.chance(0.6),
            policy: [2, 4, 5, 5, 5][rng.below(5)],
            disclosed: rng.chance(0.9),
            updated: [1, 20, 200, 500][rng.below(4)],
            forbidden: [None, None, Some(2), Some(4), Some(7)][rng.below(5)],
        }
    }

    fn text(&self) -> String {
        let tenths = (NOW.unix_s() - self.updated * 86_400) as u64 * 10;
        let mut core = Written::default();
        core.put(2, 6).put(tenths, 36).put(tenths, 36).put(31, 12).put(1, 12).put(0, 6);
        core.put(4, 6).put(13, 6).put(100, 12).put(self.policy, 6).put(1, 1).put(0, 1);
        core.put(u64::from(self.feature_1), 1).put(0, 11);
        for purpose in 1..=24 {
            core.put(u64::from(self.purposes.get(purpose) == Some(&true)), 1);
        }
        core.put(0, 24).put(0, 1).put(5, 6).put(17, 6);
        // Vendors: ours alone as a range, or another one alone as a bit.
        match self.vendor {
            true => core.put(OURS, 16).put(1, 1).put(1, 12).put(0, 1).put(OURS, 16),
            false => core.put(3, 16).put(0, 1).put(1, 3),
        };
        core.put(0, 16).put(0, 1);
        match self.forbidden {
            None => core.put(0, 12),
            Some(purpose) => {
                core.put(1, 12).put(u64::from(purpose), 6).put(0, 2).put(1, 12);
                core.put(1, 1).put(OURS - 1, 16).put(OURS + 1, 16)
            }
        };
        let mut disclosed = Written::default();
        disclosed.put(1, 3).put(if self.disclosed { OURS } else { 3 }, 16).put(0, 1);
        disclosed.put(1, if self.disclosed { OURS as u32 } else { 3 });
        format!("{}.{}", core.text(), disclosed.text())
    }

    /// Answer, id, profile, place, measurement; without Answer nothing.
    fn grants(&self) -> Granted {
        let valid = self.policy >= 4 && self.disclosed && self.updated <= 395 && self.vendor;
        let has = |purpose: u8| {
            valid && self.purposes[usize::from(purpose)] && self.forbidden != Some(purpose)
        };
        let answer = has(2);
        let id = answer && has(1);
        [answer, id, id && has(3) && has(4), answer && self.feature_1, id && has(7)]
    }
}

/// Answer, id, profile, place, measurement.
type Granted = [bool; 5];

/// One combination, and what the choices grant.
struct Combination {
    request: Value,
    gpc: bool,
    grants: Granted,
    person: &'static str,
}

const CONTEXT: Granted = [true, false, false, false, false];

fn combination(rng: &mut Rng) -> Combination {
    let person = [ADULT, CHILD, STRANGER][rng.below(3)];
    let country = [Some("FRA"), Some("USA"), Some("BRA"), None][rng.below(4)];
    let mut grants = [true; 5];
    let leave = |grants: &mut Granted, what: Granted| {
        *grants = std::array::from_fn(|at| grants[at] && what[at]);
    };
    let (mut regs, mut device, mut user) = (json!({}), json!({"ifa": IFA}), json!({}));
    let mut maybe = |into: &mut Value, key: &str, values: &[(Value, bool)], odds: f64| {
        if rng.chance(odds) {
            let (value, fine) = &values[rng.below(values.len())];
            into[key] = value.clone();
            if !fine {
                leave(&mut grants, CONTEXT);
            }
        }
    };
    let flag = [(json!(0), true), (json!(1), false)];
    maybe(&mut regs, "coppa", &flag, 0.1);
    maybe(&mut device, "lmt", &flag, 0.1);
    maybe(&mut device, "dnt", &flag, 0.1);
    let year = [(json!(1980), true), (json!(2012), false)];
    maybe(&mut user, "yob", &year, 0.1);
    let mut ext = json!({});
    maybe(&mut ext, "atts", &[(json!(3), true), (json!(2), false)], 0.1);
    device["ext"] = ext;
    let mut ext = json!({});
    maybe(&mut ext, "gpc", &[(json!("0"), true), (json!("1"), false)], 0.1);
    regs["ext"] = ext;
    let usp = [(json!("1YNN"), true), (json!("1---"), true), (json!("1YYN"), false)];
    maybe(&mut regs, "us_privacy", &usp, 0.2);
    maybe(&mut regs, "gpp", &us_national(), 0.2);
    let gpc = rng.chance(0.05);
    if gpc {
        leave(&mut grants, CONTEXT);
    }
    let gdpr = [None, Some(0), Some(1)][rng.below(3)];
    if let Some(gdpr) = gdpr {
        regs["gdpr"] = json!(gdpr);
    }
    let string = rng.below(3);
    match string {
        0 => {}
        1 => user["consent"] = json!("CPc-garbage"),
        _ => {
            let said = Said::draw(rng);
            user["consent"] = json!(said.text());
            if gdpr != Some(0) {
                leave(&mut grants, said.grants());
            }
        }
    }
    let refused = gdpr != Some(0) && string == 1 || gdpr == Some(1) && string == 0;
    if refused {
        leave(&mut grants, [false; 5]);
    }
    let lenient = matches!(country, Some("USA" | "BRA"));
    // The exchange's row says that silence is full where no law asks for a yes.
    if gdpr.is_none() && string == 0 && !lenient {
        leave(&mut grants, CONTEXT);
    }
    user["buyeruid"] = json!(person);
    let request = asked(country, regs, device, user);
    Combination { request, gpc, grants, person }
}

/// A request for one spot, of a place that names the canary's city.
fn asked(country: Option<&str>, regs: Value, mut device: Value, user: Value) -> Value {
    let mut geo = json!({"city": "Canarytown", "lat": 48.85, "lon": 2.35, "type": 1});
    if let Some(country) = country {
        geo["country"] = json!(country);
    }
    device["geo"] = geo;
    json!({
        "id": "r", "cur": ["USD"], "regs": regs, "device": device, "user": user,
        "imp": [{"id": "1", "audio": {"mimes": ["audio/mpeg"], "minduration": 5,
            "maxduration": 30, "protocols": [2, 3]}}],
        "site": {"domain": "radio.example", "content": {"genre": "jazz"}},
    })
}

/// Told and not opted out; opted out of sale; a child; GPC; not a section.
fn us_national() -> [(Value, bool); 5] {
    [
        (json!("DBABLA~BVVqAAAAAmA.QA"), true),
        (json!("DBABLA~BVVVAAAAAmA.QA"), false),
        (json!("DBABLA~BVVqAAAAQmA.QA"), false),
        (json!("DBABLA~BVVqAAAAAmA.YA"), false),
        (json!("DBABLA~!"), false),
    ]
}

/// Grants everything, and notes whether a listener was counted.
#[derive(Default)]
struct SpyLive {
    counted: bool,
}

impl Live<'_> for SpyLive {
    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        self.counted |= ask.listener.is_some();
        Ok(Pace::FULL)
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        self.counted |= hold.listener.is_some();
        Ok(())
    }
}

/// Lines that ask for more and more: the music, the person, the place.
fn world() -> World {
    let line = |key: &str, cpm: &str, targeting: Value| {
        json!({"key": key,
        "bid_cpm": cpm,
        "targeting": targeting,
        "creatives": ["c15"]})
    };
    let file = json!({ "advertiser": {
        "key": "brand", "domains": ["brand.example"], "currency": "USD",
        "creatives": [{"crid": "c15", "duration": 15, "language": "en",
            "renditions": [{"url": "https://cdn.example/s.mp3", "bitrate": 128}]}],
        "campaigns": [{"key": "all", "lines": [
            line("music", "1.00", json!({"genre": ["jazz"]})),
            line("person", "3.00", json!({"interest": ["golf"]})),
            line("place", "2.00", json!({"city": ["Canarytown"]})),
        ]}],
    }});
    let mut parts = Stage::of_text(&file.to_string()).parts();
    let vocabulary = Arc::make_mut(&mut parts.vocabulary);
    let golf = vocabulary.find(Dimension::Interest, "golf").unwrap();
    let mut builder = GenerationBuilder::default();
    for (id, age) in [(ADULT, 40), (CHILD, 15)] {
        let of = |value| Segment { value, confidence_pct: 100, expires: Segment::NEVER };
        let mut bytes = Vec::new();
        encode(&mut vec![of(vocabulary.age(age)), of(golf)], &mut bytes).unwrap();
        let profile = Profile::checked(&bytes, vocabulary.len()).unwrap();
        builder.add(ListenerKey::of(id), profile);
    }
    parts.audience = Arc::new(Audience::of(builder.build()));
    let config = Config { vendor_id: OURS as u16, ..Config::default() };
    parts.privacy = Arc::new(Policy::new(&config, None).unwrap());
    World::assemble(parts, None)
}

fn contains(hay: &[u8], needle: &str) -> bool {
    hay.windows(needle.len()).any(|bytes| bytes.eq_ignore_ascii_case(needle.as_bytes()))
}

/// What the tickets of an answer say of the listener: named, and to be measured.
fn named(world: &World, reply: &str) -> [bool; 2] {
    let tickets = reply.split("/notice/").skip(1).chain(reply.split("/beacon/").skip(1));
    let words = tickets.flat_map(|rest| rest.split(['/', '?', '"', ']', '\\', '<']).take(3));
    let read = words.filter_map(|word| {
        let either = [Channel::Exchange, Channel::Player].into_iter();
        either.map(|channel| world.keys.verify(word, channel, NOW)).find_map(Result::ok)
    });
    let said: Vec<_> = read.map(|ticket| [ticket.listener.is_some(), ticket.measured]).collect();
    assert!(!said.is_empty(), "no ticket found in {reply}");
    assert!(said.iter().all(|one| *one == said[0]), "{reply}");
    said[0]
}

/// All that was logged, at every level.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl std::io::Write for Logged {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn nothing_personal_happens_without_the_grant() {
    let logged = Logged::default();
    let into = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || into.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || before_the_spy(&logged));
}

fn before_the_spy(logged: &Logged) {
    tracing::trace!(canary = ADULT, "the spy hears what is logged");
    assert!(contains(&logged.take(), ADULT));
    let world = world();
    let exchange = world.exchange_named("demo").unwrap();
    let at = Circumstance { moment: NOW, coin: world.coin };
    let (mut scratch, mut bytes) = (Scratch::new(), Vec::new());
    let count = if std::env::var_os("INTERLUDE_LONG").is_some() { 100_000 } else { 10_000 };
    let mut came = [0_u32; 5];
    for index in 0..count {
        let made = combination(&mut series(5, "consent", index));
        let [answer, id, profile, place, measure] = made.grants;
        let body = serde_json::to_vec(&made.request).unwrap();
        let received =
            Received { exchange, wire: Wire::Json, body: &body, gpc: made.gpc, ruling: None };
        let mut live = SpyLive::default();
        spy::take();
        let outcome = decide(&received, &world, &mut live, at, &mut scratch);
        let (seen, text) = (spy::take(), String::from_utf8_lossy(&body));
        assert_eq!(outcome != Outcome::NoBid(NoBid::NoConsent), answer, "{text}");
        assert_eq!(seen.profiles_read > 0, profile, "{text}");
        assert_eq!(seen.links_followed > 0, id, "{text}");
        let adult = made.person != CHILD || !profile;
        assert_eq!(live.counted, id && adult && outcome == Outcome::Bid, "{text}");
        let won = |key: &str| {
            let lines = scratch.made().winners.iter().map(|w| w.candidate.line);
            lines.into_iter().any(|line| world.catalog.line(line).key == key)
        };
        assert_eq!(won("person"), profile && made.person == ADULT, "{text}");
        assert_eq!(won("place"), place && adult, "{text}");
        assert_eq!(outcome == Outcome::Bid, answer, "the music still sells: {outcome:?} {text}");
        let kept = record(&received, &world, at, (outcome, &Answers::new()), &scratch);
        assert_eq!(kept.listener, id && adult, "{text}");
        if !(id && adult) {
            bytes.clear();
            kept.encode(&mut bytes);
            for hay in [&bytes[..], scratch.reply(), &scratch.made().profile] {
                assert!(!contains(hay, made.person) && !contains(hay, IFA), "{text}");
            }
            assert_eq!(scratch.made().listener, None, "{text}");
        }
        let reply = String::from_utf8_lossy(scratch.reply());
        if !reply.is_empty() {
            let known = id && adult;
            assert_eq!(named(&world, &reply), [known, known && measure], "{text}");
        }
        let log = logged.take();
        let consent = made.request["user"]["consent"].as_str().unwrap_or(IFA);
        for canary in [made.person, IFA, "Canarytown", consent] {
            assert!(!contains(&log, canary), "{}", String::from_utf8_lossy(&log));
        }
        for (came, granted) in came.iter_mut().zip(made.grants) {
            *came += u32::from(granted);
        }
    }
    let enough = |granted: &u32| u64::from(*granted) * 20 > count && u64::from(*granted) < count;
    assert!(came.iter().all(enough), "each grant is given and withheld: {came:?} of {count}");
}
