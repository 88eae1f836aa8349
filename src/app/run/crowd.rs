//! When are the listeners sampled anew? A loop of its own, which works for a small share of time
//! and gives way to bids.

mod floors;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::node::Node;
use super::tasks::{self, Loop};
use crate::app::config::Config;
use crate::base::telemetry::{Gauge, Registry};
use crate::base::units::time::Clock;
use crate::doors::admin::Counting;
use crate::knowledge::crowd::{Crowds, Pace};
use floors::Floors;

const EVERY: Duration = Duration::from_secs(1);

/// Ends a build that is under way, then the loop.
pub struct CrowdLoop {
    stop: Arc<AtomicBool>,
    _loop: Loop,
}

impl Drop for CrowdLoop {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

/// Looks at the audience that is served, again and again; what is counted with comes beside it.
pub fn start(
    config: &Config,
    (node, crowds): (&Arc<Node>, Arc<Crowds>),
    clock: &Arc<dyn Clock>,
    registry: &Registry,
) -> io::Result<(CrowdLoop, Arc<Counting>)> {
    let node = Arc::clone(node);
    let counting = Counting::new(Arc::clone(&crowds), config.campaigns.limits.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, clock) = (Arc::clone(&stop), Arc::clone(clock));
    let gauges = Gauges::new(registry);
    let mut floors = Floors::new(registry);
    let turn = move || {
        let (audience, vocabulary, listeners) = {
            let standing = node.standing();
            let world = &standing.published.world;
            (Arc::clone(&world.audience), Arc::clone(&world.vocabulary), world.listeners)
        };
        let now = clock.now();
        if !crowds.is_due(&audience, now) {
            if floors.is_news(&node) {
                floors.judge(&crowds, &node, now);
            }
            return;
        }
        let started = Instant::now();
        let mut pace = Pace::share(crowds.config().share_pct, &stopped);
        let built = crowds.refresh(&audience, &vocabulary, (listeners, now), &mut pace);
        if built.is_some() {
            gauges.set(&crowds, started.elapsed());
            floors.judge(&crowds, &node, now);
        }
    };
    let running = CrowdLoop { stop, _loop: tasks::spawn_behind("crowd", EVERY, turn)? };
    Ok((running, Arc::new(counting)))
}

struct Gauges {
    sampled: Gauge,
    bytes: Gauge,
    built_s: Gauge,
}

impl Gauges {
    fn new(registry: &Registry) -> Gauges {
        let of = |name, help| registry.gauge(name, help, &[]);
        Gauges {
            sampled: of("interlude_crowd_sampled", "Listeners over whom crowds are counted."),
            bytes: of("interlude_crowd_bytes", "What the sample takes in memory."),
            built_s: of("interlude_crowd_build_seconds", "How long the last sampling took."),
        }
    }

    fn set(&self, crowds: &Crowds, took: Duration) {
        let Some(standing) = crowds.standing() else { return };
        let stats = standing.sample.stats();
        self.sampled.set(stats.sampled as f64);
        self.bytes.set(stats.bytes as f64);
        self.built_s.set(took.as_secs_f64());
        tracing::info!(
            listeners = stats.listeners,
            sampled = stats.sampled,
            bytes = stats.bytes,
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "listeners sampled"
        );
    }
}
