//! What the door counts: requests and their ends, times, connections.

use std::sync::Arc;

use crate::base::telemetry::{
    Counter, Gauge, Latency, Partition, PartitionNames, Registry, Verdict,
};
use crate::flows::notice::{Kind, Settled};
use crate::market::exchange::ExchangeIx;
use crate::market::outcome::{Malformed, NoBid, Outcome};

pub struct Meters {
    /// By [`ExchangeIx`]; the last is of requests for no exchange of ours.
    bids: Vec<Partition>,
    /// By [`Kind`].
    notices: Vec<Partition>,
    /// From the end of the head to the answer, decided bids only.
    pub answer: Arc<Latency>,
    pub bid_bytes: Counter,
    pub reply_bytes: Counter,
    pub connections: Gauge,
    pub accepted: Counter,
    pub accept_faults: Counter,
    /// Connections that ended in a fault of the client's: by what it was.
    pub cut: [Counter; CUTS.len()],
    /// Replies that are neither bids nor notices, by route and status class.
    pub others: Vec<(&'static str, [Counter; 3])>,
}

/// Why connections end before their time.
pub const CUTS: [&str; 5] = ["unparseable", "timeout", HANDSHAKE, PEER, "other"];

/// Its address had `bid.connections_per_peer_max` already.
pub const PEER: &str = "peer_limit";

/// No TLS, none of ours, or too slow.
pub const HANDSHAKE: &str = "handshake";

/// The label of what names no exchange of ours; no key can be this.
const NO_EXCHANGE: &str = "(unknown)";

impl Meters {
    /// `exchanges`: the keys of the config, in the order of their [`ExchangeIx`].
    pub fn new(registry: &Registry, exchanges: &[&str]) -> Meters {
        let count = |name, help| registry.counter(name, help, &[]);
        Meters {
            bids: exchanges.iter().chain([&NO_EXCHANGE]).map(|key| bids(registry, key)).collect(),
            notices: Kind::ALL.iter().map(|&kind| notices(registry, kind)).collect(),
            answer: registry.latency(
                "interlude_bid_answer_seconds",
                "From the end of a bid request's head to its answer.",
                &[],
            ),
            bid_bytes: count("interlude_bid_received_bytes_total", "Bid bodies on the wire."),
            reply_bytes: count("interlude_bid_sent_bytes_total", "Bid answers on the wire."),
            connections: registry.gauge(
                "interlude_bid_open_connections",
                "Connections of the bid listener.",
                &[],
            ),
            accepted: count("interlude_bid_connections_total", "Connections accepted."),
            accept_faults: count("interlude_bid_accept_faults_total", "Accepts that failed."),
            cut: CUTS.map(|reason| cut(registry, reason)),
            others: ["media", "health", "unknown"]
                .map(|route| (route, ["2xx", "3xx", "4xx"].map(|c| other(registry, route, c))))
                .to_vec(),
        }
    }

    /// Counts a bid request as received.
    pub fn bid(&self, exchange: Option<ExchangeIx>) -> Verdict<'_> {
        let none = self.bids.len() - 1;
        let ix = exchange.map_or(none, |ix| usize::from(ix.0)).min(none);
        self.bids[ix].receive()
    }

    /// Counts a notice as received.
    pub fn notice(&self, kind: Kind) -> Verdict<'_> {
        self.notices[kind as usize].receive()
    }

    /// A reply outside bids and notices.
    pub fn other(&self, route: &'static str, status: u16) {
        let class = usize::from(status / 100).clamp(2, 4) - 2;
        if let Some((_, counters)) = self.others.iter().find(|(known, _)| *known == route) {
            counters[class].increment(1);
        }
    }
}

/// The place of an outcome among the ends of a partition of bids.
pub fn bid_end(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Bid => 0,
        Outcome::NoBid(reason) => 1 + reason as usize,
        Outcome::Malformed(reason) => 1 + NoBid::ALL.len() + reason as usize,
    }
}

/// The place of a settlement among the ends of a partition of notices.
pub fn notice_end(settled: Settled) -> usize {
    settled as usize
}

fn bids(registry: &Registry, exchange: &str) -> Partition {
    let names = PartitionNames {
        received: "interlude_bid_requests_total",
        received_help: "Bid requests received.",
        ended: "interlude_bid_outcomes_total",
        ended_help: "Bid requests by how they ended; adds up to those received.",
    };
    let mut ends = vec![[("outcome", "bid"), ("reason", "bid")]];
    ends.extend(NoBid::ALL.iter().map(|r| [("outcome", "no_bid"), ("reason", r.label())]));
    ends.extend(Malformed::ALL.iter().map(|r| [("outcome", "malformed"), ("reason", r.label())]));
    let ends: Vec<&[(&str, &str)]> = ends.iter().map(<[_; 2]>::as_slice).collect();
    let internal = bid_end(Outcome::NoBid(NoBid::Internal));
    Partition::new(registry, &names, &[("exchange", exchange)], &ends, internal)
}

fn notices(registry: &Registry, kind: Kind) -> Partition {
    let names = PartitionNames {
        received: "interlude_notice_requests_total",
        received_help: "Notices, beacons and clicks received.",
        ended: "interlude_notice_outcomes_total",
        ended_help: "Notices by how they ended; adds up to those received.",
    };
    // Dropped: the caller hung up before it ended, or a defect of ours.
    let ends = Settled::ALL.iter().map(|settled| settled.label()).chain(["dropped"]);
    let ends: Vec<_> = ends.map(|label| [("outcome", label)]).collect();
    let ends: Vec<&[(&str, &str)]> = ends.iter().map(<[_; 1]>::as_slice).collect();
    Partition::new(registry, &names, &[("kind", kind.label())], &ends, ends.len() - 1)
}

fn cut(registry: &Registry, reason: &'static str) -> Counter {
    let help = "Connections that ended in a fault of the client's.";
    registry.counter("interlude_bid_cut_connections_total", help, &[("reason", reason)])
}

fn other(registry: &Registry, route: &'static str, status: &'static str) -> Counter {
    let help = "Replies that are neither bids nor notices.";
    let labels = [("route", route), ("status", status)];
    registry.counter("interlude_http_other_replies_total", help, &labels)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_outcome_has_an_end_of_its_own() {
        let mut outcomes = vec![Outcome::Bid];
        outcomes.extend(NoBid::ALL.iter().map(|&r| Outcome::NoBid(r)));
        outcomes.extend(Malformed::ALL.iter().map(|&r| Outcome::Malformed(r)));
        let ends: HashSet<usize> = outcomes.iter().map(|&o| bid_end(o)).collect();
        assert_eq!(ends.len(), outcomes.len());
        let registry = Registry::new();
        let meters = Meters::new(&registry, &["demo"]);
        for outcome in &outcomes {
            meters.bid(Some(ExchangeIx(0))).end(bid_end(*outcome));
        }
        drop(meters.bid(None));
        let text = registry.render();
        for reason in outcomes.iter().map(|o| o.label()) {
            let counted = text.lines().any(|line| {
                line.starts_with("interlude_bid_outcomes_total{exchange=\"demo\"")
                    && line.contains(&format!("reason=\"{reason}\"}} 1"))
            });
            assert!(counted, "{reason}");
        }
        assert!(text.contains(
            "interlude_bid_outcomes_total{exchange=\"(unknown)\",outcome=\"no_bid\",\
             reason=\"internal\"} 1"
        ));
    }
}
