//! What do operators see of the intake?

use std::sync::Arc;
use std::time::Instant;

use crate::base::telemetry::{Counter, Gauge, Latency, Registry};

use super::super::audience::Audience;
use super::Refused;

pub(super) struct Meters {
    durable: Counter,
    failed: Counter,
    refused: [Counter; REFUSALS.len()],
    until_durable: Arc<Latency>,
    steps: [Arc<Latency>; STEPS.len()],
    generations: Gauge,
    waiting: Gauge,
    lag_bytes: Gauge,
    bytes: Gauge,
}

const REFUSALS: [&str; 4] = ["busy", "full", "failed", "bad"];
const STEPS: [&str; 4] = ["seal", "publish", "merge", "settle"];

impl Meters {
    pub fn new(registry: &Registry) -> Meters {
        let changes = |outcome: &str| {
            let help =
                "Changes of listeners that were durable or failed, batches that were refused.";
            registry.counter("interlude_audience_changes_total", help, &[("outcome", outcome)])
        };
        let gauge = |name, help| registry.gauge(name, help, &[]);
        Meters {
            durable: changes("durable"),
            failed: changes("failed"),
            refused: REFUSALS.map(|reason| {
                let help = "Batches of changes that were refused.";
                registry.counter("interlude_audience_refused_total", help, &[("reason", reason)])
            }),
            until_durable: registry.latency(
                "interlude_audience_durable_seconds",
                "From the taking of a batch until it was on disk.",
                &[],
            ),
            steps: STEPS.map(|step| {
                let help = "Steps of taking changes in.";
                registry.latency("interlude_audience_step_seconds", help, &[("step", step)])
            }),
            generations: gauge("interlude_audience_generations", "Generations that are looked in."),
            waiting: gauge("interlude_audience_waiting", "Changes that are not durable yet."),
            lag_bytes: gauge(
                "interlude_audience_lag_bytes",
                "Bytes of the journal that a start would replay.",
            ),
            bytes: gauge("interlude_audience_memory_bytes", "What listeners take in memory."),
        }
    }

    pub fn refused(&self, refused: Option<&Refused>) {
        let place = match refused {
            None => return,
            Some(Refused::Busy { .. }) => 0,
            Some(Refused::Full(_)) => 1,
            Some(Refused::Failed(_)) => 2,
            Some(Refused::Long | Refused::Bad(..) | Refused::Removes(_)) => 3,
        };
        self.refused[place].increment(1);
    }

    pub fn durable(&self, changes: usize, since: Instant) {
        self.durable.increment(changes as u64);
        self.until_durable.record(since.elapsed());
    }

    pub fn fail(&self, changes: usize) {
        self.failed.increment(changes as u64);
    }

    pub fn sealed(&self, started: Instant) {
        self.steps[0].record(started.elapsed());
    }

    pub fn published(&self, started: Instant) {
        self.steps[1].record(started.elapsed());
    }

    pub fn merged(&self, started: Instant) {
        self.steps[2].record(started.elapsed());
    }

    pub fn settled(&self, started: Instant) {
        self.steps[3].record(started.elapsed());
    }

    pub fn stand(&self, audience: &Audience, waiting: usize, lag_bytes: u64) {
        self.generations.set(audience.generations().len() as f64);
        self.waiting.set(waiting as f64);
        self.lag_bytes.set(lag_bytes as f64);
        self.bytes.set(audience.bytes().total() as f64);
    }
}
