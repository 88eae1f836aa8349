//! What do operators see of the rooms behind the door? Their counts, copied into gauges.
//!
//! A loop of its own, once a second; it also notices that the journal has failed, or that its
//! disk is full: then nothing is bid until it has room again. With `otel` another loop, which a
//! slow collector may hold up, sends what is told to who asked for it in the config.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use super::node::Node;
use super::tasks::{self, Loop};
use crate::app::config::Config;
#[cfg(feature = "otel")]
use crate::app::otel::Collector;
use crate::base::journal::Health;
use crate::base::telemetry::{Gauge, Info, Registry, lost_log_lines};
#[cfg(feature = "otel")]
use crate::base::units::time::WallClock;
use crate::doors::readiness::{Readiness, Stage};
use crate::flows::notice::{HoardStats, PriceRule, Till};
use crate::offer::ledger::Conflict;

const EVERY: Duration = Duration::from_secs(1);

struct Gauges {
    world: [Gauge; WORLD.len()],
    holds: Vec<Gauge>,
    records: Vec<Gauge>,
    rules: Vec<Gauge>,
    conflicts: Vec<Gauge>,
    hoarding: [Gauge; HOARDING.len()],
    remembered: Gauge,
    journal_failed: Gauge,
    journal_full: Gauge,
    lost_lines: Gauge,
    version: Arc<Info>,
}

const WORLD: [&str; 5] = ["advertisers", "campaigns", "lines", "creatives", "listeners"];

/// The numbers of [`HoardStats`], in its order.
const HOARDING: [(&str, &str); 4] = [
    ("interlude_notice_supplies_boxed", "Apps and sites that hoard wins and get no bids now."),
    ("interlude_notice_boxings", "How often an app or site was put into the penalty box."),
    ("interlude_notice_wins_owed", "Wins whose billable event has not come yet."),
    ("interlude_notice_wins_unfollowed", "Wins beyond notice.hoard.followed_max."),
];

/// The loops that tell how it goes.
pub struct Upkeep {
    _gauges: Loop,
    #[cfg(feature = "otel")]
    _collector: Option<Loop>,
}

/// The receiver turns true when the journal has failed.
pub fn start(
    node: Arc<Node>,
    config: &Config,
    shared: (Arc<Registry>, Arc<Readiness>),
    till: Arc<Till>,
) -> io::Result<(Upkeep, signal::Receiver<bool>)> {
    let (registry, readiness) = shared;
    #[cfg(feature = "otel")]
    let _collector = collect(&node, config, &registry)?;
    #[cfg(not(feature = "otel"))]
    let _ = config;
    let gauges = Gauges::new(&registry, &node, &till);
    let (fail, failed) = signal::channel(false);
    let turn = move || {
        gauges.set(&node, &till);
        node.timings().tell(EVERY);
        match till.health() {
            Health::Well if node.bid_again() => tracing::info!("the disk has room: bids again"),
            Health::Full if node.stop_bidding() => {
                tracing::error!("the journal's disk is full: no bids and no notices for now");
            }
            Health::Well | Health::Full | Health::Failed => {}
        }
        let Some(why) = till.failure() else { return };
        if !*fail.borrow() {
            tracing::error!(why, "the journal has failed: no bids and no notices any more");
            node.stop_bidding();
            readiness.advance(Stage::Draining);
            fail.send_replace(true);
        }
    };
    let _gauges = tasks::spawn("upkeep", EVERY, turn)?;
    let upkeep = Upkeep {
        _gauges,
        #[cfg(feature = "otel")]
        _collector,
    };
    Ok((upkeep, failed))
}

/// Sends to the collector that the config names, if it names one.
#[cfg(feature = "otel")]
fn collect(
    node: &Arc<Node>,
    config: &Config,
    registry: &Arc<Registry>,
) -> io::Result<Option<Loop>> {
    let exchanges = config.exchanges.iter().map(|row| row.key.clone()).collect();
    let clock = Arc::new(WallClock);
    let Some(mut collector) = Collector::new(&config.otel, exchanges, (registry, clock))? else {
        return Ok(None);
    };
    let node = Arc::clone(node);
    let turn = move || collector.turn(&node.timings().traces());
    tasks::spawn("otel", EVERY, turn).map(Some)
}

impl Gauges {
    fn new(registry: &Registry, node: &Node, till: &Till) -> Gauges {
        let labelled = |name, help, label, value| registry.gauge(name, help, &[(label, value)]);
        let of = |name, help| registry.gauge(name, help, &[]);
        let (holds, records) = (till.book().stats(), node.records().stats());
        Gauges {
            world: WORLD.map(|noun| {
                labelled("interlude_world_size", "What the served world holds.", "of", noun)
            }),
            holds: holds
                .map(|(event, _)| {
                    labelled("interlude_hold_events", "Holds since the start.", "event", event)
                })
                .to_vec(),
            records: records
                .map(|(event, _)| {
                    let help = "Decision records since the start.";
                    labelled("interlude_record_events", help, "event", event)
                })
                .to_vec(),
            rules: PriceRule::ALL
                .iter()
                .map(|rule| {
                    let help = "Prices of billable events by the rule they fell under.";
                    labelled("interlude_notice_price_rules", help, "rule", rule.label())
                })
                .collect(),
            conflicts: Conflict::ALL
                .iter()
                .map(|conflict| {
                    let help = "Notices that contradict one before: the first stands.";
                    labelled("interlude_notice_conflicts", help, "conflict", conflict.label())
                })
                .collect(),
            hoarding: HOARDING.map(|(name, help)| of(name, help)),
            remembered: of("interlude_notice_remembered_bids", "Bids that cannot count twice."),
            journal_failed: of("interlude_journal_failed", "1: nothing is acknowledged any more."),
            version: registry.info(
                "interlude_world_info",
                "Which world is served, by the version that records have.",
                "version",
            ),
            journal_full: of("interlude_journal_full", "1: its disk is full; nothing is taken."),
            lost_lines: of(
                "interlude_log_lost_lines",
                "Lines of the log that nobody read in time.",
            ),
        }
    }

    fn set(&self, node: &Node, till: &Till) {
        let standing = node.standing();
        let summary = &standing.built.summary;
        let world = [
            summary.counts.advertisers,
            summary.counts.campaigns,
            summary.counts.lines,
            summary.counts.creatives,
            summary.listeners,
        ];
        self.version.say(format!("{:016x}", summary.version));
        let number = |value: u64| value as f64;
        for (gauge, value) in self.world.iter().zip(world) {
            gauge.set(number(value as u64));
        }
        for (gauge, (_, value)) in self.holds.iter().zip(till.book().stats()) {
            gauge.set(number(value));
        }
        for (gauge, (_, value)) in self.records.iter().zip(node.records().stats()) {
            gauge.set(number(value));
        }
        for (gauge, (_, value)) in self.rules.iter().zip(till.rules()) {
            gauge.set(number(value));
        }
        for (gauge, (_, value)) in self.conflicts.iter().zip(till.conflicts()) {
            gauge.set(number(value));
        }
        let HoardStats { boxed, boxings, owed, unfollowed } = till.hoarding();
        for (gauge, value) in self.hoarding.iter().zip([boxed, boxings, owed, unfollowed]) {
            gauge.set(number(value));
        }
        self.remembered.set(number(till.remembered() as u64));
        self.journal_failed.set(number(u64::from(till.health() == Health::Failed)));
        self.journal_full.set(number(u64::from(till.health() == Health::Full)));
        self.lost_lines.set(number(lost_log_lines()));
    }
}
