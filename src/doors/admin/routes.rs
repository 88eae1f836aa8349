//! Which resources does the API have? One file each; their routes meet here.
//!
//! To add one: a file beside this one with its handler, and its route in [`router`]. Everything
//! here stands behind the [`guard`](super::guard); cold.

use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::api::Api;
use super::guard::{Guard, guard};
use super::refusal::Refusal;
use super::treasury::Bank;
use super::{
    Shown, audience, breakers, crowd, export, funds, links, lists, reconcile, report, rights,
};

/// Everything under `/api/v1`.
pub fn router(api: Api, shown: Shown, gate: Guard) -> Router {
    let bank = Bank::new(&shown);
    let report_bytes = DefaultBodyLimit::max(bank.limits.reconcile_bytes_max);
    let order_bytes = DefaultBodyLimit::max(funds::BODY_MAX_BYTES);
    let money = Router::new()
        .route("/report", get(report::get))
        .route("/accounts", get(funds::accounts))
        .route("/funds/{advertiser}", post(funds::post).layer(order_bytes))
        .route("/breakers", get(breakers::get))
        .route("/breakers/mend", post(breakers::mend))
        .route("/reconcile", post(reconcile::post).layer(report_bytes))
        .with_state(bank);
    let rights = rights::routes(rights::Desk::new(&shown));
    let counts = Router::new().route("/audience/crowd", crowd::route()).with_state(shown);
    Router::new()
        .route("/", get(index))
        .route("/audience", post(audience::post).get(export::get))
        .route("/audience/links", post(links::post))
        .route("/audience/lists/{advertiser}/{list}", post(lists::post).delete(lists::delete))
        .with_state(api)
        .merge(counts)
        .merge(rights)
        .merge(money)
        .method_not_allowed_fallback(no_such_method)
        .fallback(no_such_path)
        .layer(from_fn_with_state(gate, guard))
}

async fn index() -> Json<Value> {
    Json(json!({ "interlude": env!("CARGO_PKG_VERSION"), "api": "v1" }))
}

async fn no_such_path(uri: Uri) -> Refusal {
    let error = format!("there is no {}", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, error).with_mend("see the README for what there is")
}

async fn no_such_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method")
}
