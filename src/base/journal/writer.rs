//! Who writes? One thread: it gathers what waits, writes once, syncs once, answers all.

use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::recover::{Opened, Visit, recover};
use super::segment::{FIRST, Tail};
use super::{Config, JournalFault};

/// Most records and bytes of one batch.
const BATCH_RECORDS: usize = 4096;
const BATCH_BYTES: usize = 4 << 20;

/// An open journal; one a folder. Dropping it writes out what waits and seals the end.
pub struct Journal {
    queue: Option<mpsc::Sender<Item>>,
    failure: Arc<OnceLock<String>>,
    writer: Option<JoinHandle<()>>,
    record_bytes_max: usize,
    /// Locked while the journal is open.
    _lock: File,
}

struct Item {
    /// `None`: a barrier, answered when everything before it is durable.
    record: Option<Box<[u8]>>,
    done: oneshot::Sender<()>,
}

/// Why a record was not taken, or is not known to be durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("the journal's queue is full")]
    Busy,
    /// Final: a write or sync has failed, and what is on disk is unknown until the next start.
    #[error("the journal has failed and takes no more records")]
    Failed,
    #[error("the record is empty or longer than a record may be")]
    Length,
}

impl Journal {
    /// Opens the journal of a folder, which is made when it is missing. Every record that is
    /// there goes to `visit` first, in order.
    pub fn open(
        dir: &Path,
        config: &Config,
        visit: Visit<'_>,
    ) -> Result<(Journal, Opened), JournalFault> {
        if let Some(fault) = config.faults().first() {
            return Err(JournalFault::Config(fault));
        }
        fs::create_dir_all(dir).map_err(JournalFault::io(dir))?;
        let lock = lock(dir)?;
        let (tail, opened) = recover(dir, (FIRST, config.segment_bytes), visit)?;
        let journal = Journal::start(tail, config, lock).map_err(JournalFault::io(dir))?;
        Ok((journal, opened))
    }

    pub(super) fn start(tail: Tail, config: &Config, lock: File) -> io::Result<Journal> {
        let (queue, items) = mpsc::channel(config.queue);
        let failure = Arc::new(OnceLock::new());
        let window = Duration::from_millis(u64::from(config.window_ms));
        let writer = Writer { items, tail, window, failure: Arc::clone(&failure) };
        let writer =
            std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run())?;
        Ok(Journal {
            queue: Some(queue),
            failure,
            writer: Some(writer),
            record_bytes_max: config.record_bytes_max,
            _lock: lock,
        })
    }

    /// Takes a place in the queue, so that what is done between here and [`Place::append`] is
    /// done only when it can be written down. Never waits.
    pub fn reserve(&self) -> Result<Place<'_>, Refused> {
        if self.failure.get().is_some() {
            return Err(Refused::Failed);
        }
        let queue = self.queue.as_ref().ok_or(Refused::Failed)?;
        match queue.try_reserve() {
            Ok(permit) => Ok(Place { permit, record_bytes_max: self.record_bytes_max }),
            Err(mpsc::error::TrySendError::Full(())) => Err(Refused::Busy),
            Err(mpsc::error::TrySendError::Closed(())) => Err(Refused::Failed),
        }
    }

    /// Gives the record to the writer; the answer comes when it is on disk.
    pub fn append(&self, record: &[u8]) -> Result<Durable, Refused> {
        self.reserve()?.append(record)
    }

    /// For plain threads; never from async code.
    pub fn append_blocking(&self, record: &[u8]) -> Result<(), Refused> {
        self.append(record)?.wait()
    }

    /// Answered when every record that was given before is on disk.
    pub fn barrier(&self) -> Result<Durable, Refused> {
        Ok(self.reserve()?.send(None))
    }

    /// Why the journal takes no more records; `None` in health.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been reported; waiters got `Failed`.
            let _ = writer.join();
        }
    }
}

/// Holds a folder for one writer, as long as the file is open.
pub fn lock(dir: &Path) -> Result<File, JournalFault> {
    let path = dir.join("LOCK");
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(JournalFault::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(JournalFault::InUse(dir.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(JournalFault::Io { path, source }),
    }
}

/// A place in the journal's queue.
pub struct Place<'j> {
    permit: mpsc::Permit<'j, Item>,
    record_bytes_max: usize,
}

impl Place<'_> {
    pub fn append(self, record: &[u8]) -> Result<Durable, Refused> {
        if record.is_empty() || record.len() > self.record_bytes_max {
            return Err(Refused::Length);
        }
        Ok(self.send(Some(record.into())))
    }

    fn send(self, record: Option<Box<[u8]>>) -> Durable {
        let (done, answer) = oneshot::channel();
        self.permit.send(Item { record, done });
        Durable(answer)
    }
}

/// Resolves when the record is on disk, or can no longer be known to be.
#[must_use = "until it resolves, nothing is durable"]
pub struct Durable(oneshot::Receiver<()>);

impl Future for Durable {
    type Output = Result<(), Refused>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.map_err(|_| Refused::Failed))
    }
}

impl Durable {
    /// Blocks until the answer is there; never from async code.
    pub fn wait(self) -> Result<(), Refused> {
        self.0.blocking_recv().map_err(|_| Refused::Failed)
    }
}

struct Writer {
    items: mpsc::Receiver<Item>,
    tail: Tail,
    window: Duration,
    failure: Arc<OnceLock<String>>,
}

impl Writer {
    fn run(mut self) {
        let mut batch = Vec::new();
        while self.gather(&mut batch) {
            match self.commit(&batch) {
                Ok(()) => {
                    for item in batch.drain(..) {
                        // A waiter that went away needs no answer.
                        let _ = item.done.send(());
                    }
                }
                Err(error) => {
                    // Said before any waiter sees its answer dropped.
                    let _ = self.failure.set(error.to_string());
                    tracing::error!(%error, "the journal failed; nothing more is acknowledged");
                    return;
                }
            }
        }
        // The seal: an end that was closed in order. Its loss loses nothing.
        if let Err(error) = self.tail.seal() {
            tracing::warn!(%error, "the journal could not be sealed");
        }
    }

    /// Waits for the first item, then takes what else is there; `false` when all senders are gone.
    fn gather(&mut self, batch: &mut Vec<Item>) -> bool {
        let Some(first) = self.items.blocking_recv() else { return false };
        if !self.window.is_zero() {
            std::thread::sleep(self.window);
        }
        let mut bytes = first.record.as_ref().map_or(0, |r| r.len());
        batch.push(first);
        while batch.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Ok(item) = self.items.try_recv() else { break };
            bytes += item.record.as_ref().map_or(0, |r| r.len());
            batch.push(item);
        }
        true
    }

    fn commit(&mut self, batch: &[Item]) -> io::Result<()> {
        if batch.iter().any(|item| item.record.is_some()) {
            self.tail.write(batch.iter().filter_map(|item| item.record.as_deref()))?;
            self.tail.sync()?;
        }
        Ok(())
    }
}
