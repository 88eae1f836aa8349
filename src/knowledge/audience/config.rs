//! Bounds of what takes listeners in and keeps them.

use serde::{Deserialize, Serialize};

use super::provider::{ProviderRow, Providers};
use super::retention::Retention;

/// `[audience]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Longer lines are bad lines, in bytes.
    pub line_max_bytes: usize,
    /// Most listeners that are kept; changes that would make more are refused.
    pub listeners_max: u64,
    /// Changes in one batch of an import: what a crash leaves is whole batches.
    pub batch: usize,
    /// Most faults that are told one by one; all are counted.
    pub faults_max: usize,
    /// How often what has changed becomes visible to bids, in milliseconds.
    pub seal_ms: u64,
    /// Most changes that wait to be made durable; beyond it a batch is refused as busy.
    pub queue: usize,
    /// Everybody is written anew when the journal has grown to this many bytes, and to half of
    /// what everybody takes.
    pub settle_bytes: u64,
    /// … or when it holds anything that is this old, in seconds.
    pub settle_s: u64,
    /// … or when somebody was erased and the last writing is this long ago, in seconds: what an
    /// erased listener was is on the disk at most so long, and the time of the writing.
    pub erased_s: u64,
    /// Most listeners, and ids of listeners, that may have refused something; beyond it a refusal
    /// is refused itself, with 507.
    pub suppressed_max: usize,
    /// How long what is known may be kept.
    pub retention: Retention,
    /// Third parties whose segments are taken.
    pub providers: Vec<ProviderRow>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            line_max_bytes: 65_536,
            listeners_max: 100_000_000,
            batch: 10_000,
            faults_max: 1_000,
            seal_ms: 500,
            queue: 200_000,
            settle_bytes: 64 << 20,
            settle_s: 21_600,
            erased_s: 60,
            suppressed_max: 10_000_000,
            retention: Retention::default(),
            providers: Vec::new(),
        }
    }
}

impl Config {
    /// What lines are read against.
    pub fn providers(&self) -> Providers {
        Providers::new(&self.providers).keeping(self.retention)
    }

    /// A segment of the journal, so that little more than what is settled needs to be kept.
    pub(super) fn segment_bytes(&self) -> u64 {
        (self.settle_bytes / 4).clamp(1 << 10, 64 << 20)
    }

    /// Each relation between bounds that does not hold.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults = Vec::new();
        if !(10..=10_000).contains(&self.seal_ms) {
            faults.push("audience.seal_ms: from 10 to 10000");
        }
        if !(1..=BATCH_MAX).contains(&self.batch) {
            faults.push("audience.batch: from 1 to 10000");
        }
        if self.queue < self.batch.max(BATCH_MAX) {
            faults.push("audience.queue: at least 10000, a whole batch");
        }
        if self.suppressed_max == 0 {
            faults.push("audience.suppressed_max: at least 1");
        }
        if self.settle_s == 0 {
            faults.push("audience.settle_s: at least 1");
        }
        if self.erased_s > 86_400 {
            faults.push("audience.erased_s: at most 86400, one day");
        }
        faults
    }
}

/// The most changes of one batch.
pub const BATCH_MAX: usize = 10_000;
