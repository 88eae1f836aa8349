//! What plays, and where? The app or site of a request with its content.

use serde_json::{Value, json};

use super::Scene;
use crate::base::stdx::rng::Rng;
use crate::rehearsal::traffic::listeners::Listeners;
use crate::rehearsal::traffic::pick;

const TITLES: [&str; 12] = [
    "Afterglow",
    "Seven Rooms",
    "Northern Line",
    "Paper Moon",
    "Slow Arrival",
    "Halfway There",
    "Sugar & Salt",
    "Cartwheels",
    "Empty Stations",
    "Ultramarine",
    "Say It Twice",
    "Good Weather",
];

/// The key in the request (`app` or `site`) and what stands there.
pub fn inventory(rng: &mut Rng, listeners: &Listeners, scene: &Scene<'_>) -> (&'static str, Value) {
    let service = scene.service;
    let mut inventory = json!({
        "id": format!("{}-{}", service.publisher, if service.app { "app" } else { "web" }),
        "name": service.name,
        "domain": service.domain,
        "cat": service.categories,
        "publisher": {
            "id": service.publisher, "name": service.name, "domain": service.domain,
        },
    });
    if rng.chance(0.9) {
        inventory["content"] = content(rng, listeners, scene);
    }
    if !service.app {
        let path = format!("https://{}/listen/{}", service.domain, rng.below(9_999));
        inventory["page"] = json!(path);
        return ("site", inventory);
    }
    let ios = listeners.devices.get(scene.listener.device).platform == "ios";
    let bundle = if ios { service.bundle_ios } else { service.bundle_android };
    inventory["bundle"] = json!(bundle);
    inventory["ver"] = json!(service.version);
    inventory["storeurl"] = json!(format!("https://store.example/app/{bundle}"));
    ("app", inventory)
}

fn content(rng: &mut Rng, listeners: &Listeners, scene: &Scene<'_>) -> Value {
    let title = pick(rng, &TITLES);
    let spoken = scene.service.feed == 3;
    let mut content = json!({
        "id": format!("{:08x}", rng.next_u64() as u32),
        "title": title,
        "len": rng.between(140, 380),
        "livestream": u8::from(matches!(scene.service.feed, 2 | 5)),
    });
    if rng.chance(0.6) {
        content["language"] = json!(listeners.places.city(scene.listener.city).language);
    }
    if rng.chance(0.4) {
        content["contentrating"] = json!(if rng.chance(0.12) { "explicit" } else { "clean" });
    }
    if spoken {
        content["genre"] = json!(pick(rng, &["news", "talk", "storytelling", "sports talk"]));
        content["series"] = json!(format!("The {title} Show"));
    } else {
        content["artist"] = json!(pick(rng, &scene.genre.artists));
        content["album"] = json!(pick(rng, &TITLES));
        content["genre"] = json!(scene.genre.name);
    }
    // What a service says of the moment: as key-value words, in the array or the string.
    let mut words = Vec::new();
    if rng.chance(0.65) {
        words.push(format!("mood={}", scene.mood));
    }
    if rng.chance(0.5) {
        words.push(format!("activity={}", scene.activity.name));
    }
    if !spoken && rng.chance(0.5) {
        words.push(format!("playlist={}", pick(rng, &scene.activity.playlists)));
    }
    if !words.is_empty() {
        let (key, value) = if rng.chance(0.6) {
            ("kwarray", json!(words))
        } else {
            ("keywords", json!(words.join(",")))
        };
        content[key] = value;
    }
    content
}
