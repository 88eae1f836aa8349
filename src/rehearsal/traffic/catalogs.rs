//! What would many advertisers sell? A seeded campaign file of any number of lines.
//!
//! Used by benches and tests that need a large catalogue in real words; cold. Selectivity is that
//! of `targeting-kernel`: one to five dimensions a line, popular values more often (Zipf), a fifth
//! of the lines with an exclusion, prices log-normal with the narrower lines somewhat dearer.

use serde_json::{Map, Value, json};

use crate::base::stdx::rng::{Rng, Zipf};
use crate::knowledge::audience::minor_ages;
use crate::market::vocabulary::{Dimension, Vocabulary};
use crate::rehearsal::traffic::series;

/// The dimensions that lines ask about, and how many in a hundred lines ask.
const ASKED: [(Dimension, u32); 12] = [
    (Dimension::Country, 45),
    (Dimension::Genre, 40),
    (Dimension::Age, 35),
    (Dimension::Mood, 20),
    (Dimension::Activity, 20),
    (Dimension::HourOfWeek, 20),
    (Dimension::Os, 18),
    (Dimension::Gender, 15),
    (Dimension::Device, 12),
    (Dimension::Interest, 20),
    (Dimension::TasteGenre, 10),
    (Dimension::Habit, 8),
];

const ADVERTISERS: usize = 200;

/// A campaign file in JSON with `lines` lines: a function of the seed.
pub fn campaign_file(seed: u64, lines: usize) -> String {
    json!({ "advertisers": advertisers(seed, lines, ADVERTISERS) }).to_string()
}

/// As [`campaign_file`], in so many files, each of two advertisers.
pub fn campaign_files(seed: u64, lines: usize, files: usize) -> Vec<String> {
    let advertisers = advertisers(seed, lines, 2 * files);
    let share = advertisers.len().div_ceil(files.max(1)).max(1);
    advertisers.chunks(share).map(|some| json!({ "advertisers": some }).to_string()).collect()
}

fn advertisers(seed: u64, lines: usize, most: usize) -> Vec<Value> {
    let words = Words::new();
    let mut of_advertiser: Vec<Vec<Value>> = vec![Vec::new(); most.min(lines).max(1)];
    let many = of_advertiser.len();
    for i in 0..lines {
        let mut rng = series(seed, "catalog line", i as u64);
        of_advertiser[i % many].push(line(i, i % many, &words, &mut rng));
    }
    let advertisers = of_advertiser.into_iter().enumerate();
    advertisers.map(|(i, lines)| advertiser(i, lines)).collect()
}

struct Words {
    by_dimension: Vec<(Dimension, Vec<String>, Zipf)>,
}

impl Words {
    fn new() -> Words {
        let vocabulary = Vocabulary::new();
        let minors = minor_ages(&vocabulary);
        let of = |&(dimension, _): &(Dimension, u32)| {
            // What no campaign may ask for is in none.
            let may = |value| vocabulary.barred(value).is_none() && !minors.contains(&value);
            let values = vocabulary.values(dimension).filter(|&(value, _)| may(value));
            let texts = values.map(|(_, text)| text.to_owned());
            let texts: Vec<String> = texts.collect();
            let popularity = Zipf::new(texts.len().max(1), 1.0);
            (dimension, texts, popularity)
        };
        Words { by_dimension: ASKED.iter().map(of).collect() }
    }

    fn some(&self, dimension: Dimension, rng: &mut Rng) -> Value {
        let found = self.by_dimension.iter().find(|(known, ..)| *known == dimension);
        let Some((_, texts, popularity)) = found.filter(|(_, texts, _)| !texts.is_empty()) else {
            return json!([]);
        };
        let mut values: Vec<&str> =
            (0..rng.between(1, 4)).map(|_| texts[popularity.sample(rng)].as_str()).collect();
        values.sort_unstable();
        values.dedup();
        json!(values)
    }
}

fn advertiser(i: usize, lines: Vec<Value>) -> Value {
    let creative = |duration: usize| {
        let media = format!("https://cdn{i}.example/spot-{duration}");
        json!({
            "crid": format!("c{i}-{duration}"),
            "duration": duration,
            "language": "en",
            "click_through": format!("https://brand{i}.example/"),
            "renditions": [
                { "url": format!("{media}.mp3"), "bitrate": 128 },
                { "url": format!("{media}.ogg"), "bitrate": 96 },
            ],
        })
    };
    json!({
        "key": format!("brand{i}"),
        "domains": [format!("brand{i}.example")],
        "currency": "USD",
        "categories": [format!("IAB{}-{}", 1 + i % 23, 1 + i % 7)],
        "creatives": [creative(15), creative(30)],
        "campaigns": [{ "key": "all", "lines": lines }],
    })
}

fn line(i: usize, advertiser: usize, words: &Words, rng: &mut Rng) -> Value {
    let mut targeting = Map::new();
    for (dimension, share) in ASKED {
        if rng.chance(f64::from(share) / 100.0) && targeting.len() < 6 {
            targeting.insert(dimension.name().to_owned(), asked(dimension, words, rng));
        }
    }
    if rng.chance(0.2) {
        let out = words.some(Dimension::Genre, rng);
        targeting.entry("genre").or_insert(json!({ "none_of": out, "if_unknown": "pass" }));
    }
    let narrow = targeting.len() as f64;
    let cpm = (1.2 + 0.12 * narrow + 0.55 * rng.normal()).exp().clamp(0.2, 60.0);
    let mut line = json!({
        "key": format!("line{i}"),
        "bid_cpm": format!("{cpm:.4}"),
        "creatives": [format!("c{advertiser}-15"), format!("c{advertiser}-30")],
    });
    if !targeting.is_empty() {
        line["targeting"] = Value::Object(targeting);
    }
    line
}

fn asked(dimension: Dimension, words: &Words, rng: &mut Rng) -> Value {
    match dimension {
        Dimension::HourOfWeek => {
            let from = rng.between(5, 18);
            let days = ["mon-fri", "sat-sun", "mon-sun"][rng.below(3)];
            json!(format!("{days} {from:02}:00-{:02}:00", from + rng.between(2, 5)))
        }
        _ => words.some(dimension, rng),
    }
}
