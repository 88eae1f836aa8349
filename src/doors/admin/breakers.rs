//! `GET /api/v1/breakers`: which budgets are held back because they ran out too fast;
//! `POST /api/v1/breakers/mend`: the operator has looked, and they are bid on again at once. Cold.
//!
//! They mend by themselves after `delivery.pacing.cool_down_s`; this is for who will not wait.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::treasury::Bank;

pub async fn get(State(bank): State<Bank>) -> Result<Json<Value>, Refusal> {
    let open = bank.work(|bank| Ok(bank.treasury.breakers())).await?;
    let open = open
        .into_iter()
        .map(|(budget, mends_in_s)| json!({ "budget": budget, "mends_in_s": mends_in_s }));
    Ok(Json(json!({ "open": open.collect::<Vec<_>>() })))
}

pub async fn mend(State(bank): State<Bank>) -> Result<Json<Value>, Refusal> {
    let mended = bank.work(|bank| Ok(bank.treasury.mend_breakers())).await?;
    tracing::warn!(mended, "breakers were mended by an operator");
    Ok(Json(json!({ "mended": mended })))
}
