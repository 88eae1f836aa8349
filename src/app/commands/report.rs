//! `interlude report`: what did lines come to? From the data folder, or from a running server.
//!
//! Run by a person or a script, cold. Reads the journal behind the newest snapshot and changes
//! nothing; a server may be writing. Two reports of one ledger version are equal.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use hyper::Method;
use serde_json::Value;

use super::client::{Sent, Server, ServerArgs, escaped};
use super::place::Place;
use crate::app::config::Config;
use crate::base::journal::Folder;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::AdvertiserId;
use crate::base::units::money::parse_amount;
use crate::doors::admin::{add_reach, who_heard};
use crate::knowledge::catalog;
use crate::market::vocabulary::Vocabulary;
use crate::offer::ledger::report::{self, Asked, Report};
use crate::offer::ledger::{Ledger, Snapshots};

const EXAMPLES: &str = "\
Every figure belongs to the hour in which its ad was decided, so that the funnel of an hour is of
the same ads. Amounts are exact decimals of the account's currency; average_cpm is of charged
impressions; disputed is what exchanges may bill and no budget paid. What is older than
ledger.hours is known by the day (UTC).

Examples:
  interlude report --data data
  interlude report --data data --of acme/spring --by day --zone account
  interlude report --data data --from 2026-03-01 --until 2026-04-01 --by hour --csv > march.csv
  interlude report --server http://127.0.0.1:8081 --data data --json";

/// What lines did, heard and spent: by line, day or hour.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct ReportArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: ServerArgs,
    /// advertiser, advertiser/campaign or advertiser/campaign/line; all where left out.
    #[arg(long, value_name = "PATH")]
    of: Option<String>,
    /// The first day or moment: 2026-03-01 or 2026-03-01T08:00:00+01:00.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The first day or moment that is not meant any more.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// What one row is of: hour, day or line.
    #[arg(long, default_value = "line")]
    by: String,
    /// In whose days: a name of the IANA database, or `account` for each account's own.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// To the last event, also where few listeners are meant: for the operator's own books, not
    /// to be handed on.
    #[arg(long)]
    exact: bool,
    /// Print JSON.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV under one header.
    #[arg(long)]
    csv: bool,
}

pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let (data, config) = args.place.settle()?;
    let source = match args.server.open(&data)? {
        Some(server) => Source::Server(server),
        None => {
            let caps = Folder::from(data.join(&config.delivery.caps.dir).as_path());
            Source::Disk(Box::new(ledger(&data, &config)?), Box::new(config), caps)
        }
    };
    let mut out = io::stdout().lock();
    if args.csv {
        out.write_all(source.text(&args.asked(None), ("csv", args.exact))?.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let told = source.told(&args.asked(None), args.exact)?;
    if args.json {
        serde_json::to_writer_pretty(&mut out, &told)?;
        writeln!(out)?;
    } else {
        let hours = source.told(&args.asked(Some("hour")), args.exact)?;
        table(&told, &hours, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl ReportArgs {
    fn asked(&self, by: Option<&str>) -> Asked {
        Asked {
            of: self.of.clone(),
            from: self.from.clone(),
            until: self.until.clone(),
            by: Some(by.unwrap_or(&self.by).to_owned()),
            zone: Some(self.zone.clone()),
        }
    }
}

/// Where figures come from.
enum Source {
    Server(Server),
    /// The folder is that of the caps log, which knows who was reached.
    Disk(Box<Ledger>, Box<Config>, Folder),
}

impl Source {
    fn told(&self, asked: &Asked, exact: bool) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.text(asked, ("json", exact))?)?)
    }

    fn text(&self, asked: &Asked, (format, exact): (&str, bool)) -> anyhow::Result<String> {
        match self {
            Source::Server(server) => {
                let options = options(asked);
                let path = format!("/api/v1/report?format={format}&exact={exact}{options}");
                let answer = server.fetch(Method::GET, &path, Sent::default())?;
                String::from_utf8(answer).context("the server's answer is no UTF-8")
            }
            Source::Disk(ledger, config, caps) => {
                let rows_max = config.admin.money.report_rows_max;
                let (question, zone) = asked.question(|| calendars(config), rows_max)?;
                let mut report = match exact {
                    true => Report::of(ledger, &question)?,
                    false => Report::told(ledger, &question, &who_heard(caps)?)?,
                };
                add_reach(&mut report, caps, &|| true);
                Ok(match format {
                    "csv" => report::csv(&report, &zone),
                    _ => report::json(&report, &zone).to_string(),
                })
            }
        }
    }
}

/// The ledger as the journal has it now.
fn ledger(data: &Path, config: &Config) -> anyhow::Result<Ledger> {
    let journal = Folder::from(data.join(&config.notice.dir).as_path());
    let limits = &config.ledger;
    let snapshots = Snapshots::new(data.join(&limits.dir).as_path(), limits.keep());
    let (start, _) = snapshots.ledger(&journal).context("the money journal cannot be read")?;
    Ok(start.ledger)
}

/// Whose days are whose, by the campaign files as they are now.
fn calendars(config: &Config) -> HashMap<AdvertiserId, Arc<Calendar>> {
    let (files, limits) = (&config.campaigns.files, &config.campaigns.limits);
    let mut words = Vocabulary::new();
    let Ok(catalog) = catalog::load(files, &mut words, &config.rates.to_rates(), limits) else {
        return HashMap::new();
    };
    let accounts = catalog.advertisers();
    accounts.map(|account| (account.id, Arc::clone(&account.calendar))).collect()
}

fn options(asked: &Asked) -> String {
    let Asked { of, from, until, by, zone } = asked;
    let mut text = String::new();
    for (name, value) in report::OPTIONS.iter().zip([of, from, until, by, zone]) {
        if let Some(value) = value {
            text.push_str(&format!("&{name}={}", escaped(value)));
        }
    }
    text
}

/// So many hours stand in a line's small picture.
const HOURS: usize = 24;

fn table(told: &Value, hours: &Value, out: &mut dyn Write) -> io::Result<()> {
    let rows = told["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let spent = spent_by_hour(hours);
    let timed = told["by"] != "line";
    writeln!(
        out,
        "{:<36}{}{:>10}{:>10}{:>7}{:>8}{:>14}{:>9}{:>12}  spend by hour",
        "line",
        if timed { format!("{:>17}", "from") } else { String::new() },
        "bids",
        "heard",
        "whole",
        "clicks",
        "spend",
        "cpm",
        "disputed",
    )?;
    for row in rows {
        let path = path_of(row);
        let word = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
        let from = word("from").chars().take(16).collect::<String>();
        let picture = if timed { bar(row, rows) } else { spark(spent.get(&path)) };
        writeln!(
            out,
            "{:<36}{}{:>10}{:>10}{:>7}{:>8}{:>14}{:>9}{:>12}  {picture}",
            shortened(&path, 35),
            if timed { format!("{from:>17}") } else { String::new() },
            row["bids"],
            row["impressions"],
            percent(&row["completion_rate"]),
            row["clicks"],
            rounded(&word("spend")),
            rounded(&word("average_cpm")),
            rounded(&word("disputed")),
        )?;
    }
    for total in told["totals"].as_array().into_iter().flatten() {
        let word = |name: &str| total[name].as_str().unwrap_or("-").to_owned();
        writeln!(
            out,
            "\nall of {}: {} bids, {} heard, {} spent, {} disputed",
            word("currency"),
            total["bids"],
            total["impressions"],
            word("spend"),
            word("disputed"),
        )?;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    writeln!(out, "ledger {} as of {}", text(&told["version"]), text(&told["as_of"]))
}

/// By line, what it spent in the latest hours of all.
fn spent_by_hour(hours: &Value) -> BTreeMap<String, Vec<i64>> {
    let rows = hours["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut starts: Vec<&str> = rows.iter().filter_map(|row| row["from"].as_str()).collect();
    starts.sort_unstable();
    starts.dedup();
    let starts = &starts[starts.len().saturating_sub(HOURS)..];
    let mut spent: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in rows {
        let at = row["from"].as_str().and_then(|from| starts.binary_search(&from).ok());
        if let Some(at) = at {
            let nanos = row["spend"].as_str().and_then(parse_amount).unwrap_or_default();
            spent.entry(path_of(row)).or_insert_with(|| vec![0; starts.len()])[at] += nanos;
        }
    }
    spent
}

fn path_of(row: &Value) -> String {
    let part = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    format!("{}/{}/{}", part("advertiser"), part("campaign"), part("line"))
}

fn spark(hours: Option<&Vec<i64>>) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let hours = hours.map(Vec::as_slice).unwrap_or_default();
    let most = hours.iter().copied().max().unwrap_or_default().max(1);
    let step = |&nanos: &i64| match nanos {
        0 => ' ',
        _ => STEPS[(i128::from(nanos.max(0)) * 7 / i128::from(most)) as usize],
    };
    hours.iter().map(step).collect()
}

/// A row's spend beside the greatest of all rows.
fn bar(row: &Value, rows: &[Value]) -> String {
    let spend = |row: &Value| row["spend"].as_str().and_then(parse_amount).unwrap_or_default();
    let most = rows.iter().map(spend).max().unwrap_or_default().max(1);
    "█".repeat((i128::from(spend(row).max(0)) * HOURS as i128 / i128::from(most)) as usize)
}

/// Two decimals are enough to look at; JSON and CSV have them all.
fn rounded(text: &str) -> String {
    let Some(nanos) = parse_amount(text) else { return text.to_owned() };
    let cents = (i128::from(nanos) + 5_000_000).div_euclid(10_000_000);
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

fn percent(rate: &Value) -> String {
    let rate = rate.as_str().and_then(parse_amount);
    rate.map_or_else(|| "-".to_owned(), |nanos| format!("{}%", (nanos + 5_000_000) / 10_000_000))
}

fn shortened(text: &str, most: usize) -> String {
    let all = text.chars().count();
    if all <= most {
        return text.to_owned();
    }
    std::iter::once('…').chain(text.chars().skip(all + 1 - most)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_shows_each_line_and_its_hours() {
        let row = |line: &str, from: &str, spend: &str| {
            json!({"advertiser": "acme", "campaign": "spring", "line": line, "from": from,
                   "bids": 9, "impressions": 4, "completion_rate": "0.7500", "clicks": 1,
                   "spend": spend, "average_cpm": "4.25", "disputed": "0"})
        };
        let hours =
            json!({"rows": [row("one", "1", "1"), row("one", "2", "8"), row("two", "2", "1")]});
        let totals = json!([{"currency": "EUR", "bids": 9, "impressions": 4, "spend": "10",
                             "disputed": "0"}]);
        let told = json!({"by": "line", "version": "7-ab", "as_of": "2027", "totals": totals,
                          "rows": [row("one", "", "9.005"), row("two", "", "1")]});
        let mut out = Vec::new();
        table(&told, &hours, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("acme/spring/one") && lines[1].ends_with("▁█"), "{text}");
        assert!(lines[1].contains("75%") && lines[1].contains(" 9.01 "), "{text}");
        assert!(lines[2].ends_with("  █"), "{text}");
        assert!(text.contains("all of EUR: 9 bids, 4 heard, 10 spent"), "{text}");
        assert!(text.ends_with("ledger 7-ab as of 2027\n"), "{text}");
    }

    #[test]
    fn options_are_escaped() {
        let asked =
            Asked { of: Some("a/b&c".into()), zone: Some("UTC".into()), ..Asked::default() };
        assert_eq!(options(&asked), "&of=a/b%26c&zone=UTC");
    }
}
