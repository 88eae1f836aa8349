//! Where did one line fall out, and what stood in its way? The checks of the path, one by one.
//!
//! Called by [`explain`](super::explain) for every line in every market; cold.

use super::pace::{self, Paced};
use super::{Made, Winner};
use crate::base::units::ids::LineIx;
use crate::base::units::money::{Money, Round};
use crate::flows::decide::candidate::{
    Candidate, Market, Matter, candidate, paced, playable, running,
};
use crate::market::facts::Facts;
use crate::market::outcome::Refusal;
use crate::market::slot::Pod;
use crate::offer::auction;
use crate::offer::delivery::Pace;
use crate::offer::targeting;

/// The first check that the line fails, in the order of the path.
pub fn verdict(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    ix: LineIx,
    facts: &Facts,
    made: &Made<'_>,
) -> (&'static str, String, Option<Paced>) {
    let line = matter.world.catalog.line(ix);
    let refused = |refusal: Refusal, detail: String| (refusal.label(), detail, None);
    // Deals ask of each of their lines; only searches pass over any.
    let asleep = market.deal.is_none() && made.asleep.is_some_and(|sleep| sleep.has(ix));
    let slept = || if asleep { "asleep: not asked".to_owned() } else { String::new() };
    if let Err(refusal) = running(matter.world.catalog.glance(ix), matter.moment) {
        return refused(refusal, slept());
    }
    let failure = targeting::explain(&line.targeting, facts, &matter.world.vocabulary);
    if let Some(failure) = failure {
        return refused(Refusal::Targeting, failure.to_string());
    }
    let candidate = match candidate(matter, market, ix) {
        Ok(candidate) => candidate,
        Err(refusal) => return refused(refusal, refusal_detail(matter, market, ix, refusal)),
    };
    let deal = market.deal.map(|(ix, _)| ix);
    let won = |w: &&Winner| {
        w.candidate.line == ix && w.candidate.slot == market.slot_ix && w.candidate.deal == deal
    };
    if let Some(Winner { candidate, .. }) = made.winners.iter().find(won) {
        let told = Paced::of(matter, candidate, candidate.pace);
        return ("won", pace::bids(matter, candidate), told);
    }
    let answer = |candidate: &Candidate| match made.pool.answer(matter, candidate) {
        Some(Err(refusal)) => Err(refusal),
        // It would run and could bid, so it sleeps for its budget.
        _ if asleep => Err(Refusal::BudgetSpent),
        answer => answer.unwrap_or(Ok(Pace::FULL)),
    };
    let (candidate, pace) = match playable(matter, market, candidate, answer) {
        Err(Refusal::CrowdTooSmall) => {
            let detail = "too few listeners meet its clauses about them (crowd.audience_min)";
            return refused(Refusal::CrowdTooSmall, detail.to_owned());
        }
        Err(refusal) => return refused(refusal, slept()),
        Ok(allowed) => allowed,
    };
    let told = Paced::of(matter, &candidate, pace);
    let (verdict, detail) = match paced(matter, candidate, pace) {
        Ok(candidate) => outbid(matter, market, &candidate, made),
        Err(refusal) => (refusal.label(), pace::refusal(matter, &candidate, pace)),
    };
    (verdict, detail, told)
}

/// It could have bid: who stood in its way?
fn outbid(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    candidate: &Candidate,
    made: &Made<'_>,
) -> (&'static str, String) {
    let catalog = &matter.world.catalog;
    let of_slot = |w: &&Winner| w.candidate.slot == market.slot_ix;
    let best = made.winners.iter().filter(of_slot).max_by_key(|w| w.candidate.price.nanos);
    let advertiser = catalog.line(candidate.line).advertiser;
    let in_pod = market.slot.pod != Pod::Single;
    let same = |w: &Winner| catalog.line(w.candidate.line).advertiser == advertiser;
    if in_pod && made.winners.iter().any(same) {
        let detail = "its advertiser already has a place in the break".to_owned();
        return (Refusal::PodSeparation.label(), detail);
    }
    let bids = pace::bids(matter, candidate);
    let detail = match best {
        Some(winner) => format!("{bids}; {} won", winner.candidate.price),
        None => bids,
    };
    (Refusal::Outbid.label(), detail)
}

/// The values behind a refusal, where they say more than its name.
fn refusal_detail(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    ix: LineIx,
    refusal: Refusal,
) -> String {
    let catalog = &matter.world.catalog;
    let line = catalog.line(ix);
    let creatives = || line.creatives.iter().map(|&ix| catalog.creative(ix));
    match refusal {
        Refusal::Duration => {
            let seconds: Vec<String> =
                creatives().map(|c| format!("{}", f64::from(c.duration_ms) / 1e3)).collect();
            format!("spots of {} s do not fit", seconds.join(", "))
        }
        Refusal::Mime => {
            let all = creatives().flat_map(|c| &c.renditions).map(|r| r.mime.as_str());
            let mut mimes: Vec<&str> = all.collect();
            mimes.sort_unstable();
            mimes.dedup();
            let taken = market.slot.audio.mimes.unwrap_or_default();
            format!("has {}; the slot takes {}", mimes.join(", "), taken.join(", "))
        }
        Refusal::BelowFloor => {
            let floor = creatives().map(|c| floor(matter, market, c.duration_ms).nanos).min();
            let floor = Money::new(floor.unwrap_or(0), matter.opportunity.currency);
            format!("bids {}, the floor is {floor}", line.bid)
        }
        Refusal::NotInThisMarket if market.slot.private => "the auction is private".to_owned(),
        Refusal::NotInThisMarket => "bids only on its deals".to_owned(),
        Refusal::AdvertiserBlocked => catalog.advertiser(line.advertiser).domains.join(", "),
        Refusal::CategoryBlocked => catalog.advertiser(line.advertiser).categories.join(", "),
        _ => String::new(),
    }
}

/// The floor in the answer's currency; zero where there is no rate.
pub fn floor(matter: &Matter<'_, '_>, market: &Market<'_, '_>, duration_ms: u32) -> Money {
    let currency = matter.opportunity.currency;
    let floor = auction::floor(market.slot, market.deal.map(|(_, offer)| offer), duration_ms);
    let converted = matter.world.rates.convert(floor, currency, Round::Up);
    converted.unwrap_or(Money::zero(currency))
}
