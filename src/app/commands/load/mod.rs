//! `interlude load`: how does a bidder stand this load? Ours or another's, over real sockets.
//!
//! Run by a person or a script beside a bidder; cold. The screen tells the last second while it
//! runs; the end is one table, or with `--json` one object, and with `--report` a page.

mod screen;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use crate::base::units::time::{Clock as _, WallClock};
use crate::rehearsal::loadgen::{
    Bar, Figures, Plan, Profile, Returns, Search, Shots, Step, Target, report, run as test,
};
use screen::Screen;

const EXAMPLES: &str = "\
Requests are due at random times of their own (a Poisson process), whatever the bidder does; each
latency counts from when its request was due, so waiting for a free connection counts, too; a
request that finds none for half of its tmax is not sent and is an error.

Examples:
  interlude load --target http://127.0.0.1:8080/bid/demo --rate 2000 --duration 30
  interlude load --target http://bidder.example/openrtb --rate 500 --duration 60 --win 0 --json
  interlude load --target http://127.0.0.1:8080/bid/demo --rate 5000 --duration 60 --profile spike
  interlude load --target http://127.0.0.1:8080/bid/demo --find-capacity --report capacity.html
  taskset -c 1 interlude load … beside taskset -c 0 interlude serve …: each has its own core";

/// Load a bidder with seeded bid requests: latencies from when they were due, answers checked.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Where bid requests are posted: http://HOST:PORT/PATH.
    #[arg(long, value_name = "URL")]
    target: String,
    /// Requests a second; with --find-capacity, where the search begins.
    #[arg(long, value_name = "N", default_value_t = 500.0, value_parser = rate)]
    rate: f64,
    /// Seconds; with --find-capacity, of each step [default: 30, or 4].
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: Option<u64>,
    /// Seconds for which the rate is sent before, without being counted: a bidder takes its time
    /// for connections that are new.
    #[arg(long, value_name = "S", default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(0..=600))]
    warm_up: u64,
    /// How the rate goes over the time.
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    /// Search the highest rate that is stood: 98 % answered within `tmax`, no more than one error
    /// in a thousand, p99 within --p99-ms, and bids on as many of the requests as at first.
    #[arg(long, conflicts_with_all = ["profile", "requests"])]
    find_capacity: bool,
    /// The p99 that --find-capacity allows, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 50,
        value_parser = clap::value_parser!(u64).range(1..=60_000))]
    p99_ms: u64,
    /// How long answers may take, in milliseconds, instead of what each request says.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    tmax: Option<u64>,
    /// Connections, each kept alive.
    #[arg(long, value_name = "N", default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: u16,
    /// Requests in all, at most, without those of the warm-up.
    #[arg(long, value_name = "N", default_value_t = 1_000_000_000)]
    requests: u64,
    /// Listeners who take part, the first of them most often (Zipf).
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    listeners: u32,
    /// Another seed, other requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Of the answers with bids, the share that is checked whole.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    check: f64,
    /// Of the bids, the share that wins and is told of it; 0 sends no notices at all.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    win: f64,
    /// Of the notices, the share that is never sent.
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = share)]
    lose: f64,
    /// How late notices are in the mean, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    delay: u64,
    /// Write a page with pictures.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    figures: &'a Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity_per_s: Option<f64>,
    #[serde(skip_serializing_if = "<[Step]>::is_empty")]
    steps: &'a [Step],
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().map_err(|why| why.to_string())?;
    if (0.01..=1e6).contains(&rate) { Ok(rate) } else { Err("write 0.01 to 1000000".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().map_err(|why| why.to_string())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("write 0 to 1".to_owned()) }
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let plan = plan(args)?;
    let (figures, search) = match args.find_capacity {
        true => find(args, plan.clone())?,
        false => (attend(&plan, &plan.shots())?, None),
    };
    let steps = search.as_ref().map_or(&[][..], |search| &search.steps);
    let capacity_per_s = search.as_ref().and_then(Search::capacity_per_s);
    if let Some(file) = &args.report {
        let page = report::page(&plan.target.to_string(), &figures, steps);
        std::fs::write(file, page).with_context(|| format!("writing {}", file.display()))?;
    }
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &Told { figures: &figures, capacity_per_s, steps })?;
        writeln!(out)?;
    } else {
        tell(&figures, &mut out)?;
        tell_search(search.as_ref(), &mut out)?;
    }
    // Nothing at all was stood: a script should see it.
    let found = search.is_none() || capacity_per_s.is_some();
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn plan(args: &Args) -> anyhow::Result<Plan> {
    let duration = args.duration.unwrap_or(if args.find_capacity { 4 } else { 30 });
    Ok(Plan {
        target: Target::parse(&args.target)?,
        rate: args.rate,
        profile: args.profile,
        duration: Duration::from_secs(duration),
        warm_up: Duration::from_secs(args.warm_up),
        limit: args.requests,
        connections: usize::from(args.connections),
        listeners: args.listeners.max(1),
        seed: args.seed,
        tmax_ms: args.tmax,
        check_share: args.check,
        returns: Returns {
            win_share: args.win,
            loss_share: args.lose,
            delay: Duration::from_millis(args.delay),
        },
        moment: WallClock.now(),
    })
}

/// A test with somebody who looks.
fn attend(plan: &Plan, shots: &Arc<Shots>) -> io::Result<Figures> {
    let screen = Screen::open(plan.duration)?;
    let figures = test(plan, shots, screen.seconds());
    screen.close();
    figures
}

/// Steps until the knee is known; the figures are those of the best step.
fn find(args: &Args, mut plan: Plan) -> anyhow::Result<(Figures, Option<Search>)> {
    let bar = Bar { p99: Duration::from_millis(args.p99_ms), ..Bar::default() };
    let mut search = Search::new(args.rate, bar);
    let shots = Plan { rate: 1e6, ..plan.clone() }.shots();
    let mut best: Option<Figures> = None;
    while let Some(rate) = search.next_rate() {
        plan.rate = rate;
        // Other times, and ids that have not been seen: a step is no replay of the last one.
        plan.seed = args.seed + search.steps.len() as u64;
        let figures = attend(&plan, &shots)?;
        let step = search.tried(rate, &figures);
        writeln!(io::stderr().lock(), "{}", step_line(step))?;
        let better = |best: &Figures| figures.offered_per_s > best.offered_per_s;
        if best.as_ref().is_none_or(|best| step.refused.is_none() && better(best)) {
            best = Some(figures);
        }
        // What is left of an overload is over within this.
        std::thread::sleep(plan.duration.div_f64(2.0).min(Duration::from_secs(2)));
    }
    Ok((best.context("no step was made")?, Some(search)))
}

fn step_line(step: &Step) -> String {
    let Step { offered_per_s, goodput_per_s, p50_us, p99_us, p99_9_us, .. } = step;
    let ended = step.refused.unwrap_or("stood");
    format!(
        "{offered_per_s:>10.0}/s  bids {goodput_per_s:>8.0}/s  p50 {p50_us:>7}  p99 {p99_us:>8}  \
         p99.9 {p99_9_us:>8} µs  {ended}"
    )
}

fn tell(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let Figures { offered_per_s, answered_per_s, bids, no_bids, errors, .. } = figures;
    writeln!(out, "offered   {offered_per_s:>12} a second")?;
    writeln!(out, "answered  {answered_per_s:>12} a second, {bids} bids, {no_bids} no bids")?;
    let in_time = figures.in_time_share * 100.0;
    writeln!(out, "in time   {in_time:>12.2} % of the answers, {} late", figures.late)?;
    writeln!(out, "goodput   {:>12} bids a second within tmax", figures.goodput_per_s)?;
    writeln!(out, "errors    {errors:>12}, {} of them never sent", figures.unsent)?;
    writeln!(out, "wrong     {:>12} of {} checked", figures.wrong_answers, figures.checked)?;
    for (why, count) in &figures.wrong {
        writeln!(out, "          {count:>12} {why}")?;
    }
    let (notices, lost) = (figures.notices, figures.notice_errors);
    writeln!(out, "notices   {notices:>12} taken, {lost} not")?;
    writeln!(out, "latency from when each request was due, in microseconds:")?;
    for (name, us) in [
        ("p50", figures.p50_us),
        ("p90", figures.p90_us),
        ("p99", figures.p99_us),
        ("p99.9", figures.p99_9_us),
        ("most", figures.max_us),
    ] {
        writeln!(out, "  {name:<8}{us:>12}")?;
    }
    if let Some(us) = figures.server_cpu_us_per_request {
        writeln!(out, "the server ran {us} microseconds for each answer, notices included")?;
    }
    let generator = &figures.generator;
    if generator.was_the_limit {
        writeln!(
            out,
            "the generator was late (p99 {} µs, {:.0} % of its core): these figures are its own",
            generator.lag_p99_us,
            generator.cpu_share * 100.0,
        )?;
    }
    Ok(())
}

fn tell_search(search: Option<&Search>, out: &mut dyn Write) -> io::Result<()> {
    let Some(search) = search else { return Ok(()) };
    writeln!(out, "steps:")?;
    for step in &search.steps {
        writeln!(out, "{}", step_line(step))?;
    }
    match search.capacity_per_s() {
        Some(capacity) => writeln!(out, "capacity  {capacity:>12.0} a second"),
        None => writeln!(out, "capacity  not found: no rate was stood"),
    }
}
