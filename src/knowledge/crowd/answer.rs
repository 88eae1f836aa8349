//! What is said to whoever asks for a crowd? The counts by clause, small ones held back.
//!
//! Written as JSON by the admin API and the command line; cold.

use serde::Serialize;

use crate::base::stdx::fault::Fault;
use crate::knowledge::catalog::Draft;

use super::{Crowd, Reach};

/// A crowd as it is told.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Answer {
    #[serde(flatten)]
    pub told: Told,
    /// Everybody was looked at: the counts have no error.
    pub exact: bool,
    /// All listeners that there are.
    pub of: u64,
    /// RFC 3339: for when it holds.
    pub as_of: String,
    /// What each clause alone reaches.
    pub clauses: Vec<ClauseAnswer>,
    pub warnings: Vec<Warning>,
}

/// The step in which crowds are told.
pub const STEP: u64 = 50;

/// A count as it is told, in steps of [`STEP`]: the truth lies
/// within `low` and `high` 95 times in 100.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Told {
    pub listeners: u64,
    pub low: u64,
    pub high: u64,
    /// It is held back, as there are fewer than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fewer_than: Option<u64>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ClauseAnswer {
    pub clause: String,
    #[serde(flatten)]
    pub told: Told,
    /// It asks only of the moment: everybody may meet it.
    pub momentary: bool,
}

/// What is allowed but most likely not meant.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Warning {
    pub path: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Told {
    /// Of a count below `minimum` only that is told; of others whole steps, so that the difference
    /// of two answers tells of no group smaller than a step.
    pub const fn of(reach: Reach, minimum: u64) -> Told {
        let Reach { listeners, low, high } = reach;
        let high = high / STEP * STEP + STEP - 1;
        if listeners >= minimum {
            let (listeners, low) = (listeners / STEP * STEP, low / STEP * STEP);
            return Told { listeners, low, high, fewer_than: None };
        }
        let high = if high < minimum { minimum - 1 } else { high };
        Told { listeners: 0, low: 0, high, fewer_than: Some(minimum) }
    }
}

impl Answer {
    pub fn of(crowd: &Crowd, draft: &Draft, minimum: u64) -> Answer {
        let clauses = draft.clauses.iter().zip(&crowd.clauses);
        let at = jiff::Timestamp::from_second(crowd.as_of.unix_s()).unwrap_or_default();
        Answer {
            told: Told::of(crowd.reach, minimum),
            exact: crowd.exact(),
            of: crowd.of,
            as_of: at.to_string(),
            clauses: clauses
                .map(|(name, clause)| ClauseAnswer {
                    clause: name.clone(),
                    told: Told::of(clause.reach, minimum),
                    momentary: clause.momentary,
                })
                .collect(),
            warnings: draft.warnings.iter().map(Warning::of).collect(),
        }
    }
}

impl Warning {
    fn of(fault: &Fault) -> Warning {
        let Fault { path, message, mend, .. } = fault.clone();
        Warning { path, message, mend }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two crowds, one within the other, that differ by a few: is it certain that they differ
    /// by some, and by fewer than a step?
    #[test]
    fn no_difference_of_two_answers_isolates_few() {
        let mut rng = crate::base::stdx::rng::Rng::new(7);
        let pairs = if std::env::var_os("INTERLUDE_LONG").is_some() { 10_000 } else { 1_000 };
        for _ in 0..pairs {
            let (inner, few) = (rng.below(5_000) as u64, rng.below(STEP as usize) as u64);
            let [a, b] = [inner + few, inner].map(|n| Told::of(Reach::exactly(n), 300));
            // What who asks can be sure of: the least and the most that they differ by.
            let (least, most) = (a.low.saturating_sub(b.high), a.high - b.low.min(a.high));
            assert!(least == 0 || most >= STEP, "{inner} + {few}: {a:?} {b:?}");
            assert!(most >= STEP - 1, "{inner} + {few}: {a:?} {b:?}");
        }
    }

    #[test]
    fn small_crowds_are_held_back() {
        let told = |listeners, low, high| {
            let told = Told::of(Reach { listeners, low, high }, 300);
            [told.listeners, told.low, told.high, told.fewer_than.unwrap_or(0)]
        };
        assert_eq!(told(300, 300, 300), [300, 300, 349, 0]);
        assert_eq!(told(349, 349, 349), [300, 300, 349, 0]);
        assert_eq!(told(299, 299, 299), [0, 0, 299, 300]);
        assert_eq!(told(0, 0, 0), [0, 0, 299, 300]);
        assert_eq!(told(310, 250, 380), [300, 250, 399, 0]);
        assert_eq!(told(290, 230, 360), [0, 0, 399, 300]);
        assert_eq!(Told::of(Reach::exactly(0), 0).fewer_than, None);
    }
}
