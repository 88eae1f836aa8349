//! How is a journal opened, given records, and read behind? What its users hold.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::disk::{Folder, Lock, hold, lock_path};
use super::recover::{Mark, Opened, reopen};
use super::segment::Tail;
use super::writer::{Item, Job, Shared, Writer};
use super::{Config, Health, JournalFault, Refused, Visit};

/// An open journal; one a folder. Dropping it writes out what waits and seals the end.
pub struct Journal {
    queue: Option<mpsc::Sender<Item>>,
    shared: Arc<Shared>,
    hand: Hand,
    record_bytes_max: usize,
    /// Held while the journal is open.
    lock: Mutex<Option<Lock>>,
}

/// Who moves the writer.
enum Hand {
    Thread(Option<JoinHandle<()>>),
    /// Whoever calls [`Journal::turn`]; `None` when it has ended.
    Caller(Mutex<Option<Box<Writer>>>),
}

impl Journal {
    /// Opens the journal of a folder, which is made when it is missing. Every record that is
    /// there goes to `visit` first, in order.
    pub fn open(
        folder: impl Into<Folder>,
        config: &Config,
        visit: Visit<'_>,
    ) -> Result<(Journal, Opened), JournalFault> {
        Journal::open_from(folder, config, Mark::START, visit)
    }

    /// As [`Journal::open`]; records of the segments before the mark are passed over.
    pub fn open_from(
        folder: impl Into<Folder>,
        config: &Config,
        from: Mark,
        visit: Visit<'_>,
    ) -> Result<(Journal, Opened), JournalFault> {
        let folder = folder.into();
        let (tail, opened, lock) = prepare(&folder, config, from, visit)?;
        let journal = Journal::start(tail, config, lock).map_err(JournalFault::io(&folder.dir))?;
        Ok((journal, opened))
    }

    /// A journal without a thread: nothing is written but by [`Journal::turn`].
    pub fn stepped(
        folder: impl Into<Folder>,
        config: &Config,
        from: Mark,
        visit: Visit<'_>,
    ) -> Result<(Journal, Opened), JournalFault> {
        let (tail, opened, lock) = prepare(&folder.into(), config, from, visit)?;
        let (mut journal, writer) = Journal::over(tail, config, lock);
        journal.hand = Hand::Caller(Mutex::new(Some(Box::new(writer))));
        Ok((journal, opened))
    }

    pub(super) fn start(tail: Tail, config: &Config, lock: Lock) -> io::Result<Journal> {
        let (mut journal, writer) = Journal::over(tail, config, lock);
        let thread =
            std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run())?;
        journal.hand = Hand::Thread(Some(thread));
        Ok(journal)
    }

    fn over(tail: Tail, config: &Config, lock: Lock) -> (Journal, Writer) {
        let (queue, items) = mpsc::channel(config.queue);
        let shared = Arc::new(Shared::at(tail.position()));
        let window = Duration::from_millis(u64::from(config.window_ms));
        let writer = Writer {
            items,
            tail,
            window,
            shared: Arc::clone(&shared),
            batch: Vec::new(),
            owed: VecDeque::new(),
            end: None,
        };
        let journal = Journal {
            queue: Some(queue),
            shared,
            hand: Hand::Thread(None),
            record_bytes_max: config.record_bytes_max,
            lock: Mutex::new(Some(lock)),
        };
        (journal, writer)
    }

    /// Of a stepped journal: writes what was given since, makes it durable and answers. On a
    /// full disk, each turn asks whether there is room again. Nothing, where there is a thread.
    pub fn turn(&self) {
        let Hand::Caller(writer) = &self.hand else { return };
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.as_mut().is_some_and(|writer| writer.turn().is_err()) {
            *writer = None;
        }
    }

    /// From now on each batch of records is written after this was done, by whoever writes: what
    /// it makes durable is so before them. The first one stands.
    pub fn precede(&self, step: impl Fn() + Send + Sync + 'static) {
        let _ = self.shared.before.set(Box::new(step));
    }

    /// Takes a place in the queue, so that what is done between here and [`Place::append`] is
    /// done only when it can be written down. Never waits.
    pub fn reserve(&self) -> Result<Place<'_>, Refused> {
        match self.health() {
            Health::Well => {}
            Health::Full => return Err(Refused::Full),
            Health::Failed => return Err(Refused::Failed),
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
        Ok(self.reserve()?.send(Job::Barrier))
    }

    /// As [`Journal::barrier`]; what is given later stands in a new segment, which one that is
    /// empty is already.
    pub fn rotate(&self) -> Result<Durable, Refused> {
        Ok(self.reserve()?.send(Job::Rotate))
    }

    /// Ends the journal while others still hold it: what was taken is written and sealed, nothing
    /// is taken any more, and the folder may be opened by somebody else. Never from async code.
    pub fn end(&self) -> Result<(), Refused> {
        match &self.hand {
            Hand::Thread(_) => self.reserve()?.send(Job::End).wait()?,
            Hand::Caller(writer) => {
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer.take().ok_or(Refused::Failed)?.close();
            }
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        Ok(())
    }

    /// How far the log is durable, in bytes from its beginning: as far as a
    /// [`Follower`](super::Follower) may read.
    pub fn durable(&self) -> u64 {
        self.shared.durable()
    }

    /// Whether records are taken.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Why the journal takes no more records; `None` while it does, or will again.
    pub fn failure(&self) -> Option<&str> {
        self.shared.failure.get().map(String::as_str)
    }
}

fn prepare(
    folder: &Folder,
    config: &Config,
    from: Mark,
    visit: Visit<'_>,
) -> Result<(Tail, Opened, Lock), JournalFault> {
    if let Some(fault) = config.faults().first() {
        return Err(JournalFault::Config(fault));
    }
    let io = || JournalFault::io(&folder.dir);
    folder.disk.make_dir(&folder.dir).map_err(io())?;
    let lock = folder.disk.lock(&folder.dir).map_err(io())?;
    let lock = lock.ok_or_else(|| JournalFault::InUse(folder.dir.clone()))?;
    let (tail, opened) = reopen(folder, (from, config.segment_bytes), config.chained, visit)?;
    Ok((tail, opened, lock))
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.queue.take());
        match &mut self.hand {
            Hand::Thread(thread) => {
                if let Some(thread) = thread.take() {
                    // It may wait for a full disk.
                    thread.thread().unpark();
                    // A panic of the writer has been reported; waiters got `Failed`.
                    let _ = thread.join();
                }
            }
            Hand::Caller(writer) => {
                let writer = writer.get_mut().unwrap_or_else(PoisonError::into_inner);
                if let Some(writer) = writer.take() {
                    writer.close();
                }
            }
        }
    }
}

/// Holds a folder for one writer, as long as the file is open.
pub fn lock(dir: &Path) -> Result<std::fs::File, JournalFault> {
    let path = lock_path(dir);
    let held = hold(&path).map_err(JournalFault::io(&path))?;
    held.ok_or_else(|| JournalFault::InUse(dir.to_owned()))
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
        Ok(self.send(Job::Record(record.into())))
    }

    fn send(self, job: Job) -> Durable {
        let (done, answer) = oneshot::channel();
        self.permit.send(Item { job, done });
        Durable(answer)
    }
}

/// Resolves when the record is on disk, or can not be said to be.
#[must_use = "until it resolves, nothing is durable"]
pub struct Durable(oneshot::Receiver<Result<(), Refused>>);

impl Future for Durable {
    type Output = Result<(), Refused>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(context);
        answer.map(|answer| answer.unwrap_or(Err(Refused::Failed)))
    }
}

impl Durable {
    /// Blocks until the answer is there; never from async code.
    pub fn wait(self) -> Result<(), Refused> {
        self.0.blocking_recv().unwrap_or(Err(Refused::Failed))
    }

    /// The answer, if it is there.
    pub fn now(&mut self) -> Option<Result<(), Refused>> {
        match self.0.try_recv() {
            Ok(answer) => Some(answer),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(Refused::Failed)),
        }
    }
}
