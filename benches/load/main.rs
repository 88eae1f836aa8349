//! What does the server do at half of its capacity, beside thousands of half-open connections, at
//! twice as much, in a spike of five times, and while its world is swapped each second?
//!
//! The whole server as a process of its own on the first core, the load generator on the second;
//! beside it, for scale, the floor servers *fixed* and *nothing* of the bench `door`. Every load is
//! open loop, latencies count from when a request was due.
//!
//! ```text
//! cargo bench --bench load                 all figures, some ten minutes; with -- --test, short
//! cargo bench --bench load -- swaps        one part: half, open, overload, swaps
//! INTERLUDE_LISTENERS=100000 …             fewer listeners
//! ```

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a bench reports")]
#![allow(clippy::disallowed_methods, reason = "a bench has no named tasks")]

#[path = "../door/floors.rs"]
mod floors;
#[path = "../door/ours.rs"]
#[allow(dead_code, reason = "the door's bench makes its requests with it")]
mod ours;
mod half_open;
mod marked;
mod overload;
mod process;
mod swaps;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use interlude::base::units::time::{Clock as _, WallClock};
use interlude::rehearsal::loadgen::{Bar, Figures, Plan, Profile, Returns, Search, Target, run};
use interlude::rehearsal::traffic::catalogs;

use process::{Server, pin, want_files};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 5;
const LINES: usize = 10_000;
/// Of an answer with one bid, about.
const ANSWER_BYTES: usize = 2_900;
/// Where nothing is to be learned from how many there are.
const CONNECTIONS: usize = 256;

struct Bench {
    short: bool,
    listeners: u32,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let short = args.iter().any(|arg| arg == "--test");
    let parts = ["half", "open", "overload", "swaps"];
    let chosen = args.iter().any(|arg| parts.contains(&arg.as_str()));
    let wants = |part: &str| !chosen || args.iter().any(|arg| arg == part);
    let bench = Bench { short, listeners: ours::listeners(short, 200_000) };
    want_files(20_000);

    pin(0);
    let (fixed, nothing) = (floors::fixed(ANSWER_BYTES), floors::nothing(ANSWER_BYTES));
    pin(1);
    let data = tempfile::tempdir().expect("a folder");
    ours::furnished(data.path(), bench.listeners, SEED);
    let (ceiling, _) = bench.capacity("fixed", fixed.address, "/");
    println!("the generator itself: {ceiling:.0} a second on one core at the least\n");
    if ["half", "open", "overload"].into_iter().any(wants) {
        bench.of_ten_thousand_lines(data.path(), ceiling, (nothing.address, &wants));
    }
    if wants("swaps") {
        swaps::measure(&bench, data.path());
    }
    drop((fixed, nothing));
}

impl Bench {
    fn of_ten_thousand_lines(
        &self,
        data: &Path,
        ceiling: f64,
        (nothing, wants): (SocketAddr, &dyn Fn(&str) -> bool),
    ) {
        ours::write_lines(data, &[catalogs::campaign_file(SEED, LINES)]);
        let server = Server::start(data);
        let (capacity, peak) = self.capacity("ours", server.bid, "/bid/one");
        println!("capacity {capacity:.0} a second, {peak:.0} bids a second\n");
        if wants("half") {
            self.half(capacity, server.bid, nothing);
        }
        if wants("open") {
            half_open::measure(self, &server, capacity);
        }
        if wants("overload") {
            overload::measure(self, &server, (capacity, peak), ceiling);
        }
    }

    fn plan(&self, at: SocketAddr, path: &str, rate: f64, seconds: u64) -> Plan {
        let seconds = if self.short { 1 } else { seconds };
        Plan {
            target: Target::parse(&format!("http://{at}{path}")).expect("a target"),
            rate,
            profile: Profile::Soak,
            duration: Duration::from_secs(seconds),
            warm_up: Duration::ZERO,
            limit: u64::MAX,
            connections: CONNECTIONS,
            listeners: self.listeners,
            seed: SEED,
            tmax_ms: None,
            check_share: 0.001,
            returns: Returns { win_share: 0.0, loss_share: 0.0, delay: Duration::ZERO },
            moment: WallClock.now(),
        }
    }

    /// Over connections that have carried requests, as those of exchanges have for hours.
    fn warm(&self, at: SocketAddr, path: &str, rate: f64, seconds: u64) -> Plan {
        Plan { warm_up: Duration::from_secs(1), ..self.plan(at, path, rate, seconds) }
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
            let own = Bench::run(&self.warm(ours, "/bid/one", capacity / 2.0, 8));
            let floor = Bench::run(&self.warm(nothing, "/", capacity / 2.0, 8));
            let ratio = own.p99_9_us as f64 / floor.p99_9_us as f64;
            rows.push([own.p99_us as f64, own.p99_9_us as f64, floor.p99_9_us as f64, ratio]);
        }
        let [p99, own, floor, ratio] = [0, 1, 2, 3].map(|column| middle(&rows, column));
        println!(
            "at half of it (medians of {rounds}): p99 {p99} µs; p99.9 {own} µs, of nothing \
             {floor} µs, ratio {ratio:.2}"
        );
    }
}

fn middle<const N: usize>(rows: &[[f64; N]], column: usize) -> f64 {
    let mut values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
