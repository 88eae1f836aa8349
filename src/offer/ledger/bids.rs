//! Which bids may still be told of? What was settled of each, until no ticket of it can come.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::entry::{Effect, NoticeEntry};
use super::forgotten::Forgotten;
use crate::base::units::ids::LineId;
use crate::base::units::time::Moment;
use crate::market::notice::{Kind, PriceRule};
use crate::market::ticket::BidId;

/// How long after its ticket's expiry, or its last notice, a bid is kept.
pub const BID_KEEP_S: i64 = 3600;
/// How often those that are kept no longer are dropped.
const SWEEP_S: i64 = 300;
/// Sweeps further apart than this prove nothing: the clock may have jumped.
const SWEEP_MOST_S: i64 = 3600;
const _: () = assert!(Kind::ALL.len() <= 32, "kinds are bits of a u32");

/// What was settled of one bid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecentBid {
    pub line: LineId,
    /// Bit `kind as u8`: settled.
    pub kinds: u32,
    /// Its charge is booked.
    pub charged: bool,
    /// Books and counts nothing.
    pub test: bool,
    /// The price that its billable event told, in nanos of the bid's currency.
    pub billed: Option<i64>,
    /// The price that its win told in a readable form.
    pub won: Option<i64>,
    /// The first sign of a win, unless a loss came before it.
    pub shown: Option<Moment>,
    /// When it was made; an entry of old knows no better than its own moment.
    pub made: Moment,
    /// When its ticket expires.
    pub expires: Moment,
    /// Its latest notice.
    pub last: Moment,
}

impl RecentBid {
    pub const fn has(&self, kind: Kind) -> bool {
        self.kinds & 1 << kind as u8 != 0
    }

    /// The later of its ticket's expiry and its latest notice.
    pub fn until(&self) -> Moment {
        self.expires.max(self.last)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bids {
    pub by_id: HashMap<BidId, RecentBid, RandomState>,
    /// When the tickets of those expire that were dropped.
    pub forgotten: Forgotten,
    /// When it was last looked at what may go.
    pub swept: Moment,
}

impl Default for Bids {
    fn default() -> Bids {
        let (by_id, forgotten) = (HashMap::default(), Forgotten::default());
        Bids { by_id, forgotten, swept: Moment::from_unix_us(0) }
    }
}

impl Bids {
    pub fn is_charged(&self, bid: BidId) -> bool {
        self.by_id.get(&bid).is_some_and(|recent| recent.charged)
    }

    pub fn settle(&mut self, notice: &NoticeEntry) {
        let recent = self.by_id.entry(notice.bid).or_insert(RecentBid {
            line: notice.line,
            kinds: 0,
            charged: false,
            test: notice.effect == Effect::Test,
            billed: None,
            won: None,
            shown: None,
            made: notice.made,
            expires: notice.expires,
            last: notice.moment,
        });
        if notice.kind.shows_win() && !recent.has(Kind::Loss) {
            recent.shown = Some(recent.shown.map_or(notice.moment, |at| at.min(notice.moment)));
        }
        recent.kinds |= 1 << notice.kind as u8;
        recent.charged |= notice.effect == Effect::Charged;
        recent.expires = recent.expires.max(notice.expires);
        recent.last = recent.last.max(notice.moment);
        if notice.billable {
            recent.billed = Some(notice.price.nanos);
        }
        if notice.kind == Kind::Win && matches!(notice.rule, PriceRule::AsTold | PriceRule::Above) {
            recent.won = Some(notice.price.nanos);
        }
    }

    /// Drops what is kept no longer. Only when time has passed in two small steps: a clock that
    /// jumps far ahead must not make us forget what was charged.
    pub fn sweep(&mut self, now: Moment) {
        let step = now.unix_s() - self.swept.unix_s();
        if (0..SWEEP_S).contains(&step) {
            return;
        }
        self.swept = now;
        if (SWEEP_S..=SWEEP_MOST_S).contains(&step) {
            self.by_id.retain(|_, recent| {
                let keeps = recent.until().plus_s(BID_KEEP_S) >= now;
                if !keeps {
                    self.forgotten.note(recent.expires);
                }
                keeps
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::ledger::samples::notice;

    const START: i64 = 1_800_000_000;

    #[test]
    fn a_bid_is_kept_until_an_hour_after_its_ticket() {
        let mut bids = Bids::default();
        let mut entry = notice(Kind::Impression, Effect::Charged, 5);
        entry.moment = Moment::from_unix_s(START);
        entry.expires = Moment::from_unix_s(START + 1000);
        bids.settle(&entry);
        let end = START + 1000 + BID_KEEP_S;
        let mut at = START;
        bids.sweep(Moment::from_unix_s(at));
        while at < end {
            at += SWEEP_S;
            bids.sweep(Moment::from_unix_s(at));
            assert_eq!(bids.is_charged(entry.bid), at <= end, "at {at}");
        }
        assert!(bids.by_id.is_empty());
        assert!(bids.forgotten.may_hold(entry.expires));
        assert!(!bids.forgotten.may_hold(entry.expires.plus_s(1)));
    }

    #[test]
    fn a_jump_of_the_clock_forgets_nothing() {
        let mut bids = Bids::default();
        let entry = notice(Kind::Impression, Effect::Charged, 5);
        bids.settle(&entry);
        let now = entry.moment;
        for at in [0, 68 * 365 * 86_400, 1, -7200, 86_400, 2] {
            bids.sweep(now.plus_s(at));
            assert!(bids.is_charged(entry.bid), "after {at}");
            assert!(!bids.forgotten.may_hold(entry.expires));
        }
        // Nor does a step that is too small to look again.
        let swept = bids.swept;
        bids.sweep(swept.plus_s(SWEEP_S - 1));
        assert_eq!(bids.swept, swept);
        bids.sweep(swept.plus_s(SWEEP_S));
        assert_eq!(bids.swept, swept.plus_s(SWEEP_S));
    }

    #[test]
    fn what_a_bid_told_is_remembered() {
        let mut bids = Bids::default();
        let mut win = notice(Kind::Win, Effect::Counted, 0);
        win.billable = false;
        win.price.nanos = 3;
        bids.settle(&win);
        let told = bids.by_id[&win.bid];
        assert!(told.has(Kind::Win) && !told.has(Kind::Impression));
        assert!(!bids.is_charged(win.bid));
        assert_eq!((bids.by_id[&win.bid].billed, bids.by_id[&win.bid].won), (None, Some(3)));
        let mut paid = notice(Kind::Impression, Effect::Charged, 5);
        paid.expires = win.expires.plus_s(-50);
        bids.settle(&paid);
        let recent = bids.by_id[&win.bid];
        assert!(recent.charged && recent.has(Kind::Win) && recent.has(Kind::Impression));
        assert_eq!((recent.billed, recent.won), (Some(paid.price.nanos), Some(3)));
        assert_eq!(recent.until(), win.expires, "the later end counts");
        bids.settle(&NoticeEntry { effect: Effect::Counted, ..win });
        assert!(bids.is_charged(win.bid), "a charge stays");
        let unread = NoticeEntry { rule: PriceRule::Missing, bid: BidId(78), ..win };
        assert_eq!(recent.shown, Some(win.moment));
        bids.settle(&NoticeEntry { kind: Kind::Loss, bid: BidId(79), ..win });
        bids.settle(&NoticeEntry { bid: BidId(79), ..win });
        assert_eq!(bids.by_id[&BidId(79)].shown, None, "it was lost before");
        bids.settle(&NoticeEntry { moment: win.expires.plus_s(9), ..unread });
        let recent = bids.by_id[&BidId(78)];
        assert_eq!((recent.won, recent.until()), (None, win.expires.plus_s(9)));
    }
}
