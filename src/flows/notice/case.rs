//! What is one notice, beside its text? The case that the till decides, and what is kept of it.
//! Warm.

use super::price::Told;
use super::seen::{Event, Shard, bit};
use super::{Kind, Notice, PriceRule};
use crate::market::exchange::{BillableEvent, Exchange};
use crate::market::ticket::Ticket;
use crate::offer::delivery::{Book, Count};
use crate::offer::ledger::{Conflict, Effect, NoticeEntry};

/// A genuine notice with the verdict on its price.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub notice: &'a Notice<'a>,
    pub ticket: &'a Ticket,
    pub told: Told,
    pub billable: bool,
}

impl Case<'_> {
    /// Whether the bid's hold may be open yet, by what was told of it: no `notUsed`, no loss before
    /// a win, and a sign of a win within the window, where its exchange tells wins.
    pub fn may_be_open(&self, row: Option<&Exchange>, shard: &Shard) -> bool {
        let (bid, made) = (self.ticket.bid, self.ticket.made);
        let shown = shard.shown(bid);
        if shard.any_of(bid, &[Kind::NotUsed])
            || shown.is_none() && shard.any_of(bid, &[Kind::Loss])
        {
            return false;
        }
        let Some(row) = row.filter(|row| row.sends_wins) else { return true };
        // A ticket knows the second that it was made in; its hold lives to a whole one.
        let win_by = made.plus_s(i64::from(row.win_window_s) + 1);
        shown.unwrap_or(self.notice.moment).min(self.notice.moment) <= win_by
    }

    /// Whether a win and a loss were told of one bid.
    pub fn contradicts(&self, shard: &Shard) -> Option<Conflict> {
        const WON: [Kind; 3] = [Kind::Win, Kind::Billing, Kind::Impression];
        let kind = self.notice.kind;
        if kind == Kind::Loss && shard.any_of(self.ticket.bid, &WON) {
            Some(Conflict::LossAfterWin)
        } else if WON.contains(&kind) && shard.any_of(self.ticket.bid, &[Kind::Loss]) {
            Some(Conflict::WinAfterLoss)
        } else {
            None
        }
    }
}

impl Kind {
    pub(super) fn is_billable(self, ticket: &Ticket) -> bool {
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

/// What is remembered of an entry.
pub(super) fn event(entry: &NoticeEntry) -> Event {
    let told = matches!(entry.rule, PriceRule::AsTold | PriceRule::Above);
    Event {
        expires: entry.expires,
        bid: entry.bid,
        kinds: bit(entry.kind),
        last: entry.expires.max(entry.moment),
        price: entry.billable.then_some(entry.price.nanos),
        won: (entry.kind == Kind::Win && told).then_some(entry.price.nanos),
        shown: entry.kind.shows_win().then_some(entry.moment),
    }
}

/// The rollups of the line, as the ledger counts them.
pub(super) fn count(entry: &NoticeEntry, book: &Book) {
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
        Effect::Late | Effect::Test | Effect::Conflict => {}
    }
}
