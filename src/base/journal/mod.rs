//! What was promised to survive? An append-only, checksummed, group-committed log in a folder.
//!
//! Money (and later caps, consent and audit) is journalled before it is acknowledged. Called by
//! `flows::notice` from async code, by tools from plain threads, and as a plain rotated file
//! format by `offer::records`; cold beside the bid path.
//!
//! On disk: segments `00000001.ilj`, `00000002.ilj` …, each a header and then frames
//! (`frame.rs`). A checksum covers a record's place in the whole log, so that a block that was
//! doubled, moved or swapped is damage and not data. Records that were written by one `write` and
//! one `fdatasync` name the start of their batch; a batch is begun only when the one before is on
//! disk. Hence recovery can tell a *torn tail* (only the last batch is broken: trimmed, reported)
//! from *damage in the middle* (a later batch exists: refused, with file and offset). A last batch
//! that was acknowledged and then rotted looks like a torn one, unless the journal was closed in
//! order: closing seals it. Money's batches end with a link of a hash chain (`chain.rs`).
//! `docs/journal.md` has the picture, and what each failure of a disk does.
//!
//! Who keeps elsewhere what the log has said so far, as `knowledge::audience` does, writes and
//! reads it through [`Tail`], [`recover`](recover()) and [`drop_before`] on a thread of its own:
//! it keeps the number of the segment that it goes on from, and lets go of those before.

mod disk;

mod chain;

mod frame;

mod segment;

mod walk;

mod recover;

mod follow;

mod memory;

mod writer;

mod open;

pub use chain::Link;
pub use disk::{Disk, DiskFile, Files, Folder, Lock};
pub use follow::{Follower, Reached};
pub use memory::{MemoryDisk, Op};
pub use open::{Durable, Journal, Place, lock};
pub use recover::{Mark, Opened, Trimmed, read, read_file, read_on, read_segment, recover};
pub use segment::{FIRST, Tail, drop_before, segments};

use std::io;
use std::path::PathBuf;

/// Limits of one journal.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A segment is closed at the first batch beyond this size.
    pub segment_bytes: u64,
    /// How long the writer waits for company before it writes a batch; at most 5. With 0 the
    /// `fdatasync` of one batch is the time in which the next one gathers.
    pub window_ms: u32,
    /// Records that may wait for the writer; beyond it an append is refused as busy.
    pub queue: usize,
    /// The longest record.
    pub record_bytes_max: usize,
    /// Whether each batch ends with a link of the hash chain, as money's do. No key of the file.
    #[serde(skip)]
    pub chained: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            segment_bytes: 64 << 20,
            window_ms: 0,
            queue: 8192,
            record_bytes_max: 64 << 10,
            chained: true,
        }
    }
}

impl Config {
    /// Each relation between bounds that does not hold.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults = Vec::new();
        if self.window_ms > 5 {
            faults.push("journal.window_ms: at most 5");
        }
        if !(1 << 10..=1 << 30).contains(&self.segment_bytes) {
            faults.push("journal.segment_bytes: from 1 KiB to 1 GiB");
        }
        if self.queue == 0 || self.queue > 1 << 20 {
            faults.push("journal.queue: from 1 to 1048576");
        }
        if self.record_bytes_max == 0 || self.record_bytes_max > frame::PAYLOAD_MAX {
            faults.push("journal.record_bytes_max: from 1 to 16777215");
        }
        faults
    }
}

/// Gets each record; an `Err` ends the reading.
pub type Visit<'v> = &'v mut dyn FnMut(&[u8]) -> Result<(), String>;

/// Whether a journal takes records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Health {
    Well,
    /// The disk is full: nothing is taken until it has room.
    Full,
    /// Final, until the next start.
    Failed,
}

/// Why a record was not taken, or is not known to be durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("the journal's queue is full")]
    Busy,
    /// A record that was taken before will be written when there is room, ahead of all others,
    /// unless the process ends first: its effect in memory may stand. One that was not taken is
    /// not written.
    #[error("the journal's disk is full")]
    Full,
    /// Final: a write or sync has failed, and what is on disk is unknown until the next start.
    #[error("the journal has failed and takes no more records")]
    Failed,
    #[error("the record is empty or longer than a record may be")]
    Length,
}

/// Why a journal cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalFault {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// Bytes that were once acknowledged are not what they were.
    #[error("{file} is damaged at offset {offset}: {why}")]
    Damaged { file: PathBuf, offset: u64, why: &'static str },
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    #[error("the record at offset {offset} of {file} cannot be read: {why}")]
    Foreign { file: PathBuf, offset: u64, why: String },
    #[error("{0}")]
    Config(&'static str),
}

impl JournalFault {
    fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> JournalFault + '_ {
        move |source| JournalFault::Io { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests;
