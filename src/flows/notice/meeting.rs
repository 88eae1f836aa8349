//! What do caps learn of a notice? That an ad was heard, for the first time; that a bid was won.
//! Warm.

use std::collections::HashMap;

use super::Kind;
use super::seen::{Shard, Standing};
use crate::base::units::time::Moment;
use crate::market::exchange::BillableEvent;
use crate::market::ticket::{BidId, Ticket};
use crate::offer::delivery::caps::{Meeting, Told};
use crate::offer::ledger::{Effect, NoticeEntry};

/// Who met what, as the ticket says it.
pub(super) fn meeting(ticket: &Ticket) -> Meeting {
    Meeting {
        bid: ticket.bid,
        line: ticket.line,
        creative: ticket.creative,
        mark: ticket.listener,
        made: ticket.made,
        expires: ticket.expires,
    }
}

/// Whether the ad was heard, and nothing told so before: the player's impression, or the
/// exchange's billing where that is what it calls one. However late, and whatever it is charged.
pub(super) fn is_heard(kind: Kind, ticket: &Ticket, shard: &Shard) -> bool {
    let tells = match kind {
        Kind::Impression => true,
        Kind::Billing => ticket.billable == BillableEvent::Billing,
        _ => false,
    };
    let fresh = |kind| shard.standing(ticket.bid, kind) == Standing::New;
    tells && !ticket.test && fresh(Kind::Impression) && fresh(Kind::Billing)
}

/// What a replay of the journal tells of bids whose tickets live: which were won or heard.
#[derive(Default)]
pub(super) struct Recent(HashMap<BidId, Told>);

impl Recent {
    pub fn take(&mut self, entry: &NoticeEntry, now: Moment) {
        let lost = matches!(entry.kind, Kind::Loss | Kind::NotUsed | Kind::Error);
        let books = !matches!(entry.effect, Effect::Test | Effect::Conflict);
        if lost || !books || entry.expires < now {
            return;
        }
        let (bid, line) = (entry.bid, entry.line);
        let (made, expires) = (entry.made, entry.expires);
        let told = self.0.entry(bid).or_insert(Told { bid, line, made, expires, heard: false });
        told.heard |= matches!(entry.kind, Kind::Impression | Kind::Billing);
    }

    pub fn into_told(self) -> Vec<Told> {
        self.0.into_values().collect()
    }
}
