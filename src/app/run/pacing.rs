//! At what pace do the lines of the served world bid? The loop that turns the pacer, cold.
//!
//! Money is looked at a few times a second; a world's lines are turned once before its first
//! request, so that none begins at its full price. What the traffic has told is kept in a file of
//! the data folder whenever an hour has told something.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::StartFault;
use super::node::Node;
use super::tasks::{self, Loop};
use crate::base::telemetry::{Counter, Gauge, Registry};
use crate::base::units::time::Clock;
use crate::flows::decide::serve::Published;
use crate::offer::delivery::pacing::{Config, Learned, Pacer};

/// The pacer of a server, and what is told of it.
pub struct Paces {
    pacer: Mutex<Pacer>,
    kept: Kept,
    clock: Arc<dyn Clock>,
    trips: Counter,
    open: Gauge,
    lines: Gauge,
}

impl Paces {
    pub fn new(config: &Config, data: &Path, clock: &Arc<dyn Clock>, registry: &Registry) -> Paces {
        let mut pacer = Pacer::new(config.cool_down_s);
        let kept = Kept::of(data);
        kept.read().into_iter().for_each(|traffic| pacer.remember(traffic));
        *kept.written() = pacer.traffic().hours().to_vec();
        Paces {
            pacer: Mutex::new(pacer),
            kept,
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
        let mut pacer = self.pacer();
        let turns = desk.pace(&world.catalog, &mut pacer, self.clock.now());
        let hours = pacer.traffic().hours();
        let told = (*self.kept.written() != hours).then(|| hours.to_vec());
        drop(pacer);
        told.into_iter().for_each(|hours| self.kept.write(hours));
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

    /// Budgets that the breaker holds back, and for how many seconds yet.
    pub fn held_back(&self) -> Vec<(String, u64)> {
        let held = self.pacer().held_back();
        held.into_iter().map(|(budget, s)| (budget.to_string(), s.ceil() as u64)).collect()
    }

    /// By an operator's word: they are bid on again at once; how many there were.
    pub fn mend(&self) -> usize {
        self.pacer().mend()
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the hours of a week are kept: 168 pairs of requests an hour and weeks seen, in UTC.
const FILE: &str = "traffic.json";

struct Kept {
    path: PathBuf,
    /// What stands in the file.
    written: Mutex<Vec<(f64, f64)>>,
}

impl Kept {
    fn of(data: &Path) -> Kept {
        Kept { path: data.join(FILE), written: Mutex::default() }
    }

    /// Without it, or where it is not whole, the traffic is learned anew: nothing else is lost.
    fn read(&self) -> Option<Learned> {
        let text = fs::read(&self.path).ok()?;
        let hours: Option<Vec<(f64, f64)>> = serde_json::from_slice(&text).ok();
        let learned = hours.and_then(|hours| Learned::of(&hours));
        if learned.is_none() {
            tracing::warn!(path = %self.path.display(), "learned traffic is not whole: anew");
        }
        learned
    }

    /// The old file or the new one is there, whatever comes in between.
    fn write(&self, hours: Vec<(f64, f64)>) {
        let beside = self.path.with_extension("new");
        let text = serde_json::to_vec(&hours).unwrap_or_default();
        let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &self.path));
        if let Err(why) = written {
            tracing::warn!(path = %self.path.display(), %why, "learned traffic is not kept");
        }
        *self.written() = hours;
    }

    fn written(&self) -> MutexGuard<'_, Vec<(f64, f64)>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Turns the world that is served, again and again.
pub fn start(node: Arc<Node>, config: &Config) -> Result<Loop, StartFault> {
    let every = Duration::from_millis(u64::from(config.turn_ms));
    let turn = move || node.paces().turn(&node.standing().published);
    tasks::spawn("pacing", every, turn).map_err(StartFault::at("pacing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_traffic_told_outlives_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let kept = Kept::of(data.path());
        assert!(kept.read().is_none());
        let hours: Vec<(f64, f64)> = (0..168).map(|hour| (f64::from(hour) / 3.0, 1.0)).collect();
        kept.write(hours.clone());
        assert_eq!(Kept::of(data.path()).read().unwrap().hours(), hours);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
        fs::write(data.path().join(FILE), "[[1, 2]").unwrap();
        assert!(kept.read().is_none(), "learned anew");
    }
}
