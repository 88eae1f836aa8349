//! May this line bid, in this world? The book's states in the order of the world's lines. Hot.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::{ArcSwapOption, Guard};

use super::book::Book;
use super::caps::{CapAsk, CapSet};
use super::line::LineState;
use super::sleep::{Idle, Plan, Sleep};
use super::{Ask, Hold, Live, Pace, paced};
use crate::base::units::ids::LineIx;
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::Line;
use crate::market::marks::SupplyMark;
use crate::market::outcome::Refusal;

/// The live half of one world; part of it, and swapped with it.
pub struct Desk {
    book: Arc<Book>,
    /// Of the catalog's base, shared with the desks of other worlds over it.
    base: Arc<[DeskLine]>,
    /// Of the lines behind it.
    fresh: Vec<DeskLine>,
    /// Of the base, those that this world has no more; ascending.
    gone: Vec<LineIx>,
    sleep: ArcSwapOption<Sleep>,
    /// Taken before it: what the traffic is told by.
    decisions: AtomicU64,
    pub(super) paced: Mutex<paced::Known>,
}

pub(super) struct DeskLine {
    state: Arc<LineState>,
    caps: Option<Arc<CapSet>>,
    plan: Plan,
}

impl Desk {
    pub(super) fn new(
        book: Arc<Book>,
        (base, gone): (Arc<[DeskLine]>, Vec<LineIx>),
        fresh: Vec<DeskLine>,
    ) -> Desk {
        let (sleep, decisions) = (ArcSwapOption::empty(), AtomicU64::new(0));
        Desk { book, base, gone, fresh, sleep, decisions, paced: Mutex::default() }
    }

    pub(super) fn base(&self) -> Arc<[DeskLine]> {
        Arc::clone(&self.base)
    }

    /// The answers of production, for one decision that asks of every line.
    pub fn live(&self) -> DeskLive<'_> {
        self.live_with(None)
    }

    /// The answers of production, for one decision that passes over the lines of `asleep`.
    pub fn live_with<'d>(&'d self, asleep: Option<&'d Sleep>) -> DeskLive<'d> {
        self.decisions.fetch_add(1, Ordering::Relaxed);
        DeskLive { desk: self, asleep }
    }

    /// The sleep at hand, to be held for the length of a decision: neither locks nor allocates.
    pub fn sleep(&self) -> Guard<Option<Arc<Sleep>>> {
        self.sleep.load()
    }

    /// Every decision from now on passes over these lines.
    pub fn put_to_sleep(&self, sleep: Option<Arc<Sleep>>) {
        self.sleep.store(sleep);
    }

    /// One look at all lines but those that are gone: which cannot run for a while. Cold.
    pub fn idle(&self, now: Moment) -> Idle {
        let mut idle = Idle::default();
        for (i, line) in self.base.iter().chain(&self.fresh).enumerate() {
            let ix = LineIx(i as u32);
            if let Err(why) = line.standing(now)
                && self.gone.binary_search(&ix).is_err()
            {
                idle.add(ix, why);
            }
        }
        idle
    }

    /// How many decisions this desk was asked in.
    pub(super) fn decisions(&self) -> u64 {
        self.decisions.load(Ordering::Relaxed)
    }

    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    pub fn state(&self, line: LineIx) -> Option<&LineState> {
        self.line(line).map(|line| &*line.state)
    }

    fn line(&self, line: LineIx) -> Option<&DeskLine> {
        let behind = || self.fresh.get(line.index() - self.base.len());
        self.base.get(line.index()).or_else(behind)
    }
}

impl DeskLine {
    pub fn new(state: Arc<LineState>, caps: Option<Arc<CapSet>>, line: &Line) -> DeskLine {
        DeskLine { state, caps, plan: Plan::of(line) }
    }

    fn standing(&self, now: Moment) -> Result<(), Refusal> {
        self.plan.standing(now)?;
        if self.state.could_pay(self.plan.least, now) { Ok(()) } else { Err(Refusal::BudgetSpent) }
    }

    /// `None` where there is no cap, or no listener whom it could be counted for.
    fn capped(&self, for_whom: Option<CapAsk>) -> Option<(&Arc<CapSet>, CapAsk)> {
        Some((self.caps.as_ref()?, for_whom?))
    }
}

/// Answers from the desk of the world at hand.
#[derive(Clone, Copy)]
pub struct DeskLive<'d> {
    desk: &'d Desk,
    asleep: Option<&'d Sleep>,
}

impl<'d> Live<'d> for DeskLive<'d> {
    fn asleep(&self) -> Option<&'d Sleep> {
        self.asleep
    }

    fn is_boxed(&mut self, supply: SupplyMark) -> bool {
        self.desk.book.boxes().holds(supply)
    }

    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        // A line that this world does not have can have no money.
        let line = self.desk.line(ask.line).ok_or(Refusal::BudgetSpent)?;
        if line.state.is_thin() {
            return Err(Refusal::CrowdTooSmall);
        }
        if !line.state.money_left(ask.moment) {
            self.desk.book.fell_short(&line.state, 1, ask.moment);
            return Err(Refusal::BudgetSpent);
        }
        self.has_room(line.capped(CapAsk::of(ask.listener, ask.creative, ask.moment)))?;
        line.state.dial.ask()
    }

    fn looked_at(&mut self, line: LineIx, refusal: Option<Refusal>) {
        if let Some(line) = self.desk.line(line) {
            line.state.looked_at(refusal);
        }
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        let line = self.desk.line(hold.line).ok_or(Refusal::BudgetSpent)?;
        if hold.price.currency != line.state.currency {
            return Err(Refusal::CurrencyUnsupported);
        }
        let capped = line.capped(CapAsk::of(hold.listener, hold.creative, hold.moment));
        if hold.test {
            let fits = line.state.fits(hold.price.nanos, hold.moment);
            return if fits { self.has_room(capped) } else { Err(Refusal::BudgetSpent) };
        }
        let taken = self.desk.book.take(&line.state, hold, capped);
        taken.inspect_err(|&why| {
            if why == Refusal::BudgetSpent {
                self.desk.book.fell_short(&line.state, hold.price.nanos, hold.moment);
            }
            line.state.refused(why);
        })
    }
}

impl DeskLive<'_> {
    fn has_room(&self, capped: Option<(&Arc<CapSet>, CapAsk)>) -> Result<(), Refusal> {
        capped.map_or(Ok(()), |(set, ask)| self.desk.book.caps().has_room(set, &ask))
    }
}
