//! What becomes of a hold? It is charged, won, or given back; off the bid path, by notices.

use std::sync::atomic::Ordering;

use super::book::Book;
use super::caps::Meeting;
use super::line::{LEVELS, LineState, Shares};
use super::pot::Pot;
use crate::base::units::ids::LineId;
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::market::ticket::BidId;

/// A billable event that came due.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    pub bid: BidId,
    pub line: LineId,
    /// When the bid was made: which days it counts against.
    pub made: Moment,
    pub charge: Money,
    /// Nothing says that its hold has ended, should this process not know it: what the processes
    /// before held is there for such bids alone.
    pub open: bool,
}

/// How a charge ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charge {
    /// From the bid's own hold.
    FromHold,
    /// There is no hold any more; the budgets still had the money.
    FromFunds,
    /// The money is gone, or the line is not known: not charged.
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

impl Book {
    /// Charges a billable event: from the bid's hold, else from the ghost of its lease, else from
    /// what its budgets have. Whoever calls has made sure that this bid is charged once.
    pub fn charge(&self, due: &Due) -> Charge {
        let hold = self.open_with(due.bid).remove(due.bid, due.line);
        let hold = hold.filter(|hold| {
            let fits = hold.state.currency == due.charge.currency;
            if !fits {
                self.give_back(hold);
                self.stats.released.fetch_add(1, Ordering::Relaxed);
            }
            fits
        });
        let (state, shares) = match hold {
            Some(mut hold) => {
                // Charged by another event than the impression: it may yet be heard.
                let places = hold.places.take();
                places.into_iter().for_each(|p| self.caps().keep(due.bid, p, hold.expires));
                (hold.state, Some(hold.shares))
            }
            None => match self.line(due.line, due.charge.currency) {
                Some(state) => (state, None),
                None => return Charge::NoFunds,
            },
        };
        let held = shares.is_some();
        let counted = if held { &self.stats.charged } else { &self.stats.without_hold };
        counted.fetch_add(1, Ordering::Relaxed);
        let paid = self.pay(&state, shares, due);
        self.stir(&state);
        if paid {
            if held {
                state.rate.ended(true);
                return Charge::FromHold;
            }
            return Charge::FromFunds;
        }
        self.stats.no_funds.fetch_add(1, Ordering::Relaxed);
        Charge::NoFunds
    }

    /// All budgets of a bid are charged, or none and what it held is free.
    fn pay(&self, state: &LineState, shares: Option<Shares>, due: &Due) -> bool {
        let before = due.made.unix_us < self.started.load(Ordering::Acquire);
        let haunted = shares.is_none() && due.open && before;
        let mut shares = shares.unwrap_or_default();
        let charge = due.charge.nanos;
        let _alone = self.alone();
        let mut covered = [Covered::default(); LEVELS];
        let payable = charge >= 0 && state.name_days(&mut shares, due.made);
        let pots = state.pots(&shares);
        let mut cover = |level: usize, pot: &Pot| {
            covered[level] = Covered::of(pot, shares.nanos[level], charge, haunted);
            covered[level].nanos >= charge
        };
        let payable = payable
            && pots.iter().enumerate().all(|(level, pot)| pot.is_none_or(|pot| cover(level, pot)));
        for (pot, covered) in pots.iter().zip(covered) {
            let Some(pot) = pot else { continue };
            if payable {
                pot.purse.spend(covered.nanos, charge);
            } else {
                pot.purse.give_back(covered.nanos - covered.drawn);
                pot.purse.redraw(covered.drawn);
            }
        }
        if !payable {
            let seen = covered.map(|covered| covered.seen);
            let unseen = pots.iter().zip(shares.nanos).zip(seen).filter(|(_, seen)| !seen);
            for ((pot, nanos), _) in unseen {
                pot.inspect(|pot| pot.purse.give_back(nanos));
            }
        }
        if payable && covered.iter().any(|covered| covered.drawn > 0) {
            self.stats.from_ghost.fetch_add(1, Ordering::Relaxed);
        }
        payable
    }

    /// A win was told: the hold lives until its ticket expires. `false`: it has ended.
    pub fn won(&self, bid: BidId, line: LineId) -> bool {
        let mut open = self.open_with(bid);
        let first = open.get(bid, line).filter(|hold| !hold.won);
        self.caps().won(bid, first.and_then(|hold| hold.places.as_ref()));
        open.won(bid, line)
    }

    /// An impression was told, for the first time of this bid and however late: it counts in its
    /// caps. Before it is charged.
    pub fn heard(&self, meeting: &Meeting, now: Moment) {
        let held = self.open_with(meeting.bid).take_places(meeting.bid, meeting.line);
        self.caps().heard(meeting, held, now);
    }

    /// A win was told: where nothing is held for it the caps may have to know.
    pub fn adopt(&self, meeting: &Meeting, now: Moment) {
        if self.open_with(meeting.bid).get(meeting.bid, meeting.line).is_none() {
            self.caps().adopt(meeting, now);
        }
    }

    /// The ad will not be heard (loss, `notUsed`): gives back what was held.
    pub fn release(&self, bid: BidId, line: LineId, even_if_won: bool) -> Released {
        let mut open = self.open_with(bid);
        match open.get(bid, line) {
            None => {
                self.caps().released(bid, None);
                return Released::NotHeld;
            }
            Some(hold) if hold.won && !even_if_won => return Released::Won,
            Some(_) => {}
        }
        if let Some(mut hold) = open.remove(bid, line) {
            self.caps().released(bid, hold.places.take());
            self.give_back(&hold);
            self.stir(&hold.state);
            hold.state.rate.ended(false);
            self.stats.released.fetch_add(1, Ordering::Relaxed);
        }
        Released::Yes
    }
}

/// What of a charge one budget has come up with.
#[derive(Clone, Copy, Default)]
struct Covered {
    /// Shares for it: held, drawn from the ghost, or found in the budget.
    nanos: i64,
    /// Of it, from the ghost.
    drawn: i64,
    seen: bool,
}

impl Covered {
    fn of(pot: &Pot, held: i64, charge: i64, haunted: bool) -> Covered {
        let drawn = if haunted { pot.purse.draw(charge) } else { 0 };
        let nanos = held + drawn;
        let more = charge - nanos;
        let found = if more <= 0 {
            0
        } else if !pot.purse.is_limited() {
            pot.purse.add(more);
            more
        } else if pot.purse.stretch(more, pot.over()) {
            more
        } else {
            0
        };
        Covered { nanos: nanos + found, drawn, seen: true }
    }
}
