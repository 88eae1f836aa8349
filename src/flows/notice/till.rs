//! Where are notices settled? Keys, book, journal, window, and the steps that do not wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::case::{Case, count, event};
use super::hoard::{Hoard, HoardStats};
use super::meeting::{is_heard, meeting, told};
use super::price::{Telling, cpm_nanos, judge};
use super::seen::{Seen, Shard, Standing};
use super::{Config, Kind, Notice, PriceRule, Settled, Settlement};
use crate::base::journal::{Durable, Folder, Health, Journal, JournalFault, Opened};
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::market::exchange::Exchange;
use crate::market::ticket::{BidId, Ticket, TicketFault, TicketKeys};
use crate::offer::delivery::caps::Told as ToldBid;
use crate::offer::delivery::{Book, Charge, Due};
use crate::offer::ledger::{self, Conflict, Effect, Entry, Ledger, NoticeEntry, Snapshots, Start};

/// Everything that settling needs; one a process, shared.
pub struct Till {
    keys: ArcSwap<TicketKeys>,
    exchanges: Arc<[Exchange]>,
    rates: u64,
    book: Arc<Book>,
    journal: Journal,
    seen: Seen,
    hoard: Hoard,
    answers: Vec<AtomicU64>,
    rules: Vec<AtomicU64>,
    conflicts: Vec<AtomicU64>,
    /// What the journal said at start of bids that caps may not know.
    recent: Mutex<Vec<ToldBid>>,
}

/// By what notices are judged.
#[derive(Clone)]
pub struct Terms {
    pub keys: TicketKeys,
    /// In the order that tickets number them.
    pub exchanges: Arc<[Exchange]>,
    /// [`rates_mark`](ledger::rates_mark) of the rates that bids are converted by.
    pub rates: u64,
}

/// A till, and what was found when it was opened.
pub struct OpenedTill {
    pub till: Till,
    pub opened: Opened,
    /// The ledger at the journal's end, for whoever follows it from here.
    pub start: Start,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    #[error(transparent)]
    Journal(#[from] JournalFault),
    #[error("the snapshots of the ledger: {0}")]
    Snapshots(std::io::Error),
}

/// A step that is done in memory; to be answered when `durable` resolves.
pub(super) struct Entered {
    pub settled: Settled,
    pub durable: Option<Durable>,
}

impl Entered {
    fn at_once(settled: Settled) -> Entered {
        Entered { settled, durable: None }
    }
}

impl Till {
    /// Opens the journal in `data` and brings book and window to where it ends: the newest
    /// snapshot and what was written since. Do this before the first bid: what was spent must
    /// count.
    pub fn open(
        (config, ledger): (&Config, &ledger::Config),
        data: impl Into<Folder>,
        terms: Terms,
        book: Arc<Book>,
        now: Moment,
    ) -> Result<OpenedTill, OpenFault> {
        let data = data.into();
        let folder = data.join(&config.dir);
        let snapshots = Snapshots::new(data.join(&ledger.dir), ledger.keep());
        let mut start = snapshots.newest(&folder).map_err(OpenFault::Snapshots)?;
        let folded = &mut start.ledger;
        let mut read = |record: &[u8]| folded.read(record).map_err(|fault| fault.to_string());
        let (journal, opened) = Journal::open_from(folder, &config.journal, start.mark, &mut read)?;
        let till = Till::over(config, terms, (journal, &start.ledger), book, now);
        Ok(OpenedTill { till, opened, start })
    }

    /// Over a journal that is open, and what it has said so far.
    pub fn over(
        config: &Config,
        terms: Terms,
        (journal, ledger): (Journal, &Ledger),
        book: Arc<Book>,
        now: Moment,
    ) -> Till {
        let lives = terms.exchanges.iter().map(|row| i64::from(row.ticket_ttl_s));
        book.seed(ledger, now, lives.max().unwrap_or(0));
        let seen = Seen::new(config.seen_max, config.late_keep_s, ledger.forgotten());
        seen.restore(ledger.bids(), now);
        let counters = |n: usize| (0..n).map(|_| AtomicU64::new(0)).collect();
        Till {
            keys: ArcSwap::from_pointee(terms.keys),
            exchanges: terms.exchanges,
            rates: terms.rates,
            book,
            journal,
            seen,
            hoard: Hoard::new(config.hoard.clone()),
            answers: counters(Kind::ALL.len() * Settled::ALL.len()),
            rules: counters(PriceRule::ALL.len()),
            conflicts: counters(Conflict::ALL.len()),
            recent: Mutex::new(told(ledger)),
        }
    }

    /// Money's record, for whoever else writes into it or follows it.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What the journal said at start of bids whose tickets live; once.
    pub fn take_recent(&self) -> Vec<ToldBid> {
        std::mem::take(&mut self.recent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys that tickets are verified with.
    pub fn keys(&self) -> Guard<Arc<TicketKeys>> {
        self.keys.load()
    }

    /// From now on tickets are verified with these. Do this before any is signed with them.
    pub fn rekey(&self, keys: TicketKeys) {
        self.keys.store(Arc::new(keys));
    }

    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Whether notices can be written down.
    pub fn health(&self) -> Health {
        self.journal.health()
    }

    /// Why nothing is acknowledged any more; `None` in health.
    pub fn failure(&self) -> Option<&str> {
        self.journal.failure()
    }

    /// Ends what has ended; called by the [`Sweeper`](super::Sweeper).
    pub fn sweep(&self, now: Moment) {
        self.book.sweep(now);
        self.seen.sweep(now);
        if let Some(boxed) = self.hoard.turn(now) {
            self.book.boxes().publish(boxed);
        }
    }

    pub(super) fn verify(&self, notice: &Notice<'_>) -> Result<Ticket, TicketFault> {
        self.keys.load().verify(notice.ticket, notice.kind.channel(), notice.moment)
    }

    pub(super) fn refused(&self, kind: Kind, fault: TicketFault) -> Settlement {
        let settled = match fault {
            TicketFault::Malformed => Settled::Malformed,
            TicketFault::UnknownKey => Settled::UnknownKey,
            TicketFault::Forged => Settled::Forged,
            TicketFault::WrongChannel => Settled::WrongChannel,
            TicketFault::Expired(_) => Settled::Late,
        };
        self.answered(kind, settled);
        Settlement { settled, ticket: None }
    }

    pub(super) fn answered(&self, kind: Kind, settled: Settled) {
        let at = kind as usize * Settled::ALL.len() + settled as usize;
        self.answers[at].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_durable(&self, bid: BidId, kind: Kind) {
        self.seen.shard(bid).durable(bid, kind);
    }

    /// Dedupes, takes effect, and gives the entry to the journal; all or nothing, no waiting.
    pub(super) fn enter(&self, notice: &Notice<'_>, ticket: &Ticket, late: bool) -> Entered {
        let shard = self.seen.shard(ticket.bid);
        let told = judge(&Telling {
            text: notice.price,
            ticket,
            exchange: self.exchanges.get(usize::from(ticket.exchange.0)),
            won: shard.won(ticket.bid),
        });
        if told.rule == PriceRule::Audit {
            self.rules[PriceRule::Audit as usize].fetch_add(1, Ordering::Relaxed);
            return Entered::at_once(Settled::Audit);
        }
        let case = Case { notice, ticket, told, billable: notice.kind.is_billable(ticket) };
        match shard.standing(ticket.bid, notice.kind) {
            Standing::New => self.first(&case, late, shard),
            standing => self.again(&case, standing, shard),
        }
    }

    fn first(&self, case: &Case<'_>, late: bool, mut shard: MutexGuard<'_, Shard>) -> Entered {
        let (bid, kind, moment) = (case.ticket.bid, case.notice.kind, case.notice.moment);
        // First the places, then the effect: what takes effect can be written down.
        let Ok(place) = self.journal.reserve() else {
            return Entered::at_once(Settled::Unavailable);
        };
        // Asked before room is made: that may forget more.
        let late = late || shard.may_have_forgotten(bid, case.ticket.expires);
        if !shard.knows(bid) && !self.seen.has_room(&mut shard, kind, moment) {
            return Entered::at_once(Settled::Unavailable);
        }
        if is_heard(kind, case.ticket, &shard) {
            self.book.heard(&meeting(case.ticket), moment);
        }
        let effect = self.effect(case, late, &shard);
        if kind == Kind::Win && effect != Effect::Test {
            self.book.adopt(&meeting(case.ticket), moment);
        }
        let entry = self.entry(case, effect, case.contradicts(&shard));
        let Ok(durable) = place.append(&Entry::Notice(entry).to_bytes()) else {
            return Entered::at_once(Settled::Unavailable);
        };
        shard.settled(&event(&entry));
        drop(shard);
        count(&entry, &self.book);
        if let Some(conflict) = entry.conflict {
            self.conflicts[conflict as usize].fetch_add(1, Ordering::Relaxed);
        }
        let settled = match effect {
            Effect::Counted | Effect::Charged | Effect::Test | Effect::Conflict => Settled::Counted,
            Effect::Disputed => Settled::Disputed,
            Effect::Late => Settled::Late,
        };
        Entered { settled, durable: Some(durable) }
    }

    /// The same event of the same bid. The first stands; that another tells otherwise is written
    /// down once, and counted each time.
    fn again(
        &self,
        case: &Case<'_>,
        standing: Standing,
        mut shard: MutexGuard<'_, Shard>,
    ) -> Entered {
        let (bid, kind) = (case.ticket.bid, case.notice.kind);
        let disagrees =
            case.billable && case.told.itself() && shard.price(bid) != Some(case.told.price.nanos);
        if disagrees {
            self.conflicts[Conflict::Price as usize].fetch_add(1, Ordering::Relaxed);
        }
        let durable = if disagrees && shard.disagrees(bid, kind) {
            let entry = self.entry(case, Effect::Conflict, Some(Conflict::Price));
            let durable = self.journal.append(&Entry::Notice(entry).to_bytes());
            if durable.is_ok() {
                shard.disagreed(bid, kind);
            }
            durable
        } else if standing == Standing::Durable {
            return Entered::at_once(Settled::Duplicate);
        } else {
            // The first is in the journal's queue.
            self.journal.barrier()
        };
        match durable {
            Ok(durable) => Entered { settled: Settled::Duplicate, durable: Some(durable) },
            Err(_) => Entered::at_once(Settled::Unavailable),
        }
    }

    fn effect(&self, case: &Case<'_>, late: bool, shard: &Shard) -> Effect {
        if case.ticket.test {
            return Effect::Test;
        }
        if late {
            Effect::Late
        } else if case.billable {
            self.charge(case, shard)
        } else {
            self.deliver(case);
            Effect::Counted
        }
    }

    fn charge(&self, case: &Case<'_>, shard: &Shard) -> Effect {
        let (Ticket { bid, line, made, exchange, .. }, told) = (*case.ticket, case.told);
        let row = self.exchanges.get(usize::from(exchange.0));
        let open = case.may_be_open(row, shard);
        self.rules[told.rule as usize].fetch_add(1, Ordering::Relaxed);
        self.hoard.billed(bid);
        match self.book.charge(&Due { bid, line, made, charge: told.charge, open }) {
            Charge::FromHold | Charge::FromFunds => Effect::Charged,
            Charge::NoFunds => Effect::Disputed,
        }
    }

    /// What an event that is not billable does to the hold.
    fn deliver(&self, case: &Case<'_>) {
        let Ticket { bid, line, .. } = *case.ticket;
        match case.notice.kind {
            Kind::Loss => {
                self.book.release(bid, line, false);
                self.hoard.let_go(bid);
            }
            Kind::NotUsed => {
                self.book.release(bid, line, true);
                self.hoard.let_go(bid);
            }
            // An error may be that of a player which tries again.
            Kind::Error => {}
            // All others show that the bid has won.
            kind => {
                self.book.won(bid, line);
                if kind == Kind::Win {
                    self.hoard.won(case.ticket, case.notice.moment);
                }
            }
        }
    }

    fn entry(&self, case: &Case<'_>, effect: Effect, conflict: Option<Conflict>) -> NoticeEntry {
        let Case { notice, ticket, told, billable } = *case;
        let books = !matches!(effect, Effect::Test | Effect::Conflict);
        let due = if billable && books { told.charge.nanos } else { 0 };
        let charged = if effect == Effect::Charged { due } else { 0 };
        let is_converted = ticket.price.currency != ticket.held.currency;
        let owner = self.book.owner(ticket.line, ticket.held.currency, ticket.made);
        NoticeEntry {
            kind: notice.kind,
            effect,
            rule: told.rule,
            moment: notice.moment,
            made: ticket.made,
            day: owner.day,
            bid: ticket.bid,
            line: ticket.line,
            campaign: owner.campaign,
            advertiser: owner.advertiser,
            creative: ticket.creative,
            exchange: ticket.exchange,
            price: told.price,
            charged: Money::new(charged, ticket.held.currency),
            due_nanos: due,
            held_nanos: ticket.held.nanos,
            expires: ticket.expires,
            rates: if is_converted { self.rates } else { 0 },
            loss: notice.loss.trim().parse().unwrap_or(-1),
            min_to_win: cpm_nanos(notice.min_to_win).unwrap_or(-1),
            billable,
            conflict,
        }
    }

    /// How notices were answered: kind, answer, number; only what was seen.
    pub fn answers(&self) -> impl Iterator<Item = (Kind, Settled, u64)> {
        let pairs = Kind::ALL.iter().flat_map(|&kind| Settled::ALL.iter().map(move |&s| (kind, s)));
        let read = |((kind, settled), n): ((Kind, Settled), &AtomicU64)| {
            (kind, settled, n.load(Ordering::Relaxed))
        };
        pairs.zip(&self.answers).map(read).filter(|&(_, _, n)| n > 0)
    }

    /// Under which rule the prices of billable events fell.
    pub fn rules(&self) -> impl Iterator<Item = (PriceRule, u64)> {
        PriceRule::ALL.iter().zip(&self.rules).map(|(&rule, n)| (rule, n.load(Ordering::Relaxed)))
    }

    /// Notices that contradict one before.
    pub fn conflicts(&self) -> impl Iterator<Item = (Conflict, u64)> {
        let all = Conflict::ALL.iter().zip(&self.conflicts);
        all.map(|(&conflict, n)| (conflict, n.load(Ordering::Relaxed)))
    }

    /// What there is to tell of hoarded wins.
    pub fn hoarding(&self) -> HoardStats {
        self.hoard.stats()
    }

    /// Bids whose notices are remembered.
    pub fn remembered(&self) -> usize {
        self.seen.len()
    }
}
