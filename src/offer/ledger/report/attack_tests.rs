//! Can two answers be subtracted until a few listeners stand alone? Random pairs of questions
//! against random ledgers.
//!
//! Each hour of each line has matched a power of two of requests, so a sum tells which hours are
//! in it, and whatever can be reckoned from two answers is known to the attacker.

use std::sync::Arc;

use super::super::tests::{ask, heard as impression, ledger, tally};
use super::super::{Asked, By, Question, Report};
use super::*;
use crate::base::stdx::rng::Rng;
use crate::base::units::calendar::Calendar;
use crate::offer::ledger::Keep;
use crate::offer::ledger::report::Zones;

/// Hours of each of three lines.
const HOURS: usize = 10;

struct Case {
    ledger: crate::offer::ledger::Ledger,
    heard: Heard,
    /// Line and hour of each bit, and who heard it then.
    cells: Vec<HashSet<u64>>,
}

impl Case {
    fn new(rng: &mut Rng) -> Case {
        let (mut entries, mut heard, mut cells) = (Vec::new(), Heard::default(), Vec::new());
        let mut n = 0;
        for line in 5..8 {
            let mut hour = rng.below(5) as i64;
            for _ in 0..HOURS {
                entries.push(tally(line, hour, 1 << cells.len()));
                let few = rng.chance(0.6);
                let listeners = rng.below(if few { 40 } else { 150 });
                let who: HashSet<u64> = (0..listeners).map(|_| rng.below(400) as u64).collect();
                for &mark in &who {
                    n += 1;
                    entries.push(impression(n, line, hour, 1));
                    let made = Moment::from_unix_s(1_800_000_000 + hour * 3600);
                    heard.add(LineId(line), made, ListenerMark(mark));
                }
                cells.push(who);
                hour += 1 + rng.below(6) as i64;
            }
        }
        entries.push(tally(99, 24 * 9, 1));
        Case { ledger: ledger(Keep::default(), &entries), heard, cells }
    }

    /// Every sum that the answer to a random question tells, as the hours that are in it.
    fn answer(&self, rng: &mut Rng) -> Vec<u64> {
        let of =
            *rng.pick(&[None, Some("acme"), Some("acme/spring/one"), Some("ace/x/y")]).unwrap();
        let at = |rng: &mut Rng| {
            let hour = rng.below(24 * 4) as i64 - 8;
            rng.chance(0.5).then(|| Moment::from_unix_s(1_800_000_000 + hour * 3600))
        };
        let (from, until) = (at(rng), at(rng));
        let by = *rng.pick(&[By::Hour, By::Day, By::Line]).unwrap();
        let zone = *rng.pick(&["UTC", "Europe/Berlin", "Asia/Kolkata"]).unwrap();
        let zones = Zones::One(Arc::new(Calendar::of(zone).unwrap()));
        let of = of.map(str::to_owned);
        let question = Question { of, from, until, zones, ..ask(by) };
        let report = Report::told(&self.ledger, &question, &self.heard).unwrap();
        let rows = report.rows.iter().map(|row| row.figures.count(Figure::Matched));
        let totals = report.totals.iter().map(|total| total.1.count(Figure::Matched));
        rows.chain(totals).collect()
    }

    fn listeners(&self, sum: u64) -> usize {
        let cells = self.cells.iter().enumerate().filter(|(bit, _)| sum & 1 << bit != 0);
        cells.flat_map(|(_, who)| who).collect::<HashSet<_>>().len()
    }
}

#[test]
fn no_two_answers_isolate_fewer_than_fifty() {
    let long = std::env::var_os("INTERLUDE_LONG").is_some();
    let (ledgers, pairs) = if long { (100, 100) } else { (20, 50) };
    let mut rng = Rng::new(11);
    let mut told = 0;
    for _ in 0..ledgers {
        let case = Case::new(&mut rng);
        for _ in 0..pairs {
            let (a, b) = (case.answer(&mut rng), case.answer(&mut rng));
            for &x in &a {
                for &y in &b {
                    for group in [x & !y, y & !x, x & y].into_iter().filter(|&group| group != 0) {
                        told += 1;
                        let few = case.listeners(group);
                        assert!(few >= LISTENERS_MIN, "{few} listeners: {group:b} of {x:b} {y:b}");
                    }
                }
            }
        }
    }
    assert!(told > 1_000, "the reports told nothing: {told}");
}

#[test]
fn a_day_that_is_over_is_told_whole_and_a_small_one_waits() {
    let _ = Asked::default();
    let mut heard = Heard::default();
    let (mut entries, mut n) = (Vec::new(), 0);
    // 60 listeners in the first hour, 10 in the second, 20 on the next day.
    for (hour, listeners) in [(0, 60), (1, 10), (30, 20)] {
        for mark in 0..listeners {
            n += 1;
            entries.push(impression(n, 7, hour, 1));
            let made = Moment::from_unix_s(1_800_000_000 + hour * 3600);
            heard.add(LineId(7), made, ListenerMark(mark));
        }
    }
    entries.push(tally(6, 24 * 5, 1));
    let ledger = ledger(Keep::default(), &entries);
    let report = Report::told(&ledger, &ask(By::Hour), &heard).unwrap();
    let told: Vec<u64> =
        report.rows.iter().map(|row| row.figures.count(Figure::Impressions)).collect();
    assert_eq!(told, [70]);
    let all = Report::of(&ledger, &ask(By::Line)).unwrap();
    assert_eq!(all.totals[0].1.count(Figure::Impressions), 90);
    assert_eq!(report.billed, [("acme".to_owned(), all.totals[0].0, all.totals[0].1.clone())]);
}
