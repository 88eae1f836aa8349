//! What does the server do at half of its capacity, at twice as much, and in a spike of five times?
//!
//! The whole server with a large world (that of the bench `door`) on the first core, the load
//! generator on the second; beside it, for scale, the floor servers *fixed* and *nothing* of the
//! same bench. Every load is open loop, latencies count from when a request was due.
//!
//! ```text
//! cargo bench --bench load                 all figures, some five minutes; with -- --test, short
//! INTERLUDE_LISTENERS=100000 …             fewer listeners
//! ```

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a bench reports")]
#![allow(clippy::disallowed_methods, reason = "a bench has no named tasks")]

#[path = "../door/floors.rs"]
mod floors;
#[path = "../door/ours.rs"]
#[allow(dead_code, reason = "the door's bench makes its requests with it")]
mod ours;

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::Duration;

use interlude::base::units::time::{Clock as _, WallClock};
use interlude::rehearsal::loadgen::{
    Bar, Figures, Plan, Profile, Returns, Search, Second, Target, run,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 5;
/// Of an answer with one bid, about.
const ANSWER_BYTES: usize = 2_900;

struct Bench {
    short: bool,
    listeners: u32,
}

fn main() {
    let short = std::env::args().any(|arg| arg == "--test");
    let listeners = std::env::var("INTERLUDE_LISTENERS").ok().and_then(|n| n.parse().ok());
    let listeners = listeners.unwrap_or(if short { 5_000 } else { 200_000 });
    let bench = Bench { short, listeners };

    let data = tempfile::tempdir().expect("a folder");
    let ours = ours::start(data.path(), listeners, SEED);
    let (fixed, nothing) = (floors::fixed(ANSWER_BYTES), floors::nothing(ANSWER_BYTES));
    pin();

    let (ceiling, _) = bench.capacity("fixed", fixed.address, "/");
    println!("the generator itself: {ceiling:.0} a second on one core at the least\n");
    let (capacity, peak) = bench.capacity("ours", ours.bid_address(), "/bid/one");
    println!("capacity {capacity:.0} a second, {peak:.0} bids a second\n");

    bench.half(capacity, ours.bid_address(), nothing.address);
    bench.twice((capacity, peak), ceiling, ours.bid_address());
    bench.spike(capacity, peak, ours.bid_address());
    let floors = [fixed, nothing];
    drop(floors);
    assert!(ours.stop(), "connections were left open");
}

impl Bench {
    fn plan(&self, at: SocketAddr, path: &str, rate: f64, seconds: u64) -> Plan {
        let seconds = if self.short { 1 } else { seconds };
        Plan {
            target: Target::parse(&format!("http://{at}{path}")).expect("a target"),
            rate,
            profile: Profile::Soak,
            duration: Duration::from_secs(seconds),
            limit: u64::MAX,
            connections: 256,
            listeners: self.listeners,
            seed: SEED,
            tmax_ms: None,
            check_share: 0.001,
            returns: Returns { win_share: 0.0, loss_share: 0.0, delay: Duration::ZERO },
            moment: WallClock.now(),
        }
    }

    fn run(plan: &Plan) -> Figures {
        let (seconds, _told) = channel();
        let shots = Plan { rate: 1e6, ..plan.clone() }.shots();
        let figures = run(plan, &shots, &seconds).expect("a test");
        std::thread::sleep(Duration::from_secs(2));
        figures
    }

    /// The highest rate that is stood, and the bids a second in time at it.
    fn capacity(&self, name: &str, at: SocketAddr, path: &str) -> (f64, f64) {
        println!("{name}:");
        let mut search = Search::new(4_000.0, Bar::default());
        let shots = self.plan(at, path, 1e6, 1).shots();
        let mut peak = 0.0_f64;
        while let Some(rate) = search.next_rate() {
            let plan = self.plan(at, path, rate, 3);
            let (seconds, _told) = channel();
            let figures = run(&plan, &shots, &seconds).expect("a test");
            let step = search.tried(rate, &figures);
            peak = if step.refused.is_none() { peak.max(step.goodput_per_s) } else { peak };
            println!(
                "  {:>8.0}/s  p50 {:>6}  p99 {:>7}  p99.9 {:>7} µs  lag {:>5} µs, core {:.2}  {}",
                step.offered_per_s,
                step.p50_us,
                step.p99_us,
                step.p99_9_us,
                figures.generator.lag_p99_us,
                figures.generator.cpu_share,
                step.refused.unwrap_or("stood"),
            );
            std::thread::sleep(Duration::from_secs(1));
            if self.short && search.steps.len() > 2 {
                break;
            }
        }
        (search.capacity_per_s().unwrap_or(100.0), peak)
    }

    /// Asked for: p99.9 at most twice *nothing*'s, p99 at most 5 ms.
    fn half(&self, capacity: f64, ours: SocketAddr, nothing: SocketAddr) {
        let rounds = if self.short { 1 } else { 5 };
        let mut rows: Vec<[f64; 4]> = Vec::new();
        for _ in 0..rounds {
            let own = Bench::run(&self.plan(ours, "/bid/one", capacity / 2.0, 8));
            let floor = Bench::run(&self.plan(nothing, "/", capacity / 2.0, 8));
            let ratio = own.p99_9_us as f64 / floor.p99_9_us as f64;
            rows.push([own.p99_us as f64, own.p99_9_us as f64, floor.p99_9_us as f64, ratio]);
        }
        let middle = |column: usize| {
            let mut values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let [p99, own, floor, ratio] = [0, 1, 2, 3].map(middle);
        println!(
            "at half of it (medians of {rounds}): p99 {p99} µs; p99.9 {own} µs, of nothing \
             {floor} µs, ratio {ratio:.2}"
        );
    }

    /// Asked for: goodput at least 90 % of (1 − 2·s/c) ÷ (1 − s/c), where s/c is what a 204 costs
    /// beside a whole answer; what *fixed* costs stands for s here.
    fn twice(&self, (capacity, peak): (f64, f64), ceiling: f64, at: SocketAddr) {
        let figures = Bench::run(&self.plan(at, "/bid/one", 2.0 * capacity, 20));
        let ratio = capacity / ceiling;
        let bound = ((1.0 - 2.0 * ratio) / (1.0 - ratio)).max(0.0);
        println!(
            "at twice as much: {:.0} bids a second in time, {:.2} of the peak; with 204s alone \
             {bound:.2} could be; {:.2} % of the answers in time, {} refused, {} never sent",
            figures.goodput_per_s,
            figures.goodput_per_s / peak,
            figures.in_time_share * 100.0,
            figures.errors - figures.unsent,
            figures.unsent,
        );
    }

    /// Asked for: 70 % of the peak within the spike, 99 % of the answers in time, normal within
    /// two seconds.
    fn spike(&self, capacity: f64, peak: f64, at: SocketAddr) {
        let plan = self.plan(at, "/bid/one", 0.8 * capacity, 60);
        let figures = Bench::run(&Plan { profile: Profile::Spike, ..plan.clone() });
        let length = plan.duration.as_secs();
        let (from, until) = (length * 45 / 100, length * 55 / 100);
        let goodput = |seconds: &[&Second]| {
            let bids: u64 = seconds.iter().map(|second| second.counts.bids_in_time).sum();
            bids as f64 / seconds.len().max(1) as f64
        };
        let rows = &figures.seconds;
        let within: Vec<&Second> =
            rows.iter().filter(|row| row.at_s > from + 1 && row.at_s <= until).collect();
        let before: Vec<&Second> = rows.iter().filter(|row| row.at_s < from).collect();
        let normal = goodput(&before);
        let back = rows
            .iter()
            .filter(|row| row.at_s > until)
            .find(|row| row.counts.bids_in_time as f64 >= 0.95 * normal && row.p99_us < 50_000);
        let back_s = back.map(|row| row.at_s - until);
        println!(
            "five times 0.8 of it: {:.0} bids a second in time, {:.2} of the peak; {:.2} % of the \
             answers in time; normal in second {back_s:?} after",
            goodput(&within),
            goodput(&within) / peak,
            figures.in_time_share * 100.0,
        );
        for row in rows.iter().filter(|row| row.at_s >= from && row.at_s <= until + 4) {
            let counts = &row.counts;
            println!(
                "  {:>3} s  {:>7} due {:>7} answered {:>7} bids {:>6} late {:>7} unsent  p99 {} µs",
                row.at_s,
                counts.due,
                counts.answered(),
                counts.bids_in_time,
                counts.late,
                counts.unsent,
                row.p99_us,
            );
        }
    }
}

/// All threads so far to the first core, this one (and what it starts) to the second.
fn pin() {
    use rustix::thread::{CpuSet, Pid, sched_setaffinity};
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return;
    }
    let only = |cpu| {
        let mut set = CpuSet::new();
        set.set(cpu);
        set
    };
    for task in std::fs::read_dir("/proc/self/task").expect("procfs").flatten() {
        let tid = task.file_name().to_str().and_then(|name| name.parse().ok());
        let _ = sched_setaffinity(tid.and_then(Pid::from_raw), &only(0));
    }
    let _ = sched_setaffinity(None, &only(1));
}
