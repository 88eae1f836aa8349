//! Does a budget run out faster than anything can explain? A second opinion on every paced budget.
//!
//! Independent of the controllers: it reads what was committed from the purses and has a plan of
//! its own, so that a defect of theirs cannot blind it. Cold; turned by the same loop, before
//! them. What trips is refused on the bid path by one flag of the line, [`Fuse`].
//!
//! The plan of a budget is what is left of it, evenly over the time that is left, times an
//! allowance for busy hours. What is spent, and the part of the held that usually becomes so, may
//! run ahead of it by a little (`slack`): beyond that, or when it grows twenty times as fast for
//! four seconds, the breaker trips. Trips are kept in memory only: a process that starts begins
//! with every fuse whole, at the slow start of the controllers.

use std::sync::atomic::{AtomicBool, Ordering};

/// One line's flag, read on the bid path.
#[derive(Debug, Default)]
pub struct Fuse(AtomicBool);

impl Fuse {
    pub fn is_blown(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, blown: bool) {
        self.0.store(blown, Ordering::Relaxed);
    }
}

const DAY_S: f64 = 86_400.0;
/// Busy hours, catching up, noise: so many times the even plan is no runaway.
const ALLOWED: f64 = 3.0;
/// What may run ahead of that, of a day's budget …
const SLACK: f64 = 0.006;
/// … but never less than so many impressions.
const SLACK_IMPRESSIONS: f64 = 25.0;
/// So many times the allowed rate is a runaway at once.
const SURGE: f64 = 8.0;
const SURGE_S: f64 = 4.0;
/// A budget's last minutes may spend what is left.
const END_S: f64 = 120.0;
/// Before anything was held: the part of it that becomes spent.
const YIELD: f64 = 0.3;

/// What the breaker knows of one budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breaker {
    /// How much more may be committed now.
    room: f64,
    reckoned: Option<f64>,
    /// What came in the stretch at hand, and how long it is.
    surge: (f64, f64),
    /// Seconds until it lets bids through again.
    cooling_s: f64,
}

/// One budget as its purse shows it; amounts in nanos.
#[derive(Clone, Copy, Debug)]
pub struct Watched {
    pub dt_s: f64,
    pub limit: f64,
    pub spent: f64,
    pub held: f64,
    /// Everything that was ever held of it.
    pub taken: f64,
    /// How long the budget lasts, and how long it lasts yet.
    pub span_s: f64,
    pub left_s: f64,
    /// About what an impression costs.
    pub price: f64,
    /// The busiest hour's multiple of the average one, and the lead of a plan that runs ahead.
    pub peak: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Calm,
    /// Just now.
    Tripped,
    /// Still held back.
    Cooling,
    /// Just now whole again.
    Mended,
}

impl Breaker {
    pub const fn new() -> Breaker {
        Breaker { room: f64::MAX, reckoned: None, surge: (0.0, 0.0), cooling_s: 0.0 }
    }

    pub fn turn(&mut self, at: &Watched, cool_down_s: f64) -> Verdict {
        let reckoned = at.reckoned();
        let before = self.reckoned.replace(reckoned).unwrap_or(reckoned);
        let grown = (reckoned - before).max(0.0);
        if self.cooling_s > 0.0 {
            self.cooling_s -= at.dt_s;
            if self.cooling_s > 0.0 {
                return Verdict::Cooling;
            }
            self.mend();
            return Verdict::Mended;
        }
        let allowed = at.allowed_per_s(before);
        let slack = at.slack();
        self.room = (self.room + allowed * at.dt_s).min(slack) - grown;
        let (sum, seconds) = (self.surge.0 + grown, self.surge.1 + at.dt_s);
        let surged = sum > (SURGE * allowed * SURGE_S).max(SLACK_IMPRESSIONS * at.price);
        self.surge = if seconds >= SURGE_S { (0.0, 0.0) } else { (sum, seconds) };
        if self.room >= 0.0 && !surged {
            return Verdict::Calm;
        }
        self.cooling_s = cool_down_s.max(1.0);
        Verdict::Tripped
    }

    /// By an admin's word or after its time: whole again.
    pub fn mend(&mut self) {
        *self = Breaker { reckoned: self.reckoned, ..Breaker::new() };
    }

    pub fn is_tripped(&self) -> bool {
        self.cooling_s > 0.0
    }

    /// For how long it lets no bids through yet.
    pub fn cooling_s(&self) -> f64 {
        self.cooling_s.max(0.0)
    }
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker::new()
    }
}

impl Watched {
    /// Spent, and what of the held will be, going by all that was held before.
    fn reckoned(&self) -> f64 {
        let known = SLACK_IMPRESSIONS * self.price;
        let part = (self.spent + YIELD * known) / (self.taken.max(self.spent) + known);
        self.spent + part.clamp(0.0, 1.0) * self.held
    }

    fn allowed_per_s(&self, reckoned: f64) -> f64 {
        let even = self.limit / self.span_s.max(1.0);
        let rest = (self.limit - reckoned).max(0.0) / self.left_s.max(END_S.min(self.span_s));
        ALLOWED.max(2.0 * self.peak) * even.max(rest)
    }

    fn slack(&self) -> f64 {
        let of_day = self.limit * (DAY_S / self.span_s.max(1.0)).min(1.0);
        (SLACK * of_day).max(SLACK_IMPRESSIONS * self.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: f64 = 1e12;
    const PRICE: f64 = 4e6;

    /// One budget of a day whose spending runs at `rates(second)` times the even plan; with how
    /// much was spent until it tripped, if it did.
    fn trips(per_day: f64, rates: impl Fn(i32) -> f64) -> Option<(i32, f64)> {
        let (mut breaker, mut spent) = (Breaker::new(), 0.0);
        for second in 0..86_400 {
            spent += rates(second) * per_day / DAY_S;
            let at = Watched {
                dt_s: 1.0,
                limit: per_day,
                spent,
                held: 0.0,
                taken: spent,
                span_s: DAY_S,
                left_s: DAY_S - f64::from(second),
                price: PRICE,
                peak: 1.7,
            };
            if breaker.turn(&at, 300.0) == Verdict::Tripped {
                return Some((second, spent));
            }
        }
        None
    }

    #[test]
    fn what_a_plan_explains_does_not_trip() {
        let day = |second: i32| f64::from(second) / DAY_S * std::f64::consts::TAU;
        assert_eq!(trips(LIMIT, |second| 1.0 + 0.7 * day(second).sin()), None);
        // Half the day was silent, and the rest is caught up.
        assert_eq!(trips(LIMIT, |second| if second < 43_200 { 0.0 } else { 2.0 }), None);
        // Twenty-three hours were.
        assert_eq!(trips(LIMIT, |second| if second < 82_800 { 0.0 } else { 24.0 }), None);
        // A small budget: an impression a minute, now and then three at once.
        let small = 1440.0 * PRICE;
        let burst = |second: i32| if second % 180 == 0 { 180.0 } else { 0.0 };
        assert_eq!(trips(small, burst), None);
    }

    #[test]
    fn a_runaway_of_a_hundred_trips_in_five_seconds_before_one_hundredth_is_gone() {
        let from = 30_000;
        let runaway = |second: i32| if second >= from { 100.0 } else { 1.0 };
        let (second, spent) = trips(LIMIT, runaway).unwrap();
        let plan = f64::from(second) / DAY_S * LIMIT;
        assert!(second < from + 5, "{second}");
        assert!(spent - plan < 0.01 * LIMIT, "{}", (spent - plan) / LIMIT);
    }

    #[test]
    fn a_slow_runaway_trips_before_one_hundredth_is_gone() {
        for factor in [6.0, 10.0, 30.0] {
            let from = 30_000;
            let runaway = |second: i32| if second >= from { factor } else { 1.0 };
            let (second, spent) = trips(LIMIT, runaway).unwrap();
            let allowed = f64::from(second - from) * 3.4 / DAY_S * LIMIT;
            let beyond = spent - f64::from(from) / DAY_S * LIMIT - allowed;
            assert!(beyond < 0.01 * LIMIT, "{factor}: {}", beyond / LIMIT);
        }
    }

    #[test]
    fn it_comes_back_after_its_time_or_by_an_admins_word() {
        let mut breaker = Breaker::new();
        let at = |spent: f64| Watched {
            dt_s: 1.0,
            limit: LIMIT,
            spent,
            held: 0.0,
            taken: spent,
            span_s: DAY_S,
            left_s: DAY_S / 2.0,
            price: PRICE,
            peak: 1.0,
        };
        assert_eq!(breaker.turn(&at(0.0), 30.0), Verdict::Calm);
        assert_eq!(breaker.turn(&at(LIMIT / 10.0), 30.0), Verdict::Tripped);
        let cooling = (0..29).filter(|_| breaker.turn(&at(LIMIT / 10.0), 30.0) == Verdict::Cooling);
        assert_eq!(cooling.count(), 29);
        assert_eq!(breaker.turn(&at(LIMIT / 10.0), 30.0), Verdict::Mended);
        assert_eq!(breaker.turn(&at(LIMIT / 10.0), 30.0), Verdict::Calm);
        assert_eq!(breaker.turn(&at(LIMIT / 5.0), 30.0), Verdict::Tripped);
        breaker.mend();
        assert!(!breaker.is_tripped());
        assert_eq!(breaker.turn(&at(LIMIT / 5.0), 30.0), Verdict::Calm);
    }

    #[test]
    fn holds_that_mostly_lapse_are_no_runaway() {
        // No win notices: one bid in ten is charged, the others are held for an hour.
        let (mut breaker, mut spent, mut held, mut taken) = (Breaker::new(), 0.0, 0.0, 0.0);
        for second in 0..20_000 {
            let plan = LIMIT / DAY_S;
            spent += plan;
            taken += 10.0 * plan;
            held += 9.0 * plan - if second >= 3600 { 9.0 * plan } else { 0.0 };
            let at = Watched {
                dt_s: 1.0,
                limit: LIMIT,
                spent,
                held,
                taken,
                span_s: DAY_S,
                left_s: DAY_S - f64::from(second),
                price: PRICE,
                peak: 1.0,
            };
            assert_eq!(breaker.turn(&at, 300.0), Verdict::Calm, "second {second}");
        }
    }
}
