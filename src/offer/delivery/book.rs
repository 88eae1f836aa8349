//! What is taken, of all lines? The state that outlives every world. Written by bids without a
//! lock; settled, released and swept off the bid path under one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_queue::ArrayQueue;
use dashmap::DashMap;

use super::Config;
use super::boxes::Boxes;
use super::caps::{CapAsk, CapSet, Caps, Meeting};
use super::desk::{Desk, DeskLine};
use super::holds::{OpenHold, OpenHolds};
use super::line::{Count, LineState};
use crate::base::units::ids::LineId;
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::{Catalog, Line};
use crate::market::outcome::Refusal;
use crate::market::ticket::BidId;

pub struct Book {
    lines: DashMap<(LineId, Currency), Arc<LineState>>,
    lines_max: usize,
    caps: Caps,
    boxes: Boxes,
    /// Fresh holds, from bids to the next sweep or notice.
    fresh: ArrayQueue<OpenHold>,
    open: Mutex<OpenHolds>,
    holds_max: usize,
    stats: Stats,
}

#[derive(Default)]
struct Stats {
    held: AtomicU64,
    charged: AtomicU64,
    without_hold: AtomicU64,
    released: AtomicU64,
    expired: AtomicU64,
    doubled: AtomicU64,
    queue_full: AtomicU64,
}

/// How a charge ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charge {
    /// From the bid's own hold.
    FromHold,
    /// The hold had ended; the budget still had the money.
    FromFunds,
    /// The hold had ended and the money is gone, or the line is not known: not charged.
    NoFunds,
}

/// How a release ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Released {
    Yes,
    /// Nothing was held any more.
    NotHeld,
    /// A win was told before; the hold stays until its ticket expires.
    Won,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("more than {0} lines; raise delivery.lines_max")]
pub struct TooManyLines(pub usize);

/// One line's rollup, for metrics and tables.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LineTally {
    pub line: String,
    #[serde(skip)]
    pub id: LineId,
    #[serde(skip)]
    pub currency: Currency,
    pub spent_nanos: i64,
    pub held_nanos: i64,
    pub total_nanos: Option<i64>,
    pub bids: u64,
    pub wins: u64,
    pub losses: u64,
    pub impressions: u64,
    pub starts: u64,
    pub first_quartiles: u64,
    pub midpoints: u64,
    pub third_quartiles: u64,
    pub completes: u64,
    pub clicks: u64,
    pub errors: u64,
    pub not_used: u64,
    pub disputed: u64,
}

impl Book {
    pub fn new(config: &Config) -> Book {
        Book {
            lines: DashMap::new(),
            lines_max: config.lines_max,
            caps: Caps::new(&config.caps),
            boxes: Boxes::default(),
            fresh: ArrayQueue::new(config.hold_queue),
            open: Mutex::new(OpenHolds::default()),
            holds_max: config.holds_max,
            stats: Stats::default(),
        }
    }

    /// The view for a world that is about to be published: its budgets count from now on. Shares
    /// what it can with the desk of the world `before`.
    pub fn desk(
        self: &Arc<Book>,
        catalog: &Catalog,
        before: Option<(&Catalog, &Desk)>,
    ) -> Result<Desk, TooManyLines> {
        let base = match before.filter(|(other, _)| other.shares_base(catalog)) {
            None => self.desk_lines(catalog.base_lines(), Some(catalog))?.into(),
            Some((other, desk)) => {
                // What is again as it was in the base had another budget meanwhile.
                let back = other.gone().filter(|&ix| !catalog.is_gone(ix));
                back.for_each(|ix| drop(self.desk_line(catalog.line(ix), Some(catalog))));
                desk.base()
            }
        };
        let fresh = self.desk_lines(catalog.fresh_lines(), Some(catalog))?;
        Ok(Desk::new(Arc::clone(self), (base, catalog.gone().collect()), fresh))
    }

    /// The view of lines that stand in no catalog, in `LineIx` order.
    pub fn desk_of(self: &Arc<Book>, lines: &[Line]) -> Result<Desk, TooManyLines> {
        let lines = (self.desk_lines(lines, None)?.into(), Vec::new());
        Ok(Desk::new(Arc::clone(self), lines, Vec::new()))
    }

    fn desk_lines(
        &self,
        lines: &[Line],
        catalog: Option<&Catalog>,
    ) -> Result<Vec<DeskLine>, TooManyLines> {
        let missing = |line: &&Line| !self.lines.contains_key(&(line.id, line.bid.currency));
        let has_room = || self.lines.len() + lines.iter().filter(missing).count() <= self.lines_max;
        if !has_room() {
            self.forget();
        }
        if !has_room() {
            return Err(TooManyLines(self.lines_max));
        }
        Ok(lines.iter().map(|line| self.desk_line(line, catalog)).collect())
    }

    /// Drops the lines of past worlds that have no money taken: but their counts, nothing is lost.
    fn forget(&self) {
        self.lines.retain(|_, state| Arc::strong_count(state) > 1 || state.is_committed());
        self.caps.forget();
    }

    fn desk_line(&self, line: &Line, catalog: Option<&Catalog>) -> DeskLine {
        let state = self.state(line.id, line.bid.currency);
        state.set_total(line.budget.total);
        let caps = self.caps.stands(line.id, CapSet::for_line(line, catalog));
        DeskLine::new(state, caps, line)
    }

    /// The state of a line in one currency, a new one without any budget if there was none.
    pub fn state(&self, line: LineId, currency: Currency) -> Arc<LineState> {
        if let Some(state) = self.line(line, currency) {
            return state;
        }
        let fresh = || Arc::new(LineState::new(line, currency));
        Arc::clone(&self.lines.entry((line, currency)).or_insert_with(fresh))
    }

    pub fn line(&self, line: LineId, currency: Currency) -> Option<Arc<LineState>> {
        self.lines.get(&(line, currency)).map(|state| Arc::clone(&state))
    }

    /// At start: what the journal says this line has spent.
    pub fn restore(&self, line: LineId, spent: Money) {
        self.state(line, spent.currency).restore(spent.nanos);
    }

    /// The supplies that get no bids for now.
    pub fn boxes(&self) -> &Boxes {
        &self.boxes
    }

    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// Takes money and the caps' places, or nothing. The hot half: no lock.
    pub(super) fn take(
        &self,
        mut hold: OpenHold,
        caps: Option<(&Arc<CapSet>, CapAsk)>,
    ) -> Result<(), Refusal> {
        if !hold.state.commit(hold.nanos) {
            return Err(Refusal::BudgetSpent);
        }
        if let Some((set, ask)) = caps {
            let taken = self.caps.take(set, &ask);
            hold.places = Some(taken.inspect_err(|_| hold.state.give_back(hold.nanos))?);
        }
        hold.state.count(Count::Bids);
        self.stats.held.fetch_add(1, Ordering::Relaxed);
        self.fresh.push(hold).map_err(|hold| {
            self.give_back(&hold);
            hold.state.uncount(Count::Bids);
            self.stats.queue_full.fetch_add(1, Ordering::Relaxed);
            Refusal::HoldsFull
        })
    }

    fn give_back(&self, hold: &OpenHold) {
        hold.state.give_back(hold.nanos);
        hold.places.iter().for_each(|taken| self.caps.give_back(taken));
    }

    /// Charges a billable event: from the bid's hold, else from what the budget still has.
    /// Whoever calls has made sure that this bid is charged once.
    pub fn charge(&self, bid: BidId, line: LineId, charge: Money) -> Charge {
        let hold = self.open_with(bid).remove(bid, line);
        let hold = hold.filter(|hold| {
            let fits = hold.state.currency == charge.currency;
            if !fits {
                self.give_back(hold);
                self.stats.released.fetch_add(1, Ordering::Relaxed);
            }
            fits
        });
        let counted = if hold.is_some() { &self.stats.charged } else { &self.stats.without_hold };
        counted.fetch_add(1, Ordering::Relaxed);
        match hold {
            Some(mut hold) => {
                // Charged by another event than the impression: it may yet be heard.
                let places = hold.places.take();
                places.into_iter().for_each(|taken| self.caps.keep(bid, taken, hold.expires));
                match hold.state.spend(hold.nanos, charge.nanos) {
                    true => Charge::FromHold,
                    false => Charge::NoFunds,
                }
            }
            None => match self.line(line, charge.currency) {
                Some(state) if state.spend(0, charge.nanos) => Charge::FromFunds,
                _ => Charge::NoFunds,
            },
        }
    }

    /// A win was told: the hold lives until its ticket expires. `false`: it has ended.
    pub fn won(&self, bid: BidId, line: LineId) -> bool {
        let mut open = self.open_with(bid);
        let won = open.won(bid, line);
        self.caps.won(bid, open.get(bid, line).and_then(|hold| hold.places.as_ref()));
        won
    }

    /// An impression was told, for the first time of this bid and however late: it counts in its
    /// caps. Before it is charged.
    pub fn heard(&self, meeting: &Meeting, now: Moment) {
        let held = self.open_with(meeting.bid).take_places(meeting.bid, meeting.line);
        self.caps.heard(meeting, held, now);
    }

    /// A win was told for which nothing is held.
    pub fn adopt(&self, meeting: &Meeting, now: Moment) {
        self.caps.adopt(meeting, now);
    }

    /// The ad will not be heard (loss, `notUsed`): gives back what was held.
    pub fn release(&self, bid: BidId, line: LineId, even_if_won: bool) -> Released {
        let mut open = self.open_with(bid);
        match open.get(bid, line) {
            None => {
                self.caps.released(bid, None);
                return Released::NotHeld;
            }
            Some(hold) if hold.won && !even_if_won => return Released::Won,
            Some(_) => {}
        }
        if let Some(mut hold) = open.remove(bid, line) {
            self.caps.released(bid, hold.places.take());
            self.give_back(&hold);
            self.stats.released.fetch_add(1, Ordering::Relaxed);
        }
        Released::Yes
    }

    /// Gives back what has ended; called every `sweep_ms` by a background loop.
    pub fn sweep(&self, now: Moment) {
        let mut open = self.lock();
        self.gather(&mut open);
        while let Some(hold) = open.pop_ended(now) {
            self.give_back(&hold);
            self.stats.expired.fetch_add(1, Ordering::Relaxed);
        }
        // What had no room before may have it now.
        self.gather(&mut open);
        drop(open);
        self.caps.sweep(now);
    }

    /// The open holds, this bid's among them if it has one: a notice may outrun the sweeper.
    fn open_with(&self, bid: BidId) -> MutexGuard<'_, OpenHolds> {
        let mut open = self.lock();
        if !open.has(bid) {
            self.gather(&mut open);
        }
        open
    }

    fn gather(&self, open: &mut OpenHolds) {
        while open.len() < self.holds_max && self.caps.keeps_up() {
            let Some(hold) = self.fresh.pop() else { return };
            if let Some(taken) = &hold.places {
                self.caps.opened(hold.bid, taken, (hold.ends, hold.expires));
            }
            if let Some(second) = open.add(hold) {
                self.give_back(&second);
                self.stats.doubled.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, OpenHolds> {
        // A panic under the lock leaves a map that is whole; money must go on being settled.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All lines with what they did, in the order of their ids.
    pub fn tally(&self) -> Vec<LineTally> {
        let mut tally: Vec<LineTally> = self.lines.iter().map(|s| LineTally::of(&s)).collect();
        tally.sort_unstable_by_key(|line| (line.id, line.currency));
        tally
    }

    /// Open holds and what became of all others, by name: `held` is the sum of `open` to
    /// `queue_full`. Charges whose hold had ended before stand apart.
    pub fn stats(&self) -> [(&'static str, u64); 8] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let open = self.lock().len() + self.fresh.len();
        [
            ("held", read(&self.stats.held)),
            ("open", open as u64),
            ("charged", read(&self.stats.charged)),
            ("released", read(&self.stats.released)),
            ("expired", read(&self.stats.expired)),
            ("doubled", read(&self.stats.doubled)),
            ("queue_full", read(&self.stats.queue_full)),
            ("without_hold", read(&self.stats.without_hold)),
        ]
    }
}

impl LineTally {
    fn of(state: &LineState) -> LineTally {
        LineTally {
            line: state.line.to_string(),
            id: state.line,
            currency: state.currency,
            spent_nanos: state.spent(),
            held_nanos: state.held(),
            total_nanos: state.total(),
            bids: state.counted(Count::Bids),
            wins: state.counted(Count::Wins),
            losses: state.counted(Count::Losses),
            impressions: state.counted(Count::Impressions),
            starts: state.counted(Count::Starts),
            first_quartiles: state.counted(Count::FirstQuartiles),
            midpoints: state.counted(Count::Midpoints),
            third_quartiles: state.counted(Count::ThirdQuartiles),
            completes: state.counted(Count::Completes),
            clicks: state.counted(Count::Clicks),
            errors: state.counted(Count::Errors),
            not_used: state.counted(Count::NotUsed),
            disputed: state.counted(Count::Disputed),
        }
    }
}
