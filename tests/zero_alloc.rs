//! From decode to record nothing is allocated once a worker is warm (invariant 1).
//!
//! A counting allocator around the very function that the doors call, over varied requests of the
//! seeded traffic: first all of them to warm up, then all of them counted.

#![allow(unsafe_code, reason = "a global allocator can be written no other way")]
#![allow(clippy::unwrap_used, reason = "a test that cannot run must fail")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use interlude::base::units::ids::LineIx;
use interlude::base::units::time::Moment;
use interlude::flows::decide::serve::{Published, Records, Worker, serve};
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Circumstance, Received};
use interlude::knowledge::enrich::{local_time, place};
use interlude::market::facts::Facts;
use interlude::market::openrtb::Wire;
use interlude::market::openrtb::request::{Device, Geo, Regs, Request, User};
use interlude::market::outcome::Outcome;
use interlude::market::privacy::{self, Policy, RegsDefault, Signals, permissions};
use interlude::market::vocabulary::{Dimension, Vocabulary};
use interlude::offer::delivery::{self, Book, Sleep};
use interlude::offer::records::{self, RecordRing};
use interlude::rehearsal::traffic::stage::Stage;
use interlude::rehearsal::traffic::{Requests, catalogs};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what the thread at hand allocates.
struct Counting;

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const LISTENERS: u32 = 2_000;
const MOMENT: Moment = Moment::from_unix_s(1_795_435_200);

fn published() -> Published {
    let stage = Stage::of_text(&catalogs::campaign_file(5, 2_000)).with_listeners(5, LISTENERS);
    let parts = stage.parts();
    let book = Arc::new(Book::new(&delivery::Config::default()));
    let desk = book.desk(&parts.catalog, None).unwrap();
    let world = World::assemble(parts, None);
    let asleep = (0..2_000).filter(|line| line % 3 == 0).map(LineIx).collect();
    desk.put_to_sleep(Some(Arc::new(Sleep::new(1, asleep, &world.index, MOMENT))));
    Published { world, desk: Arc::new(desk) }
}

#[test]
fn a_warm_worker_allocates_nothing_from_decode_to_record() {
    let published = published();
    let ring = RecordRing::new(&records::Config { ring: 4096, ..records::Config::default() });
    let records = Records { ring: &ring, sample_ppm: 10_000 };
    let requests = Requests::new(5, LISTENERS);
    let bodies: Vec<Vec<u8>> = (0..1_000).map(|i| requests.json(i, MOMENT)).collect();
    let exchange = published.world.exchange_named("demo").unwrap();
    let at = Circumstance { moment: MOMENT, coin: published.world.coin };
    let mut worker = Worker::new();
    let mut bids = 0;
    let mut round = |worker: &mut Worker| {
        for body in &bodies {
            let received = Received::new(exchange, Wire::Json, body);
            let outcome = serve(&received, &published, records, worker, (at, || 0));
            bids += u64::from(outcome == Outcome::Bid);
        }
    };
    round(&mut worker);
    let before = ALLOCATIONS.with(Cell::get);
    round(&mut worker);
    let allocated = ALLOCATIONS.with(Cell::get) - before;
    assert!(bids > 1_000, "only {bids} of 2000 requests got a bid: the path was not walked");
    assert_eq!(allocated, 0, "allocations in {} warm decisions", bodies.len());
}

/// The database's records are borrowed, and the zones' rules are read as they stand.
#[test]
fn a_place_and_its_hour_are_found_without_allocating() {
    let database = Some(Path::new("tests/fixtures/geo/GeoLite2-City-Test.mmdb").to_owned());
    let atlas = place::Atlas::open(&place::Config { database }).unwrap();
    let vocabulary = Vocabulary::new();
    let mut facts = Facts::new();
    let request = |ip, country, region| Request {
        device: Some(Device {
            ip: Some(ip),
            geo: Some(Geo { country, region, lat: Some(32.8), lon: Some(-96.8), ..Geo::default() }),
            ..Device::default()
        }),
        regs: Some(Regs { gdpr: Some(false), ..Regs::default() }),
        ..Request::default()
    };
    let requests = [
        request("214.78.12.34", None, None),
        request("67.43.156.1", Some("FRA"), None),
        request("10.0.0.1", Some("US"), Some("TX")),
        request("10.0.0.1", Some("US"), None),
        request("not an address", Some("ESP"), Some("ES-MD")),
    ];
    let moment = Moment::from_unix_s(1_795_348_800);
    let policy = Policy::default();
    let before = ALLOCATIONS.with(Cell::get);
    let mut hours = 0;
    for request in &requests {
        facts.clear();
        let place = place::resolve(request, &atlas);
        let country = place.lawful_country();
        let absent = RegsDefault::Full;
        let signals = Signals { request, country, gpc: false, absent, moment };
        let full = permissions(&signals, &policy);
        place::set(&place, &vocabulary, full, &mut facts);
        let zone = place.zone(&atlas, full);
        local_time::set(moment, None, || zone, &vocabulary, &mut facts);
        hours += usize::from(facts.get(Dimension::HourOfWeek).is_some());
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert_eq!(hours, 4, "only the Dallas of no state has none");
}

/// Strings of every kind, good and bad: none of them costs memory.
#[test]
fn consent_strings_are_read_without_allocating() {
    const TC: &str =
        "CPi8wgAPi8wgAAOACBENCuCoAP_AAEfAACiQJHNd_H__bX9n-f7_6ft0eY1f9_r37uQzDhfNk-8F3";
    let strings: Vec<String> = ["tcf_vectors", "gpp_vectors", "us_privacy_vectors"]
        .into_iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(format!("tests/fixtures/privacy/{file}.json"));
            let vectors: Vec<serde_json::Value> = serde_json::from_str(&text.unwrap()).unwrap();
            vectors.into_iter().map(|vector| vector["string"].as_str().unwrap().to_owned())
        })
        .chain(["", "C", "DBAB~", "D~~~", TC, "\u{20ac}"].map(str::to_owned))
        .collect();
    let config = privacy::Config { vendor_id: 8, policy_version_min: 2, ..Default::default() };
    let config = privacy::Config { string_max_age_days: 0, ..config };
    let policy = Policy::new(&config, None).unwrap();
    let before = ALLOCATIONS.with(Cell::get);
    let mut answered = 0;
    for text in &strings {
        let regs = Regs { gpp: Some(text), us_privacy: Some(text), ..Regs::default() };
        let user = User { consent: Some(text), ..User::default() };
        let of_user = Request { user: Some(user), ..Request::default() };
        let of_regs = Request { regs: Some(regs), ..Request::default() };
        for request in [&of_user, &of_regs] {
            let (absent, moment) = (RegsDefault::Full, Moment::default());
            let signals = Signals { request, country: Some("USA"), gpc: false, absent, moment };
            answered += usize::from(permissions(&signals, &policy).may(privacy::Grant::Answer));
        }
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert!(answered > 0 && answered < 2 * strings.len(), "{answered} of {}", strings.len());
}
