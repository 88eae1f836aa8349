//! Which events of which bids were settled before? A bounded window, in shards.
//!
//! A shard's lock is held from the question to the moment the entry stands in the journal's
//! queue, so that of two equal notices one is the first, and the other can wait for it.
//!
//! A bid is remembered until its ticket has expired, and a while longer. Should the clock step
//! back behind that, the ticket would be good again and the bid forgotten: so each shard knows
//! when tickets expire that it has [`Forgotten`], from the ledger also what was forgotten before a
//! restart, and a bid that it does not know, with such a ticket, counts as late. Nothing is charged
//! twice, whatever the clock does.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Kind;
use crate::base::units::time::Moment;
use crate::market::ticket::BidId;
use crate::offer::ledger::{Forgotten, RecentBid};

const SHARDS: usize = 64;
const _: () = assert!(Kind::ALL.len() <= 32, "kinds are bits of a u32");

pub(super) struct Seen {
    shards: Vec<Mutex<Shard>>,
    shard_max: usize,
    /// How long after the expiry of its ticket, or its last notice, a bid is remembered.
    keep_s: i64,
}

#[derive(Default)]
pub(super) struct Shard {
    bids: HashMap<BidId, SeenBid, foldhash::fast::RandomState>,
    /// May name bids that are kept longer by now.
    by_end: BinaryHeap<Reverse<(Moment, BidId)>>,
    forgotten: Forgotten,
}

struct SeenBid {
    /// It was made known, perhaps again, when bids like it had been forgotten: what is not said
    /// of it may have been.
    perhaps_again: bool,
    /// Bit `kind`: settled, perhaps not yet on disk.
    settled: u32,
    /// Bit `kind`: on disk.
    durable: u32,
    /// Bit `kind`: that it was told again and otherwise stands in the journal.
    disagreed: u32,
    /// What the billable event cost, to notice that another tells otherwise; [`UNTOLD`].
    price_nanos: i64,
    /// What the win told; [`UNTOLD`].
    won_nanos: i64,
    /// The first sign of a win, unless a loss came before it; [`NEVER`].
    shown: Moment,
    expires: Moment,
    /// The expiry of its ticket, or its last notice where that came later.
    last: Moment,
}

/// No price is below nought.
const UNTOLD: i64 = -1;
const NEVER: Moment = Moment::from_unix_us(i64::MAX);

/// An event to be remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub bid: BidId,
    /// One [`bit`] for each kind that is told.
    pub kinds: u32,
    /// When the ticket expires.
    pub expires: Moment,
    /// That, or the moment of the notice where it is later.
    pub last: Moment,
    /// Of the billable event: what it cost.
    pub price: Option<i64>,
    /// Of a win: the price that it told.
    pub won: Option<i64>,
    /// When it first showed that the bid was won.
    pub shown: Option<Moment>,
}

/// Where one event of one bid stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    New,
    /// Settled, but perhaps not on disk yet.
    Underway,
    Durable,
}

impl Seen {
    /// `forgotten`: what the ledger knows no more.
    pub fn new(bids_max: usize, keep_s: u32, forgotten: &Forgotten) -> Seen {
        let fresh = || Mutex::new(Shard { forgotten: forgotten.clone(), ..Shard::default() });
        let shards = (0..SHARDS).map(|_| fresh()).collect();
        Seen { shards, shard_max: bids_max.div_ceil(SHARDS), keep_s: i64::from(keep_s) }
    }

    pub fn shard(&self, bid: BidId) -> MutexGuard<'_, Shard> {
        // Bid ids are hashes already, but nothing here relies on it.
        let spread = bid.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58;
        lock(&self.shards[spread as usize % SHARDS])
    }

    /// Whether one more bid may be remembered; a loss must leave room for money.
    pub fn has_room(&self, shard: &mut Shard, kind: Kind, now: Moment) -> bool {
        let max = match kind {
            Kind::Loss => self.shard_max / 4 * 3,
            _ => self.shard_max,
        };
        if shard.bids.len() >= max {
            shard.forget(now.plus_s(-self.keep_s));
        }
        shard.bids.len() < max
    }

    pub fn sweep(&self, now: Moment) {
        for shard in &self.shards {
            lock(shard).forget(now.plus_s(-self.keep_s));
        }
    }

    /// At start: the bids of which the journal tells.
    pub fn restore<'a>(&self, bids: impl Iterator<Item = (BidId, &'a RecentBid)>, now: Moment) {
        let end = now.plus_s(-self.keep_s);
        let mut over = Vec::new();
        for (bid, recent) in bids {
            let (mut shard, last) = (self.shard(bid), recent.until());
            if last < end {
                over.push((bid, recent.expires));
                continue;
            }
            let RecentBid { kinds, billed: price, won, shown, expires, .. } = *recent;
            shard.settled(&Event { bid, kinds, expires, last, price, won, shown });
            if let Some(seen) = shard.bids.get_mut(&bid) {
                seen.durable = kinds;
            }
        }
        // Last, so that none of the others looks as if it had been forgotten.
        for (bid, expires) in over {
            self.shard(bid).forgotten.note(expires);
        }
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).bids.len()).sum()
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A panic under the lock leaves a map that is whole; money must go on being settled.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place of a kind among those of a bid.
pub(super) const fn bit(kind: Kind) -> u32 {
    1 << kind as u8
}

impl Shard {
    pub fn standing(&self, bid: BidId, kind: Kind) -> Standing {
        match self.bids.get(&bid) {
            Some(seen) if seen.durable & bit(kind) != 0 => Standing::Durable,
            Some(seen) if seen.settled & bit(kind) != 0 => Standing::Underway,
            _ => Standing::New,
        }
    }

    pub fn knows(&self, bid: BidId) -> bool {
        self.bids.contains_key(&bid)
    }

    /// Whether this bid may have been known and forgotten.
    pub fn may_have_forgotten(&self, bid: BidId, expires: Moment) -> bool {
        let seen = self.bids.get(&bid);
        seen.map_or_else(|| self.forgotten.may_hold(expires), |seen| seen.perhaps_again)
    }

    pub fn any_of(&self, bid: BidId, kinds: &[Kind]) -> bool {
        let seen = self.bids.get(&bid);
        seen.is_some_and(|seen| kinds.iter().any(|&kind| seen.settled & bit(kind) != 0))
    }

    /// What the billable event of this bid cost.
    pub fn price(&self, bid: BidId) -> Option<i64> {
        self.bids.get(&bid).map(|seen| seen.price_nanos).filter(|&nanos| nanos != UNTOLD)
    }

    /// When it first showed that this bid was won.
    pub fn shown(&self, bid: BidId) -> Option<Moment> {
        self.bids.get(&bid).map(|seen| seen.shown).filter(|&shown| shown != NEVER)
    }

    /// What the win of this bid told.
    pub fn won(&self, bid: BidId) -> Option<i64> {
        self.bids.get(&bid).map(|seen| seen.won_nanos).filter(|&nanos| nanos != UNTOLD)
    }

    pub fn settled(&mut self, event: &Event) {
        let seen = self.bids.entry(event.bid).or_insert(SeenBid {
            perhaps_again: self.forgotten.may_hold(event.expires),
            settled: 0,
            durable: 0,
            disagreed: 0,
            price_nanos: UNTOLD,
            won_nanos: UNTOLD,
            shown: NEVER,
            expires: event.expires,
            last: Moment::from_unix_us(i64::MIN),
        });
        if seen.settled & bit(Kind::Loss) == 0 {
            seen.shown = seen.shown.min(event.shown.unwrap_or(NEVER));
        }
        seen.settled |= event.kinds;
        if let Some(nanos) = event.price {
            seen.price_nanos = nanos;
        }
        if let Some(nanos) = event.won {
            seen.won_nanos = nanos;
        }
        if event.last > seen.last {
            seen.last = event.last;
            self.by_end.push(Reverse((event.last, event.bid)));
        }
    }

    pub fn durable(&mut self, bid: BidId, kind: Kind) {
        if let Some(seen) = self.bids.get_mut(&bid) {
            seen.durable |= bit(kind);
        }
    }

    /// `true` the first time that this event was told again and otherwise.
    pub fn disagrees(&self, bid: BidId, kind: Kind) -> bool {
        self.bids.get(&bid).is_some_and(|seen| seen.disagreed & bit(kind) == 0)
    }

    pub fn disagreed(&mut self, bid: BidId, kind: Kind) {
        if let Some(seen) = self.bids.get_mut(&bid) {
            seen.disagreed |= bit(kind);
        }
    }

    /// Forgets the bids that were over before `end`.
    fn forget(&mut self, end: Moment) {
        while let Some(&Reverse((last, bid))) = self.by_end.peek()
            && last < end
        {
            self.by_end.pop();
            if let Some(seen) = self.bids.get(&bid).filter(|seen| seen.last < end) {
                self.forgotten.note(seen.expires);
                self.bids.remove(&bid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::ids::LineId;

    const BID: BidId = BidId(5);
    fn at(s: i64) -> Moment {
        Moment::from_unix_s(s)
    }

    fn fresh(bids_max: usize) -> Seen {
        Seen::new(bids_max, 600, &Forgotten::default())
    }

    fn event(kind: Kind, last_s: i64) -> Event {
        let last = at(last_s);
        let shown = kind.shows_win().then_some(at(1));
        Event { bid: BID, kinds: bit(kind), expires: last, last, price: None, won: None, shown }
    }

    #[test]
    fn a_bid_is_remembered_to_the_very_end() {
        let seen = fresh(64);
        seen.shard(BID).settled(&event(Kind::Win, 1000));
        seen.shard(BID).settled(&event(Kind::Impression, 500));
        for (now, there) in [(1000, true), (1600, true), (1601, false)] {
            seen.sweep(at(now));
            assert_eq!(seen.len(), usize::from(there), "at {now}");
        }
        let shard = seen.shard(BID);
        assert_eq!(shard.standing(BID, Kind::Win), Standing::New);
        assert!(shard.may_have_forgotten(BID, at(1000)), "the clock stepped back");
        assert!(!shard.may_have_forgotten(BID, at(1001)), "a ticket of a later bid");
        assert!(!shard.may_have_forgotten(BID, at(999)), "and of an earlier one");
    }

    #[test]
    fn a_later_notice_keeps_it_longer() {
        let seen = fresh(64);
        seen.shard(BID).settled(&event(Kind::Win, 1000));
        seen.shard(BID).settled(&event(Kind::Start, 2000));
        seen.sweep(at(2600));
        assert!(seen.shard(BID).knows(BID) && !seen.shard(BID).may_have_forgotten(BID, at(0)));
        seen.sweep(at(2601));
        assert!(!seen.shard(BID).knows(BID) && seen.shard(BID).may_have_forgotten(BID, at(1000)));
        assert!(
            !seen.shard(BID).may_have_forgotten(BID, at(1001)),
            "its ticket tells, not the end"
        );
    }

    #[test]
    fn a_late_notice_does_not_make_a_forgotten_bid_new() {
        let seen = fresh(64);
        seen.shard(BID).settled(&event(Kind::Impression, 1000));
        seen.sweep(at(4600));
        // The clock is ahead; it is set back after this.
        seen.shard(BID).settled(&Event { last: at(4700), ..event(Kind::Complete, 1000) });
        assert!(seen.shard(BID).knows(BID));
        assert!(seen.shard(BID).may_have_forgotten(BID, at(1000)), "it was charged before");
    }

    #[test]
    fn what_it_told_stays() {
        let seen = fresh(64);
        let mut shard = seen.shard(BID);
        assert_eq!((shard.price(BID), shard.won(BID)), (None, None));
        shard.settled(&Event { won: Some(0), ..event(Kind::Win, 1000) });
        assert_eq!((shard.price(BID), shard.won(BID)), (None, Some(0)));
        shard.settled(&Event { price: Some(7), ..event(Kind::Impression, 1000) });
        shard.settled(&event(Kind::Start, 1000));
        assert_eq!((shard.price(BID), shard.won(BID)), (Some(7), Some(0)));
        assert!(shard.any_of(BID, &[Kind::Loss, Kind::Win]));
        assert!(!shard.any_of(BID, &[Kind::Loss, Kind::Billing]));
        assert!(!shard.any_of(BidId(6), Kind::ALL));
        assert_eq!(shard.standing(BID, Kind::Win), Standing::Underway);
        shard.durable(BID, Kind::Win);
        assert_eq!(shard.standing(BID, Kind::Win), Standing::Durable);
        assert_eq!(shard.standing(BID, Kind::Start), Standing::Underway);
    }

    #[test]
    fn a_win_shows_first_and_not_after_a_loss() {
        let seen = fresh(64);
        let mut shard = seen.shard(BID);
        shard.settled(&event(Kind::Error, 1000));
        assert_eq!(shard.shown(BID), None);
        for (shown, first) in [(7, 7), (9, 7), (5, 5)] {
            shard.settled(&Event { shown: Some(at(shown)), ..event(Kind::Start, 1000) });
            assert_eq!(shard.shown(BID), Some(at(first)));
        }
        drop(shard);
        let seen = fresh(64);
        let mut shard = seen.shard(BID);
        shard.settled(&event(Kind::Loss, 1000));
        shard.settled(&event(Kind::Win, 1000));
        assert_eq!(shard.shown(BID), None);
    }

    #[test]
    fn a_disagreement_is_told_once_a_kind() {
        let seen = fresh(64);
        let mut shard = seen.shard(BID);
        assert!(!shard.disagrees(BID, Kind::Win), "nothing was told before");
        shard.settled(&event(Kind::Win, 1000));
        assert!(shard.disagrees(BID, Kind::Win));
        shard.disagreed(BID, Kind::Win);
        assert!(!shard.disagrees(BID, Kind::Win) && shard.disagrees(BID, Kind::Impression));
    }

    #[test]
    fn a_restart_restores_what_may_still_come() {
        let recent = RecentBid {
            line: LineId(1),
            kinds: bit(Kind::Win) | bit(Kind::Impression),
            charged: true,
            test: false,
            billed: Some(7),
            won: Some(8),
            shown: Some(at(850)),
            made: at(800),
            expires: at(900),
            last: at(1000),
        };
        let other = RecentBid { expires: at(950), last: at(990), ..recent };
        let mut gone = Forgotten::default();
        gone.note(at(100));
        for order in [[(BID, &recent), (BidId(6), &other)], [(BidId(6), &other), (BID, &recent)]] {
            let seen = Seen::new(64, 600, &gone);
            seen.restore(order.into_iter(), at(1600));
            let shard = seen.shard(BID);
            assert_eq!(shard.standing(BID, Kind::Win), Standing::Durable);
            assert_eq!(shard.standing(BID, Kind::Impression), Standing::Durable);
            assert_eq!(shard.standing(BID, Kind::Start), Standing::New);
            assert_eq!((shard.price(BID), shard.won(BID)), (Some(7), Some(8)));
            assert_eq!(shard.shown(BID), Some(at(850)));
            assert!(!shard.may_have_forgotten(BID, at(900)), "in either order");
            drop(shard);
            assert!(seen.shard(BidId(6)).may_have_forgotten(BidId(6), at(950)));
        }
        let seen = Seen::new(64, 600, &gone);
        assert!(seen.shard(BidId(6)).may_have_forgotten(BidId(6), at(100)));
        assert!(!seen.shard(BidId(6)).may_have_forgotten(BidId(6), at(101)));
        seen.restore([(BID, &recent)].into_iter(), at(1601));
        assert!(!seen.shard(BID).knows(BID) && seen.shard(BID).may_have_forgotten(BID, at(900)));
        assert!(!seen.shard(BID).may_have_forgotten(BID, at(901)));
    }

    #[test]
    fn losses_leave_room_for_money() {
        let seen = fresh(64 * 4);
        let mut shard = seen.shard(BID);
        let room = [[true, true], [true, true], [false, true], [false, false]];
        for (n, expected) in (1..).zip(room) {
            shard.settled(&Event { bid: BidId(n), ..event(Kind::Loss, 1000) });
            let kinds = [Kind::Loss, Kind::Win];
            let room = kinds.map(|kind| seen.has_room(&mut shard, kind, at(1600)));
            assert_eq!(room, expected, "beside {n}");
        }
        // What may be forgotten makes room.
        assert!(seen.has_room(&mut shard, Kind::Loss, at(1601)));
        assert!(shard.bids.is_empty());
    }
}
