//! How do the counts of caps outlive the process? A loop that writes their log, and tells of them.
//!
//! Started when the first world is published and before the first bid; its end closes the log in
//! order. Cold.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::StartFault;
use super::node::Node;
use super::tasks::{self, Loop};
use crate::app::config::Config;
use crate::base::telemetry::{Gauge, Registry};
use crate::base::units::time::Clock;
use crate::market::exchange::Exchange;
use crate::offer::delivery::Book;
use crate::offer::delivery::caps::{CapsLog, Rebuilt, Restart};

/// Opens the log, counts what it tells, and writes on.
pub fn start(
    config: &Config,
    data: &Path,
    node: &Node,
    (clock, registry): (Arc<dyn Clock>, &Registry),
) -> Result<Loop, StartFault> {
    let caps = &config.delivery.caps;
    let rows = config.exchange_table();
    let book = Arc::clone(node.till().book());
    let restart = Restart {
        now: clock.now(),
        ticket_life_s: ticket_life_s(&rows),
        quarantine_s: quarantine_s(&rows),
        told: &mut node.till().take_recent().into_iter(),
    };
    let opened = CapsLog::open(caps, &data.join(&caps.dir), &book, restart);
    let (log, rebuilt) = opened.map_err(StartFault::at("caps log"))?;
    tell(&rebuilt);
    let gauges = Gauges::new(registry, &book);
    let log = Arc::new(Mutex::new(log));
    CapsLog::precede(&log, node.till().journal());
    let mut keeper = Keeper { log, settling: None, book, clock, gauges };
    let every = Duration::from_millis(u64::from(caps.sync_ms));
    tasks::spawn("caps", every, move || keeper.turn()).map_err(StartFault::at("caps log"))
}

/// For how long a hold may be open that the log was not told of: while its win may come, where
/// all exchanges tell wins, else while its ticket lives.
fn quarantine_s(rows: &[Exchange]) -> i64 {
    let enabled = rows.iter().filter(|row| row.enabled);
    match enabled.clone().all(|row| row.sends_wins) {
        true => enabled.map(|row| i64::from(row.win_window_s)).max().unwrap_or(0),
        false => enabled.map(|row| i64::from(row.ticket_ttl_s)).max().unwrap_or(0),
    }
}

fn ticket_life_s(rows: &[Exchange]) -> i64 {
    rows.iter().map(|row| i64::from(row.ticket_ttl_s)).max().unwrap_or(0)
}

fn tell(rebuilt: &Rebuilt) {
    let Rebuilt { impressions, open, orderly, unknown, closed_until_s, .. } = *rebuilt;
    tracing::info!(impressions, open, orderly, "caps rebuilt");
    if closed_until_s > 0 {
        tracing::warn!(
            unknown,
            closed_until_s,
            "the process before did not end in order: listeners count as capped for a while"
        );
    }
}

struct Keeper {
    log: Arc<Mutex<CapsLog>>,
    settling: Option<JoinHandle<()>>,
    book: Arc<Book>,
    clock: Arc<dyn Clock>,
    gauges: Gauges,
}

impl Keeper {
    fn turn(&mut self) {
        let now = self.clock.now();
        // A panic under the lock leaves a log that takes nothing more, or a whole one.
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let due = log.turn().and_then(|()| log.settle(now));
        let lag_bytes = log.lag_bytes();
        drop(log);
        match due {
            Ok(Some(settling)) => self.settling = settle(settling),
            Ok(None) => {}
            Err(why) => tracing::error!(%why, "the caps log failed: capped lines bid no more"),
        }
        let caps = self.book.caps();
        for (gauge, (_, value)) in self.gauges.events.iter().zip(caps.stats()) {
            gauge.set(value as f64);
        }
        self.gauges.quarantine.set(caps.quarantine_s(now) as f64);
        self.gauges.used.set(caps.used_permille(now) as f64 / 1000.0);
        self.gauges.lone.set(caps.lone_holds() as f64);
        self.gauges.waiting.set(caps.waiting_records() as f64);
        self.gauges.bytes.set(lag_bytes as f64);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(settling) = self.settling.take() {
            // A panic has been reported by its thread.
            let _ = settling.join();
        }
    }
}

fn settle(settling: crate::offer::delivery::caps::Settling) -> Option<JoinHandle<()>> {
    let work = move || {
        // Where the system refuses, the thread runs like any other.
        let _ = crate::base::stdx::niceness::give_way(19);
        if let Err(why) = settling() {
            tracing::error!(%why, "the caps log could not be written anew; it grows");
        }
    };
    let thread = std::thread::Builder::new().name("caps-settle".to_owned()).spawn(work);
    thread.inspect_err(|why: &io::Error| tracing::error!(%why, "no thread for caps-settle")).ok()
}

struct Gauges {
    events: Vec<Gauge>,
    quarantine: Gauge,
    used: Gauge,
    lone: Gauge,
    waiting: Gauge,
    bytes: Gauge,
}

impl Gauges {
    fn new(registry: &Registry, book: &Book) -> Gauges {
        let of = |name, help| registry.gauge(name, help, &[]);
        let event = |(event, _)| {
            let help = "What caps refused and counted since the start.";
            registry.gauge("interlude_caps_events", help, &[("event", event)])
        };
        Gauges {
            events: book.caps().stats().map(event).into(),
            quarantine: of(
                "interlude_caps_quarantine",
                "Seconds for which every listener counts as capped after a stop out of order.",
            ),
            used: of("interlude_caps_table_used", "Share of the table's words in use, sampled."),
            lone: of("interlude_caps_lone_holds", "Places held without money."),
            waiting: of("interlude_caps_log_waiting", "Records that are not written yet."),
            bytes: of("interlude_caps_log_bytes", "Bytes of the log since it was written anew."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sends_wins: bool, win_window_s: u32, ticket_ttl_s: u32) -> Exchange {
        let standard = Config::default().exchange_table().remove(0);
        Exchange { enabled: true, sends_wins, win_window_s, ticket_ttl_s, ..standard }
    }

    #[test]
    fn the_quarantine_is_as_long_as_an_unknown_hold_may_last() {
        let (short, long) = (row(true, 10, 3600), row(true, 30, 600));
        assert_eq!(quarantine_s(&[short.clone(), long.clone()]), 30);
        let untold = row(false, 5, 7200);
        assert_eq!(quarantine_s(&[short.clone(), untold.clone()]), 7200);
        let off = Exchange { enabled: false, ..untold };
        assert_eq!(quarantine_s(&[short, long, off.clone()]), 30);
        assert_eq!((quarantine_s(&[]), ticket_life_s(&[off])), (0, 7200));
    }
}
