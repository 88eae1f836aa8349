//! What came of a load test? Counts while it runs, figures at its end.
//!
//! Counted by every connection, read by whoever shows it; cold.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::verdict::Wrong;

/// Latencies are told to three digits, up to a minute and a half.
const DIGITS: u8 = 3;
const LATENCY_MAX_US: u64 = 90_000_000;

/// What has been counted so far.
#[derive(Debug, Default)]
pub struct Tally {
    pub due: AtomicU64,
    pub bids: AtomicU64,
    pub no_bids: AtomicU64,
    pub errors: AtomicU64,
    pub checked: AtomicU64,
    pub wrong: [AtomicU64; Wrong::ALL.len()],
}

impl Tally {
    pub fn count(&self, of: &AtomicU64) {
        of.fetch_add(1, Relaxed);
    }

    pub fn answered(&self) -> u64 {
        self.bids.load(Relaxed) + self.no_bids.load(Relaxed)
    }

    pub fn wrong_answers(&self) -> u64 {
        self.wrong.iter().map(|count| count.load(Relaxed)).sum()
    }
}

/// Latencies from when each request was due.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    pub fn new() -> Latencies {
        // The bounds are constants that the crate takes.
        let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_US, DIGITS);
        Latencies(histogram.unwrap_or_else(|_| unreachable!("constant bounds")))
    }

    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn add(&mut self, other: &Latencies) {
        // Histograms of the same bounds always add up.
        let _ = self.0.add(&other.0);
    }
}

/// The end of a test.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Figures {
    pub offered_per_s: f64,
    pub answered_per_s: f64,
    pub bids: u64,
    pub no_bids: u64,
    pub errors: u64,
    pub wrong_answers: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p99_9_us: u64,
    pub max_us: u64,
    /// `None`: the server is not local, or its process cannot be read.
    pub server_cpu_us_per_request: Option<f64>,
}

impl Figures {
    /// `offered`: how long requests were due; `took`: until the last answer.
    pub fn of(
        tally: &Tally,
        latencies: &Latencies,
        (offered, took): (Duration, Duration),
        server_cpu_us: Option<u64>,
    ) -> Figures {
        let read = |count: &AtomicU64| count.load(Relaxed);
        let rounded = |figure: f64| (figure * 100.0).round() / 100.0;
        let answered = tally.answered() as f64;
        let at = |percentile| latencies.0.value_at_percentile(percentile);
        Figures {
            offered_per_s: rounded(read(&tally.due) as f64 / offered.as_secs_f64()),
            answered_per_s: rounded(answered / took.max(offered).as_secs_f64()),
            bids: read(&tally.bids),
            no_bids: read(&tally.no_bids),
            errors: read(&tally.errors),
            wrong_answers: tally.wrong_answers(),
            p50_us: at(50.0),
            p90_us: at(90.0),
            p99_us: at(99.0),
            p99_9_us: at(99.9),
            max_us: latencies.0.max(),
            server_cpu_us_per_request: server_cpu_us
                .map(|us| rounded(us as f64 / answered.max(1.0))),
        }
    }
}
