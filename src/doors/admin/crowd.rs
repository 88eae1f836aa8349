//! `POST /api/v1/audience/crowd`: how many listeners would this targeting reach?
//!
//! `{"targeting": EXPRESSION}` as in campaign files → the count and that of each clause
//! ([`Answer`]), or every fault with its path and mend (422). Cold; counted on a thread of its
//! own, one question at a time, so that many of them take one core at most.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use serde_json::json;
use tokio::sync::Semaphore;

use super::Shown;
use super::refusal::Refusal;
use crate::base::stdx::fault::{Fault, Faults};
use crate::knowledge::catalog::{Limits, draft};
use crate::knowledge::crowd::{Answer, Crowds, Standing};

/// A clause of a thousand values takes some 20 KB.
const BODY_MAX_BYTES: usize = 256 << 10;

/// What crowds are counted with.
pub struct Counting {
    crowds: Arc<Crowds>,
    limits: Limits,
    turn: Arc<Semaphore>,
    /// The hour, and what was answered in it.
    asked: Mutex<(u64, u32)>,
}

impl Counting {
    pub fn new(crowds: Arc<Crowds>, limits: Limits) -> Counting {
        Counting { crowds, limits, turn: Arc::new(Semaphore::new(1)), asked: Mutex::default() }
    }

    /// One more question; `false`: the hour has had as many as it may. Who could ask without end
    /// could subtract what each answer alone does not tell.
    fn may_ask(&self, hour: u64) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.0 != hour {
            *asked = (hour, 0);
        }
        asked.1 = asked.1.saturating_add(1);
        asked.1 <= self.crowds.config().questions_per_hour
    }

    fn answer(&self, standing: &Standing, text: &str) -> Result<Answer, Faults> {
        let draft = draft(Path::new("body.json"), text, &standing.vocabulary, &self.limits)?;
        let crowd = standing.sample.count(&draft.expr);
        Ok(Answer::of(&crowd, &draft, self.crowds.config().minimum))
    }
}

pub fn route() -> MethodRouter<Shown> {
    post(count).layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
}

async fn count(State(shown): State<Shown>, body: Bytes) -> Result<Response, Refusal> {
    let counting = Arc::clone(&shown.counting);
    let hour = shown.clock.now().unix_s().unsigned_abs() / 3600;
    if !counting.may_ask(hour) {
        let error = "more counts than may be asked for in an hour";
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, error).retry_after_s(3600);
        return Err(refusal.with_mend("raise crowd.questions_per_hour"));
    }
    let text = String::from_utf8(body.into()).map_err(|_| Refusal::bad_request("not UTF-8"))?;
    let standing = counting.crowds.standing().ok_or_else(|| {
        let error = "the listeners have not been counted yet";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error).retry_after_s(5)
    })?;
    let ended = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the count has ended early");
    let turn = Arc::clone(&counting.turn).acquire_owned().await;
    let answer = tokio::task::spawn_blocking(move || {
        // Held to the end, also when whoever asked has left.
        let _turn = turn;
        counting.answer(&standing, &text)
    });
    match answer.await.map_err(ended)? {
        Ok(answer) => Ok(Json(answer).into_response()),
        Err(faults) => Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(told(&faults))).into_response()),
    }
}

fn told(faults: &Faults) -> serde_json::Value {
    let all: Vec<_> = faults.iter().map(Fault::told).collect();
    let places = if all.len() == 1 { "fault" } else { "faults" };
    json!({ "error": format!("the targeting has {} {places}", all.len()), "faults": all })
}
