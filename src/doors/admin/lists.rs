//! `POST|DELETE /api/v1/audience/lists/{advertiser}/{list}`: an advertiser's own customers.
//!
//! The body is one SHA-256 a line, of the address in its normal form (README); those whom a link
//! leads to get the `list` segment `advertiser/list`. What is answered are counts, never who: from
//! `crowd.minimum` on, in steps of it, so that no upload tells whether we know one person. Cold.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::api::Api;
use super::house::Durable;
use super::lines::{Batch, Lines};
use super::query::Query;
use super::refusal::Refusal;
use super::upload::submit;
use super::verdict::text_of;
use crate::base::units::ids::ListenerKey;
use crate::base::units::time::Moment;
use crate::knowledge::audience::{
    Audience, Change, HASHED, Purpose, Segment, link_said, moment_said,
};
use crate::market::vocabulary::{Dimension, InternFault, ValueId};

/// Faults that are told one by one; all are counted.
const FAULTS_TOLD: usize = 100;

/// Changes that are submitted together by a scan.
const SCAN_BATCH: usize = 1000;

/// What an upload does to those whom it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Add,
    Remove,
    /// Adds, and removes everybody else.
    Replace,
}

/// What an upload is about.
struct Order {
    name: String,
    value: Option<ValueId>,
    act: Act,
    source: &'static str,
    expires: Moment,
}

pub async fn post(
    State(api): State<Api>,
    Path((advertiser, list)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let query = Query::read(request.uri(), &["of", "op", "expires"])?;
    let name = name_of(&advertiser, &list)?;
    let order = order(&api, name, &query)?;
    let _places = (api.upload_place()?, api.list_place(&order.name)?);
    let (head, body) = request.into_parts();
    let mut lines = Lines::new(&head.headers, body, api.limits(), api.closing.clone())?;
    let mut tally = Tally::default();
    let ended = read(&api, &mut lines, &order, &mut tally).await;
    if let Err(refusal) = ended {
        // What was kept before stays; nobody is removed by a list that is not whole.
        return Err(refusal.at_line(lines.number() + 1));
    }
    if tally.lines == 0 {
        let mend = "send one SHA-256 a line; DELETE ends a list";
        return Err(Refusal::bad_request("the body has no line").with_mend(mend));
    }
    let mut removed = None;
    if order.act == Act::Replace && tally.faulty == 0 {
        let stay = std::mem::take(&mut tally.named);
        removed = Some(remove_others(&api, order.value, stay).await?);
    }
    let nothing = tally.faulty == tally.lines;
    let status = if nothing { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let step = api.crowd_minimum;
    let mut answer = json!({
        "done": true,
        "list": order.name,
        "lines": tally.lines,
        "faulty": tally.faulty,
        "matched": coarse(tally.matched, step),
        "faults": tally.faults,
    });
    if order.act == Act::Replace {
        answer["removed"] = json!(removed.map(|removed| coarse(removed, step)));
        if tally.faulty > 0 {
            answer["mend"] = json!("nobody was removed: mend the faults and send the list again");
        }
    }
    Ok((status, Json(answer)).into_response())
}

pub async fn delete(
    State(api): State<Api>,
    Path((advertiser, list)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    Query::read(request.uri(), &[])?;
    let name = name_of(&advertiser, &list)?;
    let _places = (api.upload_place()?, api.list_place(&name)?);
    let value = api.listeners.words().snapshot().find(Dimension::List, &name);
    let removed = remove_others(&api, value, HashSet::new()).await?;
    let removed = coarse(removed, api.crowd_minimum);
    Ok(Json(json!({ "done": true, "list": name, "removed": removed })).into_response())
}

fn name_of(advertiser: &str, list: &str) -> Result<String, Refusal> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    for (path, part) in [("advertiser", advertiser), ("list", list)] {
        if !(1..=48).contains(&part.len()) || !part.bytes().all(allowed) {
            let error = format!("\"{part}\" is not 1 to 48 letters, digits, points, - and _");
            return Err(Refusal::bad_request(error).at(path));
        }
    }
    Ok(format!("{advertiser}/{list}"))
}

fn order(api: &Api, name: String, query: &Query) -> Result<Order, Refusal> {
    let of = query.get("of").unwrap_or(HASHED[0]);
    let source = HASHED
        .into_iter()
        .find(|known| *known == of)
        .ok_or_else(|| Refusal::bad_request(format!("of is {}", HASHED.join(" or "))).at("of"))?;
    let act = match query.get("op").unwrap_or("add") {
        "add" => Act::Add,
        "remove" => Act::Remove,
        "replace" => Act::Replace,
        _ => return Err(Refusal::bad_request("op is add, remove or replace").at("op")),
    };
    let expires = query.get("expires").map(|text| {
        let ahead = moment_said(text).filter(|at| *at > api.clock.now());
        ahead.ok_or_else(|| {
            let mend = "write it like 2027-01-01T00:00:00Z";
            let error = format!("\"{text}\" is no moment ahead of us");
            Refusal::bad_request(error).with_mend(mend).at("expires")
        })
    });
    let latest = api.providers.retention().latest(Dimension::List, api.clock.now());
    let expires = expires.transpose()?.unwrap_or(Segment::NEVER).min(latest);
    let words = api.listeners.words();
    let value = match act {
        Act::Remove => words.snapshot().find(Dimension::List, &name),
        Act::Add | Act::Replace => {
            let value = words.grow(|words| words.intern(Dimension::List, &name));
            Some(value.map_err(|why| {
                if let InternFault::Barred(rule) = why {
                    let error = format!("nobody is known by the list \"{name}\": {rule}");
                    let refusal = Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error);
                    return refusal.with_mend(rule.mend()).at("list");
                }
                Refusal::new(StatusCode::INSUFFICIENT_STORAGE, why.to_string())
                    .with_mend("raise vocabulary.values_max")
            })?)
        }
    };
    Ok(Order { name, value, act, source, expires })
}

#[derive(Default)]
struct Tally {
    lines: u64,
    faulty: u64,
    matched: u64,
    faults: Vec<serde_json::Value>,
    /// Whom a replaced list names.
    named: HashSet<ListenerKey>,
}

async fn read(
    api: &Api,
    lines: &mut Lines,
    order: &Order,
    tally: &mut Tally,
) -> Result<(), Refusal> {
    let patience = Duration::from_millis(api.limits().idle_timeout_ms);
    let mut before: Option<Durable> = None;
    loop {
        let batch = lines.next().await?;
        let changes = judge(&batch, order, &api.listeners.audience(), tally);
        let durable = submit(&*api.listeners, changes, patience).await?;
        // One batch is made durable while the next is read.
        if let Some(before) = before.replace(durable) {
            kept(before).await?;
        }
        if batch.last {
            break;
        }
    }
    match before {
        Some(last) => kept(last).await,
        None => Ok(()),
    }
}

async fn kept(durable: Durable) -> Result<(), Refusal> {
    let failed = |why| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why);
    durable.await.map_err(|why| failed(why).with_mend("send the list again"))
}

fn judge(batch: &Batch, order: &Order, audience: &Audience, tally: &mut Tally) -> Vec<Change> {
    let mut changes = Vec::new();
    for (number, bytes) in batch.iter() {
        tally.lines += 1;
        let text = text_of(number, bytes, DIGEST_LINE_MAX).map_err(|fault| fault.message);
        let link = text.and_then(|text| link_said(order.source, text).map_err(str::to_owned));
        let link = match link {
            Ok(link) => link,
            Err(message) => {
                tally.faulty += 1;
                if tally.faults.len() < FAULTS_TOLD {
                    tally.faults.push(json!({ "line": number, "message": message }));
                }
                continue;
            }
        };
        let Some((key, value)) = audience.listener(link).zip(order.value) else { continue };
        tally.matched += 1;
        match order.act {
            Act::Remove => changes.push(Change::Remove { key, values: vec![value] }),
            Act::Add | Act::Replace => {
                let segment = Segment { value, confidence_pct: 100, expires: order.expires };
                changes.push(Change::Add { key, segments: vec![segment] });
            }
        }
        if order.act == Act::Replace {
            tally.named.insert(key);
        }
    }
    changes
}

/// Lines of a list are short; what is named in the fault of a longer one.
const DIGEST_LINE_MAX: usize = 64;

/// Ends the segment of everybody who has it and is not to `stay`; how many.
async fn remove_others(
    api: &Api,
    value: Option<ValueId>,
    stay: HashSet<ListenerKey>,
) -> Result<u64, Refusal> {
    let Some(value) = value else { return Ok(0) };
    let audience: Arc<Audience> = api.listeners.audience();
    let scan = tokio::task::spawn_blocking(move || {
        let has = |key: &ListenerKey| {
            let segments =
                audience.profile_for(Purpose::Upkeep, *key).into_iter().flat_map(|p| p.segments());
            segments.into_iter().any(|segment| segment.value == value)
        };
        let keys = audience.iter().map(|(key, _)| key);
        keys.filter(|key| !stay.contains(key) && has(key)).collect::<Vec<_>>()
    });
    let ended = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the scan has ended early");
    let others = scan.await.map_err(ended)?;
    let patience = Duration::from_millis(api.limits().idle_timeout_ms);
    for some in others.chunks(SCAN_BATCH) {
        let remove = |&key: &ListenerKey| Change::Remove { key, values: vec![value] };
        let changes = some.iter().map(remove).collect();
        kept(submit(&*api.listeners, changes, patience).await?).await?;
    }
    Ok(others.len() as u64)
}

/// In whole steps; `None` below the first.
fn coarse(count: u64, step: u64) -> Option<u64> {
    let step = step.max(1);
    (count >= step).then(|| count / step * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_do_not_tell_of_one() {
        let told: Vec<_> = [0, 1, 299, 300, 301, 599, 600, 601].map(|n| coarse(n, 300)).to_vec();
        let (none, one, two) = (None, Some(300), Some(600));
        assert_eq!(told, [none, none, none, one, one, one, two, two]);
        assert_eq!(coarse(7, 0), Some(7));
    }

    #[test]
    fn names_are_plain() {
        assert_eq!(name_of("acme", "vip-2026").unwrap(), "acme/vip-2026");
        for (advertiser, list) in [("", "a"), ("a", "b/c"), ("a b", "c"), ("a", "ü")] {
            assert!(name_of(advertiser, list).is_err(), "{advertiser} {list}");
        }
    }
}
