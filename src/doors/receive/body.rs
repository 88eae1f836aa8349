//! How does a body come in? Whole, within its bounds, or not at all; hot.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyFault {
    TooLarge,
    TooSlow,
    /// The connection broke, or the framing did.
    Broken,
}

/// The whole body. One frame, the usual case, is handed on without a copy.
pub async fn collect(body: Incoming, bound: usize, within: Duration) -> Result<Bytes, BodyFault> {
    if body.size_hint().lower() > bound as u64 {
        return Err(BodyFault::TooLarge);
    }
    // Polls the body before it arms a timer: what has come already costs none.
    match tokio::time::timeout(within, gather(body, bound)).await {
        Ok(gathered) => gathered,
        Err(_) => Err(BodyFault::TooSlow),
    }
}

async fn gather(mut body: Incoming, bound: usize) -> Result<Bytes, BodyFault> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyFault::Broken)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > bound {
            return Err(BodyFault::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.reserve((first.len() + data.len()) * 2);
                all.extend_from_slice(&first);
                first = Bytes::new();
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}
