//! `GET /debug/slow`: the slowest decisions of the last minutes, and where their time went. Cold.
//!
//! Their numbers alone: which they were is told by the record's coin and the hash of the
//! request's id, and who listened by nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::Shown;
use crate::base::telemetry::Slowest;
use crate::flows::decide::laps::Told;
use crate::market::step::Step;

/// What the page shows; kept by who serves.
pub struct Slow {
    pub decisions: Slowest<Told>,
    pub timed_one_of: u32,
    /// The keys of the config, in their order.
    pub exchanges: Vec<String>,
}

pub async fn get(State(shown): State<Shown>) -> Json<Value> {
    let Shown { slow, clock, .. } = shown;
    let kept = slow.decisions.list(clock.now().unix_us.div_euclid(1_000_000));
    let decisions = kept.iter().map(|(total, told)| one(&slow, total.as_nanos(), told));
    Json(json!({
        "timed_one_of": slow.timed_one_of,
        "decisions": decisions.collect::<Vec<_>>(),
    }))
}

fn one(slow: &Arc<Slow>, total_ns: u128, told: &Told) -> Value {
    let us = |ns: u128| json!(ns as f64 / 1e3);
    let took = Step::ALL.iter().zip(told.took.iter().flatten());
    let steps: Map<String, Value> =
        took.map(|(step, took)| (step.label().to_owned(), us(took.as_nanos()))).collect();
    json!({
        "decision": format!("{:016x}", told.decision),
        "request_hash": format!("{:016x}", told.request),
        "at_unix_us": told.moment.unix_us,
        "exchange": slow.exchanges.get(usize::from(told.exchange.0)),
        "world": format!("{:016x}", told.world),
        "outcome": told.outcome.label(),
        "considered": told.considered,
        "candidates": told.candidates,
        "bids": told.bids,
        "total_us": us(total_ns),
        "steps_us": steps,
    })
}
