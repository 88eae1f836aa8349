//! The simulator's worlds: every promise kept in each, the same story told twice, and the command.
//!
//! `INTERLUDE_LONG=1` runs 10,000 storms and ten days of each trial of delivery.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use interlude::rehearsal::sim::{Ground, Order, Trial, deliver, picture, run};

/// Seeds from `from` on that broke a promise, with the first that it broke.
fn broken(from: u64, seeds: u64, order: fn(u64) -> Order) -> Vec<String> {
    let ground = Ground::new().unwrap();
    let (next, found) = (AtomicU64::new(from), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + seeds {
                return;
            }
            let fault = match run(&ground, &order(seed), &mut |_| {}) {
                Ok(ran) => ran.findings.faults.into_iter().next(),
                Err(fault) => Some(fault.to_string()),
            };
            found.lock().unwrap().extend(fault.map(|fault| format!("seed {seed}: {fault}")));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    found.into_inner().unwrap()
}

#[test]
fn every_promise_is_kept_in_every_storm() {
    let seeds = if std::env::var_os("INTERLUDE_LONG").is_some() { 10_000 } else { 200 };
    let broken = broken(1, seeds, Order::storm);
    assert!(broken.is_empty(), "{} of {seeds}:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn a_seed_tells_one_story() {
    let ground = Ground::new().unwrap();
    let ran = |seed| run(&ground, &Order::storm(seed), &mut |_| {}).unwrap();
    for seed in [3, 1_000_003] {
        let (one, other) = (ran(seed), ran(seed));
        assert_eq!(one.hash, other.hash);
        assert_eq!(one.summary, other.summary);
        assert_eq!(picture(&one), picture(&other));
        assert_ne!(one.hash, ran(seed + 1).hash);
    }
}

/// The promises of docs/pacing.md, by the whole process: budgets are spent, in their hours.
#[test]
fn budgets_are_delivered_as_promised() {
    // A day of a server is a quarter of a minute of one core.
    let (seeds, trials) = match std::env::var_os("INTERLUDE_LONG") {
        Some(_) => (10, &Trial::ALL[..]),
        None => (1, &[Trial::Even][..]),
    };
    let ground = Ground::new().unwrap();
    let mut missed = Vec::new();
    for (seed, &trial) in (1..=seeds).flat_map(|seed| trials.iter().map(move |t| (seed, t))) {
        let (_, delivered) = deliver(&ground, (seed, trial, 200_000), &mut |_| {}).unwrap();
        eprintln!("{delivered:?}");
        missed.extend(delivered.missed().into_iter().map(|what| (seed, trial, what)));
    }
    assert!(missed.is_empty(), "{missed:?}");
}

/// A storm in which nothing happens proves nothing.
#[test]
fn storms_are_storms() {
    let ground = Ground::new().unwrap();
    let (mut bids, mut wins, mut acknowledged, mut crashes) = (0, 0, 0, 0);
    for seed in 1..=20 {
        let ran = run(&ground, &Order::storm(seed), &mut |_| {}).unwrap();
        bids += ran.summary.bids;
        wins += ran.summary.wins;
        acknowledged += ran.summary.notices_acknowledged;
        crashes += ran.crashes;
    }
    assert!(bids > 2000 && wins > 1000 && acknowledged > 5000, "{bids} {wins} {acknowledged}");
    assert!(crashes >= 20, "{crashes}");
}

fn simulate(args: &[&str]) -> (String, String, bool) {
    let program = env!("CARGO_BIN_EXE_interlude");
    let out = Command::new(program).arg("simulate").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.success())
}

#[test]
fn the_command_ends_with_one_object_and_leaves_picture_and_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name).to_str().unwrap().to_owned();
    let (svg, data) = (path("spend.svg"), path("data"));
    let (out, err, ok) = simulate(&["--seed", "5", "--json", "--svg", &svg, "--data", &data]);
    assert!(ok, "{out}{err}");
    assert!(err.starts_with("seed 5\n"), "{err}");
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&out).unwrap();
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = [
        "bids",
        "charged_twice",
        "conservation_error_nanos",
        "notices_acknowledged",
        "notices_lost",
        "overspend_nanos",
        "seed",
        "spend_to_budget",
        "wins",
    ];
    assert_eq!(keys, expected);
    let text = std::fs::read_to_string(svg).unwrap();
    let drawn = roxmltree::Document::parse(&text).unwrap();
    assert!(drawn.descendants().filter(|node| node.has_tag_name("path")).count() > 10);
    assert!(std::fs::read_dir(folder.path().join("data/journal")).unwrap().count() > 0);

    let (out, _, ok) = simulate(&["--seed", "5", "--seeds", "3"]);
    assert!(ok && out.starts_with("seed 5\n3 of 3 seeds passed: "), "{out}");
}
