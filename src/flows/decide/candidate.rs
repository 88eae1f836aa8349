//! Could this line answer this slot? One line, one slot, one market: a candidate or a refusal.
//!
//! Asked by [`gather`](super::gather) for the lines that targeting lets through and by
//! [`explain`](super::explain) for all of them; hot and pure. The order of the checks is that of
//! [`Refusal`].

use crate::base::units::ids::{CreativeIx, LineIx};
use crate::base::units::money::{Money, Round};
use crate::base::units::time::Moment;
use crate::flows::decide::coin::Toss;
use crate::flows::decide::world::World;
use crate::knowledge::catalog::model::{Creative, Line};
use crate::market::exchange::Exchange;
use crate::market::opportunity::Opportunity;
use crate::market::outcome::Refusal;
use crate::market::slot::{DealOffer, DealPrice, Slot};
use crate::offer::auction;
use crate::offer::creative::{Fit, Rules, fit};

/// A line that could answer a slot.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Position in `opportunity.slots`.
    pub slot: u16,
    pub line: LineIx,
    pub creative: CreativeIx,
    pub fit: Fit,
    /// Position in the slot's deals; `None` in the open market.
    pub deal: Option<u16>,
    /// The bid, in the answer's currency.
    pub price: Money,
    /// The most it can cost, in the account's currency: what is held.
    pub cost: Money,
    /// Breaks ties.
    pub chance: u64,
    pub duration_ms: u32,
}

/// Everything one decision looks at, besides the line.
#[derive(Clone, Copy)]
pub struct Matter<'a, 'b> {
    pub world: &'a World,
    pub exchange: &'a Exchange,
    pub opportunity: &'a Opportunity<'b>,
    pub moment: Moment,
    pub toss: Toss,
}

/// The market in which a line is considered: a slot, openly or by one of its deals.
#[derive(Clone, Copy)]
pub struct Market<'a, 'b> {
    pub slot_ix: u16,
    pub slot: &'a Slot<'b>,
    pub deal: Option<(u16, &'a DealOffer<'b>)>,
}

/// Whether the line may run at this moment at all, whatever is offered.
pub fn running(line: &Line, moment: Moment) -> Result<(), Refusal> {
    if line.paused {
        return Err(Refusal::Paused);
    }
    if line.flight.contains(moment) { Ok(()) } else { Err(Refusal::OutOfFlight) }
}

/// The candidate that a line makes in a market, its targeting apart.
pub fn candidate(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    line_ix: LineIx,
) -> Result<Candidate, Refusal> {
    let catalog = &matter.world.catalog;
    let line = catalog.line(line_ix);
    running(line, matter.moment)?;
    let deal = market.deal.map(|(_, offer)| offer);
    let in_market = match deal {
        None => line.open && !market.slot.private,
        Some(offer) => line.deals.iter().any(|id| id == offer.id),
    };
    if !in_market {
        return Err(Refusal::NotInThisMarket);
    }
    let advertiser = catalog.advertiser(line.advertiser);
    let seat = matter.seat(line);
    auction::allowed(matter.opportunity.request, advertiser, seat, deal)?;
    let chance = matter.toss.of_line(line.id);
    let mut refusal = Refusal::NoCreative;
    // Creatives take turns: chance says with which one to begin.
    let turn = (chance >> 32) as usize % line.creatives.len().max(1);
    for i in 0..line.creatives.len() {
        let creative_ix = line.creatives[(turn + i) % line.creatives.len()];
        match offer(matter, market, line, catalog.creative(creative_ix)) {
            Err(reason) => refusal = refusal.max(reason),
            Ok((fit, price, cost)) => {
                return Ok(Candidate {
                    slot: market.slot_ix,
                    line: line_ix,
                    creative: creative_ix,
                    fit,
                    deal: market.deal.map(|(ix, _)| ix),
                    price,
                    cost,
                    chance,
                    duration_ms: catalog.creative(creative_ix).duration_ms,
                });
            }
        }
    }
    Err(refusal)
}

/// The same line with its spots of other lengths, for breaks whose places share their time.
pub fn other_lengths(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    made: &Candidate,
    take: &mut impl FnMut(Candidate),
) {
    let catalog = &matter.world.catalog;
    let line = catalog.line(made.line);
    for &creative_ix in &line.creatives {
        let creative = catalog.creative(creative_ix);
        let duration_ms = creative.duration_ms;
        if duration_ms == made.duration_ms {
            continue;
        }
        if let Ok((fit, price, cost)) = offer(matter, market, line, creative) {
            take(Candidate { creative: creative_ix, fit, price, cost, duration_ms, ..*made });
        }
    }
}

/// One creative of the line: does it fit, and does its price reach the floor?
fn offer(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    line: &Line,
    creative: &Creative,
) -> Result<(Fit, Money, Money), Refusal> {
    let request = matter.opportunity.request;
    let hosted_secure = matter.world.hosted_secure();
    let rules = Rules { hosted_secure, wlang: request.wlang, wlangb: request.wlangb };
    let fit = fit(creative, market.slot, &rules)?;
    let (rates, currency) = (&matter.world.rates, matter.opportunity.currency);
    let deal = market.deal.map(|(_, offer)| offer);
    let floor = auction::floor(market.slot, deal, creative.duration_ms);
    let floor = rates.convert(floor, currency, Round::Up).ok_or(Refusal::CurrencyUnsupported)?;
    let bid = rates.convert(line.bid, currency, Round::Down);
    let bid = bid.ok_or(Refusal::CurrencyUnsupported)?;
    if bid.nanos < floor.nanos || bid.nanos <= 0 {
        return Err(Refusal::BelowFloor);
    }
    let price = match deal {
        // The floor of a fixed-price deal is the price that was agreed (§3.2.12, at = 3).
        // One that names no price has agreed on none, and the imp's floor is not it.
        Some(offer) if offer.price == DealPrice::Fixed && offer.own_floor && floor.nanos > 0 => {
            floor
        }
        _ => bid,
    };
    let cost = rates.convert(price, line.bid.currency, Round::Up);
    Ok((fit, price, cost.ok_or(Refusal::CurrencyUnsupported)?))
}

impl<'a> Matter<'a, '_> {
    /// The seat a line bids under on this exchange.
    pub fn seat(&self, line: &Line) -> &'a str {
        let own = &self.world.catalog.advertiser(line.advertiser).seat;
        if own.is_empty() { &self.exchange.seat } else { own }
    }
}
