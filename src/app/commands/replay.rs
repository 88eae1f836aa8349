//! `interlude replay`: recorded decisions, made again; equal, or exactly where not.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use crate::app::config::Config;
use crate::app::run::Foundation;
use crate::flows::decide::Circumstance;
use crate::flows::decide::replay::{Verdict, replay};
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::world::World;
use crate::flows::notice::ticket_keys;
use crate::offer::delivery::Sleep;
use crate::offer::records::{self, DecisionRecord, Kept, Keyring, Shut, Slept};

const AFTER: &str = "\
Only sampled decisions keep what was read of their request ([records] sample_ppm) and can be made
again; all others are counted. What is kept of a listener is sealed with a key of the data folder
and cannot be read once they are erased. A decision is named as /debug/slow, the log's lines and
traces name it (the first half of a trace's id). Exit 1 when any decision differs, or none was
found that was named.

Examples:
  interlude replay data/decisions --data data --config config/interlude.toml
  interlude replay data/decisions/00000001.ilj --json
  interlude replay data/decisions --decision 9f86d081884c7d65";

/// Make recorded decisions again and compare them, bid by bid.
#[derive(clap::Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// A file of decision records, or a folder of them.
    #[arg(value_name = "FILE")]
    records: PathBuf,
    /// The configuration that was served; without it, all defaults.
    #[arg(long, value_name = "FILE", env = "INTERLUDE_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder; goes before the config's.
    #[arg(long, value_name = "DIR", env = "INTERLUDE_DATA")]
    data: Option<PathBuf>,
    /// Only this decision: 16 hex digits as `/debug/slow` shows them, or a trace's id.
    #[arg(long, value_name = "ID", value_parser = decision_id)]
    decision: Option<u64>,
    /// How many differing decisions are shown.
    #[arg(long, value_name = "N", default_value_t = 20)]
    show: usize,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Default, Serialize)]
struct Report {
    records: u64,
    equal: u64,
    differing: u64,
    /// Without the bytes of their request.
    not_sampled: u64,
    /// Ended by the clock or the load, outside of the decision.
    not_pure: u64,
    /// Sealed with the key of a listener who was erased.
    erased: u64,
    /// Passed over sleeping lines, and which is kept no longer (`records.asleep_bytes`).
    sleep_forgotten: u64,
    differences: Vec<Differing>,
}

#[derive(Serialize)]
struct Differing {
    request: String,
    at_unix_us: i64,
    where_not: Vec<String>,
}

fn decision_id(text: &str) -> Result<u64, &'static str> {
    let digits = text.len() == 16 || text.len() == 32;
    let half = text.get(..16).filter(|half| digits && half.bytes().all(|b| b.is_ascii_hexdigit()));
    let id = half.and_then(|half| u64::from_str_radix(half, 16).ok());
    id.ok_or("an id has 16 hex digits, that of a trace 32")
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = match &args.config {
        Some(file) => Config::load(file)?,
        None => Config::default(),
    };
    let data = args.data.clone().unwrap_or_else(|| config.server.data.clone());
    let keys = ticket_keys(&config.notice.tickets, &data)?;
    let foundation = Foundation::lay(&config, &data, keys)?;
    let slept = Slept::of(&data);
    let mut worlds = Worlds { foundation, of: HashMap::new(), base: None, slept, last: None };
    let mut opening = Opening { keys: Keyring::read(&data)?, room: Vec::new() };
    let (mut report, mut scratch) = (Report::default(), Scratch::new());
    records::read(&args.records, &mut |kept| {
        if args.decision.is_some_and(|id| id != kept.record.coin) {
            return;
        }
        one(&kept, &mut opening, (&mut worlds, &mut scratch), (&mut report, args.show));
    })?;
    print(&report, args.json)?;
    if args.decision.is_some() && report.records == 0 {
        anyhow::bail!("no record of that decision in {}", args.records.display());
    }
    Ok(if report.differing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each world that a record names is built once.
struct Worlds {
    foundation: Foundation,
    of: HashMap<u64, Result<World, String>>,
    /// The whole world that edited ones were last rebuilt from.
    base: Option<World>,
    slept: Slept,
    /// The sleep of the record before: many share one.
    last: Option<Sleep>,
}

impl Worlds {
    /// The world of a record and the sleep of its epoch, if that is kept.
    fn of(&mut self, record: &DecisionRecord) -> Result<(&World, Option<&Sleep>), String> {
        let Worlds { foundation, of, base, slept, last } = self;
        let built = || foundation.served(record.world, base).map_err(|fault| fault.to_string());
        let world = of.entry(record.world).or_insert_with(built);
        let world =
            world.as_ref().map_err(|fault| format!("the world cannot be built: {fault}"))?;
        let epoch = record.answers.asleep;
        if epoch != last.as_ref().map_or(0, |sleep| sleep.epoch) {
            let lines = match epoch {
                0 => None,
                _ => slept.at(epoch, record.world).map_err(|fault| fault.to_string())?,
            };
            *last = lines.map(|lines| Sleep::new(epoch, lines, &world.index, record.moment));
        }
        Ok((world, last.as_ref()))
    }
}

/// What opens sealed samples.
struct Opening {
    keys: Keyring,
    room: Vec<u8>,
}

fn one(
    kept: &Kept<'_>,
    opening: &mut Opening,
    (worlds, scratch): (&mut Worlds, &mut Scratch),
    (report, show): (&mut Report, usize),
) {
    report.records += 1;
    let Some(stored) = kept.sample else {
        report.not_sampled += 1;
        return;
    };
    let opened = match stored.open(&opening.keys, &mut opening.room) {
        Err(Shut::Erased) => return report.erased += 1,
        opened => opened.map_err(|shut| shut.to_string()),
    };
    let decided = opened.and_then(|sample| Ok((sample, worlds.of(kept.record)?)));
    let where_not = match decided {
        Err(fault) => vec![fault],
        Ok((sample, (world, asleep))) => {
            let at = Circumstance { moment: kept.record.moment, coin: world.coin };
            match replay(kept.record, sample, (world, asleep), at, scratch) {
                Verdict::Equal => return report.equal += 1,
                Verdict::NotPure => return report.not_pure += 1,
                Verdict::SleepForgotten => return report.sleep_forgotten += 1,
                Verdict::Differs(differences) => {
                    differences.iter().map(ToString::to_string).collect()
                }
            }
        }
    };
    report.differing += 1;
    if report.differences.len() < show {
        let request = kept.record.request.text().to_owned();
        let at_unix_us = kept.record.moment.unix_us;
        report.differences.push(Differing { request, at_unix_us, where_not });
    }
}

fn print(report: &Report, json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, report)?;
        return writeln!(out);
    }
    for differing in &report.differences {
        writeln!(out, "request {} differs", differing.request)?;
        for where_not in &differing.where_not {
            writeln!(out, "  {where_not}")?;
        }
    }
    if report.sleep_forgotten > 0 {
        let forgotten = report.sleep_forgotten;
        writeln!(out, "{forgotten} name sleeping lines that are kept no longer")?;
    }
    if report.erased > 0 {
        writeln!(out, "{} sealed; the listener was erased", report.erased)?;
    }
    writeln!(
        out,
        "{} records: {} equal, {} differ; {} were not sampled, {} ended outside of the decision",
        report.records, report.equal, report.differing, report.not_sampled, report.not_pure
    )
}
