//! How does a body become lines? Piece by piece, inflated, bounded, a batch at a time.
//!
//! Read by [`upload`](super::upload); cold, but a million lines come through. A batch is full, or
//! it is what has come when nothing more comes for a moment: so a slow stream is answered soon
//! and a fast one in large steps.

use std::io::Write as _;
use std::ops::Range;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::limits::Upload;
use super::refusal::Refusal;

/// How long a batch that has lines waits for more.
const LINGER: Duration = Duration::from_millis(10);

/// Wire bytes that are inflated in one step: what a bomb may blow up at once.
const INFLATE_STEP: usize = 4 << 10;

/// The lines of one body.
pub struct Lines {
    body: Body,
    limits: Upload,
    deadline: Instant,
    closing: watch::Receiver<bool>,
    inflate: Option<MultiGzDecoder<Vec<u8>>>,
    /// What has come and is not inflated yet.
    packed: Bytes,
    /// What has come; up to `taken` it is in batches.
    text: Vec<u8>,
    taken: usize,
    /// The line that is coming is too long; what has come of it is thrown away.
    in_long: bool,
    wire_bytes: u64,
    inflated_bytes: u64,
    number: u64,
    ended: bool,
}

/// Some lines that follow each other; blank ones are left out.
#[derive(Default)]
pub struct Batch {
    text: Vec<u8>,
    lines: Vec<(u64, Option<Range<usize>>)>,
    /// No line follows.
    pub last: bool,
}

/// A line's bytes; `None` where it is too long.
pub type Line<'b> = (u64, Option<&'b [u8]>);

impl Batch {
    pub fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines.iter().map(|(number, at)| (*number, at.clone().map(|at| &self.text[at])))
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Lines {
    /// Refuses at once what can be seen from the head.
    pub fn new(
        headers: &HeaderMap,
        body: Body,
        limits: &Upload,
        closing: watch::Receiver<bool>,
    ) -> Result<Lines, Refusal> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("multipart/")) {
            let error = "the body is a form, not lines";
            let mend = "send application/x-ndjson, with curl as --data-binary @FILE";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error).with_mend(mend));
        }
        let inflate = match text(CONTENT_ENCODING).map(str::to_ascii_lowercase).as_deref() {
            None | Some("identity" | "") => None,
            Some("gzip" | "x-gzip") => Some(MultiGzDecoder::new(Vec::new())),
            Some(other) => {
                let error = format!("the encoding {other} is not read");
                let refusal = Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error);
                return Err(refusal.with_mend("send gzip, or no encoding"));
            }
        };
        let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > limits.body_max_bytes) {
            return Err(too_large("the body", limits.body_max_bytes, "body_max_bytes"));
        }
        Ok(Lines {
            body,
            limits: limits.clone(),
            deadline: Instant::now() + Duration::from_secs(limits.time_max_s),
            closing,
            inflate,
            packed: Bytes::new(),
            text: Vec::new(),
            taken: 0,
            in_long: false,
            wire_bytes: 0,
            inflated_bytes: 0,
            number: 0,
            ended: false,
        })
    }

    /// The number of the line that was read last.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next lines; the last batch may be empty.
    pub async fn next(&mut self) -> Result<Batch, Refusal> {
        let mut batch = Batch::default();
        loop {
            self.take(&mut batch)?;
            let all_taken = self.taken == self.text.len() && !self.in_long;
            batch.last = self.ended && self.packed.is_empty() && all_taken;
            if batch.last || batch.lines.len() >= self.limits.batch_lines {
                return Ok(batch);
            }
            if !self.packed.is_empty() {
                let step = self.packed.len().min(INFLATE_STEP);
                let step = self.packed.split_to(step);
                self.inflate(&step)?;
                continue;
            }
            let linger = (!batch.is_empty()).then_some(LINGER);
            match self.piece(linger).await? {
                Piece::Bytes(bytes) => self.add(bytes)?,
                Piece::End => self.end()?,
                Piece::NotYet => return Ok(batch),
            }
        }
    }

    async fn piece(&mut self, linger: Option<Duration>) -> Result<Piece, Refusal> {
        let idle = Duration::from_millis(self.limits.idle_timeout_ms);
        let patience = Instant::now() + linger.unwrap_or(idle);
        let frame = tokio::select! {
            biased;
            frame = timeout_at(patience.min(self.deadline), self.body.frame()) => frame,
            _ = self.closing.wait_for(|closing| *closing) => {
                return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is ending")
                    .with_mend("send what was not answered again").retry_after_s(5));
            }
        };
        match frame {
            Ok(None) => Ok(Piece::End),
            Ok(Some(Ok(frame))) => Ok(Piece::Bytes(frame.into_data().unwrap_or_default())),
            Ok(Some(Err(why))) => Err(Refusal::bad_request(format!("the body broke off: {why}"))),
            Err(_) if Instant::now() >= self.deadline => {
                let error = format!("the upload took longer than {} s", self.limits.time_max_s);
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, error)
                    .with_mend("send less at once, or raise admin.upload.time_max_s"))
            }
            Err(_) if linger.is_some() => Ok(Piece::NotYet),
            Err(_) => {
                let error = format!("no byte came for {} ms", self.limits.idle_timeout_ms);
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, error))
            }
        }
    }

    fn add(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        self.wire_bytes += bytes.len() as u64;
        if self.wire_bytes > self.limits.body_max_bytes {
            return Err(too_large("the body", self.limits.body_max_bytes, "body_max_bytes"));
        }
        if self.inflate.is_some() {
            self.packed = bytes;
        } else {
            self.keep(&bytes);
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.text.drain(..self.taken);
        self.taken = 0;
        self.text.extend_from_slice(bytes);
    }

    fn inflate(&mut self, step: &[u8]) -> Result<(), Refusal> {
        let Some(inflate) = &mut self.inflate else { return Ok(()) };
        inflate.write_all(step).map_err(|_| broken_gzip())?;
        let fresh = std::mem::take(inflate.get_mut());
        self.inflated(&fresh)
    }

    fn inflated(&mut self, fresh: &[u8]) -> Result<(), Refusal> {
        self.inflated_bytes += fresh.len() as u64;
        self.keep(fresh);
        let max = self.limits.inflated_max_bytes;
        if self.inflated_bytes > max {
            return Err(too_large("the inflated body", max, "inflated_max_bytes"));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refusal> {
        self.ended = true;
        let Some(mut inflate) = self.inflate.take().filter(|_| self.wire_bytes > 0) else {
            return Ok(());
        };
        inflate.try_finish().map_err(|_| broken_gzip())?;
        let fresh = std::mem::take(inflate.get_mut());
        self.inflated(&fresh)
    }

    /// Moves whole lines from `text` into the batch.
    fn take(&mut self, batch: &mut Batch) -> Result<(), Refusal> {
        let max = self.limits.line_max_bytes;
        while batch.lines.len() < self.limits.batch_lines {
            let rest = &self.text[self.taken..];
            let end = match memchr::memchr(b'\n', rest) {
                Some(end) => end,
                None if self.ended && (self.in_long || !rest.is_empty()) => rest.len(),
                None if rest.len() <= max => break,
                None => {
                    self.in_long = true;
                    self.taken = self.text.len();
                    break;
                }
            };
            if self.number == self.limits.lines_max {
                return Err(too_large("the upload", self.limits.lines_max, "lines_max"));
            }
            self.number += 1;
            let line = rest[..end].trim_ascii();
            self.taken += (end + 1).min(rest.len());
            if std::mem::take(&mut self.in_long) || end > max {
                batch.lines.push((self.number, None));
            } else if !line.is_empty() {
                let start = batch.text.len();
                batch.text.extend_from_slice(line);
                batch.lines.push((self.number, Some(start..batch.text.len())));
            }
        }
        Ok(())
    }
}

enum Piece {
    Bytes(Bytes),
    End,
    NotYet,
}

fn broken_gzip() -> Refusal {
    Refusal::bad_request("the body is no gzip, is cut short or damaged")
        .with_mend("compress it again, or send it without Content-Encoding")
}

fn too_large(what: &str, max: u64, key: &str) -> Refusal {
    let unit = if key == "lines_max" { "lines" } else { "bytes" };
    let error = format!("{what} is larger than {max} {unit}");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error)
        .with_mend(format!("send it in parts, or raise admin.upload.{key}"))
}
