//! How does a change become durable, and then seen? One thread takes, keeps, gathers, publishes.
//!
//! Submitted to by the admin door and by import, from any thread; the thread is woken by a batch
//! and by the time to seal; cold, and beside the bid path.
//!
//! ```text
//! submit → bounded queue → store (one fdatasync for all that waits) → acknowledged
//!                              └→ gather → every seal_ms a generation → published
//! ```
//! So what is seen is durable. Merging generations and putting the store in order happen on
//! threads of lower priority ([`work`]), whose results this one thread puts in place.

mod meters;
mod turn;
mod work;

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use crate::base::journal::Trimmed;
use crate::base::telemetry::Registry;
use crate::base::units::ids::ListenerKey;
use crate::base::units::time::{Clock, WallClock};
use crate::market::vocabulary::{self, Vocabulary, Words};

use super::audience::{Audience, Purpose};
use super::change::{Change, ChangeFault};
use super::config::{BATCH_MAX, Config};
use super::disk::{DiskStore, Found};
use super::gather::Gather;
use super::profile::minor_ages;
use super::record;
use super::store::{Store, StoreFault};
use meters::Meters;
use turn::Turn;

/// The longest record of a batch.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Takes changes while it lives; one a data folder. Dropping it makes durable what waits.
pub struct Intake {
    queue: Option<Sender<Item>>,
    thread: Option<JoinHandle<()>>,
    words: Arc<Words>,
    shared: Arc<Shared>,
    queue_max: usize,
    listeners_max: usize,
}

/// What the intake stands on: a data folder's store and words, which are this process's.
pub struct Stand {
    pub store: Box<dyn Store>,
    /// Everybody, as the store was opened with.
    pub audience: Arc<Audience>,
    pub words: Arc<Words>,
    pub clock: Arc<dyn Clock>,
}

impl Stand {
    /// Opens what there is in a data folder, or makes it.
    pub fn open(
        data: &Path,
        vocabulary: &vocabulary::Config,
        config: &Config,
    ) -> Result<Stand, StoreFault> {
        let words = Arc::new(Words::open(&data.join(vocabulary::FILE), vocabulary)?);
        let (store, Found { audience, opened }) = DiskStore::open(data, &words, config)?;
        if let Some(Trimmed { file, offset, bytes }) = opened.trimmed {
            // Never acknowledged, but somebody will want to know.
            tracing::warn!(file = %file.display(), offset, bytes, "an unfinished end was cut off");
        }
        tracing::info!(listeners = audience.len(), replayed = opened.records, "listeners read");
        let audience = Arc::new(audience);
        Ok(Stand { store: Box::new(store), audience, words, clock: Arc::new(WallClock) })
    }

    /// Takes changes in, of a process that serves nobody.
    pub fn alone(self, config: &Config) -> io::Result<Intake> {
        Intake::start(self, config, &Registry::new(), Box::new(|_, _| {}))
    }
}

/// Tells the world of listeners, and of the words that they are known in.
pub type Publish = Box<dyn Fn(Arc<Audience>, Arc<Vocabulary>) + Send>;

/// What callers and the thread both see.
struct Shared {
    /// Changes that wait.
    waiting: AtomicUsize,
    audience: ArcSwap<Audience>,
    failure: OnceLock<String>,
    erased: OnceLock<Box<dyn Fn(ListenerKey) + Send + Sync>>,
    meters: Meters,
}

enum Item {
    Batch(Waiting),
    /// Publish now, then answer.
    Seal(oneshot::Sender<()>),
    /// Work has ended.
    Done(work::Done),
    /// The intake is dropped.
    Stop,
}

struct Waiting {
    changes: Vec<Change>,
    since: Instant,
    done: oneshot::Sender<()>,
}

/// Why a batch was not taken. Nothing of it was.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("more changes wait than may; try again in {retry_after_ms} ms")]
    Busy { retry_after_ms: u64 },
    #[error("a batch has at most {BATCH_MAX} changes and 8 MiB; send several")]
    Long,
    #[error("change {0} of the batch: {1}")]
    Bad(usize, ChangeFault),
    #[error("change {0} of the batch removes more values than a profile can have")]
    Removes(usize),
    #[error("{0} listeners are kept, as many as may be (audience.listeners_max)")]
    Full(usize),
    #[error(transparent)]
    Failed(Failed),
}

/// Final: changes are no longer known to be kept. Bids go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the listeners' store has failed ({0}); no change is taken until a restart")]
pub struct Failed(String);

impl Intake {
    /// Starts the thread. It publishes nothing before something changes.
    pub fn start(
        stand: Stand,
        config: &Config,
        registry: &Registry,
        publish: Publish,
    ) -> io::Result<Intake> {
        let Stand { store, audience, words, clock } = stand;
        let (queue, items) = mpsc::channel();
        let kept = minor_ages(&words.snapshot());
        let purge_s = i64::try_from(config.settle_s).unwrap_or(i64::MAX);
        let shared = Arc::new(Shared {
            waiting: AtomicUsize::new(0),
            audience: ArcSwap::new(audience),
            failure: OnceLock::new(),
            erased: OnceLock::new(),
            meters: Meters::new(registry),
        });
        let turn = Turn {
            store,
            words: Arc::clone(&words),
            gather: Gather::new(kept),
            work: work::Work::new(queue.clone(), clock, kept, purge_s),
            seal_ms: config.seal_ms,
            publish,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("intake".to_owned())
            .spawn(move || turn.run(&items))?;
        Ok(Intake {
            queue: Some(queue),
            thread: Some(thread),
            words,
            shared,
            queue_max: config.queue,
            listeners_max: usize::try_from(config.listeners_max).unwrap_or(usize::MAX),
        })
    }

    /// Of everybody who is erased from now on, when the erasure is durable: other rooms may know
    /// something of him, too. Once.
    pub fn tell_erased(&self, tell: impl Fn(ListenerKey) + Send + Sync + 'static) {
        // A second one is told nothing.
        let _ = self.shared.erased.set(Box::new(tell));
    }

    /// Words get their ids here before changes use them.
    pub fn words(&self) -> &Arc<Words> {
        &self.words
    }

    /// Everybody, as published last.
    pub fn audience(&self) -> Arc<Audience> {
        self.shared.audience.load_full()
    }

    /// Takes a batch, which will be applied whole, or refuses it. Never waits.
    pub fn submit(&self, changes: Vec<Change>) -> Result<Receipt, Refused> {
        self.offer(changes).map_err(|(refused, _)| refused)
    }

    /// As [`Intake::submit`]; what is refused comes back, to be submitted again.
    pub fn offer(&self, changes: Vec<Change>) -> Result<Receipt, (Refused, Vec<Change>)> {
        let taken = self.take(changes);
        self.shared.meters.refused(taken.as_ref().err().map(|(refused, _)| refused));
        taken
    }

    /// Why nothing is taken any more; `None` in health.
    pub fn failure(&self) -> Option<&str> {
        self.shared.failure.get().map(String::as_str)
    }

    /// Publishes all that was taken before, and returns when it is seen; never from async code.
    pub fn seal(&self) -> Result<(), Failed> {
        let (done, sealed) = oneshot::channel();
        self.send(Item::Seal(done));
        Receipt { done: sealed, shared: Arc::clone(&self.shared) }.wait()
    }

    fn take(&self, changes: Vec<Change>) -> Result<Receipt, (Refused, Vec<Change>)> {
        if let Some(why) = self.shared.failure.get() {
            return Err((Refused::Failed(Failed(why.clone())), changes));
        }
        if let Err(refused) = self.check(&changes) {
            return Err((refused, changes));
        }
        let waiting = &self.shared.waiting;
        let room = |now: usize| now.checked_add(changes.len()).filter(|&n| n <= self.queue_max);
        if waiting.fetch_update(Relaxed, Relaxed, room).is_err() {
            return Err((Refused::Busy { retry_after_ms: BUSY_MS }, changes));
        }
        let (done, answer) = oneshot::channel();
        self.send(Item::Batch(Waiting { changes, since: Instant::now(), done }));
        Ok(Receipt { done: answer, shared: Arc::clone(&self.shared) })
    }

    fn check(&self, changes: &[Change]) -> Result<(), Refused> {
        let bytes: usize = changes.iter().map(record::size).sum();
        if changes.len() > BATCH_MAX || bytes > BATCH_BYTES_MAX {
            return Err(Refused::Long);
        }
        let values = self.words.len();
        for (place, change) in changes.iter().enumerate() {
            change.check(values).map_err(|fault| Refused::Bad(place, fault))?;
            if matches!(change, Change::Remove { values, .. } if values.len() > record::VALUES_MAX)
            {
                return Err(Refused::Removes(place));
            }
        }
        let audience = self.shared.audience.load();
        let makes = |change: &Change| match change {
            Change::Put { key, .. } | Change::Add { key, .. } => {
                audience.profile_for(Purpose::Upkeep, *key).is_none()
            }
            _ => false,
        };
        // Who is here already may change; what waits to be sealed is not counted.
        if audience.len() >= self.listeners_max && changes.iter().any(makes) {
            return Err(Refused::Full(audience.len()));
        }
        Ok(())
    }

    fn send(&self, item: Item) {
        if let Some(queue) = &self.queue {
            // A thread that has ended drops the item, and with it the answer: it has failed.
            let _ = queue.send(item);
        }
    }
}

/// When a caller who was refused as busy may try again.
const BUSY_MS: u64 = 250;

impl Drop for Intake {
    fn drop(&mut self) {
        self.send(Item::Stop);
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by its thread.
            let _ = thread.join();
        }
    }
}

/// The promise to a taken batch.
#[must_use = "until it is durable, nothing is promised"]
pub struct Receipt {
    done: oneshot::Receiver<()>,
    shared: Arc<Shared>,
}

impl Receipt {
    /// Resolves when the batch is on disk, or can no longer be known to be.
    pub async fn durable(self) -> Result<(), Failed> {
        self.await
    }

    /// Blocks until then; never from async code.
    pub fn wait(self) -> Result<(), Failed> {
        let Receipt { done, shared } = self;
        done.blocking_recv().map_err(|_| shared.failed())
    }
}

impl Future for Receipt {
    type Output = Result<(), Failed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.done).poll(context);
        answer.map(|answer| answer.map_err(|_| self.shared.failed()))
    }
}

impl Shared {
    fn failed(&self) -> Failed {
        Failed(self.failure.get().map_or_else(|| "its thread has ended".to_owned(), Clone::clone))
    }
}

#[cfg(test)]
mod tests;
