//! How does a server start, change and end? Wiring, named loops, swaps, drain.
//!
//! Called by the commands (`serve`, `demo`) and by tests, which run a whole server in one process.
//! Start order: data folder → keys → world → journal and its replay → listeners; a server that
//! cannot do one of them does not start. The end is the reverse, and loses nothing.

mod tasks;

mod lock;

mod foundation;

mod archive;

mod money;

mod timings;

mod node;

mod asleep;

mod pacing;

mod caps;

mod upkeep;

mod press;

mod crowd;

mod watch;

mod listeners;

mod shelf;

mod rights;

mod threads;

mod takeover;

mod start;

mod treasury;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use crate::app::config::Config;
use crate::base::telemetry::Registry;
use crate::base::units::time::{Clock, WallClock};
use crate::doors::readiness::{Readiness, Stage};
use crate::doors::receive;
use crate::doors::receive::TlsFault;
use crate::flows::notice::{KeyFault, Sweeper, TicketConfig, ticket_keys};
use crate::knowledge::audience::Intake;
use crate::offer::records::{Eraser, RecordWriter};

pub use asleep::Sleeper;
pub use foundation::{Built, Foundation, Summary, policy};
pub use lock::{DataLock, LockFault};
pub use node::Node;
pub use rights::change;
pub use shelf::Shelf;
pub use start::make_demo;
pub use takeover::{HeirFault, Offer, Wish};
pub use tasks::Loop;

use crowd::CrowdLoop;
use start::{Claim, rehearse};
use takeover::{Heir, Sockets};
use threads::{AdminThread, BidThreads};
use upkeep::Upkeep;
use watch::Watcher;

/// What keeps a server from starting, and at which step.
#[derive(Debug, thiserror::Error)]
#[error("{step}")]
pub struct StartFault {
    step: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl From<HeirFault> for StartFault {
    fn from(fault: HeirFault) -> StartFault {
        StartFault::at("takeover")(fault)
    }
}

impl StartFault {
    /// For `map_err`: what went wrong at a step.
    fn at<E>(step: &'static str) -> impl FnOnce(E) -> StartFault
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| StartFault { step, source: source.into() }
    }
}

/// A server at work. Its fields are dropped in this order, which is that of its end.
pub struct Running {
    sockets: Option<Sockets>,
    admin_address: SocketAddr,
    bid: Option<BidThreads>,
    _upkeep: Upkeep,
    _sleepers: Loop,
    _pacing: Loop,
    money: Option<Loop>,
    known: Option<Known>,
    _sweeper: Sweeper,
    _caps: Loop,
    records: RecordWriter,
    node: Arc<Node>,
    registry: Arc<Registry>,
    readiness: Arc<Readiness>,
    failed: signal::Receiver<bool>,
    clock: Arc<dyn Clock>,
    config: Config,
    lock: DataLock,
}

/// Who reads and writes what is known: campaigns, listeners, and the door to them.
struct Known {
    watcher: Watcher,
    _crowd: CrowdLoop,
    _admin: AdminThread,
    intake: Arc<Intake>,
}

impl Running {
    /// Starts everything; returns when the first world is published and both listeners listen.
    pub fn start(config: Config, data: &Path) -> Result<Running, StartFault> {
        Running::start_by(config, data, Arc::new(WallClock))
    }

    /// As [`Running::start`], by another wall clock.
    pub fn start_by(
        config: Config,
        data: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Running, StartFault> {
        let lock = DataLock::take(data).map_err(StartFault::at("data folder"))?;
        Running::begin(config, data, Claim::Whole(lock), clock)
    }

    /// As [`Running::start`], in the place of the server that is there, if one is.
    pub fn take_over(config: Config, data: &Path) -> Result<Running, StartFault> {
        match Heir::ask(data, || rehearse(&config, data))? {
            Some(heir) => Running::begin(config, data, Claim::Heir(heir), Arc::new(WallClock)),
            None => Running::start(config, data),
        }
    }

    pub fn bid_address(&self) -> SocketAddr {
        self.bid.as_ref().map_or(self.config.bid.listen, |bid| bid.address)
    }

    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// The world that is served, the ledger beneath it, what it counts.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Takes changes of listeners; nobody does when what is known was handed on.
    pub fn intake(&self) -> Option<&Arc<Intake>> {
        self.known.as_ref().map(|known| &known.intake)
    }

    /// Makes what records keep of a listener unreadable.
    pub fn eraser(&self) -> Eraser {
        self.records.eraser()
    }

    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Builds a new world from the files as they are now and publishes it; with faults nothing
    /// changes. Waits for the end of it.
    pub fn reload(&self) -> Result<Summary, String> {
        match &self.known {
            Some(known) => known.watcher.reload(),
            None => Err(HANDED_ON.to_owned()),
        }
    }

    /// Takes the ticket keys of a config that was read again; with faults nothing changes.
    pub fn rekey(&self, tickets: &TicketConfig) -> Result<(), KeyFault> {
        let keys = ticket_keys(tickets, self.lock.folder())?;
        let signer = keys.signer();
        self.node.rekey(keys)?;
        tracing::info!(signer, "ticket keys taken");
        Ok(())
    }

    /// Shows the TLS certificate that its file holds now; with faults nothing changes.
    pub fn recertify(&self) -> Result<(), TlsFault> {
        if self.bid.as_ref().map_or(Ok(false), BidThreads::recertify)? {
            tracing::info!("TLS certificate taken");
        }
        Ok(())
    }

    /// As [`Running::reload`], without waiting; the log tells the end.
    pub fn ask_reload(&self) {
        match &self.known {
            Some(known) => known.watcher.ask_reload(),
            None => tracing::error!("the campaigns stay as they are: {HANDED_ON}"),
        }
    }

    /// Lets others take over; in a runtime. Once.
    pub fn offer(&mut self) -> io::Result<Option<Offer>> {
        let sockets = self.sockets.take();
        sockets.map(|sockets| Offer::open(self.lock.folder(), sockets)).transpose()
    }

    /// Lets go of what is known: who takes over loads it, and we bid with what we have.
    pub fn let_knowledge_go(&mut self) {
        let Some(Known { watcher, _crowd, _admin, intake }) = self.known.take() else { return };
        drop((watcher, _crowd, _admin));
        // The last: with it the listeners' store is closed.
        if Arc::into_inner(intake).is_none() {
            tracing::error!("the listeners' store is still in use and cannot be handed on");
        }
        tracing::info!("campaigns and listeners are handed on");
    }

    /// Lets go of the rest and returns what is left: connections, which end with their next
    /// answer. Whose turn it is now decides and acknowledges; we do not any more.
    pub fn let_money_go(mut self) -> Parting {
        self.let_knowledge_go();
        let Some(bid) = self.bid.take() else {
            return Parting { bid: None, drain: Duration::ZERO };
        };
        bid.leave();
        self.readiness.advance(Stage::Draining);
        drop((self._upkeep, self._sleepers, self._pacing, self.money.take()));
        self.node.stop_bidding();
        self.node.quiesce();
        self.node.money().close();
        drop(self._sweeper);
        if let Err(why) = self.node.till().journal().end() {
            tracing::error!(%why, "the journal could not be closed in order");
        }
        // Behind the journal, which may have told it something at its end.
        drop((self._caps, self.records));
        Parting { bid: Some(bid), drain: Duration::from_millis(self.config.server.drain_ms) }
    }

    /// Turns true when the server can no longer keep its promises (the journal has failed).
    pub fn failed(&self) -> signal::Receiver<bool> {
        self.failed.clone()
    }

    /// Fails readiness, lets callers notice, ends what is in flight, writes down what waits.
    /// `false`: connections were still open when the time was over.
    pub fn stop(mut self) -> bool {
        // Else who connects when the door is closed would wait, and not be refused.
        drop(self.sockets.take());
        self.readiness.advance(Stage::Draining);
        std::thread::sleep(Duration::from_millis(self.config.server.linger_ms));
        let within = Duration::from_millis(self.config.server.drain_ms);
        let ended = self.bid.take().is_none_or(|bid| bid.stop(within));
        tracing::info!(all_connections_ended = ended, "drained");
        drop(self.money.take());
        self.node.money().close();
        // Dropping flushes: records, then the journal with the last owner of the till.
        drop(self.records);
        ended
    }
}

const HANDED_ON: &str = "they were handed on to a server that is taking over";

/// A server that has handed on everything but its connections.
pub struct Parting {
    bid: Option<BidThreads>,
    drain: Duration,
}

impl Parting {
    /// Answers what still comes: 204 to bid requests, 503 to notices, and that the connection
    /// ends. `false`: connections were cut.
    pub fn wait(self) -> bool {
        self.bid.is_none_or(|bid| bid.part(self.drain))
    }
}

/// The parts of the bid door that are made anew for each server.
type Shared = (Arc<Registry>, Arc<Readiness>, Arc<dyn Clock>);

/// The door to a node.
type Doors = receive::Doors<Arc<Node>>;
