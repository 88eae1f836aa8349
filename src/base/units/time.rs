//! What time is it? A value that is passed in, so that the same decision can be taken again.
//!
//! The bid path never reads a clock: it is given a [`Moment`]. Doors and background loops read
//! theirs from a [`Clock`], which tests and replays set.

use std::sync::atomic::{AtomicI64, Ordering};

/// An instant of the wall clock: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Moment {
    pub unix_us: i64,
}

impl Moment {
    pub const fn from_unix_us(unix_us: i64) -> Moment {
        Moment { unix_us }
    }

    pub const fn from_unix_s(unix_s: i64) -> Moment {
        Moment { unix_us: unix_s * 1_000_000 }
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn unix_s(self) -> i64 {
        self.unix_us.div_euclid(1_000_000)
    }

    /// The first whole second that is not before it.
    pub const fn whole_s_up(self) -> Moment {
        let part = self.unix_us.rem_euclid(1_000_000);
        let rest = if part == 0 { 0 } else { 1_000_000 - part };
        Moment { unix_us: self.unix_us.saturating_add(rest) }
    }

    pub const fn plus_s(self, seconds: i64) -> Moment {
        Moment { unix_us: self.unix_us.saturating_add(seconds.saturating_mul(1_000_000)) }
    }
}

/// Where the time comes from. Implementations are cheap and never fail.
pub trait Clock: Send + Sync {
    fn now(&self) -> Moment;
}

/// The machine's wall clock: the one place that reads it.
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Moment {
        #[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Moment { unix_us: since.map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)) }
    }
}

/// A clock that stands where it was set; for tests, replay and simulation.
pub struct SetClock(AtomicI64);

impl SetClock {
    pub const fn new(moment: Moment) -> SetClock {
        SetClock(AtomicI64::new(moment.unix_us))
    }

    pub fn set(&self, moment: Moment) {
        self.0.store(moment.unix_us, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Moment {
        Moment { unix_us: self.0.load(Ordering::Relaxed) }
    }
}
