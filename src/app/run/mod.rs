//! How does a server start, change and end? Wiring, named loops, swaps, drain.
//!
//! Called by the commands (`serve`, `demo`) and by tests, which run a whole server in one process.
//! Start order: data folder → keys → journal and its replay → world → listeners; a server that
//! cannot do one of them does not start. The end is the reverse, and loses nothing.

mod tasks;

mod lock;

mod foundation;

mod archive;

mod money;

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

mod treasury;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use crate::app::config::Config;
use crate::app::demo::{Demo, Making};
use crate::base::journal::{Opened, Trimmed};
use crate::base::telemetry::Registry;
use crate::base::units::time::{Clock, Moment, WallClock};
use crate::doors::admin::Counting;
use crate::doors::readiness::{Readiness, Stage};
use crate::doors::receive::TlsFault;
use crate::doors::{admin, receive};
use crate::flows::notice::{KeyFault, OpenedTill, Sweeper, Terms, TicketConfig, Till, ticket_keys};
use crate::knowledge::audience::{Intake, Stand};
use crate::market::ticket::TicketKeys;
use crate::offer::delivery::Book;
use crate::offer::ledger::rates_mark;
use crate::offer::records::{Eraser, RecordRing, RecordWriter};

pub use asleep::Sleeper;
pub use foundation::{Built, Foundation, Summary, policy};
pub use lock::{DataLock, LockFault};
pub use node::Node;
pub use rights::change;
pub use shelf::Shelf;
pub use tasks::Loop;

use crowd::CrowdLoop;
use money::Money;
use pacing::Paces;
use press::Press;
use rights::Rights;
use threads::{AdminThread, BidThreads};
use treasury::Vault;
use watch::Watcher;

/// What keeps a server from starting, and at which step.
#[derive(Debug, thiserror::Error)]
#[error("{step}")]
pub struct StartFault {
    step: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
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
    bid: Option<BidThreads>,
    watcher: Watcher,
    _upkeep: Loop,
    _crowd: CrowdLoop,
    _sleepers: Loop,
    _pacing: Loop,
    money: Option<Loop>,
    admin: AdminThread,
    _sweeper: Sweeper,
    _caps: Loop,
    records: RecordWriter,
    intake: Arc<Intake>,
    node: Arc<Node>,
    registry: Arc<Registry>,
    readiness: Arc<Readiness>,
    failed: signal::Receiver<bool>,
    config: Config,
    lock: DataLock,
}

impl Running {
    /// Starts everything; returns when the first world is published and both listeners listen.
    pub fn start(mut config: Config, data: &Path) -> Result<Running, StartFault> {
        let clock = Arc::new(WallClock) as Arc<dyn Clock>;
        let lock = DataLock::take(data).map_err(StartFault::at("data folder"))?;
        warn_of_few_files(config.bid.connections_max);
        make_demo(&mut config, data, &mut |_, _| {})?;
        let (registry, readiness) = (Arc::new(Registry::new()), Arc::new(Readiness::default()));

        let keys = ticket_keys(&config.notice.tickets, data).map_err(StartFault::at("keys"))?;
        let (till, epoch) = open_till(&config, data, keys.clone(), clock.now())?;

        let listeners = Stand::open(data, &config.vocabulary, &config.audience)
            .map_err(StartFault::at("listeners"))?;
        let (foundation, book) = rights::lay_foundation(&config, data, keys, &listeners.words)?;
        let (press, built, crowds) = Press::start(foundation, &listeners.audience, &config.crowd)?;
        let ring = Arc::new(RecordRing::new(&config.records));
        let records =
            RecordWriter::start(Arc::clone(&ring), &config.records, data, Arc::clone(&clock))
                .map_err(StartFault::at("decision records"))?;
        let sleeper = Sleeper::open(&config.records, data, Arc::clone(&clock), &registry)
            .map_err(StartFault::at("sleeping lines"))?;
        let paces = Paces::new(&config.delivery.pacing, data, &clock, &registry);
        let money = Money::new(&till, config.delivery.tally_s, epoch, (&clock, &registry));
        let kept = (ring, sleeper, paces, money);
        let node = Node::new(built, &config, Arc::clone(&till), kept, &registry);
        let node = node.map(Arc::new).map_err(StartFault::at("world"))?;
        let caps = caps::start(&config, data, &node, (Arc::clone(&clock), &registry))?;
        let intake =
            start_intake(listeners, &config, &registry, &node).map_err(StartFault::at("intake"))?;

        let sweeper =
            Sweeper::start(Arc::clone(&till), Arc::clone(&clock), config.delivery.sweep_ms)
                .map_err(StartFault::at("sweeper"))?;
        let watcher = Watcher::start(press, Arc::clone(&node), config.campaigns.watch_ms)
            .map_err(StartFault::at("campaign watcher"))?;
        let sleepers = asleep::start(Arc::clone(&node), config.delivery.sleep_ms)?;
        let money = money::start(Arc::clone(&node), config.delivery.turn_ms)?;
        let pacing = pacing::start(Arc::clone(&node), &config.delivery.pacing)?;
        let shared = (Arc::clone(&registry), Arc::clone(&readiness));
        let (upkeep, failed) = upkeep::start(Arc::clone(&node), shared.clone(), till)
            .map_err(StartFault::at("upkeep"))?;
        let (crowd, counting) = crowd::start(&config, (&node, crowds), &clock, &registry)
            .map_err(StartFault::at("crowd counts"))?;
        let rights = rights::begin(book, (&node, &intake), &config, (&records, &*clock, &registry));
        let behind = (Arc::clone(&intake), &node, Arc::clone(&clock), counting, rights);
        let admin = start_admin(&config, data, shared, behind)?;
        let shared = (Arc::clone(&registry), Arc::clone(&readiness), clock);
        let bid = BidThreads::start(&config, Arc::clone(&node), shared);
        let bid = Some(bid.map_err(StartFault::at("bid listener"))?);
        readiness.advance(Stage::Ready);
        Ok(Running {
            bid,
            watcher,
            _upkeep: upkeep,
            _crowd: crowd,
            _sleepers: sleepers,
            _pacing: pacing,
            money: Some(money),
            admin,
            _sweeper: sweeper,
            _caps: caps,
            records,
            intake,
            node,
            registry,
            readiness,
            failed,
            config,
            lock,
        })
    }

    pub fn bid_address(&self) -> SocketAddr {
        self.bid.as_ref().map_or(self.config.bid.listen, |bid| bid.address)
    }

    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address
    }

    /// The world that is served, the ledger beneath it, what it counts.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Takes changes of listeners.
    pub fn intake(&self) -> &Arc<Intake> {
        &self.intake
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
        self.watcher.reload()
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
        self.watcher.ask_reload();
    }

    /// Turns true when the server can no longer keep its promises (the journal has failed).
    pub fn failed(&self) -> signal::Receiver<bool> {
        self.failed.clone()
    }

    /// Fails readiness, lets callers notice, ends what is in flight, writes down what waits.
    /// `false`: connections were still open when the time was over.
    pub fn stop(mut self) -> bool {
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

/// With the number of this start.
fn open_till(
    config: &Config,
    data: &Path,
    keys: TicketKeys,
    now: Moment,
) -> Result<(Arc<Till>, u64), StartFault> {
    let book = Arc::new(Book::leased(&config.delivery));
    let exchanges = config.exchange_table().into();
    let terms = Terms { keys, exchanges, rates: rates_mark(&config.rates.id) };
    let OpenedTill { till, opened, start } =
        Till::open((&config.notice, &config.ledger), data, terms, book, now)
            .map_err(StartFault::at("journal"))?;
    tell_journal(&opened);
    Ok((Arc::new(till), start.ledger.run().epoch + 1))
}

/// What the admin listener works with.
type Behind<'n> = (Arc<Intake>, &'n Arc<Node>, Arc<dyn Clock>, Arc<Counting>, Arc<Rights>);

fn start_admin(
    config: &Config,
    data: &Path,
    shared: (Arc<Registry>, Arc<Readiness>),
    (listeners, node, clock, counting, rights): Behind<'_>,
) -> Result<AdminThread, StartFault> {
    let tokens = match &config.admin.token_file {
        Some(file) => admin::Tokens::open(file),
        None => admin::Tokens::open_or_make(&data.join(admin::TOKEN_FILE)),
    };
    let vault = Vault::open(config, data, node, &shared.0).map_err(StartFault::at("ledger"))?;
    let shown = admin::Shown {
        registry: shared.0,
        readiness: shared.1,
        tokens: Arc::new(tokens.map_err(StartFault::at("admin token"))?),
        config: Arc::new(config.admin.clone()),
        listeners,
        treasury: Arc::new(vault),
        rights,
        providers: Arc::clone(&node.standing().published.world.providers),
        clock,
        crowd_minimum: config.crowd.minimum,
        counting,
    };
    AdminThread::start(config.admin.listen, shown).map_err(StartFault::at("admin listener"))
}

fn start_intake(
    listeners: Stand,
    config: &Config,
    registry: &Registry,
    node: &Arc<Node>,
) -> std::io::Result<Arc<Intake>> {
    let of_marks = Arc::clone(node);
    let node = Arc::clone(node);
    let publish = move |audience, vocabulary| node.publish_listeners(audience, vocabulary);
    let intake = Intake::start(listeners, &config.audience, registry, Box::new(publish))?;
    intake.tell_erased(move |key| {
        let till = of_marks.till();
        till.book().caps().erase(till.keys().marks().listener(key));
    });
    Ok(Arc::new(intake))
}

/// What a crash left unfinished was never acknowledged, but somebody will want to know.
fn tell_journal(opened: &Opened) {
    if let Some(Trimmed { file, offset, bytes }) = &opened.trimmed {
        tracing::warn!(file = %file.display(), offset, bytes, "an unfinished end was cut off");
    }
    tracing::info!(records = opened.records, "journal replayed");
}

/// A connection is an open file: with fewer of them than connections, accepting fails under load.
fn warn_of_few_files(connections: usize) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    if let Some(files) = files.filter(|&files| files < connections + 256) {
        tracing::warn!(files, connections, "fewer open files (ulimit -n) than connections allowed");
    }
}

/// Makes the world that `[demo]` describes, unless it is there, and serves that. `progress`:
/// listeners made so far, of how many.
pub fn make_demo(
    config: &mut Config,
    data: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StartFault> {
    let Some(demo) = config.demo else { return Ok(()) };
    let making = Making { data, vocabulary: &config.vocabulary, audience: &config.audience };
    demo.make(&making, progress).map_err(StartFault::at("demo world"))?;
    config.campaigns.files = vec![Demo::campaigns(data)];
    Ok(())
}

/// The parts of the bid door that are made anew for each server.
type Shared = (Arc<Registry>, Arc<Readiness>, Arc<dyn Clock>);

/// The door to a node.
type Doors = receive::Doors<Arc<Node>>;
