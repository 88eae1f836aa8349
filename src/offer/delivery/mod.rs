//! Which lines may run now? Budgets, caps and holds: the live truth. Hot, lock-free.
//!
//! The flows ask through [`Live`], so that the answers can be recorded ([`Recorder`]) and given
//! back ([`Recorded`]). A [`Book`] holds the state of every line across swaps; a [`Desk`] is its
//! view for one published world. `flows::notice` settles, releases and extends holds in the book.
//!
//! Rules that stand here (DESIGN §6, strict budgets):
//! - spent + held ≤ total, always; one compare-and-swap takes the money of a bid.
//! - A cap counts impressions and open holds of one listener ([`caps`]). Where the listener is
//!   not known or may not be known, no cap applies and the line may run: contextual-only means
//!   *no listener caps*, not *no capped lines*.
//! - A hold ends when its ticket expires; where win notices come, an unwon one ends sooner.
//! - What may bid bids at its pace: a part of its price, and not every time.

/// What [`purse`] does its steps with; `tests/loom.rs` gives it others.
mod atomics {
    pub use std::sync::atomic::{AtomicI64, Ordering};
}

pub mod caps;
mod boxes;
pub mod pacing;
mod purse;
mod pot;
mod day;
mod owner;
mod rate;
mod line;
mod roster;
mod holds;
mod sleep;
mod book;
mod stir;
mod desk;
mod paced;
mod open;
mod settle;
mod tally;
mod turn;
mod recorder;

pub use book::{Book, Owner};
pub use boxes::Boxes;
pub use desk::{Desk, DeskLive};
pub use line::{Count, LineState};
pub use open::TooManyLines;
pub use pacing::{Dial, PPM, Pace};
pub use pot::Pot;
pub use purse::{Purse, UNLIMITED};
pub use recorder::{ANSWERS_MAX, Answer, Answers, Divergence, Question, Recorded, Recorder};
pub use settle::{Charge, Due, Released};
pub use sleep::{Idle, MARGIN_S, Sleep};
pub use tally::LineTally;
pub use turn::Turn;

use crate::base::units::ids::{CreativeIx, LineIx, ListenerMark};
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::market::marks::SupplyMark;
use crate::market::outcome::Refusal;
use crate::market::step::Step;
use crate::market::ticket::BidId;

/// Everything that a decision may learn from outside its snapshot. `'s` is how long the sleep of
/// the decision at hand is kept: for all of it.
pub trait Live<'s> {
    /// The lines that need not be asked; `None`: each is.
    fn asleep(&self) -> Option<&'s Sleep> {
        None
    }

    /// From here on it is another step's time. Learns nothing, and answers nothing.
    fn begins(&mut self, _step: Step) {}

    /// Is this supply in the penalty box? Asked once a decision, before any line.
    fn is_boxed(&mut self, _supply: SupplyMark) -> bool {
        false
    }

    /// May the line bid now, for this listener, and at what pace? Reads only; asked at most once a
    /// line and decision.
    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal>;

    /// Its facts met the line's targeting, and this kept it from bidding, if anything did. Only
    /// counts.
    fn looked_at(&mut self, _line: LineIx, _refusal: Option<Refusal>) {}

    /// Takes the money and the cap's place for one bid, in one atomic step; expires by itself.
    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal>;
}

#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub line: LineIx,
    /// The one it would be heard with.
    pub creative: CreativeIx,
    /// `None`: not known, or not permitted.
    pub listener: Option<ListenerMark>,
    pub moment: Moment,
}

#[derive(Clone, Copy, Debug)]
pub struct Hold {
    pub bid: BidId,
    pub line: LineIx,
    pub creative: CreativeIx,
    pub listener: Option<ListenerMark>,
    /// The most that the bid may cost, in the line's account currency.
    pub price: Money,
    pub moment: Moment,
    /// When no notice can be charged any more.
    pub expires: Moment,
    /// When the hold ends unless a win was told before; `None` where the exchange tells no wins.
    pub win_by: Option<Moment>,
    /// `test: 1`: the question is answered, nothing is taken.
    pub test: bool,
}

/// Limits of the live state.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Holds that may wait between two sweeps; beyond it a hold is refused.
    pub hold_queue: usize,
    /// Holds that may be open; beyond it the queue is left to fill.
    pub holds_max: usize,
    /// Lines whose state is kept, about 800 bytes each, those of past worlds among them.
    pub lines_max: usize,
    /// How often expired holds are given back.
    pub sweep_ms: u32,
    /// How often the lines that cannot run are looked for, which searches then pass over.
    pub sleep_ms: u32,
    /// How often leases are renewed and days made.
    pub turn_ms: u32,
    /// How often what was counted of bids is written to the journal.
    pub tally_s: u32,
    pub caps: caps::Config,
    pub pacing: pacing::Config,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            hold_queue: 1 << 16,
            holds_max: 1 << 20,
            lines_max: 4_000_000,
            sweep_ms: 50,
            sleep_ms: 1000,
            turn_ms: 500,
            tally_s: 5,
            caps: caps::Config::default(),
            pacing: pacing::Config::default(),
        }
    }
}

impl Config {
    /// With a small table of caps, for tests.
    #[cfg(test)]
    pub(crate) fn small() -> Config {
        let caps = caps::Config { slots: 1024, ..caps::Config::default() };
        Config { caps, ..Config::default() }
    }

    /// Each relation between bounds that does not hold.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults = self.caps.faults();
        faults.extend(self.pacing.faults());
        if self.hold_queue == 0 || self.hold_queue > self.holds_max {
            faults.push("delivery.hold_queue: from 1 to delivery.holds_max");
        }
        if !(1..=10_000).contains(&self.sweep_ms) {
            faults.push("delivery.sweep_ms: from 1 to 10000");
        }
        if !(10..=5000).contains(&self.sleep_ms) {
            faults.push("delivery.sleep_ms: from 10 to 5000");
        }
        if !(10..=5000).contains(&self.turn_ms) {
            faults.push("delivery.turn_ms: from 10 to 5000");
        }
        if !(1..=3600).contains(&self.tally_s) {
            faults.push("delivery.tally_s: from 1 to 3600");
        }
        faults
    }
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod purse_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod turn_tests;
