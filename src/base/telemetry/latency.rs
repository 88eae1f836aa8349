//! How long did it take? A fixed log-linear histogram of atomics.
//!
//! Recorded by the doors for each request (hot: two atomic additions and one for the bucket),
//! read by the admin door and the demo (cold). 32 buckets an octave: a percentile is exact to 3 %.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets an octave, as a power of two.
const SUB_BITS: u32 = 5;
const SUB: usize = 1 << SUB_BITS;
/// Durations of 2³⁷ ns (137 s) and more stand in the last bucket.
const OCTAVES: usize = 37 - SUB_BITS as usize;
const BUCKETS: usize = (OCTAVES + 1) * SUB;

/// Rendered bounds are every half octave from 2¹⁰ ns (1 µs) to 2³⁴ ns (17 s): bucket edges, so
/// that the counts under them are exact.
const RENDERED: std::ops::Range<u32> = 10..34;

/// Durations from nanoseconds to minutes.
pub struct Latency {
    buckets: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        Latency::new()
    }
}

impl Latency {
    pub fn new() -> Latency {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Latency { buckets, sum_ns: AtomicU64::new(0) }
    }

    pub fn record(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(ns)].fetch_add(1, Relaxed);
        self.sum_ns.fetch_add(ns, Relaxed);
    }

    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    /// The duration that the given share (0 to 1) of all did not exceed; `None` without any.
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let wanted = ((total as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        for (ix, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Some(Duration::from_nanos(upper_edge(ix)));
            }
        }
        None
    }

    /// The series of one histogram in the Prometheus text format.
    pub(super) fn render(&self, name: &str, labels: &str, out: &mut String) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        let mut ix = 0;
        for exponent in RENDERED {
            for edge in [1_u64 << exponent, (1 << exponent) + (1 << (exponent - 1))] {
                while upper_edge(ix) <= edge {
                    below += self.buckets[ix].load(Relaxed);
                    ix += 1;
                }
                let le = edge as f64 / 1e9;
                let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{le}\"}} {below}");
            }
        }
        let all: u64 = below + self.buckets[ix..].iter().map(|b| b.load(Relaxed)).sum::<u64>();
        let sum = self.sum_ns.load(Relaxed) as f64 / 1e9;
        let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {all}");
        let _ = writeln!(out, "{name}_sum{braced} {sum}\n{name}_count{braced} {all}");
    }
}

/// Below 32 ns one bucket a nanosecond; above, 32 to each octave.
fn bucket(ns: u64) -> usize {
    if ns < SUB as u64 {
        return ns as usize;
    }
    let octave = ns.ilog2() - SUB_BITS;
    let within = (ns >> octave) as usize - SUB;
    ((octave as usize + 1) * SUB + within).min(BUCKETS - 1)
}

/// The first nanosecond beyond the bucket.
fn upper_edge(bucket: usize) -> u64 {
    if bucket < SUB {
        return bucket as u64 + 1;
    }
    let (octave, within) = (bucket / SUB - 1, bucket % SUB);
    ((SUB + within) as u64 + 1) << octave
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_stands_below_its_buckets_edge() {
        let mut ns = 0_u64;
        while ns < 1 << 37 {
            let ix = bucket(ns);
            assert!(ns < upper_edge(ix), "{ns}");
            assert!(ix == 0 || ns >= upper_edge(ix - 1), "{ns}");
            ns = ns + 1 + ns / 7;
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_within_three_percent() {
        let latency = Latency::new();
        assert_eq!(latency.percentile(0.5), None);
        for us in 1..=1000 {
            latency.record(Duration::from_micros(us));
        }
        for (share, us) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let got = latency.percentile(share).unwrap().as_secs_f64() * 1e6;
            assert!((got / us - 1.0).abs() < 0.035, "{share}: {got}");
        }
        assert_eq!(latency.count(), 1000);
    }
}
