//! Which took longest? The slowest few of the last minutes, whatever they are.
//!
//! Offered to by the bid path (hot: one read of an atomic for all but the slowest; a lock that is
//! tried and never waited for by those), read by the admin door (cold). Bounded: two spans of time
//! with so many places each; the older span is forgotten whole.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many are kept of each span.
pub const KEPT: usize = 32;

/// What is shown are those of this span and of the one before: five to ten minutes.
const SPAN_S: i64 = 300;

/// The slowest things of the last minutes.
pub struct Slowest<T> {
    /// Not slower than this, in the span that this is of: not kept.
    floor_ns: AtomicU64,
    span: AtomicI64,
    kept: Mutex<Kept<T>>,
}

struct Kept<T> {
    span: i64,
    now: Vec<(Duration, T)>,
    before: Vec<(Duration, T)>,
}

impl<T: Copy> Default for Slowest<T> {
    fn default() -> Slowest<T> {
        let room = || Vec::with_capacity(KEPT);
        let kept = Mutex::new(Kept { span: 0, now: room(), before: room() });
        Slowest { floor_ns: AtomicU64::new(0), span: AtomicI64::new(0), kept }
    }
}

impl<T: Copy> Slowest<T> {
    /// One that ended at `now_s` and took so long. Who meets another at the lock is left out.
    pub fn offer(&self, now_s: i64, took: Duration, make: impl FnOnce() -> T) {
        let span = now_s.div_euclid(SPAN_S);
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if span <= self.span.load(Relaxed) && ns <= self.floor_ns.load(Relaxed) {
            return;
        }
        let Ok(mut kept) = self.kept.try_lock() else { return };
        kept.turn(span);
        self.span.store(kept.span, Relaxed);
        if kept.now.len() < KEPT {
            kept.now.push((took, make()));
        } else if let Some(least) = kept.now.iter_mut().min_by_key(|(took, _)| *took)
            && least.0 < took
        {
            *least = (took, make());
        }
        let full = kept.now.len() == KEPT;
        let least = kept.now.iter().map(|(took, _)| *took).min().filter(|_| full);
        let least = least.map_or(0, |least| u64::try_from(least.as_nanos()).unwrap_or(u64::MAX));
        self.floor_ns.store(least, Relaxed);
    }

    /// The slowest first.
    pub fn list(&self, now_s: i64) -> Vec<(Duration, T)> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn(now_s.div_euclid(SPAN_S));
        let mut all: Vec<_> = kept.now.iter().chain(&kept.before).copied().collect();
        drop(kept);
        all.sort_by_key(|(took, _)| std::cmp::Reverse(*took));
        all.truncate(KEPT);
        all
    }
}

impl<T> Kept<T> {
    fn turn(&mut self, span: i64) {
        if span > self.span {
            std::mem::swap(&mut self.now, &mut self.before);
            self.now.clear();
            if span > self.span + 1 {
                self.before.clear();
            }
            self.span = span;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_795_435_200;

    fn listed(slowest: &Slowest<u64>, now_s: i64) -> Vec<u64> {
        slowest.list(now_s).into_iter().map(|(_, id)| id).collect()
    }

    #[test]
    fn the_slowest_stay_in_whatever_order_they_come() {
        let slowest = Slowest::default();
        // Every number below 1009 once, in no order: 1009 is a prime.
        for i in 1..1009_u64 {
            let id = i * 577 % 1009;
            slowest.offer(NOW_S, Duration::from_micros(id), || id);
        }
        let wanted: Vec<u64> = (0..KEPT as u64).map(|i| 1008 - i).collect();
        assert_eq!(listed(&slowest, NOW_S), wanted);
    }

    #[test]
    fn what_is_long_ago_makes_room() {
        let slowest = Slowest::default();
        for id in 0..KEPT as u64 {
            slowest.offer(NOW_S, Duration::from_secs(9), || id);
        }
        slowest.offer(NOW_S + SPAN_S, Duration::from_micros(1), || 100);
        assert_eq!(listed(&slowest, NOW_S + SPAN_S).len(), KEPT);
        slowest.offer(NOW_S + 2 * SPAN_S, Duration::from_micros(2), || 101);
        assert_eq!(listed(&slowest, NOW_S + 2 * SPAN_S), [101, 100]);
        assert_eq!(listed(&slowest, NOW_S + 9 * SPAN_S), [0_u64; 0]);
    }
}
