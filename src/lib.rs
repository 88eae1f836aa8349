//! Interlude decides which audio ad fills the pause between two songs.
//!
//! # The life of a request
//!
//! A music service pauses between two songs and its exchange POSTs a bid request to
//! `/bid/{exchange}`. From here on the request runs through one straight function,
//! [`flows::decide::decide`], and ends in exactly one [`market::outcome::Outcome`]:
//!
//! ```text
//!  receive   doors::receive      socket → bounded, inflated body; a deadline begins
//!  decode    market::openrtb     bytes → Request, borrowed; malformed ends as 400
//!  enrich    knowledge::enrich   place → permissions → profile → facts and slots
//!  match     offer::targeting    facts → lines that want this moment, best first
//!            offer::creative     … that have a spot for the slot
//!            offer::auction      … that nothing of the request blocks and that reach the floor
//!            offer::delivery     … that have budget and cap left (asked of `live`)
//!  rank      flows::decide       deals beside the open market, pods filled together
//!  hold      offer::delivery     the price is taken from the budget before anybody hears of it
//!  render    offer::creative     VAST with signed tickets in every URL → the bid response
//!  record    offer::records       what was decided, and what `live` answered, so that it replays
//! ```
//!
//! `decide` is pure: request, world, what `live` answered, the moment and the coin make the
//! outcome, and nothing else does. So the same function serves, explains
//! ([`flows::decide::explain`]) and replays ([`flows::decide::replay`]).
//!
//! Later the exchange and the player send notices: *receive → verify ticket → dedupe → settle →
//! journal → acknowledge* ([`flows::notice`]). A 2xx to a notice says that it is on disk; a 204
//! to a bid request says only that there is no bid, and its reason is counted.
//!
//! Campaign files become a new world: *read → check → compile → swap*. A file with a fault
//! changes nothing; a request sees one world from its first byte to its last.
//!
//! # Invariants
//!
//! 1. From decode to record nothing awaits, locks, logs, reads the clock or allocates after
//!    warm-up (`tests/zero_alloc.rs`).
//! 2. A request sees one [`World`](flows::decide::world::World). `LineIx` means nothing outside
//!    it; only `LineId` leaves the process.
//! 3. Every request ends in one typed outcome; reason, metric label and IAB code stand in one
//!    table ([`market::outcome`]); `received = Σ outcomes`.
//! 4. Money is integer nanos per impression with its currency ([`base::units::money`]); one
//!    function turns the wire's floats into it.
//! 5. Nothing spends without a hold; nothing settles without a ticket.
//! 6. `market`, `targeting`, `auction` and `creative` know no I/O; `flows` knows no HTTP.
//! 7. Exchange differences are rows of a table ([`market::exchange`]), not branches in stages.
//! 8. `explain` and `replay` agree with `decide` on every golden and on random worlds;
//!    `targeting` agrees with a naive evaluator.
//! 9. Every queue, map, body, list and loop has a configured bound.
//! 10. Personal data never reaches a log line or a metric label.
//!
//! # The order of the house
//!
//! Wings stand in the order of dependency, and so do the rooms of each wing: a module imports
//! only what stands above it (`tests/tidy.rs`).

pub mod base;

pub mod market;

pub mod knowledge;

pub mod offer;

pub mod flows;

pub mod rehearsal;

pub mod doors;

pub mod app;
