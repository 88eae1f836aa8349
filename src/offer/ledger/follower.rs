//! What do the entries come to by now? A second fold beside the server, on a thread of its own.
//!
//! Reads only what is durable; reports ask it, and it writes the snapshots, at the segments'
//! boundaries. The notice path knows nothing of it and never waits for it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::entry::{Entry, Funds};
use super::fault::LedgerFault;
use super::fold::{Ledger, Version};
use super::snapshots::{Snapshots, Start};
use super::transaction::Transaction;
use crate::base::journal::{self, Folder, Journal, JournalFault, Reached, Refused};

/// A ledger that reads on behind its journal; moved by [`Following::turn`].
pub struct Following {
    ledger: Ledger,
    reader: journal::Follower,
    /// Entries that are still to be passed over: the ledger has them already.
    known: u64,
    snapshots: Snapshots,
    stats: Arc<Stats>,
}

#[derive(Default)]
struct Stats {
    entries: AtomicU64,
    breaches: AtomicU64,
    snapshots: AtomicU64,
    snapshots_failed: AtomicU64,
    failure: OnceLock<String>,
}

impl Following {
    /// Goes on with a ledger that was folded from `start` to wherever it stands now.
    pub fn on(start: Start, journal: &Folder, snapshots: Snapshots) -> Result<Self, JournalFault> {
        let Start { ledger, mark, entries, .. } = start;
        let reader = journal::Follower::at(journal, mark)?;
        let known = ledger.version().entries - entries;
        Ok(Following { ledger, reader, known, snapshots, stats: Arc::default() })
    }

    /// Folds what is durable by now. A fault is final: what follows it cannot be told.
    pub fn turn(&mut self, durable: u64) -> Result<(), JournalFault> {
        loop {
            let (ledger, known) = (&mut self.ledger, &mut self.known);
            let reached = self.reader.read_on(durable, &mut |record| {
                if *known > 0 {
                    *known -= 1;
                    return Ok(());
                }
                ledger.read(record).map_err(|why| why.to_string())
            })?;
            self.stats.entries.store(self.ledger.version().entries, Ordering::Relaxed);
            self.stats.breaches.store(self.ledger.breaches().count, Ordering::Relaxed);
            let Reached::Segment(mark) = reached else { return Ok(()) };
            if self.known > 0 {
                continue;
            }
            match self.snapshots.write(&self.ledger, mark) {
                Ok(()) => self.stats.snapshots.fetch_add(1, Ordering::Relaxed),
                Err(why) => {
                    tracing::error!(%why, "no snapshot could be written; a start takes longer");
                    self.stats.snapshots_failed.fetch_add(1, Ordering::Relaxed)
                }
            };
        }
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Counts for metrics, by name.
    pub fn stats(&self) -> [(&'static str, u64); 5] {
        self.stats.all()
    }
}

impl Stats {
    fn all(&self) -> [(&'static str, u64); 5] {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("entries", of(&self.entries)),
            ("breaches", of(&self.breaches)),
            ("snapshots", of(&self.snapshots)),
            ("snapshots_failed", of(&self.snapshots_failed)),
            ("failed", u64::from(self.failure.get().is_some())),
        ]
    }
}

/// Why funds were not moved; none of it is booked, except where the journal failed half-way.
#[derive(Debug, thiserror::Error)]
pub enum FundFault {
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Journal(#[from] JournalFault),
}

/// Follows until it is dropped.
pub struct Follower {
    shared: Arc<Mutex<Following>>,
    stats: Arc<Stats>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// `durable`: how far the journal is on disk, as [`Journal::durable`](journal::Journal).
    pub fn start(
        following: Following,
        durable: impl Fn() -> u64 + Send + 'static,
        every: Duration,
    ) -> io::Result<Follower> {
        let stats = Arc::clone(&following.stats);
        let shared = Arc::new(Mutex::new(following));
        let stop = Arc::new(AtomicBool::new(false));
        let (own, stopped) = (Arc::clone(&shared), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            loop {
                // Asked first: what is durable when the end is told is still folded.
                let ends = stopped.load(Ordering::Acquire);
                let mut following = lock(&own);
                if let Err(why) = following.turn(durable()) {
                    tracing::error!(%why, "the ledger cannot follow its journal; reports stand");
                    // Set once: the thread ends.
                    let _ = following.stats.failure.set(why.to_string());
                    return;
                }
                drop(following);
                if ends {
                    return;
                }
                std::thread::park_timeout(every);
            }
        })?;
        Ok(Follower { shared, stats, stop, thread: Some(thread) })
    }

    /// Reads the ledger as it stands; it stands still meanwhile, so be brief.
    pub fn read<T>(&self, with: impl FnOnce(&Ledger) -> T) -> T {
        with(lock(&self.shared).ledger())
    }

    /// Moves funds of a live server: what is in the journal's queue is folded first, then the
    /// entry is checked, and is durable when this returns. Blocks; never from async code. Before
    /// funds become less, the caller has taken them out of the book's purse: no lease that is
    /// raised meanwhile may count on them.
    pub fn fund(&self, journal: &Journal, funds: Funds) -> Result<Version, FundFault> {
        self.enter(journal, &Entry::Funds(funds))
    }

    /// As [`Follower::fund`], for any entry that stands on its own.
    pub fn enter(&self, journal: &Journal, entry: &Entry) -> Result<Version, FundFault> {
        let mut following = lock(&self.shared);
        journal.barrier()?.wait()?;
        following.turn(journal.durable())?;
        Transaction::of(entry, following.ledger())?;
        journal.append_blocking(&entry.to_bytes())?;
        following.turn(journal.durable())?;
        Ok(following.ledger().version())
    }

    /// Why reports go on no longer; `None` in health.
    pub fn failure(&self) -> Option<&str> {
        self.stats.failure.get().map(String::as_str)
    }

    /// Counts for metrics, by name.
    pub fn stats(&self) -> [(&'static str, u64); 5] {
        self.stats.all()
    }
}

fn lock(shared: &Mutex<Following>) -> MutexGuard<'_, Following> {
    // A reader that panicked has changed nothing.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic has been reported; the journal is the truth.
            let _ = thread.join();
        }
    }
}
