//! Which files of a rotated log are there, and which have to go? Cold.

use std::path::Path;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use crate::base::journal::{self, Tail};
use crate::base::units::time::Moment;

/// How much of a log is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub segment_bytes: u64,
    pub total_bytes: u64,
    pub max_age_days: u32,
}

/// Files are never written on after a restart: each is one process's, whole or with a torn end.
pub(super) fn next_file(dir: &Path, segment_bytes: u64) -> io::Result<Tail> {
    let last = journal::segments(dir)?.last().map_or(0, |&(seq, _)| seq);
    Tail::create(dir, last + 1, 0, segment_bytes)
}

/// Deletes the oldest files beyond the bounds on size and age; never the one being written.
/// Returns how many.
pub(super) fn prune(dir: &Path, kept: Kept, now: Moment) -> io::Result<u64> {
    let mut files = journal::segments(dir)?;
    files.pop();
    let now = Duration::from_micros(now.unix_us.max(0) as u64);
    let age = Duration::from_secs(u64::from(kept.max_age_days) * 86_400);
    let oldest = now.saturating_sub(age);
    let mut room = kept.total_bytes.saturating_sub(kept.segment_bytes);
    let mut deleted = 0;
    for (_, path) in files.iter().rev() {
        let meta = fs::metadata(path)?;
        let written = meta.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if meta.len() > room || written < oldest {
            room = 0;
            fs::remove_file(path)?;
            deleted += 1;
        } else {
            room -= meta.len();
        }
    }
    Ok(deleted)
}
