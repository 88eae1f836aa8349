//! What has one line spent, and what is held for it? Two integers and the order they change in.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::pacing::{Dial, Pace};
use crate::base::units::ids::LineId;
use crate::base::units::money::Currency;

/// The live state of one line; survives swaps, shared by all worlds.
///
/// `committed` is spent plus held. It alone is what a hold is granted against, so one
/// compare-and-swap is the whole of the promise *spent + held ≤ total*.
#[derive(Debug)]
pub struct LineState {
    pub line: LineId,
    /// The account's currency, that all amounts here are in.
    pub currency: Currency,
    /// How it bids now.
    pub dial: Dial,
    total: AtomicI64,
    committed: AtomicI64,
    spent: AtomicI64,
    counts: [AtomicU64; Count::ALL.len()],
}

/// What is counted of each line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    Bids,
    Wins,
    Losses,
    Impressions,
    Starts,
    FirstQuartiles,
    Midpoints,
    ThirdQuartiles,
    Completes,
    Clicks,
    Errors,
    NotUsed,
    /// Billable events that were not charged: too late, or no funds remained.
    Disputed,
}

impl Count {
    pub const ALL: [Count; 13] = [
        Count::Bids,
        Count::Wins,
        Count::Losses,
        Count::Impressions,
        Count::Starts,
        Count::FirstQuartiles,
        Count::Midpoints,
        Count::ThirdQuartiles,
        Count::Completes,
        Count::Clicks,
        Count::Errors,
        Count::NotUsed,
        Count::Disputed,
    ];
}

impl LineState {
    pub(super) fn new(line: LineId, currency: Currency) -> LineState {
        LineState {
            line,
            currency,
            dial: Dial::new(Pace::FULL),
            total: AtomicI64::new(0),
            committed: AtomicI64::new(0),
            spent: AtomicI64::new(0),
            counts: [const { AtomicU64::new(0) }; Count::ALL.len()],
        }
    }

    /// Sets the total budget; `None` is without limit. May be less than what is committed.
    pub(super) fn set_total(&self, total: Option<i64>) {
        self.total.store(total.unwrap_or(i64::MAX), Ordering::Release);
    }

    pub fn total(&self) -> Option<i64> {
        Some(self.total.load(Ordering::Acquire)).filter(|&total| total != i64::MAX)
    }

    pub fn spent(&self) -> i64 {
        self.spent.load(Ordering::Acquire)
    }

    /// Exact when nothing is under way; never negative.
    pub fn held(&self) -> i64 {
        // Spent is read first: whatever moves to it in between is still in committed.
        let spent = self.spent();
        (self.committed.load(Ordering::Acquire) - spent).max(0)
    }

    /// Whether anything was ever spent, or is held.
    pub(super) fn is_committed(&self) -> bool {
        self.spent() != 0 || self.committed.load(Ordering::Acquire) != 0
    }

    pub fn money_left(&self) -> bool {
        self.committed.load(Ordering::Acquire) < self.total.load(Ordering::Acquire)
    }

    /// Whether `nanos` more would fit; takes nothing.
    pub(super) fn fits(&self, nanos: i64) -> bool {
        let committed = self.committed.load(Ordering::Acquire);
        nanos >= 0
            && committed
                .checked_add(nanos)
                .is_some_and(|after| after <= self.total.load(Ordering::Acquire))
    }

    /// Takes `nanos` if they fit; the only way in which `committed` grows under load.
    pub(super) fn commit(&self, nanos: i64) -> bool {
        if nanos < 0 {
            return false;
        }
        let total = self.total.load(Ordering::Acquire);
        let step = |committed: i64| committed.checked_add(nanos).filter(|&after| after <= total);
        self.committed.fetch_update(Ordering::AcqRel, Ordering::Acquire, step).is_ok()
    }

    /// Gives back what was held.
    pub(super) fn give_back(&self, nanos: i64) {
        let before = self.committed.fetch_sub(nanos, Ordering::AcqRel);
        debug_assert!(before >= nanos, "gave back more than was committed");
    }

    /// Turns `held` nanos, already committed, into `charge` spent ones. What is charged beyond
    /// the hold must fit the budget; if it does not, nothing is charged and the hold is given
    /// back.
    pub(super) fn spend(&self, held: i64, charge: i64) -> bool {
        let beyond = charge - held;
        if beyond > 0 && !self.commit(beyond) {
            self.give_back(held);
            return false;
        }
        self.spent.fetch_add(charge, Ordering::AcqRel);
        if beyond < 0 {
            self.give_back(-beyond);
        }
        true
    }

    /// At start: what the journal says was spent, whatever the budget says now.
    pub(super) fn restore(&self, nanos: i64) {
        self.committed.fetch_add(nanos, Ordering::AcqRel);
        self.spent.fetch_add(nanos, Ordering::AcqRel);
    }

    pub fn count(&self, count: Count) {
        self.counts[count as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back what was counted too early.
    pub(super) fn uncount(&self, count: Count) {
        self.counts[count as usize].fetch_sub(1, Ordering::Relaxed);
    }

    pub fn counted(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }
}
