//! What do caps learn of a notice? That an ad was heard, for the first time; that a bid was won.
//! Warm.

use super::Kind;
use super::seen::{Shard, Standing, bit};
use crate::market::exchange::BillableEvent;
use crate::market::ticket::Ticket;
use crate::offer::delivery::caps::{Meeting, Told};
use crate::offer::ledger::Ledger;

/// Who met what, as the ticket says it.
pub(super) fn meeting(ticket: &Ticket) -> Meeting {
    Meeting {
        bid: ticket.bid,
        line: ticket.line,
        creative: ticket.creative,
        mark: ticket.listener,
        measured: ticket.measured,
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

/// What the ledger knows at start of bids whose tickets live or lived when it ended: which were
/// won or heard, and when they were made. Tests count for nobody.
pub(super) fn told(ledger: &Ledger) -> Vec<Told> {
    let lost = bit(Kind::Loss) | bit(Kind::NotUsed) | bit(Kind::Error);
    let heard = bit(Kind::Impression) | bit(Kind::Billing);
    let real = ledger.bids().filter(|(_, recent)| !recent.test);
    let won = real.filter(|(_, recent)| recent.kinds & !lost != 0);
    won.map(|(bid, recent)| Told {
        bid,
        line: recent.line,
        made: recent.made,
        expires: recent.expires,
        heard: recent.kinds & heard != 0,
    })
    .collect()
}
