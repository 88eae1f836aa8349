//! The process that is tried: production's book, till, desk and worlds, over a disk of its own,
//! which may stop at any moment. Everything that would be a thread is a call here.

use std::future::Future;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

mod disk;
mod money;

use super::auditor::LineBook;
use super::ground::Ground;
use super::plan::Plan;
use super::telling::Telling;
use super::venue::Venue;
use super::{Broken, Order};
use crate::base::journal::{self, Folder, Health, Journal, MemoryDisk};
use crate::base::units::ids::LineId;
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::flows::decide::coin::Coin;
use crate::flows::decide::serve::{Published, Records, Worker, serve};
use crate::flows::decide::world::{Parts, World};
use crate::flows::decide::{Circumstance, Received};
use crate::flows::notice::{
    self, Kind, Notice, Settled, Settlement, Step, Terms, Till, Upkeep, settle,
};
use crate::knowledge::audience::{Audience, Providers, Suppression};
use crate::knowledge::enrich::listener;
use crate::market::exchange::ExchangeIx;
use crate::market::openrtb::Wire;
use crate::market::outcome::Outcome;
use crate::market::ticket::TicketKeys;
use crate::offer::delivery::caps::{self, CapsLog, Restart, Settling};
use crate::offer::delivery::pacing::Pacer;
use crate::offer::delivery::{self, Book};
use crate::offer::ledger::{Following, Started, Stopped, rates_mark};
use crate::offer::records::{self, RecordRing};

/// A process, and what outlives it: its disk, and what it is built from.
pub struct House {
    ground: Ground,
    parts: Parts,
    delivery: delivery::Config,
    notice: notice::Config,
    disk: MemoryDisk,
    running: Option<Process>,
}

struct Process {
    /// Dropped first: it closes in order while the book is there.
    caps: Arc<Mutex<CapsLog>>,
    till: Arc<Till>,
    published: Published,
    ring: RecordRing,
    worker: Worker,
    waiting: Vec<Asked>,
    upkeep: Upkeep,
    /// What the journal is being told of the book, until it knows.
    step: Option<Step>,
    /// The ledger beside the journal, which writes its snapshots.
    following: Option<Following>,
    pacer: Pacer,
    /// The caps log is being written anew, until the next turn.
    settling: Option<Settling>,
    epoch: u64,
}

/// A notice that is being settled.
struct Asked {
    telling: Telling,
    answer: Pin<Box<dyn Future<Output = Settlement>>>,
}

/// How long the breaker holds lines back.
const COOL_DOWN_S: u32 = 60;

/// How often counts are written down.
const TALLY_S: u32 = 60;

/// Decisions between two emptyings of the records' ring.
const RING: usize = 256;

impl House {
    /// A house that has never been open.
    pub fn new(
        ground: &Ground,
        plan: &Plan,
        venues: &[Venue],
        order: &Order,
    ) -> Result<Self, Broken> {
        let (catalog, vocabulary) = ground.catalog(plan)?;
        let parts = Parts {
            catalog: Arc::new(catalog),
            vocabulary: Arc::new(vocabulary),
            audience: Arc::new(Audience::empty()),
            suppression: Arc::new(Suppression::empty(*ground.keys.marks())),
            exchanges: venues.iter().map(|venue| venue.row.clone()).collect(),
            rates: Arc::clone(&ground.rates),
            atlas: Arc::clone(&ground.atlas),
            keys: Arc::clone(&ground.keys),
            public_url: "https://ads.example".into(),
            coin: Coin::new(order.seed),
            listeners: listener::Config::default(),
            privacy: Arc::default(),
            providers: Arc::new(Providers::default()),
        };
        let delivery = delivery::Config {
            hold_queue: 1 << 10,
            holds_max: 1 << 14,
            // Small, so that it is written anew in every run.
            caps: caps::Config { slots: 1 << 12, settle_bytes: 4 << 10, ..Default::default() },
            lines_max: 1000,
            ..delivery::Config::default()
        };
        // Each segment that ends leaves a snapshot.
        let segment_bytes = if order.is_delivery() { 8 << 20 } else { 32 << 10 };
        let journal = journal::Config { segment_bytes, ..journal::Config::default() };
        let notice = notice::Config { seen_max: 1 << 16, journal, ..notice::Config::default() };
        Ok(House {
            ground: ground.clone(),
            parts,
            delivery,
            notice,
            disk: MemoryDisk::new(),
            running: None,
        })
    }

    fn folder(&self, name: &str) -> Folder {
        Folder::on(Arc::new(self.disk.clone()), name)
    }

    fn restart(&self, now: Moment) -> (Moment, i64, i64) {
        let rows = &self.parts.exchanges;
        let life_s = rows.iter().map(|row| i64::from(row.ticket_ttl_s)).max().unwrap_or(0);
        let win_s = rows.iter().map(|row| i64::from(row.win_window_s)).max().unwrap_or(0);
        let told = rows.iter().all(|row| row.sends_wins);
        (now, life_s, if told { win_s } else { life_s })
    }

    pub fn is_open(&self) -> bool {
        self.running.is_some()
    }

    /// Opens from what is on disk: the newest snapshot, and what the journal says since.
    pub fn open(&mut self, now: Moment) -> Result<(), Broken> {
        let (now, ticket_life_s, quarantine_s) = self.restart(now);
        let folder = self.folder("journal");
        let mut start = self.snapshots().newest(&folder).map_err(Broken::of)?;
        let (config, mark) = (&self.notice.journal, start.mark);
        let mut fold = |record: &[u8]| start.ledger.read(record).map_err(|why| why.to_string());
        let opened = Journal::stepped(folder.clone(), config, mark, &mut fold);
        let (journal, _) = opened.map_err(Broken::of)?;
        let ledger = &start.ledger;
        let book = Arc::new(Book::leased(&self.delivery));
        let terms = Terms {
            keys: TicketKeys::clone(&self.ground.keys),
            exchanges: Arc::clone(&self.parts.exchanges),
            rates: rates_mark(&self.ground.rates.id),
        };
        let epoch = ledger.run().epoch + 1;
        let mut upkeep = Upkeep::new(Arc::clone(&book), TALLY_S);
        upkeep.started(Started {
            moment: now,
            epoch,
            program: "simulated".to_owned(),
            restored: false,
        });
        let till = Till::over(&self.notice, terms, (journal, ledger), Arc::clone(&book), now);
        let world = World::assemble(self.parts.clone(), None);
        let desk = book.desk(&world.catalog, None).map_err(Broken::of)?;
        let told = &mut till.take_recent().into_iter();
        let restart = Restart { now, ticket_life_s, quarantine_s, told };
        let caps = CapsLog::open(&self.delivery.caps, self.folder("caps"), &book, restart);
        let caps = Arc::new(Mutex::new(caps.map_err(Broken::of)?.0));
        CapsLog::precede(&caps, till.journal());
        let following = Following::on(start, &folder, self.snapshots()).map_err(Broken::of)?;
        self.running = Some(Process {
            caps,
            till: Arc::new(till),
            published: Published { world, desk: Arc::new(desk) },
            ring: ring(),
            worker: Worker::new(),
            waiting: Vec::new(),
            upkeep,
            step: None,
            following: Some(following),
            pacer: Pacer::new(COOL_DOWN_S),
            settling: None,
            epoch,
        });
        self.turn(now);
        Ok(())
    }

    /// The process is gone; what it was asked and did not answer comes back. With a seed the
    /// machine went with it, and its disk keeps of what was not synced what the seed says.
    pub fn crash(&mut self, machine: Option<u64>) -> Vec<Telling> {
        match machine {
            Some(seed) => self.disk.crash(seed),
            // What is killed writes nothing any more.
            None => self.disk.fail(None, 1, true, ErrorKind::Interrupted),
        }
        let waiting = self.running.take().map(|process| process.waiting).unwrap_or_default();
        self.disk.heal();
        waiting.into_iter().map(|settling| settling.telling).collect()
    }

    /// The journal can keep nothing any more: who watches the process starts it anew.
    pub fn has_failed(&self) -> bool {
        self.running.as_ref().is_some_and(|process| process.till.failure().is_some())
    }

    /// An orderly end: all that waits is answered first.
    pub fn close(&mut self, now: Moment) -> Vec<(Telling, Settlement)> {
        let answered = self.sync();
        if let Some(process) = &mut self.running {
            let stopped = Stopped { moment: now, epoch: process.epoch };
            // What a full disk does not take stays leased, as after a crash.
            let _ = process.upkeep.close(process.till.journal(), stopped);
            process.till.journal().turn();
        }
        self.running = None;
        answered
    }

    /// Another plan is published, or stands in the files for the next start.
    pub fn publish(&mut self, plan: &Plan, now: Moment) -> Result<(), Broken> {
        let (catalog, vocabulary) = self.ground.catalog(plan)?;
        self.parts.catalog = Arc::new(catalog);
        self.parts.vocabulary = Arc::new(vocabulary);
        if let Some(process) = &mut self.running {
            let world = World::assemble(self.parts.clone(), None);
            let before = &process.published;
            let before = Some((&*before.world.catalog, &*before.desk));
            let desk = process.till.book().desk(&world.catalog, before).map_err(Broken::of)?;
            process.published = Published { world, desk: Arc::new(desk) };
            process.pace(now);
        }
        Ok(())
    }

    /// One bid request; the answer's body when there is a bid. `late`: too slow to be sent.
    pub fn bid(&mut self, venue: u16, body: &[u8], now: Moment, late: bool) -> Option<&[u8]> {
        let process =
            self.running.as_mut().filter(|process| process.till.health() == Health::Well)?;
        if process.ring.len() >= RING {
            process.ring = ring();
        }
        let received = Received::new(ExchangeIx(venue), Wire::Json, body);
        let records = Records { ring: &process.ring, sample_ppm: 0 };
        let at = Circumstance { moment: now, coin: process.published.world.coin };
        let spent_us = || if late { i64::MAX } else { 0 };
        let worker = &mut process.worker;
        let outcome = serve(&received, &process.published, records, worker, (at, spent_us));
        (outcome == Outcome::Bid).then(|| process.worker.scratch.reply())
    }

    /// A notice comes in; answered at once, or with a later [`House::sync`].
    pub fn tell(&mut self, telling: Telling, now: Moment) -> Option<(Telling, Settlement)> {
        let process = self.running.as_mut()?;
        let (till, told) = (Arc::clone(&process.till), telling.clone());
        let answer = async move {
            let kind = Kind::parse(told.event).unwrap_or(Kind::Error);
            let notice = Notice {
                kind,
                ticket: &told.ticket,
                price: &told.price,
                loss: told.loss,
                min_to_win: &told.min,
                moment: now,
            };
            settle(&till, &notice).await
        };
        let mut settling = Asked { telling, answer: Box::pin(answer) };
        match settling.poll() {
            Poll::Ready(settlement) => Some((settling.telling, settlement)),
            Poll::Pending => {
                process.waiting.push(settling);
                None
            }
        }
    }

    /// Whether anything waits for the disk.
    pub fn waits(&self) -> bool {
        let waits = |process: &Process| !process.waiting.is_empty() || process.step.is_some();
        self.running.as_ref().is_some_and(waits)
    }

    /// The disk does its work: those that waited for it are answered.
    pub fn sync(&mut self) -> Vec<(Telling, Settlement)> {
        let Some(process) = &mut self.running else { return Vec::new() };
        process.till.journal().turn();
        process.granted();
        let mut answered = Vec::new();
        for mut settling in std::mem::take(&mut process.waiting) {
            match settling.poll() {
                Poll::Ready(settlement) => answered.push((settling.telling, settlement)),
                Poll::Pending => process.waiting.push(settling),
            }
        }
        answered
    }

    /// The background turns of a moment.
    pub fn turn(&mut self, now: Moment) {
        let Some(process) = &mut self.running else { return };
        process.till.sweep(now);
        process.pace(now);
        // A fault of this log caps everybody; what it says of it is its own affair.
        let mut caps = process.caps.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = caps.turn();
        if let Some(settling) = process.settling.take() {
            let _ = settling();
        }
        process.settling = caps.settle(now).ok().flatten();
        drop(caps);
        process.follow();
        if process.step.is_none() {
            process.step = process.upkeep.begin(process.till.journal(), now).ok();
        }
    }

    /// What the process says of a line.
    pub fn line(&self, line: LineId, currency: &str) -> LineBook {
        let book = self.running.as_ref().map(|process| process.till.book());
        let currency = Currency::parse(currency).unwrap_or(Currency::USD);
        let state = book.and_then(|book| book.line(line, currency));
        state.map_or(LineBook { spent: 0, held: 0 }, |state| LineBook {
            spent: state.spent(),
            held: state.held(),
        })
    }
}

impl Process {
    /// The background's turn of all paces.
    fn pace(&mut self, now: Moment) {
        let Published { world, desk } = &self.published;
        desk.pace(&world.catalog, &mut self.pacer, now);
    }

    /// The ledger follows; after a fault no more, as its thread would.
    fn follow(&mut self) {
        let durable = self.till.journal().durable();
        if self.following.as_mut().is_some_and(|following| following.turn(durable).is_err()) {
            self.following = None;
        }
    }

    /// What the journal knows by now may be used.
    fn granted(&mut self) {
        let Some(mut step) = self.step.take() else { return };
        match step.now() {
            // What was refused is said again.
            Some(answer) => drop(self.upkeep.end(answer)),
            None => self.step = Some(step),
        }
    }
}

impl Asked {
    fn poll(&mut self) -> Poll<Settlement> {
        self.answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }
}

fn ring() -> RecordRing {
    RecordRing::new(&records::Config { ring: RING + 1, sample_buffers: 0, ..Default::default() })
}

/// Whether the sender should come again.
pub fn comes_again(settled: Settled) -> bool {
    settled == Settled::Unavailable
}
