//! What is kept of a decision? Its record, made from what the scratch holds.
//!
//! Called by [`serve`](super::serve) after each decision and by [`replay`](super::replay) to
//! compare; hot, pure.

use xxhash_rust::xxh3::xxh3_64;

use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::world::World;
use crate::flows::decide::{Circumstance, Received};
use crate::market::openrtb::Wire;
use crate::market::outcome::Outcome;
use crate::market::ticket::BidId;
use crate::offer::delivery::Answers;
use crate::offer::records::{Counts, DEAL_NONE, DecisionRecord, RequestId, Winner, Winners};

/// The record of the decision that `scratch` was last used for.
pub fn record(
    received: &Received<'_>,
    world: &World,
    at: Circumstance,
    (outcome, answers): (Outcome, &Answers),
    scratch: &Scratch,
) -> DecisionRecord {
    let made = scratch.made();
    let mut winners = Winners::new();
    for winner in &made.winners {
        let candidate = &winner.candidate;
        winners.push(Winner {
            bid: BidId(winner.bid.0),
            line: world.catalog.line(candidate.line).id,
            creative: xxh3_64(world.catalog.creative(candidate.creative).crid.as_bytes()),
            deal: candidate.deal.map_or(DEAL_NONE, |ix| u64::from(ix) + 1),
            slot: candidate.slot,
            price: candidate.price,
        });
    }
    let reply = scratch.reply();
    DecisionRecord {
        exchange_key: xxh3_64(world.exchange(received.exchange).key.as_bytes()),
        wire: u8::from(received.wire == Wire::Protobuf) | u8::from(received.gpc) << 1,
        world: world.version,
        request: std::str::from_utf8(&made.request_id).map_or(RequestId::NONE, RequestId::of),
        outcome,
        coin: made.seed,
        listener: made.listener.is_some(),
        permitted: made.ruling.map_or(0, |ruling| ruling.permissions.word()),
        suppressed: made.ruling.map_or(0, |ruling| ruling.suppressed.word()),
        counts: Counts {
            slots: made.slots,
            matched: scratch.considered(),
            candidates: scratch.candidates() as u32,
            bids: made.winners.len() as u16,
        },
        answer_hash: if reply.is_empty() { 0 } else { xxh3_64(reply) },
        winners,
        answers: *answers,
        ..DecisionRecord::blank(at.moment, received.exchange)
    }
}
