//! The house behind the door: the world that is served, and all that one request meets; hot.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_queue::ArrayQueue;

use super::asleep::Sleeper;
use super::foundation::{Built, Summary};
use super::money::Money;
use super::pacing::Paces;
use super::timings::Timings;
use crate::app::config::Config;
use crate::base::telemetry::{Counter, Gauge, Registry};
use crate::doors::receive::{BidCall, House, MediaFile, NoticeCall, query_value};
use crate::flows::decide::serve::{Published, Records, Worker, serve};
use crate::flows::decide::{Circumstance, Received};
use crate::flows::notice::{Settlement, Till, settle};
use crate::knowledge::audience::{Audience, Suppression};
use crate::knowledge::catalog::Kind;
use crate::knowledge::catalog::model::Catalog;
use crate::market::exchange::{Exchange, ExchangeIx};
use crate::market::openrtb::Wire;
use crate::market::openrtb::response::{Response, write_json, write_protobuf};
use crate::market::outcome::{NoBid, Outcome};
use crate::market::privacy::{Denial, Permissions};
use crate::market::ticket::{KeysFault, Ticket, TicketKeys};
use crate::market::vocabulary::Vocabulary;
use crate::offer::creative::click_target;
use crate::offer::delivery::{Desk, TooManyLines};
use crate::offer::records::RecordRing;

/// One server's decisions: swapped worlds over one ledger.
pub struct Node {
    published: ArcSwap<Standing>,
    /// Held by who publishes: campaigns and listeners come from two sides.
    publishing: Mutex<()>,
    till: Arc<Till>,
    ring: Arc<RecordRing>,
    sleeper: Sleeper,
    paces: Paces,
    money: Money,
    sample_ppm: u32,
    /// Reused memory; more requests than workers at once make new ones.
    workers: ArrayQueue<Box<Worker>>,
    /// False while money cannot be kept: nothing is bid.
    serving: AtomicBool,
    swaps: Counter,
    builds: Builds,
    refused_swaps: Counter,
    permitted: Permitted,
    timings: Timings,
}

/// How long those who decide in an old world may take before its memory is left to them.
const RETIRES: Duration = Duration::from_secs(5);

/// A published world, with what it was built from.
pub struct Standing {
    pub published: Published,
    pub built: Built,
}

impl Node {
    pub fn new(
        built: Built,
        config: &Config,
        till: Arc<Till>,
        (ring, sleeper, paces, money): (Arc<RecordRing>, Sleeper, Paces, Money),
        registry: &Registry,
    ) -> Result<Node, TooManyLines> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let places = config.server.workers.max(cores) * 2;
        let workers = ArrayQueue::new(places);
        for _ in 0..places {
            // The queue has exactly this many places.
            let _ = workers.push(Box::default());
        }
        let count = |name, help| registry.counter(name, help, &[]);
        let published = stand(&built, &till, None)?;
        money.turn();
        sleeper.look(&published);
        paces.turn(&published);
        Ok(Node {
            published: ArcSwap::from_pointee(Standing { published, built }),
            publishing: Mutex::new(()),
            till,
            ring,
            sleeper,
            paces,
            money,
            sample_ppm: config.records.sample_ppm,
            workers,
            serving: AtomicBool::new(true),
            builds: Builds::new(registry),
            permitted: Permitted::new(registry),
            timings: Timings::new(config, registry),
            swaps: count("interlude_world_swaps_total", "Worlds published after the first."),
            refused_swaps: count(
                "interlude_world_refused_swaps_total",
                "Worlds that were not published because of faults.",
            ),
        })
    }

    /// Every request from now on sees this world, before the listeners of the one that it
    /// follows; requests in flight end in theirs. One thread alone publishes campaigns.
    pub fn publish(&self, built: Built) -> Result<Summary, TooManyLines> {
        let before = {
            let Published { world, desk } = &self.standing().published;
            (Arc::clone(&world.catalog), Arc::clone(desk))
        };
        let published = stand(&built, &self.till, Some((&*before.0, &*before.1)))?;
        drop(before);
        // What it may spend is in the journal before its first request.
        self.money.turn();
        // Its first request already passes over the lines that sleep.
        self.sleeper.look(&published);
        self.paces.turn(&published);
        let alone = self.alone();
        let now = self.standing();
        let world = &now.published.world;
        let (listeners, words) = (Arc::clone(&world.audience), Arc::clone(&world.vocabulary));
        // Both only ever grow; whoever looked last knows more words.
        let own = Arc::clone(&built.world.vocabulary);
        let words = if words.len() > own.len() { words } else { own };
        let suppression = Arc::clone(&world.suppression);
        // Keys may have changed since the build began.
        let keys = Arc::clone(&world.keys);
        let built = built.with_listeners(listeners, words);
        let built = built.with_suppression(suppression).with_keys(keys);
        let summary = built.summary;
        self.stands(built, published.desk);
        drop(alone);
        self.swaps.increment(1);
        self.builds.count(&summary);
        retire(now);
        Ok(summary)
    }

    /// As [`Node::publish`], of other listeners before the same campaigns: moves a few pointers.
    pub fn publish_listeners(&self, audience: Arc<Audience>, vocabulary: Arc<Vocabulary>) {
        let alone = self.alone();
        let now = self.standing();
        let built = now.built.with_listeners(audience, vocabulary);
        self.stands(built, Arc::clone(&now.published.desk));
        drop(alone);
        retire(now);
    }

    /// As [`Node::publish_listeners`], of what listeners have refused: in effect when it returns.
    pub fn publish_suppression(&self, suppression: Arc<Suppression>) {
        let alone = self.alone();
        let now = self.standing();
        let built = now.built.with_suppression(suppression);
        self.stands(built, Arc::clone(&now.published.desk));
        drop(alone);
        retire(now);
    }

    /// From now on tickets are signed with these; those of the keys before are good as long as the
    /// new ones know them. Where they cannot take their place, nothing changes.
    pub fn rekey(&self, keys: TicketKeys) -> Result<(), KeysFault> {
        let alone = self.alone();
        let now = self.standing();
        keys.follow(&now.published.world.keys)?;
        // Known to the till before the first ticket of them is out.
        self.till.rekey(keys.clone());
        let built = now.built.with_keys(Arc::new(keys));
        self.stands(built, Arc::clone(&now.published.desk));
        drop(alone);
        retire(now);
        Ok(())
    }

    fn stands(&self, built: Built, desk: Arc<Desk>) {
        let published = Published { world: built.world.clone(), desk };
        self.published.store(Arc::new(Standing { published, built }));
    }

    /// Until it is dropped, nobody else publishes.
    fn alone(&self) -> MutexGuard<'_, ()> {
        self.publishing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a world that was not published.
    pub fn refused_swap(&self) {
        self.refused_swaps.increment(1);
    }

    /// What is served now.
    pub fn standing(&self) -> Arc<Standing> {
        self.published.load_full()
    }

    pub fn till(&self) -> &Arc<Till> {
        &self.till
    }

    pub(super) fn paces(&self) -> &Paces {
        &self.paces
    }

    pub(super) fn money(&self) -> &Money {
        &self.money
    }

    pub(super) fn timings(&self) -> &Timings {
        &self.timings
    }

    pub(super) fn sleeper(&self) -> &Sleeper {
        &self.sleeper
    }

    pub fn records(&self) -> &Arc<RecordRing> {
        &self.ring
    }

    /// No bids from now on; notices are still settled as far as they can be. `true`: there were.
    pub fn stop_bidding(&self) -> bool {
        self.serving.swap(false, Relaxed)
    }

    /// After [`Node::stop_bidding`]: returns when nobody is deciding any more.
    pub fn quiesce(&self) {
        let alone = self.alone();
        let now = self.standing();
        self.stands(now.built.clone(), Arc::clone(&now.published.desk));
        drop(alone);
        // Who decides holds the world that was published when they began.
        retire(now);
    }

    /// Ends [`Node::stop_bidding`]; `true`: there were none.
    pub fn bid_again(&self) -> bool {
        !self.serving.swap(true, Relaxed)
    }

    fn decide(&self, call: &BidCall<'_>, published: &Published, reply: &mut Vec<u8>) -> Outcome {
        // cold: more requests at once than there were workers made at the start.
        let mut worker = self.workers.pop().unwrap_or_default();
        worker.laps.start(call.arrived, self.timings.one_of);
        let wire = if call.format.is_protobuf() { Wire::Protobuf } else { Wire::Json };
        let received = Received::new(call.exchange, wire, call.body);
        let received = Received { gpc: call.gpc, ..received };
        let records = Records { ring: &self.ring, sample_ppm: self.sample_ppm };
        let at = Circumstance { moment: call.received, coin: published.world.coin };
        let spent_us = || i64::try_from(call.arrived.elapsed().as_micros()).unwrap_or(i64::MAX);
        let outcome = serve(&received, published, records, &mut worker, (at, spent_us));
        if let Some(ruling) = worker.scratch.made().ruling {
            self.permitted.count(ruling.permissions);
        }
        let of = (call.received, call.exchange, published.world.version);
        let took = worker.laps.end();
        self.timings.ended(&worker.scratch, outcome, of, took);
        match outcome {
            Outcome::Bid => worker.scratch.hand_over(reply),
            Outcome::NoBid(reason) => {
                let exchange = published.world.exchange(call.exchange);
                say_nbr(exchange, (&worker.scratch.made().request_id, wire), reason, reply);
            }
            Outcome::Malformed(_) => {}
        }
        // Full when a burst is over: the memory beyond the queue's places is given back.
        let _ = self.workers.push(worker);
        outcome
    }
}

/// Requests that were asked what they permit, by the first signal that took something away.
struct Permitted {
    full: Counter,
    /// By [`Denial`].
    denied: [Counter; Denial::ALL.len()],
}

impl Permitted {
    fn new(registry: &Registry) -> Permitted {
        let of = |label| {
            let help = "Bid requests by the first signal that permits less than everything.";
            registry.counter("interlude_consent_requests_total", help, &[("denial", label)])
        };
        Permitted { full: of("none"), denied: Denial::ALL.map(|denial| of(denial.label())) }
    }

    fn count(&self, permissions: Permissions) {
        let denied = permissions.denial().map(|denial| &self.denied[denial as usize]);
        denied.unwrap_or(&self.full).increment(1);
    }
}

/// Worlds of campaign files, by how they were built.
struct Builds(Vec<(Kind, Counter, Gauge)>);

impl Builds {
    fn new(registry: &Registry) -> Builds {
        let of = |kind: Kind| {
            let labels = &[("kind", kind.label())];
            let help = "Worlds built of campaign files: whole, a little edited, or the same.";
            let count = registry.counter("interlude_world_builds_total", help, labels);
            let help = "How long the last build took, from the files to the world.";
            (kind, count, registry.gauge("interlude_world_build_ms", help, labels))
        };
        Builds(Kind::ALL.map(of).into())
    }

    fn count(&self, summary: &Summary) {
        for (_, count, took) in self.0.iter().filter(|(kind, ..)| *kind == summary.kind) {
            count.increment(1);
            took.set(summary.build_ms as f64);
        }
    }
}

fn stand(
    built: &Built,
    till: &Till,
    before: Option<(&Catalog, &Desk)>,
) -> Result<Published, TooManyLines> {
    let world = built.world.clone();
    let desk = Arc::new(till.book().desk(&world.catalog, before)?);
    Ok(Published { world, desk })
}

/// Waits until nobody decides in an old world any more and frees it here: what takes long must
/// not fall to the thread of a request.
fn retire(mut old: Arc<Standing>) {
    let until = Instant::now() + RETIRES;
    loop {
        match Arc::try_unwrap(old) {
            Ok(standing) => return drop(standing),
            Err(_) if Instant::now() > until => {
                return tracing::warn!("an old world is still in use; its user will free it");
            }
            Err(shared) => old = shared,
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The reason of a no-bid, where the exchange's row wants it said (openrtb-audio T10).
fn say_nbr(exchange: &Exchange, asked: (&[u8], Wire), reason: NoBid, reply: &mut Vec<u8>) {
    let (id, wire) = asked;
    let Ok(id) = std::str::from_utf8(id) else { return };
    if !exchange.says_nbr || id.is_empty() {
        return;
    }
    let nbr = Some(reason.nbr());
    let response = Response { id, bidid: None, cur: exchange.currency, seatbid: &[], nbr };
    match wire {
        Wire::Json => write_json(&response, reply),
        Wire::Protobuf => write_protobuf(&response, reply),
    }
}

impl House for Arc<Node> {
    fn exchange(&self, key: &str) -> Option<ExchangeIx> {
        self.published.load().published.world.exchange_named(key)
    }

    fn bid(&self, call: &BidCall<'_>, reply: &mut Vec<u8>) -> Outcome {
        let standing = self.published.load();
        let published = &standing.published;
        if !self.serving.load(Relaxed) || !published.world.exchange(call.exchange).enabled {
            return Outcome::NoBid(NoBid::NotServing);
        }
        self.decide(call, published, reply)
    }

    async fn settle(&self, call: NoticeCall) -> Settlement {
        settle(&self.till, &call.notice()).await
    }

    fn landing(&self, ticket: &Ticket, query: &str) -> Option<String> {
        let standing = self.published.load();
        let catalog = &standing.published.world.catalog;
        let companion = query_value(query, "companion").and_then(|ix| ix.parse().ok());
        click_target(catalog, ticket, companion).map(str::to_owned)
    }

    fn media(&self, hash: &str) -> Option<MediaFile> {
        let standing = self.published.load();
        let file = standing.published.world.catalog.hosted(hash)?;
        Some(MediaFile { path: file.path.clone(), mime: file.mime.clone() })
    }
}
