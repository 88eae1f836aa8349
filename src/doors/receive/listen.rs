//! How do connections come and go? Bind, accept, serve, drain.
//!
//! The accept loop is our own: hyper serves connections, it does not limit them. Every connection
//! gets hyper's timer, without which none of hyper's timeouts run (reliability §3).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::house::House;
use super::limits::Config;
use super::opening::{self, Bounds};
use super::peers::{Peer, Peers};
use super::service::serve;
use super::tls::Tls;
use super::wire::{Line, Patience, Wire};
use super::{CUTS, Doors, HANDSHAKE, PEER};

/// How many connections the kernel holds until they are accepted.
const BACKLOG: i32 = 4096;

/// Between two connections that come while others are left unread.
const FULL: Duration = Duration::from_millis(10);

/// A listener for the runtime. `shared`: with `SO_REUSEPORT`, for servers that are meant to share
/// the address; without it, an address that is taken is a fault, not half of the traffic.
pub fn bind(address: SocketAddr, shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Who takes connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    Open,
    /// Another process does, from the same socket. Those that are here are answered, and end with
    /// their next reply.
    Left,
    Closed,
}

/// Serves until the door closes, then ends what is open; returns when all has ended.
///
/// # Errors
/// When the listener cannot be given to the runtime.
pub async fn listen<H: House>(
    listener: std::net::TcpListener,
    doors: Arc<Doors<H>>,
    mut door: watch::Receiver<Door>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let slots = Arc::new(Semaphore::new(doors.config.connections_max));
    let peers = Peers::new(doors.config.connections_per_peer_max);
    let open = GracefulShutdown::new();
    // A sender that is gone closes the door, too.
    let mut shut = door.clone();
    let mut shut = pin!(async move { shut.wait_for(|door| *door != Door::Open).await.is_ok() });
    loop {
        let next = next(&listener, &slots, &doors);
        tokio::select! {
            biased;
            _ = &mut shut => break,
            (accepted, slot) = next => match accepted {
                Ok((stream, from)) => {
                    connect(stream, (slot, peers.enter(from)), &doors, (&open, &door));
                }
                Err(why) => accept_failed(&doors, &why).await,
            },
        }
    }
    if *door.borrow() == Door::Left {
        drop(listener);
        let all = u32::try_from(doors.config.connections_max).unwrap_or(u32::MAX);
        tokio::select! {
            _ = slots.acquire_many(all) => {}
            () = async { drop(door.wait_for(|door| *door == Door::Closed).await) } => {}
        }
        open.shutdown().await;
        return Ok(());
    }
    // Who is in the kernel's queue has been connected: serve them before the door closes.
    while let Poll::Ready(Ok((stream, from))) =
        std::future::poll_fn(|cx| Poll::Ready(listener.poll_accept(cx))).await
    {
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { break };
        connect(stream, (Some(slot), peers.enter(from.ip())), &doors, (&open, &door));
    }
    drop(listener);
    open.shutdown().await;
    Ok(())
}

async fn next<H: House>(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    doors: &Doors<H>,
) -> (io::Result<(TcpStream, IpAddr)>, Option<OwnedSemaphorePermit>) {
    // Those that are connected do not get their turn in time: who comes now comes slowly.
    if doors.overload.is_full() {
        tokio::time::sleep(FULL).await;
    }
    // The semaphore is never closed.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    (listener.accept().await.map(|(stream, from)| (stream, from.ip())), slot)
}

/// Out of descriptors, mostly: accepting again at once would spin.
async fn accept_failed<H: House>(doors: &Doors<H>, why: &io::Error) {
    doors.meters.accept_faults.increment(1);
    tracing::warn!(%why, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(20)).await;
}

fn connect<H: House>(
    stream: TcpStream,
    (slot, peer): (Option<OwnedSemaphorePermit>, Option<Peer>),
    doors: &Arc<Doors<H>>,
    (open, door): (&GracefulShutdown, &watch::Receiver<Door>),
) {
    doors.meters.accepted.increment(1);
    let Some(peer) = peer else {
        doors.meters.cut[place_of(PEER)].increment(1);
        return;
    };
    let _ = stream.set_nodelay(true);
    doors.meters.connections.increment(1.0);
    let (doors, end) = (Arc::clone(doors), (open.watcher(), door.clone()));
    let task = async move {
        match &doors.tls {
            None => hear(stream, &doors, end).await,
            // Apart, so that connections without it do not carry its room.
            Some(tls) => Box::pin(hear_secured(stream, tls, &doors, end)).await,
        }
        doors.meters.connections.decrement(1.0);
        drop((slot, peer));
    };
    #[expect(clippy::disallowed_methods, reason = "one task a connection, not a named loop")]
    tokio::spawn(task);
}

async fn hear_secured<H: House>(
    stream: TcpStream,
    tls: &Tls,
    doors: &Arc<Doors<H>>,
    end: (Watcher, watch::Receiver<Door>),
) {
    match tls.shake(stream).await {
        Ok(stream) => hear(stream, doors, end).await,
        Err(why) => {
            doors.meters.cut[place_of(HANDSHAKE)].increment(1);
            tracing::debug!(%why, "a handshake failed");
        }
    }
}

/// Waits for the first head, then serves the connection.
async fn hear<H: House, S>(
    stream: S,
    doors: &Arc<Doors<H>>,
    (open, mut door): (Watcher, watch::Receiver<Door>),
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config = &doors.config;
    let bounds = Bounds {
        idle: Duration::from_millis(config.idle_timeout_ms),
        head: Duration::from_millis(config.head_timeout_ms),
        most: config.head_max_bytes,
    };
    let closed = async move { drop(door.wait_for(|door| *door == Door::Closed).await) };
    match opening::open(stream, bounds, closed).await {
        // What serving takes is taken now.
        Ok(Some(opened)) => Box::pin(talk(opened, doors, open)).await,
        Ok(None) => {}
        Err(_) => doors.meters.cut[place_of("timeout")].increment(1),
    }
}

/// Serves a connection to its end.
async fn talk<H: House, S>(stream: S, doors: &Arc<Doors<H>>, open: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = Arc::new(Line::default());
    let patience = Patience {
        head: Duration::from_millis(doors.config.head_timeout_ms),
        write: Duration::from_millis(doors.config.write_timeout_ms),
    };
    let wire = Wire::new(stream, Arc::clone(&line), patience, Arc::clone(&doors.overload));
    let service = {
        let doors = Arc::clone(doors);
        service_fn(move |request| {
            let (doors, line) = (Arc::clone(&doors), Arc::clone(&line));
            async move { Ok::<_, std::convert::Infallible>(serve(doors, line, request).await) }
        })
    };
    let connection = protocol(&doors.config).serve_connection(TokioIo::new(wire), service);
    if let Err(fault) = open.watch(connection).await {
        doors.meters.cut[place_of(cut(&fault))].increment(1);
        tracing::debug!(%fault, "a connection was cut");
    }
}

/// HTTP/1.1 with the limits of DESIGN §8.
fn protocol(config: &Config) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // Runs while a connection idles, too; slow heads are cut by the `Wire`.
        .header_read_timeout(Duration::from_millis(config.idle_timeout_ms))
        .max_header_size(config.head_max_bytes)
        .max_buf_size((config.head_max_bytes * 4).max(64 << 10))
        .keep_alive(true)
        .half_close(false)
        // A small reply goes out as one piece (http-serving §4).
        .writev(false);
    if config.headers_max != HEADERS_ON_STACK {
        http.max_headers(config.headers_max);
    }
    http
}

/// hyper's default, which costs no allocation a request.
const HEADERS_ON_STACK: usize = 100;

/// Which of [`CUTS`] it was.
fn cut(fault: &hyper::Error) -> &'static str {
    let source = std::error::Error::source(fault).and_then(|why| why.downcast_ref::<io::Error>());
    let timed_out = source.is_some_and(|why| why.kind() == io::ErrorKind::TimedOut);
    if fault.is_timeout() || timed_out {
        "timeout"
    } else if fault.is_parse() || fault.is_parse_too_large() {
        "unparseable"
    } else {
        "other"
    }
}

fn place_of(cut: &str) -> usize {
    CUTS.iter().position(|known| *known == cut).unwrap_or(0)
}
