//! How do counts outlive the process? The caps log: what bids of capped lines did, in a folder.
//!
//! ```text
//! caps/caps.kept        what still counts of all segments before one of them
//! caps/00000012.ilj …   batches since: holds, wins, releases and impressions
//! ```
//! Class (b) of durability: what happens is written and synced every `sync_ms`, so that at most
//! that is lost; what a restart makes of it says [`restart`](super::restart). It is bounded: once
//! the segments have grown to a share of what is kept, that is written anew without what counts
//! no more, beside what stands there, and the segments go. Called by a loop of its own and by
//! the simulator, step by step; cold.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::kept::{self, Keeping};
use super::record::{self, Record, What};
use super::restart::{Rebuilt, Restart, rebuild};
use super::{Caps, Config};
use crate::base::journal::{self, Folder, Journal, JournalFault, Lock, Tail};
use crate::base::units::ids::{LineId, ListenerMark};
use crate::base::units::time::Moment;
use crate::offer::delivery::Book;

/// Records of one record of the journal's format.
const BATCH: usize = 1024;

/// Why the log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{path} is damaged at offset {offset}: {why}; put back a copy of its folder, or remove \
         the folder: then every listener may hear everything anew"
    )]
    Damaged { path: PathBuf, offset: u64, why: &'static str },
    #[error(
        "{0}; put back a copy of the folder of the caps log, or remove it: then every listener \
         may hear everything anew"
    )]
    Journal(#[from] JournalFault),
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
}

/// The log, open for writing. Dropping it writes what waits and closes it in order.
pub struct CapsLog {
    folder: Folder,
    tail: Tail,
    book: Arc<Book>,
    config: Config,
    settled: Arc<Mutex<Settled>>,
    batch: Vec<Record>,
    life_s: i64,
    failed: bool,
    lock: Arc<Lock>,
}

/// What is in the kept file.
struct Settled {
    /// Where in the log it ends.
    position: u64,
    bytes: u64,
    at: Instant,
    /// Somebody was erased since.
    erased: bool,
    /// It is being written anew.
    busy: bool,
}

/// The writing of a kept file: takes long, may run on any thread.
pub type Settling = Box<dyn FnOnce() -> Result<(), LogFault> + Send>;

impl CapsLog {
    /// Opens the log of a folder, which is made when it is missing, and brings the counts to where
    /// it ends. Do this when the first world is published and before the first bid.
    pub fn open(
        config: &Config,
        folder: impl Into<Folder>,
        book: &Arc<Book>,
        restart: Restart<'_>,
    ) -> Result<(CapsLog, Rebuilt), LogFault> {
        let folder = folder.into();
        let io = |source| LogFault::Io { path: folder.path().to_owned(), source };
        folder.disk().make_dir(folder.path()).map_err(io)?;
        let lock = folder.disk().lock(folder.path()).map_err(io)?;
        let lock = Arc::new(lock.ok_or_else(|| LogFault::InUse(folder.path().to_owned()))?);
        let (now, life_s) = (restart.now, restart.ticket_life_s);
        let mut rebuilding = rebuild(book.caps(), restart);
        let (from, bytes) = kept::read(&folder, &mut |record| rebuilding.take(record))?
            .unwrap_or((journal::FIRST, 0));
        let place = (from, config.segment_bytes());
        // An erasure that was not settled before the stop is as due as it was.
        let mut erased = false;
        let (tail, opened) = journal::recover(&folder, place, &mut |batch| {
            record::decode(batch, &mut |record| {
                erased |= record.what == What::Erased;
                rebuilding.take(record);
            })
        })?;
        journal::drop_before(&folder, from).map_err(io)?;
        let position = tail.position() - opened.bytes.min(tail.position());
        let settled = Settled { position, bytes, at: Instant::now(), erased, busy: false };
        let mut log = CapsLog {
            folder,
            tail,
            book: Arc::clone(book),
            config: config.clone(),
            settled: Arc::new(Mutex::new(settled)),
            batch: Vec::new(),
            life_s,
            failed: false,
            lock,
        };
        book.caps().waiting().logged = true;
        let rebuilt = rebuilding.end();
        // What the money's journal told, and that the log is open again: a crash from now on is
        // none of an orderly stop.
        log.batch.push(Record { made_s: seconds(now), ..Record::of(What::Opened) });
        log.turn()?;
        Ok((log, rebuilt))
    }

    /// Writes what waits, and syncs it. After a fault nothing is written any more, and every
    /// listener counts as capped.
    pub fn turn(&mut self) -> Result<(), LogFault> {
        if self.failed {
            return Ok(());
        }
        let mut waiting = self.book.caps().waiting();
        self.batch.append(&mut waiting.records);
        let unknown = waiting.unknown;
        drop(waiting);
        let written = if self.batch.is_empty() { Ok(()) } else { self.write() };
        self.batch.clear();
        written.map_err(|source| {
            self.failed = true;
            self.book.caps().fail();
            LogFault::Io { path: self.folder.path().to_owned(), source }
        })?;
        self.book.caps().waiting().unknown_kept = unknown;
        Ok(())
    }

    /// From now on the journal says nothing of a bid that the log may not know before the log has
    /// it on disk.
    pub fn precede(log: &Arc<Mutex<CapsLog>>, journal: &Journal) {
        let (book, log) = (Arc::clone(&locked(log).book), Arc::downgrade(log));
        journal.precede(move || {
            if book.caps().is_urgent()
                && let Some(log) = log.upgrade()
                && let Err(why) = locked(&log).turn()
            {
                tracing::error!(%why, "the caps log failed: capped lines bid no more");
            }
        });
    }

    fn write(&mut self) -> io::Result<()> {
        let erased = self.batch.iter().any(|record| record.what == What::Erased);
        locked(&self.settled).erased |= erased;
        let batches: Vec<Vec<u8>> = self.batch.chunks(BATCH).map(encoded).collect();
        self.tail.write(batches.iter().map(Vec::as_slice))?;
        self.tail.sync()
    }

    /// When enough has gathered: the work of writing anew what still counts.
    pub fn settle(&mut self, now: Moment) -> Result<Option<Settling>, LogFault> {
        if self.failed || !self.is_due() {
            return Ok(None);
        }
        let io = |source| LogFault::Io { path: self.folder.path().to_owned(), source };
        // What comes from now on is in segments that stay.
        self.tail.rotate().map_err(io)?;
        let (from, position) = (self.tail.seq(), self.tail.position());
        let mut now_settled = locked(&self.settled);
        (now_settled.erased, now_settled.busy) = (false, true);
        drop(now_settled);
        let (folder, settled) = (self.folder.clone(), Arc::clone(&self.settled));
        let (book, lock) = (Arc::clone(&self.book), Arc::clone(&self.lock));
        let keeps = Keeps { now_s: now.unix_s(), life_s: self.life_s, config: self.config.clone() };
        Ok(Some(Box::new(move || {
            let written = write_kept(&folder, from, &keeps, book.caps());
            let mut settled = locked(&settled);
            (settled.busy, settled.at) = (false, Instant::now());
            if let Ok(bytes) = written {
                (settled.position, settled.bytes) = (position, bytes);
            }
            drop((settled, lock));
            written.map(drop)
        })))
    }

    /// Whether the segments are large, or hold something that should be gone.
    fn is_due(&self) -> bool {
        let settled = locked(&self.settled);
        let grown = self.tail.position() - settled.position;
        let large = grown > self.config.settle_bytes.max(settled.bytes / 2);
        let after = Duration::from_secs(self.config.settle_s);
        let old = grown > 0 && settled.at.elapsed() >= after;
        !settled.busy && (large || old || settled.erased)
    }

    /// Bytes of segments that are not settled.
    pub fn lag_bytes(&self) -> u64 {
        self.tail.position() - locked(&self.settled).position
    }
}

impl Drop for CapsLog {
    fn drop(&mut self) {
        let closed_s = self.book.caps().closed_until_s().max(0);
        let made_s = u32::try_from(closed_s).unwrap_or(u32::MAX);
        // Of what cannot be gathered the log is not told: no orderly end.
        let all = self.book.gather_all();
        let ended = self.turn().and_then(|()| {
            if !all || closed_s == i64::MAX {
                return Ok(());
            }
            self.batch.push(Record { made_s, ..Record::of(What::Closed) });
            self.turn()
        });
        if let Err(why) = ended {
            tracing::warn!(%why, "the caps log could not be closed");
        }
    }
}

/// What is kept of the log, and for how long.
struct Keeps {
    now_s: i64,
    life_s: i64,
    config: Config,
}

impl Keeps {
    fn is_kept(&self, record: &Record, caps: &Caps, longest: &dyn Fn(i64) -> i64) -> bool {
        let made_s = i64::from(record.made_s);
        let age_s = self.now_s - made_s;
        match record.what {
            What::Hold | What::Won | What::Released => age_s <= self.life_s,
            What::Heard => {
                let counts = caps.sets.get(&record.line).map(|set| set.longest_s(made_s));
                let reach_s = i64::from(self.config.reach_days) * 86_400;
                let reach_s = if self.config.reach && record.measured { reach_s } else { 0 };
                age_s < counts.unwrap_or_else(|| longest(made_s)).max(reach_s)
            }
            What::Line | What::Opened => true,
            What::Missing => age_s <= i64::from(record.life_s),
            What::Erased | What::Closed => false,
        }
    }
}

/// Reads the kept file and all segments before `from`, and writes anew what still counts.
fn write_kept(folder: &Folder, from: u64, keeps: &Keeps, caps: &Caps) -> Result<u64, LogFault> {
    let io = |source| LogFault::Io { path: folder.path().to_owned(), source };
    // Of a line that is sold no more the campaign may still count.
    let longest = |made_s| {
        caps.sets.iter().map(|set| set.longest_s(made_s)).max().unwrap_or(super::MONTH_KEPT_S)
    };
    let any_s = longest(keeps.now_s).max(super::MONTH_KEPT_S);
    let is_kept = |record: &Record| keeps.is_kept(record, caps, &|_| any_s);
    let mut lines = HashSet::new();
    let erased = erasures(folder, Some(from), &mut |record| {
        if matches!(record.what, What::Heard | What::Hold) && is_kept(&record) {
            lines.insert(record.line);
        }
    })?;
    let mut told: HashSet<LineId> = HashSet::new();
    let mut keeping = Keeping::begin(folder, from).map_err(io)?;
    let mut failed = None;
    let (mut number, mut opened) = (0, false);
    read_on(folder, Some(from), &mut |record| {
        number += 1;
        let gone =
            record.what != What::Line && erased.get(&record.mark).is_some_and(|&at| number < at);
        let needed = match record.what {
            What::Line => lines.contains(&record.line) && told.insert(record.line),
            // One is enough to say that this is no new log.
            What::Opened => !std::mem::replace(&mut opened, true),
            _ => true,
        };
        if failed.is_none() && !gone && needed && is_kept(&record) {
            failed = keeping.push(record).err();
        }
    })?;
    failed.map_or(Ok(()), |why| Err(io(why)))?;
    let bytes = keeping.end().map_err(io)?;
    journal::drop_before(folder, from).map_err(io)?;
    Ok(bytes)
}

/// Which listeners were erased, each with the number of the last record that says so. All records
/// go to `visit`.
pub(super) fn erasures(
    folder: &Folder,
    before: Option<u64>,
    visit: &mut dyn FnMut(Record),
) -> Result<HashMap<ListenerMark, u64>, LogFault> {
    let (mut erased, mut number) = (HashMap::new(), 0);
    read_on(folder, before, &mut |record| {
        number += 1;
        if record.what == What::Erased {
            erased.insert(record.mark, number);
        }
        visit(record);
    })?;
    Ok(erased)
}

/// Every record of a folder, or of what stands before a segment, in order; changes nothing.
pub(super) fn read_on(
    folder: &Folder,
    before: Option<u64>,
    visit: &mut dyn FnMut(Record),
) -> Result<(), LogFault> {
    let from = kept::read(folder, visit)?.map_or(journal::FIRST, |(from, _)| from);
    let mut batch = |bytes: &[u8]| record::decode(bytes, visit);
    let Some(before) = before else {
        journal::read_on(folder, from, &mut batch)?;
        return Ok(());
    };
    let io = |source| LogFault::Io { path: folder.path().to_owned(), source };
    for (seq, _) in journal::segments(folder).map_err(io)? {
        if (from..before).contains(&seq) {
            journal::read_segment(folder, seq, &mut batch)?;
        }
    }
    Ok(())
}

fn encoded(batch: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + batch.len() * record::BYTES);
    record::encode(batch, &mut bytes);
    bytes
}

fn seconds(moment: Moment) -> u32 {
    u32::try_from(moment.unix_s().max(0)).unwrap_or(u32::MAX)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
