use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::*;
use crate::base::units::ids::{CreativeIx, LineId, ListenerMark};
use crate::base::units::money::Currency;
use crate::knowledge::catalog::model::{Budget, Cap, Line};

const NOW: Moment = Moment::from_unix_s(1_800_000_000);
const LINE: LineIx = LineIx(0);
const ID: LineId = LineId(100);

pub(super) fn line(ix: u64, budget: Option<i64>, cap: Option<Cap>) -> Line {
    Line {
        budget: Budget { total: budget, ..Budget::NONE },
        caps: cap.into_iter().collect(),
        ..Line::plain(LineId(100 + ix), Money::new(10, Currency::USD))
    }
}

pub(super) fn small() -> Config {
    Config { hold_queue: 64, ..Config::small() }
}

fn desk(budget: Option<i64>, cap: Option<Cap>) -> Desk {
    Arc::new(Book::new(&small())).desk_of(&[line(0, budget, cap)]).unwrap()
}

pub(super) fn hold(bid: u64, nanos: i64) -> Hold {
    Hold {
        bid: BidId(bid),
        line: LINE,
        creative: CreativeIx(0),
        listener: Some(ListenerMark(1)),
        price: usd(nanos),
        moment: NOW,
        expires: NOW.plus_s(3600),
        win_by: None,
        test: false,
    }
}

fn usd(nanos: i64) -> Money {
    Money::new(nanos, Currency::USD)
}

fn ask(listener: Option<u64>) -> Ask {
    let listener = listener.map(ListenerMark);
    Ask { line: LINE, creative: CreativeIx(0), listener, moment: NOW }
}

fn due(bid: u64, charge: Money) -> Due {
    Due { bid: BidId(bid), line: ID, made: NOW, charge, open: true }
}

/// Spent, held.
fn money(desk: &Desk) -> (i64, i64) {
    let state = desk.state(LINE).unwrap();
    (state.spent(), state.held())
}

fn stat(book: &Book, name: &str) -> u64 {
    book.stats().iter().find(|(stat, _)| *stat == name).unwrap().1
}

#[test]
fn a_budget_is_held_to_the_nano() {
    let desk = desk(Some(25), None);
    let mut live = desk.live();
    assert_eq!(live.hold(&hold(1, 10)), Ok(()));
    assert_eq!(live.hold(&hold(2, 15)), Ok(()));
    assert_eq!(live.may_bid(&ask(None)), Err(Refusal::BudgetSpent));
    assert_eq!(live.hold(&hold(3, 1)), Err(Refusal::BudgetSpent));
    assert_eq!(money(&desk), (0, 25));
    assert_eq!(desk.book().charge(&due(1, usd(4))), Charge::FromHold);
    assert_eq!(money(&desk), (4, 15));
    assert_eq!(live.may_bid(&ask(None)), Ok(Pace::FULL));
    assert_eq!(live.hold(&hold(4, 7)), Err(Refusal::BudgetSpent));
    assert_eq!(live.hold(&hold(4, 6)), Ok(()));
}

#[test]
fn impossible_amounts_are_refused() {
    let desk = desk(None, None);
    let mut live = desk.live();
    assert_eq!(live.hold(&hold(1, -1)), Err(Refusal::BudgetSpent));
    assert_eq!(live.hold(&hold(2, i64::MAX)), Ok(()));
    assert_eq!(live.hold(&hold(3, i64::MAX)), Ok(()), "without a limit nothing is summed");
    let euros = Hold { price: Money::new(1, Currency::EUR), ..hold(4, 1) };
    assert_eq!(live.hold(&euros), Err(Refusal::CurrencyUnsupported));
    let nowhere = Hold { line: LineIx(9), ..hold(5, 1) };
    assert_eq!(live.hold(&nowhere), Err(Refusal::BudgetSpent));
}

#[test]
fn a_test_asks_and_takes_nothing() {
    let cap = Cap::rolling(1, 60);
    let desk = desk(Some(10), Some(cap));
    let mut live = desk.live();
    for bid in 0..5 {
        assert_eq!(live.hold(&Hold { test: true, ..hold(bid, 10) }), Ok(()));
    }
    assert_eq!(live.hold(&Hold { test: true, ..hold(6, 11) }), Err(Refusal::BudgetSpent));
    assert_eq!(money(&desk), (0, 0));
    assert_eq!(live.hold(&hold(7, 4)), Ok(()));
    assert_eq!(live.hold(&Hold { test: true, ..hold(8, 1) }), Err(Refusal::Capped));
}

#[test]
fn a_cap_counts_holds_and_impressions_but_not_releases() {
    let cap = Cap::rolling(2, 3600);
    let desk = desk(Some(100), Some(cap));
    let mut live = desk.live();
    assert_eq!(live.hold(&hold(1, 10)), Ok(()));
    assert_eq!(live.hold(&hold(2, 10)), Ok(()));
    assert_eq!(live.may_bid(&ask(Some(1))), Err(Refusal::Capped));
    assert_eq!(live.hold(&hold(3, 10)), Err(Refusal::Capped));
    assert_eq!(money(&desk), (0, 20), "the refused one gave its money back");
    // Another listener, and one who is not known.
    assert_eq!(live.may_bid(&ask(Some(2))), Ok(Pace::FULL));
    assert_eq!(live.may_bid(&ask(None)), Ok(Pace::FULL));
    desk.book().charge(&due(1, usd(10)));
    assert_eq!(live.hold(&hold(4, 10)), Err(Refusal::Capped));
    assert_eq!(desk.book().release(BidId(2), ID, false), Released::Yes);
    assert_eq!(live.hold(&hold(5, 10)), Ok(()));
}

#[test]
fn a_notice_may_outrun_the_sweeper() {
    let desk = desk(Some(10), None);
    desk.live().hold(&hold(1, 10)).unwrap();
    assert_eq!(desk.book().charge(&due(1, usd(10))), Charge::FromHold);
    assert_eq!(desk.book().charge(&due(1, usd(10))), Charge::NoFunds);
    assert_eq!(money(&desk), (10, 0));
    desk.book().sweep(NOW.plus_s(7200));
    assert_eq!(money(&desk), (10, 0));
}

#[test]
fn holds_end_by_themselves() {
    let desk = desk(Some(10), None);
    desk.live().hold(&hold(1, 10)).unwrap();
    desk.book().sweep(NOW.plus_s(3599));
    assert_eq!(money(&desk), (0, 10));
    desk.book().sweep(NOW.plus_s(3600));
    assert_eq!(money(&desk), (0, 0));
    // A notice after that is charged while the money lasts.
    assert_eq!(desk.book().charge(&due(1, usd(6))), Charge::FromFunds);
    assert_eq!(desk.book().charge(&due(2, usd(6))), Charge::NoFunds);
    assert_eq!(money(&desk), (6, 0));
    let ends = ["held", "open", "expired", "charged", "without_hold"];
    assert_eq!(ends.map(|name| stat(desk.book(), name)), [1, 0, 1, 0, 2]);
}

#[test]
fn an_unwon_hold_ends_with_the_win_window_and_a_won_one_does_not() {
    let desk = desk(Some(100), None);
    for bid in [1, 2] {
        let hold = Hold { win_by: Some(NOW.plus_s(10)), ..hold(bid, 10) };
        desk.live().hold(&hold).unwrap();
    }
    assert!(desk.book().won(BidId(1), ID));
    desk.book().sweep(NOW.plus_s(10));
    assert_eq!(money(&desk), (0, 10));
    assert!(!desk.book().won(BidId(2), ID), "ended");
    assert_eq!(desk.book().release(BidId(1), ID, false), Released::Won);
    assert_eq!(desk.book().release(BidId(1), ID, true), Released::Yes);
    assert_eq!(desk.book().release(BidId(1), ID, true), Released::NotHeld);
    assert_eq!(money(&desk), (0, 0));
}

#[test]
fn a_won_hold_ends_with_its_ticket() {
    let desk = desk(Some(100), None);
    let hold = Hold { win_by: Some(NOW.plus_s(10)), ..hold(1, 10) };
    desk.live().hold(&hold).unwrap();
    desk.book().won(BidId(1), ID);
    desk.book().sweep(NOW.plus_s(3600));
    assert_eq!(money(&desk), (0, 0));
}

#[test]
fn the_same_bid_twice_is_held_once() {
    let desk = desk(Some(100), Some(Cap::rolling(5, 60)));
    desk.live().hold(&hold(1, 10)).unwrap();
    let longer = Hold { expires: NOW.plus_s(9000), ..hold(1, 10) };
    desk.live().hold(&longer).unwrap();
    desk.book().sweep(NOW.plus_s(3600));
    assert_eq!(money(&desk), (0, 10), "held to the later end");
    assert_eq!(stat(desk.book(), "doubled"), 1);
    desk.book().sweep(NOW.plus_s(9000));
    assert_eq!(money(&desk), (0, 0));
}

#[test]
fn a_charge_beyond_its_hold_needs_the_money() {
    let desk = desk(Some(30), None);
    desk.live().hold(&hold(1, 10)).unwrap();
    desk.live().hold(&hold(2, 10)).unwrap();
    assert_eq!(desk.book().charge(&due(1, usd(20))), Charge::FromHold);
    assert_eq!(money(&desk), (20, 10));
    assert_eq!(desk.book().charge(&due(2, usd(11))), Charge::NoFunds);
    assert_eq!(money(&desk), (20, 0));
}

#[test]
fn another_lines_notice_does_not_touch_a_hold() {
    let book = Arc::new(Book::new(&small()));
    let desk = book.desk_of(&[line(0, Some(10), None), line(1, Some(10), None)]).unwrap();
    desk.live().hold(&hold(1, 10)).unwrap();
    let other = LineId(101);
    assert!(!book.won(BidId(1), other));
    assert_eq!(book.release(BidId(1), other, true), Released::NotHeld);
    assert_eq!(book.charge(&Due { line: other, ..due(1, usd(3)) }), Charge::FromFunds);
    assert_eq!(money(&desk), (0, 10));
    assert_eq!(book.charge(&Due { line: LineId(7), ..due(9, usd(1)) }), Charge::NoFunds);
}

#[test]
fn a_full_queue_refuses_and_gives_back() {
    let desk = desk(Some(1000), Some(Cap::rolling(65, 60)));
    for bid in 0..64 {
        assert_eq!(desk.live().hold(&hold(bid, 1)), Ok(()));
    }
    for bid in 64..70 {
        assert_eq!(desk.live().hold(&hold(bid, 1)), Err(Refusal::HoldsFull));
    }
    assert_eq!(money(&desk), (0, 64));
    assert_eq!(desk.state(LINE).unwrap().counted(Count::Bids), 64);
    desk.book().sweep(NOW);
    assert_eq!(desk.live().hold(&hold(70, 1)), Ok(()), "the cap's place was given back too");
}

#[test]
fn no_more_holds_are_open_than_may_be() {
    let config = Config { hold_queue: 4, holds_max: 8, ..small() };
    let desk = Arc::new(Book::new(&config)).desk_of(&[line(0, None, None)]).unwrap();
    let mut granted = 0;
    for bid in 0..20 {
        granted += u32::from(desk.live().hold(&hold(bid, 1)).is_ok());
        desk.book().sweep(NOW);
    }
    assert_eq!(granted, 12);
    desk.book().sweep(NOW.plus_s(3600));
    desk.book().sweep(NOW.plus_s(3600));
    assert_eq!(money(&desk), (0, 0));
}

#[test]
fn states_survive_a_swap() {
    let book = Arc::new(Book::new(&small()));
    let old = book.desk_of(&[line(0, Some(100), None), line(1, Some(5), None)]).unwrap();
    old.live().hold(&hold(1, 60)).unwrap();
    // The next world has the line elsewhere, with less money.
    let new = book.desk_of(&[line(1, Some(5), None), line(0, Some(50), None)]).unwrap();
    let moved = Hold { line: LineIx(1), ..hold(2, 1) };
    assert_eq!(new.live().hold(&moved), Err(Refusal::BudgetSpent));
    assert_eq!(old.live().hold(&hold(3, 1)), Err(Refusal::BudgetSpent));
    assert_eq!(book.charge(&due(1, usd(20))), Charge::FromHold);
    assert_eq!(new.live().hold(&moved), Ok(()));
    let tally = book.tally();
    assert_eq!((tally[0].spent_nanos, tally[0].held_nanos, tally[0].bids), (20, 1, 2));
}

#[test]
fn the_book_is_bounded() {
    let book = Arc::new(Book::new(&Config { lines_max: 2, ..small() }));
    let lines: Vec<Line> = (0..3).map(|n| line(n, None, None)).collect();
    assert_eq!(book.desk_of(&lines).err(), Some(TooManyLines(2)));
    assert!(book.desk_of(&lines[..2]).is_ok());
    assert!(book.desk_of(&lines[1..2]).is_ok());
}

#[test]
fn a_full_book_forgets_past_lines_that_took_no_money() {
    let book = Arc::new(Book::new(&Config { lines_max: 3, ..small() }));
    let lines: Vec<Line> = (0..6).map(|n| line(n, Some(10), None)).collect();
    let past = book.desk_of(&lines[..3]).unwrap();
    past.live().hold(&hold(1, 10)).unwrap();
    assert_eq!(book.desk_of(&lines[3..4]).err(), Some(TooManyLines(3)), "all are in use");
    drop(past);
    book.desk_of(&lines[3..5]).unwrap();
    assert!(book.line(LineId(101), Currency::USD).is_none());
    let held = book.line(ID, Currency::USD).unwrap();
    assert_eq!(held.held(), 10, "what took money is never forgotten");
    drop(held);
    assert_eq!(book.desk_of(&lines[1..4]).err(), Some(TooManyLines(3)));
    book.desk_of(&lines[4..6]).unwrap();
}

/// Threads bid, settle, release and sweep at once; the promise is looked at all the while.
#[test]
fn under_threads_nothing_is_overspent_or_lost() {
    const BUDGET: i64 = 20_000;
    const WINDOW: u16 = 40;
    let cap = Cap::rolling(WINDOW, 1 << 20);
    let config = Config { hold_queue: 256, ..small() };
    let book = Arc::new(Book::new(&config));
    let desk = book.desk_of(&[line(0, Some(BUDGET), Some(cap))]).unwrap();
    let (charged, impressions) = (AtomicI64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let (desk, charged, impressions) = (&desk, &charged, &impressions);
            scope.spawn(move || {
                for turn in 0..5_000u64 {
                    let bid = thread << 32 | turn;
                    let listener = Some(ListenerMark(turn % 16));
                    let hold = Hold { listener, ..hold(bid, 7 + (turn % 5) as i64) };
                    if desk.live().hold(&hold).is_ok() {
                        match turn % 4 {
                            0 => {
                                let price = usd(hold.price.nanos - 2);
                                let outcome = desk.book().charge(&due(hold.bid.0, price));
                                assert_eq!(outcome, Charge::FromHold);
                                charged.fetch_add(price.nanos, Ordering::SeqCst);
                                impressions.fetch_add(1, Ordering::SeqCst);
                            }
                            1 => {
                                let outcome = desk.book().release(hold.bid, ID, false);
                                assert_eq!(outcome, Released::Yes);
                            }
                            _ => {}
                        }
                    }
                    let state = desk.state(LINE).unwrap();
                    // Spent is read first, so the sum is never above what was committed.
                    let spent = state.spent();
                    assert!(spent + state.held() <= BUDGET);
                    if turn % 64 == 0 {
                        desk.book().sweep(NOW);
                    }
                }
            });
        }
    });
    let spent = charged.load(Ordering::SeqCst);
    let (booked, held) = money(&desk);
    assert_eq!(booked, spent);
    assert!(spent > 0 && spent + held <= BUDGET, "{spent} + {held}");
    assert!(impressions.load(Ordering::SeqCst) <= u64::from(WINDOW) * 16);
    book.sweep(NOW.plus_s(3600));
    assert_eq!(money(&desk), (spent, 0));
    let [held, charged, released, expired] =
        ["held", "charged", "released", "expired"].map(|name| stat(&book, name));
    let refused_late = stat(&book, "queue_full");
    assert_eq!(held, charged + released + expired + refused_late);
}

/// 2 × 1,000 unit holds race for 1,000 places: exactly the budget is granted.
#[test]
fn the_whole_budget_and_no_more_is_granted() {
    for _ in 0..20 {
        let config = Config { hold_queue: 4096, ..small() };
        let desk = Arc::new(Book::new(&config)).desk_of(&[line(0, Some(1000), None)]).unwrap();
        let granted = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let (desk, granted) = (&desk, &granted);
                scope.spawn(move || {
                    for turn in 0..500 {
                        let bid = thread << 32 | turn;
                        if desk.live().hold(&hold(bid, 1)).is_ok() {
                            granted.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert_eq!(granted.load(Ordering::SeqCst), 1000);
    }
}

/// Answers from a list, to see what a recorder keeps.
struct Listed(Vec<Result<Pace, Refusal>>);

impl Live<'_> for Listed {
    fn may_bid(&mut self, _: &Ask) -> Result<Pace, Refusal> {
        self.0.remove(0)
    }

    fn hold(&mut self, _: &Hold) -> Result<(), Refusal> {
        self.0.remove(0).map(drop)
    }
}

fn at(line: u32) -> Ask {
    Ask { line: LineIx(line), ..ask(None) }
}

#[test]
fn what_was_answered_is_given_back() {
    let mut given: Vec<_> = Refusal::ALL.iter().map(|&refusal| Err(refusal)).collect();
    given.push(Ok(Pace::FULL));
    given.push(Ok(Pace::new(1, 999_999)));
    let mut answers = Answers::new();
    let mut recorder = Recorder::new(Listed(given.clone()), &mut answers);
    for (n, expected) in given.iter().enumerate() {
        assert_eq!(recorder.may_bid(&at(n as u32)), *expected);
    }
    let mut recorded = Recorded::new(&answers, None);
    for (n, expected) in given.iter().enumerate() {
        assert_eq!(recorded.may_bid(&at(n as u32)), *expected);
    }
    assert_eq!(recorded.finish(), Ok(()));
}

#[test]
fn a_replay_that_asks_otherwise_is_told_where() {
    let mut answers = Answers::new();
    let mut recorder = Recorder::new(Listed(vec![Ok(Pace::FULL); 3]), &mut answers);
    recorder.may_bid(&at(1)).unwrap();
    recorder.may_bid(&at(2)).unwrap();
    recorder.hold(&hold(1, 1)).unwrap();
    let recorded = |n: usize| answers.as_slice().get(n).copied();

    let mut replay = Recorded::new(&answers, None);
    replay.may_bid(&at(1)).unwrap();
    assert_eq!(replay.may_bid(&at(3)), Err(Refusal::AskLimit));
    assert_eq!(replay.may_bid(&at(2)), Err(Refusal::AskLimit), "lost for good");
    let asked = Some((Question::MayBid, LineIx(3)));
    let expected = Divergence { at: 1, asked, recorded: recorded(1) };
    assert_eq!(replay.finish(), Err(expected));

    let mut replay = Recorded::new(&answers, None);
    replay.may_bid(&at(1)).unwrap();
    replay.may_bid(&at(2)).unwrap();
    let expected = Divergence { at: 2, asked: None, recorded: recorded(2) };
    assert_eq!(replay.finish(), Err(expected), "a question was left out");

    let mut replay = Recorded::new(&answers, None);
    for line in [1, 2] {
        replay.may_bid(&at(line)).unwrap();
    }
    replay.hold(&hold(1, 1)).unwrap();
    assert!(replay.may_bid(&at(4)).is_err());
    let asked = Some((Question::MayBid, LineIx(4)));
    assert_eq!(replay.finish(), Err(Divergence { at: 3, asked, recorded: None }));
}

#[test]
fn beyond_the_limit_nobody_is_asked() {
    let mut answers = Answers::new();
    let mut recorder = Recorder::new(Listed(vec![Ok(Pace::FULL); ANSWERS_MAX]), &mut answers);
    let results: Vec<_> = (0..=ANSWERS_MAX as u32).map(|n| recorder.may_bid(&at(n))).collect();
    let mut recorded = Recorded::new(&answers, None);
    let again: Vec<_> = (0..=ANSWERS_MAX as u32).map(|n| recorded.may_bid(&at(n))).collect();
    assert_eq!(results.last(), Some(&Err(Refusal::AskLimit)));
    assert_eq!(results, again);
    assert_eq!(recorded.finish(), Ok(()));
}
