//! How much of the best that money could have bought does the pacer buy?
//!
//! Replays a day of second-price auctions under the controllers of production, in virtual time, at
//! the budgets of the literature (parts of what all impressions together cost), and says: the
//! value bought as a part of what hindsight could have bought, the spend as a part of the budget,
//! the L1 distance of hourly spend from hourly traffic, and clicks. Then a step of five times the
//! traffic at noon, a stop of a minute, and a plan that runs ahead.
//!
//! ```text
//! cargo bench --bench pacing                   a seeded log of 600,000 auctions
//! cargo bench --bench pacing -- LOG…           logs of `click price rate` rows
//! ```

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a bench reports, or fails")]

use std::fs::File;
use std::io::BufReader;

use interlude::rehearsal::traffic::auctions::{self, Auction};
use interlude::rehearsal::traffic::pacing::{Replay, Report, run};

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if files.is_empty() {
        table("seed 7", &auctions::generate(7, 600_000));
    }
    for file in files {
        let log = BufReader::new(File::open(&file).expect("the log"));
        table(&file, &auctions::read(log).expect("rows of `click price rate`"));
    }
}

fn table(name: &str, rows: &[Auction]) {
    println!("\n{name}: {} auctions", rows.len());
    println!("budget      value ÷ hindsight   spend ÷ budget   hourly L1   clicks   wins");
    for part in [32.0, 16.0, 8.0, 4.0, 2.0] {
        let replay = Replay { budget: 1.0 / part, ..Replay::default() };
        row(&format!("1/{part}"), &run(rows, &replay));
    }
    let (noon, five) = (12 * 3600, 5.0);
    let surge = run(rows, &Replay { surge: Some((noon, five)), ..Replay::default() });
    row("1/8, 5 ×", &surge);
    println!(
        "    within a fifth of the plan {:?} minutes after the step",
        surge.recovered_after(noon)
    );
    row("1/8, stop", &run(rows, &Replay { stop: Some((noon, 60)), ..Replay::default() }));
    row("1/8, front", &run(rows, &Replay { ahead: 2.0, ..Replay::default() }));
}

fn row(name: &str, report: &Report) {
    println!(
        "{name:<10}  {:>17.4}   {:>14.5}   {:>9.4}   {:>6}   {:>6}",
        report.value_share(),
        report.spend_share(),
        report.hourly_l1,
        report.clicks,
        report.wins
    );
}
