//! What does one bid request cost at the door, beside what HTTP alone costs?
//!
//! Three servers in one process, each on one bid thread, asked in turn by one client thread over 64
//! connections that are always busy (pinned to another core, where there are two); ours twice:
//!
//! ```text
//! fixed     hyper, which answers as many bytes as ours with one bid, without a look
//! nothing   hyper, the same decode, a ready-made answer: no decision
//! one bid   everything: 10,000 lines, 1,000,000 listeners, holds, records, VAST, signatures
//! two bids  the same by an exchange that takes two bids for an imp, as is the default
//! ```
//!
//! The requests are 4,096 varied ones of the seeded traffic. Printed a server, medians over the
//! rounds: processor time a request of the bid thread, and of all threads of the server; requests a
//! second; and both beside *nothing*'s of the same round. What stands beside is what counts: the
//! figures themselves are this machine's.
//!
//! ```text
//! cargo bench --bench door                  11 rounds of a second each; with -- --test, one short
//! cargo bench --bench door -- --profile     ours alone, with one bid: what each step takes
//! INTERLUDE_LISTENERS=100000 …              fewer listeners
//! ```

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a bench reports")]
#![allow(clippy::disallowed_methods, reason = "a bench has no named tasks")]

mod client;
mod floors;
mod ours;
mod steps;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use client::Client;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAMES: [&str; 4] = ["fixed", "nothing", "one bid", "two bids"];
const REQUESTS: u64 = 4_096;
const SEED: u64 = 5;

/// What a round saw of one server.
#[derive(Clone, Copy)]
struct Seen {
    thread_us: f64,
    all_us: f64,
    per_s: f64,
}

fn main() {
    let short = std::env::args().any(|arg| arg == "--test");
    let listeners = ours::listeners(short, 1_000_000);
    let (rounds, time) = if short { (1, 100) } else { (11, 1_000) };
    let time = Duration::from_millis(time);

    let data = tempfile::tempdir().expect("a folder");
    let ours = ours::start(data.path(), listeners, SEED);
    let bodies = ours::bodies(SEED, listeners, REQUESTS);
    let mut clients = [Client::new("one", &bodies), Client::new("two", &bodies)];
    let ours_at = ours.bid_address();
    // A first look: how much is bid, and how long the answers are.
    let [one, two] = clients.each_mut().map(|client| client.run(ours_at, time));
    println!(
        "{} requests of {} bytes in the middle; {:.1} % get a bid of {} bytes, or two of {}",
        bodies.len(),
        middle(bodies.iter().map(|body| body.len() as f64).collect()),
        100.0 * one.bids as f64 / one.count as f64,
        one.bid_length(),
        two.bid_length(),
    );
    if std::env::args().any(|arg| arg == "--profile") {
        pin(&["bid"]);
        steps::print(&ours, &mut clients[0], rounds, time);
        assert!(ours.stop(), "connections were left open");
        return;
    }
    let (fixed, nothing) = (floors::fixed(one.bid_length()), floors::nothing(one.bid_length()));
    let servers = [(fixed.address, "fixed"), (nothing.address, "nothing")];
    let servers = [servers[0], servers[1], (ours_at, "bid"), (ours_at, "bid")];
    pin(&servers.map(|(_, thread)| thread));

    let mut seen: [Vec<Seen>; 4] = Default::default();
    for round in 0..rounds {
        for turn in 0..servers.len() {
            let ix = (round + turn) % servers.len();
            let client = &mut clients[usize::from(ix == 3)];
            seen[ix].push(look(client, servers[ix], time));
        }
    }
    report(&seen);
    assert!(ours.stop(), "connections were left open");
}

fn look(client: &mut Client, (address, thread): (SocketAddr, &str), time: Duration) -> Seen {
    let (threads, all) = (threads_ns(thread), process_ns());
    let own = own_ns();
    let begun = Instant::now();
    let answers = client.run(address, time);
    let took = begun.elapsed();
    let count = answers.count as f64;
    let all = (process_ns() - all) - (own_ns() - own);
    Seen {
        thread_us: (threads_ns(thread) - threads) as f64 / count / 1e3,
        all_us: all as f64 / count / 1e3,
        per_s: count / took.as_secs_f64(),
    }
}

fn report(seen: &[Vec<Seen>; 4]) {
    println!(
        "\n           bid thread, µs   ÷ nothing   all threads, µs   ÷ nothing   a second   \
         ÷ nothing"
    );
    for (ix, name) in NAMES.iter().enumerate() {
        let of = |figure: fn(&Seen) -> f64| middle(seen[ix].iter().map(figure).collect());
        let beside = |figure: fn(&Seen) -> f64| {
            let rounds = seen[ix].iter().zip(&seen[1]);
            middle(rounds.map(|(own, nothing)| figure(own) / figure(nothing)).collect())
        };
        println!(
            "{name:<8} {:>16.2} {:>11.2} {:>17.2} {:>11.2} {:>10.0} {:>11.2}",
            of(|seen| seen.thread_us),
            beside(|seen| seen.thread_us),
            of(|seen| seen.all_us),
            beside(|seen| seen.all_us),
            of(|seen| seen.per_s),
            beside(|seen| seen.per_s),
        );
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Servers to the first core, the client (this thread) to the second; where there is but one, not.
fn pin(servers: &[&str]) {
    use rustix::thread::{CpuSet, sched_setaffinity};
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return;
    }
    let only = |cpu| {
        let mut set = CpuSet::new();
        set.set(cpu);
        set
    };
    for (tid, name) in threads() {
        if servers.contains(&name.as_str()) {
            let _ = sched_setaffinity(rustix::thread::Pid::from_raw(tid), &only(0));
        }
    }
    let _ = sched_setaffinity(None, &only(1));
}

/// All threads of this process: ids and names.
fn threads() -> Vec<(i32, String)> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("procfs");
    tasks
        .filter_map(|task| {
            let task = task.ok()?;
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            Some((task.file_name().to_str()?.parse().ok()?, name.trim_end().to_owned()))
        })
        .collect()
}

/// Processor time of the threads of a name.
fn threads_ns(name: &str) -> u64 {
    let own = threads().into_iter().filter(|(_, known)| known == name);
    own.map(|(tid, _)| run_ns(&format!("/proc/self/task/{tid}/schedstat"))).sum()
}

fn run_ns(path: &str) -> u64 {
    let text = std::fs::read_to_string(path).expect("schedstat");
    text.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("nanoseconds")
}

fn process_ns() -> u64 {
    threads().iter().map(|(tid, _)| run_ns(&format!("/proc/self/task/{tid}/schedstat"))).sum()
}

fn own_ns() -> u64 {
    run_ns("/proc/thread-self/schedstat")
}
