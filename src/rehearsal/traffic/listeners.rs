//! Who listens? Seeded people with ages, tastes, habits and interests that go together.

use std::io::{self, Read};

use serde_json::{Map, Value, json};

use super::devices::Devices;
use super::music::Music;
use super::places::Places;
use super::{pick, series, weighted};
use crate::base::stdx::rng::Rng;
use crate::market::vocabulary::Dimension;

/// One listener, as a service and its data partners know them.
pub struct Listener {
    /// The id that exchanges send as `user.buyeruid`.
    pub id: String,
    /// Index into the cities.
    pub(super) city: usize,
    /// Index into the devices.
    pub(super) device: usize,
    pub language: &'static str,
    pub age: i64,
    pub gender: &'static str,
    pub(super) tastes: Vec<&'static str>,
    /// What the profile knows: dimension, value, confidence in percent.
    pub segments: Vec<(Dimension, String, u8)>,
}

/// All listeners of a seed; any of them can be asked for at any time.
pub struct Listeners {
    seed: u64,
    pub(super) places: Places,
    pub(super) music: Music,
    pub(super) devices: Devices,
}

/// Of the IAB Audience Taxonomy: interest, its weight under 25, under 45 and above, and how
/// many of those who have it are women, in percent.
const INTERESTS: [(&str, [u32; 3], u32); 18] = [
    ("iab:607", [14, 14, 12], 36),
    ("iab:733", [20, 12, 2], 36),
    ("iab:676", [14, 10, 6], 72),
    ("iab:719", [8, 14, 14], 54),
    ("iab:243", [6, 10, 10], 28),
    ("iab:253", [3, 6, 4], 42),
    ("iab:368", [10, 14, 12], 56),
    ("iab:371", [5, 10, 10], 60),
    ("iab:408", [12, 13, 7], 52),
    ("iab:457", [1, 9, 14], 56),
    ("iab:534", [3, 10, 12], 44),
    ("iab:541", [6, 8, 8], 58),
    ("iab:687", [14, 13, 7], 34),
    ("iab:467", [12, 10, 8], 50),
    ("iab:258", [5, 7, 10], 60),
    ("iab:344", [12, 5, 2], 52),
    ("iab:735", [9, 4, 1], 24),
    ("iab:359", [4, 5, 6], 56),
];

/// Ids of the taxonomy's purchase intents, with weights like those of [`INTERESTS`].
const INTENTS: [(&str, [u32; 3]); 9] = [
    ("iab:977", [10, 14, 12]),
    ("iab:998", [10, 7, 2]),
    ("iab:1618", [8, 8, 4]),
    ("iab:1649", [6, 12, 12]),
    ("iab:942", [12, 10, 6]),
    ("iab:805", [3, 10, 9]),
    ("iab:919", [12, 10, 6]),
    ("iab:1407", [3, 9, 6]),
    ("iab:1383", [2, 8, 9]),
];

/// The advertisers' own lists, with the percent of listeners on each.
const LISTS: [(&str, f64); 4] = [
    ("quietude-cart-leavers", 0.03),
    ("fleetfoot-customers", 0.05),
    ("bluebird-newsletter", 0.04),
    ("farlight-guests", 0.02),
];

const LOOKALIKES: [(&str, f64); 2] = [("fleetfoot-lookalike", 0.12), ("bluebird-lookalike", 0.10)];

impl Listeners {
    pub fn new(seed: u64) -> Listeners {
        Listeners { seed, places: Places::new(), music: Music::new(), devices: Devices::new() }
    }

    pub fn at(&self, index: u64) -> Listener {
        let mut rng = series(self.seed, "listener", index);
        let city_ix = self.places.choose(&mut rng);
        let city = self.places.city(city_ix);
        let second = rng.chance(f64::from(city.second.1) / 100.0);
        let age = age(&mut rng);
        let gender =
            if rng.chance(0.02) { "non_binary" } else { pick(&mut rng, &["female", "male"]) };
        let mut listener = Listener {
            id: format!("{:016x}", rng.next_u64()),
            city: city_ix,
            device: self.devices.choose(&mut rng, city.ios_pct),
            language: if second { city.second.0 } else { city.language },
            age,
            gender,
            tastes: Vec::new(),
            segments: Vec::new(),
        };
        listener.say(Dimension::Age, band(age), rng.between(70, 99) as u8);
        listener.say(Dimension::Gender, gender, rng.between(75, 99) as u8);
        listener.say(Dimension::Language, listener.language, 95);
        listener.say(Dimension::HomeCountry, city.country, 98);
        self.taste(&mut rng, &mut listener);
        self.habits(&mut rng, &mut listener);
        self.interests(&mut rng, &mut listener);
        listener
    }

    fn taste(&self, rng: &mut Rng, listener: &mut Listener) {
        let country = self.places.city(listener.city).country;
        for _ in 0..rng.between(2, 4) {
            let genre = self.music.genre(rng, listener.age, country);
            let sure = rng.between(55, 98) as u8;
            // Nobody is known by a taste that names a faith.
            if genre.name != "gospel" {
                listener.say(Dimension::TasteGenre, genre.name, sure);
            }
            listener.tastes.push(genre.name);
            for _ in 0..rng.between(0, 2) {
                let artist = pick(rng, &genre.artists);
                listener.say(Dimension::TasteArtist, artist, rng.between(50, 95) as u8);
            }
        }
    }

    /// When much is heard, what is done then, and what it feels like.
    fn habits(&self, rng: &mut Rng, listener: &mut Listener) {
        const PARTS: [(&str, usize, u32); 6] = [
            ("early", 6, 6),
            ("morning", 8, 14),
            ("midday", 12, 8),
            ("afternoon", 15, 12),
            ("evening", 19, 16),
            ("night", 23, 8),
        ];
        for day in ["weekday", "weekend"] {
            let &(part, hour, _) = weighted(rng, &PARTS, |part| part.2);
            listener.say(Dimension::Habit, &format!("{day} {part} often"), 90);
            let activity = self.music.activity(rng, hour);
            listener.say(Dimension::Activity, activity.name, rng.between(40, 85) as u8);
            let mood = pick(rng, &activity.moods);
            listener.say(Dimension::Mood, mood, rng.between(40, 80) as u8);
            if rng.chance(0.6) {
                let playlist = pick(rng, &activity.playlists);
                listener.say(Dimension::TastePlaylist, playlist, rng.between(60, 95) as u8);
            }
        }
    }

    fn interests(&self, rng: &mut Rng, listener: &mut Listener) {
        let group = if listener.age < 25 { 0 } else { usize::from(listener.age >= 45) + 1 };
        let woman = listener.gender == "female";
        for _ in 0..rng.between(1, 5) {
            let &(id, _, _) = weighted(rng, &INTERESTS, |&(_, weights, women_pct)| {
                weights[group] * if woman { women_pct } else { 100 - women_pct }
            });
            listener.say(Dimension::Interest, id, rng.between(50, 95) as u8);
        }
        for _ in 0..rng.between(0, 2) {
            let &(id, _) = weighted(rng, &INTENTS, |(_, weights)| weights[group]);
            listener.say(Dimension::Intent, id, rng.between(50, 90) as u8);
        }
        for (dimension, named) in
            [(Dimension::List, &LISTS[..]), (Dimension::Lookalike, &LOOKALIKES[..])]
        {
            for &(name, share) in named {
                if rng.chance(share) {
                    listener.say(dimension, name, 100);
                }
            }
        }
    }
}

/// The first `count` listeners as the JSON Lines of an import, made while they are read.
pub struct ListenerLines {
    listeners: Listeners,
    next: u64,
    count: u64,
    line: io::Cursor<Vec<u8>>,
}

impl ListenerLines {
    pub fn new(seed: u64, count: u32) -> ListenerLines {
        let listeners = Listeners::new(seed);
        ListenerLines { listeners, next: 0, count: count.into(), line: io::Cursor::default() }
    }
}

impl Read for ListenerLines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.line.read(out)?;
        if read > 0 || self.next == self.count || out.is_empty() {
            return Ok(read);
        }
        self.line = io::Cursor::new(self.listeners.at(self.next).json_line().into_bytes());
        self.next += 1;
        self.line.read(out)
    }
}

impl Listener {
    /// The line of an import that says all of it.
    pub fn json_line(&self) -> String {
        let (mut top, mut segments) = (Map::new(), Map::new());
        top.insert("id".to_owned(), json!(self.id));
        for (dimension, value, confidence_pct) in &self.segments {
            let entry = json!({ "value": value, "confidence": f64::from(*confidence_pct) / 100.0 });
            let place = match dimension {
                Dimension::Age | Dimension::Gender => &mut top,
                Dimension::Language | Dimension::HomeCountry => &mut top,
                _ => &mut segments,
            };
            let values = place.entry(dimension.name()).or_insert_with(|| json!([]));
            if let Some(values) = values.as_array_mut() {
                values.push(entry);
            }
        }
        top.insert("segments".to_owned(), Value::Object(segments));
        let mut line = Value::Object(top).to_string();
        line.push('\n');
        line
    }

    /// Adds a segment unless it is there.
    fn say(&mut self, dimension: Dimension, value: &str, confidence_pct: u8) {
        if !self.segments.iter().any(|(known, text, _)| *known == dimension && text == value) {
            self.segments.push((dimension, value.to_owned(), confidence_pct));
        }
    }
}

/// Ages of a free music service: most are young, all are of age.
fn age(rng: &mut Rng) -> i64 {
    const BANDS: [(u32, i64, i64); 7] = [
        (13, 18, 20),
        (17, 21, 24),
        (28, 25, 34),
        (19, 35, 44),
        (12, 45, 54),
        (7, 55, 64),
        (4, 65, 84),
    ];
    let &(_, low, high) = weighted(rng, &BANDS, |band| band.0);
    rng.between(low as usize, high as usize) as i64
}

fn band(age: i64) -> &'static str {
    match age {
        ..=20 => "18-20",
        21..=24 => "21-24",
        25..=34 => "25-34",
        35..=44 => "35-44",
        45..=54 => "45-54",
        55..=64 => "55-64",
        _ => "65+",
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;
    use std::path::Path;

    use super::*;
    use crate::knowledge::audience::{Config, Import, Stand, Text};

    #[test]
    fn an_index_is_always_the_same_listener() {
        let (one, other) = (Listeners::new(7), Listeners::new(7));
        for index in [0, 1, 99_999] {
            let (a, b) = (one.at(index), other.at(index));
            assert_eq!((a.id, a.segments), (b.id, b.segments));
        }
        assert_ne!(one.at(0).id, one.at(1).id);
        assert_ne!(one.at(0).id, Listeners::new(8).at(0).id);
    }

    #[test]
    fn every_listener_can_be_imported() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::default();
        let stand = Stand::open(folder.path(), &Default::default(), &config).unwrap();
        let intake = stand.alone(&config).unwrap();
        let import = Import { intake: &intake, config: &config };
        let mut lines = BufReader::new(ListenerLines::new(5, 2_000));
        let report = import.run(Text {
            file: Path::new("made up"),
            source: &mut lines,
            progress: &mut |_| {},
        });
        let report = report.unwrap();
        assert_eq!(report.faults, []);
        assert_eq!((report.lines, report.listeners), (2_000, 2_000));
        // Only artists, playlists and lists are words that no closed list has.
        assert!(report.new_values < 200, "{}", report.new_values);
    }

    #[test]
    fn age_and_taste_go_together() {
        let listeners = Listeners::new(1);
        let share = |genre: &str, ages: std::ops::Range<i64>| {
            let people: Vec<Listener> = (0..4_000)
                .map(|index| listeners.at(index))
                .filter(|listener| ages.contains(&listener.age))
                .collect();
            let fans = people.iter().filter(|listener| listener.tastes.contains(&genre)).count();
            fans as f64 / people.len() as f64
        };
        assert!(share("classic rock", 45..90) > 2.0 * share("classic rock", 18..25));
        assert!(share("lo-fi hip hop", 18..25) > 2.0 * share("lo-fi hip hop", 45..90));
    }
}
