//! How many notices a second are acknowledged, each on disk before it is?
//!
//! Through `settle`, with the real journal in a folder of `INTERLUDE_BENCH_DIR` (else the
//! current one), many in flight at once; beside it what this disk does by itself: one write and
//! fdatasync after another, of as many bytes as that many notices take. Then a flood, far more in
//! flight than the journal queues: each is acknowledged and in the journal, or 503.
//! Run on one core: `taskset -c 0 cargo bench --bench notice`. `INTERLUDE_BENCH_NOTICES`
//! (100,000) are told a row.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use interlude::base::journal;
use interlude::base::units::ids::LineId;
use interlude::base::units::money::{Currency, Money};
use interlude::base::units::time::Moment;
use interlude::flows::notice::{Config, Kind, Notice, OpenedTill, Settled, Terms, Till, settle};
use interlude::knowledge::catalog::model::Line;
use interlude::market::exchange::{BillableEvent, Exchange, ExchangeIx};
use interlude::market::marks::{Marks, SupplyMark};
use interlude::market::ticket::{BidId, Channel, Ticket, TicketKeys, TicketText};
use interlude::offer::delivery::{self, Book};

const NOW: Moment = Moment::from_unix_s(1_800_000_000);
const LINE: LineId = LineId(7);

fn main() {
    let notices = var("INTERLUDE_BENCH_NOTICES").unwrap_or(100_000);
    let parent = std::env::var("INTERLUDE_BENCH_DIR").map_or(PathBuf::from("."), PathBuf::from);
    let keys = keys();
    let texts: Arc<[TicketText]> = (0..notices as u64).map(|bid| signed(&keys, bid)).collect();
    println!("in flight   notices/s   CPU µs each   the disk alone, notices/s (fdatasyncs/s)");
    for in_flight in [64, 256, 1024, 4096] {
        let folder = tempfile::tempdir_in(&parent).unwrap();
        let till = Arc::new(open(folder.path()));
        let (began, cpu) = (Instant::now(), cpu_time());
        let (counted, refused) = tell(&till, &texts, in_flight);
        let (took, cpu) = (began.elapsed(), cpu_time().saturating_sub(cpu));
        assert_eq!((counted, refused), (notices, 0));
        let bytes = till.journal().durable() / notices as u64;
        let syncs = alone(folder.path(), bytes as usize * in_flight);
        println!(
            "{in_flight:>9}   {:>9.0}   {:>11.2}   {:>9.0} ({syncs:.0})",
            notices as f64 / took.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / notices as f64,
            syncs * in_flight as f64,
        );
    }
    flood(&parent, &texts);
}

/// Ten times what the journal queues at once: 2xx and written, or 503.
fn flood(parent: &Path, texts: &Arc<[TicketText]>) {
    let folder = tempfile::tempdir_in(parent).unwrap();
    let till = Arc::new(open(folder.path()));
    let (began, in_flight) = (Instant::now(), 10 * Config::default().journal.queue);
    let (counted, refused) = tell(&till, texts, in_flight);
    let took = began.elapsed();
    drop(till);
    let mut written = 0;
    let mut visit = |_: &[u8]| {
        written += 1;
        Ok(())
    };
    journal::read(folder.path().join("journal").as_path(), &mut visit).unwrap();
    assert_eq!(written, counted, "acknowledged is written");
    println!(
        "flood of {in_flight} at once: {counted} acknowledged and written, {refused} answered 503, \
         in {:.2} s",
        took.as_secs_f64()
    );
}

fn open(dir: &Path) -> Till {
    let book = Arc::new(Book::new(&delivery::Config::default()));
    let exchanges = vec![Exchange::standard("bench")].into();
    let terms = Terms { keys: keys(), exchanges, rates: 0 };
    let line = Line::plain(LINE, Money::new(5_000_000, Currency::USD));
    drop(book.desk_of(&[line]).unwrap());
    let opened = Till::open((&Config::default(), &Default::default()), dir, terms, book, NOW);
    let OpenedTill { till, .. } = opened.unwrap();
    till
}

/// Tells each ticket's impression once; how many were counted, and how many refused.
fn tell(till: &Arc<Till>, texts: &Arc<[TicketText]>, in_flight: usize) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (next, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    runtime.block_on(async {
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..in_flight {
            let (till, texts) = (Arc::clone(till), Arc::clone(texts));
            let (next, counted) = (Arc::clone(&next), Arc::clone(&counted));
            workers.spawn(async move {
                while let Some(text) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let notice = Notice {
                        kind: Kind::Impression,
                        ticket: text.as_str(),
                        price: "",
                        loss: "",
                        min_to_win: "",
                        moment: NOW,
                    };
                    match settle(&till, &notice).await.settled {
                        Settled::Counted => counted.fetch_add(1, Ordering::Relaxed),
                        Settled::Unavailable => 0,
                        other => panic!("{other:?}"),
                    };
                }
            });
        }
        workers.join_all().await;
    });
    let counted = counted.load(Ordering::Relaxed);
    (counted, texts.len() - counted)
}

/// What the disk is given to write when it is measured alone, at most.
const ALONE_BYTES_MAX: usize = 128 << 20;

/// fdatasyncs a second, each after so many bytes.
fn alone(dir: &Path, bytes: usize) -> f64 {
    let mut file = std::fs::File::create(dir.join("alone")).unwrap();
    let chunk = vec![7_u8; bytes];
    let (began, mut syncs) = (Instant::now(), 0_u32);
    while began.elapsed() < Duration::from_secs(2) && syncs as usize * bytes < ALONE_BYTES_MAX {
        file.write_all(&chunk).unwrap();
        file.sync_data().unwrap();
        syncs += 1;
    }
    f64::from(syncs) / began.elapsed().as_secs_f64()
}

fn signed(keys: &TicketKeys, bid: u64) -> TicketText {
    keys.sign(&Ticket {
        channel: Channel::Player,
        bid: BidId(bid.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        line: LINE,
        creative: 1,
        exchange: ExchangeIx(0),
        billable: BillableEvent::Impression,
        price: Money::new(4_000_000, Currency::USD),
        held: Money::new(4_000_000, Currency::USD),
        made: NOW,
        expires: NOW.plus_s(3600),
        listener: None,
        measured: false,
        supply: SupplyMark::default(),
        test: false,
    })
}

fn keys() -> TicketKeys {
    TicketKeys::new(1, [(1, &[7_u8; 32][..])], Marks::new(&[7; 32])).unwrap()
}

fn var(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// What this process has used, of all its threads.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    let ticks: u64 = fields.take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
