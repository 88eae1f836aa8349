//! What has the demo seen so far? The exchange's own count, beside the server's metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::base::telemetry::Latency;

/// Counted by the players, read by the screen.
#[derive(Default)]
pub struct Tally {
    requests: AtomicU64,
    answers_with_bids: AtomicU64,
    bids: AtomicU64,
    no_bids: AtomicU64,
    errors: AtomicU64,
    wins: AtomicU64,
    impressions: AtomicU64,
    completes: AtomicU64,
    clicks: AtomicU64,
    pub answer: Latency,
}

/// The tally at one moment.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    pub requests: u64,
    /// Requests that were answered with at least one bid.
    pub with_bids: u64,
    pub bids: u64,
    pub no_bids: u64,
    pub errors: u64,
    pub wins: u64,
    pub impressions: u64,
    pub completes: u64,
    pub clicks: u64,
}

impl Tally {
    pub fn answered(&self, after: Duration) {
        self.requests.fetch_add(1, Relaxed);
        self.answer.record(after);
    }

    pub fn bid(&self, bids: u64) {
        self.answers_with_bids.fetch_add(1, Relaxed);
        self.bids.fetch_add(bids, Relaxed);
    }

    pub fn passed(&self) {
        self.no_bids.fetch_add(1, Relaxed);
    }

    pub fn failed(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    pub fn won(&self) {
        self.wins.fetch_add(1, Relaxed);
    }

    /// A player's event.
    pub fn heard(&self, event: &str) {
        let counter = match event {
            "impression" => &self.impressions,
            "complete" => &self.completes,
            "click" => &self.clicks,
            _ => return,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Counts {
            requests: read(&self.requests),
            with_bids: read(&self.answers_with_bids),
            bids: read(&self.bids),
            no_bids: read(&self.no_bids),
            errors: read(&self.errors),
            wins: read(&self.wins),
            impressions: read(&self.impressions),
            completes: read(&self.completes),
            clicks: read(&self.clicks),
        }
    }
}
