//! Which bid does a notice speak of? A signed, expiring receipt in every URL we hand out.
//!
//! Issued by `decide` when it renders, verified by `notice`; hot in both.

use crate::base::units::ids::LineId;
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;

/// Who may present a ticket: what the exchange gets is no good to the player, and the reverse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// `nurl`, `burl`, `lurl`
    Exchange,
    /// Impression, quartiles, click: what stands in the VAST.
    Player,
}

/// What is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    pub channel: Channel,
    /// Names the bid, its hold and its ledger entries.
    pub bid: BidId,
    pub line: LineId,
    pub exchange: ExchangeIx,
    /// The price that was bid, for one impression.
    pub price: Money,
    pub expires: Moment,
    /// `test: 1`: counts, never charges.
    pub test: bool,
}

/// A bid: the decision's coin mixed with the bid's number in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BidId(pub u64);
