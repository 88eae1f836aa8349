//! Who writes? One writer: it gathers what waits, writes once, syncs once, answers all.
//!
//! A thread of its own, or, for the simulator, whoever calls [`Journal::turn`](super::Journal).

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::segment::Tail;
use super::{Health, Refused};

/// Most records and bytes of one batch.
const BATCH_RECORDS: usize = 4096;
const BATCH_BYTES: usize = 4 << 20;

/// How often a full disk is asked whether it has room again.
pub(super) const PROBE: Duration = Duration::from_secs(1);

pub(super) struct Item {
    pub job: Job,
    pub done: oneshot::Sender<Result<(), Refused>>,
}

pub(super) enum Job {
    Record(Box<[u8]>),
    /// Answered when everything before it is durable.
    Barrier,
    /// As a barrier; what comes later is in a new segment.
    Rotate,
    /// Nothing is taken any more; answered when all that was taken is durable and sealed.
    End,
}

impl Item {
    fn record(&self) -> Option<&[u8]> {
        match &self.job {
            Job::Record(record) => Some(record),
            Job::Barrier | Job::Rotate | Job::End => None,
        }
    }
}

/// What the writer tells those who wait and those who look.
#[derive(Default)]
pub(super) struct Shared {
    pub failure: OnceLock<String>,
    health: AtomicU8,
    durable: AtomicU64,
    /// See [`Journal::precede`](super::Journal::precede).
    pub before: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Shared {
    pub fn at(position: u64) -> Shared {
        Shared { durable: AtomicU64::new(position), ..Shared::default() }
    }

    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Acquire) {
            0 => Health::Well,
            1 => Health::Full,
            _ => Health::Failed,
        }
    }

    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    fn is(&self, health: Health) {
        self.health.store(health as u8, Ordering::Release);
    }

    fn failed(&self, error: &io::Error) {
        // Said before any waiter sees its answer dropped.
        let _ = self.failure.set(error.to_string());
        self.is(Health::Failed);
        tracing::error!(%error, "the journal failed; nothing more is acknowledged");
    }
}

pub(super) struct Writer {
    pub items: mpsc::Receiver<Item>,
    pub tail: Tail,
    pub window: Duration,
    pub shared: Arc<Shared>,
    pub batch: Vec<Item>,
    /// Records that were taken before the disk was full. They were refused to those who gave
    /// them, but took effect: they are written first, as soon as there is room.
    pub owed: VecDeque<Box<[u8]>>,
    /// Who asked for the end.
    pub end: Option<oneshot::Sender<Result<(), Refused>>>,
}

/// The writer has ended: in order, or because nothing may be written any more.
pub(super) struct Ended;

impl Writer {
    pub fn run(mut self) {
        loop {
            let gathered = match self.owed.is_empty() {
                true => self.wait(),
                false => self.wait_for_room(),
            };
            if !gathered {
                return self.close();
            }
            if self.settle().is_err() {
                return;
            }
        }
    }

    /// One turn of a writer that has no thread: takes what is there and settles it.
    pub fn turn(&mut self) -> Result<(), Ended> {
        self.gather();
        self.settle()
    }

    /// At the end: what waits is written, then the seal. Its loss loses nothing.
    pub fn close(mut self) {
        loop {
            self.gather();
            if self.batch.is_empty() {
                break;
            }
            if self.settle().is_err() {
                return;
            }
        }
        if !self.owed.is_empty() {
            let records = self.owed.len();
            tracing::warn!(records, "the disk is full: what was not acknowledged is not kept");
            return;
        }
        if let Err(error) = self.tail.seal() {
            tracing::warn!(%error, "the journal could not be sealed");
        }
        if let Some(end) = self.end.take() {
            // Who waits no more needs no answer.
            let _ = end.send(Ok(()));
        }
    }

    /// Waits for the first item, then takes what else is there; `false` when all senders are
    /// gone.
    fn wait(&mut self) -> bool {
        let Some(first) = self.items.blocking_recv() else { return false };
        if !self.window.is_zero() {
            std::thread::sleep(self.window);
        }
        self.batch.push(first);
        self.gather();
        true
    }

    /// Until the next probe of a full disk, or the end.
    fn wait_for_room(&mut self) -> bool {
        std::thread::park_timeout(PROBE);
        self.gather();
        !(self.items.is_closed() && self.batch.is_empty())
    }

    fn gather(&mut self) {
        let size = |item: &Item| item.record().map_or(0, <[u8]>::len);
        let mut bytes: usize = self.batch.iter().map(size).sum();
        while self.batch.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Ok(item) = self.items.try_recv() else { return };
            bytes += size(&item);
            self.batch.push(item);
        }
    }

    /// Writes what is owed and what was gathered, makes it durable, and answers.
    fn settle(&mut self) -> Result<(), Ended> {
        if self.batch.iter().any(|item| matches!(item.job, Job::End)) {
            self.items.close();
        }
        let rotated = match self.commit().and_then(|()| self.rotate()) {
            Ok(rotated) => rotated,
            Err(error) if is_full(&error) => return self.refuse(&error),
            Err(error) => {
                self.shared.failed(&error);
                return Err(Ended);
            }
        };
        self.shared.is(Health::Well);
        for item in self.batch.drain(..) {
            let answer = match item.job {
                Job::Rotate => rotated,
                Job::Record(_) | Job::Barrier => Ok(()),
                Job::End => {
                    self.end = Some(item.done);
                    continue;
                }
            };
            // A waiter that went away needs no answer.
            let _ = item.done.send(answer);
        }
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        let records = self.batch.iter().any(|item| item.record().is_some());
        if let Some(before) = self.shared.before.get().filter(|_| records) {
            before();
        }
        while !self.owed.is_empty() {
            let mut bytes = 0;
            let fits = |len: &usize| {
                bytes += *len;
                bytes < BATCH_BYTES
            };
            let lengths = self.owed.iter().take(BATCH_RECORDS).map(|record| record.len());
            let count = lengths.take_while(fits).count().max(1);
            self.tail.write(self.owed.range(..count).map(|record| &**record))?;
            self.sync()?;
            self.owed.drain(..count);
        }
        if records {
            self.tail.write(self.batch.iter().filter_map(Item::record))?;
            self.sync()?;
        }
        Ok(())
    }

    /// Begins a segment, where that was asked for. No room for one concerns nobody else: the
    /// records are durable.
    fn rotate(&mut self) -> io::Result<Result<(), Refused>> {
        let asked = self.batch.iter().any(|item| matches!(item.job, Job::Rotate));
        if !asked || self.tail.is_empty() {
            return Ok(Ok(()));
        }
        match self.tail.rotate() {
            Ok(()) => {
                self.shared.durable.store(self.tail.position(), Ordering::Release);
                Ok(Ok(()))
            }
            Err(error) if is_full(&error) => Ok(Err(Refused::Full)),
            Err(error) => Err(error),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        // A sync that failed is final, whatever it failed of.
        self.tail.sync().map_err(io::Error::other)?;
        self.shared.durable.store(self.tail.position(), Ordering::Release);
        Ok(())
    }

    /// The disk is full: takes back what was half written, and answers that nothing is durable.
    fn refuse(&mut self, error: &io::Error) -> Result<(), Ended> {
        if let Err(undone) = self.tail.undo() {
            let why = format!("{error}; and cutting off what was half written: {undone}");
            self.shared.failed(&io::Error::other(why));
            return Err(Ended);
        }
        if self.shared.health() == Health::Well {
            tracing::error!(%error, "the journal's disk is full: nothing is acknowledged for now");
        }
        // Before the answers: who hears of it and asks again is refused at once.
        self.shared.is(Health::Full);
        for item in self.batch.drain(..) {
            if let Job::Record(record) = item.job {
                self.owed.push_back(record);
            }
            let _ = item.done.send(Err(Refused::Full));
        }
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
