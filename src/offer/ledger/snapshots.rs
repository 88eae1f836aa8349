//! Where does a start begin? At the newest snapshot that is whole; the journal tells the rest.
//!
//! Files `00000007.ils` beside the journal: the ledger as it stood before segment 7. Written by
//! the [`Follower`](super::Follower), read at start and by tools; cold. The journal's segments
//! are never dropped: they are what an audit reads.

use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::bytes::{Put, Take};
use super::figures::Keep;
use super::fold::Ledger;
use super::snapshot::SnapshotFault;
use crate::base::journal::{self, Folder, JournalFault, Link, Mark, Visit};

const MAGIC: &[u8; 8] = b"ILSNAP\x00\x01";
const EXTENSION: &str = "ils";
/// The newest, and the one before in case it is damaged.
const KEPT: usize = 2;

/// Limits of the ledger beside the journal.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where snapshots are, relative to the data folder.
    pub dir: String,
    /// How often the follower looks for new entries: how old a report may be.
    pub follow_ms: u32,
    /// Hours of figures that are kept one by one; older ones are folded into days.
    pub hours: usize,
    /// Days of figures that are kept; of older ones each line's total remains.
    pub days: usize,
    /// Figures that are kept, lines × hours and lines × days each; beyond it the oldest are
    /// folded sooner.
    pub cells_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        let Keep { hours, days, cells } = Keep::default();
        Config { dir: "snapshots".to_owned(), follow_ms: 100, hours, days, cells_max: cells }
    }
}

impl Config {
    pub const fn keep(&self) -> Keep {
        Keep { hours: self.hours, days: self.days, cells: self.cells_max }
    }

    /// Each relation between bounds that does not hold.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults = Vec::new();
        if !(10..=10_000).contains(&self.follow_ms) {
            faults.push("ledger.follow_ms: from 10 to 10000");
        }
        if !(2..=24 * 400).contains(&self.hours) {
            faults.push("ledger.hours: from 2 to 9600");
        }
        if !(2..=4000).contains(&self.days) {
            faults.push("ledger.days: from 2 to 4000");
        }
        if !(1024..=1 << 28).contains(&self.cells_max) {
            faults.push("ledger.cells_max: from 1024 to 268435456");
        }
        faults
    }
}

/// The folder of snapshots.
#[derive(Clone)]
pub struct Snapshots {
    folder: Folder,
    keep: Keep,
}

/// A ledger, and from where on the journal is to be folded into it.
#[derive(Clone, Debug)]
pub struct Start {
    pub ledger: Ledger,
    pub mark: Mark,
    /// How many entries stand before the mark.
    pub entries: u64,
    /// Snapshots that were damaged or not of this journal, and why.
    pub passed_over: Vec<String>,
}

impl Snapshots {
    pub fn new(folder: impl Into<Folder>, keep: Keep) -> Snapshots {
        Snapshots { folder: folder.into(), keep }
    }

    /// The newest snapshot that is whole and of this journal; an empty ledger without one.
    pub fn newest(&self, journal: &Folder) -> io::Result<Start> {
        let mut passed_over = Vec::new();
        for (_, path) in self.files()?.into_iter().rev() {
            match self.load(&path, journal) {
                Ok((mark, mut ledger)) => {
                    ledger.keep = self.keep;
                    let entries = ledger.version().entries;
                    return Ok(Start { ledger, mark, entries, passed_over });
                }
                Err(why) => {
                    let path = path.display();
                    tracing::error!(%path, why, "a snapshot is passed over");
                    passed_over.push(format!("{path}: {why}"));
                }
            }
        }
        let ledger = Ledger::new(self.keep);
        Ok(Start { ledger, mark: Mark::START, entries: 0, passed_over })
    }

    /// The newest snapshot and all entries behind it, of a journal that nobody needs to write;
    /// changes nothing. Returns how many entries were read.
    pub fn ledger(&self, journal: &Folder) -> Result<(Start, u64), JournalFault> {
        let io = |source| JournalFault::Io { path: self.folder.path().to_owned(), source };
        let mut start = self.newest(journal).map_err(io)?;
        let ledger = &mut start.ledger;
        let visit: Visit<'_> = &mut |record| ledger.read(record).map_err(|why| why.to_string());
        let opened = journal::read_on(journal, start.mark, visit)?;
        Ok((start, opened.records))
    }

    /// Keeps the ledger as it stands before the mark, durably, and lets go of old ones.
    pub fn write(&self, ledger: &Ledger, mark: Mark) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        bytes.u64(mark.segment);
        bytes.u8(u8::from(mark.chain.is_some()));
        bytes.raw(&mark.chain.unwrap_or_default().0);
        let sum = xxh3_64(&bytes);
        bytes.u64(sum);
        bytes.extend(ledger.encode());
        self.folder.disk().make_dir(self.folder.path())?;
        self.folder.replace(&format!("{:08}.{EXTENSION}", mark.segment), &bytes)?;
        let files = self.files()?;
        for (_, old) in files.iter().rev().skip(KEPT) {
            self.folder.disk().remove(old)?;
        }
        Ok(())
    }

    /// The snapshots with their segments, oldest first.
    pub fn files(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let listed = match self.folder.disk().list(self.folder.path()) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Vec::new(),
            listed => listed?,
        };
        let mut files: Vec<(u64, PathBuf)> = listed
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == EXTENSION))
            .filter_map(|path| Some((path.file_stem()?.to_str()?.parse().ok()?, path)))
            .collect();
        files.sort_unstable();
        Ok(files)
    }

    fn load(&self, path: &Path, journal: &Folder) -> Result<(Mark, Ledger), String> {
        let read = self.folder.disk().read(path, 0, u64::MAX);
        let bytes = read.map_err(|why| why.to_string())?;
        let (mark, ledger) = decode(&bytes).map_err(|why| why.to_string())?;
        // The segment has to be there, with the chain's head that the snapshot saw.
        journal::Follower::at(journal, mark).map_err(|why| why.to_string())?;
        Ok((mark, ledger))
    }
}

fn decode(bytes: &[u8]) -> Result<(Mark, Ledger), SnapshotFault> {
    let mut take = Take(bytes);
    if take.array::<8>()? != *MAGIC {
        return Err(SnapshotFault::Magic);
    }
    let (segment, chained, link) = (take.u64()?, take.flag()?, Link(take.array()?));
    let head = &bytes[..bytes.len() - take.0.len()];
    if take.u64()? != xxh3_64(head) {
        return Err(SnapshotFault::Sum);
    }
    let mark = Mark { segment, chain: chained.then_some(link) };
    Ok((mark, Ledger::decode(take.0)?))
}

#[cfg(test)]
mod tests;
