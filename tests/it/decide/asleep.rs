//! Worlds whose best lines cannot run, by chance: paused, out of flight, or without money, from
//! the start or in the middle of it all. Served as in production, over swaps and restarts; then
//! every decision is made again from what is on the disk.
//!
//! `INTERLUDE_LONG=1` serves 10,000 requests in each run.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use interlude::app::run::Sleeper;
use interlude::base::stdx::rng::Rng;
use interlude::base::telemetry::Registry;
use interlude::base::units::ids::LineIx;
use interlude::base::units::money::Money;
use interlude::base::units::time::{Moment, SetClock, WallClock};
use interlude::flows::decide::coin::Coin;
use interlude::flows::decide::explain::explain;
use interlude::flows::decide::replay::{Verdict, replay, ruling};
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::select::Winner;
use interlude::flows::decide::serve::{Published, Records, Worker, serve};
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Circumstance, Received, decide};
use interlude::market::openrtb::Wire;
use interlude::market::outcome::{NoBid, Outcome, Refusal};
use interlude::offer::delivery::{
    self, ANSWERS_MAX, Answers, Ask, Book, DeskLive, Due, Hold, Live, Pace, Recorded, Recorder,
    Sleep,
};
use interlude::offer::records::{self, Keyring, RecordRing, RecordWriter, Slept};
use interlude::rehearsal::traffic::stage::Stage;
use interlude::rehearsal::traffic::{Requests, catalogs};
use serde_json::{Value, json};

use super::random::{varied, with_deals};

const LINES: usize = 400;
const LISTENERS: u32 = 100;
const START: Moment = Moment::from_unix_s(1_795_435_200);

fn requests() -> u64 {
    if std::env::var_os("INTERLUDE_LONG").is_some() { 10_000 } else { 240 }
}

fn time(moment: Moment) -> String {
    jiff::Timestamp::from_microsecond(moment.unix_us).unwrap().to_string()
}

/// Takes lines out of the running by chance, the best ones nearly all; the first `spent` want
/// everything, for much, and cannot pay it.
fn with_idle(text: &str, rng: &mut Rng, spent: usize) -> String {
    let mut file: Value = serde_json::from_str(text).unwrap();
    let advertisers = file["advertisers"].as_array_mut().unwrap().iter_mut();
    let lines = advertisers.flat_map(|a| a["campaigns"][0]["lines"].as_array_mut().unwrap());
    let dear = 2.0 + 6.0 * rng.unit();
    for (i, line) in lines.enumerate() {
        if i < spent {
            line["bid_cpm"] = json!("70.00");
            line["budget"] = json!("0.069");
            line.as_object_mut().unwrap().remove("targeting");
            continue;
        }
        let bid: f64 = line["bid_cpm"].as_str().unwrap().parse().unwrap();
        if !rng.chance(if bid > dear { 0.95 } else { 0.3 }) {
            continue;
        }
        let after = |s: usize| time(START.plus_s(s as i64));
        match rng.below(5) {
            0 => line["paused"] = json!(true),
            1 => {
                line["flight"] =
                    json!({ "start": "2020-01-01T00:00:00Z", "end": after(rng.below(600)) })
            }
            2 => line["flight"] = json!({ "start": after(rng.below(900)) }),
            // From nothing to the money for a few bids.
            _ => line["budget"] = json!(format!("{:.6}", bid / 1000.0 * rng.unit() * 4.0)),
        }
    }
    file.to_string()
}

/// One world of a seed, in two editions: the first has more idle lines than may be asked.
fn world(seed: u64, edition: u64) -> World {
    let mut rng = Rng::new(seed * 100 + edition);
    let lines = LINES - 20 * edition as usize;
    let spent = if edition == 0 { ANSWERS_MAX + 30 } else { 0 };
    let text = with_idle(&with_deals(&catalogs::campaign_file(seed, lines)), &mut rng, spent);
    let mut parts = Stage::of_text(&text).with_listeners(seed, LISTENERS).parts();
    parts.coin = Coin::new(seed);
    World::assemble(parts, None)
}

/// What the process at hand has: gone with a restart, but for what is on the disk.
struct Process {
    book: Arc<Book>,
    sleeper: Sleeper,
    clock: Arc<SetClock>,
    ring: Arc<RecordRing>,
    _writer: RecordWriter,
}

impl Process {
    fn start(data: &Path, now: Moment) -> Process {
        let clock = Arc::new(SetClock::new(now));
        let config = records::Config { sample_ppm: 1_000_000, ..records::Config::default() };
        let sleeper = Sleeper::open(&config, data, clock.clone(), &Registry::new()).unwrap();
        let ring = Arc::new(RecordRing::new(&config));
        let clocks = Arc::new(WallClock);
        let writer = RecordWriter::start(Arc::clone(&ring), &config, data, clocks).unwrap();
        let book = Arc::new(Book::new(&delivery::Config::default()));
        Process { book, sleeper, clock, ring, _writer: writer }
    }

    fn publish(&self, world: &World) -> Published {
        let desk = self.book.desk(&world.catalog, None).unwrap();
        let published = Published { world: world.clone(), desk: Arc::new(desk) };
        self.sleeper.look(&published);
        published
    }

    /// Another one that knows what this one was paid, as if from the journal.
    fn restarted(self, data: &Path, now: Moment) -> Process {
        let spent = self.book.tally();
        drop(self);
        let process = Process::start(data, now);
        for line in spent {
            process.book.restore(line.id, Money::new(line.spent_nanos, line.currency));
        }
        process
    }
}

/// The desk as it is, with nothing taken; asked what a line could pay, it answers exactly.
struct Frozen<'d> {
    desk: DeskLive<'d>,
    published: &'d Published,
    asleep: Option<&'d Sleep>,
}

impl<'d> Live<'d> for Frozen<'d> {
    fn asleep(&self) -> Option<&'d Sleep> {
        self.asleep
    }

    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        let state = self.published.desk.state(ask.line).unwrap();
        let bid = self.published.world.catalog.line(ask.line).bid.nanos;
        let left = state.total().map(|total| total - state.spent() - state.held());
        if left.is_some_and(|left| left < bid) {
            return Err(Refusal::BudgetSpent);
        }
        self.desk.may_bid(ask)
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        self.desk.hold(&Hold { test: true, ..*hold })
    }
}

/// What wins, and how many questions it took.
fn frozen(
    received: &Received<'_>,
    published: &Published,
    at: Circumstance,
    asleep: Option<&Sleep>,
) -> (Outcome, Vec<(u16, LineIx, i64)>, usize) {
    let (mut scratch, mut answers) = (Scratch::new(), Answers::new());
    let live = Frozen { desk: published.desk.live(), published, asleep };
    let mut live = Recorder::new(live, &mut answers);
    let outcome = decide(received, &published.world, &mut live, at, &mut scratch);
    let won = |w: &Winner| (w.candidate.slot, w.candidate.line, w.candidate.price.nanos);
    (outcome, scratch.made().winners.iter().map(won).collect(), answers.as_slice().len())
}

/// How a run went.
#[derive(Default)]
struct Run {
    bids: u64,
    /// Decisions that bid only because they passed over sleeping lines.
    saved: u64,
    compared: u64,
}

fn run(seed: u64, data: &Path) -> Run {
    let mut rng = Rng::new(seed);
    let worlds = [world(seed, 0), world(seed, 1)];
    let traffic = Requests::new(seed, LISTENERS);
    let (mut process, mut run) = (Process::start(data, START), Run::default());
    let mut published = process.publish(&worlds[0]);
    let mut worker = Worker::new();
    for index in 0..requests() {
        let now = START.plus_s((900 * index / requests()) as i64);
        process.clock.set(now);
        process.book.sweep(now);
        match rng.below(40) {
            0 => {
                drop(published);
                process = process.restarted(data, now);
                published = process.publish(&worlds[0]);
            }
            1 => published = process.publish(&worlds[1]),
            _ => {}
        }
        let request = serde_json::from_slice(&traffic.json(index, now)).unwrap();
        let body = varied(request, index).to_string();
        let exchange = published.world.exchange_named("demo").unwrap();
        let received = Received::new(exchange, Wire::Json, body.as_bytes());
        // Some looks are late.
        let at = Circumstance { moment: now, coin: published.world.coin };
        if rng.chance(0.7) {
            process.sleeper.look(&published);
            compare(&received, &published, at, &mut run);
        }
        let records = Records { ring: &process.ring, sample_ppm: 1_000_000 };
        let outcome = serve(&received, &published, records, &mut worker, (at, || 0));
        run.bids += u64::from(outcome == Outcome::Bid);
        for winner in &worker.scratch.made().winners {
            let line = published.world.catalog.line(winner.candidate.line).id;
            match rng.below(3) {
                0 => {
                    let (bid, charge) = (winner.bid, winner.candidate.cost);
                    process.book.charge(&Due { bid, line, made: now, charge, open: true });
                }
                1 => drop(process.book.release(winner.bid, line, true)),
                _ => {}
            }
        }
    }
    run
}

/// With and without the sleep the same bids, as long as every line could be asked.
fn compare(received: &Received<'_>, published: &Published, at: Circumstance, run: &mut Run) {
    let sleep = published.desk.sleep();
    let asleep = sleep.as_deref().filter(|sleep| sleep.holds_at(at.moment));
    let (ended, passing, asked) = frozen(received, published, at, asleep);
    let (all_ended, asking, all_asked) = frozen(received, published, at, None);
    assert!(asked <= all_asked);
    if all_asked < ANSWERS_MAX {
        assert_eq!(passing, asking);
        run.compared += 1;
    } else {
        let bid = |outcome| outcome == Outcome::Bid;
        assert!(bid(ended) || !bid(all_ended), "passing over lines lost a bid");
        run.saved += u64::from(bid(ended) && !bid(all_ended));
    }
}

/// Makes every decision of a data folder again; how many of them named sleeping lines.
fn replay_all(seed: u64, data: &Path) -> u64 {
    let worlds = [world(seed, 0), world(seed, 1)];
    let (mut slept, mut scratch, mut named) = (Slept::of(data), Scratch::new(), 0);
    let (keys, mut room) = (Keyring::read(data).unwrap(), Vec::new());
    let read = records::read(&data.join("decisions"), &mut |kept| {
        let record = kept.record;
        let world = worlds.iter().find(|world| world.version == record.world).unwrap();
        let epoch = record.answers.asleep;
        let sleep = (epoch != 0).then(|| {
            let lines = slept.at(epoch, record.world).unwrap().expect("kept");
            Sleep::new(epoch, lines, &world.index, record.moment)
        });
        named += u64::from(sleep.is_some());
        let at = Circumstance { moment: record.moment, coin: world.coin };
        let sample = kept.sample.unwrap().open(&keys, &mut room).unwrap();
        let verdict = replay(record, sample, (world, sleep.as_ref()), at, &mut scratch);
        assert_eq!(verdict, Verdict::Equal, "{record:?}");
        if epoch != 0 {
            let forgotten = replay(record, sample, (world, None), at, &mut scratch);
            assert_eq!(forgotten, Verdict::SleepForgotten);
        }

        let exchange = world.exchange_named("demo").unwrap();
        let received = Received::new(exchange, Wire::Json, sample.request);
        let received = Received { ruling: ruling(record), ..received };
        let mut live = Recorded::new(&record.answers, sleep.as_ref());
        let explained = explain(&received, world, &mut live, at, &mut scratch);
        assert_eq!(explained.outcome, record.outcome.label());
        let lines = explained.slots.iter().flat_map(|slot| &slot.lines);
        for line in lines.filter(|line| line.deal.is_none()) {
            let asleep = sleep.as_ref().is_some_and(|sleep| sleep.has(line.ix));
            assert!(!asleep || !["won", "outbid"].contains(&line.verdict), "{line:?}");
            let idle = ["paused", "out_of_flight"].contains(&line.verdict);
            assert_eq!(asleep && idle, idle && line.detail == "asleep: not asked");
        }
    });
    assert_eq!(read.unwrap(), requests());
    named
}

#[test]
fn sleeping_lines_change_no_bid_and_every_decision_is_made_again() {
    let mut all = Run::default();
    for seed in [4, 71] {
        let data = tempfile::tempdir().unwrap();
        let run = run(seed, data.path());
        let named = replay_all(seed, data.path());
        assert!(named * 10 >= requests() * 9, "lines slept in only {named} decisions");
        all.bids += run.bids;
        all.saved += run.saved;
        all.compared += run.compared;
    }
    assert!(all.bids * 3 > requests(), "only {} bids", all.bids);
    assert!(all.compared * 4 > requests(), "only {} compared", all.compared);
    assert!(all.saved > 0, "no request met more idle lines than may be asked");
}

/// A world of one advertiser's lines.
fn world_of(lines: Value) -> World {
    let advertiser = json!({
        "key": "brand", "domains": ["brand.example"], "currency": "USD",
        "creatives": [{ "crid": "c", "duration": 15, "renditions": [
            { "url": "https://cdn.example/spot.mp3", "mime": "audio/mpeg", "bitrate": 128 },
        ] }],
        "campaigns": [{ "key": "all", "lines": lines }],
    });
    let text = json!({ "advertisers": [advertiser] }).to_string();
    World::assemble(Stage::of_text(&text).parts(), None)
}

/// A plain request with a floor.
fn request(floor: f64) -> Value {
    let base = include_str!("../../golden/decide/base.json");
    let mut request: Value = serde_json::from_str(base).unwrap();
    request["imp"][0]["bidfloor"] = json!(floor);
    request
}

/// What a request ends as in a world of these lines, with those asleep that cannot run.
fn ends(lines: Value, floor: f64) -> Outcome {
    ends_as(lines, &request(floor))
}

fn ends_as(lines: Value, request: &Value) -> Outcome {
    let world = world_of(lines);
    let desk = Arc::new(Book::new(&delivery::Config::default())).desk(&world.catalog, None);
    let desk = desk.unwrap();
    let sleep = Sleep::new(1, desk.idle(START).lines, &world.index, START);
    let body = request.to_string();
    let exchange = world.exchange_named("demo").unwrap();
    let received = Received::new(exchange, Wire::Json, body.as_bytes());
    let at = Circumstance { moment: START, coin: world.coin };
    decide(&received, &world, &mut desk.live_with(Some(&sleep)), at, &mut Scratch::new())
}

#[test]
fn a_request_that_only_sleeping_lines_want_says_so() {
    let line = |more: Value| {
        let mut line = json!({ "key": "line", "bid_cpm": "2.00", "creatives": ["c"] });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([line])
    };
    let may = Outcome::NoBid(NoBid::NoLineMay);
    assert_eq!(ends(line(json!({})), 1.0), Outcome::Bid);
    assert_eq!(ends(line(json!({ "budget": "0.001" })), 1.0), may);
    assert_eq!(ends(line(json!({ "paused": true })), 1.0), may);
    assert_eq!(ends(line(json!({ "flight": { "end": "2020-01-01T00:00:00Z" } })), 1.0), may);
    let below = Outcome::NoBid(NoBid::BelowFloor);
    assert_eq!(ends(line(json!({ "paused": true })), 3.0), below);
    let elsewhere = json!({ "paused": true, "targeting": { "country": ["FR"] } });
    assert_eq!(ends(line(elsewhere), 1.0), Outcome::NoBid(NoBid::NoLineTargets));
    // It could not pay for the first slot; the second is too dear for it in any case.
    let mut two = request(1.0);
    let mut second = two["imp"][0].clone();
    second["id"] = json!("second");
    second["bidfloor"] = json!(3.0);
    two["imp"].as_array_mut().unwrap().push(second);
    assert_eq!(ends_as(line(json!({ "budget": "0.001" })), &two), may);
}

/// Says yes to all, and counts who wants to know which lines sleep.
struct Willing<'s>(&'s Sleep, Cell<u32>);

impl<'s> Live<'s> for Willing<'s> {
    fn asleep(&self) -> Option<&'s Sleep> {
        self.1.update(|asked| asked + 1);
        Some(self.0)
    }

    fn may_bid(&mut self, _: &Ask) -> Result<Pace, Refusal> {
        Ok(Pace::FULL)
    }

    fn hold(&mut self, _: &Hold) -> Result<(), Refusal> {
        Ok(())
    }
}

#[test]
fn a_search_that_found_a_line_is_not_made_again() {
    let line = |i| json!({ "key": format!("{i}"), "bid_cpm": "2.00", "creatives": ["c"] });
    let world = world_of((0..2).map(line).collect());
    let sleep = Sleep::new(1, vec![LineIx(0)], &world.index, START);
    let body = request(1.0).to_string();
    let exchange = world.exchange_named("demo").unwrap();
    let received = Received::new(exchange, Wire::Json, body.as_bytes());
    let at = Circumstance { moment: START, coin: world.coin };
    let (mut live, mut scratch) = (Willing(&sleep, Cell::new(0)), Scratch::new());
    let outcome = decide(&received, &world, &mut live, at, &mut scratch);
    assert_eq!(outcome, Outcome::Bid);
    assert_eq!(live.1.get(), 1, "by the one search of the one slot");
}

/// Says no to all.
struct Unwilling;

impl Live<'_> for Unwilling {
    fn may_bid(&mut self, _: &Ask) -> Result<Pace, Refusal> {
        Err(Refusal::Capped)
    }

    fn hold(&mut self, _: &Hold) -> Result<(), Refusal> {
        Err(Refusal::Capped)
    }
}

#[test]
fn a_search_ends_when_nobody_may_be_asked_any_more() {
    let line = |i| json!({ "key": format!("{i}"), "bid_cpm": "2.00", "creatives": ["c"] });
    let world = world_of((0..400).map(line).collect());
    let body = request(1.0).to_string();
    let exchange = world.exchange_named("demo").unwrap();
    let received = Received::new(exchange, Wire::Json, body.as_bytes());
    let at = Circumstance { moment: START, coin: world.coin };
    let (mut scratch, mut answers) = (Scratch::new(), Answers::new());
    let mut live = Recorder::new(Unwilling, &mut answers);
    let outcome = decide(&received, &world, &mut live, at, &mut scratch);
    assert_eq!(outcome, Outcome::NoBid(NoBid::NoLineMay));
    assert!(answers.is_full());
    assert!((97..200).contains(&scratch.considered()), "{} considered", scratch.considered());
}
