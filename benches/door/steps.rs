//! Where does each microsecond of a request with one bid go? (`--profile`)
//!
//! The server times the steps of one in eight decisions itself; what its bid thread uses beyond
//! them is HTTP and the kernel's.

use std::collections::HashMap;
use std::time::Duration;

use interlude::app::run::Running;
use interlude::market::step::Step;

use super::client::Client;

/// Seconds and timed decisions of each step so far.
type Sums = HashMap<String, f64>;

pub fn print(ours: &Running, client: &mut Client, rounds: usize, time: Duration) {
    let mut took: Vec<[f64; Step::ALL.len() + 1]> = Vec::new();
    for _ in 0..rounds {
        let before = sums(ours);
        let seen = super::look(client, (ours.bid_address(), "bid"), time);
        let after = sums(ours);
        took.push(steps_us(&before, &after, seen.thread_us));
    }
    let of = |ix: usize| super::middle(took.iter().map(|round| round[ix]).collect());
    let rest = Step::ALL.len();
    let whole: f64 = (1..=rest).map(of).sum();
    println!("\nstep                 µs   share");
    let name = |ix: usize| Step::ALL.get(ix).map_or("HTTP and kernel", |step| step.label());
    for ix in 1..=rest {
        println!("{:<15} {:>7.2} {:>6.1} %", name(ix), of(ix), 100.0 * of(ix) / whole);
    }
    println!("{:<15} {whole:>7.2}", "bid thread");
}

/// Each step, over all requests, and what is left of the thread's time. Waiting is no work.
fn steps_us(before: &Sums, after: &Sums, thread_us: f64) -> [f64; Step::ALL.len() + 1] {
    let grown = |what: &str, step: Step| {
        let key = format!("interlude_bid_step_seconds_{what}{{step=\"{}\"}}", step.label());
        after[&key] - before[&key]
    };
    // Not each decision comes to each step, but all are decoded.
    let decisions = grown("count", Step::Decode);
    let mut took = [0.0; Step::ALL.len() + 1];
    for (ix, step) in Step::ALL.iter().enumerate().skip(1) {
        took[ix] = grown("sum", *step) * 1e6 / decisions;
    }
    took[Step::ALL.len()] = thread_us - took.iter().sum::<f64>();
    took
}

fn sums(ours: &Running) -> Sums {
    let text = ours.registry().render();
    let sample = |line: &str| {
        let (key, value) = line.rsplit_once(' ')?;
        Some((key.to_owned(), value.parse().ok()?))
    };
    text.lines()
        .filter(|line| line.starts_with("interlude_bid_step_seconds"))
        .filter_map(sample)
        .collect()
}
