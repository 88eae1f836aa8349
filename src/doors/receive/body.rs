//! How does a body come in? Whole, within its bounds, or not at all; hot.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
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
    /// It did not come with its head, and too many others are waited for.
    Crowded,
}

/// How many bodies are waited for. Those that came with their heads take no place, so that half
/// bodies, however many, keep no whole request from its answer.
pub struct Waiting {
    now: AtomicUsize,
    most: usize,
}

struct Place<'w>(&'w AtomicUsize);

impl Waiting {
    pub const fn new(most: usize) -> Waiting {
        Waiting { now: AtomicUsize::new(0), most }
    }

    fn enter(&self) -> Option<Place<'_>> {
        let place = Place(&self.now);
        (self.now.fetch_add(1, Relaxed) < self.most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The whole body. One frame, the usual case, is handed on without a copy. `waiting`: what bounds
/// those that are waited for, beside the connections; none for money, which is not turned away.
pub async fn collect(
    body: Incoming,
    bound: usize,
    within: Duration,
    waiting: Option<&Waiting>,
) -> Result<Bytes, BodyFault> {
    if body.size_hint().lower() > bound as u64 {
        return Err(BodyFault::TooLarge);
    }
    let mut gathered = pin!(gather(body, bound));
    let come = std::future::poll_fn(|cx| Poll::Ready(gathered.as_mut().poll(cx))).await;
    if let Poll::Ready(whole) = come {
        return whole;
    }
    let place = waiting.map(Waiting::enter);
    if matches!(place, Some(None)) {
        return Err(BodyFault::Crowded);
    }
    match tokio::time::timeout(within, gathered).await {
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
