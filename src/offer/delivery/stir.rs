//! Which lines must the next turn look at? Those whose budgets moved since the last one, so that a
//! turn costs what happened and not what there is.
//!
//! A line is *stirred* by everything that changes what it has taken or may take: its terms, holds,
//! charges, releases, a new day. It stays so until its leases are what they would be left at. Off
//! the bid path, but for [`Book::fell_short`], which neither locks nor allocates.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::book::Book;
use super::line::LineState;
use crate::base::units::time::Moment;

/// Lines that may be short of a lease at once; others ask again.
pub(super) const SHORT_MAX: usize = 1024;

impl Book {
    /// The next turn looks at this line, its campaign and its days.
    pub(super) fn stir(&self, state: &Arc<LineState>) {
        if !state.stirred.swap(true, Ordering::AcqRel) {
            self.stirred().push(Arc::clone(state));
        }
    }

    pub(super) fn stir_all(&self) {
        self.lines.iter().for_each(|state| self.stir(&state));
    }

    /// A bid of this price was refused. Where limits have the money and only leases do not, a
    /// turn is wanted at once.
    pub(super) fn fell_short(&self, state: &Arc<LineState>, price: i64, moment: Moment) {
        if !self.leased || !state.could_pay(price, moment) {
            return;
        }
        let stirred = state.stirred.swap(true, Ordering::AcqRel);
        if !stirred && self.short.push(Arc::clone(state)).is_err() {
            state.stirred.store(false, Ordering::Release);
        }
        self.hurry.store(true, Ordering::Release);
    }

    /// Whether bids are refused for want of a lease: a turn should not be waited for.
    pub fn is_short(&self) -> bool {
        self.hurry.load(Ordering::Acquire)
    }

    /// All stirred lines, by their ids; they are looked at from now on, so whatever moves stirs
    /// them anew.
    pub(super) fn take_stirred(&self) -> Vec<Arc<LineState>> {
        self.hurry.store(false, Ordering::Release);
        let mut lines = std::mem::take(&mut *self.stirred());
        lines.extend(std::iter::from_fn(|| self.short.pop()));
        lines.sort_unstable_by_key(|state| (state.line, state.currency));
        for state in &lines {
            state.stirred.store(false, Ordering::Release);
        }
        lines
    }

    /// Whether a world has this line, or a hold; `mine`: how often whoever asks has it.
    pub(super) fn is_used(state: &Arc<LineState>, mine: usize) -> bool {
        let listed = usize::from(state.stirred.load(Ordering::Acquire));
        Arc::strong_count(state) > 1 + listed + mine
    }

    /// Lines that are forgotten need not be looked at.
    pub(super) fn settle_stirred(&self) {
        let is_known =
            |state: &Arc<LineState>| self.lines.contains_key(&(state.line, state.currency));
        self.stirred().retain(is_known);
    }

    fn stirred(&self) -> MutexGuard<'_, Vec<Arc<LineState>>> {
        // A panic under the lock leaves a list that is whole.
        self.stirred.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
