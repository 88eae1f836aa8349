//! `GET /api/v1/report`: what lines did, heard and spent; JSON, or CSV with `format=csv`.
//!
//! The same reading of the ledger as `interlude report`, stamped with its version. Cold, on a
//! thread of its own, one at a time.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::query::Query;
use super::refusal::Refusal;
use super::treasury::Bank;
use crate::base::journal::Folder;
use crate::base::units::time::Moment;
use crate::offer::delivery::caps::{LogFault, heard as heard_of, reach};
use crate::offer::ledger::report::{self, Asked, Heard, Reached, Report};

/// Reach is read from the caps log once for each stretch of time of a report; of a report with
/// more of them it is not told.
pub const REACH_SPANS_MAX: usize = 62;

pub async fn get(State(bank): State<Bank>, uri: Uri) -> Result<Response, Refusal> {
    let known: Vec<&str> = report::OPTIONS.iter().copied().chain(["format", "exact"]).collect();
    let query = Query::read(&uri, &known)?;
    let csv = match query.get("format").unwrap_or("json") {
        "json" => false,
        "csv" => true,
        _ => return Err(Refusal::bad_request("format is json or csv").at("format")),
    };
    let exact = match query.get("exact").unwrap_or("false") {
        "true" => true,
        "false" => false,
        _ => return Err(Refusal::bad_request("exact is true or false").at("exact")),
    };
    let option = |name: &str| query.get(name).map(str::to_owned);
    let asked = Asked {
        of: option("of"),
        from: option("from"),
        until: option("until"),
        by: option("by"),
        zone: option("zone"),
    };
    let text = bank.work(move |bank| told(bank, &asked, (csv, exact))).await?;
    let (kind, as_file) = match csv {
        true => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"report.csv\""),
        false => ("application/json", "inline"),
    };
    let headers =
        [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, as_file), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, text).into_response())
}

fn told(bank: &Bank, asked: &Asked, (csv, exact): (bool, bool)) -> Result<String, Refusal> {
    let (question, zone) =
        asked.question(|| bank.treasury.calendars(), bank.limits.report_rows_max).map_err(
            |fault| Refusal::bad_request(fault.message).with_mend(fault.mend).at(fault.option),
        )?;
    let (_, caps) = bank.treasury.folders();
    if exact {
        tracing::info!(of = asked.of.as_deref().unwrap_or("all"), "an exact report was asked for");
    }
    let heard = if exact { None } else { Some(heard(&caps)?) };
    let report = bank.look(|ledger| match &heard {
        Some(heard) => Report::told(ledger, &question, heard),
        None => Report::of(ledger, &question),
    })?;
    let mut report = report.map_err(|why| {
        let mend = "ask for fewer lines, a shorter time, or by=day";
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()).with_mend(mend)
    })?;
    add_reach(&mut report, &caps, &|| bank.in_time().is_ok());
    bank.in_time()?;
    Ok(match csv {
        true => report::csv(&report, &zone),
        false => report::json(&report, &zone).to_string(),
    })
}

fn heard(caps: &Folder) -> Result<Heard, Refusal> {
    who_heard(caps).map_err(|why| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why.to_string()))
}

/// Who heard what, as far as the caps log knows.
pub fn who_heard(caps: &Folder) -> Result<Heard, LogFault> {
    let mut all = Heard::default();
    heard_of(caps.clone(), &mut |line, made, mark| all.add(line, made, mark))?;
    Ok(all)
}

/// Tells how many listeners each row reached, where the caps log knows.
/// `goes_on`: whether there is time for more.
pub fn add_reach(report: &mut Report, caps: &Folder, goes_on: &dyn Fn() -> bool) {
    let ever = (Moment::from_unix_us(0), Moment::from_unix_us(i64::MAX));
    let spans: BTreeSet<_> = report.rows.iter().map(|row| row.span.unwrap_or(ever)).collect();
    if spans.len() > REACH_SPANS_MAX {
        return;
    }
    for (from, until) in spans {
        if !goes_on() {
            return;
        }
        let reached = match reach(caps.clone(), from..until, None) {
            Ok(reached) => reached,
            Err(why) => {
                tracing::warn!(%why, "the reach of a report is not told");
                return;
            }
        };
        for row in report.rows.iter_mut().filter(|row| row.span.unwrap_or(ever) == (from, until)) {
            let of_line = reached.get(&row.line);
            row.reach = of_line.map(|one| Reached::coarse(one.listeners, one.frequencies));
        }
    }
}
