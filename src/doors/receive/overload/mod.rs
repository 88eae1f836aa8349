//! Is there more than can be answered in time, and whom do we turn away? Two stages (reliability
//! §1.4): first a cheap 204, as long as saying it costs little beside what it saves; then
//! connections are left unread, which costs nothing.
//!
//! The bid door asks for each request and after each reply (hot: an atomic or two); the probe
//! measures and steers, some fifty times a second. No rate is set by hand: what counts is how old
//! work is when its turn comes.

mod control;

mod fair;

mod held;

mod probe;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::telemetry::{Counter, Gauge, Registry};

pub use held::Held;
pub use probe::{Probe, watch};

use control::Orders;
use held::Waiting;

/// `[bid.overload]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Work may wait so long for its turn; more, and requests are turned away. 0: never.
    pub queue_target_us: u32,
    /// Of our processor time, at most so much goes into turning requests away; beyond it
    /// connections are left unread.
    pub shed_cost_percent: u32,
    /// How long a connection is left unread at the longest, more or less.
    pub hold_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config { queue_target_us: 10_000, shed_cost_percent: 10, hold_ms: 3000 }
    }
}

impl Config {
    /// Keys that are out of their bounds, each with what holds.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let Config { queue_target_us, shed_cost_percent, hold_ms } = *self;
        let mut faults = Vec::new();
        if queue_target_us != 0 && !(1_000..=1_000_000).contains(&queue_target_us) {
            faults.push(("queue_target_us", "write 0 for never, or 1000 to 1000000"));
        }
        if shed_cost_percent > 50 {
            faults.push(("shed_cost_percent", "write 0 to 50"));
        }
        if !(500..=60_000).contains(&hold_ms) {
            faults.push(("hold_ms", "write 500 to 60000"));
        }
        faults
    }
}

/// The state of the valve; one a bid listener.
pub struct Overload {
    pub config: Config,
    /// By exchange, the last of requests for none of ours.
    shares: Box<[Share]>,
    queue_us: AtomicU32,
    /// So many connections more are to be left unread.
    to_hold: AtomicI64,
    waiting: Waiting,
    /// Nanoseconds in decisions; with the processor time of the whole, what a 204 costs.
    decided_ns: AtomicU64,
    decided: AtomicU64,
    meters: Meters,
}

/// What one exchange asks, and how much of it is turned away.
#[derive(Default)]
struct Share {
    weight: u32,
    asked: AtomicU64,
    /// Of a million requests, so many get 204 unread.
    shed_ppm: AtomicU32,
    /// It asks for more than its share: its connections may be left unread.
    over: AtomicBool,
}

struct Meters {
    queue: Gauge,
    shed: Gauge,
    held: Gauge,
    holds: Counter,
    cost: Gauge,
}

impl Overload {
    /// `weights`: of the exchanges, in the order of their index.
    pub fn new(config: &Config, weights: &[u32], registry: &Registry) -> Overload {
        let share = |weight| Share { weight, ..Share::default() };
        Overload {
            config: config.clone(),
            shares: weights.iter().copied().chain([1]).map(share).collect(),
            queue_us: AtomicU32::new(0),
            to_hold: AtomicI64::new(0),
            waiting: Waiting::default(),
            decided_ns: AtomicU64::new(0),
            decided: AtomicU64::new(0),
            meters: Meters::new(registry),
        }
    }

    /// Counts a request; `false`: it is to be turned away.
    pub fn admits(&self, exchange: usize) -> bool {
        let share = self.share(exchange);
        let nth = share.asked.fetch_add(1, Relaxed);
        let shed_ppm = u64::from(share.shed_ppm.load(Relaxed));
        // The n-th of every so many, evenly: the whole part of n × share moves with it.
        shed_ppm == 0 || (nth + 1) * shed_ppm / MILLION == nth * shed_ppm / MILLION
    }

    /// After a decision.
    pub fn decided(&self, took: Duration) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.decided_ns.fetch_add(took_ns, Relaxed);
        self.decided.fetch_add(1, Relaxed);
    }

    /// After a reply: whether the connection is to be left unread for a while, as a [`Held`].
    pub fn holds(&self, exchange: usize) -> bool {
        self.to_hold.load(Relaxed) > 0
            && self.share(exchange).over.load(Relaxed)
            && self.to_hold.fetch_sub(1, Relaxed) > 0
    }

    /// New connections should wait.
    pub fn is_full(&self) -> bool {
        self.waiting.count() > 0
    }

    /// How long work waits for its turn.
    pub fn queue(&self) -> Duration {
        Duration::from_micros(u64::from(self.queue_us.load(Relaxed)))
    }

    fn share(&self, exchange: usize) -> &Share {
        &self.shares[exchange.min(self.shares.len() - 1)]
    }

    fn obey(&self, orders: &Orders, asked: &[f64], queue_us: u32) {
        self.queue_us.store(queue_us, Relaxed);
        let weights: Vec<u32> = self.shares.iter().map(|share| share.weight).collect();
        let turned_away = fair::turned_away(orders.shed, asked, &weights);
        let over = fair::over(asked, &weights);
        for (share, (shed, over)) in self.shares.iter().zip(turned_away.into_iter().zip(over)) {
            share.shed_ppm.store((shed * MILLION as f64) as u32, Relaxed);
            share.over.store(over, Relaxed);
        }
        self.to_hold.store(orders.hold, Relaxed);
        self.waiting.release(orders.release);
        self.meters.held.set(self.waiting.count() as f64);
        self.meters.queue.set(f64::from(queue_us) / 1e6);
        self.meters.shed.set(orders.shed);
        self.meters.cost.set(orders.cost_us / 1e6);
    }
}

const MILLION: u64 = 1_000_000;

impl Meters {
    fn new(registry: &Registry) -> Meters {
        let gauge = |name, help| registry.gauge(name, help, &[]);
        Meters {
            queue: gauge("interlude_bid_queue_seconds", "How long work waits for its turn."),
            shed: gauge("interlude_bid_shed_share", "Of bid requests, answered 204 unread."),
            held: gauge("interlude_bid_held_connections", "Connections that are left unread."),
            holds: registry.counter(
                "interlude_bid_holds_total",
                "Times that a connection was left unread for a while.",
                &[],
            ),
            cost: gauge("interlude_bid_cost_seconds", "Processor time to a decided request."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overload(weights: &[u32]) -> Overload {
        Overload::new(&Config::default(), weights, &Registry::new())
    }

    #[test]
    fn what_is_shed_is_shed_evenly() {
        let overload = overload(&[1, 1]);
        overload.shares[0].shed_ppm.store(250_000, Relaxed);
        let answers: Vec<bool> = (0..400).map(|_| overload.admits(0)).collect();
        assert_eq!(answers.iter().filter(|admitted| !**admitted).count(), 100);
        assert!(
            answers.chunks(4).all(|four| four.iter().filter(|admitted| **admitted).count() == 3)
        );
        assert!((0..400).all(|_| overload.admits(1)), "another's share is its own");
    }

    #[test]
    fn as_many_connections_are_held_as_were_ordered() {
        let overload = overload(&[1, 1]);
        assert!(!overload.holds(0));
        let orders = Orders { shed: 0.1, hold: 3, ..Orders::default() };
        overload.obey(&orders, &[100.0, 10.0, 0.0], 20_000);
        assert!(!overload.holds(1), "who asks for less than a fair share is read");
        assert_eq!((0..10).filter(|_| overload.holds(0)).count(), 3);
        assert_eq!(overload.queue(), Duration::from_millis(20));
        overload.obey(&Orders::default(), &[0.0; 3], 0);
        assert!(!overload.holds(0));
    }
}
