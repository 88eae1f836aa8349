//! How does a line bid now? Two parts of a million: of its price, and of the requests it joins.
//!
//! Read on the bid path (hot: two atomic loads), written by the controllers and the breaker.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use super::breaker::Fuse;
use crate::market::outcome::Refusal;

/// The whole of anything that is paced.
pub const PPM: u32 = 1_000_000;

/// What `live` says of a line that may bid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// The bid, as a part of the line's own price; dual pacing's 1 ÷ (1 + μ).
    pub bid_ppm: u32,
    /// The chance that the line joins a decision at all: the throttle's probability.
    pub pass_ppm: u32,
}

impl Pace {
    /// Unpaced: the whole price, every time.
    pub const FULL: Pace = Pace { bid_ppm: PPM, pass_ppm: PPM };

    /// At most the whole of either.
    pub fn new(bid_ppm: u32, pass_ppm: u32) -> Pace {
        Pace { bid_ppm: bid_ppm.min(PPM), pass_ppm: pass_ppm.min(PPM) }
    }

    /// A price at this pace, rounded down.
    pub fn shade(self, nanos: i64) -> i64 {
        if self.bid_ppm >= PPM {
            return nanos;
        }
        if let Some(parts) = nanos.checked_mul(i64::from(self.bid_ppm)).filter(|&p| p >= 0) {
            return parts / i64::from(PPM);
        }
        (i128::from(nanos) * i128::from(self.bid_ppm) / i128::from(PPM)) as i64
    }

    /// Whether a chance of sixty-four fair bits lets the line join.
    pub fn passes(self, chance: u64) -> bool {
        ((u128::from(chance) * u128::from(PPM)) >> 64) < u128::from(self.pass_ppm)
    }
}

/// The pace of one line, turned while decisions read it, and what its controllers go by.
#[derive(Debug)]
pub struct Dial {
    pace: AtomicU64,
    pub fuse: Fuse,
    /// It was asked since it was looked at last; and the looks that found it so.
    asked: AtomicBool,
    looks: AtomicU64,
    /// All that was ever held, in nanos: of strict budgets, and of expected ones.
    taken: AtomicI64,
    likely: AtomicI64,
}

impl Dial {
    pub fn new(pace: Pace) -> Dial {
        let (pace, fuse) = (AtomicU64::new(packed(pace)), Fuse::default());
        let (asked, looks) = (AtomicBool::new(false), AtomicU64::new(0));
        let (taken, likely) = (AtomicI64::new(0), AtomicI64::new(0));
        Dial { pace, fuse, asked, looks, taken, likely }
    }

    /// On the bid path: the pace, unless the breaker is open.
    pub fn ask(&self) -> Result<Pace, Refusal> {
        // Written once a look, so that decisions side by side only read it.
        if !self.asked.load(Ordering::Relaxed) {
            self.asked.store(true, Ordering::Relaxed);
        }
        if self.fuse.is_blown() { Err(Refusal::Breaker) } else { Ok(self.read()) }
    }

    pub fn read(&self) -> Pace {
        let packed = self.pace.load(Ordering::Relaxed);
        Pace { bid_ppm: (packed >> 32) as u32, pass_ppm: packed as u32 }
    }

    pub fn turn(&self, pace: Pace) {
        self.pace.store(packed(pace), Ordering::Relaxed);
    }

    /// A hold was granted: of strict budgets it took `nanos`, of expected ones `likely`.
    pub fn took(&self, nanos: i64, likely: i64) {
        self.taken.fetch_add(nanos, Ordering::Relaxed);
        self.likely.fetch_add(likely, Ordering::Relaxed);
    }

    /// A look: how many found that it had been asked since the one before, and all that was ever
    /// held of strict and expected budgets.
    pub fn counts(&self) -> (u64, i64, i64) {
        let asked = u64::from(self.asked.swap(false, Ordering::Relaxed));
        let looks = self.looks.fetch_add(asked, Ordering::Relaxed) + asked;
        (looks, self.taken.load(Ordering::Relaxed), self.likely.load(Ordering::Relaxed))
    }
}

fn packed(pace: Pace) -> u64 {
    u64::from(pace.bid_ppm) << 32 | u64::from(pace.pass_ppm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_shaded_exactly_and_downwards() {
        assert_eq!(Pace::FULL.shade(i64::MAX), i64::MAX);
        assert_eq!(Pace::new(500_000, PPM).shade(7), 3);
        assert_eq!(Pace::new(999_999, PPM).shade(4_000_000), 3_999_996);
        assert_eq!(Pace::new(1, PPM).shade(999_999), 0);
        assert_eq!(Pace::new(PPM - 1, PPM).shade(i64::MAX), 9_223_362_813_482_738_952);
        assert_eq!(Pace::new(0, PPM).shade(5), 0);
        assert_eq!(Pace::new(u32::MAX, u32::MAX), Pace::FULL);
    }

    #[test]
    fn chance_passes_as_often_as_is_said() {
        assert!(Pace::FULL.passes(u64::MAX) && Pace::FULL.passes(0));
        assert!(!Pace::new(PPM, 0).passes(0));
        let half = Pace::new(PPM, PPM / 2);
        assert!(half.passes(u64::MAX / 2) && !half.passes(u64::MAX / 2 + 1));
    }

    #[test]
    fn a_dial_reads_what_it_was_turned_to() {
        let dial = Dial::new(Pace::FULL);
        assert_eq!(dial.read(), Pace::FULL);
        let slow = Pace::new(123_456, 7);
        dial.turn(slow);
        assert_eq!(dial.ask(), Ok(slow));
        dial.fuse.set(true);
        assert_eq!(dial.ask(), Err(Refusal::Breaker));
        assert_eq!(dial.read(), slow);
    }

    #[test]
    fn a_question_is_seen_once() {
        let dial = Dial::new(Pace::FULL);
        assert_eq!(dial.counts(), (0, 0, 0));
        assert!((0..3).all(|_| dial.ask().is_ok()));
        dial.took(5, 1);
        dial.took(6, 2);
        assert_eq!(dial.counts(), (1, 11, 3));
        assert_eq!(dial.counts(), (1, 11, 3));
    }
}
