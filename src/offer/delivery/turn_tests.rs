//! Turns, leases and days of one book: bursts, clocks that are set, midnights, and what a crash
//! would strand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::owner::AdvertiserState;
use super::tests::{hold, line, small};
use super::*;
use crate::base::stdx::rng::Rng;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::{AdvertiserId, LineId};
use crate::base::units::money::Currency;
use crate::knowledge::catalog::model::{Advertiser, Budget, BudgetMode, Campaign, Line};
use crate::offer::ledger::BudgetId;

const NOW: Moment = Moment::from_unix_s(1_800_000_000);
const PRICE: i64 = 10;
const LINE: LineId = LineId(100);

fn book() -> Arc<Book> {
    Arc::new(Book::leased(&Config { hold_queue: 1 << 14, ..small() }))
}

fn turn(book: &Book, now: Moment) -> Turn {
    let turn = book.turn(now);
    book.granted(&turn);
    turn
}

fn daily(daily: i64, total: Option<i64>) -> Line {
    Line { budget: Budget { total, daily: Some(daily), ..Budget::NONE }, ..line(0, None, None) }
}

/// Bids until one is refused; how many were not.
fn burst(desk: &Desk, from: u64, moment: Moment) -> u64 {
    let bid = |n: &u64| desk.live().hold(&Hold { moment, ..hold(from + n, PRICE) }).is_ok();
    (0..).take_while(bid).count() as u64
}

#[test]
fn a_burst_waits_for_one_turn_and_a_spent_line_for_none() {
    let book = book();
    let desk = book.desk_of(&[line(0, Some(1_000_000), None)]).unwrap();
    turn(&book, NOW);
    let first = burst(&desk, 0, NOW);
    assert_eq!(first, 1_000_000 / 256 / PRICE as u64);
    assert!(book.is_short(), "the limit has the money");
    turn(&book, NOW.plus_s(1));
    assert!(!book.is_short());
    assert!(burst(&desk, first, NOW) > first, "the next lease is for the pace that was seen");

    turn(&book, NOW.plus_s(2));
    let spent = book.desk_of(&[line(0, Some(0), None)]).unwrap();
    assert_eq!(burst(&spent, 1 << 30, NOW), 0);
    assert_eq!(
        spent.live().may_bid(&Ask {
            line: LineIx(0),
            creative: CreativeIx(0),
            listener: None,
            moment: NOW,
        }),
        Err(Refusal::BudgetSpent)
    );
    assert!(!book.is_short(), "no lease would help it");
}

/// Else the journal has a refund of money that a lease before it took: it could not be read again.
#[test]
fn what_the_journal_is_told_to_lease_is_not_paid_back() {
    let advertiser = AdvertiserState::new(AdvertiserId::of("a"), Currency::USD, true);
    advertiser.set_prepaid(true);
    assert!(advertiser.pay(1_000_000));
    let lease = advertiser.funds.lease(NOW).unwrap();
    let free = 1_000_000 - lease.ceiling;
    assert!(lease.ceiling > 0 && !advertiser.pay(-free - 1), "told, not yet granted");
    advertiser.funds.granted(lease.ceiling);
    assert!(!advertiser.pay(-free - 1) && advertiser.pay(-free));
}

#[test]
fn a_turn_looks_at_what_moved_and_at_nothing_else() {
    let book = book();
    let lines: Vec<Line> = (0..100).map(|ix| line(ix, Some(1_000_000), None)).collect();
    let desk = book.desk_of(&lines).unwrap();
    assert!(!turn(&book, NOW).is_empty());
    let mut now = NOW;
    let mut settle = || {
        for _ in 0..100 {
            now = now.plus_s(1);
            turn(&book, now);
        }
        now
    };
    settle();
    assert!(book.take_stirred().is_empty(), "all rest");
    desk.live().hold(&Hold { line: LineIx(7), moment: NOW, ..hold(1, PRICE) }).unwrap();
    book.sweep(NOW);
    let lines: Vec<LineId> = book.take_stirred().iter().map(|state| state.line).collect();
    assert_eq!(lines, [LineId(107)]);
    book.stir_all();
    let end = settle();
    assert!(book.take_stirred().is_empty());
    book.sweep(NOW.plus_s(3600));
    assert_eq!(book.take_stirred().len(), 1, "what comes back is looked at");
    drop(desk);
    book.stir_all();
    turn(&book, end);
}

#[test]
fn only_lines_of_a_world_get_new_days() {
    let book = book();
    let desk = book.desk_of(&[daily(1000, None)]).unwrap();
    let day_of = |moment: Moment| BudgetId::Line(LINE, Some(Calendar::utc().day(moment)));
    let has = |moment| book.with_pot((day_of(moment), Currency::USD), |_| ()).is_some();
    let tomorrow = NOW.plus_s(86_400);
    turn(&book, NOW);
    assert!(has(NOW) && !has(tomorrow));
    turn(&book, tomorrow);
    assert!(has(tomorrow));
    drop(desk);
    let next = tomorrow.plus_s(2 * 86_400);
    (0..3).for_each(|n| drop(turn(&book, next.plus_s(n * 61))));
    assert!(!has(next), "nobody can bid on it");
    let _desk = book.desk_of(&[daily(1000, None)]).unwrap();
    turn(&book, next.plus_s(200));
    assert!(has(next));
}

/// An account in Berlin, whose days are not those of UTC.
fn berlin(book: &Arc<Book>, line: Line) -> (Desk, Arc<Calendar>) {
    let calendar = Arc::new(Calendar::of("Europe/Berlin").unwrap());
    let mut advertiser = Advertiser::plain("a", Currency::USD);
    advertiser.calendar = Arc::clone(&calendar);
    let mut campaign = Campaign::plain("a", "c");
    campaign.budget = Budget { daily: Some(900), ..Budget::NONE };
    (book.desk_owned(&[line], &[campaign], &[advertiser]).unwrap(), calendar)
}

#[test]
fn whatever_a_clock_does_no_day_is_spent_twice() {
    for seed in 0..40 {
        let (mut rng, book) = (Rng::new(seed), book());
        let (desk, calendar) = berlin(&book, daily(1000, None));
        let mut now = NOW;
        let (mut days, mut bids) = (BTreeMap::<i32, i64>::new(), 0);
        for _ in 0..300 {
            let step_s = match rng.below(6) {
                0 => -(rng.between(1, 3 * 86_400) as i64),
                1 => rng.between(1, 3 * 86_400) as i64,
                2 => -(rng.between(1, 3600) as i64),
                _ => rng.between(1, 3600) as i64,
            };
            now = now.plus_s(step_s);
            if rng.chance(0.8) {
                turn(&book, now);
            }
            for _ in 0..rng.between(1, 120) {
                bids += 1;
                let held = Hold { moment: now, ..hold(bids, PRICE) };
                if desk.live().hold(&held).is_ok() {
                    *days.entry(calendar.day(now)).or_default() += PRICE;
                    let charge = Money::new(PRICE, Currency::USD);
                    let due = Due { bid: held.bid, line: LINE, made: now, charge, open: true };
                    assert_eq!(book.charge(&due), Charge::FromHold);
                }
            }
        }
        assert!(days.values().all(|&spent| spent <= 900), "seed {seed}: {days:?}");
        assert!(days.values().filter(|&&spent| spent == 900).count() > 3, "{days:?}");
        let all: i64 = days.values().sum();
        assert_eq!(desk.state(LineIx(0)).unwrap().spent(), all);
    }
}

#[test]
fn at_midnight_under_load_both_days_have_their_budgets() {
    let book = Arc::new(Book::new(&Config { hold_queue: 1 << 14, ..small() }));
    let (desk, calendar) = berlin(&book, daily(1000, None));
    let midnight = calendar.midnight(calendar.day(NOW) + 1);
    let clock = AtomicI64::new(midnight.plus_s(-2).unix_us);
    turn(&book, midnight.plus_s(-2));
    let granted = [const { AtomicI64::new(0) }; 2];
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (desk, clock, granted) = (&desk, &clock, &granted);
            scope.spawn(move || {
                for n in 0..5_000_u64 {
                    let moment = Moment::from_unix_us(clock.fetch_add(200, Ordering::Relaxed));
                    let held = Hold { moment, ..hold(thread << 32 | n, 3) };
                    if desk.live().hold(&held).is_ok() {
                        let day = usize::from(moment >= midnight);
                        granted[day].fetch_add(3, Ordering::Relaxed);
                    }
                }
            });
        }
        let (book, clock) = (&book, &clock);
        scope.spawn(move || {
            while clock.load(Ordering::Relaxed) < midnight.plus_s(2).unix_us {
                turn(book, Moment::from_unix_us(clock.load(Ordering::Relaxed)));
            }
        });
    });
    assert_eq!(granted.map(AtomicI64::into_inner), [900, 900]);
}

/// Beyond what open bids hold, a crash strands at most a hundredth of a day's budget, or ten
/// seconds of spending, whichever is more.
#[test]
fn a_crash_strands_little() {
    for (per_second, seed) in [(2.0, 1), (40.0, 2), (300.0, 3)] {
        let (mut rng, book) = (Rng::new(seed), book());
        let per_day = (per_second * 86_400.0) as i64 * PRICE;
        let desk = book.desk_of(&[daily(per_day, Some(30 * per_day))]).unwrap();
        turn(&book, NOW);
        let most = (per_day / 100).max((10.0 * per_second) as i64 * PRICE);
        let day = BudgetId::Line(LINE, Some(Calendar::utc().day(NOW)));
        let (mut due, mut bids, mut refused) = (0.0, 0, 0);
        for half_second in 0..1200 {
            let now = NOW.plus_s(half_second / 2);
            // Traffic comes in gusts.
            due += per_second / 2.0 * if rng.chance(0.1) { 5.5 } else { 0.5 };
            while due >= 1.0 {
                (due, bids) = (due - 1.0, bids + 1);
                let win_by = Some(now.plus_s(10));
                let held = Hold { moment: now, win_by, ..hold(bids, PRICE) };
                refused += u64::from(desk.live().hold(&held).is_err());
            }
            book.sweep(now);
            turn(&book, now);
            for id in [BudgetId::Line(LINE, None), day] {
                let stranded = book.with_pot((id, Currency::USD), |pot| {
                    pot.purse.ceiling() - pot.purse.committed()
                });
                assert!(stranded.unwrap() <= most, "{id:?} {stranded:?} of {per_day}");
            }
        }
        assert!(refused * 50 < bids, "{refused} of {bids} bids found no lease");
    }
}

#[test]
fn an_expected_budget_counts_what_it_took_and_not_the_price() {
    let book = Arc::new(Book::new(&small()));
    let budget = Budget { mode: BudgetMode::Expected, ..daily(1000, None).budget };
    let desk = book.desk_of(&[Line { budget, ..daily(1000, None) }]).unwrap();
    turn(&book, NOW);
    let state = desk.state(LineIx(0)).unwrap();
    (0..1000).for_each(|n| state.rate.ended(n % 5 == 0));
    state.rate.learn();
    desk.live().hold(&hold(1, 100)).unwrap();
    let (_, taken, likely) = state.dial.counts();
    let held = book
        .with_pot((BudgetId::Line(LINE, Some(Calendar::utc().day(NOW))), Currency::USD), |pot| {
            pot.purse.held()
        });
    assert_eq!((taken, Some(likely)), (100, held));
    assert!((21..30).contains(&likely), "{likely}");
}
