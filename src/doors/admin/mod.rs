//! What operators reach: health and metrics, and behind a token the API; on a listener, a thread
//! and a runtime of their own, so that a slow scrape never stands before a bid. Cold.

mod limits;

mod refusal;

mod token;

mod guard;

mod crowd;

mod query;

mod house;

mod lines;

mod verdict;

mod answers;

mod api;

mod upload;

mod audience;

mod links;

mod lists;

mod export;

mod treasury;

mod report;

mod funds;

mod reconcile;

mod rights;

mod breakers;

mod slow;

mod routes;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::base::telemetry::Registry;
use crate::base::units::time::Clock;
use crate::doors::readiness::{Readiness, Stage};
use crate::flows::rights::Stores;
use crate::knowledge::audience::Providers;

pub use answers::Pieces;
pub use crowd::Counting;
pub use house::{Durable, Listeners, Unsubmitted};
pub use limits::{Config, Upload};
pub use refusal::Refusal;
pub use report::{add_reach, who_heard};
pub use slow::Slow;
pub use token::{FILE as TOKEN_FILE, TokenFault, Tokens};
pub use treasury::{NotEntered, Treasury};

use api::Api;
use guard::Guard;

/// What the pages show.
#[derive(Clone)]
pub struct Shown {
    pub registry: Arc<Registry>,
    pub readiness: Arc<Readiness>,
    /// Who may use the API.
    pub tokens: Arc<Tokens>,
    pub config: Arc<Config>,
    pub counting: Arc<Counting>,
    pub listeners: Arc<dyn Listeners>,
    pub treasury: Arc<dyn Treasury>,
    /// All that knows something of a listener.
    pub rights: Arc<dyn Stores>,
    /// Third parties whose segments are taken.
    pub providers: Arc<Providers>,
    pub clock: Arc<dyn Clock>,
    /// The slowest decisions.
    pub slow: Arc<Slow>,
    /// `crowd.minimum`: counts below it are not told.
    pub crowd_minimum: u64,
}

/// Operators are few: more connections wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 64;
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until `closing` ends.
///
/// # Errors
/// When the listener cannot be given to the runtime.
pub async fn serve(
    listener: std::net::TcpListener,
    shown: Shown,
    closing: impl Future<Output = ()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let open = GracefulShutdown::new();
    let loopback = listener.local_addr()?.ip().is_loopback();
    let (close, closed) = watch::channel(false);
    let router = router(shown, loopback, closed);
    let mut closing = std::pin::pin!(closing);
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await.ok();
        let stream = tokio::select! {
            () = &mut closing => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = stream else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let connection = open.watch(connection(stream, router.clone()));
        #[expect(clippy::disallowed_methods, reason = "one task a connection, not a named loop")]
        tokio::spawn(async move {
            let _ = connection.await;
            drop(slot);
        });
    }
    close.send_replace(true);
    // Uploads end with the batch that they are at; a client that reads nothing is left behind.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, open.shutdown()).await;
    Ok(())
}

fn connection(
    stream: TcpStream,
    router: Router,
) -> http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(16 << 10)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

fn router(shown: Shown, loopback: bool, closing: watch::Receiver<bool>) -> Router {
    let api = Api::new(&shown, closing);
    let gate = Guard::new(Arc::clone(&shown.tokens), loopback, &shown.config.hosts);
    let debug = Router::new()
        .route("/slow", get(slow::get))
        .with_state(shown.clone())
        .layer(from_fn_with_state(gate.clone(), guard::guard));
    Router::new()
        .route("/", get(index))
        .route("/health/live", get("live"))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shown.clone())
        .nest("/debug", debug)
        .nest("/api/v1", routes::router(api, shown, gate))
}

async fn index() -> Html<&'static str> {
    Html(include_str!("index.html"))
}

async fn ready(State(shown): State<Shown>) -> impl IntoResponse {
    let stage = shown.readiness.stage();
    let code = match stage {
        Stage::Ready => StatusCode::OK,
        Stage::Starting | Stage::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, [(CACHE_CONTROL, "no-store")], stage.word())
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shown.registry.render())
}
