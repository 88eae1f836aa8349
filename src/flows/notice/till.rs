//! Where are notices settled? The keys, the book, the journal and the window, and the steps of
//! [`settle`](super::settle) that do not wait.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::price::{Told, cpm_nanos, judge};
use super::seen::{Seen, Standing};
use super::{Config, Effect, Entry, Kind, Notice, PriceRule, Settled, Settlement};
use crate::base::journal::{Durable, Journal, JournalFault, Opened};
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::market::ticket::{BidId, Ticket, TicketFault, TicketKeys};
use crate::offer::delivery::{Book, Charge, Count, Released};

/// Everything that settling needs; one a process, shared.
pub struct Till {
    keys: TicketKeys,
    book: Arc<Book>,
    journal: Journal,
    seen: Seen,
    late_keep_s: i64,
    answers: Vec<AtomicU64>,
    rules: Vec<AtomicU64>,
    conflicts: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    #[error(transparent)]
    Journal(#[from] JournalFault),
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
    /// Opens the journal in `data` and brings book and window to where it ends. Do this before
    /// the first bid: what was spent must count.
    pub fn open(
        config: &Config,
        data: &Path,
        keys: TicketKeys,
        book: Arc<Book>,
        now: Moment,
    ) -> Result<(Till, Opened), OpenFault> {
        let seen = Seen::new(config.seen_max);
        let late_keep_s = i64::from(config.late_keep_s);
        let mut replay = |bytes: &[u8]| {
            let entry = Entry::decode(bytes).map_err(|fault| fault.to_string())?;
            restore(&entry, &book, &seen, late_keep_s, now);
            Ok(())
        };
        let (journal, opened) =
            Journal::open(&data.join(&config.dir), &config.journal, &mut replay)?;
        let counters = |n: usize| (0..n).map(|_| AtomicU64::new(0)).collect();
        let till = Till {
            keys,
            book,
            journal,
            seen,
            late_keep_s,
            answers: counters(Kind::ALL.len() * Settled::ALL.len()),
            rules: counters(PriceRule::ALL.len()),
            conflicts: AtomicU64::new(0),
        };
        Ok((till, opened))
    }

    /// The keys that bids are signed with.
    pub fn keys(&self) -> &TicketKeys {
        &self.keys
    }

    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Why nothing is acknowledged any more; `None` in health.
    pub fn failure(&self) -> Option<&str> {
        self.journal.failure()
    }

    /// Ends what has ended; called by the [`Sweeper`](super::Sweeper).
    pub fn sweep(&self, now: Moment) {
        self.book.sweep(now);
        self.seen.sweep(now);
    }

    pub(super) fn verify(&self, notice: &Notice<'_>) -> Result<Ticket, TicketFault> {
        self.keys.verify(notice.ticket, notice.kind.channel(), notice.moment)
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
        let told = judge(notice.price, ticket);
        if told.rule == PriceRule::Audit {
            self.rules[PriceRule::Audit as usize].fetch_add(1, Ordering::Relaxed);
            return Entered::at_once(Settled::Audit);
        }
        let (bid, kind) = (ticket.bid, notice.kind);
        let billable = kind.is_billable(ticket);
        let mut shard = self.seen.shard(bid);
        let standing = shard.standing(bid, kind);
        if standing != Standing::New {
            if billable && shard.price(bid) != Some(told.price.nanos) {
                self.conflicts.fetch_add(1, Ordering::Relaxed);
            }
            return match standing {
                Standing::Durable => Entered::at_once(Settled::Duplicate),
                _ => self.wait_for_first(),
            };
        }
        // First the places, then the effect: what takes effect can be written down.
        let Ok(place) = self.journal.reserve() else {
            return Entered::at_once(Settled::Unavailable);
        };
        if !shard.knows(bid) && !self.seen.has_room(&mut shard, kind, notice.moment) {
            return Entered::at_once(Settled::Unavailable);
        }
        let entry = self.effect(notice, ticket, late, told);
        let Ok(durable) = place.append(&entry.encode()) else {
            return Entered::at_once(Settled::Unavailable);
        };
        let until = remembered_until(&entry, self.late_keep_s);
        shard.settled(bid, kind, until, billable.then_some(told.price.nanos));
        drop(shard);
        let settled = match entry.effect {
            Effect::Counted | Effect::Charged | Effect::Test => Settled::Counted,
            Effect::Disputed => Settled::Disputed,
            Effect::Late => Settled::Late,
        };
        Entered { settled, durable: Some(durable) }
    }

    /// The first of two equal notices is in the journal's queue: wait until that is on disk.
    fn wait_for_first(&self) -> Entered {
        match self.journal.barrier() {
            Ok(durable) => Entered { settled: Settled::Duplicate, durable: Some(durable) },
            Err(_) => Entered::at_once(Settled::Unavailable),
        }
    }

    fn effect(&self, notice: &Notice<'_>, ticket: &Ticket, late: bool, told: Told) -> Entry {
        let kind = notice.kind;
        let effect = if late {
            Effect::Late
        } else if ticket.test {
            Effect::Test
        } else {
            self.deliver(kind, ticket, told)
        };
        let charged = match effect {
            Effect::Charged => told.charge,
            _ => Money::zero(ticket.held.currency),
        };
        let entry = Entry {
            kind,
            effect,
            rule: told.rule,
            moment: notice.moment,
            bid: ticket.bid,
            line: ticket.line,
            creative: ticket.creative,
            exchange: ticket.exchange,
            price: told.price,
            charged,
            held_nanos: ticket.held.nanos,
            expires: ticket.expires,
            loss: notice.loss.trim().parse().unwrap_or(-1),
            min_to_win: cpm_nanos(notice.min_to_win).unwrap_or(-1),
            billable: kind.is_billable(ticket),
        };
        count(&entry, &self.book);
        entry
    }

    /// What an event in time does to the money.
    fn deliver(&self, kind: Kind, ticket: &Ticket, told: Told) -> Effect {
        let (bid, line) = (ticket.bid, ticket.line);
        if kind.is_billable(ticket) {
            self.rules[told.rule as usize].fetch_add(1, Ordering::Relaxed);
            return match self.book.charge(bid, line, told.charge) {
                Charge::FromHold | Charge::FromFunds => Effect::Charged,
                Charge::NoFunds => Effect::Disputed,
            };
        }
        match kind {
            Kind::Loss => {
                if self.book.release(bid, line, false) == Released::Won {
                    self.conflicts.fetch_add(1, Ordering::Relaxed);
                }
            }
            Kind::NotUsed => {
                self.book.release(bid, line, true);
            }
            // An error may be that of a player which tries again.
            Kind::Error => {}
            // All others show that the bid has won.
            _ => {
                self.book.won(bid, line);
            }
        }
        Effect::Counted
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

    /// Events told twice with different prices, and losses of bids that had won.
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    /// Bids whose notices are remembered.
    pub fn remembered(&self) -> usize {
        self.seen.len()
    }
}

impl Kind {
    fn is_billable(self, ticket: &Ticket) -> bool {
        use crate::market::exchange::BillableEvent;
        let kind = match ticket.billable {
            BillableEvent::Impression => Kind::Impression,
            BillableEvent::Billing => Kind::Billing,
            BillableEvent::Win => Kind::Win,
        };
        self == kind
    }

    fn count(self) -> Option<Count> {
        Some(match self {
            Kind::Win => Count::Wins,
            Kind::Loss => Count::Losses,
            Kind::Impression => Count::Impressions,
            Kind::Start => Count::Starts,
            Kind::FirstQuartile => Count::FirstQuartiles,
            Kind::Midpoint => Count::Midpoints,
            Kind::ThirdQuartile => Count::ThirdQuartiles,
            Kind::Complete => Count::Completes,
            Kind::Click => Count::Clicks,
            Kind::Error => Count::Errors,
            Kind::NotUsed => Count::NotUsed,
            _ => return None,
        })
    }
}

fn remembered_until(entry: &Entry, late_keep_s: i64) -> Moment {
    entry.expires.max(entry.moment).plus_s(late_keep_s)
}

/// The rollups of the line; the same when it happens and when it is read back.
fn count(entry: &Entry, book: &Book) {
    let state = book.state(entry.line, entry.charged.currency);
    let event = entry.kind.count();
    match entry.effect {
        Effect::Counted | Effect::Charged => {
            event.inspect(|&event| state.count(event));
        }
        Effect::Disputed => {
            event.inspect(|&event| state.count(event));
            state.count(Count::Disputed);
        }
        Effect::Late if entry.billable => state.count(Count::Disputed),
        Effect::Late | Effect::Test => {}
    }
}

/// One entry of the journal, read back at start.
fn restore(entry: &Entry, book: &Book, seen: &Seen, late_keep_s: i64, now: Moment) {
    if entry.effect == Effect::Charged {
        book.restore(entry.line, entry.charged);
    }
    count(entry, book);
    let until = remembered_until(entry, late_keep_s);
    if until >= now {
        let mut shard = seen.shard(entry.bid);
        let price = entry.billable.then_some(entry.price.nanos);
        shard.settled(entry.bid, entry.kind, until, price);
        shard.durable(entry.bid, entry.kind);
    }
}
