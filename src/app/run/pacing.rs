//! At what pace do the lines of the served world bid? The loop that turns the pacer, cold.
//!
//! Money is looked at a few times a second; a world's lines are turned once before its first
//! request, so that none begins at its full price.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::StartFault;
use super::node::Node;
use super::tasks::{self, Loop};
use crate::base::telemetry::{Counter, Gauge, Registry};
use crate::base::units::ids::LineId;
use crate::base::units::time::Clock;
use crate::flows::decide::serve::Published;
use crate::offer::delivery::pacing::{Config, Pacer};

/// The pacer of a server, and what is told of it.
pub struct Paces {
    pacer: Mutex<Pacer>,
    clock: Arc<dyn Clock>,
    trips: Counter,
    open: Gauge,
    lines: Gauge,
}

impl Paces {
    pub fn new(config: &Config, clock: &Arc<dyn Clock>, registry: &Registry) -> Paces {
        Paces {
            pacer: Mutex::new(Pacer::new(config.cool_down_s)),
            clock: Arc::clone(clock),
            trips: registry.counter(
                "interlude_breaker_trips_total",
                "Budgets that ran out faster than any plan explains; their lines bid no more.",
                &[],
            ),
            open: registry.gauge(
                "interlude_breakers_open",
                "Budgets whose lines the breaker holds back now: look at once.",
                &[],
            ),
            lines: registry.gauge("interlude_lines_paced", "Lines that are paced now.", &[]),
        }
    }

    /// Turns the lines of a world that is served, or is about to be.
    pub fn turn(&self, published: &Published) {
        let Published { world, desk } = published;
        let turns = desk.pace(&world.catalog, &mut self.pacer(), self.clock.now());
        for tripped in &turns.tripped {
            self.trips.increment(1);
            tracing::error!(budget = %tripped, "the breaker tripped: spent far ahead of any plan");
        }
        for mended in &turns.mended {
            tracing::warn!(budget = %mended, "the breaker lets bids through again");
        }
        self.open.set(turns.open as f64);
        self.lines.set(turns.lines as f64);
    }

    /// By an operator's word: a line's budgets are bid on again at once. `false`: none of them was
    /// held back.
    pub fn mend(&self, line: LineId) -> bool {
        self.pacer().mend(line)
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Turns the world that is served, again and again.
pub fn start(node: Arc<Node>, config: &Config) -> Result<Loop, StartFault> {
    let every = Duration::from_millis(u64::from(config.turn_ms));
    let turn = move || node.paces().turn(&node.standing().published);
    tasks::spawn("pacing", every, turn).map_err(StartFault::at("pacing"))
}
