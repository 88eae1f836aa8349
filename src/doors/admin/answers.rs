//! How do answers reach a client that is still sending? Through a bounded channel into the reply.
//!
//! Written by [`upload`](super::upload) and by exports; cold.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Answers go out in pieces of about this size.
const PIECE: usize = 32 << 10;

/// Gathers answers and sends them on.
pub struct Answers {
    pieces: mpsc::Sender<Bytes>,
    gathered: Vec<u8>,
    patience: Duration,
}

/// Nobody reads the answers any more.
#[derive(Debug)]
pub struct Gone;

/// A reply of JSON Lines, and what fills it. At most `waiting_bytes` wait for the client; one that
/// reads none for so long is given up.
pub fn stream(status: StatusCode, waiting_bytes: usize, patience: Duration) -> (Answers, Response) {
    let (pieces, received) = mpsc::channel((waiting_bytes / PIECE).max(1));
    let answers = Answers { pieces, gathered: Vec::new(), patience };
    (answers, reply(status, Body::new(Pieces(received))))
}

/// A reply of JSON Lines.
pub fn reply(status: StatusCode, body: Body) -> Response {
    let head = [(CONTENT_TYPE, "application/x-ndjson"), (CACHE_CONTROL, "no-store")];
    (status, head, body).into_response()
}

impl Answers {
    /// Lets `write` add answers; sends them when they are enough.
    pub async fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Gone> {
        write(&mut self.gathered);
        if self.gathered.len() < PIECE { Ok(()) } else { self.flush().await }
    }

    /// Sends what was gathered.
    pub async fn flush(&mut self) -> Result<(), Gone> {
        if self.gathered.is_empty() {
            return if self.pieces.is_closed() { Err(Gone) } else { Ok(()) };
        }
        let piece = Bytes::from(std::mem::take(&mut self.gathered));
        match timeout(self.patience, self.pieces.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// As [`Answers::add`], for a thread that may wait; gives up without patience.
    pub fn add_blocking(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Gone> {
        write(&mut self.gathered);
        if self.gathered.len() < PIECE { Ok(()) } else { self.flush_blocking() }
    }

    pub fn flush_blocking(&mut self) -> Result<(), Gone> {
        let piece = Bytes::from(std::mem::take(&mut self.gathered));
        self.pieces.blocking_send(piece).map_err(|_| Gone)
    }
}

/// A body that comes through a channel.
pub struct Pieces(pub mpsc::Receiver<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}
