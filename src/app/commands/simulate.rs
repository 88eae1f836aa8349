//! `interlude simulate`: does the money hold in a bad world? A seeded market, faults, an audit.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use crate::rehearsal::sim::{self, Delivered, Ground, Order, Progress, Ran, Trial, picture};

const AFTER: &str = "\
A seed is a whole world: advertisers with budgets and caps, exchanges with rival bidders, listeners,
and everything that goes wrong. The process in it is production's own; its clock, its disk and the
other side of its sockets are simulated. Without --days a run is a storm of twenty minutes around
a midnight: notices late, lost, doubled, repriced, replayed and forged, crashes, clock steps, a
failing disk, changed budgets. With --days it is the traffic of so many days and a bad week's
faults. The same seed always tells the same story.

With --delivery the world is without faults, and the question is how budgets are spent: three evenly
paced lines for a day, in a market where all they could buy would cost 1.2 times their budgets.
`even`: wins are told. `surge`: five times the traffic from noon on. `silent`: no wins are told.
`expected`: neither, with expected budgets. Exit code 1: a figure of docs/pacing.md is missed.

Exit code 1: a promise was broken (a budget overspent, an acknowledged notice lost, a bid charged
twice, money not conserved, a cap exceeded); the seed that did it is named.

Examples:
  interlude simulate --seed 7
  interlude simulate --seed 7 --json | jq .overspend_nanos
  interlude simulate --days 7 --svg spend.svg
  interlude simulate --seeds 10000
  interlude simulate --delivery
  interlude simulate --delivery surge --svg surge.svg
  interlude simulate --seed 7 --data /tmp/seven && interlude audit /tmp/seven";

/// Try budgets, notices and journal in a seeded market with faults; audit what came of it.
#[derive(clap::Args, Clone, Debug)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The world; equal seeds give equal runs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Runs so many seeds, from --seed on, and stops at the first that fails.
    #[arg(long, value_name = "N", conflicts_with_all = ["svg", "data"])]
    seeds: Option<u64>,
    /// So many days of ordinary traffic instead of a storm.
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u32).range(1..=366))]
    days: Option<u32>,
    /// How budgets are spent: one of even, surge, silent, expected, or (without a word) each.
    #[arg(long, value_name = "TRIAL", num_args = 0..=1, default_missing_value = "all",
          value_parser = ["all", "even", "surge", "silent", "expected"],
          conflicts_with_all = ["days", "seeds", "data"])]
    delivery: Option<String>,
    /// Writes a picture of spend against plan; of several trials, the first one's.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Leaves the journal in this folder, for `interlude audit`.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Ends with one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    // Before anything can go wrong: whatever happens is then told of a seed.
    if args.json {
        writeln!(std::io::stderr(), "seed {}", args.seed)?;
    } else {
        writeln!(std::io::stdout(), "seed {}", args.seed)?;
    }
    match (&args.delivery, args.seeds) {
        (Some(trial), _) => delivery(&args, trial),
        (None, Some(seeds)) => many(&args, seeds),
        (None, None) => one(&args),
    }
}

fn order(args: &Args, seed: u64) -> Order {
    args.days.map_or_else(|| Order::storm(seed), |days| Order::season(seed, days))
}

fn one(args: &Args) -> anyhow::Result<ExitCode> {
    let bar = bar(1_000_000, RUNNING);
    let ran = sim::run(&Ground::new()?, &order(args, args.seed), &mut |now| show(&bar, now));
    bar.finish_and_clear();
    let ran = ran.with_context(|| format!("seed {}", args.seed))?;
    draw(args, &ran)?;
    if let Some(folder) = &args.data {
        leave(&ran, folder)?;
    }
    told(args, &ran)
}

const RUNNING: &str = "{bar:30} {percent:>3} %  {msg}";

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_position(u64::from(progress.done_ppm));
    let Progress { bids, wins, crashes, .. } = progress;
    bar.set_message(format!("{bids} bids, {wins} wins, {crashes} crashes"));
}

fn draw(args: &Args, ran: &Ran) -> anyhow::Result<()> {
    let Some(file) = &args.svg else { return Ok(()) };
    std::fs::write(file, picture(ran)).with_context(|| file.display().to_string())
}

/// Requests of a day whose delivery is measured.
const A_DAY: u32 = 200_000;

fn delivery(args: &Args, wanted: &str) -> anyhow::Result<ExitCode> {
    let ground = Ground::new()?;
    let mut missed = Vec::new();
    let trials = Trial::ALL.into_iter().filter(|trial| ["all", trial.name()].contains(&wanted));
    for (i, trial) in trials.enumerate() {
        let bar = bar(1_000_000, RUNNING);
        let asked = (args.seed, trial, A_DAY);
        let came = sim::deliver(&ground, asked, &mut |now| show(&bar, now));
        bar.finish_and_clear();
        let (ran, delivered) = came.with_context(|| format!("seed {}", args.seed))?;
        if i == 0 {
            draw(args, &ran)?;
        }
        told_delivery(args, &delivered)?;
        let of_trial = delivered.missed().into_iter();
        missed.extend(of_trial.map(|what| format!("{}: {what}", trial.name())));
    }
    let mut err = std::io::stderr().lock();
    for what in &missed {
        writeln!(err, "MISSED  {what}")?;
    }
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One object or one row of a trial.
fn told_delivery(args: &Args, delivered: &Delivered) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, delivered)?;
        writeln!(out)?;
        return Ok(());
    }
    let Delivered { trial, bids, wins, spend_to_budget, hourly_l1, overspend, .. } = delivered;
    let percent = |part: f64| 100.0 * part;
    write!(
        out,
        "  {trial:<9}{bids:>8} bids{wins:>8} wins   spent {:.3} %   over {:.3} %   hours apart \
         {:.2} %",
        percent(*spend_to_budget),
        percent(*overspend),
        percent(*hourly_l1)
    )?;
    if let Some(after) = delivered.recovered_after_min {
        write!(out, "   recovered after {after} min")?;
    }
    if let Some(most) = delivered.shortfall_most {
        write!(out, "   shortfall at most {:.3} %", percent(most))?;
    }
    writeln!(out)?;
    Ok(())
}

/// The journal as it was at the end, where `interlude audit` looks for it.
fn leave(ran: &Ran, folder: &std::path::Path) -> anyhow::Result<()> {
    let folder = folder.join("journal");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let before = std::fs::read_dir(&folder)?.next().is_some();
    anyhow::ensure!(!before, "{} is not empty; name another folder", folder.display());
    for (name, bytes) in &ran.files {
        let file = folder.join(name);
        std::fs::write(&file, bytes).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

fn told(args: &Args, ran: &Ran) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &ran.summary)?;
        writeln!(out)?;
    } else {
        write!(out, "{ran}")?;
    }
    out.flush()?;
    if ran.holds() {
        return Ok(ExitCode::SUCCESS);
    }
    let faults = ran.findings.faults.len();
    let mut err = std::io::stderr().lock();
    writeln!(err, "seed {}: {faults} promises broken", ran.summary.seed)?;
    if args.json {
        for fault in ran.findings.faults.iter().take(20) {
            writeln!(err, "  {fault}")?;
        }
    }
    Ok(ExitCode::FAILURE)
}

/// What many seeds came to.
#[derive(Default, serde::Serialize)]
struct Totals {
    first_seed: u64,
    seeds: u64,
    /// Those that kept every promise.
    passed: u64,
    failed_seed: Option<u64>,
    bids: u64,
    wins: u64,
    notices_acknowledged: u64,
    crashes: u64,
    #[serde(skip)]
    failed: Option<anyhow::Result<Ran>>,
}

impl Totals {
    fn take(&mut self, seed: u64, ran: anyhow::Result<Ran>) {
        self.seeds += 1;
        if let Ok(ran) = &ran {
            self.bids += ran.summary.bids;
            self.wins += ran.summary.wins;
            self.notices_acknowledged += ran.summary.notices_acknowledged;
            self.crashes += ran.crashes;
        }
        let holds = ran.as_ref().is_ok_and(Ran::holds);
        self.passed += u64::from(holds);
        if !holds && self.failed_seed.is_none_or(|known| seed < known) {
            self.failed_seed = Some(seed);
            self.failed = Some(ran);
        }
    }
}

/// Seeds in their order, shared among the cores; the lowest of those that failed is told.
fn many(args: &Args, seeds: u64) -> anyhow::Result<ExitCode> {
    let ground = Ground::new()?;
    let bar = bar(seeds, "{bar:30} {pos}/{len} seeds passed  {per_sec}");
    let (next, end) = (AtomicU64::new(args.seed), args.seed.saturating_add(seeds));
    let told_s = AtomicU64::new(0);
    let totals = Mutex::new(Totals { first_seed: args.seed, ..Totals::default() });
    let lock = || totals.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end || lock().failed_seed.is_some() {
                return;
            }
            let ran = sim::run(&ground, &order(args, seed), &mut |_| {});
            let mut totals = lock();
            totals.take(seed, ran.map_err(anyhow::Error::from));
            bar.set_position(totals.passed);
            tell(&bar, &told_s, totals.passed);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    bar.finish_and_clear();
    let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    told_totals(args, &totals)?;
    match (totals.failed_seed, totals.failed) {
        (Some(seed), Some(ran)) => {
            let ran = ran.with_context(|| format!("seed {seed}"))?;
            told(&Args { json: false, ..args.clone() }, &ran)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Where nobody sees the bar, a line a second.
fn tell(bar: &ProgressBar, told_s: &AtomicU64, passed: u64) {
    let now_s = bar.elapsed().as_secs();
    if bar.is_hidden() && told_s.fetch_max(now_s, Ordering::Relaxed) < now_s {
        let seeds = bar.length().unwrap_or(passed);
        // Whoever closed stderr wants no progress.
        let _ = writeln!(std::io::stderr(), "{passed} of {seeds} seeds passed");
    }
}

fn told_totals(args: &Args, totals: &Totals) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, totals)?;
        writeln!(out)?;
        return Ok(());
    }
    let Totals { seeds, passed, bids, wins, notices_acknowledged, crashes, .. } = totals;
    writeln!(
        out,
        "{passed} of {seeds} seeds passed: {bids} bids, {wins} wins, \
         {notices_acknowledged} notices acknowledged, {crashes} crashes"
    )?;
    match totals.failed_seed {
        Some(seed) => writeln!(out, "seed {seed} broke a promise:")?,
        None => writeln!(out, "every promise was kept")?,
    }
    Ok(())
}

fn bar(len: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(len).with_style(style)
}
