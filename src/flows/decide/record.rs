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
use crate::offer::records::{Counts, DEAL_NONE, DecisionRecord, RequestId, Winner};

/// The record of the decision that `scratch` was last used for.
pub fn record(
    received: &Received<'_>,
    world: &World,
    at: Circumstance,
    (outcome, answers): (Outcome, &Answers),
    scratch: &Scratch,
) -> DecisionRecord {
    let mut record = DecisionRecord::blank(at.moment, received.exchange);
    record.answers = *answers;
    fill_in(received, world, at, (outcome, scratch), &mut record);
    record
}

/// The same in place: all but the answers, which stand in it already.
pub fn fill_in(
    received: &Received<'_>,
    world: &World,
    at: Circumstance,
    (outcome, scratch): (Outcome, &Scratch),
    record: &mut DecisionRecord,
) {
    let made = scratch.made();
    record.winners.clear();
    for winner in &made.winners {
        let candidate = &winner.candidate;
        record.winners.push(Winner {
            bid: BidId(winner.bid.0),
            line: world.catalog.line(candidate.line).id,
            creative: xxh3_64(world.catalog.creative(candidate.creative).crid.as_bytes()),
            deal: candidate.deal.map_or(DEAL_NONE, |ix| u64::from(ix) + 1),
            slot: candidate.slot,
            price: candidate.price,
        });
    }
    record.moment = at.moment;
    record.exchange = received.exchange;
    record.exchange_key = xxh3_64(world.exchange(received.exchange).key.as_bytes());
    record.wire = u8::from(received.wire == Wire::Protobuf) | u8::from(received.gpc) << 1;
    record.world = world.version;
    let request = std::str::from_utf8(&made.request_id);
    record.request = request.map_or(RequestId::NONE, RequestId::of);
    record.outcome = outcome;
    record.coin = made.seed;
    record.listener = made.listener.is_some();
    record.permitted = made.ruling.map_or(0, |ruling| ruling.permissions.word());
    record.suppressed = made.ruling.map_or(0, |ruling| ruling.suppressed.word());
    record.counts = Counts {
        slots: made.slots,
        matched: scratch.considered(),
        candidates: scratch.candidates() as u32,
        bids: made.winners.len() as u16,
    };
    let reply = scratch.reply();
    record.answer_hash = if reply.is_empty() { 0 } else { xxh3_64(reply) };
}
