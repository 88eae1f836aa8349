//! What do the hold and the record add to a bid, and what does pacing?
//!
//! One process, one thread, the same requests (those of the seeded traffic that end in a bid),
//! block by block in turn, so that whatever else the machine does falls on all sides alike:
//!
//! ```text
//! bare     decide, and whatever it asks of delivery is granted; nothing is written down
//! asked    decide with the desk: money of five budgets, four levels of caps, a pace each
//! served   asked, and the record made and pushed to its ring: what production does
//! paced    served, all lines at a pace a hair below full
//! shaded   served, all lines at 70 % of their price: searches go further
//! ```
//!
//! Lines and campaigns have totals and days, advertisers have funds; first nobody has caps, then
//! every line has two (an hour and a day), then every line (two), campaign, advertiser and creative
//! (two) has; nothing ever runs out. Between blocks, not measured: holds are swept and the ring is
//! written to disk. Printed, in CPU time of the thread: medians over the rounds, the median of what
//! a round's side took beyond the round's bare one, and the least of either.
//!
//! ```text
//! cargo bench --bench hold                 60 rounds; with -- --test, three; -- six: that alone
//! ```

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a bench reports, or fails")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use interlude::base::units::ids::LineIx;
use interlude::base::units::money::{Currency, Money};
use interlude::base::units::time::{Moment, WallClock};
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::serve::{Published, Records, Worker, serve};
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Circumstance, Received, decide};
use interlude::market::openrtb::Wire;
use interlude::market::outcome::Outcome;
use interlude::offer::delivery::{self, Answers, Book, PPM, Pace, Recorder};
use interlude::offer::records::{self, RecordRing, RecordWriter};
use interlude::rehearsal::traffic::stage::{Granting, Stage};
use interlude::rehearsal::traffic::{Requests, catalogs};

const MOMENT: Moment = Moment::from_unix_s(1_795_435_200);
const LINES: usize = 10_000;
const LISTENERS: u32 = 2_000;
const ROUNDS: usize = 60;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Bare,
    Asked,
    Served,
    Paced,
    Shaded,
}

const SIDES: [(Side, &str, Pace); 5] = [
    (Side::Bare, "bare", Pace::FULL),
    (Side::Asked, "asked", Pace::FULL),
    (Side::Served, "served", Pace::FULL),
    (Side::Paced, "paced", Pace { bid_ppm: PPM - 100, pass_ppm: PPM - 1 }),
    (Side::Shaded, "shaded", Pace { bid_ppm: 700_000, pass_ppm: PPM }),
];

/// What is capped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Capped {
    Nothing,
    Lines,
    All,
}

const TABLES: [(Capped, &str); 3] =
    [(Capped::Nothing, "no caps"), (Capped::Lines, "two caps"), (Capped::All, "six caps")];

/// The seeded catalogue, with all the budgets that a hold can take of; and with caps, or none.
fn campaigns(capped: Capped) -> String {
    let mut file: Value = serde_json::from_str(&catalogs::campaign_file(5, LINES)).expect("json");
    let budget = json!({ "total": 10_000_000, "daily": 1_000_000 });
    let of = |least: Capped, caps: Value| if capped >= least { caps } else { json!([]) };
    let pair = json!([{ "impressions": 800, "per": "hour" }, { "impressions": 900, "per": "day" }]);
    fn all(of: &mut Value) -> &mut [Value] {
        of.as_array_mut().expect("a list")
    }
    for advertiser in all(&mut file["advertisers"]) {
        advertiser["prepaid"] = json!(true);
        advertiser["caps"] = of(Capped::All, json!([{ "impressions": 1000, "per": "week" }]));
        advertiser["creatives"][0]["caps"] = of(Capped::All, pair.clone());
        for campaign in all(&mut advertiser["campaigns"]) {
            campaign["budget"] = budget.clone();
            campaign["caps"] = of(Capped::All, json!([{ "impressions": 1000, "per": "day" }]));
            for line in all(&mut campaign["lines"]) {
                line["budget"] = budget.clone();
                line["caps"] = of(Capped::Lines, pair.clone());
            }
        }
    }
    file.to_string()
}

struct House {
    published: Published,
    ring: Arc<RecordRing>,
    config: records::Config,
    bodies: Vec<Vec<u8>>,
    granted: (Scratch, Answers),
    worker: Worker,
}

fn house(capped: Capped) -> House {
    let stage = Stage::of_text(&campaigns(capped)).with_listeners(5, LISTENERS);
    let parts = stage.parts();
    let book = Arc::new(Book::new(&delivery::Config::default()));
    for advertiser in parts.catalog.advertisers() {
        assert!(book.fund(advertiser.id, Money::new(1 << 60, Currency::USD)));
    }
    let desk = book.desk(&parts.catalog, None).expect("room");
    book.turn(MOMENT);
    let world = World::assemble(parts, None);
    let config = records::Config::default();
    let mut house = House {
        published: Published { world, desk: Arc::new(desk) },
        ring: Arc::new(RecordRing::new(&config)),
        config,
        bodies: Vec::new(),
        granted: (Scratch::new(), Answers::new()),
        worker: Worker::new(),
    };
    let requests = Requests::new(5, LISTENERS);
    let bodies = (0..1_500).map(|i| requests.json(i, MOMENT));
    let bodies: Vec<_> = bodies.filter(|b| house.run(Side::Bare, b) == Outcome::Bid).collect();
    house.bodies = bodies;
    house
}

impl House {
    fn run(&mut self, side: Side, body: &[u8]) -> Outcome {
        let Published { world, desk } = &self.published;
        let exchange = world.exchange_named("demo").expect("the exchange");
        let received = Received::new(exchange, Wire::Json, body);
        let at = Circumstance { moment: MOMENT, coin: world.coin };
        let (scratch, answers) = &mut self.granted;
        match side {
            Side::Bare => decide(&received, world, &mut Granting, at, scratch),
            Side::Asked => {
                let mut live = Recorder::new(desk.live(), answers);
                decide(&received, world, &mut live, at, scratch)
            }
            Side::Served | Side::Paced | Side::Shaded => {
                let records = Records { ring: &self.ring, sample_ppm: self.config.sample_ppm };
                serve(&received, &self.published, records, &mut self.worker, (at, || 0))
            }
        }
    }

    /// One block of a side: nanoseconds a request, and how many got a bid.
    fn block(&mut self, side: Side, pace: Pace, data: &Path) -> (f64, usize) {
        for line in 0..LINES as u32 {
            let state = self.published.desk.state(LineIx(line)).expect("a line");
            state.dial.turn(pace);
        }
        let bodies = std::mem::take(&mut self.bodies);
        let begun_ns = cpu_ns();
        let bids = bodies.iter().filter(|b| black_box(self.run(side, b)) == Outcome::Bid).count();
        let took_ns = (cpu_ns() - begun_ns) as f64 / bodies.len() as f64;
        self.bodies = bodies;
        self.published.desk.book().sweep(MOMENT.plus_s(86_400));
        let clock = Arc::new(WallClock);
        drop(RecordWriter::start(Arc::clone(&self.ring), &self.config, data, clock));
        (took_ns, bids)
    }
}

/// What this thread has had of a processor: whatever else runs on the machine is not counted.
fn cpu_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    told.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds")
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn least(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

fn main() {
    let has = |word: &str| std::env::args().any(|arg| arg == word);
    let only = TABLES.iter().find(|(_, name)| name.split(' ').next().is_some_and(has));
    for &(capped, name) in TABLES.iter().filter(|of| only.is_none_or(|only| only.0 == of.0)) {
        table((capped, name), if has("--test") { 3 } else { ROUNDS });
    }
}

fn table((capped, name): (Capped, &str), rounds: usize) {
    let data = tempfile::tempdir().expect("a folder");
    let mut house = house(capped);
    let rounds: Vec<[(f64, usize); SIDES.len()]> = (0..rounds)
        .map(|_| SIDES.map(|(side, _, pace)| house.block(side, pace, data.path())))
        .collect();
    let requests = house.bodies.len();
    println!("{LINES} lines, {name}, {requests} requests a block, {} rounds", rounds.len());
    println!("side        bids   ns a request   beyond bare   ÷ bare    least   beyond   ÷ bare");
    let bare = median(rounds.iter().map(|round| round[0].0));
    let least_bare = least(rounds.iter().map(|round| round[0].0));
    for (at, (_, name, _)) in SIDES.iter().enumerate() {
        let took_ns = median(rounds.iter().map(|round| round[at].0));
        let beyond_ns = median(rounds.iter().map(|round| round[at].0 - round[0].0));
        let least_ns = least(rounds.iter().map(|round| round[at].0));
        let (bids, ratio) = (rounds[0][at].1, took_ns / bare);
        print!("{name:<8}  {bids:>6}   {took_ns:>12.0}   {beyond_ns:>11.0}   {ratio:>6.3}");
        let (beyond, ratio) = (least_ns - least_bare, least_ns / least_bare);
        println!("   {least_ns:>6.0}   {beyond:>6.0}   {ratio:>6.3}");
    }
}
