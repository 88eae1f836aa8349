//! Which lines sleep in the world that is served? A loop that looks at all of them, cold.
//!
//! A set is kept for replays before any decision uses it; where that fails none is used, and
//! every line is asked.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::StartFault;
use super::node::Node;
use super::tasks::{self, Loop};
use crate::base::telemetry::{Counter, Gauge, Registry};
use crate::base::units::time::Clock;
use crate::flows::decide::serve::Published;
use crate::offer::delivery::{Idle, Sleep};
use crate::offer::records::{self, SleepLog};

/// Finds the lines that sleep, keeps them and puts them to sleep.
pub struct Sleeper {
    log: Mutex<SleepLog>,
    clock: Arc<dyn Clock>,
    asleep: [Gauge; REASONS.len()],
    epochs: Counter,
    not_kept: Counter,
}

const REASONS: [&str; 3] = ["paused", "out_of_flight", "budget_spent"];

impl Sleeper {
    pub fn open(
        config: &records::Config,
        data: &Path,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> io::Result<Sleeper> {
        let gauge = |reason| {
            let help = "Lines that searches pass over, as they cannot run.";
            registry.gauge("interlude_lines_asleep", help, &[("reason", reason)])
        };
        let counter = |name, help| registry.counter(name, help, &[]);
        Ok(Sleeper {
            log: Mutex::new(SleepLog::open(config, data, clock.now())?),
            clock,
            asleep: REASONS.map(gauge),
            epochs: counter("interlude_sleep_epochs_total", "Sets of sleeping lines put to use."),
            not_kept: counter(
                "interlude_sleep_write_errors_total",
                "Sets of sleeping lines that could not be written, and were not used.",
            ),
        })
    }

    /// Looks at the lines of a world that is served, or is about to be.
    pub fn look(&self, published: &Published) {
        let Published { world, desk } = published;
        let now = self.clock.now();
        let Idle { lines, paused, out_of_flight, budget_spent } = desk.idle(now);
        for (gauge, count) in self.asleep.iter().zip([paused, out_of_flight, budget_spent]) {
            gauge.set(count as f64);
        }
        match desk.sleep().as_deref() {
            Some(sleep) if sleep.lines() == lines => return sleep.confirm(now),
            None if lines.is_empty() => return,
            _ => {}
        }
        if lines.is_empty() {
            return desk.put_to_sleep(None);
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        match log.append(world.version, &lines, now) {
            Ok(epoch) => {
                let sleep = Sleep::new(epoch, lines, &world.index, now);
                desk.put_to_sleep(Some(Arc::new(sleep)));
                self.epochs.increment(1);
            }
            Err(error) => {
                tracing::error!(%error, "the sleeping lines cannot be written");
                self.not_kept.increment(1);
                desk.put_to_sleep(None);
            }
        }
    }
}

/// Looks at the world that is served, again and again.
pub fn start(node: Arc<Node>, sleep_ms: u32) -> Result<Loop, StartFault> {
    let every = Duration::from_millis(u64::from(sleep_ms));
    let spawned = tasks::spawn("sleepers", every, move || {
        node.sleeper().look(&node.standing().published);
    });
    spawned.map_err(StartFault::at("sleeping lines"))
}
