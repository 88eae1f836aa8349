//! `interlude audience …`: listeners into the data folder or a running server, and out again; and
//! what they themselves may ask.
//!
//! Run by a person or a script, cold. The report goes to the standard output, faults and the
//! progress bar to the standard error.

mod crowd;

mod import;

mod export;

mod rights;

use std::io::{self, Write};
use std::process::ExitCode;

use super::place::Place;
use crate::app::config::Config;
use crate::base::units::time::{Clock, WallClock};
use crate::knowledge::audience::{self, Audience, Stats};
use crate::market::vocabulary::{self, Vocabulary};

/// Listeners: import, link, export and count them.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Import listeners from JSON Lines.
    #[command(after_long_help = import::LISTENERS)]
    Import(import::Args),
    /// Say which listener an exchange's or another's id means, from JSON Lines.
    #[command(after_long_help = import::LINKS)]
    Link(import::Args),
    /// Write down everybody as JSON Lines that import takes back, or all that is known of one.
    #[command(after_long_help = export::FORMAT)]
    Export(export::Args),
    /// Count listeners, what they take, and what is known of them.
    Stats(StatsArgs),
    /// Say in plain words why an ad was offered.
    #[command(after_long_help = rights::WHY)]
    Why(rights::WhyArgs),
    /// Forget a listener, in every store.
    #[command(after_long_help = rights::ERASE)]
    Erase(rights::EraseArgs),
    /// Use a kind of signal no more.
    #[command(after_long_help = rights::SAY)]
    OptOut(rights::SayArgs),
    /// Take an opt-out back, or allow a moment of distress.
    #[command(after_long_help = rights::SAY)]
    OptIn(rights::SayArgs),
    /// Show what a listener has refused.
    #[command(after_long_help = rights::SAY)]
    OptOuts(rights::SaidArgs),
    /// Show who did what under these rights, and when.
    #[command(after_long_help = rights::TRAIL)]
    Trail(rights::TrailArgs),
    /// Count whom a targeting expression reaches.
    Crowd(crowd::CrowdArgs),
}

#[derive(clap::Args, Debug)]
struct StatsArgs {
    #[command(flatten)]
    place: Place,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Import(args) => import::run(&args, import::Kind::Listeners),
        Action::Link(args) => import::run(&args, import::Kind::Links),
        Action::Export(args) => export::run(&args),
        Action::Stats(args) => stats(&args),
        Action::Why(args) => rights::why_asked(&args),
        Action::Erase(args) => rights::erase_one(&args),
        Action::OptOut(args) => rights::opt_out(&args),
        Action::OptIn(args) => rights::opt_in(&args),
        Action::OptOuts(args) => rights::opt_outs(&args),
        Action::Trail(args) => rights::trail(&args),
        Action::Crowd(args) => crowd::run(&args),
    }
}

/// Everybody in the data folder, with the words they are known in; a server may be writing.
fn read(place: &Place) -> anyhow::Result<(Audience, Vocabulary, Config)> {
    let (data, config) = place.settle()?;
    let words = || Vocabulary::open(&data.join(vocabulary::FILE), &config.vocabulary);
    let audience = audience::read(&data, &words)?;
    // After the audience: it knows every word that a profile uses.
    let vocabulary = words()?;
    Ok((audience, vocabulary, config))
}

fn stats(args: &StatsArgs) -> anyhow::Result<ExitCode> {
    let (audience, vocabulary, config) = read(&args.place)?;
    let providers = config.audience.providers();
    let stats = Stats::of(&audience, &vocabulary, &providers, WallClock.now());
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &stats)?;
        writeln!(out)?;
    } else {
        tell_stats(&stats, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_stats(stats: &Stats, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "listeners             {:>12}", stats.listeners)?;
    writeln!(out, "bytes in memory       {:>12}", stats.bytes)?;
    writeln!(out, "bytes a listener      {:>12.1}", stats.bytes_per_listener)?;
    writeln!(out, "segments that hold    {:>12}", stats.segments)?;
    writeln!(out, "segments a listener   {:>12.1}", stats.segments_per_listener)?;
    writeln!(out, "\n{:<20}{:>14}{:>14}", "dimension", "listeners", "segments")?;
    for row in &stats.by_dimension {
        writeln!(out, "{:<20}{:>14}{:>14}", row.dimension, row.listeners, row.segments)?;
    }
    if !stats.by_provider.is_empty() {
        let (listeners, segments, cpm) = ("listeners", "segments", "CPM");
        writeln!(out, "\n{:<20}{listeners:>14}{segments:>14}{cpm:>14}", "third party")?;
    }
    for row in &stats.by_provider {
        let cpm = format!("{} {}", row.cpm, row.currency);
        writeln!(
            out,
            "{:<20}{:>14}{:>14}{cpm:>14}  {}",
            row.name, row.listeners, row.segments, row.legal_basis
        )?;
    }
    writeln!(out, "\n{:<20}{:>14}", "segments end", "segments")?;
    for (name, count) in stats.by_expiry.buckets() {
        writeln!(out, "{name:<20}{count:>14}")?;
    }
    Ok(())
}
