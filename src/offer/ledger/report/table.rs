//! How is a report written down? The same columns as JSON and as CSV.
//!
//! Amounts are exact decimals, never floats; cold.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{Reached, Report, Row};
use crate::base::stdx::csv::{write_plain, write_text};
use crate::base::units::money::{Currency, amount, write_cpm};
use crate::base::units::time::Moment;
use crate::offer::ledger::figures::{Figure, Figures};

/// What stands in one column of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    Text(String),
    Count(u64),
    /// A number with decimals; a text in JSON, so that nobody reads it through a float.
    Decimal(String),
    /// Counts by name; those of too few listeners are not told.
    Counts(Vec<(String, Option<u64>)>),
    /// Not known, or of nothing.
    Nothing,
}

/// The header, in order.
pub const COLUMNS: [&str; 34] = [
    "advertiser",
    "campaign",
    "line",
    "line_id",
    "currency",
    "from",
    "until",
    "matched",
    "bids",
    "wins",
    "losses",
    "billings",
    "impressions",
    "starts",
    "first_quartiles",
    "midpoints",
    "third_quartiles",
    "completes",
    "completion_rate",
    "skips",
    "clicks",
    "companion_views",
    "errors",
    "not_used",
    "charged",
    "spend",
    "average_cpm",
    "no_funds",
    "late",
    "disputed",
    "conflicts",
    "reach",
    "frequency",
    "not_bid",
];

/// A row's cells, in the order of [`COLUMNS`].
pub fn columns(row: &Row, zone: &TimeZone) -> Vec<Cell> {
    let mut path = row.path.splitn(3, '/').map(|part| Cell::Text(part.to_owned()));
    let mut cells: Vec<Cell> =
        (0..3).map(|_| path.next().unwrap_or_else(|| Cell::Text(String::new()))).collect();
    let time = |moment: Moment| match moment.unix_us {
        0 | i64::MAX => Cell::Nothing,
        _ => Cell::Text(time_of(moment, zone)),
    };
    let (from, until) = match row.span {
        Some((from, until)) => (time(from), time(until)),
        None => (Cell::Nothing, Cell::Nothing),
    };
    cells.push(Cell::Text(row.line.to_string()));
    cells.push(Cell::Text(row.currency.as_str().to_owned()));
    cells.extend([from, until]);
    cells.extend(figures(&row.figures));
    let (reach, frequency) = match &row.reach {
        Some(reached) => (reached.listeners.map_or(Cell::Nothing, Cell::Count), often(reached)),
        None => (Cell::Nothing, Cell::Nothing),
    };
    cells.extend([reach, frequency]);
    let refusals = row.figures.refusals().iter();
    cells.push(Cell::Counts(refusals.map(|&(why, n)| (why.label().to_owned(), Some(n))).collect()));
    cells
}

/// From `matched` to `conflicts`.
fn figures(figures: &Figures) -> Vec<Cell> {
    use Figure::{
        Bids, Billings, Charged, Clicks, CompanionViews, Completes, Conflicts, Errors,
        FirstQuartiles, Impressions, Late, Losses, Matched, Midpoints, NoFunds, NotUsed, Skips,
        Starts, ThirdQuartiles, Wins,
    };
    let count = |figure: &Figure| Cell::Count(figures.count(*figure));
    let mut cells: Vec<Cell> = [
        Matched,
        Bids,
        Wins,
        Losses,
        Billings,
        Impressions,
        Starts,
        FirstQuartiles,
        Midpoints,
        ThirdQuartiles,
        Completes,
    ]
    .iter()
    .map(count)
    .collect();
    cells.push(rate(figures.count(Completes), figures.count(Impressions)));
    cells.extend([Skips, Clicks, CompanionViews, Errors, NotUsed, Charged].iter().map(count));
    cells.push(Cell::Decimal(amount(figures.spent_nanos)));
    cells.push(average_cpm(figures));
    cells.extend([NoFunds, Late].iter().map(count));
    cells.push(Cell::Decimal(amount(figures.disputed_nanos)));
    cells.push(count(&Conflicts));
    cells
}

/// Rounded down to four decimals.
fn rate(part: u64, whole: u64) -> Cell {
    let Some(share) = (u128::from(part) * 10_000).checked_div(u128::from(whole)) else {
        return Cell::Nothing;
    };
    Cell::Decimal(format!("{}.{:04}", share / 10_000, share % 10_000))
}

/// Nanos per charged impression are CPM micros; halves round up.
fn average_cpm(figures: &Figures) -> Cell {
    let (spent, charged) =
        (i128::from(figures.spent_nanos), i128::from(figures.count(Figure::Charged)));
    let Some(average) = (2 * spent + charged).checked_div(2 * charged) else {
        return Cell::Nothing;
    };
    let mut text = String::new();
    let _ = write_cpm(i64::try_from(average).unwrap_or(i64::MAX), &mut text);
    Cell::Decimal(text)
}

fn often(reached: &Reached) -> Cell {
    let named = reached.frequencies.iter().enumerate().map(|(at, &listeners)| {
        let times = if at == 9 { "10+".to_owned() } else { (at + 1).to_string() };
        (times, listeners)
    });
    Cell::Counts(named.collect())
}

fn time_of(moment: Moment, zone: &TimeZone) -> String {
    let time = jiff::Timestamp::from_microsecond(moment.unix_us).unwrap_or_default();
    let zoned = time.to_zoned(zone.clone());
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The whole report as JSON.
pub fn json(report: &Report, zone: &TimeZone) -> Value {
    let rows: Vec<Value> = report.rows.iter().map(|row| object(row, zone)).collect();
    let total = |(currency, figures): &(Currency, Figures)| {
        let mut map = Map::new();
        map.insert("currency".to_owned(), json!(currency.as_str()));
        for (name, cell) in COLUMNS[7..].iter().zip(self::figures(figures)) {
            map.insert((*name).to_owned(), value(cell));
        }
        Value::Object(map)
    };
    let billed = |(advertiser, currency, figures): &(String, Currency, Figures)| {
        json!({
            "advertiser": advertiser,
            "currency": currency.as_str(),
            "impressions": figures.count(Figure::Impressions),
            "charged": figures.count(Figure::Charged),
            "spend": amount(figures.spent_nanos),
            "disputed": amount(figures.disputed_nanos),
        })
    };
    json!({
        "version": report.version.to_string(),
        "as_of": time_of(report.moment, zone),
        "by": report.by.label(),
        "rows": rows,
        "totals": report.totals.iter().map(total).collect::<Vec<_>>(),
        "billed": report.billed.iter().map(billed).collect::<Vec<_>>(),
    })
}

fn object(row: &Row, zone: &TimeZone) -> Value {
    let named = COLUMNS.iter().zip(columns(row, zone));
    Value::Object(named.map(|(name, cell)| ((*name).to_owned(), value(cell))).collect())
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Text(text) | Cell::Decimal(text) => json!(text),
        Cell::Count(n) => json!(n),
        Cell::Counts(counts) => {
            Value::Object(counts.into_iter().map(|(name, n)| (name, json!(n))).collect())
        }
        Cell::Nothing => Value::Null,
    }
}

/// The rows as CSV, under one header. The version stands in every row's last column.
pub fn csv(report: &Report, zone: &TimeZone) -> String {
    let mut out = String::new();
    COLUMNS.iter().for_each(|name| write_plain(&mut out, name));
    write_plain(&mut out, "version");
    out.push_str("\r\n");
    let version = report.version.to_string();
    for row in &report.rows {
        for cell in columns(row, zone) {
            match cell {
                Cell::Text(text) => write_text(&mut out, &text),
                Cell::Count(n) => write_plain(&mut out, &n.to_string()),
                Cell::Decimal(text) => write_plain(&mut out, &text),
                Cell::Counts(counts) => write_plain(&mut out, &listed(&counts)),
                Cell::Nothing => write_plain(&mut out, ""),
            }
        }
        write_plain(&mut out, &version);
        out.push_str("\r\n");
    }
    out
}

/// `capped 3; paused 1`
fn listed(counts: &[(String, Option<u64>)]) -> String {
    let mut text = String::new();
    for (name, n) in counts.iter().filter_map(|(name, n)| Some((name, (*n)?))) {
        if !text.is_empty() {
            text.push_str("; ");
        }
        let _ = write!(text, "{name} {n}");
    }
    text
}
