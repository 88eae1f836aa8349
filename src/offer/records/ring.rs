//! Where does a record wait for the writer? A bounded ring beside pools of reused buffers. Hot.
//!
//! Records wait as the bytes that they end as: those of a usual bid are some 300, a tenth of the
//! value's, and a ring that is gone round lies in no cache.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

use super::Config;
use super::record::{DecisionRecord, RECORD_BYTES_MAX};
use super::sample::Sample;
use crate::base::units::ids::ListenerMark;

/// What the buffer of a sample has room for from the start; one that grew keeps its room.
const BUFFER_BYTES: usize = 8 << 10;

/// Records on their way to the writer.
pub struct RecordRing {
    waiting: ArrayQueue<Entry>,
    /// Buffers of records: as many as places to wait.
    blank: ArrayQueue<Vec<u8>>,
    /// Buffers of samples.
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
    /// As [`DecisionRecord::encode`] has it.
    pub record: Vec<u8>,
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
        let places = config.ring.max(1);
        RecordRing {
            waiting: ArrayQueue::new(places),
            blank: buffers(places, RECORD_BYTES_MAX),
            free: buffers(config.sample_buffers, BUFFER_BYTES.min(config.sample_bytes_max)),
            sample_bytes_max: config.sample_bytes_max,
            stats: Stats::default(),
        }
    }

    /// Never waits. A sample that finds no buffer, or is too long, is left out and counted.
    pub fn push(&self, record: &DecisionRecord, seen: Option<Seen<'_>>) -> Result<(), Full> {
        let Some(mut bytes) = self.blank.pop() else { return Err(self.full()) };
        record.encode(&mut bytes);
        let sample = seen.and_then(|seen| self.copy(seen));
        self.waiting.push(Entry { record: bytes, sample }).map_err(|entry| {
            self.recycle(entry);
            self.full()
        })?;
        self.stats.pushed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn full(&self) -> Full {
        self.stats.full.fetch_add(1, Ordering::Relaxed);
        Full
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
        let Entry { mut record, sample } = entry;
        record.clear();
        // As many places as buffers; were one too many, it would just be freed.
        let _ = self.blank.push(record);
        if let Some(sample) = sample {
            self.reuse(sample);
        }
    }

    pub(super) fn reuse(&self, sample: Waiting) {
        // As above.
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

fn buffers(count: usize, room: usize) -> ArrayQueue<Vec<u8>> {
    let pool = ArrayQueue::new(count.max(1));
    for _ in 0..count {
        // The queue has at least this many places.
        let _ = pool.push(Vec::with_capacity(room));
    }
    pool
}
