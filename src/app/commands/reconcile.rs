//! `interlude reconcile FILE.csv`: does an exchange count as we do?
//!
//! Run by a person or a script, cold. Compares an exchange's own delivery report with the journal
//! of a data folder, or sends it to a running server; with `--book` a server writes corrections.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use hyper::Method;
use serde_json::{Value, json};

use super::books;
use super::client::{Sent, Server, ServerArgs, escaped};
use super::place::Place;
use crate::app::config::Config;
use crate::base::journal::{self, Folder};
use crate::base::units::time::{Clock as _, WallClock};
use crate::market::exchange::ExchangeIx;
use crate::offer::ledger::Entry;
use crate::offer::ledger::reconcile::{
    self, Booking, Bounds, Columns, Compared, Ours, report_hash,
};

const COLUMNS: &str = "\
The report is CSV (commas, semicolons or tabs) with a header. A row names a bid, or a line and an
hour; columns are found by these headers, in any case and order, others are passed over:

ticket        a ticket as it stood in a notice's URL
bid           bid.id of our answer: 16 hex digits
line, hour    advertiser/campaign/line or the line's id; the hour in which the bid was made:
              2026-03-01T08:00:00Z or 2026-03-01 08 (UTC)
impressions   a whole number; 1 where the column is absent
amount        what they bill, a plain decimal; not compared where the column is absent
currency      a code; the account's where the column is absent

Every row gets a verdict: equal, theirs_more, ours_more, or unknown to us; and what we charged in
the hours of the report and is not in it is not_listed. A report with a bad row is refused whole.
--book writes corrections that make both sides equal, once a report: by a running server (--server),
or into a data folder that no server holds.
Exit status: 0 all equal, 1 differences or faults.

Examples:
  interlude reconcile march.csv --exchange demo --data data
  interlude reconcile march.csv --exchange demo --column amount=Revenue --column bid='Bid ID'
  interlude reconcile march.csv --exchange demo --data data --server http://127.0.0.1:8081 \\
    --book --author anna
  interlude reconcile march.csv --exchange demo --data data --book --author anna";

/// Compare an exchange's delivery report with what was charged.
#[derive(clap::Args, Debug)]
#[command(after_long_help = COLUMNS)]
pub struct ReconcileArgs {
    /// The exchange's report.
    file: PathBuf,
    /// The exchange's key in the config.
    #[arg(long, value_name = "KEY")]
    exchange: String,
    /// Another header for a column: amount=Revenue. May be said several times.
    #[arg(long, value_name = "COLUMN=HEADER")]
    column: Vec<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: ServerArgs,
    /// Write corrections that make both sides equal; once a report.
    #[arg(long, requires = "author")]
    book: bool,
    /// Who books.
    #[arg(long)]
    author: Option<String>,
    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &ReconcileArgs) -> anyhow::Result<ExitCode> {
    let (data, config) = args.place.settle()?;
    let limits = &config.admin.money;
    let named = || args.file.display().to_string();
    let size = std::fs::metadata(&args.file).with_context(named)?.len();
    if size > limits.reconcile_bytes_max as u64 {
        bail!("{}: more than {} bytes; split it", named(), limits.reconcile_bytes_max);
    }
    let text = std::fs::read_to_string(&args.file).with_context(named)?;
    let told = match args.server.open(&data)? {
        Some(server) => sent(&server, args, text)?,
        None => beside(args, &config, &data, &text)?,
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &told)?;
        writeln!(out)?;
    } else {
        tell(&told, &mut out)?;
    }
    let equal = told["verdicts"].as_object().is_some_and(|verdicts| {
        verdicts.iter().all(|(verdict, count)| verdict == "equal" || *count == 0)
    });
    Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn sent(server: &Server, args: &ReconcileArgs, text: String) -> anyhow::Result<Value> {
    let columns: Vec<String> = args.column.iter().map(|pair| pair.replacen('=', ":", 1)).collect();
    let mut path = format!(
        "/api/v1/reconcile?exchange={}&columns={}",
        escaped(&args.exchange),
        escaped(&columns.join(","))
    );
    if args.book {
        path.push_str("&book=true&author=");
        path.push_str(&escaped(args.author.as_deref().unwrap_or_default()));
    }
    let answer =
        server.fetch(Method::POST, &path, Sent { body: text.into_bytes(), headers: Vec::new() })?;
    Ok(serde_json::from_slice(&answer)?)
}

fn beside(args: &ReconcileArgs, config: &Config, data: &Path, text: &str) -> anyhow::Result<Value> {
    let mut columns = Columns::default();
    for pair in &args.column {
        let (which, header) = pair.split_once('=').unwrap_or((pair, ""));
        columns.rename(which, header).map_err(anyhow::Error::msg)?;
    }
    let exchange = config.exchanges.iter().position(|row| row.key == args.exchange);
    let exchange = exchange.with_context(|| format!("no exchange `{}`", args.exchange))?;
    let limits = &config.admin.money;
    let bounds = Bounds { rows: limits.reconcile_rows_max, faults: limits.reconcile_faults_max };
    let claims = reconcile::read(text, &columns, bounds).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::Error::msg(faults.join("\n"))
            .context(format!("{}: nothing was done", args.file.display()))
    })?;
    let mut ours = Ours::sought(ExchangeIx(u16::try_from(exchange)?), &claims);
    let folder = Folder::from(data.join(&config.notice.dir).as_path());
    journal::read(folder, &mut |record| {
        let entry = Entry::decode(record).map_err(|fault| fault.to_string())?;
        ours.entry(&entry);
        Ok(())
    })?;
    let compared = ours.compare(&claims);
    let mut told = reconcile::json(&compared, limits.report_rows_max);
    told["exchange"] = json!(args.exchange);
    told["report"] = json!(format!("{:016x}", report_hash(text)));
    if args.book {
        told["booked"] = book(args, config, data, (report_hash(text), &compared))?;
    }
    Ok(told)
}

/// Writes the corrections into a folder that no server holds.
fn book(
    args: &ReconcileArgs,
    config: &Config,
    data: &Path,
    (report, compared): (u64, &[Compared]),
) -> anyhow::Result<Value> {
    let author = args.author.as_deref().unwrap_or_default();
    let booking = Booking { exchange: &args.exchange, report, author, moment: WallClock.now() };
    let (mut before, mut corrections) = (false, 0);
    let written = books::write(config, data, |ledger| {
        before = ledger.has_report(report);
        let entries = reconcile::entries(compared, ledger, &booking);
        corrections = entries.iter().filter(|entry| matches!(entry, Entry::Funds(_))).count();
        entries
    });
    written.context("nothing more is booked; a running server books with --server")?;
    Ok(json!({ "before": before, "corrections": corrections }))
}

/// So many rows are shown; JSON has all of them.
const SHOWN: usize = 40;

fn tell(told: &Value, out: &mut dyn Write) -> io::Result<()> {
    for (verdict, count) in told["verdicts"].as_object().into_iter().flatten() {
        writeln!(out, "{verdict:<12}{count:>10}")?;
    }
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows = told["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    for row in rows.iter().take(SHOWN) {
        let of = match row["bid"].as_str() {
            Some(bid) => format!("bid {bid}"),
            None => format!("line {} {}", word(&row["line"]), word(&row["hour"])),
        };
        writeln!(
            out,
            "row {:<8}{of:<48}{:<12} theirs {:>14}  ours {:>14}",
            row["row"].as_u64().map_or("-".to_owned(), |row| row.to_string()),
            word(&row["verdict"]),
            word(&row["theirs"]["amount"]),
            word(&row["ours"]["amount"]),
        )?;
    }
    for total in told["totals"].as_array().into_iter().flatten() {
        writeln!(
            out,
            "{}: theirs {}, ours {}, difference {}",
            total["currency"].as_str().unwrap_or("unknown to us"),
            word(&total["theirs"]["amount"]),
            word(&total["ours"]["amount"]),
            word(&total["difference"]),
        )?;
    }
    if let Some(booked) = told["booked"].as_object() {
        writeln!(
            out,
            "booked: {} corrections, before: {}",
            booked["corrections"], booked["before"]
        )?;
    }
    Ok(())
}
