//! On which threads do the doors run? Bids on workers of their own, the admin door apart.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};

use super::node::Node;
use super::{Doors, Shared};
use crate::app::config::Config;
use crate::doors::receive::{Door, Probe, Tls, TlsFault};
use crate::doors::{admin, receive};

/// So many connections are taken from the kernel's queue of ready ones at once, and the next when
/// twice as many have been served or none is left: first come, first served. By tokio's defaults
/// (1,024 and 61) more come under load than a worker's own queue holds (256), and what overflows
/// waits behind all that comes later: a second instead of a tenth.
const READY: usize = 32;

/// What keeps the bid listener from listening.
#[derive(Debug, thiserror::Error)]
pub enum BidFault {
    #[error(transparent)]
    Listen(#[from] io::Error),
    #[error(transparent)]
    Tls(#[from] TlsFault),
}

/// The runtime of the bid listener.
pub struct BidThreads {
    pub address: SocketAddr,
    runtime: Runtime,
    tls: Option<Arc<Tls>>,
    door: watch::Sender<Door>,
    ended: tokio::task::JoinHandle<io::Result<()>>,
}

impl BidThreads {
    pub fn start(
        listener: TcpListener,
        config: &Config,
        node: Arc<Node>,
        shared: Shared,
    ) -> Result<BidThreads, BidFault> {
        let tls = Tls::open(&config.bid.tls)?.map(Arc::new);
        let mut builder = Builder::new_multi_thread();
        if config.server.workers > 0 {
            builder.worker_threads(config.server.workers);
        }
        builder.max_io_events_per_tick(READY).event_interval(2 * READY as u32);
        let runtime = builder.thread_name("bid").enable_all().build()?;
        let address = listener.local_addr()?;
        let rows = config.exchanges.iter().map(|row| (row.key.as_str(), row.weight));
        let rows: Vec<(&str, u32)> = rows.collect();
        let (registry, readiness, clock) = shared;
        let shared = (readiness, clock);
        let doors = Doors::new(node, config.bid.clone(), &rows, &registry, shared);
        let doors = doors.with_tls(tls.clone());
        let probe = {
            let _within = runtime.enter();
            Probe::new()?
        };
        runtime.spawn(receive::watch(Arc::clone(&doors.overload), probe));
        let (door, seen) = watch::channel(Door::Open);
        let ended = runtime.spawn(receive::listen(listener, Arc::new(doors), seen));
        Ok(BidThreads { address, runtime, tls, door, ended })
    }

    /// Shows the certificate that its file holds now; `false`: there is no TLS.
    pub fn recertify(&self) -> Result<bool, TlsFault> {
        self.tls.as_ref().map_or(Ok(false), |tls| tls.reload().map(|()| true))
    }

    /// From now on another process takes connections.
    pub fn leave(&self) {
        self.door.send_replace(Door::Left);
    }

    /// After [`BidThreads::leave`]: until all connections have ended, or the time is over.
    pub fn part(mut self, within: Duration) -> bool {
        let ended = &mut self.ended;
        let gone = async { tokio::time::timeout(within, ended).await.is_ok() };
        let gone = self.runtime.block_on(gone);
        if gone {
            self.runtime.shutdown_timeout(Duration::from_millis(200));
            return true;
        }
        // Those that said nothing in all that time.
        self.stop(within)
    }

    /// Stops taking connections and ends the open ones; whether all ended in time.
    pub fn stop(self, within: Duration) -> bool {
        let BidThreads { runtime, door, ended, .. } = self;
        door.send_replace(Door::Closed);
        let ended = runtime.block_on(async { tokio::time::timeout(within, ended).await });
        runtime.shutdown_timeout(Duration::from_millis(200));
        ended.is_ok()
    }
}

/// The thread and runtime of the admin listener, which it outlives the bid listener on.
pub struct AdminThread {
    pub address: SocketAddr,
    closing: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl AdminThread {
    pub fn start(listener: TcpListener, shown: admin::Shown) -> io::Result<AdminThread> {
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (closing, closed) = oneshot::channel();
        let thread = std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
            // A sender that is gone ends the listener, too.
            let closed = async { drop(closed.await) };
            if let Err(why) = runtime.block_on(admin::serve(listener, shown, closed)) {
                tracing::error!(%why, "the admin listener has ended");
            }
        })?;
        Ok(AdminThread { address, closing: Some(closing), thread: Some(thread) })
    }
}

impl Drop for AdminThread {
    fn drop(&mut self) {
        self.closing = None;
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by its thread.
            let _ = thread.join();
        }
    }
}
