//! Where does a record wait for the writer? A bounded ring beside a pool of reused buffers. Hot.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

use super::Config;
use super::record::DecisionRecord;
use super::sample::Sample;
use crate::base::units::ids::ListenerMark;

/// What every buffer has room for from the start; one that grew keeps its room.
const BUFFER_BYTES: usize = 8 << 10;

/// Records on their way to the writer.
pub struct RecordRing {
    waiting: ArrayQueue<Entry>,
    free: ArrayQueue<Vec<u8>>,
    sample_bytes_max: usize,
    pub(super) stats: Stats,
}

#[derive(Default)]
pub(super) struct Stats {
    pub pushed: AtomicU64,
    pub full: AtomicU64,
    pub samples_dropped: AtomicU64,
    pub written: AtomicU64,
    pub write_errors: AtomicU64,
    pub files_deleted: AtomicU64,
    pub samples_clear: AtomicU64,
    pub samples_sealed: AtomicU64,
    pub samples_withheld: AtomicU64,
}

/// As what a sample was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Clear,
    Sealed,
}

impl Stats {
    /// Where the fate of a sample is counted; `None`: it is not kept.
    pub fn of(&self, kept: Option<Kind>) -> &AtomicU64 {
        match kept {
            Some(Kind::Clear) => &self.samples_clear,
            Some(Kind::Sealed) => &self.samples_sealed,
            None => &self.samples_withheld,
        }
    }
}

pub(super) struct Entry {
    pub record: DecisionRecord,
    pub sample: Option<Waiting>,
}

/// A sample on its way: cut and sealed by the writer, not here.
pub(super) struct Waiting {
    /// Request and profile, one behind the other.
    pub bytes: Vec<u8>,
    /// Where the profile begins.
    pub split: usize,
    pub listener: Option<ListenerMark>,
}

impl Waiting {
    pub fn sample(&self) -> Sample<'_> {
        let (request, profile) = self.bytes.split_at(self.split);
        Sample { request, profile }
    }
}

/// What a sampled decision saw, and of whom.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub sample: Sample<'a>,
    /// Who was known and permitted.
    pub listener: Option<ListenerMark>,
}

/// The ring is full; the decision must not be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the ring of decision records is full")]
pub struct Full;

/// Whether the decision of this coin is sampled, at `ppm` of a million; the same every time.
pub fn sampled(coin: u64, ppm: u32) -> bool {
    // The coin also seeds the decision's chances: another hash keeps the sample independent.
    let roll = xxhash_rust::xxh3::xxh3_64_with_seed(&coin.to_le_bytes(), 0x5a4d_504c);
    ((u128::from(roll) * 1_000_000) >> 64) < u128::from(ppm)
}

impl RecordRing {
    /// All memory but that of unusually large samples is taken here.
    pub fn new(config: &Config) -> RecordRing {
        let free = ArrayQueue::new(config.sample_buffers.max(1));
        let room = BUFFER_BYTES.min(config.sample_bytes_max);
        for _ in 0..config.sample_buffers {
            // The queue has exactly this many places.
            let _ = free.push(Vec::with_capacity(room));
        }
        RecordRing {
            waiting: ArrayQueue::new(config.ring.max(1)),
            free,
            sample_bytes_max: config.sample_bytes_max,
            stats: Stats::default(),
        }
    }

    /// Never waits. A sample that finds no buffer, or is too long, is left out and counted.
    pub fn push(&self, record: &DecisionRecord, seen: Option<Seen<'_>>) -> Result<(), Full> {
        let sample = seen.and_then(|seen| self.copy(seen));
        let entry = Entry { record: *record, sample };
        match self.waiting.push(entry) {
            Ok(()) => {
                self.stats.pushed.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(entry) => {
                self.recycle(entry);
                self.stats.full.fetch_add(1, Ordering::Relaxed);
                Err(Full)
            }
        }
    }

    fn copy(&self, seen: Seen<'_>) -> Option<Waiting> {
        let Seen { sample, listener } = seen;
        let fits = sample.request.len() + sample.profile.len() <= self.sample_bytes_max;
        let Some(mut buffer) = fits.then(|| self.free.pop()).flatten() else {
            self.stats.samples_dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        buffer.clear();
        buffer.extend_from_slice(sample.request);
        buffer.extend_from_slice(sample.profile);
        Some(Waiting { bytes: buffer, split: sample.request.len(), listener })
    }

    pub(super) fn pop(&self) -> Option<Entry> {
        self.waiting.pop()
    }

    pub(super) fn recycle(&self, entry: Entry) {
        if let Some(sample) = entry.sample {
            self.reuse(sample);
        }
    }

    pub(super) fn reuse(&self, sample: Waiting) {
        // As many places as buffers; were one too many, it would just be freed.
        let _ = self.free.push(sample.bytes);
    }

    /// How many records wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What became of all records, by name.
    pub fn stats(&self) -> [(&'static str, u64); 10] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("waiting", self.len() as u64),
            ("pushed", read(&self.stats.pushed)),
            ("full", read(&self.stats.full)),
            ("samples_dropped", read(&self.stats.samples_dropped)),
            ("written", read(&self.stats.written)),
            ("write_errors", read(&self.stats.write_errors)),
            ("files_deleted", read(&self.stats.files_deleted)),
            ("samples_clear", read(&self.stats.samples_clear)),
            ("samples_sealed", read(&self.stats.samples_sealed)),
            ("samples_withheld", read(&self.stats.samples_withheld)),
        ]
    }
}
