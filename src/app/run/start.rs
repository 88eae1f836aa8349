//! How does a server come up? What is known first, then the money, then the doors.
//!
//! Called by [`Running::start`] and [`Running::take_over`]; cold.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::crowd::{self, CrowdLoop};
use super::money::{self, Money};
use super::node::Node;
use super::pacing::{self, Paces};
use super::press::Press;
use super::rights::{self, Rights};
use super::takeover::{Heir, Sockets};
use super::tasks::Loop;
use super::threads::{AdminThread, BidThreads};
use super::treasury::Vault;
use super::watch::Watcher;
use super::{
    Built, DataLock, Foundation, Known, Running, Sleeper, StartFault, asleep, caps, upkeep,
};
use crate::app::config::Config;
use crate::app::demo::{Demo, Making};
use crate::base::journal::{Opened, Trimmed};
use crate::base::telemetry::Registry;
use crate::base::units::time::{Clock, Moment};
use crate::doors::admin::{self, Counting};
use crate::doors::readiness::{Readiness, Stage};
use crate::flows::notice::{OpenedTill, Sweeper, Terms, Till, ticket_keys};
use crate::knowledge::audience::{Intake, Stand};
use crate::knowledge::crowd::Crowds;
use crate::market::ticket::TicketKeys;
use crate::offer::delivery::Book;
use crate::offer::ledger::rates_mark;
use crate::offer::records::{RecordRing, RecordWriter};

/// How a data folder becomes ours.
pub(super) enum Claim {
    Whole(DataLock),
    /// What is known is ours; the money is when all that is loaded.
    Heir(Heir),
}

impl Claim {
    fn own(self, data: &Path) -> Result<(DataLock, Option<Sockets>), StartFault> {
        match self {
            Claim::Whole(lock) => Ok((lock, None)),
            Claim::Heir(heir) => {
                let owned = heir.own(data).map_err(StartFault::at("takeover"))?;
                Ok((owned.0, Some(owned.1)))
            }
        }
    }
}

impl Running {
    /// From what is known on, to the first bid.
    pub(super) fn begin(
        mut config: Config,
        data: &Path,
        claim: Claim,
        clock: Arc<dyn Clock>,
    ) -> Result<Running, StartFault> {
        want_files(config.bid.connections_max);
        make_demo(&mut config, data, &mut |_, _| {})?;
        let (registry, readiness) = (Arc::new(Registry::new()), Arc::new(Readiness::default()));
        let keys = ticket_keys(&config.notice.tickets, data).map_err(StartFault::at("keys"))?;
        let listeners = Stand::open(data, &config.vocabulary, &config.audience)
            .map_err(StartFault::at("listeners"))?;
        let (foundation, book) =
            rights::lay_foundation(&config, data, keys.clone(), &listeners.words)?;
        let (press, built, crowds) = Press::start(foundation, &listeners.audience, &config.crowd)?;

        let (lock, handed) = claim.own(data)?;
        let since = Instant::now();
        let (till, epoch) = open_till(&config, data, keys, clock.now())?;
        let money = Money::new(&till, config.delivery.tally_s, epoch, (&clock, &registry));
        let stage = (data, &clock, &*registry);
        let (node, records) = start_node(built, &config, (&till, money), stage)?;
        let caps = caps::start(&config, data, &node, (Arc::clone(&clock), &registry))?;
        let intake =
            start_intake(listeners, &config, &registry, &node).map_err(StartFault::at("intake"))?;
        let rights = rights::begin(book, (&node, &intake), &config, (&records, &*clock, &registry));

        let is_heir = handed.is_some();
        let sockets = Sockets::bind(&config, handed).map_err(StartFault::at("listeners"))?;
        let kept = sockets.try_clone().map_err(StartFault::at("listeners"))?;
        let shared = (Arc::clone(&registry), Arc::clone(&readiness), Arc::clone(&clock));
        let bid = BidThreads::start(sockets.bid, &config, Arc::clone(&node), shared);
        let bid = Some(bid.map_err(StartFault::at("bid listener"))?);
        if is_heir {
            tracing::info!(gap_ms = since.elapsed().as_millis(), "taken over");
        }
        let loops = start_loops(&config, &node, &clock)?;
        let looking = look(&config, &node, (press, crowds), (&clock, &registry))?;
        let behind = (Arc::clone(&intake), &node, Arc::clone(&clock), looking.counting, rights);
        let shared = (Arc::clone(&registry), Arc::clone(&readiness));
        let (upkeep, failed) = upkeep::start(Arc::clone(&node), &config, shared.clone(), till)
            .map_err(StartFault::at("upkeep"))?;
        let admin = start_admin(sockets.admin, &config, data, shared, behind)?;
        readiness.advance(Stage::Ready);
        Ok(Running {
            sockets: Some(kept),
            admin_address: admin.address,
            bid,
            _upkeep: upkeep,
            _sleepers: loops.sleepers,
            _pacing: loops.pacing,
            money: Some(loops.money),
            known: Some(Known {
                watcher: looking.watcher,
                _crowd: looking.crowd,
                _admin: admin,
                intake,
            }),
            _sweeper: loops.sweeper,
            _caps: caps,
            records,
            node,
            registry,
            readiness,
            failed,
            clock,
            config,
            lock,
        })
    }
}

impl Running {
    /// What was let go for another server, which has left, is ours again. The world stays as it is
    /// until the files, all of which are read anew, make another.
    pub fn take_knowledge_back(&mut self, admin: TcpListener) -> Result<(), StartFault> {
        let (config, data, node) = (&self.config, self.lock.folder(), &self.node);
        let clock = Arc::clone(&self.clock);
        let keys = TicketKeys::clone(&node.standing().published.world.keys);
        let listeners = Stand::open(data, &config.vocabulary, &config.audience)
            .map_err(StartFault::at("listeners"))?;
        let (foundation, book) = rights::lay_foundation(config, data, keys, &listeners.words)?;
        let press = Press::resume(foundation, &config.crowd);
        node.publish_listeners(Arc::clone(&listeners.audience), listeners.words.snapshot());
        let intake = start_intake(listeners, config, &self.registry, node)
            .map_err(StartFault::at("intake"))?;
        let rights =
            rights::begin(book, (node, &intake), config, (&self.records, &*clock, &self.registry));
        let looking = look(config, node, press, (&clock, &self.registry))?;
        let behind = (Arc::clone(&intake), node, clock, looking.counting, rights);
        let shared = (Arc::clone(&self.registry), Arc::clone(&self.readiness));
        let admin = start_admin(admin, config, data, shared, behind)?;
        let Looking { watcher, crowd, .. } = looking;
        // Whatever the files say that is not served yet.
        watcher.ask_reload();
        self.known = Some(Known { watcher, _crowd: crowd, _admin: admin, intake });
        Ok(())
    }
}

/// Whether a server could start from what is there, as far as that can be seen from outside.
pub(super) fn rehearse(config: &Config, data: &Path) -> Result<(), StartFault> {
    // A demo's campaigns are its own, and made again at need.
    if config.demo.is_some() {
        return Ok(());
    }
    let keys = ticket_keys(&config.notice.tickets, data).map_err(StartFault::at("keys"))?;
    let foundation = Foundation::lay(config, data, keys)?;
    foundation.rehearse().map_err(StartFault::at("campaigns"))
}

/// The house, and who writes down what it decides.
fn start_node(
    built: Built,
    config: &Config,
    (till, money): (&Arc<Till>, Money),
    (data, clock, registry): (&Path, &Arc<dyn Clock>, &Registry),
) -> Result<(Arc<Node>, RecordWriter), StartFault> {
    let ring = Arc::new(RecordRing::new(&config.records));
    let records = RecordWriter::start(Arc::clone(&ring), &config.records, data, Arc::clone(clock))
        .map_err(StartFault::at("decision records"))?;
    let sleeper = Sleeper::open(&config.records, data, Arc::clone(clock), registry)
        .map_err(StartFault::at("sleeping lines"))?;
    let paces = Paces::new(&config.delivery.pacing, data, clock, registry);
    let kept = (ring, sleeper, paces, money);
    let node = Node::new(built, config, Arc::clone(till), kept, registry);
    Ok((node.map(Arc::new).map_err(StartFault::at("world"))?, records))
}

/// The loops of a server that has a world and money.
struct Loops {
    sweeper: Sweeper,
    sleepers: Loop,
    money: Loop,
    pacing: Loop,
}

fn start_loops(
    config: &Config,
    node: &Arc<Node>,
    clock: &Arc<dyn Clock>,
) -> Result<Loops, StartFault> {
    let till = Arc::clone(node.till());
    Ok(Loops {
        sweeper: Sweeper::start(till, Arc::clone(clock), config.delivery.sweep_ms)
            .map_err(StartFault::at("sweeper"))?,
        sleepers: asleep::start(Arc::clone(node), config.delivery.sleep_ms)?,
        money: money::start(Arc::clone(node), config.delivery.turn_ms)?,
        pacing: pacing::start(Arc::clone(node), &config.delivery.pacing)?,
    })
}

/// Who looks at what is known: for changed campaigns, and how many listeners there are of a kind.
struct Looking {
    watcher: Watcher,
    crowd: CrowdLoop,
    counting: Arc<Counting>,
}

fn look(
    config: &Config,
    node: &Arc<Node>,
    (press, crowds): (Press, Arc<Crowds>),
    (clock, registry): (&Arc<dyn Clock>, &Registry),
) -> Result<Looking, StartFault> {
    let watcher = Watcher::start(press, Arc::clone(node), config.campaigns.watch_ms)
        .map_err(StartFault::at("campaign watcher"))?;
    let (crowd, counting) = crowd::start(config, (node, crowds), clock, registry)
        .map_err(StartFault::at("crowd counts"))?;
    Ok(Looking { watcher, crowd, counting })
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
    listener: TcpListener,
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
        slow: node.timings().slow(),
        crowd_minimum: config.crowd.minimum,
        counting,
    };
    AdminThread::start(listener, shown).map_err(StartFault::at("admin listener"))
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
/// Takes as many as the system grants.
fn want_files(connections: usize) {
    let want = connections as u64 + 256;
    let limit = getrlimit(Resource::Nofile);
    let granted = limit.maximum.map_or(want, |most| most.min(want));
    if limit.current.is_some_and(|now| now < granted) {
        // What is refused shows below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(granted), ..limit });
    }
    if let Some(files) = getrlimit(Resource::Nofile).current.filter(|&files| files < want) {
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
