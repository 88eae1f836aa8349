//! `POST /api/v1/reconcile?exchange=KEY`: an exchange's own delivery report (CSV) beside ours.
//!
//! The body is compared charge by charge with the journal; with `book=true` and an `author`,
//! corrections make both sides equal, once a report. A report with one bad row is refused whole,
//! with every fault. Cold, on a thread of its own.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::query::Query;
use super::refusal::Refusal;
use super::treasury::Bank;
use crate::base::journal;
use crate::offer::ledger::Entry;
use crate::offer::ledger::reconcile::{
    self, Booking, Bounds, Claim, Columns, Compared, Ours, RowFault, report_hash,
};

/// What is asked beside the report.
struct Order {
    exchange: String,
    book: bool,
    author: String,
    columns: Columns,
}

pub async fn post(State(bank): State<Bank>, uri: Uri, body: Bytes) -> Result<Response, Refusal> {
    let query = Query::read(&uri, &["exchange", "book", "author", "columns"])?;
    let order = order(&query)?;
    if body.len() > bank.limits.reconcile_bytes_max {
        let error = format!("more than {} bytes", bank.limits.reconcile_bytes_max);
        let mend = "split the report, or raise admin.money.reconcile_bytes_max";
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error).with_mend(mend));
    }
    let text = String::from_utf8(body.into())
        .map_err(|_| Refusal::bad_request("not UTF-8").with_mend("save the report as UTF-8"))?;
    bank.work(move |bank| {
        let limits = &bank.limits;
        let bounds =
            Bounds { rows: limits.reconcile_rows_max, faults: limits.reconcile_faults_max };
        match reconcile::read(&text, &order.columns, bounds) {
            Ok(claims) => settled(bank, &order, &text, &claims),
            Err(faults) => Ok(refused(&faults)),
        }
    })
    .await
}

fn order(query: &Query) -> Result<Order, Refusal> {
    let missing = |name: &str, mend: &str| {
        Refusal::bad_request(format!("no {name} is named")).with_mend(mend).at(name)
    };
    let exchange = query.get("exchange");
    let exchange = exchange.ok_or_else(|| missing("exchange", "write exchange=KEY"))?.to_owned();
    let book = match query.get("book").unwrap_or("false") {
        "true" => true,
        "false" => false,
        _ => return Err(Refusal::bad_request("book is true or false").at("book")),
    };
    let author = query.get("author").unwrap_or_default().trim().to_owned();
    if book && (author.is_empty() || author.len() > 128) {
        return Err(missing("author", "who books writes author=NAME"));
    }
    let mut columns = Columns::default();
    let pairs = query.get("columns").unwrap_or_default().split(',');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let (which, header) = pair.split_once(':').unwrap_or((pair, ""));
        let renamed = columns.rename(which, header);
        renamed.map_err(|why| {
            Refusal::bad_request(why).with_mend("write columns=amount:Revenue").at("columns")
        })?;
    }
    Ok(Order { exchange, book, author, columns })
}

fn refused(faults: &[RowFault]) -> Response {
    let error = format!("the report has {} faults; nothing was done", faults.len());
    let body = json!({ "error": error, "faults": faults });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

/// Entries between two looks at the clock.
const LOOKS: u64 = 1 << 12;
const TOO_LONG: &str = "it takes too long";

fn settled(bank: &Bank, order: &Order, text: &str, claims: &[Claim]) -> Result<Response, Refusal> {
    let exchange = bank.treasury.exchange(&order.exchange).ok_or_else(|| {
        let error = format!("there is no exchange \"{}\"", order.exchange);
        let mend = "write the key of its [[exchange]]";
        Refusal::new(StatusCode::NOT_FOUND, error).with_mend(mend).at("exchange")
    })?;
    let _alone = bank.alone();
    let mut ours = Ours::sought(exchange, claims);
    let (journal, _) = bank.treasury.folders();
    let mut number = 0_u64;
    let read = journal::read(journal, &mut |record| {
        let entry = Entry::decode(record).map_err(|fault| fault.to_string())?;
        ours.entry(&entry);
        number += 1;
        // Not each time: a look at the clock costs as much as an entry.
        if number.is_multiple_of(LOOKS) {
            bank.in_time().map_err(|_| TOO_LONG.to_owned())
        } else {
            Ok(())
        }
    });
    bank.in_time()?;
    read.map_err(|why| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why.to_string()))?;
    let compared = ours.compare(claims);
    let mut told = reconcile::json(&compared, bank.limits.report_rows_max);
    told["exchange"] = json!(order.exchange);
    told["report"] = json!(format!("{:016x}", report_hash(text)));
    if order.book {
        told["booked"] = book(bank, order, report_hash(text), &compared)?;
    }
    let version = bank.look(|ledger| ledger.version().to_string())?;
    told["version"] = json!(version);
    Ok(Json(told).into_response())
}

fn book(
    bank: &Bank,
    order: &Order,
    report: u64,
    compared: &[Compared],
) -> Result<serde_json::Value, Refusal> {
    let (exchange, author) = (order.exchange.as_str(), order.author.as_str());
    let booking = Booking { exchange, report, author, moment: bank.clock.now() };
    let before = bank.look(|ledger| ledger.has_report(report))?;
    let entries = bank.look(|ledger| reconcile::entries(compared, ledger, &booking))?;
    for entry in &entries {
        bank.treasury.enter(entry)?;
    }
    let corrections = entries.iter().filter(|entry| matches!(entry, Entry::Funds(_))).count();
    tracing::info!(exchange, author, corrections, "an exchange's report was booked");
    Ok(json!({ "before": before, "corrections": corrections }))
}
