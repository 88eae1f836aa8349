//! Twice as much as can be answered, and a step of five times, over thousands of connections: what
//! is too much is at the server, and not only in the generator.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use interlude::rehearsal::loadgen::{Figures, Plan, Profile, Second};

use super::Bench;
use super::process::Server;

/// As many requests may be at the server at once.
const CONNECTIONS: usize = 4_096;
/// Of the server: `bid.connections_max`, at 20 KB each, beside what it has at rest.
const CAP_MIB: f64 = 10_000.0 * 20.0 / 1024.0;

pub fn measure(bench: &Bench, server: &Server, (capacity, peak): (f64, f64), ceiling: f64) {
    let rest = server.resident_mib();
    server.forget_peak();
    twice(bench, server, (capacity, peak), ceiling);
    step(bench, server, (capacity, peak));
    println!(
        "memory: {rest:.0} MiB before, {:.0} MiB at the most, {:.0} MiB when all had gone; the cap \
         is {:.0} MiB (20 KB for each of 10,000 connections)",
        server.peak_mib(),
        server.resident_mib(),
        rest + CAP_MIB,
    );
}

fn plan(bench: &Bench, server: &Server, rate: f64, seconds: u64) -> Plan {
    Plan { connections: CONNECTIONS, ..bench.plan(server.bid, "/bid/one", rate, seconds) }
}

/// Asked for: goodput at least 90 % of (1 − 2·s/c) ÷ (1 − s/c), where s/c is what a 204 costs
/// beside a whole answer; what *fixed* costs stands for s here.
fn twice(bench: &Bench, server: &Server, (capacity, peak): (f64, f64), ceiling: f64) {
    let (figures, valve) = watched(server, &plan(bench, server, 2.0 * capacity, 20));
    let ratio = capacity / ceiling;
    let bound = ((1.0 - 2.0 * ratio) / (1.0 - ratio)).max(0.0);
    println!(
        "at twice as much: {:.0} bids a second in time, {:.2} of the peak; with 204s alone \
         {bound:.2} could be",
        figures.goodput_per_s,
        figures.goodput_per_s / peak,
    );
    tell(&figures);
    rows(figures.seconds.iter().take(5), &valve);
}

/// Asked for: 70 % of the peak within the step, 99 % of the answers in time, normal within two
/// seconds.
fn step(bench: &Bench, server: &Server, (capacity, peak): (f64, f64)) {
    let plan = plan(bench, server, 0.8 * capacity, 60);
    let (figures, valve) = watched(server, &Plan { profile: Profile::Spike, ..plan.clone() });
    let length = plan.duration.as_secs();
    let (from, until) = (length * 45 / 100, length * 55 / 100);
    let goodput = |seconds: &[&Second]| {
        let bids: u64 = seconds.iter().map(|second| second.counts.bids_in_time).sum();
        bids as f64 / seconds.len().max(1) as f64
    };
    let within: Vec<&Second> =
        figures.seconds.iter().filter(|row| row.at_s > from && row.at_s <= until).collect();
    let before: Vec<&Second> = figures.seconds.iter().filter(|row| row.at_s < from).collect();
    let normal = goodput(&before);
    let back = figures
        .seconds
        .iter()
        .filter(|row| row.at_s > until)
        .find(|row| row.counts.bids_in_time as f64 >= 0.95 * normal && row.p99_us < 50_000);
    let (answered, late) = within.iter().fold((0, 0), |(answered, late), row| {
        (answered + row.counts.answered(), late + row.counts.late)
    });
    println!(
        "a step to five times 0.8 of it: {:.0} bids a second in time, {:.2} of the peak; within \
         it {:.2} % of the answers in time; normal in second {:?} after",
        goodput(&within),
        goodput(&within) / peak,
        100.0 * (1.0 - late as f64 / answered.max(1) as f64),
        back.map(|row| row.at_s - until),
    );
    tell(&figures);
    rows(figures.seconds.iter().filter(|row| row.at_s >= from && row.at_s <= until + 4), &valve);
}

fn tell(figures: &Figures) {
    let late_bids = figures.bids - figures.counts.bids_in_time;
    println!(
        "  {:.2} % of the answers in time; late: {} bids, {} without; {} refused, {} never sent; \
         generator's core {:.2}",
        figures.in_time_share * 100.0,
        late_bids,
        figures.late - late_bids,
        figures.errors - figures.unsent,
        figures.unsent,
        figures.generator.cpu_share,
    );
}

/// What the server says of its valve in one second: time in queue, share of 204s, unread
/// connections.
type Valve = [f64; 3];

fn watched(server: &Server, plan: &Plan) -> (Figures, Vec<Valve>) {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let (mut seen, begun) = (Vec::new(), Instant::now());
            while !ended.load(Relaxed) {
                let next = Duration::from_millis(900) + Duration::from_secs(seen.len() as u64);
                thread::sleep(next.saturating_sub(begun.elapsed()));
                seen.push(server.metrics(VALVE));
            }
            seen
        });
        let figures = Bench::run(plan);
        ended.store(true, Relaxed);
        (figures, watch.join().expect("a watcher"))
    })
}

const VALVE: [&str; 3] =
    ["interlude_bid_queue_seconds", "interlude_bid_shed_share", "interlude_bid_held_connections"];

fn rows<'r>(seconds: impl Iterator<Item = &'r Second>, valve: &[Valve]) {
    for row in seconds {
        let counts = &row.counts;
        let [queue_s, shed, held] = valve.get(row.at_s as usize - 1).copied().unwrap_or_default();
        println!(
            "  {:>3} s  {:>7} due {:>7} answered {:>7} bids {:>6} late {:>7} unsent  p99 {:>7} µs  \
             queue {:>5.1} ms  204s {:>4.1} %  unread {held:>5}",
            row.at_s,
            counts.due,
            counts.answered(),
            counts.bids_in_time,
            counts.late,
            counts.unsent,
            row.p99_us,
            queue_s * 1e3,
            shed * 1e2,
        );
    }
}
