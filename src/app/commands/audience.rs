//! `interlude audience import|stats`: listeners into the data folder, and how many there are.
//!
//! Run by a person or a script, cold. The report goes to the standard output, faults and the
//! progress bar to the standard error.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::app::config::Config;
use crate::base::units::time::{Clock, WallClock};
use crate::knowledge::audience::{self, Import, RedbStore, Report, Stats};
use crate::market::vocabulary::{self, Vocabulary, Words};

const FORMAT: &str = "\
One JSON object a line, one listener a line; a line replaces what was known of the listener:

  {\"id\": \"listener-1\", \"age\": \"25-34\", \"gender\": \"female\", \"language\": \"en\",
   \"home_country\": \"USA\",
   \"segments\": {\"taste_genre\": [{\"value\": \"rock\", \"confidence\": 0.9,
                                 \"expires\": \"2027-01-01T00:00:00Z\"}, \"jazz\"],
                \"mood\": [\"energetic\"], \"interest\": [\"iab:504\"]}}

id            the id that exchanges send (user.buyeruid, an eid, or user.id); 1 to 512 bytes
age, gender, language, home_country
              a text, or an object with value, confidence, expires; language may be a list
segments      by dimension: taste_genre, taste_artist, taste_playlist, mood, activity, habit,
              interest, lifestyle, intent, list, lookalike (and the four above)
value         a text; of a closed list, one of its words
confidence    above 0, at most 1; 1 where it is left out
expires       RFC 3339 or seconds since 1970; never where it is left out

A line with a fault changes nothing and is reported; the others are imported, and the exit
status is 1. With --strict nothing is imported if any line has a fault.
A server takes new listeners in when it next swaps its world (SIGHUP).";

/// Listeners: import and count them.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Import listeners from JSON Lines.
    #[command(after_long_help = FORMAT)]
    Import(ImportArgs),
    /// Count listeners, what they take, and what is known of them.
    Stats(StatsArgs),
}

#[derive(clap::Args, Debug)]
struct ImportArgs {
    /// The file, or - for the standard input.
    file: PathBuf,
    /// Import nothing if any line has a fault.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
struct StatsArgs {
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
struct Place {
    /// The server's config; its data folder and limits hold.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder; goes before the config's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Import(args) => import(&args),
        Action::Stats(args) => stats(&args.place),
    }
}

/// The folder and the limits.
fn settle(place: &Place) -> anyhow::Result<(PathBuf, Config)> {
    let config = match &place.config {
        Some(file) => Config::load(file)?,
        None => Config::default(),
    };
    let data = place.data.clone().unwrap_or_else(|| config.server.data.clone());
    Ok((data, config))
}

fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let (data, config) = settle(&args.place)?;
    let from_stdin = args.file.as_os_str() == "-";
    let (mut source, bytes): (Box<dyn BufRead>, Option<u64>) = if from_stdin {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(&args.file).with_context(|| args.file.display().to_string())?;
        let bytes = file.metadata().ok().filter(|about| about.is_file()).map(|about| about.len());
        (Box::new(BufReader::with_capacity(1 << 20, file)), bytes)
    };
    let mut store = RedbStore::create(&data.join(audience::FILE))?;
    let words = Words::open(&data.join(vocabulary::FILE), &config.vocabulary)?;
    let mut import =
        Import { store: &mut store, words: &words, config: &config.audience, strict: args.strict };
    let name = if from_stdin { Path::new("(standard input)") } else { &args.file };
    let bar = progress_bar(bytes)?;
    let report = import.run(&mut *source, name, &mut |read| bar.inc(read as u64));
    bar.finish_and_clear();
    tell_import(&report?, args.place.json)
}

/// Drawn only where somebody looks.
fn progress_bar(bytes: Option<u64>) -> anyhow::Result<ProgressBar> {
    if !io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let shape = match bytes {
        Some(_) => "{bar:40} {percent:>3} %  {bytes} of {total_bytes}  {eta} left",
        None => "{spinner} {bytes} read",
    };
    Ok(bar.with_style(ProgressStyle::with_template(shape)?))
}

fn tell_import(report: &Report, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if as_json {
        serde_json::to_writer_pretty(&mut out, &import_json(report))?;
        writeln!(out)?;
    } else {
        let mut err = io::stderr().lock();
        for fault in &report.faults {
            writeln!(err, "{fault}")?;
        }
        if report.faults_untold > 0 {
            writeln!(err, "and {} more faults", report.faults_untold)?;
        }
        if report.refused {
            writeln!(
                out,
                "nothing imported: {} of {} lines have faults",
                report.bad_lines, report.lines
            )?;
        } else {
            writeln!(
                out,
                "{} listeners imported, {} lines with faults left out, {} new words",
                report.listeners, report.bad_lines, report.new_values
            )?;
        }
    }
    Ok(if report.bad_lines == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn import_json(report: &Report) -> serde_json::Value {
    let faults: Vec<serde_json::Value> = report
        .faults
        .iter()
        .map(|fault| {
            json!({
                "line": fault.line,
                "column": fault.column,
                "path": fault.path,
                "message": fault.message,
                "mend": fault.mend,
            })
        })
        .collect();
    json!({
        "lines": report.lines,
        "listeners": report.listeners,
        "bad_lines": report.bad_lines,
        "new_values": report.new_values,
        "refused": report.refused,
        "faults": faults,
        "faults_untold": report.faults_untold,
    })
}

fn stats(place: &Place) -> anyhow::Result<ExitCode> {
    let (data, config) = settle(place)?;
    let vocabulary = Vocabulary::open(&data.join(vocabulary::FILE), &config.vocabulary)?;
    let audience = audience::load(&data, &vocabulary)?;
    let stats = Stats::of(&audience, &vocabulary, WallClock.now());
    let mut out = io::stdout().lock();
    if place.json {
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
    writeln!(out, "\n{:<20}{:>14}", "segments end", "segments")?;
    for (name, count) in stats.by_expiry.buckets() {
        writeln!(out, "{name:<20}{count:>14}")?;
    }
    Ok(())
}
