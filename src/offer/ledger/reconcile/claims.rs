//! What does an exchange's report claim? CSV → rows, each a bid or a line's hour; all faults at
//! once.
//!
//! Cold. Columns are found by their headers, which options may name otherwise.

use std::collections::HashMap;

use crate::base::stdx::csv::{Row, Rows};
use crate::base::stdx::fault::nearest;
use crate::base::units::ids::LineId;
use crate::base::units::money::{Currency, parse_amount};
use crate::market::ticket::{BidId, named_bid};
use crate::offer::ledger::account::Hour;

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Named {
    Bid(BidId),
    Hour(LineId, Hour),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Its line in the file, from 1.
    pub row: u64,
    pub named: Named,
    pub impressions: u64,
    /// What they bill for it; `None` where they do not say.
    pub nanos: Option<i64>,
    pub currency: Option<Currency>,
}

/// Which headers mean what.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// A ticket, as it stood in a notice's URL.
    pub ticket: String,
    /// `bid.id` of the answer: 16 hex digits.
    pub bid: String,
    /// `advertiser/campaign/line`, or the line's id in 16 hex digits.
    pub line: String,
    /// The hour in which the bid was made: RFC 3339, or `2026-03-01 08` in UTC.
    pub hour: String,
    /// 1 where the column is absent.
    pub impressions: String,
    /// A plain decimal in currency units.
    pub amount: String,
    pub currency: String,
}

impl Default for Columns {
    fn default() -> Columns {
        let name = |text: &str| text.to_owned();
        Columns {
            ticket: name("ticket"),
            bid: name("bid"),
            line: name("line"),
            hour: name("hour"),
            impressions: name("impressions"),
            amount: name("amount"),
            currency: name("currency"),
        }
    }
}

impl Columns {
    /// Sets one as `--column amount=Revenue` says it.
    pub fn rename(&mut self, which: &str, header: &str) -> Result<(), String> {
        let known = ["ticket", "bid", "line", "hour", "impressions", "amount", "currency"];
        let own = match which {
            "ticket" => &mut self.ticket,
            "bid" => &mut self.bid,
            "line" => &mut self.line,
            "hour" => &mut self.hour,
            "impressions" => &mut self.impressions,
            "amount" => &mut self.amount,
            "currency" => &mut self.currency,
            _ => return Err(format!("no column \"{which}\"; known are {}", known.join(", "))),
        };
        header.clone_into(own);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub rows: usize,
    /// Faults that are told one by one.
    pub faults: usize,
}

/// What is wrong, where, and what mends it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct RowFault {
    /// From 1; the header is row 1.
    pub row: u64,
    pub column: String,
    pub error: String,
    pub mend: String,
}

impl std::fmt::Display for RowFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RowFault { row, column, error, mend } = self;
        write!(f, "row {row}, column {column}: {error}; {mend}")
    }
}

/// Every row, or what is wrong with all that are.
pub fn read(text: &str, columns: &Columns, bounds: Bounds) -> Result<Vec<Claim>, Vec<RowFault>> {
    let mut reader = Reader { faults: Vec::new(), most: bounds.faults, first: HashMap::new() };
    let mut rows = Rows::of(text);
    let claims = match rows.next() {
        Some((_, Ok(head))) => reader.rows(&head.cells, columns, &mut rows, bounds.rows),
        Some((line, Err(why))) => reader.broken(line, &why.to_string()),
        None => reader.broken(1, "the report is empty"),
    };
    if reader.faults.is_empty() { Ok(claims) } else { Err(reader.faults) }
}

struct Reader {
    faults: Vec<RowFault>,
    most: usize,
    /// Where each name stood first.
    first: HashMap<Named, u64>,
}

/// Where the columns stand.
struct Places {
    ticket: Option<usize>,
    bid: Option<usize>,
    line: Option<usize>,
    hour: Option<usize>,
    impressions: Option<usize>,
    amount: Option<usize>,
    currency: Option<usize>,
}

type Wrong = (String, &'static str);

impl Reader {
    fn fault(&mut self, row: u64, column: &str, error: String, mend: &str) {
        if self.faults.len() < self.most {
            let (column, mend) = (column.to_owned(), mend.to_owned());
            self.faults.push(RowFault { row, column, error, mend });
        }
    }

    fn broken(&mut self, row: u64, why: &str) -> Vec<Claim> {
        self.fault(row, "-", why.to_owned(), "send CSV with a header as RFC 4180 has it");
        Vec::new()
    }

    fn rows(
        &mut self,
        head: &[String],
        columns: &Columns,
        rows: &mut Rows<'_>,
        most: usize,
    ) -> Vec<Claim> {
        let Some(places) = self.places(head, columns) else { return Vec::new() };
        let mut claims = Vec::new();
        for (line, row) in rows {
            match row {
                Err(why) => return self.broken(line, &why.to_string()),
                Ok(row) if row.cells.len() != head.len() => {
                    let error = format!("{} cells under {} headers", row.cells.len(), head.len());
                    self.fault(line, "-", error, "quote cells that hold the separator");
                }
                Ok(row) => claims.extend(self.claim(&row, columns, &places)),
            }
            if claims.len() > most {
                let error = format!("more than {most} rows");
                let mend = "split the report, or raise admin.money.reconcile_rows_max";
                self.fault(line, "-", error, mend);
                return Vec::new();
            }
        }
        claims
    }

    fn places(&mut self, head: &[String], columns: &Columns) -> Option<Places> {
        let at = |name: &str| head.iter().position(|own| own.trim().eq_ignore_ascii_case(name));
        let places = Places {
            ticket: at(&columns.ticket),
            bid: at(&columns.bid),
            line: at(&columns.line),
            hour: at(&columns.hour),
            impressions: at(&columns.impressions),
            amount: at(&columns.amount),
            currency: at(&columns.currency),
        };
        let named = places.ticket.is_some() || places.bid.is_some();
        let hourly = places.line.is_some() && places.hour.is_some();
        let counted = places.amount.is_some() || places.impressions.is_some();
        let (missing, which) = match (named || hourly, counted) {
            (false, _) => ("no column tells which bid, or which line and hour", &columns.bid),
            (_, false) => ("neither impressions nor amounts are told", &columns.amount),
            _ => return Some(places),
        };
        let near = nearest(which, head.iter().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!(" (perhaps \"{near}\")"));
        let mend = "name the column: --column bid=HEADER, ticket=, line= and hour=, amount=";
        self.fault(1, which, format!("{missing}{near}"), mend);
        None
    }

    fn claim(&mut self, row: &Row, columns: &Columns, places: &Places) -> Option<Claim> {
        let cell = |at: Option<usize>| at.map(|at| row.cells[at].trim()).filter(|t| !t.is_empty());
        let (ticket, bid) = (cell(places.ticket), cell(places.bid));
        let (line, hour) = (cell(places.line), cell(places.hour));
        let named = match (ticket, bid, line, hour) {
            (Some(text), ..) => told(&columns.ticket, ticket_of(text)),
            (_, Some(text), ..) => told(&columns.bid, bid_of(text)),
            (_, _, Some(line), Some(hour)) => match (line_of(line), hour_of(hour)) {
                (Ok(line), Ok(hour)) => Ok(Named::Hour(line, hour)),
                (Err(why), Ok(_)) => told(&columns.line, Err(why)),
                (Ok(_), Err(why)) => told(&columns.hour, Err(why)),
                (Err(line), Err(why)) => {
                    self.fault(row.line, &columns.line, line.0, line.1);
                    told(&columns.hour, Err(why))
                }
            },
            _ => {
                let mend = "fill the bid's cell, or those of line and hour";
                told(&columns.bid, Err(("the row names nothing".to_owned(), mend)))
            }
        };
        let impressions = cell(places.impressions).map_or(Ok(1), impressions_of);
        let nanos = cell(places.amount).map(amount_of).transpose();
        let currency = cell(places.currency).map(currency_of).transpose();
        // All of them, so that two faults of one row are told at once.
        let named = self.good(row.line, named);
        let impressions = self.good(row.line, told(&columns.impressions, impressions));
        let nanos = self.good(row.line, told(&columns.amount, nanos));
        let currency = self.good(row.line, told(&columns.currency, currency));
        let claim = Claim {
            row: row.line,
            named: named?,
            impressions: impressions?,
            nanos: nanos?,
            currency: currency?,
        };
        if let Some(first) = self.first.insert(claim.named, row.line) {
            let error = format!("the same stands in row {first}");
            self.fault(row.line, "-", error, "sum up what belongs together");
            return None;
        }
        Some(claim)
    }

    fn good<T>(&mut self, row: u64, read: Result<T, (String, Wrong)>) -> Option<T> {
        read.map_err(|(column, (error, mend))| self.fault(row, &column, error, mend)).ok()
    }
}

fn told<T>(column: &str, read: Result<T, Wrong>) -> Result<T, (String, Wrong)> {
    read.map_err(|wrong| (column.to_owned(), wrong))
}

fn ticket_of(text: &str) -> Result<Named, Wrong> {
    let mend = "write what stood behind `t=` in the notice's URL";
    named_bid(text).map(Named::Bid).ok_or_else(|| (format!("\"{text}\" is no ticket"), mend))
}

fn hex_of(text: &str) -> Option<u64> {
    let fits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| u64::from_str_radix(text, 16).ok())?
}

fn bid_of(text: &str) -> Result<Named, Wrong> {
    let named = hex_of(text).map(|id| Named::Bid(BidId(id)));
    named.ok_or_else(|| (format!("\"{text}\" is no bid id"), "write `bid.id`: 16 hex digits"))
}

fn line_of(text: &str) -> Result<LineId, Wrong> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [advertiser, campaign, line] => Ok(LineId::of(advertiser, campaign, line)),
        _ => hex_of(text).map(LineId).ok_or_else(|| {
            let mend = "write advertiser/campaign/line, or the line's id";
            (format!("\"{text}\" is no line"), mend)
        }),
    }
}

fn hour_of(text: &str) -> Result<Hour, Wrong> {
    let spelt = match text.len() {
        13 => format!("{}:00:00Z", text.replace(' ', "T")),
        16 => format!("{}:00Z", text.replace(' ', "T")),
        _ => text.to_owned(),
    };
    let mend = "write `2026-03-01T08:00:00Z`, or `2026-03-01 08` in UTC";
    let wrong = |why: &str| (format!("\"{text}\" {why}"), mend);
    let time: jiff::Timestamp = spelt.parse().map_err(|_| wrong("is no hour"))?;
    match u32::try_from(time.as_second()) {
        Ok(second) if second % 3600 == 0 => Ok(Hour(second / 3600)),
        _ => Err(wrong("does not begin an hour")),
    }
}

fn impressions_of(text: &str) -> Result<u64, Wrong> {
    let count = text.parse::<u64>().ok().filter(|&n| n <= 1_000_000_000_000);
    count.ok_or_else(|| (format!("\"{text}\" is no count"), "write a whole number"))
}

fn amount_of(text: &str) -> Result<i64, Wrong> {
    let nanos = parse_amount(text).filter(|&nanos| nanos >= 0);
    let mend = "write a plain decimal such as `12.345`, without sign, unit or thousands";
    nanos.ok_or_else(|| (format!("\"{text}\" is no amount"), mend))
}

fn currency_of(text: &str) -> Result<Currency, Wrong> {
    let known = Currency::parse(text);
    known.ok_or_else(|| (format!("\"{text}\" is no currency"), "write a code such as `EUR`"))
}
