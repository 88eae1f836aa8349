//! `/api/v1/listeners/{id}/…`, `/api/v1/decisions/{bid}/why`, `/api/v1/trail`: the listener's
//! rights.
//!
//! Each resource is one call of `flows::rights` on a thread of its own, a few at a time; every
//! one is written down in the trail with the caller's name. Cold.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::Shown;
use super::guard::Caller;
use super::query::Query;
use super::refusal::Refusal;
use crate::base::units::time::{Clock, Moment};
use crate::flows::rights::export::{ActTold, export};
use crate::flows::rights::page::page;
use crate::flows::rights::say::{Saying, Word, said, say};
use crate::flows::rights::why::why;
use crate::flows::rights::{Fault, Stores, erase};

/// A refusal names a few words.
const BODY_MAX_BYTES: usize = 16 << 10;

/// Rights that are served at once; exports read much.
const AT_ONCE: usize = 4;

/// Acts of one answer.
const TRAIL_MAX: usize = 10_000;
const TRAIL_USUAL: usize = 1_000;

/// What the resources share.
#[derive(Clone)]
pub struct Desk {
    stores: Arc<dyn Stores>,
    clock: Arc<dyn Clock>,
    places: Arc<Semaphore>,
}

impl Desk {
    pub fn new(shown: &Shown) -> Desk {
        Desk {
            stores: Arc::clone(&shown.rights),
            clock: Arc::clone(&shown.clock),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Works on a thread of its own; once begun it goes to its end, whoever leaves.
    async fn work<T: Send + 'static>(
        &self,
        caller: Caller,
        with: impl FnOnce(&dyn Stores, (Moment, &str)) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Refusal> {
        let ended = || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the work has ended early");
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| ended())?;
        let (stores, now) = (Arc::clone(&self.stores), self.clock.now());
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            with(&*stores, (now, &caller.0))
        });
        work.await.map_err(|_| ended())?.map_err(Refusal::from)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        let text = fault.to_string();
        match fault {
            Fault::Asked(_) => Refusal::bad_request(text),
            Fault::NotFound(_) => Refusal::new(StatusCode::NOT_FOUND, text),
            Fault::Full(_) => Refusal::new(StatusCode::INSUFFICIENT_STORAGE, text)
                .with_mend("raise audience.suppressed_max and start again"),
            Fault::Store(_) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).retry_after_s(5),
        }
    }
}

pub fn routes(desk: Desk) -> Router {
    let limit = DefaultBodyLimit::max(BODY_MAX_BYTES);
    Router::new()
        .route("/listeners/{listener}", delete(erase_one))
        .route("/listeners/{listener}/export", get(export_one))
        .route("/listeners/{listener}/why/{asked}", get(why_one))
        .route("/listeners/{listener}/opt-outs", get(said_by).put(say_one).layer(limit))
        .route("/decisions/{asked}/why", get(why_any))
        .route("/trail", get(trail))
        .with_state(desk)
}

type Who = Extension<Caller>;

async fn export_one(
    State(desk): State<Desk>,
    Extension(caller): Who,
    Path(listener): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let query = Query::read(&uri, &["format"])?;
    let html = match query.get("format").unwrap_or("json") {
        "html" => true,
        "json" => false,
        _ => return Err(Refusal::bad_request("format is json or html").at("format")),
    };
    let told = desk.work(caller, move |stores, at| export(stores, &listener, at)).await?;
    Ok(if html {
        let kind = (CONTENT_TYPE, "text/html; charset=utf-8");
        ([kind, (CACHE_CONTROL, "no-store")], page(&told)).into_response()
    } else {
        ([(CACHE_CONTROL, "no-store")], Json(told)).into_response()
    })
}

async fn why_one(
    State(desk): State<Desk>,
    Extension(caller): Who,
    Path((listener, asked)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Refusal> {
    answer_why(desk, caller, (Some(listener), asked), &uri).await
}

async fn why_any(
    State(desk): State<Desk>,
    Extension(caller): Who,
    Path(asked): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    answer_why(desk, caller, (None, asked), &uri).await
}

async fn answer_why(
    desk: Desk,
    caller: Caller,
    (listener, asked): (Option<String>, String),
    uri: &Uri,
) -> Result<Response, Refusal> {
    let query = Query::read(uri, &["format"])?;
    let text = match query.get("format").unwrap_or("json") {
        "text" => true,
        "json" => false,
        _ => return Err(Refusal::bad_request("format is json or text").at("format")),
    };
    let told =
        desk.work(caller, move |stores, at| why(stores, &asked, listener.as_deref(), at)).await?;
    if !text {
        return Ok(([(CACHE_CONTROL, "no-store")], Json(told)).into_response());
    }
    let mut words = String::new();
    for one in &told {
        // Writing to a string cannot fail.
        let _ = writeln!(words, "{one}");
    }
    Ok(([(CACHE_CONTROL, "no-store")], words).into_response())
}

async fn erase_one(
    State(desk): State<Desk>,
    Extension(caller): Who,
    Path(listener): Path<String>,
) -> Result<Response, Refusal> {
    let erased = desk.work(caller, move |stores, at| erase::erase(stores, &listener, at)).await?;
    Ok(Json(erased).into_response())
}

async fn said_by(
    State(desk): State<Desk>,
    Extension(caller): Who,
    Path(listener): Path<String>,
) -> Result<Response, Refusal> {
    let told = desk.work(caller, move |stores, _| said(stores, &listener)).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(told)).into_response())
}

/// What is asked of `PUT`: `opted_out` instead of what was refused, or what changes.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Wish {
    opted_out: Option<Vec<String>>,
    opt_out: Vec<String>,
    opt_in: Vec<String>,
    minor: Option<bool>,
}

async fn say_one(
    State(desk): State<Desk>,
    Extension(caller): Who,
    Path(listener): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let wish: Wish = serde_json::from_slice(&body).map_err(|why| {
        Refusal::bad_request(format!("the body cannot be read: {why}"))
            .with_mend("write it like {\"opt_out\": [\"mood\"]}")
    })?;
    let read = |words: &[String]| -> Result<Vec<Word>, Fault> {
        words.iter().map(|word| Word::read(word)).collect()
    };
    let saying = Saying {
        only: wish.opted_out.as_deref().map(read).transpose()?,
        opt_out: read(&wish.opt_out)?,
        opt_in: read(&wish.opt_in)?,
        minor: wish.minor,
    };
    let told = desk.work(caller, move |stores, at| say(stores, &listener, &saying, at)).await?;
    Ok(Json(told).into_response())
}

async fn trail(
    State(desk): State<Desk>,
    Extension(caller): Who,
    uri: Uri,
) -> Result<Response, Refusal> {
    let query = Query::read(&uri, &["limit"])?;
    let limit = query.get("limit").map_or(Ok(TRAIL_USUAL), |text| {
        let limit = text.parse().ok().filter(|limit| (1..=TRAIL_MAX).contains(limit));
        let error = || Refusal::bad_request(format!("limit is 1 to {TRAIL_MAX}")).at("limit");
        limit.ok_or_else(error)
    })?;
    let acts = desk.work(caller, move |stores, _| {
        let mut newest = std::collections::VecDeque::new();
        stores.kept().trail(&mut |act| {
            if newest.len() == limit {
                newest.pop_front();
            }
            newest.push_back((act.mark, ActTold::of(act)));
        })?;
        Ok(newest)
    });
    let acts = acts.await?.into_iter().map(|(mark, told)| {
        json!({ "listener": format!("{:016x}", mark.0), "at": told.at, "deed": told.deed,
                "who": told.who, "refusals": told.refusals })
    });
    Ok(Json(acts.collect::<Vec<_>>()).into_response())
}
