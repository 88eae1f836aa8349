//! How fast may each budget be spent? Controllers off the bid path, one dial per line on it.
//!
//! Hot: a [`Dial`] and a [`Fuse`] are read once a line and decision. Cold: everything that turns
//! them, once a turn of the [`Pacer`].

mod account;
mod breaker;
mod curve;
mod governor;
mod levers;
mod pace;
mod pacer;

pub use account::{Account, Manner, Reading, Stretch, Turned};
pub use breaker::{Breaker, Fuse, Verdict, Watched};
pub use curve::{Curve, Learned, local_s};
pub use governor::{Governor, Turn};
pub use levers::{Bought, Levers};
pub use pace::{Dial, PPM, Pace};
pub use pacer::{Budgets, Counted, Pacer, Subject, Turns, Watch};

/// How pacing is driven.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How often budgets are looked at and paces set; a runaway is seen that much later.
    pub turn_ms: u32,
    /// For how long the breaker holds a budget's lines back.
    pub cool_down_s: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { turn_ms: 250, cool_down_s: 300 }
    }
}

impl Config {
    /// Each relation between bounds that does not hold.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults = Vec::new();
        if !(10..=1000).contains(&self.turn_ms) {
            faults.push("delivery.pacing.turn_ms: from 10 to 1000");
        }
        if !(10..=86_400).contains(&self.cool_down_s) {
            faults.push("delivery.pacing.cool_down_s: from 10 to 86400");
        }
        faults
    }
}

#[cfg(test)]
mod tests;
