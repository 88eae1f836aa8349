//! What takes longer than a turn? Merging generations and putting the store in order.
//!
//! Each piece has a thread of its own, of the lowest priority: it takes the cores that bids leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::base::stdx::niceness::give_way;
use crate::base::units::time::{Clock, Moment};
use crate::market::vocabulary::ValueId;

use super::super::audience::Audience;
use super::super::generation::Generation;
use super::super::merge::{Merge, Past};
use super::super::store::{Settling, StoreFault};
use super::Item;

/// A large merge, and one of the small generations that come meanwhile.
const MERGES: usize = 2;

/// Between a settling that failed and the next.
const AGAIN: Duration = Duration::from_secs(60);

pub(super) struct Work {
    ends: Sender<Item>,
    clock: Arc<dyn Clock>,
    kept: [ValueId; 2],
    /// In the order of their starts: each stands before those that began earlier.
    merges: Vec<Merge>,
    settling: Option<JoinHandle<()>>,
    /// Not before this.
    settle_from: Option<Instant>,
    stop: Arc<AtomicBool>,
    /// When everything is written anew without what is past, and how often.
    purge_at: Moment,
    purge_s: i64,
}

/// What a thread has to tell at its end.
pub(super) enum Done {
    Merged { merge: Merge, merged: Arc<Generation>, took: Instant, purge: bool },
    Settled { fault: Option<StoreFault>, took: Instant },
}

impl Work {
    pub fn new(
        ends: Sender<Item>,
        clock: Arc<dyn Clock>,
        kept: [ValueId; 2],
        purge_s: i64,
    ) -> Work {
        let (merges, stop) = (Vec::new(), Arc::default());
        let purge_at = clock.now().plus_s(purge_s);
        let (settling, settle_from) = (None, None);
        Work { ends, clock, kept, merges, settling, settle_from, stop, purge_at, purge_s }
    }

    /// Starts a purge when it is due and no merge is under way.
    pub fn purge(&mut self, audience: &Audience) {
        let now = self.clock.now();
        if now < self.purge_at || !self.merges.is_empty() {
            return;
        }
        self.purge_at = now.plus_s(self.purge_s);
        if let Some(merge) = Merge::purge(audience) {
            self.start(merge, true);
        }
    }

    /// Starts the merges that are due.
    pub fn merge(&mut self, audience: &Audience) {
        while self.merges.len() < MERGES {
            let Some(merge) = Merge::due(audience, self.merges.last()) else { return };
            if !self.start(merge, false) {
                return;
            }
        }
    }

    fn start(&mut self, merge: Merge, purge: bool) -> bool {
        let past = Past { moment: self.clock.now(), kept: self.kept };
        let (ends, running) = (self.ends.clone(), merge.clone());
        let started = spawn("merge", move || {
            let took = Instant::now();
            let merged = Arc::new(running.run(past, &mut std::thread::yield_now));
            // An intake that has ended needs no merge.
            let _ = ends.send(Item::Done(Done::Merged { merge: running, merged, took, purge }));
        });
        if started.is_some() {
            self.merges.push(merge);
        }
        started.is_some()
    }

    pub fn ended(&mut self, merge: &Merge) {
        self.merges.retain(|running| !running.is(merge));
    }

    pub fn may_settle(&self) -> bool {
        self.settling.is_none() && self.settle_from.is_none_or(|from| from <= Instant::now())
    }

    pub fn settle(&mut self, settling: Settling) {
        let (ends, stop) = (self.ends.clone(), Arc::clone(&self.stop));
        self.settling = spawn("settle", move || {
            let took = Instant::now();
            let fault = settling(&stop).err();
            // As above.
            let _ = ends.send(Item::Done(Done::Settled { fault, took }));
        });
    }

    pub fn settled(&mut self, well: bool) {
        self.settling = None;
        self.settle_from = (!well).then(|| Instant::now() + AGAIN);
    }

    /// Ends a settling, which the next start does anew; merges end by themselves and are of no
    /// more use.
    pub fn stop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(settling) = self.settling.take() {
            // A panic has been reported by its thread.
            let _ = settling.join();
        }
    }
}

/// A thread that gives way to all others. `None`: none can be had, which is told.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    let whole = move || {
        // Where the system refuses, the thread runs like any other.
        let _ = give_way(19);
        work();
    };
    match std::thread::Builder::new().name(name.to_owned()).spawn(whole) {
        Ok(thread) => Some(thread),
        Err(why) => {
            tracing::error!(%why, "no thread for {name}");
            None
        }
    }
}
