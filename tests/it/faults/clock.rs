//! The wall clock steps forth and back under load (reliability.md D1): nothing is charged twice or
//! beyond a budget, a day's money is spent once however often the day comes, caps hold, and bids
//! go on.
//!
//! The server runs in this process, by a clock of the test's own.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use interlude::app::config::Config;
use interlude::app::run::Running;
use interlude::base::units::ids::LineId;
use interlude::base::units::time::{Clock, Moment, WallClock};

use super::load::{Book, Load};
use super::{TIGHT_NANOS, audit, capped, is_long, notices, until, world};
use crate::doors::client::{Client, get};
use crate::doors::{sum, value};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Books are turned as often, so that a new day is soon there to be spent on.
const TURN: Duration = Duration::from_millis(20);
const YEAR: i64 = 365 * DAY;
/// Of the line that pays most.
const DAILY_NANOS: i64 = 50_000_000;

/// The machine's, and so much more.
struct Stepped(AtomicI64);

impl Clock for Stepped {
    fn now(&self) -> Moment {
        WallClock.now().plus_s(self.0.load(Relaxed))
    }
}

impl Stepped {
    /// Noon, so that an hour back or forth is the same day.
    fn noon() -> Arc<Stepped> {
        let of_day = WallClock.now().unix_s().rem_euclid(DAY);
        Arc::new(Stepped(AtomicI64::new(12 * HOUR - of_day)))
    }

    fn step(&self, by_s: i64) {
        self.0.fetch_add(by_s, Relaxed);
    }
}

fn start(world: &Path, data: &Path, clock: &Arc<Stepped>) -> Running {
    let mut config = Config::load(&world.join("interlude.toml")).unwrap();
    (config.bid.listen, config.admin.listen) =
        ("127.0.0.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap());
    config.delivery.turn_ms = TURN.as_millis() as u32;
    Running::start_by(config, data, Arc::clone(clock) as Arc<dyn Clock>).unwrap()
}

fn metrics(running: &Running) -> String {
    let mut client = Client::connect(running.admin_address());
    client.ask(&get("/metrics", "Connection: close\r\n")).text().to_owned()
}

/// A line with a daily budget beside the two others.
fn furnish(world: &Path) {
    let one = std::fs::read_to_string(world.join("campaigns/one.yaml")).unwrap();
    let two = one.replace("key: one", "key: two").replace("one.example", "two.example");
    let two =
        two.replace("bid_cpm: 9.00", "bid_cpm: 10.00").replace("crid: tight-1", "crid: two-1");
    let two = two.replace("budget: 0.10", "budget: { total: 100, daily: 0.05 }");
    let at = two.find("        - key: wide").unwrap();
    std::fs::write(world.join("campaigns/two.yaml"), &two[..at]).unwrap();
}

#[test]
fn money_holds_whatever_the_clock_does() {
    let world = world();
    furnish(world.path());
    let (data, clock) = (world.path().join("data"), Stepped::noon());
    let running = start(world.path(), &data, &clock);
    let book = Arc::new(Book::default());
    let mut client = Client::connect(running.bid_address());
    let load = Load::start(&book, running.bid_address(), 4);
    let more = || {
        let (bids, told) = (book.bids.load(Relaxed) + 50, book.told.load(Relaxed) + 150);
        let enough = || book.bids.load(Relaxed) >= bids && book.told.load(Relaxed) >= told;
        std::thread::sleep(TURN * 10);
        until(enough).expect("nobody bids or settles any more");
    };
    more();
    let first = book.once();
    let steps = [HOUR, -2 * HOUR, DAY, -DAY, 3 * DAY, -2 * DAY, 68 * YEAR, -68 * YEAR - DAY];
    let rounds = if is_long() { 5 } else { 1 };
    for by_s in std::iter::repeat_n(steps, rounds).flatten() {
        clock.step(by_s);
        more();
        // What was acknowledged before any step comes again.
        for notice in &first {
            assert!(book.tell(&mut client, notice).unwrap(), "{notice:?}");
        }
    }
    load.end();
    let told = metrics(&running);
    let late = "interlude_bid_outcomes_total{exchange=\"demo\",reason=\"deadline_passed\"}";
    assert!(sum(&told, "interlude_bid_outcomes_total") > 0);
    assert!(!told.contains(late) || value(&told, late) == 0, "deadlines go by the wall clock");
    assert!(running.stop());
    let (lines, days) = judge(&data, &book);
    audit(&data);
    eprintln!(
        "{} steps of up to 68 years: {} bids, {} notices acknowledged, none charged twice; {lines} \
         lines within their budgets, {days} days within theirs",
        rounds * steps.len(),
        book.bids.load(Relaxed),
        book.once().len(),
    );
    assert!(days > 2, "too few days to tell");
}

/// How many lines there were, and days of the one with a daily budget.
fn judge(data: &Path, book: &Book) -> (usize, usize) {
    let (mut charged, mut of_line, mut of_day) =
        (HashMap::new(), HashMap::<_, i64>::new(), HashMap::<_, i64>::new());
    let (tight, daily) =
        (LineId::of("one", "always", "tight"), LineId::of("two", "always", "tight"));
    let entries = notices(data);
    for entry in entries.iter().filter(|entry| entry.charged.nanos > 0) {
        *charged.entry(entry.bid).or_insert(0) += 1;
        *of_line.entry(entry.line).or_default() += entry.charged.nanos;
        if entry.line == daily {
            *of_day.entry(entry.day).or_default() += entry.charged.nanos;
        }
    }
    assert!(charged.values().all(|&times| times == 1), "charged twice");
    assert!(of_line[&tight] <= TIGHT_NANOS, "{} nanos spent", of_line[&tight]);
    assert!(of_day.values().all(|&nanos| nanos <= DAILY_NANOS), "{of_day:?}");
    let known: std::collections::HashSet<_> = entries.iter().map(|entry| entry.bid).collect();
    assert!(known.len() as u64 <= book.bids.load(Relaxed), "settled what was never bid");
    assert!(entries.len() >= book.once().len(), "acknowledged and not kept");
    (of_line.len(), of_day.len())
}

#[test]
fn caps_hold_whatever_the_clock_does() {
    let world = world();
    capped::furnish(world.path());
    let (data, clock) = (world.path().join("data"), Stepped::noon());
    let running = start(world.path(), &data, &clock);
    let mut client = Client::connect(running.bid_address());
    let ears = capped::Ears::default();
    let mut hears = |listener: usize| ears.turn(&mut client, &[listener]).unwrap();
    assert_eq!([hears(0), hears(0), hears(0)], [1, 1, 0], "two a day");
    for by_s in [HOUR, -2 * HOUR, 2 * HOUR] {
        clock.step(by_s);
        assert_eq!(hears(0), 0, "the same day, {by_s} s on");
    }
    clock.step(DAY);
    assert_eq!([hears(0), hears(0), hears(0)], [1, 1, 0], "two on the next day");
    clock.step(-DAY);
    assert_eq!(hears(0), 0, "that day was heard full before");
    clock.step(DAY);
    assert_eq!(hears(0), 0, "and so was the next");
    assert!(running.stop());
}
