//! Which lines need not be asked, because they cannot run for a while? Hot to read, cold to make.
//!
//! Made by a background loop (`app::run`) from what [`Desk::idle`](super::Desk::idle) finds, and
//! swapped in whole; a decision sees one for its whole length, and its record keeps the epoch. A
//! line sleeps when every decision from [`MARGIN_S`] before that look to as long after it would
//! refuse it for its flight or its pause, or when its budget could not pay one bid at that look.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::base::units::ids::LineIx;
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::{Flight, Line};
use crate::market::outcome::Refusal;
use crate::offer::targeting::{Index, Mask};

/// How long a look at the lines holds, both ways: a line is awake so long before its flight. A
/// sleep that nobody has confirmed for longer is not used.
pub const MARGIN_S: i64 = 20;

/// The lines of one world that a search passes over.
pub struct Sleep {
    /// The number under which it is kept for replays; nought: it is kept nowhere.
    pub epoch: u64,
    /// Ascending.
    lines: Vec<LineIx>,
    mask: Mask,
    /// When the lines were last found to be just these, in microseconds since 1970.
    found: AtomicI64,
}

impl Sleep {
    /// `lines`: ascending, of the world that `index` is of.
    pub fn new(epoch: u64, lines: Vec<LineIx>, index: &Index, found: Moment) -> Sleep {
        debug_assert!(lines.is_sorted(), "they are looked up by halves");
        let mask = index.mask(lines.iter().copied());
        Sleep { epoch, lines, mask, found: AtomicI64::new(found.unix_us) }
    }

    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    pub fn lines(&self) -> &[LineIx] {
        &self.lines
    }

    pub fn has(&self, line: LineIx) -> bool {
        self.lines.binary_search(&line).is_ok()
    }

    /// Whether a decision at this moment may pass over these lines.
    pub fn holds_at(&self, moment: Moment) -> bool {
        let found = Moment::from_unix_us(self.found.load(Ordering::Relaxed));
        found.plus_s(-MARGIN_S) <= moment && moment < found.plus_s(MARGIN_S)
    }

    /// The lines were looked at again, and it is still these.
    pub fn confirm(&self, now: Moment) {
        self.found.store(now.unix_us, Ordering::Relaxed);
    }
}

/// The lines that a look found to be idle, and how many for which reason.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Ascending.
    pub lines: Vec<LineIx>,
    pub paused: usize,
    pub out_of_flight: usize,
    pub budget_spent: usize,
}

impl Idle {
    pub(super) fn add(&mut self, line: LineIx, why: Refusal) {
        let count = match why {
            Refusal::Paused => &mut self.paused,
            Refusal::OutOfFlight => &mut self.out_of_flight,
            _ => &mut self.budget_spent,
        };
        *count += 1;
        self.lines.push(line);
    }
}

/// When and for how much a line may run: what of the catalog a look at all lines needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    flight: Flight,
    /// What one bid costs at least, in nanos of the account's currency.
    pub least: i64,
    paused: bool,
}

impl Plan {
    pub fn of(line: &Line) -> Plan {
        Plan { flight: line.flight, least: least(line.bid), paused: line.paused }
    }

    /// Why the line runs at no moment around this one, its budget apart.
    pub fn standing(&self, now: Moment) -> Result<(), Refusal> {
        if self.paused {
            return Err(Refusal::Paused);
        }
        let Flight { start, end } = self.flight;
        let over = end <= now.plus_s(-MARGIN_S);
        let ahead = now.plus_s(MARGIN_S) <= start;
        if over || ahead { Err(Refusal::OutOfFlight) } else { Ok(()) }
    }
}

/// On the way through an exchange's currency a price loses a few nanos; a thousandth is more.
fn least(bid: Money) -> i64 {
    bid.nanos - bid.nanos / 1024
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::units::money::Currency;
    use crate::knowledge::catalog::model::Budget;
    use crate::offer::delivery::tests::{hold, line, small};
    use crate::offer::delivery::{Book, Desk, Live};

    const NOW: Moment = Moment::from_unix_s(1_800_000_000);

    fn desk(lines: &[Line]) -> Desk {
        Arc::new(Book::new(&small())).desk_of(lines).unwrap()
    }

    fn flight(start: i64, end: i64) -> Line {
        let flight = Flight { start: NOW.plus_s(start), end: NOW.plus_s(end) };
        Line { flight, ..line(0, None, None) }
    }

    #[test]
    fn lines_sleep_for_one_reason_each() {
        let paused = Line { paused: true, ..line(1, Some(0), None) };
        let over = Line { flight: flight(-900, -800).flight, ..line(2, Some(0), None) };
        let spent = line(4, Some(0), None);
        let lines = [line(0, None, None), paused, over, line(3, Some(9), None), spent];
        let idle = desk(&[&lines[..], &[line(5, Some(10), None)]].concat()).idle(NOW);
        assert_eq!(idle.lines, [1, 2, 3, 4].map(LineIx));
        assert_eq!((idle.paused, idle.out_of_flight, idle.budget_spent), (1, 1, 2));
    }

    #[test]
    fn no_line_sleeps_through_a_moment_of_its_flight_that_a_look_holds_for() {
        for (start, end) in [(-30, -25), (-30, -20), (-30, -19), (-5, 5), (19, 30), (20, 30)] {
            let line = flight(start, end);
            let idle = desk(std::slice::from_ref(&line)).idle(NOW);
            let (from, to) = (NOW.plus_s(-MARGIN_S), NOW.plus_s(MARGIN_S).unix_us);
            let runs = line.flight.start.unix_us < to && from < line.flight.end;
            assert_eq!(idle.lines.is_empty(), runs, "{start} to {end}");
        }
    }

    #[test]
    fn a_line_sleeps_while_its_money_is_held_and_wakes_when_it_comes_back() {
        let desk = desk(&[line(0, Some(25), None)]);
        for bid in 1..=2 {
            assert!(desk.idle(NOW).lines.is_empty());
            assert_eq!(desk.live().hold(&hold(bid, 10)), Ok(()));
        }
        assert_eq!(desk.idle(NOW).lines, [LineIx(0)]);
        desk.book().sweep(NOW.plus_s(3600));
        assert!(desk.idle(NOW).lines.is_empty());
    }

    #[test]
    fn whatever_a_price_loses_between_currencies_the_line_is_awake_for_it() {
        let yen = Currency::parse("JPY").unwrap();
        let bid = Money::new(10_240_000, yen);
        let rich = |total| Line { bid, budget: Budget::total(total), ..line(0, None, None) };
        // 200 nanos: what the coarsest of the usual currencies rounds away.
        assert!(desk(&[rich(bid.nanos - 200)]).idle(NOW).lines.is_empty());
        assert_eq!(desk(&[rich(bid.nanos - 20_000)]).idle(NOW).lines, [LineIx(0)]);
    }

    #[test]
    fn a_look_holds_so_long_and_no_longer() {
        let lines = [line(0, None, None), line(1, None, None)];
        let sleep = Sleep::new(7, vec![LineIx(1)], &Index::build(&lines), NOW);
        assert!(!sleep.has(LineIx(0)) && sleep.has(LineIx(1)));
        for (at, holds) in [(-21, false), (-20, true), (0, true), (19, true), (20, false)] {
            assert_eq!(sleep.holds_at(NOW.plus_s(at)), holds, "{at}");
        }
        sleep.confirm(NOW.plus_s(15));
        assert!(sleep.holds_at(NOW.plus_s(34)));
    }
}
