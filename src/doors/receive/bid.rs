//! `POST /bid/{exchange}`: from HTTP to a decision and back (openrtb-audio §1.1); hot.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, VARY,
};
use hyper::{Request, StatusCode};

use super::Doors;
use super::body::{BodyFault, collect};
use super::gzip::{Gzip, GzipFault};
use super::house::{BidCall, Format, House};
use super::limits::Config;
use super::meters::bid_end;
use super::reply::{Reply, ReplyBody, status};
use super::wire::Line;
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;
use crate::market::outcome::{Malformed, NoBid, Outcome};

const OPENRTB_VERSION: HeaderName = HeaderName::from_static("x-openrtb-version");

/// What one thread reuses from request to request.
#[derive(Default)]
struct Scratch {
    gzip: Gzip,
    inflated: Vec<u8>,
    reply: Vec<u8>,
    deflated: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

/// What the head says of the body and of the answer.
struct Head {
    exchange: ExchangeIx,
    format: Format,
    gzip: bool,
    /// The client takes gzip, and nothing speaks against it.
    accepts_gzip: bool,
    gpc: bool,
    received: Moment,
    arrived: Instant,
}

/// Answers one bid request; counts it as received and under its end.
pub async fn answer<H: House>(
    doors: &Doors<H>,
    line: &Line,
    key: &str,
    request: Request<Incoming>,
) -> Reply {
    // It waited for its turn before it came here.
    let (received, now) = (doors.clock.now(), Instant::now());
    let arrived = now.checked_sub(doors.overload.queue()).unwrap_or(now);
    let exchange = doors.house.exchange(key);
    let verdict = doors.meters.bid(exchange);
    let headers = request.headers();
    let version = version(headers);
    let understood = read_head(headers, exchange, received, arrived);
    let (outcome, mut reply) = match understood {
        Ok(head) => take(doors, line, head, request.into_body()).await,
        Err(fault) => (Outcome::Malformed(fault), status(refusal(fault))),
    };
    if matches!(outcome, Outcome::Malformed(Malformed::TooLarge | Malformed::BadHttp)) {
        // What is left of the body is not worth reading.
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    reply.headers_mut().insert(OPENRTB_VERSION, version);
    let ix = exchange.map_or(usize::MAX, |ix| usize::from(ix.0));
    if doors.overload.holds(ix) {
        line.hold();
    }
    verdict.end(bid_end(outcome));
    reply
}

async fn take<H: House>(
    doors: &Doors<H>,
    line: &Line,
    head: Head,
    body: Incoming,
) -> (Outcome, Reply) {
    let overloaded = (Outcome::NoBid(NoBid::Overloaded), status(StatusCode::NO_CONTENT));
    let admitted = doors.overload.admits(usize::from(head.exchange.0));
    if !admitted || line.is_stale() {
        return overloaded;
    }
    let config = &doors.config;
    let within = Duration::from_millis(config.body_timeout_ms);
    let body = match collect(body, config.body_max_bytes, within, Some(&doors.waiting)).await {
        Ok(body) => body,
        Err(fault) => {
            let fault = match fault {
                BodyFault::Crowded => return overloaded,
                BodyFault::TooLarge => Malformed::TooLarge,
                BodyFault::TooSlow | BodyFault::Broken => Malformed::BadHttp,
            };
            return (Outcome::Malformed(fault), status(refusal(fault)));
        }
    };
    doors.meters.bid_bytes.increment(body.len() as u64);
    let begun = Instant::now();
    let decided = SCRATCH.with_borrow_mut(|scratch| decide(doors, &head, &body, scratch));
    let ended = Instant::now();
    doors.overload.decided(ended - begun);
    doors.meters.answer.record(ended - head.arrived);
    decided
}

/// Everything between the body and the reply: synchronous, on this thread's scratch.
fn decide<H: House>(
    doors: &Doors<H>,
    head: &Head,
    wire: &[u8],
    scratch: &mut Scratch,
) -> (Outcome, Reply) {
    let body = match inflated(&doors.config, head, wire, &mut scratch.gzip, &mut scratch.inflated) {
        Ok(body) => body,
        Err(fault) => return (Outcome::Malformed(fault), status(refusal(fault))),
    };
    let call = BidCall {
        exchange: head.exchange,
        format: head.format,
        body,
        gpc: head.gpc,
        received: head.received,
        arrived: head.arrived,
    };
    scratch.reply.clear();
    let reply = &mut scratch.reply;
    // A defect in a decision ends that decision, not the connection and its neighbours.
    let outcome = catch_unwind(AssertUnwindSafe(|| doors.house.bid(&call, reply)));
    let outcome = outcome.unwrap_or(Outcome::NoBid(NoBid::Internal));
    let reply = match outcome {
        Outcome::Malformed(fault) => status(refusal(fault)),
        Outcome::NoBid(NoBid::Internal) => status(StatusCode::NO_CONTENT),
        Outcome::Bid | Outcome::NoBid(_) if reply.is_empty() => status(StatusCode::NO_CONTENT),
        Outcome::Bid | Outcome::NoBid(_) => with_body(doors, head, scratch),
    };
    (outcome, reply)
}

fn inflated<'b>(
    config: &Config,
    head: &Head,
    wire: &'b [u8],
    gzip: &mut Gzip,
    out: &'b mut Vec<u8>,
) -> Result<&'b [u8], Malformed> {
    if !head.gzip {
        return Ok(wire);
    }
    out.clear();
    let by_ratio = wire.len().saturating_mul(config.inflate_ratio_max);
    match gzip.inflate(wire, config.inflated_max_bytes.min(by_ratio), out) {
        Ok(()) => Ok(out),
        Err(GzipFault::TooLarge) => Err(Malformed::TooLarge),
        Err(GzipFault::Broken) => Err(Malformed::BadEncoding),
    }
}

fn with_body<H: House>(doors: &Doors<H>, head: &Head, scratch: &mut Scratch) -> Reply {
    let mut reply = status(StatusCode::OK);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(head.format.content_type()));
    let mut bytes = &scratch.reply;
    if scratch.reply.len() >= doors.config.gzip_min_bytes {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        scratch.deflated.clear();
        if head.accepts_gzip && scratch.gzip.deflate(&scratch.reply, &mut scratch.deflated) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            bytes = &scratch.deflated;
        }
    }
    doors.meters.reply_bytes.increment(bytes.len() as u64);
    *reply.body_mut() = ReplyBody::from(Bytes::copy_from_slice(bytes));
    reply
}

fn read_head(
    headers: &HeaderMap,
    exchange: Option<ExchangeIx>,
    received: Moment,
    arrived: Instant,
) -> Result<Head, Malformed> {
    let exchange = exchange.ok_or(Malformed::UnknownExchange)?;
    Ok(Head {
        exchange,
        format: format(headers),
        gzip: is_gzip(headers)?,
        accepts_gzip: accepts_gzip(headers),
        gpc: gpc(headers),
        received,
        arrived,
    })
}

/// Global Privacy Control; the header has no other value than 1.
fn gpc(headers: &HeaderMap) -> bool {
    headers.get("sec-gpc").is_some_and(|value| value.as_bytes().trim_ascii() == b"1")
}

/// 404 for an exchange that is not there, else 400: never what asks the exchange to try again.
fn refusal(fault: Malformed) -> StatusCode {
    match fault {
        Malformed::UnknownExchange => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Without a content type, and with one that says nothing, JSON is assumed (OpenRTB §2.3).
fn format(headers: &HeaderMap) -> Format {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let kind = kind.split(|b| *b == b';').next().unwrap_or(b"").trim_ascii();
    if kind.eq_ignore_ascii_case(b"application/octet-stream") {
        Format::OctetStream
    } else if kind.eq_ignore_ascii_case(b"application/x-protobuf")
        || kind.eq_ignore_ascii_case(b"application/protobuf")
    {
        Format::Protobuf
    } else {
        Format::Json
    }
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Malformed> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else { return Ok(false) };
    let encoding = encoding.as_bytes().trim_ascii();
    let is = |name: &[u8]| encoding.eq_ignore_ascii_case(name);
    match (is(b"gzip") || is(b"x-gzip"), is(b"identity") || encoding.is_empty()) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Malformed::BadEncoding),
    }
}

/// `gzip` or `*`, unless with a weight of nought.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let name = name.trim();
        let known = name.eq_ignore_ascii_case("gzip") || name == "*";
        let weight = weight.trim().trim_start_matches("q=").trim_start_matches("Q=");
        known && weight.trim().parse::<f32>() != Ok(0.0)
    })
}

/// The version that we answer in: the client's where it is one that we know, else ours (§2.5).
fn version(headers: &HeaderMap) -> HeaderValue {
    let asked = headers.get(OPENRTB_VERSION).map_or(&b""[..], HeaderValue::as_bytes);
    HeaderValue::from_static(match asked.trim_ascii() {
        b"2.3" => "2.3",
        b"2.4" => "2.4",
        b"2.5" => "2.5",
        _ => "2.6",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn the_format_is_named_by_the_content_type() {
        for (kind, wanted) in [
            ("application/json; charset=utf-8", Format::Json),
            ("text/plain", Format::Json),
            ("Application/X-Protobuf", Format::Protobuf),
            ("application/octet-stream;x=y", Format::OctetStream),
        ] {
            assert_eq!(format(&headers("content-type", kind)), wanted, "{kind}");
        }
        assert_eq!(format(&HeaderMap::new()), Format::Json);
    }

    #[test]
    fn encodings_are_negotiated() {
        for (value, wanted) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("br, *", true),
            ("gzip;q=0, br", false),
            ("deflate", false),
        ] {
            assert_eq!(accepts_gzip(&headers("accept-encoding", value)), wanted, "{value}");
        }
        assert_eq!(is_gzip(&headers("content-encoding", "x-gzip")), Ok(true));
        for (value, wanted) in [("1", true), (" 1 ", true), ("0", false), ("true", false)] {
            assert_eq!(gpc(&headers("sec-gpc", value)), wanted, "{value}");
        }
        assert!(!gpc(&HeaderMap::new()));
        assert_eq!(is_gzip(&headers("content-encoding", "identity")), Ok(false));
        assert_eq!(is_gzip(&headers("content-encoding", "br")), Err(Malformed::BadEncoding));
    }
}
