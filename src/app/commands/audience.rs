//! `interlude audience import|stats|crowd`: listeners into the data folder, and how many there are.
//!
//! Run by a person or a script, cold. The report goes to the standard output, faults and the
//! progress bar to the standard error.

mod crowd;

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::app::config::Config;
use crate::base::units::time::{Clock, WallClock};
use crate::knowledge::audience::{self, Import, Report, Stand, Stats, Text};
use crate::market::vocabulary::{self, Vocabulary};

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
status is 1. With --strict nothing is imported if any line has a fault. What was imported when
the process dies is the file up to some line; import it again.
The data folder must not be in use: listeners of a running server are sent to it.";

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
    /// Count whom a targeting expression reaches.
    Crowd(crowd::CrowdArgs),
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
        Action::Crowd(args) => crowd::run(&args),
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
    let source = Source::open(&args.file, args.strict.then_some(&*data))?;
    let intake = Stand::open(&data, &config.vocabulary, &config.audience)?
        .alone(&config.audience)
        .context("the import's thread")?;
    let import = Import { intake: &intake, config: &config.audience };
    if args.strict {
        let report = source.read(&mut |text| Ok(import.check(text)?))?;
        if report.refused {
            return tell_import(&report, args.place.json);
        }
    }
    tell_import(&source.read(&mut |text| Ok(import.run(text)?))?, args.place.json)
}

/// Where the lines are.
enum Source {
    /// Can be read once.
    StandardInput,
    File(PathBuf, File),
}

impl Source {
    /// To be read twice, a standard input is first kept in a file of the `spool` folder, which
    /// has no name any more and goes with the process.
    fn open(file: &Path, spool: Option<&Path>) -> anyhow::Result<Source> {
        let named = || file.display().to_string();
        if file.as_os_str() != "-" {
            return Ok(Source::File(file.to_owned(), File::open(file).with_context(named)?));
        }
        let Some(folder) = spool else { return Ok(Source::StandardInput) };
        let path = folder.join(format!("import-{}.jsonl", std::process::id()));
        let keep = || -> io::Result<File> {
            std::fs::create_dir_all(folder)?;
            let mut options = File::options();
            let mut spooled = options.read(true).write(true).create_new(true).open(&path)?;
            std::fs::remove_file(&path)?;
            io::copy(&mut io::stdin().lock(), &mut spooled)?;
            Ok(spooled)
        };
        let spooled = keep().with_context(|| path.display().to_string())?;
        Ok(Source::File(PathBuf::from(STANDARD_INPUT), spooled))
    }

    fn read(
        &self,
        read: &mut dyn FnMut(Text<'_>) -> anyhow::Result<Report>,
    ) -> anyhow::Result<Report> {
        let (name, mut source, bytes): (&Path, Box<dyn BufRead>, Option<u64>) = match self {
            Source::StandardInput => {
                (Path::new(STANDARD_INPUT), Box::new(io::stdin().lock()), None)
            }
            Source::File(name, file) => {
                let mut file = file;
                let about = file.metadata().ok().filter(|about| about.is_file());
                if about.is_some() {
                    file.rewind()?;
                }
                let reader = Box::new(BufReader::with_capacity(1 << 20, file));
                (name, reader, about.map(|about| about.len()))
            }
        };
        let bar = progress_bar(bytes)?;
        let progress = &mut |read| bar.inc(read as u64);
        let report = read(Text { file: name, source: &mut *source, progress });
        bar.finish_and_clear();
        report
    }
}

const STANDARD_INPUT: &str = "(standard input)";

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
    let words = || Vocabulary::open(&data.join(vocabulary::FILE), &config.vocabulary);
    let audience = audience::read(&data, &words)?;
    let vocabulary = words()?;
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
