//! What does the intake's thread do, turn by turn? Keep, answer, gather, seal, publish.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::market::vocabulary::Words;

use super::super::audience::Audience;
use super::super::change::Change;
use super::super::gather::Gather;
use super::super::store::{Store, StoreFault};
use super::work::{Done, Work};
use super::{Item, Publish, Shared, Waiting};

/// Most changes that one `fdatasync` makes durable, so that the first need not wait for long.
const GROUP: usize = 50_000;

/// How often a thread with nothing to do looks whether the store is due.
const IDLE: Duration = Duration::from_secs(5);

/// More profile bytes than this are sealed before their time.
const GATHER_BYTES: usize = 64 << 20;

pub(super) struct Turn {
    pub store: Box<dyn Store>,
    pub words: Arc<Words>,
    pub gather: Gather,
    pub work: Work,
    pub seal_ms: u64,
    pub publish: Publish,
    pub shared: Arc<Shared>,
}

impl Turn {
    pub fn run(mut self, items: &Receiver<Item>) {
        // When what is gathered must be sealed.
        let mut seal_at: Option<Instant> = None;
        let mut group = Vec::new();
        let mut ending = false;
        while !ending {
            let pause = seal_at.map_or(IDLE, |at| at.saturating_duration_since(Instant::now()));
            let mut asked = Vec::new();
            let mut next = match items.recv_timeout(pause) {
                Ok(item) => Some(item),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut changes = 0;
            while let Some(item) = next {
                match item {
                    Item::Batch(batch) => {
                        changes += batch.changes.len();
                        group.push(batch);
                    }
                    Item::Seal(done) => asked.push(done),
                    Item::Stop => ending = true,
                    Item::Done(done) => self.put_in_place(done),
                }
                next = if changes < GROUP { items.try_recv().ok() } else { None };
            }
            if !group.is_empty() && self.keep(&mut group).is_err() {
                return;
            }
            if !self.gather.is_empty() && seal_at.is_none() {
                seal_at = Some(Instant::now() + Duration::from_millis(self.seal_ms));
            }
            let full = self.gather.bytes() > GATHER_BYTES;
            if seal_at.is_some_and(|at| at <= Instant::now()) || full || !asked.is_empty() {
                self.seal();
                seal_at = None;
                asked.into_iter().for_each(|done| {
                    // Who asked may have left.
                    let _ = done.send(());
                });
            }
            self.look_after();
        }
        self.work.stop();
    }

    /// Makes a group durable, answers, and gathers it. A fault is the end of this thread: those
    /// who wait see their answers dropped.
    fn keep(&mut self, group: &mut Vec<Waiting>) -> Result<(), ()> {
        let kept = group
            .iter()
            .try_for_each(|batch| self.store.upsert_batch(&batch.changes))
            .and_then(|()| self.store.sync());
        if let Err(why) = kept {
            // Said before any waiter sees its answer dropped.
            let _ = self.shared.failure.set(why.to_string());
            self.shared.meters.fail(group.iter().map(|batch| batch.changes.len()).sum());
            tracing::error!(%why, "the listeners' store failed; no change is taken any more");
            self.work.stop();
            return Err(());
        }
        let audience = self.shared.audience.load_full();
        for Waiting { changes, since, done } in group.drain(..) {
            self.shared.meters.durable(changes.len(), since);
            self.shared.waiting.fetch_sub(changes.len(), Relaxed);
            let erased = self.shared.erased.get();
            for change in &changes {
                if let (Change::Erase { key }, Some(tell)) = (change, erased) {
                    tell(*key);
                }
            }
            // A waiter that went away needs no answer.
            let _ = done.send(());
            for change in &changes {
                self.gather.apply(change, &audience);
            }
        }
        Ok(())
    }

    fn seal(&mut self) {
        if self.gather.is_empty() {
            return;
        }
        let started = Instant::now();
        let newest = Arc::new(self.gather.seal());
        let audience = self.shared.audience.load().with(newest);
        self.shared.meters.sealed(started);
        self.publish(audience);
    }

    fn publish(&mut self, audience: Audience) {
        let started = Instant::now();
        let audience = Arc::new(audience);
        self.shared.audience.store(Arc::clone(&audience));
        (self.publish)(audience, self.words.snapshot());
        self.shared.meters.published(started);
    }

    fn put_in_place(&mut self, done: Done) {
        match done {
            Done::Merged { merge, merged, took, purge } => {
                self.shared.meters.merged(took);
                self.work.ended(&merge);
                let now = self.shared.audience.load_full();
                if let Some(audience) = merge.done(&now, merged) {
                    self.publish(audience);
                    if purge {
                        self.store.purged();
                    }
                }
            }
            Done::Settled { fault: None, took } => {
                self.work.settled(true);
                self.shared.meters.settled(took);
            }
            Done::Settled { fault: Some(why), .. } => {
                self.work.settled(false);
                if !matches!(why, StoreFault::Stopped) {
                    tracing::error!(%why, "the listeners' store is not put in order; tried again");
                }
            }
        }
    }

    /// Starts what is due, and shows how things stand.
    fn look_after(&mut self) {
        let audience = self.shared.audience.load_full();
        self.work.purge(&audience);
        self.work.merge(&audience);
        // What is gathered is in the journal, but in no generation yet.
        if self.gather.is_empty() && self.work.may_settle() {
            match self.store.settle(&audience) {
                Ok(None) => {}
                Ok(Some(settling)) => self.work.settle(settling),
                Err(why) => tracing::error!(%why, "the listeners' store is not put in order"),
            }
        }
        let waiting = self.shared.waiting.load(Relaxed);
        self.shared.meters.stand(&audience, waiting, self.store.lag_bytes());
    }
}
