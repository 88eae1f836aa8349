//! What does one decision cost, from the bytes of a request to the bytes of its answer?
//!
//! Measured: `decide` with the live desk (holds taken, answers recorded, VAST written, tickets
//! signed) over 512 varied requests of the seeded traffic (seed 5, median 1.6 kB, a third of them
//! contextual only), with 2,000 listeners known, at 1,000 and 10,000 lines; `decode` alone over
//! the same bodies; and decode with the decision on the one 1.6 kB request of `benches/data`.
//! Not measured: HTTP, gzip, the record's way to disk. Time is per request; the requests are
//! taken in turn, so caches see variety. Holds expire in a far future and budgets are without
//! limit, so a long run stays alike.
//!
//! `decide/exhausted/asked` and `/asleep`: the same at 100,000 lines of which the best 10,000 have
//! no money, first with each of them asked, then with them asleep. `look/LINES`: the pass over all
//! lines that finds them, once a second off the bid path, a tenth of them idle. `turn/busy`: the
//! book's turn, twice a second, after a thousand lines bid (holds and sweep among it);
//! `turn/walk`: one that looks at the days of its slice of the lines, as in every round of
//! them; `tally`: every 5 s.

#![allow(clippy::expect_used, reason = "a bench that cannot run must fail")]

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Instant;

use bumpalo::Bump;
use criterion::{Criterion, criterion_group, criterion_main};

use interlude::base::units::ids::{CreativeIx, LineId, LineIx};
use interlude::base::units::money::{Currency, Money};
use interlude::base::units::time::Moment;
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Circumstance, Received, decide};
use interlude::knowledge::catalog::model::{Budget, Expr, Line};
use interlude::market::openrtb::{self, Wire};
use interlude::market::outcome::{Outcome, Refusal};
use interlude::market::ticket::BidId;
use interlude::offer::delivery::{self, Answers, Ask, Book, Hold, Live, Pace, Recorder, Sleep};
use interlude::rehearsal::traffic::stage::{Granting, Stage};
use interlude::rehearsal::traffic::{Requests, catalogs};

const MOMENT: Moment = Moment::from_unix_s(1_795_435_200);

/// The best lines have no money.
#[derive(Clone, Copy)]
struct Exhausted<'s> {
    asleep: Option<&'s Sleep>,
}

const EXHAUSTED: u32 = 10_000;

impl<'s> Live<'s> for Exhausted<'s> {
    fn asleep(&self) -> Option<&'s Sleep> {
        self.asleep
    }

    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        if ask.line.0 < EXHAUSTED { Err(Refusal::BudgetSpent) } else { Ok(Pace::FULL) }
    }

    fn hold(&mut self, _: &Hold) -> Result<(), Refusal> {
        Ok(())
    }
}

fn world(lines: usize) -> World {
    World::assemble(Stage::of_text(&catalogs::campaign_file(5, lines)).parts(), None)
}

fn bench(criterion: &mut Criterion) {
    let requests = Requests::new(5, 2_000);
    let bodies: Vec<Vec<u8>> = (0..512).map(|i| requests.json(i, MOMENT)).collect();
    let one = include_bytes!("data/audio_request.json");

    let turn = RefCell::new(0_usize);
    let next = || {
        let mut turn = turn.borrow_mut();
        *turn = (*turn + 1) % bodies.len();
        &bodies[*turn][..]
    };
    let mut arena = Bump::with_capacity(64 * 1024);
    criterion.bench_function("decode/traffic", |bencher| {
        bencher.iter(|| {
            arena.reset();
            black_box(openrtb::decode(Wire::Json, next(), &arena)).is_ok()
        });
    });
    for lines in [1_000, 10_000] {
        let world = world(lines);
        let at = Circumstance { moment: MOMENT, coin: world.coin };
        let exchange = world.exchange_named("demo").expect("the exchange");
        let (mut scratch, mut answers) = (Scratch::new(), Answers::new());
        let mut run = |body: &[u8]| -> Outcome {
            let received = Received::new(exchange, Wire::Json, body);
            let mut live = Recorder::new(Granting, &mut answers);
            decide(&received, &world, &mut live, at, &mut scratch)
        };
        let bids = bodies.iter().filter(|body| run(body) == Outcome::Bid).count();
        eprintln!("{lines} lines: {bids} of {} requests get a bid", bodies.len());
        criterion.bench_function(&format!("decide/traffic/{lines}"), |bencher| {
            bencher.iter(|| black_box(run(next())));
        });
        criterion.bench_function(&format!("decide/one_1600B/{lines}"), |bencher| {
            bencher.iter(|| black_box(run(black_box(&one[..]))));
        });
    }
}

fn exhausted(criterion: &mut Criterion) {
    let requests = Requests::new(5, 2_000);
    let bodies: Vec<Vec<u8>> = (0..512).map(|i| requests.json(i, MOMENT)).collect();
    let world = world(100_000);
    let at = Circumstance { moment: MOMENT, coin: world.coin };
    let exchange = world.exchange_named("demo").expect("the exchange");
    let sleep = Sleep::new(1, (0..EXHAUSTED).map(LineIx).collect(), &world.index, MOMENT);
    for (name, asleep) in [("asked", None), ("asleep", Some(&sleep))] {
        let (mut scratch, mut answers) = (Scratch::new(), Answers::new());
        let mut run = |body: &[u8]| -> Outcome {
            let received = Received::new(exchange, Wire::Json, body);
            let mut live = Recorder::new(Exhausted { asleep }, &mut answers);
            decide(&received, &world, &mut live, at, &mut scratch)
        };
        let bids = bodies.iter().filter(|body| run(body) == Outcome::Bid).count();
        eprintln!("exhausted, {name}: {bids} of {} requests get a bid", bodies.len());
        let mut turn = bodies.iter().cycle();
        criterion.bench_function(&format!("decide/exhausted/{name}"), |bencher| {
            bencher.iter(|| black_box(run(turn.next().expect("endless"))));
        });
    }
}

fn hold(bid: BidId, line: LineIx, moment: Moment) -> Hold {
    Hold {
        bid,
        line,
        creative: CreativeIx(0),
        listener: None,
        price: Money::new(5_000_000, Currency::USD),
        moment,
        expires: moment.plus_s(60),
        win_by: None,
        test: false,
    }
}

fn look(criterion: &mut Criterion) {
    for lines in [100_000, 1_000_000] {
        let world = world(1);
        let line = |i: u64| {
            let (line, bid) = (world.catalog.line(LineIx(0)), Money::new(5_000_000, Currency::USD));
            let nanos = if i.is_multiple_of(10) { 0 } else { 1_000_000_000 };
            let budget = Budget::total(nanos);
            let (targeting, creatives) = (Expr::All(Vec::new()), Vec::new());
            Line { id: LineId(i), bid, budget, targeting, creatives, ..line.clone() }
        };
        let config = delivery::Config::default();
        let book = std::sync::Arc::new(Book::leased(&config));
        let desk = book.desk_of(&(0..lines).map(line).collect::<Vec<_>>()).expect("room");
        criterion.bench_function(&format!("look/{lines}"), |bencher| {
            bencher.iter(|| black_box(desk.idle(MOMENT)));
        });
        let begun = Instant::now();
        (0..3).for_each(|_| book.granted(&book.turn(MOMENT)));
        eprintln!("{lines} lines: their first three turns took {:?}", begun.elapsed());
        let mut live = desk.live();
        for (name, step_s) in [("turn/busy", 0), ("turn/walk", 61)] {
            let mut now = MOMENT;
            criterion.bench_function(&format!("{name}/{lines}"), |bencher| {
                bencher.iter(|| {
                    // As many lines as bid in half a second, and every line each minute.
                    for i in 0..1_000_u32 {
                        let bid = BidId(u64::from(i));
                        let line = LineIx((i * 797) % lines as u32 / 10 * 10 + 1);
                        black_box(live.hold(&hold(bid, line, now))).ok();
                    }
                    book.sweep(now.plus_s(3600));
                    now = now.plus_s(step_s);
                    book.granted(black_box(&book.turn(now)));
                });
            });
        }
        criterion.bench_function(&format!("tally/{lines}"), |bencher| {
            bencher.iter(|| black_box(book.tally_turn(MOMENT)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = bench, exhausted, look
}
criterion_main!(benches);
