//! A world of 100,000 lines, another one each second, at four fifths of capacity: who notices?
//!
//! In each version the price of one line in one of 100 files has changed, and all of a file of
//! marked lines, whose price, creative id and media say which version they are of. These want only
//! the exchange *two*: the load, of the exchange *one*, meets the world as it is. An auditor asks
//! for several bids at a time at *two* and sees whether all that they say is of one version.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use interlude::rehearsal::loadgen::{Client, Figures, Target};
use interlude::rehearsal::traffic::catalogs;

use super::marked::{marked, request, version_of};
use super::process::Server;
use super::{Bench, SEED, middle, ours};

const LINES: usize = 100_000;
const FILES: usize = 100;
const EVERY: Duration = Duration::from_secs(1);
/// Files that were written just now would be read twice.
const SETTLES: Duration = Duration::from_millis(30);
const AUDIT_EVERY: Duration = Duration::from_millis(5);

/// Asked for: 0 failed, p99 at most 1.3 times and p99.9 at most twice that without swaps, each
/// answer of one version, at most 2.2 times the memory of one world.
pub fn measure(bench: &Bench, data: &Path) {
    let lines = if bench.short { 2_000 } else { LINES };
    ours::write_lines(data, &[marked(0)]);
    let empty_mib = Server::start(data).resident_mib();
    let files = catalogs::campaign_files(SEED, lines, FILES);
    ours::write_lines(data, &files);
    let mut press = Press { folder: data.join("lines"), files, version: 0 };
    press.write();
    let server = Server::start(data);
    let world_mib = server.resident_mib() - empty_mib;
    let (capacity, _) = bench.capacity("ours, 100,000 lines", server.bid, "/bid/one");
    println!("capacity {capacity:.0} a second; a world of {lines} lines takes {world_mib:.0} MiB");
    println!("  a swap takes {:.0} ms of its core", press.swap_alone_ms(&server));
    let (rounds, seconds) = if bench.short { (1, 1) } else { (3, 20) };
    let mut rows: Vec<[f64; 6]> = Vec::new();
    let mut audit = Audit::default();
    let before_mib = server.resident_mib();
    server.forget_peak();
    let (mut failed, mut wrong) = ([(0, 0); 2], 0);
    for _ in 0..rounds {
        let plan = bench.warm(server.bid, "/bid/one", 0.8 * capacity, seconds);
        let calm = Bench::run(&plan);
        let swapped = audit.beside(&server, &mut press, || Bench::run(&plan));
        for (sum, figures) in failed.iter_mut().zip([&calm, &swapped]) {
            *sum = (sum.0 + figures.errors, sum.1 + figures.unsent);
        }
        wrong += calm.wrong_answers + swapped.wrong_answers;
        let us = |figures: &Figures| [figures.p99_us as f64, figures.p99_9_us as f64];
        let ([p99, p99_9], [swapped_p99, swapped_p99_9]) = (us(&calm), us(&swapped));
        let ratios = [swapped_p99 / p99, swapped_p99_9 / p99_9];
        rows.push([p99, swapped_p99, ratios[0], p99_9, swapped_p99_9, ratios[1]]);
    }
    let [p99, swapped_p99, ratio, p99_9, swapped_p99_9, ratio_9] =
        [0, 1, 2, 3, 4, 5].map(|column| middle(&rows, column));
    println!(
        "at 0.8 of it, medians of {rounds} × {seconds} s: p99 {p99} µs, with swaps {swapped_p99}, \
         {ratio:.2} times; p99.9 {p99_9} µs, with swaps {swapped_p99_9}, {ratio_9:.2} times"
    );
    let [calm, swapped] = failed.map(|(failed, unsent)| format!("{failed} ({unsent} never sent)"));
    println!("  failed {calm}, with swaps {swapped}; {wrong} wrong answers");
    audit.tell(&server);
    let peak_mib = server.peak_mib();
    println!(
        "  memory: {before_mib:.0} MiB before, {peak_mib:.0} MiB at the most, {:.2} times; of the \
         world alone {:.2} times",
        peak_mib / before_mib,
        (peak_mib - before_mib) / world_mib + 1.0,
    );
}

/// The campaign files, from version to version.
struct Press {
    folder: PathBuf,
    files: Vec<String>,
    version: u64,
}

impl Press {
    /// The next version, and the moment from which it is whole.
    fn write(&mut self) {
        self.version += 1;
        let many = self.files.len();
        let nth = self.version as usize % many;
        let text = &mut self.files[nth];
        let key = "\"bid_cpm\":\"";
        let places: Vec<usize> = text.match_indices(key).map(|(at, _)| at + key.len()).collect();
        let at = places[self.version as usize / many % places.len()];
        let end = at + text[at..].find('"').expect("a price");
        text.replace_range(at..end, &format!("1.{:04}", self.version % 10_000));
        let file = |name: &str| self.folder.join(name);
        std::fs::write(file(&format!("{nth:03}.json")), text).expect("a file");
        std::fs::write(file("marked.json"), marked(self.version)).expect("a file");
        thread::sleep(SETTLES);
    }
}

impl Press {
    /// Processor time of one swap of several, while nothing else is done.
    fn swap_alone_ms(&mut self, server: &Server) -> f64 {
        let (swaps, before_ms) = (5, server.cpu_ms());
        for _ in 0..swaps {
            let [counted] = server.metrics(["interlude_world_swaps_total"]);
            self.write();
            server.reload();
            while server.metrics(["interlude_world_swaps_total"]) == [counted] {
                thread::sleep(Duration::from_millis(10));
            }
        }
        (server.cpu_ms() - before_ms) / f64::from(swaps)
    }
}

/// What the auditor saw, over all rounds.
#[derive(Default)]
struct Audit {
    answers: u64,
    mixed: u64,
    /// Answers of a version before one that had been seen.
    back: u64,
    unanswered: u64,
    /// From the order to the first answer of each version.
    seen_after: Vec<Duration>,
    seconds: u64,
}

impl Audit {
    /// Swaps worlds each second, and audits, while something is done.
    fn beside(
        &mut self,
        server: &Server,
        press: &mut Press,
        work: impl FnOnce() -> Figures,
    ) -> Figures {
        let (ended, newest) = (AtomicBool::new(false), AtomicU64::new(0));
        let (figures, (seen_after, seconds)) = thread::scope(|scope| {
            let auditor = scope.spawn(|| self.ask(server, (&ended, &newest)));
            let swapper = scope.spawn(|| swap(server, press, (&ended, &newest)));
            let figures = work();
            ended.store(true, Relaxed);
            auditor.join().expect("an auditor");
            (figures, swapper.join().expect("a swapper"))
        });
        self.seen_after.extend(seen_after);
        self.seconds += seconds;
        figures
    }

    fn ask(&mut self, server: &Server, (ended, newest): (&AtomicBool, &AtomicU64)) {
        let target = format!("http://{}/bid/two", server.bid);
        let mut client = Client::new(Target::parse(&target).expect("a target"));
        while !ended.load(Relaxed) {
            let body = request(self.answers).into_bytes();
            self.answers += 1;
            match client.bid("/bid/two", &body) {
                Ok(reply) if reply.status == 200 => match version_of(&reply.body) {
                    None => self.mixed += 1,
                    Some(version) if version < newest.load(Relaxed) => self.back += 1,
                    Some(version) => newest.store(version, Relaxed),
                },
                _ => self.unanswered += 1,
            }
            thread::sleep(AUDIT_EVERY);
        }
    }

    fn tell(&mut self, server: &Server) {
        self.seen_after.sort();
        let seen = &self.seen_after;
        println!(
            "  {} swaps in {} s ({} counted by the server); an answer shows a version {:.0?} \
             (median), {:.0?} (most) after the files changed",
            seen.len(),
            self.seconds,
            server.metrics(["interlude_world_swaps_total"])[0],
            seen.get(seen.len() / 2).copied().unwrap_or_default(),
            seen.last().copied().unwrap_or_default(),
        );
        println!(
            "  {} answers audited: {} of more than one version, {} of one before that was seen, {} \
             without a bid",
            self.answers, self.mixed, self.back, self.unanswered,
        );
    }
}

/// Another world each second, as long as the last one is served by then.
fn swap(
    server: &Server,
    press: &mut Press,
    (ended, newest): (&AtomicBool, &AtomicU64),
) -> (Vec<Duration>, u64) {
    let (mut seen_after, begun) = (Vec::new(), Instant::now());
    let mut next = begun;
    while !ended.load(Relaxed) {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next += EVERY;
        press.write();
        server.reload();
        let since = Instant::now();
        while newest.load(Relaxed) < press.version && !ended.load(Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
        if newest.load(Relaxed) >= press.version {
            seen_after.push(since.elapsed());
        }
    }
    (seen_after, begun.elapsed().as_secs())
}
