//! Which dimensions do lines ask about, and what do requests bring? The table of the population.
//!
//! Read by [`Population`](super::Population); cold. The first fourteen rows but the hour's (which
//! comes as weekdays and times of day) are those of the kernel's reference measurements.

use crate::market::vocabulary::{Dimension, ValueId};

use Dimension::*;

/// A dimension's share in the population.
pub struct Share {
    pub dimension: Dimension,
    pub values: usize,
    /// How often a line asks about it, against the others.
    pub weight: f64,
    /// Zipf exponents of the values that lines want and that requests bring.
    pub wanted: f64,
    pub brought: f64,
    /// The most values that one clause wants.
    pub most: usize,
    /// Wanted values lie side by side: ages, versions.
    pub contiguous: bool,
    /// How often the fact is unknown.
    pub unknown: f64,
    /// How many values a request brings, at least and at most.
    pub bring: (usize, usize),
}

pub const COUNTRIES: usize = 80;
pub const REGIONS_EACH: usize = 7;
pub const CITIES_EACH: usize = 9;
const REGIONS: usize = COUNTRIES * REGIONS_EACH;

const fn share(
    dimension: Dimension,
    values: usize,
    weight: f64,
    exponents: [f64; 2],
    unknown: f64,
) -> Share {
    let [wanted, brought] = exponents;
    let (most, contiguous, bring) = (10, false, (1, 1));
    Share { dimension, values, weight, wanted, brought, most, contiguous, unknown, bring }
}

pub const SHARES: [Share; 37] = [
    share(Country, COUNTRIES, 1.20, [1.0, 1.0], 0.01),
    share(Region, REGIONS, 0.15, [1.0, 1.0], 0.03),
    share(City, REGIONS * CITIES_EACH, 0.12, [1.0, 1.0], 0.08),
    Share { most: 4, ..share(Language, 30, 0.20, [1.3, 1.3], 0.02) },
    Share { most: 4, contiguous: true, ..share(Age, 8, 0.55, [0.0, 0.2], 0.15) },
    Share { most: 1, ..share(Gender, 3, 0.35, [0.6, 0.5], 0.15) },
    Share { most: 2, ..share(Os, 6, 0.20, [0.8, 1.0], 0.02) },
    Share { most: 3, ..share(Device, 10, 0.30, [0.8, 1.0], 0.02) },
    Share { bring: (1, 4), ..share(Genre, 120, 0.55, [0.9, 0.9], 0.05) },
    Share { most: 6, bring: (1, 2), ..share(Mood, 30, 0.25, [0.7, 0.7], 0.40) },
    Share { most: 5, ..share(Activity, 25, 0.20, [0.7, 0.7], 0.40) },
    share(HourOfWeek, 168, 0.20, [0.0, 0.0], 0.0),
    Share { bring: (5, 30), ..share(Interest, 20_000, 0.55, [0.6, 0.8], 0.10) },
    share(Playlist, 10_000, 0.10, [0.8, 0.9], 0.20),
    // What else plays.
    share(Artist, 5_000, 0.06, [0.9, 1.0], 0.25),
    share(Album, 2_000, 0.01, [0.8, 0.9], 0.40),
    Share { most: 3, ..share(ContentLanguage, 30, 0.06, [1.3, 1.3], 0.30) },
    Share { most: 1, ..share(Explicit, 2, 0.10, [1.5, 1.5], 0.20) },
    Share { most: 2, ..share(Feed, 4, 0.05, [0.8, 1.0], 0.30) },
    // What the profile tells; read and empty for some.
    Share { bring: (0, 6), ..share(TasteGenre, 120, 0.15, [0.9, 0.9], 0.30) },
    Share { bring: (0, 10), ..share(TasteArtist, 5_000, 0.05, [0.8, 0.9], 0.30) },
    Share { bring: (0, 5), ..share(TastePlaylist, 2_000, 0.02, [0.8, 0.9], 0.30) },
    Share { contiguous: true, bring: (0, 6), ..share(Habit, 24, 0.04, [0.0, 0.3], 0.30) },
    share(HomeCountry, COUNTRIES, 0.05, [1.0, 1.0], 0.40),
    Share { bring: (0, 6), ..share(Lifestyle, 300, 0.10, [0.7, 0.8], 0.30) },
    Share { bring: (0, 4), ..share(Intent, 600, 0.10, [0.7, 0.8], 0.30) },
    Share { bring: (0, 6), most: 4, ..share(List, 2_000, 0.15, [0.6, 0.8], 0.30) },
    Share { bring: (0, 3), most: 2, ..share(Lookalike, 500, 0.05, [0.6, 0.8], 0.30) },
    // Where and on what, in detail.
    share(Postal, 10_000, 0.04, [0.5, 0.6], 0.40),
    Share { contiguous: true, ..share(OsVersion, 40, 0.05, [0.0, 0.8], 0.10) },
    Share { most: 2, ..share(Connection, 4, 0.04, [0.6, 0.8], 0.10) },
    // Where it is sold.
    Share { most: 2, ..share(Exchange, 12, 0.03, [1.0, 1.0], 0.0) },
    share(Publisher, 400, 0.04, [0.8, 1.0], 0.02),
    share(App, 1_000, 0.04, [0.8, 1.0], 0.05),
    Share { bring: (0, 2), most: 2, ..share(Deal, 200, 0.01, [0.6, 0.8], 0.0) },
    Share { most: 2, ..share(BreakPosition, 3, 0.05, [0.5, 0.8], 0.05) },
    Share { most: 2, ..share(PodPlace, 3, 0.02, [0.5, 0.8], 0.30) },
];

/// Where rows of the table stand.
pub const COUNTRY: usize = 0;
pub const REGION: usize = 1;
pub const CITY: usize = 2;
pub const GENRE: usize = 8;
pub const MOOD: usize = 9;
pub const HOURS: usize = 11;
pub const INTEREST: usize = 12;
pub const ARTIST: usize = 14;
pub const HOME_COUNTRY: usize = 23;
pub const POSTAL: usize = 28;

/// Values are dense, dimension after dimension, behind the unknowns.
pub fn value(at: usize, n: usize) -> ValueId {
    ValueId((OFFSETS[at] + n) as u32)
}

/// Where each row's values start; the last entry is the length of the vocabulary.
pub const OFFSETS: [usize; SHARES.len() + 1] = {
    let mut offsets = [Dimension::COUNT; SHARES.len() + 1];
    let mut at = 0;
    while at < SHARES.len() {
        offsets[at + 1] = offsets[at] + SHARES[at].values;
        at += 1;
    }
    offsets
};
