//! What was decided? Every decision as a fixed-size record, in a bounded ring and rotated files.
//!
//! `flows::decide` pushes (hot: no lock, no wait, no allocation after warm-up); a writer thread
//! drains to files of the journal's format; `replay` reads them back. A decision that cannot be
//! recorded is not made: a full ring is an error, not a loss. What of a sampled request may be
//! kept, and under whose key, is `docs/privacy-stores.md`.

mod asleep;
mod files;
mod record;
mod vault;

mod sample;

mod ring;
mod writer;

mod reader;

pub use asleep::{SleepLog, Slept};
pub use reader::{Kept, ReadFault, of_listener, read};
pub use record::{
    Counts, DEAL_NONE, DecisionRecord, RECORD_BYTES_MAX, RecordFault, RequestId, WINNERS_MAX,
    Winner, Winners,
};
pub use ring::{Full, RecordRing, Seen, sampled};
pub use sample::{Cut, Sample, Sealed, Shut, Stored};
pub use vault::{FOLDER as KEYS, KeyId, Keyring, Vault};
pub use writer::{Eraser, RecordWriter};

/// Limits of the decision records.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the files are, relative to the data folder.
    pub dir: String,
    /// Records that may wait for the writer; beyond it requests get no bid.
    pub ring: usize,
    /// Of a million decisions, how many keep the request's bytes and the profile's.
    pub sample_ppm: u32,
    /// Requests and profiles that may wait for the writer; beyond it a sample keeps no bytes.
    pub sample_buffers: usize,
    /// The longest request and profile, together, that are kept.
    pub sample_bytes_max: usize,
    /// Listeners of whom samples may be kept at once: each has a key, 64 bytes on disk and some
    /// 150 in memory. Beyond it a sample of one more keeps no bytes.
    pub keys_max: usize,
    /// A file is closed beyond this size.
    pub segment_bytes: u64,
    /// The oldest files go when all together are larger.
    pub total_bytes: u64,
    /// Files go when they are older.
    pub max_age_days: u32,
    /// How often the ring is drained.
    pub drain_ms: u32,
    /// Most bytes of the log that says which lines slept when: without it, a decision that passed
    /// over sleeping lines cannot be replayed.
    pub asleep_bytes: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            dir: "decisions".to_owned(),
            ring: 8192,
            sample_ppm: 1000,
            sample_buffers: 1024,
            sample_bytes_max: 64 << 10,
            keys_max: 1 << 20,
            segment_bytes: 64 << 20,
            total_bytes: 4 << 30,
            max_age_days: 30,
            drain_ms: 20,
            asleep_bytes: 1 << 30,
        }
    }
}

impl Config {
    /// Each relation between bounds that does not hold.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults = Vec::new();
        if self.ring == 0 || self.ring > 1 << 20 {
            faults.push("records.ring: from 1 to 1048576");
        }
        if self.sample_ppm > 1_000_000 {
            faults.push("records.sample_ppm: at most 1000000");
        }
        if self.sample_bytes_max > 8 << 20 {
            faults.push("records.sample_bytes_max: at most 8 MiB");
        }
        if self.keys_max == 0 || self.keys_max > 1 << 26 {
            faults.push("records.keys_max: from 1 to 67108864");
        }
        if !(1 << 16..=1 << 30).contains(&self.segment_bytes) {
            faults.push("records.segment_bytes: from 64 KiB to 1 GiB");
        }
        if self.total_bytes < self.segment_bytes.saturating_mul(2) {
            faults.push("records.total_bytes: at least twice records.segment_bytes");
        }
        if self.max_age_days == 0 {
            faults.push("records.max_age_days: at least 1");
        }
        if !(1..=1000).contains(&self.drain_ms) {
            faults.push("records.drain_ms: from 1 to 1000");
        }
        if self.asleep_bytes < 4 * asleep::SEGMENT_BYTES {
            faults.push("records.asleep_bytes: at least 64 MiB");
        }
        faults
    }

    fn kept(&self) -> files::Kept {
        files::Kept {
            segment_bytes: self.segment_bytes,
            total_bytes: self.total_bytes,
            max_age_days: self.max_age_days,
        }
    }
}

#[cfg(test)]
mod tests;
