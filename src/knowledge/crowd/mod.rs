//! How many listeners can a targeting expression reach? Any expression, over all listeners.
//!
//! Asked by the console, by campaign upload (the minimum crowd) and by the command line; cold,
//! never on the bid path.
//!
//! A crowd is the number of listeners who meet the profile clauses, with the momentary clauses
//! taken as true (DESIGN §5), also under `not`: it bounds from above whom the expression can ever
//! be true for ([`possible`]). What a profile says is read as `enrich` reads it ([`person`]), at
//! the moment of the build; the profiles of minors are not used, so they are in no crowd.
//!
//! All listeners are many; a coordinated sample of them ([`sample`]) answers at once. It holds
//! those with the lowest keys, which are hashes (a theta, or bottom-k, sketch that carries what is
//! known of each): everybody while they are few, and then counts are exact; else a random part,
//! and counts come with the interval that holds the truth 95 times in 100 ([`interval`]). Where
//! that does not settle a question, [`scan`](fn@scan) looks at everybody.

mod interval;

mod person;

mod possible;

mod sample;

mod count;

mod scan;

mod floor;

mod keeper;

mod answer;

mod gate;

pub use answer::{Answer, ClauseAnswer, Told, Warning};
pub use floor::{Floor, asks_of_listeners};
pub use gate::{Counted, Gate, warning};
pub use keeper::{Crowds, Pace, Standing};
pub use sample::{Sample, Stats};
pub use scan::{Progress, at_least, scan};

use serde::{Deserialize, Serialize};

use crate::base::units::time::Moment;
use crate::knowledge::audience::PROFILE_DIMENSIONS;
use crate::knowledge::enrich::listener;
use crate::market::vocabulary::{Dimension, Vocabulary};

/// `[crowd]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Listeners that the sample holds at most; with no more of them counts are exact.
    pub sample_max: usize,
    /// A changed audience is sampled anew when the sample is so old, in seconds.
    pub refresh_s: u64,
    /// How much of one core sampling may take, in percent.
    pub share_pct: u8,
    /// Counts below it are not told.
    pub minimum: u64,
    /// A line whose clauses about the listener fewer listeners meet is refused when its file is
    /// read, and does not bid where its crowd shrinks later.
    pub audience_min: u64,
    /// Counts that are answered in an hour.
    pub questions_per_hour: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            sample_max: 1 << 21,
            refresh_s: 60,
            share_pct: 25,
            minimum: 300,
            audience_min: 1_000,
            questions_per_hour: 3_600,
        }
    }
}

impl Config {
    /// Which keys are out of their bounds, and what to write.
    pub fn faults(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let bounds = [
            ((1_000..=1 << 24).contains(&self.sample_max), "sample_max", "write 1000 to 16777216"),
            (self.refresh_s >= 1, "refresh_s", "write at least 1"),
            ((1..=100).contains(&self.share_pct), "share_pct", "write 1 to 100"),
            (self.audience_min >= 300, "audience_min", "write at least 300"),
            (self.questions_per_hour >= 1, "questions_per_hour", "write at least 1"),
        ];
        bounds.into_iter().filter(|bound| !bound.0).map(|(_, key, mend)| (key, mend))
    }
}

/// What profiles are read with.
#[derive(Clone, Copy)]
pub struct Reading<'v> {
    pub vocabulary: &'v Vocabulary,
    pub listeners: listener::Config,
    /// Segments that have expired by then are absent.
    pub moment: Moment,
}

/// A count over all listeners. Where it is estimated, the truth lies within `low..=high` 95 times
/// in 100; where it is exact, all three are equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reach {
    pub listeners: u64,
    pub low: u64,
    pub high: u64,
}

impl Reach {
    pub(crate) const fn exactly(listeners: u64) -> Reach {
        Reach { listeners, low: listeners, high: listeners }
    }

    /// Whether there are at least so many; `None` where only a scan can tell.
    pub const fn at_least(self, minimum: u64) -> Option<bool> {
        if self.low >= minimum {
            Some(true)
        } else if self.high < minimum {
            Some(false)
        } else {
            None
        }
    }
}

/// Whom an expression can reach.
#[derive(Clone, PartialEq, Debug)]
pub struct Crowd {
    pub reach: Reach,
    /// Each part of the expression alone, if it is an `all` of several; else the expression.
    pub clauses: Vec<Clause>,
    /// All listeners that there are, minors included.
    pub of: u64,
    /// How many of them were looked at.
    pub seen: u64,
    /// The moment for which it holds.
    pub as_of: Moment,
}

/// Whom one part of an expression can reach.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Clause {
    pub reach: Reach,
    /// It asks only of the moment: it narrows no crowd.
    pub momentary: bool,
}

impl Crowd {
    /// Whether everybody was looked at.
    pub const fn exact(&self) -> bool {
        self.seen == self.of
    }
}

/// Whether a dimension tells of the listener rather than of the moment. A profile's mood and
/// activity are those of the moment too: the request goes before them.
pub const fn is_of_the_listener(dimension: Dimension) -> bool {
    let mut at = 0;
    while at < PROFILE_DIMENSIONS.len() {
        if PROFILE_DIMENSIONS[at] as u8 == dimension as u8 {
            return !matches!(dimension, Dimension::Mood | Dimension::Activity);
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests;
