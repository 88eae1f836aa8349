//! How much of one budget is taken? Five integers; the money core. Hot.
//!
//! Used by every hold, charge and release. The one number that a hold is granted against is
//! `room`, what may still be taken: the bound, which is the lesser of limit and ceiling, less what
//! is committed. A hold is one step down of that number, so `committed ≤ min(limit, ceiling)`
//! holds at all times under all races: a change of limit or ceiling is a step of the same number.
//!
//! - The *limit* is what the budget may come to. It may be set below what is committed: new holds
//!   stop, those in flight still charge.
//! - The *ceiling* is what the journal says may be committed: the lease. It may stand above the
//!   limit by what an expected budget's charges may come to more than its holds.
//! - The *ghost* is that part of what is committed which stands for bids of before the start.
//!
//! Atomics come in through one name of the parent's, so that `tests/loom.rs` can include this
//! very file and try all interleavings. Whoever moves the bound (`seed`, `set_limit`, `grant`,
//! `lower`) or charges beyond a hold (`stretch`) does so alone: they share a lock of the book's.

use super::atomics::{AtomicI64, Ordering};

/// One budget's hot state; amounts in nanos of the account's currency.
#[derive(Debug)]
#[repr(align(64))]
pub struct Purse {
    /// Bound less committed; below nought after the limit was lowered, or charges came to more
    /// than was held for them.
    room: AtomicI64,
    spent: AtomicI64,
    ghost: AtomicI64,
    /// The lesser of limit and ceiling: what `room` is counted from.
    bound: AtomicI64,
    limit: AtomicI64,
    ceiling: AtomicI64,
}

/// The limit of a budget without one; such a purse is never asked for a hold.
pub const UNLIMITED: i64 = i64::MAX;

impl Purse {
    /// Nothing is spent, nothing may be taken yet: neither limit nor lease.
    pub fn new() -> Purse {
        Purse {
            room: AtomicI64::new(0),
            spent: AtomicI64::new(0),
            ghost: AtomicI64::new(0),
            bound: AtomicI64::new(0),
            limit: AtomicI64::new(0),
            ceiling: AtomicI64::new(0),
        }
    }

    /// Takes `nanos` if they fit into limit and lease; the only way in which holds come about.
    pub fn take(&self, nanos: i64) -> bool {
        nanos >= 0 && self.step_down(nanos, 0)
    }

    /// Whether `nanos` would fit; takes nothing.
    pub fn fits(&self, nanos: i64) -> bool {
        nanos >= 0 && self.room.load(Ordering::Acquire) >= nanos
    }

    /// Whether `nanos` would fit if the lease were as large as the limit.
    pub fn could_pay(&self, nanos: i64) -> bool {
        let beyond_lease = self.limit() - self.bound.load(Ordering::Acquire);
        self.room.load(Ordering::Acquire).saturating_add(beyond_lease) >= nanos.max(0)
    }

    /// Gives back what was taken.
    pub fn give_back(&self, nanos: i64) {
        debug_assert!(nanos >= 0, "gave back less than nothing");
        self.room.fetch_add(nanos, Ordering::AcqRel);
    }

    /// Takes `nanos` for a charge that no hold covers: within the lease, and within the limit and
    /// `over` beyond it.
    pub fn stretch(&self, nanos: i64, over: i64) -> bool {
        let most = self.ceiling().min(self.limit().saturating_add(over));
        let beyond = most.saturating_sub(self.bound.load(Ordering::Acquire)).max(0);
        nanos >= 0 && self.step_down(nanos, -beyond)
    }

    /// As [`Purse::stretch`], of a budget without limit: whatever it comes to.
    pub fn add(&self, nanos: i64) {
        self.room.fetch_sub(nanos, Ordering::AcqRel);
    }

    /// Turns `held` nanos that were taken into `charge` spent ones, `charge` being no more.
    pub fn spend(&self, held: i64, charge: i64) {
        debug_assert!((0..=held).contains(&charge), "spent what was not held");
        self.spent.fetch_add(charge, Ordering::AcqRel);
        self.give_back(held - charge);
    }

    /// Takes up to `most` out of the ghost: they are the caller's, to be spent or given back.
    pub fn draw(&self, most: i64) -> i64 {
        let step = |ghost: i64| (ghost > 0).then(|| ghost - most.clamp(0, ghost));
        let before = self.ghost.fetch_update(Ordering::AcqRel, Ordering::Acquire, step);
        before.map_or(0, |ghost| most.clamp(0, ghost))
    }

    /// Gives back to the ghost what was drawn.
    pub fn redraw(&self, nanos: i64) {
        self.ghost.fetch_add(nanos, Ordering::AcqRel);
    }

    /// The last ticket of before the start has expired: what is left of the ghost is free again.
    pub fn lay_ghost(&self) -> i64 {
        let left = self.ghost.swap(0, Ordering::AcqRel);
        self.give_back(left);
        left
    }

    /// At start: what the journal says was spent, and leased beyond that.
    pub fn seed(&self, spent: i64, ceiling: i64) {
        let ghost = (ceiling.saturating_sub(spent)).max(0);
        self.ceiling.store(ceiling.max(spent), Ordering::Release);
        self.ghost.store(ghost, Ordering::Release);
        self.spent.store(spent, Ordering::Release);
        self.room.fetch_sub(spent + ghost, Ordering::AcqRel);
        self.rebound();
    }

    /// Sets what the budget may come to; may be less than what is committed.
    pub fn set_limit(&self, limit: i64) {
        self.limit.store(limit, Ordering::Release);
        self.rebound();
    }

    /// The journal has it: holds may be taken up to this ceiling. Never lowers it.
    pub fn grant(&self, ceiling: i64) {
        if ceiling > self.ceiling() {
            self.ceiling.store(ceiling, Ordering::Release);
            self.rebound();
        }
    }

    /// Lowers the ceiling to `to`, or as far as what is committed lets it; gives what it is now,
    /// for the journal.
    pub fn lower(&self, to: i64) -> i64 {
        let to = to.max(self.committed());
        if to >= self.ceiling() {
            return self.ceiling();
        }
        // Room first: whoever takes meanwhile takes from what is left.
        let bound = self.bound.load(Ordering::Acquire);
        let got = self.step_down_at_most((bound - to).max(0));
        self.bound.store(bound - got, Ordering::Release);
        let ceiling = to.max(bound - got);
        self.ceiling.store(ceiling, Ordering::Release);
        ceiling
    }

    /// Brings the bound, and room with it, to the lesser of limit and ceiling.
    fn rebound(&self) {
        let bound = self.limit().min(self.ceiling());
        let before = self.bound.swap(bound, Ordering::AcqRel);
        self.room.fetch_add(bound - before, Ordering::AcqRel);
    }

    fn step_down(&self, nanos: i64, floor: i64) -> bool {
        let step = |room: i64| room.checked_sub(nanos).filter(|&after| after >= floor);
        self.room.fetch_update(Ordering::AcqRel, Ordering::Acquire, step).is_ok()
    }

    fn step_down_at_most(&self, nanos: i64) -> i64 {
        let step = |room: i64| (room > 0).then(|| room - nanos.min(room));
        let before = self.room.fetch_update(Ordering::AcqRel, Ordering::Acquire, step);
        before.map_or(0, |room| nanos.min(room))
    }

    pub fn is_limited(&self) -> bool {
        self.limit.load(Ordering::Relaxed) != UNLIMITED
    }

    pub fn limit(&self) -> i64 {
        self.limit.load(Ordering::Acquire)
    }

    pub fn ceiling(&self) -> i64 {
        self.ceiling.load(Ordering::Acquire)
    }

    pub fn spent(&self) -> i64 {
        self.spent.load(Ordering::Acquire)
    }

    pub fn ghost(&self) -> i64 {
        self.ghost.load(Ordering::Acquire)
    }

    /// Spent and held; exact when nothing is under way.
    pub fn committed(&self) -> i64 {
        let room = self.room.load(Ordering::Acquire);
        self.bound.load(Ordering::Acquire).saturating_sub(room)
    }

    /// Held, ghost included; exact when nothing is under way, never negative.
    pub fn held(&self) -> i64 {
        // Spent is read first: whatever moves to it in between is still in committed.
        let spent = self.spent();
        (self.committed() - spent).max(0)
    }
}

impl Default for Purse {
    fn default() -> Purse {
        Purse::new()
    }
}
