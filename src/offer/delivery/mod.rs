//! Which lines may run now? Budgets, caps and holds: the live truth. Hot, lock-free.
//!
//! The flows ask through [`Live`], so that the answers can be recorded and given back.

use crate::base::units::ids::{LineIx, ListenerKey};
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::market::outcome::Refusal;
use crate::market::ticket::BidId;

/// Everything that a decision may learn from outside its snapshot.
pub trait Live {
    /// May the line bid now, for this listener? Reads only; asked at most once a line and decision.
    fn may_bid(&mut self, ask: &Ask) -> Result<(), Refusal>;

    /// Takes the money and the cap's place for one bid, in one atomic step; expires by itself.
    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal>;
}

#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub line: LineIx,
    /// `None`: not known, or not permitted.
    pub listener: Option<ListenerKey>,
    pub moment: Moment,
}

#[derive(Clone, Copy, Debug)]
pub struct Hold {
    pub bid: BidId,
    pub line: LineIx,
    pub listener: Option<ListenerKey>,
    /// The most that the bid may cost, in the line's account currency.
    pub price: Money,
    pub moment: Moment,
    /// When no notice can be charged any more.
    pub expires: Moment,
    /// `test: 1`: the question is answered, nothing is taken.
    pub test: bool,
}
