//! How long does it take from changed campaign files to the world that is served?
//!
//! Measured: a whole server's reload, from the look at the files to the published world, with the
//! archive for replay written and the old world freed. `publish/edit/100000`: the price of one
//! line of 100,000 has changed, in one of 100 files; `publish/full/100000`: so has that of every
//! line. Files are written, and have come to rest, before the clock runs. The parts of a full
//! build, and memory before and after 50 edits, are written to the error stream.
//! `PUBLISH_FILES=1` keeps all lines in one file. With `--test` there are 1,000 lines.

#![allow(clippy::unwrap_used, reason = "a bench that cannot run must fail")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

use interlude::app::config::Config;
use interlude::app::run::Running;
use interlude::knowledge::catalog::{Kind, Limits, Reading, Sheets, Tongue};
use interlude::market::vocabulary::Vocabulary;
use interlude::offer::delivery::{self, Book};
use interlude::offer::targeting::Index;
use interlude::rehearsal::traffic::catalogs::campaign_files;

/// A server with its campaign files.
struct House {
    running: Running,
    files: Vec<(PathBuf, String)>,
    /// Lines edited so far, one after another, and prices changed of all.
    edits: usize,
    _folder: tempfile::TempDir,
}

impl House {
    fn start(lines: usize, files: usize) -> House {
        let folder = tempfile::tempdir().unwrap();
        let campaigns = folder.path().join("campaigns");
        std::fs::create_dir(&campaigns).unwrap();
        let texts = campaign_files(7, lines, files).into_iter().enumerate();
        let files: Vec<_> =
            texts.map(|(i, text)| (campaigns.join(format!("{i:03}.json")), text)).collect();
        files.iter().for_each(|(path, text)| std::fs::write(path, text).unwrap());
        let mut config = Config::default();
        config.campaigns.files = vec![campaigns];
        config.campaigns.watch_ms = 0;
        config.bid.listen = "127.0.0.1:0".parse().unwrap();
        config.admin.listen = "127.0.0.1:0".parse().unwrap();
        let data = folder.path().join("data");
        let running = Running::start(config, &data).unwrap();
        House { running, files, edits: 0, _folder: folder }
    }

    /// Another price of one line, each time of another file.
    fn edit(&mut self) -> Duration {
        let (path, text) = {
            let many = self.files.len();
            &mut self.files[self.edits % many]
        };
        let place = text.match_indices("\"bid_cpm\":\"").nth(self.edits / 7 % 300);
        let at = place.map_or(0, |(at, found)| at + found.len());
        let end = at + text[at..].find('"').unwrap();
        self.edits += 1;
        text.replace_range(at..end, &format!("{}.{:04}", 1 + self.edits % 40, self.edits % 9999));
        std::fs::write(path, text).unwrap();
        self.reload(Kind::Edit)
    }

    /// Another price of every line.
    fn change_all(&mut self) -> Duration {
        self.edits += 1;
        for (path, text) in &self.files {
            let price = format!("\"bid_cpm\":\"{}", 1 + self.edits % 9);
            std::fs::write(path, text.replace("\"bid_cpm\":\"", &price)).unwrap();
        }
        self.reload(Kind::Full)
    }

    fn reload(&self, wanted: Kind) -> Duration {
        // What was written just now is read again each time.
        std::thread::sleep(Duration::from_millis(30));
        let started = Instant::now();
        let summary = self.running.reload().unwrap();
        let took = started.elapsed();
        assert_eq!(summary.kind, wanted, "{summary:?}");
        took
    }
}

/// What the thread that publishes has used of a core by now.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut tasks = tasks.map(|task| task.path());
    let named = |task: &PathBuf| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "campaigns")
    };
    let spent = tasks.find(named).and_then(|task| {
        let spent = std::fs::read_to_string(task.join("schedstat")).ok()?;
        spent.split_whitespace().next()?.parse().ok()
    });
    Duration::from_nanos(spent.unwrap_or(0))
}

/// What is resident, in MiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) / 1024
}

/// How long each part of a full build takes, one after another.
fn parts(house: &House) -> String {
    let (mut vocabulary, rates) = (Vocabulary::new(), Config::default().rate_table());
    let limits = Limits::default();
    let mut told = String::new();
    let mut part = |name: &str, started: Instant| {
        write!(told, "{name} {:.0} ms, ", started.elapsed().as_secs_f64() * 1e3).unwrap();
    };
    let started = Instant::now();
    let tongue = Tongue::Own(&mut vocabulary);
    let mut reading =
        Reading { tongue, rates: &rates, limits: &limits, archived: false, headcount: None };
    let folder = house.files[0].0.parent().unwrap_or(Path::new("")).to_owned();
    let edition = Sheets::default().read(&[folder], &mut reading, true).edition.unwrap();
    part("files to catalog", started);
    let started = Instant::now();
    let index = Index::build(edition.catalog.base_lines());
    part("index", started);
    let started = Instant::now();
    let book = Arc::new(Book::new(&delivery::Config::default()));
    let desk = book.desk(&edition.catalog, None).unwrap();
    part("desk", started);
    let started = Instant::now();
    drop((index, desk, edition));
    part("freed", started);
    told
}

fn publish(criterion: &mut Criterion) {
    let small = std::env::args().any(|arg| arg == "--test");
    let files = std::env::var("PUBLISH_FILES").ok().and_then(|files| files.parse().ok());
    let (lines, files) = if small { (1_000, 10) } else { (100_000, files.unwrap_or(100)) };
    let mut house = House::start(lines, files);
    if !small {
        eprintln!("{lines} lines in {files} files: {}", parts(&house));
        let (before, cpu_before) = (resident(), cpu());
        let mut took: Vec<Duration> = (0..50).map(|_| house.edit()).collect();
        took.sort_unstable();
        let (after, spent) = (resident(), (cpu() - cpu_before) / 50);
        let (median, worst) = (took[25], took[49]);
        eprintln!("50 edits: median {median:.1?}, worst {worst:.1?}, of a core {spent:.1?} each");
        eprintln!("resident before {before} MiB, after {after} MiB");
    }
    let mut group = criterion.benchmark_group("publish");
    group.sample_size(10);
    group.bench_function(BenchmarkId::new("edit", lines), |bench| {
        bench.iter_custom(|times| (0..times).map(|_| house.edit()).sum());
    });
    group.bench_function(BenchmarkId::new("full", lines), |bench| {
        bench.iter_custom(|times| (0..times).map(|_| house.change_all()).sum());
    });
    group.finish();
    if !small {
        eprintln!("resident at the end {} MiB", resident());
    }
}

criterion_group!(benches, publish);
criterion_main!(benches);
