//! What is for sale in a request? Imps with their audio, floors, deals and companions.

use serde_json::{Value, json};

use super::Scene;
use crate::base::stdx::rng::Rng;
use crate::rehearsal::traffic::{pick, weighted};

/// Deals of the demo exchange: id, whom it is for, and its floor.
const DEALS: [(&str, f64); 4] =
    [("demo-morning", 4.0), ("demo-workout", 6.0), ("demo-prime", 8.0), ("someone-elses", 3.0)];

/// What comes in a request.
#[derive(Clone, Copy)]
enum Offer {
    One,
    /// Two or three imps of one break.
    Structured,
    /// A stretch of time for up to three spots.
    Dynamic,
    /// An audio imp beside a banner.
    Mixed,
    /// Something that nobody can fill: video in audio, DAAST only, a floor beyond all bids.
    Unfillable,
}

pub fn imps(rng: &mut Rng, scene: &Scene<'_>, country: &str) -> Value {
    let offers = [
        (88, Offer::One),
        (2, Offer::Structured),
        (3, Offer::Dynamic),
        (3, Offer::Mixed),
        (4, Offer::Unfillable),
    ];
    let &(_, offer) = weighted(rng, &offers, |offer| offer.0);
    match offer {
        Offer::One => json!([imp(rng, scene, country, 1)]),
        Offer::Mixed => json!([
            { "id": "b", "banner": { "w": 320, "h": 50, "pos": 1 }, "bidfloor": 0.4 },
            imp(rng, scene, country, 1),
        ]),
        Offer::Structured => {
            let podid = format!("pod-{:04x}", rng.next_u64() as u16);
            let count = rng.between(2, 3);
            let in_pod = |place| {
                let mut imp = imp(rng, scene, country, place);
                imp["audio"]["podid"] = json!(podid);
                imp["audio"]["sequence"] = json!(place);
                imp
            };
            (1..=count).map(in_pod).collect()
        }
        Offer::Dynamic => {
            let mut imp = imp(rng, scene, country, 1);
            let audio = &mut imp["audio"];
            audio["podid"] = json!(format!("pod-{:04x}", rng.next_u64() as u16));
            audio["poddur"] = json!(pick(rng, &[45, 60, 90]));
            audio["maxseq"] = json!(rng.between(2, 3));
            if let Some(audio) = audio.as_object_mut() {
                audio.remove("rqddurs");
                audio.insert("minduration".to_owned(), json!(5));
                audio.insert("maxduration".to_owned(), json!(30));
            }
            json!([imp])
        }
        Offer::Unfillable => {
            let mut imp = imp(rng, scene, country, 1);
            match rng.below(4) {
                0 => imp["audio"]["mimes"] = json!(["video/mp4"]),
                1 => imp["audio"]["protocols"] = json!([9, 10]),
                2 => imp["bidfloor"] = json!(60.0),
                _ => {
                    imp["audio"]["minduration"] = json!(0);
                    imp["audio"]["maxduration"] = json!(4);
                }
            }
            json!([imp])
        }
    }
}

fn imp(rng: &mut Rng, scene: &Scene<'_>, country: &str, place: usize) -> Value {
    let european = matches!(country, "DEU" | "FRA" | "ESP" | "ITA" | "NLD");
    let floor = 0.5 + 5.5 * rng.unit() * rng.unit();
    let mut imp = json!({
        "id": place.to_string(),
        "audio": audio(rng, scene),
        "bidfloor": (floor * 100.0).round() / 100.0,
        "bidfloorcur": if european && rng.chance(0.6) { "EUR" } else { "USD" },
        // The demo's own server speaks http; an imp that insists on https is the exception.
        "secure": u8::from(rng.chance(0.01)),
        "tagid": format!("{}-break-{}", scene.service.publisher, rng.between(1, 9)),
        "exp": pick(rng, &[30, 60, 120, 300]),
    });
    if rng.chance(0.08) {
        imp["pmp"] = deals(rng);
    }
    if rng.chance(0.15) {
        imp["displaymanager"] = json!("AudioPlayerKit");
        imp["displaymanagerver"] = json!("4.2.1");
    }
    imp
}

fn audio(rng: &mut Rng, scene: &Scene<'_>) -> Value {
    const PROTOCOLS: [(u32, &[u8]); 6] = [
        (46, &[2, 3, 5, 6, 7, 8]),
        (14, &[2, 3, 5, 6]),
        (18, &[2, 3, 5, 6, 7, 8, 11, 12, 13, 14]),
        (8, &[3, 7, 11, 13]),
        (6, &[2, 5]),
        (8, &[]),
    ];
    let window = pick(rng, &[[0, 15], [5, 30], [5, 30], [10, 30], [15, 30], [5, 60], [15, 60]]);
    let mimes: &[&str] = pick(
        rng,
        &[
            &["audio/mpeg", "audio/mp3", "audio/mp4", "audio/ogg"][..],
            &["audio/mpeg"][..],
            &["audio/mp3", "audio/mpeg", "audio/aac"][..],
            &["audio/ogg", "audio/mp4", "audio/mpeg"][..],
        ],
    );
    let mut audio = json!({
        "mimes": mimes,
        "minduration": window[0],
        "maxduration": window[1],
        "startdelay": pick(rng, &[0, -1, -1, -1, -2]),
        "feed": scene.service.feed,
        "minbitrate": pick(rng, &[32, 64, 96]),
        "maxbitrate": pick(rng, &[192, 320, 320]),
        "delivery": pick(rng, &[&[1, 2, 3][..], &[2][..], &[1, 2][..]]),
        "api": [],
    });
    let &(_, protocols) = weighted(rng, &PROTOCOLS, |row| row.0);
    if !protocols.is_empty() {
        audio["protocols"] = json!(protocols);
    }
    if rng.chance(0.08) {
        audio["rqddurs"] = json!([15, 30]);
        if let Some(audio) = audio.as_object_mut() {
            audio.remove("minduration");
            audio.remove("maxduration");
        }
    }
    if rng.chance(0.3) {
        audio["stitched"] = json!(0);
        audio["nvol"] = json!(pick(rng, &[0, 2, 3]));
    }
    if rng.chance(0.28) {
        audio["companiontype"] = json!([1, 2]);
        audio["companionad"] = json!([
            { "id": "c1", "w": 300, "h": 250, "mimes": ["image/jpeg", "image/png"], "vcm": 0 },
            { "id": "c2", "w": 640, "h": 640, "mimes": ["image/jpeg", "image/png"] },
        ]);
    }
    if rng.chance(0.3) {
        audio["battr"] = json!([8, 9]);
    }
    audio
}

fn deals(rng: &mut Rng) -> Value {
    let first = rng.below(DEALS.len());
    let count = rng.between(1, 2);
    let row = |at: usize| {
        let (id, floor) = DEALS[(first + at) % DEALS.len()];
        json!({ "id": id, "bidfloor": floor, "bidfloorcur": "USD", "at": 1 })
    };
    json!({ "private_auction": 0, "deals": (0..count).map(row).collect::<Vec<_>>() })
}

pub fn blocked_categories(rng: &mut Rng) -> Value {
    const SENSITIVE: [&str; 8] =
        ["IAB7-39", "IAB9-9", "IAB8-18", "IAB14-3", "IAB23", "IAB24", "IAB25", "IAB26"];
    let mut blocked: Vec<&str> = SENSITIVE[..rng.between(3, 8)].to_vec();
    if rng.chance(0.2) {
        blocked.push("IAB8-5");
    }
    json!(blocked)
}

pub fn currencies(rng: &mut Rng, country: &str) -> Value {
    match country {
        "DEU" | "FRA" | "ESP" | "ITA" | "NLD" if rng.chance(0.5) => json!(["EUR"]),
        "JPN" => json!(["JPY", "USD"]),
        "GBR" if rng.chance(0.3) => json!(["GBP", "USD"]),
        _ => json!(["USD"]),
    }
}
