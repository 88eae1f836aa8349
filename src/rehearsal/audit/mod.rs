//! Do the books balance? Every balance again, from the journal's bytes alone.
//!
//! But for the comparison ([`differences`]) this room shares no code with the ledger and the
//! journal: it reads segments, links and entries with a decoder of its own and adds up in 128 bits
//! by another rule (limits, leases and sums rather than postings). Where both come to the same,
//! each vouches for the other. Called by `interlude audit` and by the simulator; cold. It reads
//! beside a serving process: a batch is there whole, with its link, or it is not there.

mod against;
mod segment;
mod sums;
mod words;

pub use against::differences;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What the journal comes to.
#[derive(Debug, Default)]
pub struct Audit {
    pub entries: u64,
    /// SHA-256 of the head before and the entry's bytes, entry by entry.
    pub head: [u8; 32],
    pub segments: u64,
    pub bytes: u64,
    /// Batches whose link was recomputed.
    pub links: u64,
    /// Bytes behind the last whole batch: being written, or torn.
    pub unfinished: u64,
    pub charges: u64,
    pub balances: BTreeMap<Key, i128>,
    /// What must not be, in the order found; the first hundred.
    pub faults: Vec<String>,
    pub fault_count: u64,
}

/// An account, as the auditor names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    pub side: Side,
    pub of: Of,
    pub currency: [u8; 3],
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    Bank,
    WrittenOff,
    Claimed,
    Disputed,
    Granted,
    Free,
    Held,
    Spent,
}

/// Whose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Of {
    All,
    Advertiser(u64),
    Campaign(u64),
    CampaignDay(u64, i32),
    Line(u64),
    LineDay(u64, i32),
}

impl Of {
    pub const fn day(self) -> Option<i32> {
        match self {
            Of::CampaignDay(_, day) | Of::LineDay(_, day) => Some(day),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Bank => "bank",
            Side::WrittenOff => "written off",
            Side::Claimed => "claimed",
            Side::Disputed => "disputed",
            Side::Granted => "granted",
            Side::Free => "free",
            Side::Held => "held",
            Side::Spent => "spent",
        };
        f.write_str(side)?;
        match self.of {
            Of::All => {}
            Of::Advertiser(id) => write!(f, " of advertiser {id:016x}")?,
            Of::Campaign(id) => write!(f, " of campaign {id:016x}")?,
            Of::CampaignDay(id, day) => write!(f, " of campaign {id:016x} day {day}")?,
            Of::Line(id) => write!(f, " of line {id:016x}")?,
            Of::LineDay(id, day) => write!(f, " of line {id:016x} day {day}")?,
        }
        write!(f, " ({})", String::from_utf8_lossy(&self.currency))
    }
}

/// Why there is nothing to add up: the journal itself is not what it was.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    #[error("{file}: {why}")]
    Io { file: String, why: std::io::Error },
    #[error("{file} at offset {offset}: {why}")]
    Broken { file: String, offset: u64, why: String },
}

/// Adds up all that stands in a journal's folder.
pub fn audit(journal: &Path) -> Result<Audit, AuditFault> {
    let io = |why| AuditFault::Io { file: journal.display().to_string(), why };
    let listed: Result<Vec<_>, _> =
        fs::read_dir(journal).map_err(io)?.map(|entry| entry.map(|entry| entry.path())).collect();
    add_up(segment::segments(listed.map_err(io)?.into_iter()), &|path| fs::read(path))
}

/// Adds up a journal that is in memory: the names of its files, and their bytes.
pub fn audit_bytes(files: &[(String, Vec<u8>)]) -> Result<Audit, AuditFault> {
    let names = files.iter().map(|(name, _)| PathBuf::from(name));
    add_up(segment::segments(names), &|path| {
        let file = files.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, bytes)| bytes.clone()).ok_or(ErrorKind::NotFound.into())
    })
}

fn add_up(files: Vec<(u64, PathBuf)>, load: segment::Load<'_>) -> Result<Audit, AuditFault> {
    let mut sums = sums::Sums::default();
    let mut out = Audit::default();
    let read = segment::read(files, load, &mut |record| {
        let event = words::decode(record)?;
        sums.add(&event);
        Ok(())
    })?;
    out.entries = sums.entries;
    out.head = read.head;
    out.segments = read.segments;
    out.bytes = read.bytes;
    out.links = read.links;
    out.unfinished = read.unfinished;
    out.charges = sums.charges();
    out.balances = sums.balances();
    let mut totals: BTreeMap<[u8; 3], i128> = BTreeMap::new();
    for (key, nanos) in &out.balances {
        *totals.entry(key.currency).or_default() += nanos;
    }
    for (currency, sum) in totals.into_iter().filter(|&(_, sum)| sum != 0) {
        let currency = String::from_utf8_lossy(&currency).into_owned();
        sums.fault(format!("all accounts in {currency} come to {sum} nanos, not to nought"));
    }
    (out.faults, out.fault_count) = sums.into_faults();
    Ok(out)
}

#[cfg(test)]
mod tests;
