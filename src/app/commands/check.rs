//! `interlude check FILE…`: are these files right? Every fault with its place and its mend.
//!
//! Run by a person or a script before files go live; cold. Prints what would load to the standard
//! output and exits 0, or the faults and exits 1.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::app::config::Config;
use crate::base::stdx::fault::Fault;
use crate::base::units::money::Currency;
use crate::base::units::time::{Clock as _, Moment, WallClock};
use crate::knowledge::audience::{self, Audience};
use crate::knowledge::catalog::model::Catalog;
use crate::knowledge::catalog::{inspect, schema};
use crate::knowledge::crowd::{Counted, Gate, Pace, Reading, Sample};
use crate::market::exchange::Rates;
use crate::market::vocabulary::{self, Vocabulary};

const EXAMPLE: &str = "\
The least that a campaign file needs:

  advertiser:
    key: corner-cafe
    domains: [corner-cafe.example]
    currency: EUR
    campaigns:
      - key: always
        lines:
          - key: mornings
            bid_cpm: 4.25
            targeting:
              hour_of_week: \"mon-fri 06:00-10:00\"
              mood: {none_of: [sad], if_unknown: pass}
            creatives:
              - crid: corner-cafe-1
                duration: 15
                renditions:
                  - file: spot.mp3

`interlude check --schema` prints all keys as a JSON Schema, which editors can use.";

/// Check campaign and config files: every fault with line and column.
#[derive(clap::Args, Debug, Default)]
#[command(after_long_help = EXAMPLE)]
pub struct CheckArgs {
    /// Campaign files (*.yaml, *.yml, *.json), folders of them, or a config (*.toml), which is
    /// checked with the campaign files that it names.
    #[arg(required_unless_present_any = ["schema", "config"], value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The config whose rates and limits hold; without one every currency is taken. Alone, it is
    /// checked with the campaign files that it names.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder whose listeners are counted: a line that too few of them meet is a fault.
    #[arg(long, value_name = "DIR", env = "INTERLUDE_DATA")]
    data: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Print the JSON Schema of campaign files and stop.
    #[arg(long)]
    schema: bool,
}

/// All that was found.
struct Report {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    catalog: Option<Catalog>,
    configs: usize,
    /// Whether the rates of a config held.
    rated: bool,
}

pub fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if args.schema {
        serde_json::to_writer_pretty(&mut out, &schema())?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = check(&args)?;
    let mut text = Vec::new();
    if args.json {
        serde_json::to_writer_pretty(&mut text, &as_json(&report))?;
        writeln!(text)?;
    } else {
        tell(&report, &mut text)?;
    }
    match out.write_all(&text).and_then(|()| out.flush()) {
        // Whoever reads through `head` has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(args: &CheckArgs) -> anyhow::Result<Report> {
    let is_config = |file: &&PathBuf| file.extension().is_some_and(|ending| ending == "toml");
    let (mut configs, mut campaigns): (Vec<_>, Vec<_>) = args.files.iter().partition(is_config);
    // Alone, the config is what is to be checked.
    let (alone, beside) = match args.files.is_empty() {
        true => (args.config.as_ref(), None),
        false => (None, args.config.as_ref()),
    };
    configs.extend(alone);
    let (mut faults, mut held) = (Vec::new(), None);
    let mut named = Vec::new();
    for file in configs.iter().copied().chain(beside) {
        match Config::load(file) {
            Ok(config) => {
                if beside != Some(file) {
                    named.extend(config.campaigns.files.clone());
                }
                held = Some(config);
            }
            Err(found) => faults.extend(found.into_vec()),
        }
    }
    named.dedup();
    let (there, missing): (Vec<&PathBuf>, Vec<_>) = named.iter().partition(|file| file.exists());
    campaigns.extend(there);
    let files: Vec<PathBuf> = campaigns.into_iter().cloned().collect();
    let rated = held.is_some();
    let rates = held.as_ref().map_or_else(every_currency, Config::rate_table);
    let config = held.unwrap_or_default();
    let listeners = args.data.as_deref().map(|data| Listeners::read(data, &config)).transpose()?;
    let mut vocabulary = match &listeners {
        Some(listeners) => listeners.vocabulary.clone(),
        None => Vocabulary::with(&config.vocabulary),
    };
    let reading = listeners.as_ref().map(|listeners| listeners.reading(&config));
    let counted = listeners.as_ref().zip(reading.as_ref());
    let counted = counted.map(|(listeners, reading)| listeners.counted(reading));
    let gate = Gate::new(&config.crowd, counted, None);
    let limits = &config.campaigns.limits;
    let mut found = inspect(&files, &mut vocabulary, (&rates, limits), Some(&gate));
    found.warnings.extend(gate.warning().map(|text| {
        let warning = Fault::of_file(Path::new(""), text);
        warning.with_mend("give the data folder of the listeners: --data DIR")
    }));
    let absent = "the config names campaign files that are not there";
    found.warnings.extend(missing.into_iter().map(|file| Fault::of_file(file, absent)));
    let catalog = match found.catalog {
        Ok(catalog) => Some(catalog),
        Err(found) => {
            faults.extend(found.into_vec());
            None
        }
    };
    Ok(Report { faults, warnings: found.warnings, catalog, configs: configs.len(), rated })
}

/// The listeners of a data folder, for whom lines are to be.
struct Listeners {
    audience: Audience,
    vocabulary: Vocabulary,
    sample: Sample,
    moment: Moment,
}

impl Listeners {
    fn read(data: &Path, config: &Config) -> anyhow::Result<Listeners> {
        let words = || Vocabulary::open(&data.join(vocabulary::FILE), &config.vocabulary);
        let audience = audience::read(data, &words)?;
        let (vocabulary, moment) = (words()?, WallClock.now());
        let reading = Reading { vocabulary: &vocabulary, listeners: config.profile, moment };
        let most = config.crowd.sample_max;
        let sample = Sample::build(&audience, &reading, most, &mut Pace::at_once());
        let sample = sample.context("the count has ended early")?;
        Ok(Listeners { audience, vocabulary, sample, moment })
    }

    fn reading(&self, config: &Config) -> Reading<'_> {
        let (vocabulary, moment) = (&self.vocabulary, self.moment);
        Reading { vocabulary, listeners: config.profile, moment }
    }

    fn counted<'c>(&'c self, reading: &'c Reading<'c>) -> Counted<'c> {
        Counted { sample: &self.sample, audience: &self.audience, reading }
    }
}

/// Without a rate table no amount can be compared, but every code can be read.
fn every_currency() -> Rates {
    let letters = || b'A'..=b'Z';
    let codes =
        letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    Rates::new("none", codes.filter_map(|code| Some((Currency::from_bytes(code)?, 1_000_000_000))))
}

fn tell(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut sources = Sources::default();
    for fault in &report.faults {
        sources.show("fault", fault, out)?;
    }
    for warning in &report.warnings {
        sources.show("warning", warning, out)?;
    }
    let warnings = counted(report.warnings.len(), "warning");
    if !report.faults.is_empty() {
        return writeln!(out, "{}, {warnings}", counted(report.faults.len(), "fault"));
    }
    if report.configs > 0 {
        writeln!(out, "{}: no fault", counted(report.configs, "config"))?;
    }
    if let Some(catalog) = &report.catalog {
        let paused = catalog.lines().filter(|(_, line)| line.paused).count();
        writeln!(
            out,
            "{}, {}, {} ({paused} paused), {}, {}, {}",
            counted(catalog.counts.advertisers, "advertiser"),
            counted(catalog.counts.campaigns, "campaign"),
            counted(catalog.counts.lines, "line"),
            counted(catalog.counts.creatives, "creative"),
            counted(catalog.deals().count(), "deal"),
            counted(catalog.media().count(), "hosted file"),
        )?;
        writeln!(out, "version {:016x}, {warnings}", catalog.version)?;
    }
    if !report.rated {
        writeln!(out, "currencies were not checked against rates: give the server's --config")?;
    }
    Ok(())
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The files that faults point into, read once more to show the line.
#[derive(Default)]
struct Sources(HashMap<PathBuf, String>);

impl Sources {
    /// ```text
    /// fault: unknown mood `energtic`
    ///   --> campaigns/a.yaml:12:16, at advertiser.campaigns[0].lines[0].targeting.mood
    ///    12 |           mood: energtic
    ///       |                 ^
    ///   mend: did you mean `energetic`?
    /// ```
    fn show(&mut self, what: &str, fault: &Fault, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{what}: {}", fault.message)?;
        if fault.line > 0 {
            write!(out, "  --> {}:{}:{}", fault.file.display(), fault.line, fault.column)?;
        } else if fault.file != Path::new("") {
            write!(out, "  --> {}", fault.file.display())?;
        }
        match (fault.path.as_str(), fault.file == Path::new("")) {
            ("", true) => {}
            ("", false) => writeln!(out)?,
            (path, _) => writeln!(out, ", at {path}")?,
        }
        if let Some(line) = self.line(fault) {
            let gutter = format!("{:>5}", fault.line);
            let column = fault.column.saturating_sub(1) as usize;
            let indent: String = line.chars().take(column).map(blank).collect();
            writeln!(out, "{gutter} | {line}")?;
            writeln!(out, "      | {indent}^")?;
        }
        if let Some(mend) = &fault.mend {
            writeln!(out, "  mend: {mend}")?;
        }
        writeln!(out)
    }

    fn line(&mut self, fault: &Fault) -> Option<&str> {
        if fault.line == 0 {
            return None;
        }
        let text = self
            .0
            .entry(fault.file.clone())
            .or_insert_with(|| std::fs::read_to_string(&fault.file).unwrap_or_default());
        let line = text.lines().nth(fault.line as usize - 1)?;
        (line.chars().count() <= 160).then_some(line)
    }
}

/// Keeps tabs, so that the caret stands under its letter.
fn blank(letter: char) -> char {
    if letter == '\t' { '\t' } else { ' ' }
}

fn as_json(report: &Report) -> Value {
    let list = |faults: &[Fault]| {
        let each = faults.iter().map(|fault| {
            let mut told = fault.told();
            told["file"] = json!(fault.file);
            told
        });
        each.collect::<Vec<_>>()
    };
    let loads = report.catalog.as_ref().map(|catalog| {
        json!({
            "version": format!("{:016x}", catalog.version),
            "advertisers": catalog.counts.advertisers,
            "campaigns": catalog.counts.campaigns,
            "lines": catalog.counts.lines,
            "creatives": catalog.counts.creatives,
            "deals": catalog.deals().count(),
            "hosted_files": catalog.media().count(),
        })
    });
    json!({
        "ok": report.faults.is_empty(),
        "rated": report.rated,
        "faults": list(&report.faults),
        "warnings": list(&report.warnings),
        "loads": loads,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (String, Value) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, text).unwrap();
        let args = CheckArgs { files: vec![file], ..CheckArgs::default() };
        let report = check(&args).unwrap();
        let mut out = Vec::new();
        tell(&report, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        (out.replace(&*folder.path().to_string_lossy(), ""), as_json(&report))
    }

    const LINE: &str = "\
advertiser:
  key: a
  domains: [a.example]
  currency: EUR
  campaigns:
    - key: c
      lines:
        - key: l
          bid_cpm: 1
          targeting: {mood: MOOD}
          creatives:
            - crid: x
              duration: 15
              renditions: [{url: \"https://a.example/x.mp3\", bitrate: 128}]
";

    #[test]
    fn a_fault_is_shown_under_its_line() {
        let (out, json) = told(&LINE.replace("MOOD", "energtic"));
        let wanted = "\
fault: unknown mood `energtic`
  --> /a.yaml:10:29, at advertiser.campaigns[0].lines[0].targeting.mood
   10 |           targeting: {mood: energtic}
      |                             ^
  mend: did you mean `energetic`?

1 fault, 0 warnings
";
        assert_eq!(out, wanted);
        assert_eq!(json["ok"], false);
        assert_eq!(json["faults"][0]["line"], 10);
        assert_eq!(json["loads"], Value::Null);
    }

    #[test]
    fn what_would_load_is_counted() {
        let (out, json) = told(&LINE.replace("MOOD", "energetic"));
        assert!(
            out.starts_with("1 advertiser, 1 campaign, 1 line (0 paused), 1 creative"),
            "{out}"
        );
        assert!(out.contains("give the server's --config"), "{out}");
        assert_eq!(json["loads"]["lines"], 1);
        assert_eq!(json["ok"], true);
    }

    #[test]
    fn a_config_is_checked_with_its_campaigns() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("i.toml");
        std::fs::write(&config, "[campaigns]\nfiles = [\"a.yaml\"]\n").unwrap();
        std::fs::write(folder.path().join("a.yaml"), LINE.replace("MOOD", "calm")).unwrap();
        let named = CheckArgs { files: vec![config.clone()], ..CheckArgs::default() };
        let alone = CheckArgs { config: Some(config.clone()), ..CheckArgs::default() };
        for args in [&named, &alone] {
            let report = check(args).unwrap();
            // The default rate table knows the dollar alone.
            assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
            assert_eq!(report.faults[0].message, "no rate for EUR");
            assert_eq!(report.configs, 1);
        }
        std::fs::write(&config, "[campaigns]\nflies = []\n").unwrap();
        for args in [&named, &alone] {
            assert!(check(args).unwrap().faults[0].message.contains("flies"));
        }
    }
}
