//! `interlude audience import|link|export|stats|crowd`: listeners into the data folder or a running
//! server, and out again.
//!
//! Run by a person or a script, cold. The report goes to the standard output, faults and the
//! progress bar to the standard error.

mod crowd;

mod import;

mod export;

use std::io::{self, Write};
use std::process::ExitCode;

use super::place::Place;
use crate::app::config::Config;
use crate::base::units::time::{Clock, WallClock};
use crate::knowledge::audience::{self, Audience, Providers, Stats};
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
    /// Write everybody down as JSON Lines that import takes back.
    #[command(after_long_help = export::FORMAT)]
    Export(export::Args),
    /// Count listeners, what they take, and what is known of them.
    Stats(StatsArgs),
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
    let providers = Providers::new(&config.audience.providers);
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
