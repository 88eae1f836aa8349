//! `interlude audience import` and `link`: lines into the data folder, or to a running server.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use hyper::Method;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::json;

use crate::app::commands::client::{Server, ServerArgs, Upload};
use crate::app::commands::place::Place;
use crate::base::stdx::fault::Fault;
use crate::knowledge::audience::{Import, Report, Stand, Text};

pub const LISTENERS: &str = "\
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
value         a text; of a closed list, one of its words; what a third party knows is written
              \"provider:segment\", the provider being one of [[audience.providers]]
confidence    above 0, at most 1; 1 where it is left out
expires       RFC 3339 or seconds since 1970; never where it is left out

A line may do something else than replace what was known:
  \"merge\": true                     only what it names is changed
  \"remove\": {\"mood\": [\"calm\"]}    these are taken away, the rest stays
  \"erase\": true                     nothing stays, and no id leads there any more
  \"ids\": {\"demo\": \"their id\"}     ids elsewhere: by exchange key, eids source, email_sha256,
                                    phone_sha256; a text or a list
\"key\" and \"links\" stand in exports for ids that only hashes are known of.

A line with a fault changes nothing and is reported; the others are imported, and the exit
status is 1. With --strict nothing is imported if any line has a fault. What was imported when
the process dies is the file up to some line; import it again.
The data folder must not be in use: with --server the lines are sent to the running server, which
answers for each when it is durable; bids see it within a second.

Examples:
  interlude audience import listeners.jsonl --data data
  interlude audience import listeners.jsonl.gz --server http://127.0.0.1:8081 --data data
  zcat all.gz | interlude audience import - --server http://ads:8081 --token-file admin.token";

pub const LINKS: &str = "\
One JSON object a line, one id a line; a line replaces what the id meant before:

  {\"source\": \"demo\", \"id\": \"their id\", \"listener\": \"our id\"}
  {\"source\": \"demo\", \"id\": \"their id\", \"unlink\": true}

source        an exchange's key, an eids source, email_sha256 or phone_sha256
id            the id there; of the last two the SHA-256 in hex of the address in its normal form
listener      the id under which the listener's own lines came, or \"key\" as exports write it

Examples:
  interlude audience link matches.jsonl --data data
  interlude audience link matches.jsonl --server http://127.0.0.1:8081 --data data";

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The file, or - for the standard input. With --server it may be gzip (*.gz).
    file: PathBuf,
    /// Import nothing if any line has a fault.
    #[arg(long, conflicts_with = "server")]
    strict: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: ServerArgs,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// What the lines say.
#[derive(Clone, Copy)]
pub enum Kind {
    Listeners,
    Links,
}

impl Kind {
    const fn noun(self) -> &'static str {
        match self {
            Kind::Listeners => "listeners",
            Kind::Links => "links",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Kind::Listeners => "/api/v1/audience?answers=faults",
            Kind::Links => "/api/v1/audience/links?answers=faults",
        }
    }
}

pub fn run(args: &Args, kind: Kind) -> anyhow::Result<ExitCode> {
    let (data, config) = args.place.settle()?;
    if let Some(server) = args.server.open(&data)? {
        let report = send(&server, args, kind, config.audience.faults_max)?;
        return tell(&report, kind, args.json);
    }
    let source = Source::open(&args.file, args.strict.then_some(&*data))?;
    let intake = Stand::open(&data, &config.vocabulary, &config.audience)?
        .alone(&config.audience)
        .context("the import's thread")?;
    let import = Import { intake: &intake, config: &config.audience };
    if args.strict {
        let report = source.read(&mut |text| {
            Ok(match kind {
                Kind::Listeners => import.check(text)?,
                Kind::Links => import.check_links(text)?,
            })
        })?;
        if report.refused {
            return tell(&report, kind, args.json);
        }
    }
    let report = source.read(&mut |text| {
        Ok(match kind {
            Kind::Listeners => import.run(text)?,
            Kind::Links => import.links(text)?,
        })
    })?;
    tell(&report, kind, args.json)
}

/// A line of a server's answer: of a line of ours, or the last, which says what came of all.
#[derive(Deserialize)]
struct Answer {
    line: Option<u32>,
    #[serde(default)]
    faults: Vec<Said>,
    #[serde(default)]
    faults_untold: u64,
    done: Option<bool>,
    #[serde(default)]
    accepted: u64,
    #[serde(default)]
    refused: u64,
    error: Option<String>,
    mend: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    path: String,
    message: String,
    mend: Option<String>,
    column: u32,
}

fn send(server: &Server, args: &Args, kind: Kind, faults_max: usize) -> anyhow::Result<Report> {
    let from_stdin = args.file.as_os_str() == "-";
    let (source, bytes): (Box<dyn Read + Send>, Option<u64>) = if from_stdin {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(&args.file).with_context(|| args.file.display().to_string())?;
        let about = file.metadata().ok().filter(|about| about.is_file());
        (Box::new(file), about.map(|about| about.len()))
    };
    let name = if from_stdin { Path::new(STANDARD_INPUT) } else { &args.file };
    let bar = progress_bar(bytes)?;
    let mut report = Report::default();
    let mut ended = None;
    let mut take = |line: &str| {
        let answer: Answer = serde_json::from_str(line)
            .with_context(|| format!("the server's answer cannot be read: {line}"))?;
        if answer.done.is_some() {
            ended = Some(answer);
            return Ok(());
        }
        report.faults_untold += answer.faults_untold;
        for Said { path, message, mend, column } in answer.faults {
            if report.faults.len() < faults_max {
                let (file, line) = (name.to_owned(), answer.line.unwrap_or(0));
                report.faults.push(Fault { file, line, column, path, message, mend });
            } else {
                report.faults_untold += 1;
            }
        }
        Ok(())
    };
    let gzip = args.file.extension().is_some_and(|kind| kind == "gz");
    let upload = Upload { source, gzip, progress: &|read| bar.inc(read) };
    let asked = server.ask(Method::POST, kind.path(), Some(upload), &mut take);
    bar.finish_and_clear();
    asked?;
    let ended = ended.context("the server's answer broke off; send the lines again")?;
    report.listeners = ended.accepted;
    report.bad_lines = ended.refused;
    report.lines = ended.accepted + ended.refused;
    if ended.done == Some(false) {
        let line = ended.line.unwrap_or(0);
        let (error, mend) = (ended.error.unwrap_or_default(), ended.mend.unwrap_or_default());
        tell(&report, kind, args.json)?;
        anyhow::bail!("{}:{line}: {error}; {mend}", name.display());
    }
    Ok(report)
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

fn tell(report: &Report, kind: Kind, as_json: bool) -> anyhow::Result<ExitCode> {
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
                "{} {} imported, {} lines with faults left out, {} new words",
                report.listeners,
                kind.noun(),
                report.bad_lines,
                report.new_values
            )?;
        }
    }
    Ok(if report.bad_lines == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn import_json(report: &Report) -> serde_json::Value {
    let faults: Vec<serde_json::Value> = report.faults.iter().map(Fault::told).collect();
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
