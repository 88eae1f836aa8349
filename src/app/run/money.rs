//! When may bids spend what their budgets have? When the journal says so. The loop that turns the
//! book and writes down what it says, cold.
//!
//! A world's budgets are leased before its first request; the end in order gives back what no bid
//! holds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::StartFault;
use super::node::Node;
use super::tasks::{self, Loop};
use crate::base::journal::Refused;
use crate::base::telemetry::{Counter, Registry};
use crate::base::units::time::Clock;
use crate::flows::notice::{Till, Upkeep};
use crate::offer::ledger::{Started, Stopped};

/// The upkeep of a server's book.
pub struct Money {
    upkeep: Mutex<Upkeep>,
    till: Arc<Till>,
    clock: Arc<dyn Clock>,
    epoch: u64,
    refused: Counter,
}

impl Money {
    /// `epoch`: which start of this journal it is.
    pub fn new(
        till: &Arc<Till>,
        tally_s: u32,
        epoch: u64,
        (clock, registry): (&Arc<dyn Clock>, &Registry),
    ) -> Money {
        let mut upkeep = Upkeep::new(Arc::clone(till.book()), tally_s);
        let program = env!("CARGO_PKG_VERSION").to_owned();
        upkeep.started(Started { moment: clock.now(), epoch, program, restored: false });
        Money {
            upkeep: Mutex::new(upkeep),
            till: Arc::clone(till),
            clock: Arc::clone(clock),
            epoch,
            refused: registry.counter(
                "interlude_money_turns_refused_total",
                "Turns of the book that the journal did not take: no lease is renewed meanwhile.",
                &[],
            ),
        }
    }

    fn upkeep(&self) -> MutexGuard<'_, Upkeep> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what there is to say, waits until it is on disk, and lets bids use it. Where
    /// the journal takes nothing (`false`), bids go on until their leases end.
    pub fn turn(&self) -> bool {
        let step = self.upkeep().step(self.till.journal(), self.clock.now());
        let taken = step.is_ok();
        self.note(step);
        taken
    }

    /// Whether bids wait for a turn: refused for want of a lease where the limit has the money.
    fn is_wanted(&self) -> bool {
        self.till.book().is_short()
    }

    /// The end in order. Nothing may be bid and no turn come after it.
    pub fn close(&self) {
        let stopped = Stopped { moment: self.clock.now(), epoch: self.epoch };
        let mut upkeep = self.upkeep();
        let closed = upkeep.close(self.till.journal(), stopped).and_then(|step| step.wait());
        drop(upkeep);
        self.note(closed);
    }

    fn note(&self, step: Result<(), Refused>) {
        if let Err(why) = step {
            self.refused.increment(1);
            tracing::warn!(%why, "the journal takes no leases");
        }
    }
}

/// How often it is looked whether bids wait for a turn.
const POLL: Duration = Duration::from_millis(20);

/// Turns the book every so often, and at once where bids wait for it: a burst outruns a lease for
/// some twenty milliseconds, not for a whole turn.
pub fn start(node: Arc<Node>, turn_ms: u32) -> Result<Loop, StartFault> {
    let every = Duration::from_millis(u64::from(turn_ms));
    let (mut turned, mut taken) = (Instant::now(), node.money().turn());
    let poll = move || {
        // Where the journal takes nothing, asking it again at once helps nobody.
        if turned.elapsed() >= every || (taken && node.money().is_wanted()) {
            taken = node.money().turn();
            turned = Instant::now();
        }
    };
    tasks::spawn("money", POLL.min(every), poll).map_err(StartFault::at("money"))
}
