//! How soon may bids be made after a start, with ten million entries behind?
//!
//! Measured: `ledger/start/10000000`, from the newest snapshot and the journal on disk to the
//! ledger and the open journal, which is all that a start reads of money; `ledger/fold`, one entry
//! decoded and folded (an impression that is charged to a line, its campaign and its advertiser,
//! of many). The journal is made first: four notices for each of 2.5 million bids of 1,000 lines
//! within four hours, so that the snapshot holds every bid of the last two. Sizes are written to
//! the error stream. With `--test` there are 20,000 entries.

#![allow(clippy::unwrap_used, reason = "a bench that cannot run must fail")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use interlude::base::journal::{self, Folder, Journal};
use interlude::base::units::ids::{AdvertiserId, CampaignId, LineId};
use interlude::base::units::money::{Currency, Money};
use interlude::base::units::time::Moment;
use interlude::market::exchange::ExchangeIx;
use interlude::market::notice::{Kind, PriceRule};
use interlude::market::ticket::BidId;
use interlude::offer::ledger::{
    Effect, Entry, Following, Keep, Ledger, NoticeEntry, Opened, OpenedLine, Snapshots,
};

const START: i64 = 1_800_000_000;
const SPAN_S: u64 = 4 * 3600;
const LINES: u64 = 1000;
const KINDS: [Kind; 4] = [Kind::Win, Kind::Impression, Kind::Start, Kind::Complete];

fn opened() -> Entry {
    let line = |n: u64| OpenedLine {
        line: LineId(n),
        campaign: CampaignId(n / 4),
        advertiser: AdvertiserId(n / 16),
        currency: Currency::USD,
        path: format!("advertiser-{}/campaign-{}/line-{n}", n / 16, n / 4),
    };
    let lines = (0..LINES).map(line).collect();
    Entry::Opened(Opened { moment: Moment::from_unix_s(START), lines })
}

/// The `n`th of all notices.
fn notice(n: u64, of: u64) -> Entry {
    let (bid, kind) = (n / 4, KINDS[(n % 4) as usize]);
    let line = bid % LINES;
    let moment = Moment::from_unix_s(START + (SPAN_S * n / of) as i64);
    let billable = kind == Kind::Impression;
    let nanos = if billable { 4_000_000 + line as i64 } else { 0 };
    Entry::Notice(NoticeEntry {
        kind,
        effect: if billable { Effect::Charged } else { Effect::Counted },
        rule: PriceRule::AsTold,
        moment,
        made: moment.plus_s(-20),
        day: (START / 86_400) as i32,
        bid: BidId(bid.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        line: LineId(line),
        campaign: Some(CampaignId(line / 4)),
        advertiser: Some(AdvertiserId(line / 16)),
        creative: 7,
        exchange: ExchangeIx(0),
        price: Money::new(nanos, Currency::USD),
        charged: Money::new(nanos, Currency::USD),
        due_nanos: nanos,
        held_nanos: 5_000_000,
        expires: moment.plus_s(3580),
        rates: 0,
        loss: -1,
        min_to_win: -1,
        billable,
        conflict: None,
    })
}

fn fill(journal: &Journal, entries: u64) {
    journal.append(&opened().to_bytes()).unwrap().wait().unwrap();
    let mut bytes = Vec::new();
    for some in (0..entries).step_by(4096) {
        let mut last = None;
        for n in some..(some + 4096).min(entries) {
            bytes.clear();
            notice(n, entries).encode(&mut bytes);
            last = Some(journal.append(&bytes).unwrap());
        }
        last.into_iter().for_each(|durable| durable.wait().unwrap());
    }
}

fn start(c: &mut Criterion) {
    let is_test = std::env::args().any(|arg| arg == "--test");
    let entries = if is_test { 20_000 } else { 10_000_000 };
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::from(&data.path().join("journal"));
    let snapshots = Snapshots::new(&data.path().join("snapshots"), Keep::default());
    let config = journal::Config {
        segment_bytes: if is_test { 1 << 20 } else { 64 << 20 },
        ..journal::Config::default()
    };
    let began = Instant::now();
    let (journal, _) = Journal::open(&folder, &config, &mut |_| Ok(())).unwrap();
    fill(&journal, entries);
    let written = began.elapsed();
    let from = snapshots.newest(&folder).unwrap();
    let mut following = Following::on(from, &folder, snapshots.clone()).unwrap();
    following.turn(journal.durable()).unwrap();
    let version = following.ledger().version();
    let bids = following.ledger().bids().count();
    let bytes = journal.durable();
    drop((journal, following));
    let snapshot = snapshots.files().unwrap().pop().unwrap().1;
    let snapshot = std::fs::metadata(snapshot).unwrap().len();
    let behind = entries + 1 - snapshots.newest(&folder).unwrap().entries;
    eprintln!(
        "{bytes} bytes of journal, written in {written:.1?} and folded after {:.1?}; a snapshot \
         of {snapshot} bytes with {bids} bids; {behind} entries behind it",
        began.elapsed()
    );

    let mut group = c.benchmark_group("ledger");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    group.bench_function(format!("start/{entries}"), |b| {
        b.iter_batched(
            || (),
            |()| {
                let mut start = snapshots.newest(&folder).unwrap();
                let ledger = &mut start.ledger;
                let opened = Journal::open_from(&folder, &config, start.mark, &mut |record| {
                    ledger.read(record).map_err(|why| why.to_string())
                });
                assert_eq!(start.ledger.version(), version);
                // What a server keeps is not dropped while the clock runs.
                (start, opened.unwrap())
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn fold(c: &mut Criterion) {
    let mut ledger = Ledger::default();
    ledger.apply(&opened()).unwrap();
    let mut n = 0;
    let mut group = c.benchmark_group("ledger");
    group.throughput(Throughput::Elements(1));
    group.bench_function("fold", |b| {
        b.iter_batched(
            || {
                n += 1;
                notice(4 * n + 1, 1 << 24).to_bytes()
            },
            |bytes| ledger.read(black_box(&bytes)).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, start, fold);
criterion_main!(benches);
