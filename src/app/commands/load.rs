//! `interlude load`: how does a bidder stand this load? Ours or another's, over real sockets.
//!
//! Run by a person or a script beside a bidder; cold. The screen tells the last second while it
//! runs; the end is one table, or with `--json` one object.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use crate::base::units::time::{Clock as _, WallClock};
use crate::rehearsal::loadgen::{
    Figures, Plan, Profile, Returns, Tally, Target, Wrong, run as test,
};

const EXAMPLES: &str = "\
Requests are due at random times of their own (a Poisson process), whatever the bidder does; each
latency counts from when its request was due, so waiting for a free connection counts, too.

Examples:
  interlude load --target http://127.0.0.1:8080/bid/demo --rate 2000 --duration 30
  interlude load --target http://bidder.example/openrtb --rate 500 --duration 60 --win 0 --json
  interlude load --target http://127.0.0.1:8080/bid/demo --rate 5000 --duration 60 --profile spike";

/// Load a bidder with seeded bid requests: latencies from when they were due, answers checked.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Where bid requests are posted: http://HOST:PORT/PATH.
    #[arg(long, value_name = "URL")]
    target: String,
    /// Requests a second.
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: f64,
    /// Seconds.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: u64,
    /// How the rate goes over the time.
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    /// Connections, each kept alive.
    #[arg(long, value_name = "N", default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: u16,
    /// Requests in all, at most.
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
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
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
    let plan = Plan {
        target: Target::parse(&args.target)?,
        rate: args.rate,
        profile: args.profile,
        duration: Duration::from_secs(args.duration),
        limit: args.requests,
        connections: usize::from(args.connections),
        listeners: args.listeners.max(1),
        seed: args.seed,
        check_share: args.check,
        returns: Returns {
            win_share: args.win,
            loss_share: args.lose,
            delay: Duration::from_millis(args.delay),
        },
        moment: WallClock.now(),
    };
    let tally = Arc::new(Tally::default());
    let over = Arc::new(AtomicBool::new(false));
    let screen = watch(&tally, &over)?;
    let figures = test(plan, &tally);
    over.store(true, Relaxed);
    if let Some(screen) = screen {
        // A panic has been reported by its thread.
        let _ = screen.join();
    }
    let figures = figures?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &figures)?;
        writeln!(out)?;
    } else {
        tell(&figures, &tally, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A line that tells the last second, where somebody looks.
fn watch(
    tally: &Arc<Tally>,
    over: &Arc<AtomicBool>,
) -> io::Result<Option<std::thread::JoinHandle<()>>> {
    if !io::stderr().is_terminal() {
        return Ok(None);
    }
    let (tally, over) = (Arc::clone(tally), Arc::clone(over));
    let show = move || {
        let (mut due, mut answered) = (0, 0);
        while !over.load(Relaxed) {
            std::thread::sleep(Duration::from_secs(1));
            let now = (tally.due.load(Relaxed), tally.answered());
            let (errors, wrong) = (tally.errors.load(Relaxed), tally.wrong_answers());
            let (of_due, of_answered) = (now.0 - due, now.1 - answered);
            (due, answered) = now;
            let mut screen = io::stderr().lock();
            // Nobody is left to tell where this fails.
            let _ = write!(
                screen,
                "\r\x1b[K{of_due}/s due, {of_answered}/s answered; {errors} errors, {wrong} wrong"
            );
        }
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    };
    Ok(Some(std::thread::Builder::new().name("screen".to_owned()).spawn(show)?))
}

fn tell(figures: &Figures, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
    let Figures { offered_per_s, answered_per_s, bids, no_bids, errors, .. } = figures;
    writeln!(out, "offered   {offered_per_s:>12} a second")?;
    writeln!(out, "answered  {answered_per_s:>12} a second")?;
    writeln!(out, "          {bids:>12} bids, {no_bids} no bids, {errors} errors")?;
    let checked = tally.checked.load(Relaxed);
    writeln!(out, "wrong     {:>12} of {checked} checked", figures.wrong_answers)?;
    for why in Wrong::ALL {
        let count = tally.wrong[*why as usize].load(Relaxed);
        if count > 0 {
            writeln!(out, "          {count:>12} {}", why.label())?;
        }
    }
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
    match figures.server_cpu_us_per_request {
        Some(us) => writeln!(out, "the server ran {us} microseconds for each answer"),
        None => Ok(()),
    }
}
