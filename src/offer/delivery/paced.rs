//! Which lines of a world are paced, and how do they stand? The catalog's terms and the book's
//! purses, as the controllers want them. Cold.
//!
//! Called before a world is served and then by the loop that turns the pacer, or by the simulator.

use std::collections::HashMap;

use super::day::Days;
use super::desk::Desk;
use super::line::{Count, LineState};
use super::pacing::{Budgets, Counted, Curve, Pace, Pacer, Reading, Subject, Turns};
use super::pot::Pot;
use super::purse::Purse;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::CampaignIx;
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::{Catalog, Flight, Line, Shape};

/// The end of a flight that has none: such a budget has no plan, only its days have.
const ENDLESS: i64 = Flight::ALWAYS.end.unix_us;

impl Desk {
    /// One turn of every paced line of this desk's world. Lines that are not paced bid fully.
    pub fn pace(&self, catalog: &Catalog, pacer: &mut Pacer, now: Moment) -> Turns {
        let flights = flights(catalog);
        let mut subjects = Vec::new();
        for (ix, line) in catalog.lines() {
            let Some(state) = self.state(ix) else { continue };
            if line.pacing.shape == Shape::Asap {
                if state.dial.read() != Pace::FULL || state.dial.fuse.is_blown() {
                    state.dial.turn(Pace::FULL);
                    state.dial.fuse.set(false);
                }
            } else if !line.paused && line.flight.contains(now) {
                let calendar = &*catalog.advertiser(line.advertiser).calendar;
                let flight = flights.get(&line.campaign).copied().unwrap_or(line.flight);
                subjects.extend(subject(state, (line, flight), calendar, now));
            }
        }
        pacer.turn(now, self.decisions(), &subjects)
    }
}

/// A campaign has no flight of its own: it lasts from its first line's to its last one's.
fn flights(catalog: &Catalog) -> HashMap<CampaignIx, Flight> {
    let mut flights: HashMap<CampaignIx, Flight> = HashMap::new();
    for (_, line) in catalog.lines().filter(|(_, line)| line.pacing.shape != Shape::Asap) {
        let flight = flights.entry(line.campaign).or_insert(line.flight);
        flight.start = flight.start.min(line.flight.start);
        flight.end = flight.end.max(line.flight.end);
    }
    flights
}

fn subject<'a>(
    state: &'a LineState,
    (line, of_campaign): (&Line, Flight),
    calendar: &'a Calendar,
    now: Moment,
) -> Option<Subject<'a>> {
    let campaign = state.campaign()?;
    let (asked, taken) = state.dial.counts();
    let impressions = state.counted(Count::Impressions);
    let price = line.bid.nanos;
    Some(Subject {
        line: (state.line, state.currency),
        campaign: campaign.id,
        dial: &state.dial,
        calendar,
        curve: line.pacing.traffic.as_ref().map(|shares| Curve::given(shares)),
        ahead: if line.pacing.shape == Shape::Front { 2.0 } else { 1.0 },
        price,
        agreed: !line.open && !line.deals.is_empty(),
        own: budgets((&state.total, &state.days), line.flight, calendar, now),
        of_campaign: budgets((&campaign.total, &campaign.days), of_campaign, calendar, now),
        counts: Counted {
            asked,
            wins: state.counted(Count::Wins),
            impressions,
            taken,
            charged: state.spent(),
            unshaded: price.saturating_mul(i64::try_from(impressions).unwrap_or(i64::MAX)),
        },
    })
}

fn budgets(
    (total, days): (&Pot, &Days),
    flight: Flight,
    calendar: &Calendar,
    now: Moment,
) -> Budgets {
    let ends = total.purse.is_limited() && flight.end.unix_us < ENDLESS;
    let day = days.with(now, |pot| {
        let day = calendar.day_span(calendar.day(now));
        reading(&pot.purse, day.from.max(flight.start), day.until.min(flight.end))
    });
    Budgets {
        total: ends.then(|| reading(&total.purse, flight.start, flight.end)),
        day: day.ok().flatten(),
    }
}

fn reading(purse: &Purse, from: Moment, until: Moment) -> Reading {
    let held = (purse.held() - purse.ghost()).max(0);
    Reading { limit: purse.limit(), spent: purse.spent(), held, from, until }
}
