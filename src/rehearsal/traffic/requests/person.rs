//! Who listens, on what, and under which law? Device, user and `regs` of a request.

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::consents::tc_string;
use super::{Consent, Scene};
use crate::base::stdx::rng::Rng;
use crate::market::vocabulary::Dimension;
use crate::rehearsal::traffic::devices::Device;
use crate::rehearsal::traffic::listeners::Listeners;
use crate::rehearsal::traffic::pick;

pub fn device(rng: &mut Rng, listeners: &Listeners, scene: &Scene<'_>) -> Value {
    let device = listeners.devices.get(scene.listener.device);
    let agent = if scene.service.app {
        device.app_agent(scene.service.name, scene.service.version)
    } else {
        device.browser_agent.to_owned()
    };
    let mut out = json!({
        "ua": agent,
        "ip": format!("203.0.113.{}", rng.below(256)),
        "geo": geo(rng, listeners, scene),
        "devicetype": device.kind,
        "language": scene.listener.language,
        "make": device.make,
        "model": device.model,
        "lmt": u8::from(scene.consent == Consent::OptedOut && scene.service.app),
        "js": 1,
    });
    if device.platform != "speaker" {
        out["os"] = json!(device.os());
        out["osv"] = json!(device.os_version);
    }
    let connection = if device.is_mobile() { pick(rng, &[2, 2, 6, 6, 7]) } else { 2 };
    out["connectiontype"] = json!(connection);
    if device.is_mobile() {
        out["carrier"] = json!(pick(rng, &["Northtel", "Mobilis", "Umbra", "Zephyr"]));
        let zeroed = scene.consent != Consent::Known && scene.consent != Consent::Unmatched;
        let ifa = if zeroed { [0; 2] } else { [rng.next_u64(), rng.next_u64()] };
        out["ifa"] = json!(uuid(ifa));
    }
    if rng.chance(0.35) {
        out["sua"] = structured_agent(device);
    }
    out
}

fn uuid([high, low]: [u64; 2]) -> String {
    let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
}

fn structured_agent(device: &Device) -> Value {
    let version: Vec<&str> = device.os_version.split('.').collect();
    json!({
        "browsers": [{ "brand": "Chromium", "version": ["130"] }],
        "platform": { "brand": device.os(), "version": version },
        "mobile": u8::from(device.is_mobile()),
        "model": device.model,
        "source": 2,
    })
}

fn geo(rng: &mut Rng, listeners: &Listeners, scene: &Scene<'_>) -> Value {
    let city = listeners.places.city(scene.listener.city);
    let mut geo = json!({
        "country": city.country,
        "region": city.region,
        "city": city.name,
        "type": 2,
    });
    if rng.chance(0.85) {
        let minutes = listeners.places.utc_offset_min(scene.listener.city, scene.moment);
        geo["utcoffset"] = json!(minutes);
    }
    if rng.chance(0.6) {
        geo["zip"] = json!(city.postal);
    }
    if rng.chance(0.55) {
        // Two decimals: about a kilometre, what an address tells.
        let near = |rng: &mut Rng, degrees: f64| {
            ((degrees + 0.08 * (rng.unit() - 0.5)) * 100.0).round() / 100.0
        };
        geo["lat"] = json!(near(rng, city.lat));
        geo["lon"] = json!(near(rng, city.lon));
        geo["accuracy"] = json!(pick(rng, &[1000, 5000, 20000]));
    }
    geo
}

pub fn user(rng: &mut Rng, scene: &Scene<'_>) -> Value {
    let listener = scene.listener;
    let mut user = json!({ "id": format!("x{:016x}", rng.next_u64()) });
    match scene.consent {
        Consent::Known => user["buyeruid"] = json!(listener.id),
        Consent::Gdpr if rng.chance(0.7) => {
            // The same in all that a listener sends within a day.
            let mut of_listener = Rng::new(xxh3_64(listener.id.as_bytes()));
            user["consent"] = json!(tc_string(&mut of_listener, scene.moment));
            return user;
        }
        Consent::Gdpr | Consent::OptedOut => return user,
        Consent::Unmatched => {}
    }
    if rng.chance(0.4) {
        // The year of the demo's traffic minus the age; a year off is as real exchanges are.
        let year = 1970 + scene.moment.unix_s() / 31_556_952;
        user["yob"] = json!(year - listener.age - 1);
    }
    if rng.chance(0.4) {
        let letter = match listener.gender {
            "female" => "F",
            "male" => "M",
            _ => "O",
        };
        user["gender"] = json!(letter);
    }
    if rng.chance(0.25) {
        let interests = listener.segments.iter().filter(|row| row.0 == Dimension::Interest);
        let segments = interests.map(|(_, id, _)| json!({ "id": id.trim_start_matches("iab:") }));
        let segments: Vec<Value> = segments.collect();
        user["data"] = json!([{
            "id": "dmp", "name": "datapartner.example", "segment": segments, "ext": { "segtax": 4 },
        }]);
    }
    user
}

/// Absent more often than not, as in real requests, except where a law asks.
pub fn regs(rng: &mut Rng, scene: &Scene<'_>, country: &str) -> Option<Value> {
    match scene.consent {
        Consent::Gdpr if rng.chance(0.8) => Some(json!({ "gdpr": 1 })),
        Consent::OptedOut if country == "USA" => Some(json!({ "us_privacy": "1YYN" })),
        Consent::OptedOut if !scene.service.app => Some(json!({ "ext": { "gpc": 1 } })),
        Consent::Known | Consent::Unmatched if country == "USA" && rng.chance(0.5) => {
            Some(json!({ "coppa": 0, "us_privacy": "1YNN" }))
        }
        _ => None,
    }
}
