//! Which lines of a world are paced, and how do they stand? The catalog's terms and the book's
//! purses, as the controllers want them. Cold.
//!
//! Called before a world is served and then by the loop that turns the pacer, or by the simulator.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::day::Days;
use super::desk::Desk;
use super::line::{Count, LineState};
use super::pacing::{Budgets, Counted, Curve, Pace, Pacer, Reading, Subject, Turns};
use super::pot::Pot;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::{CampaignIx, LineIx};
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::{Catalog, Flight, Line, Shape};

/// The end of a flight that has none: such a budget has no plan, only its days have.
const ENDLESS: i64 = Flight::ALWAYS.end.unix_us;

impl Desk {
    /// One turn of every paced line of this desk's world. Lines that are not paced bid fully.
    pub fn pace(&self, catalog: &Catalog, pacer: &mut Pacer, now: Moment) -> Turns {
        let lines = self.paced(catalog, now);
        let lines = || lines.iter().map(|&ix| (ix, catalog.line(ix)));
        let flights = flights(lines().map(|(_, line)| line));
        let mut subjects = Vec::new();
        for (ix, line) in lines() {
            let Some(state) = self.state(ix) else { continue };
            if !line.paused && line.flight.contains(now) {
                let calendar = &*catalog.advertiser(line.advertiser).calendar;
                let flight = flights.get(&line.campaign).copied().unwrap_or(line.flight);
                subjects.extend(subject(state, (line, flight), calendar, now));
            }
        }
        pacer.turn(now, self.decisions(), &subjects)
    }

    /// The lines that are paced. The others are set to bid fully now and then: another world, in
    /// which one of them is paced, may be turned last.
    fn paced(&self, catalog: &Catalog, now: Moment) -> Arc<[LineIx]> {
        let mut known = self.paced.lock().unwrap_or_else(PoisonError::into_inner);
        if (known.at..known.at.plus_s(LOOK_S)).contains(&now) {
            return Arc::clone(&known.lines);
        }
        let is_paced = |line: &Line| line.pacing.shape != Shape::Asap;
        let dials = catalog.lines().filter(|(_, line)| !is_paced(line));
        for dial in dials.filter_map(|(ix, _)| Some(&self.state(ix)?.dial)) {
            if dial.read() != Pace::FULL || dial.fuse.is_blown() {
                dial.turn(Pace::FULL);
                dial.fuse.set(false);
            }
        }
        known.lines =
            catalog.lines().filter(|(_, line)| is_paced(line)).map(|(ix, _)| ix).collect();
        known.at = now;
        Arc::clone(&known.lines)
    }
}

/// How often all lines of a world are looked at for those that are paced.
const LOOK_S: i64 = 10;

/// What a desk knows of its lines' pacing.
pub(super) struct Known {
    at: Moment,
    lines: Arc<[LineIx]>,
}

impl Default for Known {
    fn default() -> Known {
        Known { at: Moment::from_unix_us(i64::MIN), lines: Arc::default() }
    }
}

/// A campaign has no flight of its own: it lasts from its first line's to its last one's.
fn flights<'l>(lines: impl Iterator<Item = &'l Line>) -> HashMap<CampaignIx, Flight> {
    let mut flights: HashMap<CampaignIx, Flight> = HashMap::new();
    for line in lines {
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
    let (asked, taken, likely) = state.dial.counts();
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
            likely,
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
        reading(pot, day.from.max(flight.start), day.until.min(flight.end))
    });
    Budgets {
        total: ends.then(|| reading(total, flight.start, flight.end)),
        day: day.ok().flatten(),
    }
}

fn reading(pot: &Pot, from: Moment, until: Moment) -> Reading {
    let (purse, expected) = (&pot.purse, pot.is_expected());
    let held = (purse.held() - purse.ghost()).max(0);
    Reading { limit: purse.limit(), spent: purse.spent(), held, expected, from, until }
}
