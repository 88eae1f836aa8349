//! Where did the time of decisions go? Their steps' histograms, the slowest, a few in the log.
//!
//! Told of each decision by the [`Node`](super::Node): hot, no lock waited for, no allocation.
//! The lines are written by the upkeep, cold.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use crate::app::config::Config;
use crate::base::telemetry::{Counter, Latency, Registry, Slowest};
use crate::base::units::time::Moment;
use crate::doors::admin::Slow;
use crate::flows::decide::laps::{Told, Took};
use crate::flows::decide::scratch::Scratch;
use crate::market::exchange::ExchangeIx;
use crate::market::outcome::Outcome;
use crate::market::step::Step;
use crate::offer::records::sampled;

/// Lines that may wait for the upkeep, and as many traces for the collector.
const WAITING_MAX: usize = 1024;

/// What is told of decisions beside their records.
pub struct Timings {
    pub one_of: u32,
    steps: [Arc<Latency>; Step::ALL.len()],
    slow: Arc<Slow>,
    log_ppm: u32,
    log_per_s: u32,
    waiting: ArrayQueue<Told>,
    written: Counter,
    dropped: Counter,
    traces_ppm: u32,
    /// Timed decisions for the collector; beyond its room the oldest go.
    traces: ArrayQueue<Told>,
}

impl Timings {
    pub fn new(config: &Config, registry: &Registry) -> Timings {
        let step = |step: Step| {
            let help = "How long each step of a bid's way takes, of the decisions that are timed.";
            registry.latency("interlude_bid_step_seconds", help, &[("step", step.label())])
        };
        let line = |fate| {
            let help = "Sampled decisions by whether the log got their line.";
            registry.counter("interlude_log_decisions_total", help, &[("fate", fate)])
        };
        let exchanges = config.exchanges.iter().map(|row| row.key.clone()).collect();
        let timed_one_of = config.server.time_one_of;
        Timings {
            one_of: timed_one_of,
            steps: Step::ALL.map(step),
            slow: Arc::new(Slow { decisions: Slowest::default(), timed_one_of, exchanges }),
            log_ppm: config.log.decisions_ppm,
            log_per_s: config.log.decisions_per_s,
            waiting: ArrayQueue::new(WAITING_MAX),
            written: line("written"),
            dropped: line("dropped"),
            traces_ppm: config.otel.traced_ppm(),
            traces: ArrayQueue::new(WAITING_MAX),
        }
    }

    /// Timed decisions since the last call that are to be sent as traces.
    #[cfg(feature = "otel")]
    pub fn traces(&self) -> Vec<Told> {
        std::iter::from_fn(|| self.traces.pop()).take(WAITING_MAX).collect()
    }

    /// What the page of the slowest shows.
    pub fn slow(&self) -> Arc<Slow> {
        Arc::clone(&self.slow)
    }

    /// The decision that `scratch` was last used for has ended.
    pub fn ended(
        &self,
        scratch: &Scratch,
        outcome: Outcome,
        of: (Moment, ExchangeIx, u64),
        took: Option<Took>,
    ) {
        let told = || Told::of(scratch, outcome, of, took);
        if let Some(took) = took {
            // A step that was not come to is no time of it.
            let come = self.steps.iter().zip(took).filter(|(_, took)| !took.is_zero());
            come.for_each(|(step, took)| step.record(took));
            let now_s = of.0.unix_us.div_euclid(1_000_000);
            self.slow.decisions.offer(now_s, took.iter().sum(), told);
            if self.traces_ppm > 0 && sampled(scratch.made().seed, self.traces_ppm) {
                self.traces.force_push(told());
            }
        }
        let lined = self.log_ppm > 0 && sampled(scratch.made().seed, self.log_ppm);
        if lined && self.waiting.push(told()).is_err() {
            self.dropped.increment(1);
        }
    }

    /// Writes the lines that wait, as many as the time since the last turn allows.
    pub fn tell(&self, since: Duration) {
        let most = (since.as_secs_f64() * f64::from(self.log_per_s)).ceil() as usize;
        for place in 0..self.waiting.len() {
            let Some(told) = self.waiting.pop() else { return };
            if place >= most {
                self.dropped.increment(1);
                continue;
            }
            self.written.increment(1);
            self.line(&told);
        }
    }

    fn line(&self, told: &Told) {
        let ix = usize::from(told.exchange.0);
        let total_us = told.took.map(|took| took.iter().sum::<Duration>().as_secs_f64() * 1e6);
        tracing::info!(
            decision = format!("{:016x}", told.decision),
            request_hash = format!("{:016x}", told.request),
            at_unix_us = told.moment.unix_us,
            exchange = self.slow.exchanges.get(ix),
            outcome = told.outcome.label(),
            considered = told.considered,
            candidates = told.candidates,
            bids = told.bids,
            total_us,
            "decided"
        );
    }
}
