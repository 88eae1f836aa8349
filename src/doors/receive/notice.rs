//! `/notice/…`, `/beacon/…`, `/click/…`: the money path's door. Answers when the notice is
//! durable, GET and POST alike, the same answer each time (OpenRTB §2.1, openrtb-audio §4).

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue,
    LOCATION, RETRY_AFTER,
};
use hyper::{Method, Request, StatusCode};

use super::Doors;
use super::body::collect;
use super::house::{House, NoticeCall};
use super::meters::notice_end;
use super::reply::{Reply, ReplyBody, status};
use super::route::query_value;
use crate::base::stdx::caught::caught;
use crate::flows::notice::{Kind, Settled, Settlement};
use crate::market::ticket::Channel;

/// A transparent pixel: what an image tag needs to be content.
const GIF: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\
    !\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// The bodies of notices say nothing; so much of one is read and dropped.
const BODY_MAX: usize = 64 << 10;

pub async fn answer<H: House>(
    doors: &Doors<H>,
    kind: Kind,
    ticket: String,
    request: Request<Incoming>,
) -> Reply {
    let verdict = doors.meters.notice(kind);
    let (head, body) = request.into_parts();
    let posted = head.method == Method::POST;
    if posted {
        let within = Duration::from_millis(doors.config.body_timeout_ms);
        // A notice is its URL: what else was sent, or was not, does not matter.
        let _ = collect(body, BODY_MAX, within, None).await;
    }
    let query = head.uri.query().unwrap_or("");
    let value = |key| query_value(query, key).unwrap_or_default();
    let call = NoticeCall {
        kind,
        ticket,
        price: value("price"),
        loss: value("loss"),
        min_to_win: value("min"),
        received: doors.clock.now(),
    };
    // What a defect left of it is told by the next attempt: nothing was acknowledged.
    let settlement = caught(doors.house.settle(call)).await;
    let settlement =
        settlement.unwrap_or(Settlement { settled: Settled::Unavailable, ticket: None });
    verdict.end(notice_end(settlement.settled));
    let mut reply = match settlement.settled {
        // The listener is waiting: a click of ours leads on, whether it could be counted or not.
        _ if kind == Kind::Click => {
            let landing = settlement.ticket.and_then(|ticket| doors.house.landing(&ticket, query));
            click(landing, posted)
        }
        Settled::Unavailable => unavailable(),
        settled if !settled.acknowledged() => status(StatusCode::NOT_FOUND),
        _ if kind.channel() == Channel::Player && wants_image(&head.headers) => pixel(),
        _ => status(StatusCode::NO_CONTENT),
    };
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Players in web pages call beacons from other origins.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    reply
}

/// Nothing is kept of it: it is to come again.
fn unavailable() -> Reply {
    let mut reply = status(StatusCode::SERVICE_UNAVAILABLE);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// A click that was posted goes on as a GET: 303 says so, 302 leaves it to the client.
fn click(landing: Option<String>, posted: bool) -> Reply {
    let Some(target) = landing.and_then(|url| HeaderValue::try_from(url).ok()) else {
        return status(StatusCode::NOT_FOUND);
    };
    let code = if posted { StatusCode::SEE_OTHER } else { StatusCode::FOUND };
    let mut reply = status(code);
    reply.headers_mut().insert(LOCATION, target);
    reply
}

/// Only those who say that they want an image get one; 204 is cheaper for both.
fn wants_image(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept.into_iter().any(|value| value.contains("image/"))
}

fn pixel() -> Reply {
    let mut reply = status(StatusCode::OK);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    *reply.body_mut() = ReplyBody::from(Bytes::from_static(GIF));
    reply
}
