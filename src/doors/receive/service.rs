//! What is done with one request: the checks that every route shares, then the route; hot.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Version};

use super::house::House;
use super::meters::bid_end;
use super::reply::{Reply, status, text};
use super::route::Route;
use super::wire::Line;
use super::{Doors, bid, media, notice};
use crate::doors::readiness::Stage;
use crate::market::outcome::{Malformed, Outcome};

pub async fn serve<H: House>(
    doors: Arc<Doors<H>>,
    line: Arc<Line>,
    request: Request<Incoming>,
) -> Reply {
    line.request_begins();
    let mut reply = if trusted(&line, &request) {
        route(&doors, &line, request).await
    } else {
        ambiguous(&doors, &request)
    };
    if doors.readiness.stage() == Stage::Draining {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    line.reply_made();
    reply
}

/// RFC 9112 §3.2, §6.1: exactly one Host, one framing.
fn trusted(line: &Line, request: &Request<Incoming>) -> bool {
    let hosts = request.headers().get_all(HOST).iter().count();
    let least = usize::from(request.version() >= Version::HTTP_11);
    !line.ambiguous() && (least..=1).contains(&hosts)
}

fn ambiguous<H: House>(doors: &Doors<H>, request: &Request<Incoming>) -> Reply {
    match Route::of(request.uri().path()) {
        Route::Bid { exchange } => {
            let verdict = doors.meters.bid(doors.house.exchange(exchange));
            verdict.end(bid_end(Outcome::Malformed(Malformed::BadHttp)));
        }
        route => doors.meters.other(route.label(), 400),
    }
    let mut reply = status(StatusCode::BAD_REQUEST);
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

async fn route<H: House>(doors: &Doors<H>, line: &Line, request: Request<Incoming>) -> Reply {
    let path = request.uri().path().to_owned();
    let route = Route::of(&path);
    let method = request.method();
    let get = method == Method::GET;
    let head = method == Method::HEAD;
    let post = method == Method::POST;
    let reply = match route {
        Route::Bid { exchange } if post => {
            return bid::answer(doors, line, exchange, request).await;
        }
        Route::Bid { .. } => not_allowed("POST"),
        Route::Notice { kind, ticket } if get || post => {
            return notice::answer(doors, kind, ticket.to_owned(), request).await;
        }
        Route::Notice { .. } => not_allowed("GET, POST"),
        Route::Media { hash } if get || head => {
            media::answer(doors.house.media(hash), hash, method, request.headers()).await
        }
        Route::Live if get || head => text(StatusCode::OK, "live"),
        Route::Ready if get || head => ready(doors.readiness.stage()),
        Route::Media { .. } | Route::Live | Route::Ready => not_allowed("GET, HEAD"),
        Route::Unknown => status(StatusCode::NOT_FOUND),
    };
    doors.meters.other(route.label(), reply.status().as_u16());
    reply
}

fn ready(stage: Stage) -> Reply {
    let code = match stage {
        Stage::Ready => StatusCode::OK,
        Stage::Starting | Stage::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    text(code, stage.word())
}

fn not_allowed(allowed: &'static str) -> Reply {
    let mut reply = status(StatusCode::METHOD_NOT_ALLOWED);
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}
