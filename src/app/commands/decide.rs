//! `interlude decide`: one request from a file, decided and explained; no server needed.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;

use crate::app::config::Config;
use crate::app::run::Foundation;
use crate::base::units::time::{Clock as _, Moment, WallClock};
use crate::flows::decide::explain::{Explanation, explain};
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::{Circumstance, Received};
use crate::flows::notice::ticket_keys;
use crate::market::openrtb::Wire;
use crate::market::outcome::Malformed;
use crate::offer::delivery::{Book, Sleep};

const AFTER: &str = "\
The campaigns and listeners are those of the configuration and the data folder. Budgets and caps
are taken as untouched: what a running server has spent does not count here. Nothing is booked.

Examples:
  interlude decide request.json --config config/demo.toml
  interlude decide request.json --at 2026-11-23T07:30:00Z --lines 500
  curl -s http://exchange.example/sample | interlude decide - --json | jq .bids";

/// Decide one bid request and say why: each line's first failing clause, floors, prices, VAST.
#[derive(clap::Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// An OpenRTB bid request; `-` reads the standard input.
    #[arg(value_name = "REQUEST")]
    request: PathBuf,
    /// The configuration; without it, all defaults.
    #[arg(long, value_name = "FILE", env = "INTERLUDE_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder; goes before the config's.
    #[arg(long, value_name = "DIR", env = "INTERLUDE_DATA")]
    data: Option<PathBuf>,
    /// The exchange that sends it: a key of the configuration; the first one where absent.
    #[arg(long, value_name = "KEY")]
    exchange: Option<String>,
    /// When it is decided (RFC 3339); now where absent.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The request is protobuf, not JSON.
    #[arg(long)]
    protobuf: bool,
    /// How many lines are shown for each slot; all with --json.
    #[arg(long, value_name = "N", default_value_t = 200)]
    lines: usize,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let body = read(&args.request)?;
    let mut config = match &args.config {
        Some(file) => Config::load(file)?,
        None => Config::default(),
    };
    let data = args.data.clone().unwrap_or_else(|| config.server.data.clone());
    super::demo::furnish(&mut config, &data)?;
    let keys = ticket_keys(&config.notice.tickets, &data)?;
    let world = Foundation::lay(&config, &data, keys)?.build()?.world;
    let exchange = match &args.exchange {
        None => world.exchanges.first().map(|row| row.key.as_str()).unwrap_or_default(),
        Some(key) => key,
    };
    let exchange = world.exchange_named(exchange).with_context(|| {
        let keys: Vec<&str> = world.exchanges.iter().map(|row| row.key.as_str()).collect();
        format!("no exchange `{exchange}`; the configuration has {}", keys.join(", "))
    })?;
    let wire = if args.protobuf { Wire::Protobuf } else { Wire::Json };
    let received = Received::new(exchange, wire, &body);
    let at = Circumstance { moment: moment(args.at.as_deref())?, coin: world.coin };
    let desk = Arc::new(Book::new(&config.delivery)).desk(&world.catalog, None)?;
    let asleep = Sleep::new(0, desk.idle(at.moment).lines, &world.index, at.moment);
    let mut live = desk.live_with(Some(&asleep));
    let explained = explain(&received, &world, &mut live, at, &mut Scratch::new());
    if explained.outcome == Malformed::Unparseable.label() && wire == Wire::Json {
        // The bid path does not say where, as it answers machines; here a person asks.
        serde_json::from_slice::<serde::de::IgnoredAny>(&body)
            .with_context(|| format!("{} is no JSON", args.request.display()))?;
    }
    print(explained, &args).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut body = Vec::new();
        std::io::stdin().lock().take(1 << 20).read_to_end(&mut body)?;
        return Ok(body);
    }
    std::fs::read(path).with_context(|| path.display().to_string())
}

fn moment(at: Option<&str>) -> anyhow::Result<Moment> {
    let Some(text) = at else { return Ok(WallClock.now()) };
    let time: jiff::Timestamp =
        text.parse().with_context(|| format!("--at `{text}`: write it as 2026-11-23T07:30:00Z"))?;
    Ok(Moment::from_unix_us(time.as_microsecond()))
}

fn print(mut explained: Explanation, args: &Args) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &explained)?;
        return writeln!(out);
    }
    let mut hidden = 0;
    for slot in &mut explained.slots {
        // What won or came near is what a reader looks for first.
        slot.lines.sort_by_key(|line| match line.verdict {
            "won" => 0,
            "outbid" => 1,
            _ => 2,
        });
        hidden += slot.lines.len().saturating_sub(args.lines);
        slot.lines.truncate(args.lines);
    }
    write!(out, "{explained}")?;
    if hidden > 0 {
        writeln!(out, "\n{hidden} more lines; see them with --lines or --json")?;
    }
    Ok(())
}
