//! What do 50,000 changes a second cost, and how soon are they seen and durable?
//!
//! `cargo bench --bench intake -- --listeners 10000000 --seconds 20 --rate 50000`. Prints, of one
//! process with a store on the disk under `--folder` (a temporary folder where absent):
//!
//! - `load`: listeners of 12 segments put as fast as the intake takes them, and the store's size;
//! - `start`: opening that store again, snapshot and journal;
//! - `durable`, `visible`: from the submitting of a batch of 1,000 until its receipt resolves, and
//!   until the published audience shows it, at the paced rate;
//! - `decide`: CPU time of the bid thread a request (`/proc/thread-self/schedstat`), with and
//!   without the changes, in turns: one thread decides 4,096 seeded requests over 10,000 lines one
//!   after the other, always in the world published last; and the CPU of the whole process.
//!
//! Changes are of listeners drawn at random: half replace a profile, half add a segment.

#![allow(clippy::expect_used, reason = "a bench that cannot run must fail")]
#![allow(clippy::print_stdout, reason = "its report")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use interlude::base::stdx::rng::Rng;
use interlude::base::telemetry::Registry;
use interlude::base::units::ids::ListenerKey;
use interlude::base::units::time::{Moment, WallClock};
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Circumstance, Received, decide};
use interlude::knowledge::audience::{
    Audience, Change, Config, DiskStore, Found, Intake, Purpose, Receipt, Refused, Segment, Stand,
    encode,
};
use interlude::market::openrtb::Wire;
use interlude::market::vocabulary::{ValueId, Words};
use interlude::offer::delivery::{Answers, Recorder};
use interlude::rehearsal::traffic::stage::{Granting, Stage};
use interlude::rehearsal::traffic::{Listeners, Requests, catalogs};

const MOMENT: Moment = Moment::from_unix_s(1_795_435_200);
/// Listeners whom requests are about.
const HEARD: u32 = 20_000;
const BATCH: usize = 1_000;
/// Whose profile tells how far it is seen.
const TAG: ListenerKey = ListenerKey(7);

struct Options {
    listeners: u64,
    seconds: u64,
    rate: u64,
    lines: usize,
}

fn options() -> Options {
    let args: Vec<String> = std::env::args().collect();
    let after =
        |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let number = |name: &str, without: u64| {
        after(name).map_or(without, |text| text.parse().expect("a number"))
    };
    if args.iter().any(|arg| arg == "--test") {
        return Options { listeners: 20_000, seconds: 1, rate: 5_000, lines: 100 };
    }
    Options {
        listeners: number("--listeners", 1_000_000),
        seconds: number("--seconds", 10),
        rate: number("--rate", 50_000),
        lines: 10_000,
    }
}

fn main() {
    let options = options();
    let folder = tempfile::tempdir().expect("a folder");
    let parts = Stage::of_text(&catalogs::campaign_file(5, options.lines)).parts();
    let words = Arc::new(Words::of((*parts.vocabulary).clone()));
    let world = World::assemble(parts, None);
    let mut people = People::new(options.listeners);
    {
        let intake = start(folder.path(), &words, Arc::new(|_| {}));
        load(&intake, &mut people);
        report_disk(folder.path());
    }
    let shown = Arc::new(ArcSwap::from_pointee(world));
    let seen = Arc::new(Seen::default());
    let publish = {
        let (shown, seen) = (Arc::clone(&shown), Arc::clone(&seen));
        Arc::new(move |audience: Arc<Audience>| {
            let now = shown.load_full();
            seen.note(&audience);
            shown.store(Arc::new(now.with_audience(audience)));
        })
    };
    let intake = start(folder.path(), &words, publish);
    shown.store(Arc::new(shown.load_full().with_audience(intake.audience())));
    measure(&options, &intake, &mut people, (&shown, &seen));
    report_disk(folder.path());
}

type Shown = Arc<dyn Fn(Arc<Audience>) + Send + Sync>;

fn start(folder: &Path, words: &Arc<Words>, publish: Shown) -> Intake {
    let (config, started) = (Config::default(), Instant::now());
    let (store, Found { audience, opened }) =
        DiskStore::open(folder, words, &config).expect("the store");
    println!(
        "start     {:>9} listeners in {:?}, of which {} batches replayed",
        audience.len(),
        started.elapsed(),
        opened.records
    );
    let stand = Stand {
        store: Box::new(store),
        audience: Arc::new(audience),
        words: Arc::clone(words),
        clock: Arc::new(WallClock),
    };
    let publish = Box::new(move |audience, _| publish(audience));
    Intake::start(stand, &config, &Registry::new(), publish).expect("the thread")
}

/// Whom changes are about: those of the requests, and others.
struct People {
    heard: Vec<ListenerKey>,
    count: u64,
    rng: Rng,
    next: u64,
}

impl People {
    fn new(count: u64) -> People {
        let listeners = Listeners::new(5);
        let heard = (0..u64::from(HEARD)).map(|n| ListenerKey::of(&listeners.at(n).id)).collect();
        People { heard, count, rng: Rng::new(9), next: 0 }
    }

    fn key(&self, n: u64) -> ListenerKey {
        let heard = self.heard.get(n as usize).copied();
        heard.unwrap_or_else(|| ListenerKey::of(&format!("listener {n}")))
    }

    fn segment(&mut self) -> Segment {
        let value = ValueId(300 + self.rng.below(3_000) as u32);
        let expires = MOMENT.plus_s(3600 * self.rng.between(1_000, 9_000) as i64);
        Segment { value, confidence_pct: self.rng.between(50, 100) as u8, expires }
    }

    fn put(&mut self, key: ListenerKey) -> Change {
        let mut segments: Vec<Segment> = (0..12).map(|_| self.segment()).collect();
        let mut profile = Vec::new();
        encode(&mut segments, &mut profile).expect("twelve fit");
        Change::Put { key, profile: profile.into() }
    }

    fn some(&mut self) -> Vec<Change> {
        self.next += 1;
        let tag = Segment {
            value: ValueId(300),
            confidence_pct: 1,
            expires: Moment::from_unix_s(3600 * self.next as i64),
        };
        let mut profile = Vec::new();
        encode(&mut vec![tag], &mut profile).expect("one fits");
        let mut changes = vec![Change::Put { key: TAG, profile: profile.into() }];
        while changes.len() < BATCH {
            // Every tenth is somebody of whom a request is.
            let n = match self.rng.below(10) {
                0 => self.rng.below(HEARD as usize) as u64,
                _ => self.rng.next_u64() % self.count,
            };
            let key = self.key(n);
            changes.push(match changes.len() % 2 {
                0 => self.put(key),
                _ => Change::Add { key, segments: vec![self.segment()] },
            });
        }
        changes
    }
}

/// When which batch was first seen.
#[derive(Default)]
struct Seen {
    submitted: Mutex<Vec<Instant>>,
    latencies: Mutex<Vec<Duration>>,
}

impl Seen {
    fn note(&self, audience: &Audience) {
        let Some(profile) = audience.profile_for(Purpose::Rehearsal, TAG) else { return };
        let tag = profile.segments().next().map_or(0, |s| s.expires.unix_s() / 3600) as usize;
        let submitted = self.submitted.lock().expect("no panic");
        let mut latencies = self.latencies.lock().expect("no panic");
        for at in latencies.len()..tag.min(submitted.len()) {
            latencies.push(submitted[at].elapsed());
        }
    }
}

fn load(intake: &Intake, people: &mut People) {
    let started = Instant::now();
    let mut receipts: Vec<Receipt> = Vec::new();
    let mut n = 0;
    let mut making = Duration::ZERO;
    while n < people.count {
        let from = Instant::now();
        let until = people.count.min(n + 10_000);
        let batch: Vec<Change> = (n..until)
            .map(|n| {
                let key = people.key(n);
                people.put(key)
            })
            .collect();
        making += from.elapsed();
        n = until;
        loop {
            match intake.submit(batch.clone()) {
                Ok(receipt) => break receipts.push(receipt),
                Err(Refused::Busy { .. }) => receipts.remove(0).wait().expect("durable"),
                Err(why) => panic!("{why}"),
            }
        }
    }
    receipts.into_iter().for_each(|receipt| receipt.wait().expect("durable"));
    intake.seal().expect("sealed");
    let took = started.elapsed();
    let rate = n as f64 / took.as_secs_f64();
    println!("load      {n:>9} listeners in {took:?} (making them: {making:?}): {rate:.0}/s");
}

fn report_disk(folder: &Path) {
    let files = std::fs::read_dir(folder.join("audience")).expect("the store");
    let bytes: u64 = files.flatten().filter_map(|file| file.metadata().ok()).map(|m| m.len()).sum();
    println!("disk      {:>9.1} MB", bytes as f64 / 1e6);
}

fn measure(
    options: &Options,
    intake: &Intake,
    people: &mut People,
    (shown, seen): (&ArcSwap<World>, &Seen),
) {
    let stop = AtomicBool::new(false);
    let decided = AtomicU64::new(0);
    let durable = Mutex::new(Vec::new());
    let (mut quiet, mut busy, mut process) = (Vec::new(), Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        let (hand, thread_path) = std::sync::mpsc::channel();
        let (stop, decided, durable) = (&stop, &decided, &durable);
        scope.spawn(move || {
            let own = std::fs::read_link("/proc/thread-self").expect("procfs");
            hand.send(Path::new("/proc").join(own).join("schedstat")).expect("who waits");
            bid(shown, stop, decided);
        });
        let bids = thread_path.recv().expect("the bid thread");
        let own = Path::new("/proc/self/stat");
        for round in 0..6 {
            let (cpu, all, requests) = (run_ns(&bids), ticks(own), decided.load(Relaxed));
            let started = Instant::now();
            if round % 2 == 0 {
                std::thread::sleep(Duration::from_secs(options.seconds));
            } else {
                upsert(options, intake, people, (seen, durable));
            }
            let took = started.elapsed().as_secs_f64();
            let requests = (decided.load(Relaxed) - requests) as f64;
            let each = (run_ns(&bids) - cpu) as f64 / requests;
            let list = if round % 2 == 0 { &mut quiet } else { &mut busy };
            list.push(each);
            process.push((ticks(own) - all) as f64 / 100.0 / took);
            println!(
                "decide    {}: {each:.0} ns CPU a request, {:.0}/s; process {:.2} cores",
                if round % 2 == 0 { "quiet    " } else { "upserting" },
                requests / took,
                process[process.len() - 1]
            );
        }
        stop.store(true, Relaxed);
    });
    let median = |list: &mut Vec<f64>| {
        list.sort_by(f64::total_cmp);
        list[list.len() / 2]
    };
    let (quiet, busy) = (median(&mut quiet), median(&mut busy));
    println!("decide    CPU a request with changes ÷ without: {:.3}", busy / quiet);
    tell("durable", durable.into_inner().expect("no panic"));
    tell("visible", std::mem::take(&mut *seen.latencies.lock().expect("no panic")));
    let generations = intake.audience().generations().len();
    println!("end       {:>9} listeners in {generations} generations", intake.audience().len());
}

fn bid(shown: &ArcSwap<World>, stop: &AtomicBool, decided: &AtomicU64) {
    let requests = Requests::new(5, HEARD);
    let bodies: Vec<Vec<u8>> = (0..4_096).map(|i| requests.json(i, MOMENT)).collect();
    let (mut scratch, mut answers) = (Scratch::new(), Answers::new());
    while !stop.load(Relaxed) {
        for body in &bodies {
            let world = shown.load();
            let exchange = world.exchange_named("demo").expect("the exchange");
            let received = Received::new(exchange, Wire::Json, body);
            let at = Circumstance { moment: MOMENT, coin: world.coin };
            let mut live = Recorder::new(Granting, &mut answers);
            let _ = std::hint::black_box(decide(&received, &world, &mut live, at, &mut scratch));
            decided.fetch_add(1, Relaxed);
        }
    }
}

/// A batch every so often; a late one is sent at once, so that the rate holds.
fn upsert(
    options: &Options,
    intake: &Intake,
    people: &mut People,
    (seen, durable): (&Seen, &Mutex<Vec<Duration>>),
) {
    let batches = options.rate * options.seconds / BATCH as u64;
    let (hand, receipts) = std::sync::mpsc::channel::<(Instant, Receipt)>();
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for (at, receipt) in receipts {
                receipt.wait().expect("durable");
                durable.lock().expect("no panic").push(at.elapsed());
            }
        });
        let mut refused = 0;
        for n in 0..batches {
            let due = Duration::from_secs_f64(n as f64 * BATCH as f64 / options.rate as f64);
            let changes = people.some();
            std::thread::sleep(due.saturating_sub(started.elapsed()));
            let at = Instant::now();
            seen.submitted.lock().expect("no panic").push(at);
            let receipt = loop {
                match intake.submit(changes.clone()) {
                    Ok(receipt) => break receipt,
                    Err(Refused::Busy { .. }) => refused += 1,
                    Err(why) => panic!("{why}"),
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            hand.send((at, receipt)).expect("who waits");
        }
        drop(hand);
        let rate = batches as f64 * BATCH as f64 / started.elapsed().as_secs_f64();
        println!("upserts   {rate:.0}/s, {refused} times refused as busy");
    });
    intake.seal().expect("sealed");
}

fn tell(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!("{what:<10}p50 {:?}, p99 {:?}, max {:?}", at(0.5), at(0.99), at(1.0));
}

/// Nanoseconds that a thread has run.
fn run_ns(schedstat: &Path) -> u64 {
    let text = std::fs::read_to_string(schedstat).expect("schedstat");
    text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("its first number")
}

/// Hundredths of a second that the process has run.
fn ticks(stat: &Path) -> u64 {
    let text = std::fs::read_to_string(stat).expect("stat");
    let after = text.rsplit(')').next().expect("behind the name");
    let fields: Vec<u64> = after.split(' ').skip(12).take(2).flat_map(str::parse).collect();
    fields.iter().sum()
}
