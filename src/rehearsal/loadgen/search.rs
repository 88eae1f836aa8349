//! Where is the knee? The highest rate that a bidder stands, found in a bounded number of steps.
//!
//! Used by `interlude load --find-capacity`; cold. After a light step the rate doubles until a step
//! is not stood, then the gap between what was stood and what was not is halved until it is a few
//! percent.

use std::time::Duration;

use serde::Serialize;

use super::figures::Figures;

/// What it is to stand a rate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bar {
    pub p99: Duration,
    /// Of the requests, how many are answered within `tmax`.
    pub in_time_share: f64,
    /// Of the requests, how many may end in errors.
    pub error_share: f64,
    /// A bidder that turns away what it cannot decide says 204 in time: so the share of bids must
    /// stay so close to that of the light steps, but for chance.
    pub bid_share: f64,
}

impl Default for Bar {
    fn default() -> Bar {
        let p99 = Duration::from_millis(50);
        Bar { p99, in_time_share: 0.98, error_share: 0.001, bid_share: 0.95 }
    }
}

/// One rate that was tried.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Step {
    pub offered_per_s: f64,
    pub answered_per_s: f64,
    pub goodput_per_s: f64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub p99_9_us: u64,
    pub server_cpu_us_per_request: Option<f64>,
    /// Why it was not stood.
    pub refused: Option<&'static str>,
}

/// The search so far.
#[derive(Clone, Debug)]
pub struct Search {
    bar: Bar,
    first: f64,
    /// Bids and requests of the lightest steps.
    light: (u64, u64),
    stood: Option<f64>,
    refused: Option<f64>,
    pub steps: Vec<Step>,
}

const STEPS_MAX: usize = 20;
/// What was stood and what was not lie no farther apart in the end.
const NEAR: f64 = 1.04;
/// So much less than the first rate is the lightest.
const LIGHT: f64 = 10.0;
/// From so many requests on their share of bids is known well enough.
const LIGHT_MIN: u64 = 500;
/// Less than this nobody wants to know.
const RATE_MIN: f64 = 1.0;

impl Search {
    /// `first`: where it begins, after a step at a tenth of that.
    pub fn new(first: f64, bar: Bar) -> Search {
        Search { bar, first, light: (0, 0), stood: None, refused: None, steps: Vec::new() }
    }

    /// The rate to try next; `None`: it is known, or as well as it will be.
    pub fn next_rate(&self) -> Option<f64> {
        let rate = match (self.stood, self.refused) {
            // What it bids on when it has time: that is what the others are held against.
            (None, None) => self.first / LIGHT,
            (Some(stood), None) => stood * 2.0,
            (None, Some(refused)) => refused / 4.0,
            (Some(stood), Some(refused)) if refused / stood <= NEAR => return None,
            (Some(stood), Some(refused)) => (stood * refused).sqrt(),
        };
        (self.steps.len() < STEPS_MAX && (RATE_MIN..=1e6).contains(&rate)).then_some(rate)
    }

    /// What came of that rate.
    pub fn tried(&mut self, rate: f64, figures: &Figures) -> &Step {
        let refused = self.refused(figures);
        match refused {
            None => self.stood = Some(self.stood.map_or(rate, |stood| stood.max(rate))),
            Some(_) => self.refused = Some(self.refused.map_or(rate, |known| known.min(rate))),
        }
        let at = self.steps.len();
        self.steps.push(Step {
            offered_per_s: figures.offered_per_s,
            answered_per_s: figures.answered_per_s,
            goodput_per_s: figures.goodput_per_s,
            p50_us: figures.p50_us,
            p99_us: figures.p99_us,
            p99_9_us: figures.p99_9_us,
            server_cpu_us_per_request: figures.server_cpu_us_per_request,
            refused,
        });
        &self.steps[at]
    }

    /// The highest rate that was stood.
    pub fn capacity_per_s(&self) -> Option<f64> {
        self.stood
    }

    /// What is so far below the light steps' share is no chance.
    fn least_bid_share(&self, due: u64) -> f64 {
        let (bids, of) = (self.light.0 as f64, self.light.1 as f64);
        let share = (bids + 1.0) / (of + 2.0);
        let spread = (share * (1.0 - share) * (1.0 / of.max(1.0) + 1.0 / due.max(1) as f64)).sqrt();
        bids / of.max(1.0) * self.bar.bid_share - 3.0 * spread
    }

    fn refused(&mut self, figures: &Figures) -> Option<&'static str> {
        let counts = &figures.counts;
        let share = |count: u64| count as f64 / counts.due.max(1) as f64;
        let reason = if share(counts.errors) > self.bar.error_share {
            "errors"
        } else if share(counts.in_time()) < self.bar.in_time_share {
            "answers beyond tmax"
        } else if figures.p99_us > self.bar.p99.as_micros() as u64 {
            "p99"
        } else if share(counts.bids_in_time) < self.least_bid_share(counts.due) {
            "turned away"
        } else {
            if self.light.1 < LIGHT_MIN {
                self.light.0 += counts.bids_in_time;
                self.light.1 += counts.due;
            }
            return None;
        };
        // What is sent late is answered late, whatever the bidder does.
        let reason =
            if figures.generator.was_the_limit { "the generator was late" } else { reason };
        Some(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::loadgen::exchange::Told;
    use crate::rehearsal::loadgen::figures::{Generator, Sheet};

    /// A bidder with this capacity that says 204 to what is beyond it.
    fn figures(rate: f64, capacity: f64, bend: impl FnOnce(&mut Figures)) -> Figures {
        let second = Duration::from_secs(1);
        let mut sheet = Sheet::new(second);
        sheet.now.due = rate as u64;
        sheet.now.bids = (rate.min(capacity) * 0.9) as u64;
        sheet.now.bids_in_time = sheet.now.bids;
        sheet.now.no_bids = rate as u64 - sheet.now.bids;
        let still = (None, Generator::default());
        let mut figures = Figures::of(sheet, &Told::default(), (second, second), still);
        bend(&mut figures);
        figures
    }

    #[test]
    fn the_knee_is_found_within_its_bounds_wherever_it_lies() {
        for capacity in [777.0, 12_345.0, 400_000.0] {
            let mut search = Search::new(500.0, Bar::default());
            while let Some(rate) = search.next_rate() {
                search.tried(rate, &figures(rate, capacity, |_| ()));
            }
            let found = search.capacity_per_s().unwrap();
            assert!((0.7..1.25).contains(&(found / capacity)), "{found} of {capacity}");
            assert!(search.steps.len() <= STEPS_MAX);
        }
    }

    #[test]
    fn each_reason_has_its_name() {
        let told = |bend: fn(&mut Figures)| {
            let mut search = Search::new(500.0, Bar::default());
            assert_eq!(search.tried(100.0, &figures(1_000.0, 1e9, |_| ())).refused, None);
            search.tried(200.0, &figures(200.0, 1e9, bend)).refused
        };
        assert_eq!(told(|_| ()), None);
        assert_eq!(told(|f| f.counts.errors = 2), Some("errors"));
        assert_eq!(told(|f| f.counts.late = 9), Some("answers beyond tmax"));
        assert_eq!(told(|f| f.p99_us = 50_001), Some("p99"));
        assert_eq!(told(|f| f.counts.bids_in_time = 120), Some("turned away"));
        let late = |f: &mut Figures| (f.generator.was_the_limit, f.p99_us) = (true, 50_001);
        assert_eq!(told(late), Some("the generator was late"));
        assert_eq!(told(|f| f.generator.was_the_limit = true), None, "stood all the same");
        let mut never = Search::new(500.0, Bar::default());
        while let Some(rate) = never.next_rate() {
            never.tried(rate, &figures(rate, 1e9, |f| f.counts.errors = f.counts.due));
        }
        assert_eq!(never.capacity_per_s(), None);
    }
}
