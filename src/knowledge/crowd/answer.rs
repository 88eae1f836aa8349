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

/// A count as it is told: the truth lies within `low` and `high` 95 times in 100.
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
    /// Of a count below `minimum` only that is told.
    pub const fn of(reach: Reach, minimum: u64) -> Told {
        let Reach { listeners, low, high } = reach;
        if listeners >= minimum {
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

    #[test]
    fn small_crowds_are_held_back() {
        let told = |listeners, low, high| {
            let told = Told::of(Reach { listeners, low, high }, 300);
            [told.listeners, told.low, told.high, told.fewer_than.unwrap_or(0)]
        };
        assert_eq!(told(300, 300, 300), [300, 300, 300, 0]);
        assert_eq!(told(299, 299, 299), [0, 0, 299, 300]);
        assert_eq!(told(0, 0, 0), [0, 0, 299, 300]);
        assert_eq!(told(310, 250, 380), [310, 250, 380, 0]);
        assert_eq!(told(290, 230, 360), [0, 0, 360, 300]);
        assert_eq!(Told::of(Reach::exactly(0), 0).fewer_than, None);
    }
}
