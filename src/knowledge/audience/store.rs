//! Where do changes outlive the process? A store that takes batches and is read at start.
//!
//! The bid path never asks it: profiles are served from memory. [`Intake`](super::Intake) writes
//! to it from its one thread, tools read it; cold. A trait, so that another engine can stand in
//! the place of the embedded one ([`DiskStore`](super::DiskStore)).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use thiserror::Error;

use crate::base::journal::JournalFault;
use crate::base::units::ids::ListenerKey;
use crate::market::vocabulary::LogFault;

use super::audience::Audience;
use super::change::Change;
use super::snapshot::SnapshotFault;

/// Keeps what became of listeners.
pub trait Store: Send {
    /// Takes a batch: all of it or, where the process dies first, nothing. Durable with the next
    /// [`Store::sync`]; batches apply in the order in which they were given.
    fn upsert_batch(&mut self, batch: &[Change]) -> Result<(), StoreFault>;

    /// Returns when all batches so far are durable. A fault is final: nothing more is taken.
    fn sync(&mut self) -> Result<(), StoreFault>;

    /// The profiles of these listeners, in their order, as of the last [`Store::sync`].
    fn get_many(&self, keys: &[ListenerKey]) -> Result<Vec<Option<Box<[u8]>>>, StoreFault>;

    /// Shows every living listener once, ascending by key, until the visitor says stop.
    fn scan(&self, visit: &mut Visitor<'_>) -> Result<(), StoreFault>;

    /// Bytes that a start would have to work through beyond a plain load.
    fn lag_bytes(&self) -> u64 {
        0
    }

    /// What is past has left the audience: the store is due, so that it leaves the disk.
    fn purged(&mut self) {}

    /// `audience` says all that was synced: if the store is due to be put in order, the work that
    /// does it, to be done on another thread. One at a time.
    fn settle(&mut self, audience: &Arc<Audience>) -> Result<Option<Settling>, StoreFault> {
        let _ = audience;
        Ok(None)
    }
}

/// Long work of a store. It ends early, with [`StoreFault::Stopped`], when the flag is up.
pub type Settling = Box<dyn FnOnce(&AtomicBool) -> Result<(), StoreFault> + Send>;

/// Sees one profile; `false` ends the scan.
pub type Visitor<'v> = dyn FnMut(ListenerKey, &[u8]) -> bool + 'v;

#[derive(Debug, Error)]
pub enum StoreFault {
    #[error(
        "{0} is in use by another process; stop the server that uses this data folder, or send \
         listeners to it: interlude audience import --server URL"
    )]
    InUse(PathBuf),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{0}; put back a copy of its folder, or remove the folder and import again")]
    Journal(JournalFault),
    #[error(transparent)]
    Snapshot(#[from] SnapshotFault),
    #[error(transparent)]
    Words(#[from] LogFault),
    /// Final: what is on disk is unknown until the next start.
    #[error("the store has failed ({0}) and takes nothing until a restart")]
    Failed(String),
    #[error("the process ends")]
    Stopped,
}

impl StoreFault {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> StoreFault + '_ {
        move |source| StoreFault::Io { path: path.to_owned(), source }
    }
}

impl From<JournalFault> for StoreFault {
    fn from(fault: JournalFault) -> StoreFault {
        match fault {
            JournalFault::InUse(folder) => StoreFault::InUse(folder),
            JournalFault::Io { path, source } => StoreFault::Io { path, source },
            fault => StoreFault::Journal(fault),
        }
    }
}
