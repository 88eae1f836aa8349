//! When is the next request due? A Poisson process, its rate as the profile says.
//!
//! Taken by every connection that is free; cold. Gaps are exponential, as those of many
//! listeners who know nothing of one another.

use std::time::Duration;

use crate::base::stdx::rng::Rng;

/// How the rate goes over the time of a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Profile {
    /// The rate from beginning to end.
    #[default]
    Soak,
    /// A quarter of the rate, a half, three quarters, all of it; each for a quarter of the time.
    Step,
    /// The rate, and five times as much in the middle tenth of the time.
    Spike,
}

impl Profile {
    /// What the rate is multiplied by when so much of the time is over.
    fn factor(self, over: f64) -> f64 {
        match self {
            Profile::Soak => 1.0,
            Profile::Step => ((over * 4.0).floor() + 1.0).clamp(1.0, 4.0) / 4.0,
            Profile::Spike if (0.45..0.55).contains(&over) => 5.0,
            Profile::Spike => 1.0,
        }
    }
}

/// Every moment at which a request is due, from the start of the test.
pub struct Arrivals {
    rng: Rng,
    rate: f64,
    profile: Profile,
    duration_s: f64,
    at_s: f64,
    taken: u64,
    limit: u64,
}

impl Arrivals {
    /// `rate` requests a second, for so long, and no more than `limit`.
    pub fn new(
        seed: u64,
        (rate, profile): (f64, Profile),
        duration: Duration,
        limit: u64,
    ) -> Arrivals {
        let (rng, duration_s) = (Rng::new(seed), duration.as_secs_f64());
        Arrivals { rng, rate, profile, duration_s, at_s: 0.0, taken: 0, limit }
    }
}

impl Iterator for Arrivals {
    type Item = (u64, Duration);

    /// Its number and when it is due.
    fn next(&mut self) -> Option<(u64, Duration)> {
        // Of a process whose rate changes in steps, the gap is that of the rate where it begins.
        let rate = self.rate * self.profile.factor(self.at_s / self.duration_s);
        self.at_s += -(1.0 - self.rng.unit()).ln() / rate;
        if self.at_s >= self.duration_s || self.taken >= self.limit {
            self.taken = self.limit;
            return None;
        }
        self.taken += 1;
        Some((self.taken - 1, Duration::from_secs_f64(self.at_s)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(profile: Profile, rate: f64, duration_s: u64) -> Vec<f64> {
        let duration = Duration::from_secs(duration_s);
        let arrivals = Arrivals::new(7, (rate, profile), duration, u64::MAX);
        arrivals.map(|(_, due)| due.as_secs_f64()).collect()
    }

    #[test]
    fn gaps_are_those_of_a_poisson_process() {
        let times = times(Profile::Soak, 1_000.0, 60);
        let count = times.len() as f64;
        assert!((count - 60_000.0).abs() < 4.0 * 60_000_f64.sqrt(), "{count}");
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Exponential: the deviation is the mean.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.03, "{} {mean}", variance.sqrt());
    }

    #[test]
    fn profiles_bend_the_rate() {
        let share = |times: &[f64], from: f64, until: f64| {
            let within = times.iter().filter(|at| (from..until).contains(*at)).count();
            within as f64 / times.len() as f64
        };
        let step = times(Profile::Step, 4_000.0, 40);
        assert!((share(&step, 0.0, 10.0) - 0.1).abs() < 0.01);
        assert!((share(&step, 30.0, 40.0) - 0.4).abs() < 0.01);
        let spike = times(Profile::Spike, 1_000.0, 40);
        assert!((share(&spike, 18.0, 22.0) - 5.0 / 14.0).abs() < 0.02);
    }

    #[test]
    fn it_ends_at_the_limit() {
        let second = Duration::from_secs(1);
        let mut arrivals = Arrivals::new(1, (1e6, Profile::Soak), second, 10);
        assert_eq!(arrivals.by_ref().count(), 10);
        assert_eq!(arrivals.next(), None);
    }
}
