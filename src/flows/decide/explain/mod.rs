//! Why did it end so? The twin of `decide`: the same path, with every reason kept.
//!
//! Called by `interlude decide`, the demo and tests; cold, allocates freely. It runs the very
//! same decision and then asks of every line, with the same checks, where it fell out; so it
//! cannot disagree with what was served, and a test holds it to that.

mod text;

mod fee;

mod pace;

mod verdict;

use bumpalo::Bump;
use serde::Serialize;

pub use fee::{Fee, Provided, fee_of, provided};
pub use pace::Paced;

use crate::base::units::ids::LineIx;
use crate::base::units::money::Money;
use crate::flows::decide::candidate::{Market, Matter};
use crate::flows::decide::gather::Pool;
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::select::Winner;
use crate::flows::decide::world::World;
use crate::flows::decide::{Circumstance, Received, decide, mark, sources, supply};
use crate::knowledge::enrich;
use crate::market::facts::Facts;
use crate::market::openrtb;
use crate::market::opportunity::Opportunity;
use crate::market::outcome::Outcome;
use crate::market::privacy::Grant;
use crate::market::slot::{Durations, Pod, Slot};
use crate::market::vocabulary::{Dimension, Vocabulary};
use crate::offer::delivery::{Live, Sleep};

/// A decision with all its reasons; `Display` is for people, `Serialize` for scripts.
#[derive(Debug, Serialize)]
pub struct Explanation {
    pub request_id: String,
    pub exchange: String,
    pub world: String,
    /// `bid`, or the reason why not.
    pub outcome: &'static str,
    pub nbr: Option<i64>,
    pub permissions: String,
    pub listener: &'static str,
    pub facts: Vec<Fact>,
    /// Moments of distress that were told and may not be used, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
    /// What third parties know of the listener, and what it costs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provided: Vec<Provided>,
    pub slots: Vec<SlotExplained>,
    pub bids: Vec<BidExplained>,
}

/// A moment of distress that was told.
#[derive(Debug, Serialize)]
pub struct Withheld {
    pub moment: &'static str,
    pub why: &'static str,
}

/// One dimension: `None` where it is unknown.
#[derive(Debug, Serialize)]
pub struct Fact {
    pub dimension: &'static str,
    pub values: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub struct SlotExplained {
    pub impid: String,
    pub offer: String,
    pub lines: Vec<LineExplained>,
}

#[derive(Debug, Serialize)]
pub struct LineExplained {
    pub line: String,
    pub name: String,
    pub advertiser: String,
    /// The deal's id; `None` for the open market.
    pub deal: Option<String>,
    /// `won`, `outbid`, or the refusal's label.
    pub verdict: &'static str,
    pub detail: String,
    /// How live paced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Paced>,
    /// What third parties are due for an impression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Fee>,
    #[serde(skip)]
    pub ix: LineIx,
}

#[derive(Debug, Serialize)]
pub struct BidExplained {
    pub bid: String,
    pub impid: String,
    pub line: String,
    pub creative: String,
    pub deal: Option<String>,
    pub price_cpm: String,
    pub floor_cpm: String,
    pub currency: String,
    pub vast: String,
}

/// Decides, and says why.
pub fn explain<'s>(
    received: &Received<'_>,
    world: &World,
    live: &mut impl Live<'s>,
    at: Circumstance,
    scratch: &mut Scratch,
) -> Explanation {
    let outcome = decide(received, world, live, at, scratch);
    let mut explanation = Explanation {
        request_id: String::from_utf8_lossy(&scratch.made.request_id).into_owned(),
        exchange: world.exchange(received.exchange).key.clone(),
        world: format!("{:016x}", world.version),
        outcome: outcome.label(),
        nbr: match outcome {
            Outcome::Bid => None,
            Outcome::NoBid(reason) => Some(reason.nbr()),
            Outcome::Malformed(reason) => Some(reason.nbr()),
        },
        permissions: String::new(),
        listener: "unknown",
        facts: Vec::new(),
        withheld: Vec::new(),
        provided: Vec::new(),
        slots: Vec::new(),
        bids: Vec::new(),
    };
    let arena = Bump::new();
    let Ok(request) = openrtb::decode(received.wire, received.body, &arena) else {
        return explanation;
    };
    let mut facts = Facts::new();
    let exchange = world.exchange(received.exchange);
    let sources = sources(world, received);
    let seen = enrich::opportunity(&request, &sources, at.moment, &arena, &mut facts);
    let Ok((opportunity, profile)) = seen else { return explanation };
    explanation.permissions = match opportunity.permissions.denial() {
        None => "full".to_owned(),
        Some(denial) => format!("contextual only: {denial:?}"),
    };
    if !opportunity.permissions.may(Grant::Answer) {
        return explanation;
    }
    explanation.listener = match (opportunity.listener, profile) {
        (Some(_), Some(_)) => "known, profile read",
        (Some(_), None) => "identified, no profile",
        _ => "not identified",
    };
    explanation.withheld = withheld(&opportunity, world);
    let toss = at.coin.toss(request.id, received.exchange, at.moment);
    let opportunity = &opportunity;
    let mark = mark(opportunity, world);
    let supply = supply(opportunity, world);
    let matter = Matter { world, exchange, opportunity, mark, supply, moment: at.moment, toss };
    let asleep = live.asleep();
    let made = Made { pool: &scratch.pool, winners: &scratch.made.winners, asleep };
    for (slot_ix, slot) in opportunity.slots.iter().enumerate() {
        enrich::set_slot(slot, &world.vocabulary, &mut facts);
        if slot_ix == 0 {
            explanation.facts = facts_of(&facts, &world.vocabulary);
            explanation.provided = provided(&facts, world);
        }
        let lines = lines(&matter, slot_ix as u16, &facts, &made);
        let (impid, offer) = (slot.impid.to_owned(), offer_of(slot));
        explanation.slots.push(SlotExplained { impid, offer, lines });
    }
    let vasts = scratch.markup();
    let explained = scratch.made.winners.iter().zip(vasts);
    explanation.bids = explained.map(|(winner, vast)| bid(&matter, winner, vast)).collect();
    explanation
}

/// What the decision came to, as far as lines are concerned.
struct Made<'a> {
    pool: &'a Pool,
    winners: &'a [Winner],
    asleep: Option<&'a Sleep>,
}

fn withheld(opportunity: &Opportunity<'_>, world: &World) -> Vec<Withheld> {
    let enabled = world.vocabulary.enabled_distress();
    let why = |moment| match opportunity.suppressed {
        _ if !enabled.has(moment) => "the operator has not enabled it (vocabulary.distress)",
        said if said.minor => "the listener is a minor",
        said if !said.opted_in.has(moment) => "the listener has not opted in to it",
        _ => "this request does not permit reading the profile",
    };
    let told = opportunity.withheld.moments();
    told.map(|moment| Withheld { moment: moment.name(), why: why(moment) }).collect()
}

fn facts_of(facts: &Facts, vocabulary: &Vocabulary) -> Vec<Fact> {
    let values = |dimension| {
        let values = facts.get(dimension)?;
        Some(values.iter().map(|&value| vocabulary.text(value).to_owned()).collect())
    };
    let mut all: Vec<Fact> = Dimension::all()
        .filter(|&dimension| dimension != Dimension::Radius)
        .map(|dimension| Fact { dimension: dimension.name(), values: values(dimension) })
        .collect();
    let place = facts.place().map(|point| vec![format!("{:.3}, {:.3}", point.lat, point.lon)]);
    all.push(Fact { dimension: Dimension::Radius.name(), values: place });
    all
}

fn offer_of(slot: &Slot<'_>) -> String {
    let durations = match slot.durations {
        Durations::Exact(seconds) => format!("exactly one of {seconds:?} s"),
        Durations::Window { min_ms, max_ms: u32::MAX } => {
            format!("{} s or more", f64::from(min_ms) / 1e3)
        }
        Durations::Window { min_ms, max_ms } => {
            format!("{}–{} s", f64::from(min_ms) / 1e3, f64::from(max_ms) / 1e3)
        }
    };
    let pod = match slot.pod {
        Pod::Single => String::new(),
        Pod::Structured { podid } => format!(", place in pod `{podid}`"),
        Pod::Dynamic { total_ms, max_ads, .. } => {
            format!(", pod of {} s for up to {max_ads} ads", total_ms / 1000)
        }
    };
    let market = if slot.private { "private" } else { "open" };
    format!(
        "{durations}, VAST {}, floor {}, {market}, {} deals{pod}",
        slot.vast.as_str(),
        slot.floors.plain,
        slot.deals.len()
    )
}

/// Every line in every market of the slot that it could be in.
fn lines(
    matter: &Matter<'_, '_>,
    slot_ix: u16,
    facts: &Facts,
    made: &Made<'_>,
) -> Vec<LineExplained> {
    let slot = &matter.opportunity.slots[usize::from(slot_ix)];
    let mut all = Vec::new();
    for (ix, line) in matter.world.catalog.lines() {
        for (deal_ix, offer) in slot.deals.iter().enumerate() {
            if line.deals.iter().any(|id| id == offer.id) {
                let market = Market { slot_ix, slot, deal: Some((deal_ix as u16, offer)) };
                all.push(explained(matter, &market, ix, facts, made));
            }
        }
        let market = Market { slot_ix, slot, deal: None };
        if line.open || all.last().is_none_or(|last: &LineExplained| last.ix != ix) {
            all.push(explained(matter, &market, ix, facts, made));
        }
    }
    all
}

fn explained(
    matter: &Matter<'_, '_>,
    market: &Market<'_, '_>,
    ix: LineIx,
    facts: &Facts,
    made: &Made<'_>,
) -> LineExplained {
    let line = matter.world.catalog.line(ix);
    let (verdict, detail, pace) = verdict::verdict(matter, market, ix, facts, made);
    LineExplained {
        line: line.key.clone(),
        name: line.name.clone(),
        advertiser: matter.world.catalog.advertiser(line.advertiser).name.clone(),
        deal: market.deal.map(|(_, offer)| offer.id.to_owned()),
        verdict,
        detail,
        pace,
        fee: fee_of(&line.targeting, facts, matter.world, line.bid.currency),
        ix,
    }
}

fn bid(matter: &Matter<'_, '_>, winner: &Winner, vast: &str) -> BidExplained {
    let candidate = &winner.candidate;
    let catalog = &matter.world.catalog;
    let opportunity: &Opportunity<'_> = matter.opportunity;
    let slot_ix = candidate.slot;
    let slot = &opportunity.slots[usize::from(slot_ix)];
    let deal = candidate.deal.map(|ix| (ix, &slot.deals[usize::from(ix)]));
    let market = Market { slot_ix, slot, deal };
    let cpm = |money: Money| {
        let text = money.to_string();
        text.split(' ').next().unwrap_or_default().to_owned()
    };
    BidExplained {
        bid: format!("{:016x}", winner.bid.0),
        impid: slot.impid.to_owned(),
        line: catalog.line(candidate.line).key.clone(),
        creative: catalog.creative(candidate.creative).crid.clone(),
        deal: deal.map(|(_, offer)| offer.id.to_owned()),
        price_cpm: cpm(candidate.price),
        floor_cpm: cpm(verdict::floor(matter, &market, candidate.duration_ms)),
        currency: opportunity.currency.to_string(),
        vast: vast.to_owned(),
    }
}
