//! Could this line answer this slot? One line, one slot, one market: a candidate or a refusal.
//!
//! Asked by [`gather`](super::gather) for the lines that targeting lets through and by
//! [`explain`](super::explain) for all of them; hot, pure but for the questions to live.
//! The order of the checks is that of [`Refusal`], but for one: where no seats are named, a line
//! none of whose spots has the slot's length is refused for that before its advertiser is looked
//! at.

use crate::base::units::ids::{CreativeIx, LineIx, ListenerMark};
use crate::base::units::money::{Money, Round};
use crate::base::units::time::Moment;
use crate::flows::decide::coin::Toss;
use crate::flows::decide::world::World;
use crate::knowledge::catalog::Glance;
use crate::knowledge::catalog::model::{Creative, Line};
use crate::market::exchange::Exchange;
use crate::market::marks::SupplyMark;
use crate::market::opportunity::Opportunity;
use crate::market::outcome::Refusal;
use crate::market::slot::{DealOffer, DealPrice, Slot};
use crate::offer::auction;
use crate::offer::creative::{Fit, Rules, fit};
use crate::offer::delivery::Pace;

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
    /// What the price must reach, in its currency.
    pub floor_nanos: i64,
    /// The price is the deal's: what the line would bid beyond it is not at stake.
    pub fixed: bool,
    /// What the search compares with the bounds of lines to come, in the reference currency.
    pub worth: i64,
    /// What made the price of the line's own.
    pub pace: Pace,
    /// Breaks ties.
    pub chance: u64,
    pub duration_ms: u32,
    /// How many creatives of the line had their turn, this one among them.
    turns: usize,
}

impl Candidate {
    /// Whether its price is at least its floor at this pace, too.
    fn reaches_floor(&self, pace: Pace) -> bool {
        let paced_nanos = pace.shade(self.price.nanos);
        self.fixed || (paced_nanos >= self.floor_nanos && paced_nanos > 0)
    }
}

/// Everything one decision looks at, besides the line.
#[derive(Clone, Copy)]
pub struct Matter<'a, 'b> {
    pub world: &'a World,
    pub exchange: &'a Exchange,
    pub opportunity: &'a Opportunity<'b>,
    /// The listener, as caps know him.
    pub mark: Option<ListenerMark>,
    /// Where the impression comes from.
    pub supply: SupplyMark,
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

impl Market<'_, '_> {
    /// Whether spots of one length may have another floor than spots of another.
    fn floors_by_length(&self) -> bool {
        let of_deal = self.deal.is_some_and(|(_, offer)| offer.floors.are_by_length());
        of_deal || self.slot.floors.are_by_length()
    }
}

/// Whether the line may run at this moment at all, whatever is offered.
pub fn running(line: &Glance, moment: Moment) -> Result<(), Refusal> {
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
    let glance = catalog.glance(line_ix);
    running(glance, matter.moment)?;
    let deal = market.deal.map(|(_, offer)| offer);
    let in_market = match deal {
        None => glance.open && !market.slot.private,
        Some(offer) => catalog.line(line_ix).deals.iter().any(|id| id == offer.id),
    };
    if !in_market {
        return Err(Refusal::NotInThisMarket);
    }
    // Who names seats is told of them first: whose line it is, the glance does not tell.
    let request = matter.opportunity.request;
    let any_seat = request.wseat.is_empty() && request.bseat.is_empty();
    if any_seat && !glance.may_last(|ms| market.slot.durations.takes(ms)) {
        return Err(Refusal::Duration);
    }
    let line = catalog.line(line_ix);
    let advertiser = catalog.advertiser(line.advertiser);
    let seat = matter.seat(line);
    auction::allowed(request, advertiser, seat, deal)?;
    with_creative(matter, market, line_ix, 0)
}

/// The same line with the next of its creatives that fits; `None`: all had their turn.
fn another(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    made: &Candidate,
) -> Option<Candidate> {
    with_creative(matter, market, made.line, made.turns).ok()
}

/// The line with its first creative that fits, of those that come after `past` others.
fn with_creative(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    line_ix: LineIx,
    past: usize,
) -> Result<Candidate, Refusal> {
    let catalog = &matter.world.catalog;
    let line = catalog.line(line_ix);
    let chance = matter.toss.of_line(line.id);
    let mut refusal = Refusal::NoCreative;
    // Creatives take turns: chance says with which one to begin.
    let turn = (chance >> 32) as usize % line.creatives.len().max(1);
    for i in past..line.creatives.len() {
        let creative_ix = line.creatives[(turn + i) % line.creatives.len()];
        match offer(matter, market, line, catalog.creative(creative_ix)) {
            Err(reason) => refusal = refusal.max(reason),
            Ok(Offer { fit, price, cost, floor_nanos, fixed }) => {
                return Ok(Candidate {
                    slot: market.slot_ix,
                    line: line_ix,
                    creative: creative_ix,
                    fit,
                    deal: market.deal.map(|(ix, _)| ix),
                    price,
                    cost,
                    floor_nanos,
                    fixed,
                    worth: line.price_bound,
                    pace: Pace::FULL,
                    chance,
                    duration_ms: catalog.creative(creative_ix).duration_ms,
                    turns: i + 1,
                });
            }
        }
    }
    Err(refusal)
}

/// Creatives with caps of their own that are asked for, of one line.
const CREATIVES_ASKED_MAX: usize = 8;

/// The candidate with the first of its creatives that the listener may hear now and whose floor the
/// paced price reaches, and the pace; where none reaches it, the first that he may hear. Where the
/// one at hand is capped, another one may not be; what has no caps of its own is capped by the
/// line's, and so is the line.
pub fn playable(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    mut made: Candidate,
    mut ask: impl FnMut(&Candidate) -> Result<Pace, Refusal>,
) -> Result<(Candidate, Pace), Refusal> {
    let mut below_floor = None;
    for _ in 0..CREATIVES_ASKED_MAX {
        let own_caps = !matter.world.catalog.creative(made.creative).caps.is_empty();
        match ask(&made) {
            Ok(pace) if made.reaches_floor(pace) => return Ok((made, pace)),
            Ok(pace) if !market.floors_by_length() => return Ok((made, pace)),
            Ok(pace) => _ = below_floor.get_or_insert((made, pace)),
            Err(Refusal::Capped) if own_caps => {}
            Err(refusal) => return below_floor.ok_or(refusal),
        }
        match another(matter, market, &made) {
            Some(next) => made = next,
            None => break,
        }
    }
    below_floor.ok_or(Refusal::Capped)
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
        if let Ok(offer) = offer(matter, market, line, creative) {
            let Offer { fit, price, cost, floor_nanos, fixed } = offer;
            let of_offer = Candidate { fit, price, cost, floor_nanos, fixed, ..*made };
            take(Candidate { creative: creative_ix, duration_ms, ..of_offer });
        }
    }
}

/// The candidate at the pace that live gave its line: whether chance lets it join, and for what
/// part of its price. What a deal fixed is not shaded.
pub fn paced(matter: &Matter<'_, '_>, made: Candidate, pace: Pace) -> Result<Candidate, Refusal> {
    if pace == Pace::FULL {
        return Ok(made);
    }
    let made = Candidate { pace, ..made };
    let line = matter.world.catalog.line(made.line);
    if !matter.toss.joins(line.id, pace) {
        return Err(Refusal::Paced);
    }
    if made.fixed {
        return Ok(made);
    }
    if !made.reaches_floor(pace) {
        return Err(Refusal::Paced);
    }
    let price = Money { nanos: pace.shade(made.price.nanos), ..made.price };
    let rates = &matter.world.rates;
    let cost = rates.convert(price, line.bid.currency, Round::Up);
    let worth = rates.in_reference(price, Round::Down);
    let (cost, worth) = cost.zip(worth).ok_or(Refusal::CurrencyUnsupported)?;
    Ok(Candidate { price, cost, worth, ..made })
}

/// What one creative would be offered for.
struct Offer {
    fit: Fit,
    price: Money,
    cost: Money,
    floor_nanos: i64,
    fixed: bool,
}

/// One creative of the line: does it fit, and does its price reach the floor?
fn offer(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    line: &Line,
    creative: &Creative,
) -> Result<Offer, Refusal> {
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
    // The floor of a fixed-price deal is the price that was agreed (§3.2.12, at = 3).
    // One that names no price has agreed on none, and the imp's floor is not it.
    let fixed = deal.is_some_and(|offer| offer.price == DealPrice::Fixed && offer.own_floor);
    let fixed = fixed && floor.nanos > 0;
    let price = if fixed { floor } else { bid };
    let cost = rates.convert(price, line.bid.currency, Round::Up);
    let cost = cost.ok_or(Refusal::CurrencyUnsupported)?;
    Ok(Offer { fit, price, cost, floor_nanos: floor.nanos, fixed })
}

impl<'a> Matter<'a, '_> {
    /// The seat a line bids under on this exchange.
    pub fn seat(&self, line: &Line) -> &'a str {
        let own = &self.world.catalog.advertiser(line.advertiser).seat;
        if own.is_empty() { &self.exchange.seat } else { own }
    }
}
