//! Which lines could answer? Targeting's best-first order, narrowed to what may bid now.
//!
//! Called by [`decide`](super::decide) once a request; hot, writes only into scratch.

use std::ops::ControlFlow;

use crate::base::units::ids::{CreativeIx, LineIx};
use crate::base::units::money::Round;
use crate::flows::decide::candidate::{
    Candidate, Market, Matter, candidate, other_lengths, paced, playable, running,
};
use crate::knowledge::enrich;
use crate::market::facts::Facts;
use crate::market::outcome::{NoBid, Refusal};
use crate::market::slot::{Pod, Slot};
use crate::offer::auction::PLACE_CANDIDATES;
use crate::offer::delivery::{Ask, Live, Pace, Sleep};
use crate::offer::targeting::{self, SearchScratch};

/// Candidates kept beyond those wanted, for the case that a hold is refused.
const SPARE: usize = 2;

/// Ties at the last wanted price that are looked at before the search stops.
const TIES_MAX: u32 = 32;

/// Lines that live would not be asked of any more, after which a search stops: those asked before
/// may still come, but not for ever.
const UNASKED_MAX: u32 = 32;

/// A line, and its creative where that has caps of its own.
type Asked = (LineIx, Option<CreativeIx>);

fn asked(matter: &Matter<'_, '_>, made: &Candidate) -> Asked {
    let capped = !matter.world.catalog.creative(made.creative).caps.is_empty();
    (made.line, capped.then_some(made.creative))
}

/// The memory one search for candidates needs; part of the worker's scratch.
#[derive(Default)]
pub struct Pool {
    /// Of all slots; deals before the open market, best first within each.
    pub candidates: Vec<Candidate>,
    /// Lines that targeting let through and that were considered, over all slots and deals.
    pub considered: u32,
    /// What live answered of each line asked in this decision; of each creative of it that has
    /// caps of its own.
    asked: Vec<(Asked, Result<Pace, Refusal>)>,
    pub furthest: Furthest,
    search: Search,
}

/// How far one search has come: of one slot's open market, or of one deal.
#[derive(Default)]
struct Search {
    /// How many candidates are enough.
    wanted: usize,
    /// The worths of the best candidates, as many as are wanted; falling.
    best: Vec<i64>,
    /// Lines looked at that could no more than tie with the last wanted candidate.
    ties: u32,
    /// Lines that could not be asked.
    unasked: u32,
}

impl Search {
    fn begin(&mut self, wanted: usize) {
        *self = Search { wanted, best: std::mem::take(&mut self.best), ..Search::default() };
        self.best.clear();
    }

    fn found(&mut self, worth: i64) {
        let place = self.best.partition_point(|&better| better >= worth);
        if place < self.wanted {
            self.best.truncate(self.wanted - 1);
            self.best.insert(place, worth);
        }
    }

    /// The worth that a candidate has to reach to be wanted; `None` while any is.
    fn last(&self) -> Option<i64> {
        self.best.get(self.wanted.checked_sub(1)?).copied()
    }
}

impl Pool {
    /// Forgets the decision before, all of it: `explain` and the record read what stands here
    /// even where the next request ends before its lines are looked at.
    pub(super) fn clear(&mut self) {
        self.candidates.clear();
        self.considered = 0;
        self.asked.clear();
        self.furthest = Furthest::default();
    }

    /// What live said of a line with this creative; `None` where it was not asked.
    pub fn answer(
        &self,
        matter: &Matter<'_, '_>,
        made: &Candidate,
    ) -> Option<Result<Pace, Refusal>> {
        let of = asked(matter, made);
        self.asked.iter().find(|(asked, _)| *asked == of).map(|&(_, answer)| answer)
    }

    /// A line whose hold was refused may not bid after all.
    pub fn refused(&mut self, line: LineIx, refusal: Refusal) {
        self.furthest.note(refusal);
        for asked in self.asked.iter_mut().filter(|(asked, _)| asked.0 == line) {
            asked.1 = Err(refusal);
        }
    }
}

/// How far the best line came: what an empty answer is blamed on.
#[derive(Clone, Copy, Default, Debug)]
pub struct Furthest(Option<(u8, NoBid)>);

impl Furthest {
    pub fn note(&mut self, refusal: Refusal) {
        let reached = reach(refusal);
        if self.0.is_none_or(|(rank, _)| rank < reached.0) {
            self.0 = Some(reached);
        }
    }

    pub fn reason(self) -> NoBid {
        self.0.map_or(NoBid::NoLineTargets, |(_, reason)| reason)
    }

    /// Nothing that any line could be blamed for.
    fn is_nowhere(self) -> bool {
        self.0.is_none()
    }
}

/// How late in the path a refusal comes, and what a request is counted under when it is the last.
const fn reach(refusal: Refusal) -> (u8, NoBid) {
    match refusal {
        Refusal::Targeting => (0, NoBid::NoLineTargets),
        Refusal::NotInThisMarket => (1, NoBid::NoDealMatches),
        Refusal::Paused | Refusal::OutOfFlight => (2, NoBid::NoLineMay),
        Refusal::SeatNotWanted => (3, NoBid::SeatBlocked),
        Refusal::DsaUntold => (4, NoBid::DsaRequired),
        Refusal::CurrencyUnsupported => (5, NoBid::CurrencyUnsupported),
        Refusal::BelowFloor | Refusal::Outbid => (6, NoBid::BelowFloor),
        Refusal::PodSeparation => (7, NoBid::PodUnfilled),
        Refusal::BudgetSpent
        | Refusal::Capped
        | Refusal::CapUnknowable
        | Refusal::Paced
        | Refusal::Breaker
        | Refusal::CrowdTooSmall
        | Refusal::HoldsFull
        | Refusal::AskLimit => (8, NoBid::NoLineMay),
        _ => (4, NoBid::NoCreativeFits),
    }
}

/// One decision's search; `live` is asked once a line.
pub struct Gather<'a, 'b, L> {
    pub matter: Matter<'a, 'b>,
    pub live: &'a mut L,
    pub pool: &'a mut Pool,
}

impl<'s, L: Live<'s>> Gather<'_, '_, L> {
    /// Fills the pool, which is empty, with the candidates of every slot.
    pub fn all(&mut self, facts: &mut Facts, search: &mut SearchScratch) {
        for (slot_ix, slot) in self.matter.opportunity.slots.iter().enumerate() {
            enrich::set_slot(slot, &self.matter.world.vocabulary, facts);
            let start = self.pool.candidates.len();
            self.deals(slot_ix as u16, slot, facts);
            if slot.private {
                if self.pool.candidates.len() == start {
                    self.pool.furthest.note(Refusal::NotInThisMarket);
                }
            } else {
                self.open(slot_ix as u16, slot, facts, search);
            }
        }
        let found = !self.pool.candidates.is_empty() || !self.pool.furthest.is_nowhere();
        if !found && self.live.asleep().is_some() {
            for slot in self.matter.opportunity.slots.iter().filter(|slot| !slot.private) {
                enrich::set_slot(slot, &self.matter.world.vocabulary, facts);
                self.sleeper(slot, facts, search);
            }
        }
    }

    /// No line was found: would one have been, had it not slept? One more search, to its first
    /// line, so that the reason is the same as if it had been asked.
    fn sleeper(&mut self, slot: &Slot<'_>, facts: &Facts, search: &mut SearchScratch) {
        let Gather { matter, pool, .. } = self;
        let least = least(matter, slot);
        matter.world.index.best_first(facts, None, search, &mut |line| {
            let line = matter.world.catalog.glance(line);
            pool.furthest.note(match running(line, matter.moment) {
                _ if line.price_bound < least => Refusal::BelowFloor,
                Err(refusal) => refusal,
                Ok(()) => Refusal::BudgetSpent,
            });
            ControlFlow::Break(())
        });
    }

    /// The best candidate for each deal; deals are few and so are their lines.
    fn deals(&mut self, slot_ix: u16, slot: &Slot<'_>, facts: &Facts) {
        let world = self.matter.world;
        for (deal_ix, offer) in slot.deals.iter().enumerate() {
            let Some(lines) = world.catalog.deal(offer.id) else { continue };
            let market = Market { slot_ix, slot, deal: Some((deal_ix as u16, offer)) };
            let start = self.pool.candidates.len();
            self.pool.search.begin(1);
            for &line in lines {
                if self.settled(line) {
                    break;
                }
                if targeting::is_true(&world.catalog.line(line).targeting, facts) {
                    self.consider(&market, line);
                }
            }
            self.keep_best(start, 1 + SPARE);
        }
    }

    /// The best candidates of the open market, as many as the exchange or the pod takes.
    fn open(&mut self, slot_ix: u16, slot: &Slot<'_>, facts: &Facts, search: &mut SearchScratch) {
        let wanted = match slot.pod {
            Pod::Single => usize::from(self.matter.exchange.open_bids) + SPARE,
            _ => PLACE_CANDIDATES,
        };
        let market = Market { slot_ix, slot, deal: None };
        let least = least(&self.matter, slot);
        let start = self.pool.candidates.len();
        let of_slot = self.first_of(slot_ix);
        self.pool.search.begin(wanted);
        let index = &self.matter.world.index;
        let asleep = self.live.asleep().map(Sleep::mask);
        index.best_first(facts, asleep, search, &mut |line| {
            if self.settled(line) {
                return ControlFlow::Break(());
            }
            if self.matter.world.catalog.glance(line).price_bound < least {
                // No line from here on can reach the floor.
                self.pool.furthest.note(Refusal::BelowFloor);
                return ControlFlow::Break(());
            }
            // A line that already bids on a deal of this slot does not bid against itself.
            if !self.pool.candidates[of_slot..start].iter().any(|c| c.line == line) {
                self.consider(&market, line);
            }
            ControlFlow::Continue(())
        });
        self.keep_best(start, wanted);
    }

    fn first_of(&self, slot_ix: u16) -> usize {
        self.pool
            .candidates
            .iter()
            .position(|c| c.slot == slot_ix)
            .unwrap_or(self.pool.candidates.len())
    }

    /// Whether enough is known: as many candidates as are wanted, and the next line cannot reach
    /// the last of them; or nothing more can be. Candidates are taken at their paced worth, lines
    /// at their bound, which no pace exceeds: so no better line is ever left out.
    fn settled(&mut self, next: LineIx) -> bool {
        let search = &mut self.pool.search;
        if search.unasked >= UNASKED_MAX {
            return true;
        }
        let Some(last) = search.last() else { return false };
        let bound = self.matter.world.catalog.glance(next).price_bound;
        search.ties += u32::from(bound == last);
        bound < last || search.ties > TIES_MAX
    }

    fn consider(&mut self, market: &Market<'_, '_>, line: LineIx) {
        self.pool.considered += 1;
        let matter = self.matter;
        let made = candidate(&matter, market, line).and_then(|made| {
            let (made, pace) = playable(&matter, market, made, |made| self.ask(made))?;
            Ok((paced(&matter, made, pace)?, pace))
        });
        self.live.looked_at(line, made.as_ref().err().copied());
        match made {
            Ok((made, pace)) => {
                let Pool { candidates, search, .. } = &mut *self.pool;
                let mut keep = |made: Candidate| {
                    candidates.push(made);
                    search.found(made.worth);
                };
                keep(made);
                if market.deal.is_none() && matches!(market.slot.pod, Pod::Dynamic { .. }) {
                    let matter = &self.matter;
                    other_lengths(matter, market, &made, &mut |other| {
                        let _ = paced(matter, other, pace).map(&mut keep);
                    });
                }
            }
            Err(refusal) => self.pool.furthest.note(refusal),
        }
    }

    fn ask(&mut self, made: &Candidate) -> Result<Pace, Refusal> {
        if let Some(answer) = self.pool.answer(&self.matter, made) {
            return answer;
        }
        let Candidate { line, creative, .. } = *made;
        let (listener, moment) = (self.matter.mark, self.matter.moment);
        let answer = self.live.may_bid(&Ask { line, creative, listener, moment });
        self.pool.asked.push((asked(&self.matter, made), answer));
        self.pool.search.unasked += u32::from(answer == Err(Refusal::AskLimit));
        answer
    }

    /// Ranks by price, ties by chance, and forgets the rest.
    fn keep_best(&mut self, start: usize, wanted: usize) {
        let found = &mut self.pool.candidates[start..];
        found.sort_unstable_by_key(|c| (std::cmp::Reverse(c.price.nanos), c.chance));
        let kept = found.len().min(wanted);
        self.pool.candidates.truncate(start + kept);
    }
}

/// The price bound below which no line reaches the slot's floor, whatever its spot's length.
fn least(matter: &Matter<'_, '_>, slot: &Slot<'_>) -> i64 {
    if slot.floors.are_by_length() {
        return 0;
    }
    // Both are rounded down from what they are worth, so the order of worths is kept.
    matter.world.rates.in_reference(slot.floors.plain, Round::Down).unwrap_or(0)
}
