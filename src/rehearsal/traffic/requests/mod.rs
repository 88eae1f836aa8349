//! What does an exchange send? OpenRTB audio bid requests as real ones are shaped.
//!
//! Sizes, durations, protocols, time limits and the gaps follow what public exchange documents
//! show (0.7–2.2 kB, one imp nearly always, `regs` mostly absent); what plays is said more often
//! than exchanges do today, because a music service that sells its own pauses says it.

mod imp;

pub(super) mod consents;

mod context;

mod lengths;

mod person;

use serde_json::{Value, json};

use super::listeners::{Listener, Listeners};
use super::music::{Activity, Genre};
use super::{pick, rows, series, weighted};
use crate::base::stdx::rng::{Rng, Zipf};
use crate::base::units::time::Moment;

/// A series of requests by the listeners of a seed.
pub struct Requests {
    seed: u64,
    listeners: Listeners,
    popularity: Zipf,
    services: Vec<Service>,
}

/// A music service, radio or podcast site that sells its pauses.
struct Service {
    app: bool,
    weight: u32,
    name: &'static str,
    bundle_ios: &'static str,
    bundle_android: &'static str,
    domain: &'static str,
    publisher: &'static str,
    categories: Vec<&'static str>,
    /// AdCOM feed type: 1 music, 2 broadcast, 3 podcast, 5 web radio.
    feed: u8,
    version: &'static str,
}

/// The moment of one listener that a request tells of.
struct Scene<'a> {
    listener: &'a Listener,
    service: &'a Service,
    genre: &'a Genre,
    activity: &'a Activity,
    mood: &'static str,
    /// Whether an exchange may and does tell who it is.
    consent: Consent,
    moment: Moment,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Consent {
    /// Nothing forbids it, and the listener is one whom the buyer knows.
    Known,
    /// Nothing forbids it, but the exchange has no id of ours.
    Unmatched,
    /// The law of the place asks for consent first.
    Gdpr,
    /// The listener opted out: by the law of a US state or on the device.
    OptedOut,
}

impl Requests {
    /// `listeners`: how many of the seed's listeners take part; the first are heard most.
    pub fn new(seed: u64, listeners: u32) -> Requests {
        Requests {
            seed,
            listeners: Listeners::new(seed),
            popularity: Zipf::new(listeners.max(1) as usize, 0.6),
            services: rows(include_str!("../tables/services.tsv")).map(service).collect(),
        }
    }

    /// The body of request number `index`, made at `moment`.
    pub fn json(&self, index: u64, moment: Moment) -> Vec<u8> {
        serde_json::to_vec(&self.value(index, moment)).unwrap_or_default()
    }

    fn value(&self, index: u64, moment: Moment) -> Value {
        let mut rng = series(self.seed, "request", index);
        let rng = &mut rng;
        let listener = self.listeners.at(self.popularity.sample(rng) as u64);
        let scene = self.scene(rng, &listener, moment);
        let mut request = json!({
            "id": format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()),
            "imp": imp::imps(rng, &scene, self.city(&scene).country),
            "at": if rng.chance(0.85) { 1 } else { 2 },
            "bcat": imp::blocked_categories(rng),
            "cur": imp::currencies(rng, self.city(&scene).country),
            "device": person::device(rng, &self.listeners, &scene),
        });
        let (place, inventory) = context::inventory(rng, &self.listeners, &scene);
        request[place] = inventory;
        request["user"] = person::user(rng, &scene);
        if let Some(regs) = person::regs(rng, &scene, self.city(&scene).country) {
            request["regs"] = regs;
        }
        lengths::floors(&mut series(self.seed, "floors by length", index), &mut request["imp"]);
        if rng.chance(0.94) {
            request["tmax"] = json!(pick(rng, &[100, 120, 120, 120, 200, 280, 280, 300, 500]));
        }
        if rng.chance(0.5) {
            request["source"] = source(rng, &scene);
        }
        if rng.chance(0.25) {
            request["badv"] = json!(["casino.example", "quickloan.example", "rivalcola.example"]);
        }
        request
    }

    fn scene<'a>(&'a self, rng: &mut Rng, listener: &'a Listener, moment: Moment) -> Scene<'a> {
        let city = self.listeners.places.city(listener.city);
        let hour = self.listeners.places.hour_of_week(listener.city, moment) % 24;
        let browser = self.listeners.devices.get(listener.device).kind == 2;
        let service = weighted(rng, &self.services, |service| {
            // Who sits at a computer is more often on a page.
            service.weight * if browser != service.app { 3 } else { 1 }
        });
        let taste = pick(rng, &listener.tastes);
        let liked = self.listeners.music.genres.iter().find(|genre| genre.name == taste);
        let genre = match liked {
            Some(genre) if rng.chance(0.75) => genre,
            _ => self.listeners.music.genre(rng, listener.age, city.country),
        };
        let activity = self.listeners.music.activity(rng, hour);
        let mood = activity.mood(rng, genre);
        let consent = consent(rng, city.country);
        Scene { listener, service, genre, activity, mood, consent, moment }
    }

    fn city(&self, scene: &Scene<'_>) -> &super::places::City {
        self.listeners.places.city(scene.listener.city)
    }
}

fn consent(rng: &mut Rng, country: &str) -> Consent {
    const CONSENT_FIRST: [&str; 7] = ["GBR", "DEU", "FRA", "ESP", "ITA", "SWE", "NLD"];
    if CONSENT_FIRST.contains(&country) {
        Consent::Gdpr
    } else if rng.chance(0.12) {
        Consent::OptedOut
    } else if rng.chance(0.85) {
        Consent::Known
    } else {
        Consent::Unmatched
    }
}

fn source(rng: &mut Rng, scene: &Scene<'_>) -> Value {
    let node = json!({
        "asi": "exchange.example", "sid": scene.service.publisher, "hp": 1,
        "rid": format!("{:08x}", rng.next_u64() as u32),
    });
    json!({
        "fd": 0,
        "tid": format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()),
        "schain": { "complete": 1, "ver": "1.0", "nodes": [node] },
    })
}

fn service(row: &'static str) -> Service {
    let mut cells = row.split('\t');
    let mut next = || cells.next().unwrap_or_default();
    let (app, weight) = (next() == "app", next().parse().unwrap_or(1));
    let (name, bundle_ios, bundle_android, domain) = (next(), next(), next(), next());
    let (publisher, categories) = (next(), next().split(',').collect());
    let (feed, version) = (next().parse().unwrap_or(1), next());
    Service {
        app,
        weight,
        name,
        bundle_ios,
        bundle_android,
        domain,
        publisher,
        categories,
        feed,
        version,
    }
}

#[cfg(test)]
mod tests;
