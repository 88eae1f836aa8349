//! Where did they all go? Things received, each counted under exactly one end.
//!
//! Used by the doors for bid requests and notices; hot. `received = Σ ends` holds by construction
//! (DESIGN §4, 3): a verdict that is dropped undecided counts under the partition's fallback.

use metrics::Counter;

use super::registry::{Labels, Registry};

/// One counter for what came in, one for each way in which it may end.
pub struct Partition {
    received: Counter,
    ends: Box<[Counter]>,
    fallback: usize,
}

/// The names of a partition's two metrics.
pub struct PartitionNames {
    pub received: &'static str,
    pub received_help: &'static str,
    pub ended: &'static str,
    pub ended_help: &'static str,
}

impl Partition {
    /// `ends`: the closed set of ends, each with labels of its own beside the `common` ones;
    /// `fallback`: the end of what was dropped undecided.
    pub fn new(
        registry: &Registry,
        names: &PartitionNames,
        common: Labels<'_>,
        ends: &[&[(&'static str, &str)]],
        fallback: usize,
    ) -> Partition {
        assert!(fallback < ends.len(), "the fallback is one of the ends");
        let counter = |own: &&[(&'static str, &str)]| {
            let labels: Vec<_> = common.iter().chain(own.iter()).copied().collect();
            registry.counter(names.ended, names.ended_help, &labels)
        };
        Partition {
            received: registry.counter(names.received, names.received_help, common),
            ends: ends.iter().map(counter).collect(),
            fallback,
        }
    }

    /// Counts one as received. The verdict counts its end, sooner or later.
    pub fn receive(&self) -> Verdict<'_> {
        self.received.increment(1);
        Verdict { partition: self, end: self.fallback }
    }
}

/// One thing that was received and has not ended yet.
#[must_use]
pub struct Verdict<'p> {
    partition: &'p Partition,
    end: usize,
}

impl Verdict<'_> {
    /// Decides the end: an index into the partition's ends.
    pub fn end(mut self, end: usize) {
        self.end = end;
    }
}

impl Drop for Verdict<'_> {
    fn drop(&mut self) {
        let end = self.partition.ends.get(self.end);
        end.unwrap_or(&self.partition.ends[self.partition.fallback]).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_undecided_still_ends_once() {
        let registry = Registry::new();
        let names = PartitionNames {
            received: "interlude_bid_requests_total",
            received_help: "Received.",
            ended: "interlude_bid_outcomes_total",
            ended_help: "Ended.",
        };
        let ends: [&[(&str, &str)]; 2] = [&[("reason", "bid")], &[("reason", "internal")]];
        let partition = Partition::new(&registry, &names, &[("exchange", "x")], &ends, 1);
        partition.receive().end(0);
        drop(partition.receive());
        partition.receive().end(99);
        let text = registry.render();
        for line in [
            "interlude_bid_requests_total{exchange=\"x\"} 3",
            "interlude_bid_outcomes_total{exchange=\"x\",reason=\"bid\"} 1",
            "interlude_bid_outcomes_total{exchange=\"x\",reason=\"internal\"} 2",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
