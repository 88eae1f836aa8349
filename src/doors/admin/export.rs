//! `GET /api/v1/audience`: everybody, as lines that `POST` takes back.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::answers::stream;
use super::api::Api;
use super::query::Query;
use super::refusal::Refusal;
use crate::knowledge::audience::export;

/// Lines that wait for a client that reads slowly.
const WAITING_BYTES: usize = 1 << 20;

pub async fn get(State(api): State<Api>, request: Request) -> Result<Response, Refusal> {
    Query::read(request.uri(), &[])?;
    let place = api.upload_place()?;
    let patience = Duration::from_millis(api.limits().idle_timeout_ms);
    let (mut answers, response) = stream(StatusCode::OK, WAITING_BYTES, patience);
    let (audience, closing) = (api.listeners.audience(), api.closing.clone());
    // After the audience: it knows every word that a profile uses.
    let (words, now) = (api.listeners.words().snapshot(), api.clock.now());
    // On a thread of its own: everybody is a long list.
    tokio::task::spawn_blocking(move || {
        export(&audience, &words, now, &mut |line| {
            let told = answers.add_blocking(|out| out.extend_from_slice(line.as_bytes()));
            told.is_ok() && !*closing.borrow()
        });
        // A client that has left has nothing to lose.
        let _ = answers.flush_blocking();
        drop(place);
    });
    Ok(response)
}
