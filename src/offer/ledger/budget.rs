//! How much of a budget is granted, free, held and spent?

use crate::base::units::time::Moment;

/// One budget in one currency. `granted` and what was paid in by funds always equal
/// `free + held + spent`: all moves are postings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// The limit that was set; nought without one, and for funds.
    pub granted: i64,
    pub free: i64,
    /// Leased to bids.
    pub held: i64,
    pub spent: i64,
    /// Whether there is a limit at all.
    pub limited: bool,
    /// How much beyond the limit may be leased.
    pub over: i64,
    /// When limits were set last: bids that are older were made under others.
    pub limited_at: Moment,
}

impl Budget {
    pub(super) const NONE: Budget = Budget {
        granted: 0,
        free: 0,
        held: 0,
        spent: 0,
        limited: false,
        over: 0,
        limited_at: Moment::from_unix_us(0),
    };

    /// What may be spent in all; for funds what was paid in.
    pub fn limit(&self) -> Option<i64> {
        self.limited.then_some(self.free.saturating_add(self.held).saturating_add(self.spent))
    }

    /// Up to where bids may commit it, spent included.
    pub fn ceiling(&self) -> i64 {
        self.held.saturating_add(self.spent)
    }

    /// Whether more is held or spent than the limit and what it may be exceeded by.
    pub(super) fn is_over(&self) -> bool {
        self.limited && self.free < -self.over
    }
}
