//! How many notices a second can one journal make durable, beside what this disk can?
//!
//! `cargo bench --bench journal -- --seconds 5 --folder DIR`. Prints, of a folder on the disk under
//! `--folder` (a temporary folder where absent), medians over the seconds:
//!
//! - `disk`: `fdatasync` a second of one thread that appends 4 KiB and syncs, nothing else: what
//!   the disk can, and with it what any log without group commit could take at most;
//! - `append N`: records of 100 bytes a second that N callers have acknowledged, each of whom
//!   waits for its answer before it gives the next one, as connections do; chained, and the same
//!   not chained; with the records of a batch in the mean and CPU time of the process a record;
//! - `read`: the same journal read back and its chain verified, records a second.

#![allow(clippy::expect_used, reason = "a bench that cannot run must fail")]
#![allow(clippy::print_stdout, reason = "its report")]
#![allow(clippy::disallowed_methods, reason = "its callers are no tasks of a server")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use interlude::base::journal::{Config, Journal, read};

const RECORD: [u8; 100] = [0x5A; 100];
const CALLERS: [usize; 3] = [1, 64, 1024];

fn main() {
    let mut words = std::env::args().skip(1);
    let (mut seconds, mut folder) = (3, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--test" => seconds = 1,
            "--seconds" => seconds = words.next().and_then(|n| n.parse().ok()).expect("a number"),
            "--folder" => folder = words.next().map(PathBuf::from),
            _ => {}
        }
    }
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    fs::create_dir_all(&folder).expect("the folder");
    let syncs = raw(&folder, seconds);
    println!("disk: {syncs} fdatasync/s");
    for chained in [true, false] {
        for callers in CALLERS {
            append(&folder.join("journal"), (chained, callers), seconds);
        }
    }
}

/// What the disk does by itself.
fn raw(folder: &Path, seconds: u64) -> u64 {
    let path = folder.join("raw");
    let mut file = fs::File::create(&path).expect("a file");
    let rates = (0..seconds).map(|_| {
        let (until, mut done) = (Instant::now() + Duration::from_secs(1), 0);
        while Instant::now() < until {
            file.write_all(&[0x5A; 4096]).expect("a write");
            file.sync_data().expect("a sync");
            done += 1;
        }
        done
    });
    let median = median(rates.collect());
    fs::remove_file(path).expect("removing it");
    median
}

fn append(folder: &Path, (chained, callers): (bool, usize), seconds: u64) {
    let config = Config { chained, ..Config::default() };
    let (journal, _) = Journal::open(folder, &config, &mut |_| Ok(())).expect("a journal");
    let journal = Arc::new(journal);
    let done = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let cpu = cpu_us();
    let rates = runtime.block_on(async {
        let callers = (0..callers).map(|_| {
            let (journal, done) = (Arc::clone(&journal), Arc::clone(&done));
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                while !stop.load(Relaxed) {
                    let taken = journal.append(&RECORD).expect("room in the queue");
                    taken.await.expect("a disk that works");
                    done.fetch_add(1, Relaxed);
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        let mut rates = Vec::new();
        for _ in 0..seconds {
            let (before, since) = (done.load(Relaxed), Instant::now());
            tokio::time::sleep(Duration::from_secs(1)).await;
            let count = (done.load(Relaxed) - before) as f64;
            rates.push((count / since.elapsed().as_secs_f64()) as u64);
        }
        stop.store(true, Relaxed);
        for caller in callers {
            caller.await.expect("a caller");
        }
        rates
    });
    let cpu = cpu_us() - cpu;
    let (all, rate) = (done.load(Relaxed), median(rates));
    drop(journal);
    let since = Instant::now();
    let mut records = 0_u64;
    let opened = read(folder, &mut |_| {
        records += 1;
        Ok(())
    });
    let (opened, took) = (opened.expect("a whole journal"), since.elapsed().as_secs_f64());
    assert_eq!((records, opened.records), (all, all), "all that was acknowledged");
    let name = if chained { "chained" } else { "plain" };
    println!(
        "append {callers} {name}: {rate} records/s, {:.2} us of CPU a record; read {:.0} records/s",
        cpu as f64 / all.max(1) as f64,
        records as f64 / took,
    );
    fs::remove_dir_all(folder).expect("removing it");
}

fn median(mut rates: Vec<u64>) -> u64 {
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().unwrap_or(0)
}

/// CPU time of this process so far.
fn cpu_us() -> u64 {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let own = text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok());
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let threads = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    own.unwrap_or(0).max(threads.sum()) / 1_000
}
