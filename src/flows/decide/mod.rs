//! The bid path: read this first.
//!
//! [`decide`] is one straight, pure function; it serves, and its twins explain and replay it.
//! [`serve`] is what the doors call: the same function with the live desk, and the record kept.

pub mod coin;

pub mod world;

pub mod candidate;

pub mod gather;

pub mod select;

pub mod scratch;

pub mod reply;

pub mod explain;

pub mod record;

pub mod replay;

pub mod again;

pub mod laps;

pub mod serve;

use crate::base::units::ids::ListenerMark;
use crate::base::units::redacted::redacted;
use crate::base::units::time::Moment;
use crate::flows::decide::candidate::Matter;
use crate::flows::decide::coin::Coin;
use crate::flows::decide::gather::Gather;
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::select::Select;
use crate::flows::decide::world::World;
use crate::knowledge::enrich::{self, Ruling};
use crate::market::exchange::ExchangeIx;
use crate::market::marks::SupplyMark;
use crate::market::openrtb::{self, Wire};
use crate::market::opportunity::Opportunity;
use crate::market::outcome::{NoBid, Outcome};
use crate::market::privacy::Grant;
use crate::market::step::Step;
use crate::offer::delivery::Live;

/// What came in: a body, its format, and through which exchange's door.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    pub exchange: ExchangeIx,
    pub wire: Wire,
    pub body: &'a [u8],
    /// The header `Sec-GPC: 1` stood before it: Global Privacy Control.
    pub gpc: bool,
    /// What a record says was permitted, when it is decided again; `None`: the request says it.
    pub ruling: Option<Ruling>,
}

redacted!(Received<'_>);

impl<'a> Received<'a> {
    pub fn new(exchange: ExchangeIx, wire: Wire, body: &'a [u8]) -> Received<'a> {
        Received { exchange, wire, body, gpc: false, ruling: None }
    }
}

/// When the decision is made and what chance says: the two things that no argument else knows.
#[derive(Clone, Copy)]
pub struct Circumstance {
    pub moment: Moment,
    pub coin: Coin,
}

/// Takes one decision. Pure: the same arguments and the same answers of `live` give the same
/// outcome, winners and bytes. Holds that `live` granted stand in `scratch.made().winners`, the
/// response in `scratch.reply()`.
pub fn decide<'s>(
    received: &Received<'_>,
    world: &World,
    live: &mut impl Live<'s>,
    at: Circumstance,
    scratch: &mut Scratch,
) -> Outcome {
    scratch.begin();
    let outcome = match path(received, world, live, at, scratch) {
        Ok(()) => Outcome::Bid,
        Err(end) => end,
    };
    scratch.made.outcome = Some(outcome);
    outcome
}

fn path<'s>(
    received: &Received<'_>,
    world: &World,
    live: &mut impl Live<'s>,
    at: Circumstance,
    scratch: &mut Scratch,
) -> Result<(), Outcome> {
    let Scratch { arena, facts, search, pool, markup, made, reply } = scratch;
    let arena = &*arena;
    let exchange = world.exchange(received.exchange);

    let request = openrtb::decode(received.wire, received.body, arena);
    let request = request.map_err(Outcome::Malformed)?;
    made.request_id.extend_from_slice(request.id.as_bytes());

    live.begins(Step::Enrich);
    let sources = sources(world, received);
    let opportunity = enrich::opportunity(&request, &sources, at.moment, arena, facts);
    let (opportunity, profile) = opportunity.map_err(Outcome::NoBid)?;
    let Opportunity { permissions, suppressed, .. } = opportunity;
    made.ruling = Some(Ruling { permissions, suppressed });
    made.listener = opportunity.listener.map(|key| world.keys.marks().listener(key));
    if !permissions.may(Grant::Answer) {
        return Err(Outcome::NoBid(NoBid::NoConsent));
    }
    made.test = opportunity.test;
    made.slots = opportunity.slots.len() as u16;
    made.profile.extend_from_slice(profile.map_or(&[], |profile| profile.bytes()));
    made.time_us = time_us(request.tmax, exchange).map_err(Outcome::NoBid)?;

    let toss = at.coin.toss(request.id, received.exchange, at.moment);
    made.seed = toss.seed;
    let opportunity = &opportunity;
    let mark = mark(opportunity, world);
    let supply = supply(opportunity, world);
    let matter = Matter { world, exchange, opportunity, mark, supply, moment: at.moment, toss };
    live.begins(Step::Match);
    if live.is_boxed(supply) {
        return Err(Outcome::NoBid(NoBid::SupplyBoxed));
    }
    Gather { matter, live, pool }.all(facts, search);
    live.begins(Step::Auction);
    let winners = &mut made.winners;
    Select { matter, live, pool, winners }.all().map_err(Outcome::NoBid)?;

    live.begins(Step::Render);
    let written = reply::write(&matter, &made.winners, received.wire, arena, (markup, reply));
    written.map_err(Outcome::NoBid)
}

/// The listener as caps know him, where they may count him: in asking, in holds and in tickets.
fn mark(opportunity: &Opportunity<'_>, world: &World) -> Option<ListenerMark> {
    let listener = opportunity.listener.filter(|_| opportunity.permissions.may(Grant::CountCaps));
    listener.map(|key| world.keys.marks().listener(key))
}

/// Where the impression comes from, as boxes and tickets know it.
pub fn supply(opportunity: &Opportunity<'_>, world: &World) -> SupplyMark {
    world.keys.marks().supply(opportunity.exchange, opportunity.seller())
}

/// What `enrich` looks at a request with.
pub fn sources<'w>(world: &'w World, received: &Received<'_>) -> enrich::Sources<'w> {
    enrich::Sources {
        exchange: (received.exchange, world.exchange(received.exchange)),
        vocabulary: &world.vocabulary,
        audience: &world.audience,
        suppression: &world.suppression,
        atlas: &world.atlas,
        rates: &world.rates,
        listeners: world.listeners,
        privacy: &world.privacy,
        providers: &world.providers,
        gpc: received.gpc,
        ruling: received.ruling,
    }
}

/// What is left of `tmax` after the network's share, in microseconds.
fn time_us(
    tmax_ms: Option<i64>,
    exchange: &crate::market::exchange::Exchange,
) -> Result<i64, NoBid> {
    let tmax_ms = tmax_ms.filter(|&ms| ms > 0).unwrap_or(i64::from(exchange.default_tmax_ms));
    let left_ms = tmax_ms.saturating_sub(i64::from(exchange.network_margin_ms));
    if left_ms <= 0 { Err(NoBid::TooLate) } else { Ok(left_ms.saturating_mul(1000)) }
}
