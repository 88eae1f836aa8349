//! What does it take to know ten million listeners, and to let them change?
//!
//! - `lookup/LISTENERS`: one listener's profile and its number of segments, in random order over
//!   all listeners; each lookup waits for the one before, so that caches are as cold as the
//!   audience is large and no two misses overlap.
//! - `layers/GENERATIONS`: the same in the oldest generation, beneath 0 to 5 newer ones.
//! - `link/LISTENERS`: the key that a link leads to.
//! - `seal/CHANGES`: gathers so many changes and seals them.
//! - `merge/RECORDS`: four neighbours become one.
//!
//! Sizes are 100,000 listeners, or `INTERLUDE_LISTENERS` (10,000,000: 3 GB, three minutes); in
//! `--test` mode 5,000. What takes seconds is timed once and written to the error stream, with the
//! memory by part and with the share of a core that a stream of 50,000 changes a second takes.

#![allow(clippy::expect_used, reason = "a bench that cannot run must fail")]

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use interlude::base::stdx::rng::Rng;
use interlude::base::units::ids::ListenerKey;
use interlude::knowledge::audience::{
    Audience, Change, Gather, Generation, GenerationBuilder, LinkKey, Merge, Past, Purpose,
    Segment, minor_ages, snapshot,
};
use interlude::market::vocabulary::Vocabulary;
use interlude::rehearsal::traffic::multitude::Multitude;

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Changes of half a second at 50,000 a second.
const SEALED: u64 = 25_000;

fn listeners() -> u64 {
    if std::env::args().any(|arg| arg == "--test") {
        return 5_000;
    }
    let asked = std::env::var("INTERLUDE_LISTENERS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(100_000)
}

macro_rules! tell {
    ($($what:tt)*) => { writeln!(std::io::stderr(), $($what)*).ok() };
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let made = work();
    tell!("{what:<28}{:>10.1?}", start.elapsed());
    made
}

/// The keys of all listeners in random order.
fn shuffled(count: u64) -> Vec<ListenerKey> {
    let mut rng = Rng::new(11);
    let mut keys: Vec<ListenerKey> = (0..count).map(Multitude::key).collect();
    for last in (1..keys.len()).rev() {
        keys.swap(last, rng.below(last + 1));
    }
    keys
}

/// Looks listeners up one after the other: where the next is depends on what the last one had.
struct Chase {
    keys: Vec<ListenerKey>,
    at: usize,
}

impl Chase {
    #[inline]
    fn next(&mut self, audience: &Audience) -> usize {
        let segments = audience
            .profile_for(Purpose::Rehearsal, self.keys[self.at])
            .map_or(0, |profile| profile.len());
        // Everybody has some: the step is 1, which only the profile tells.
        self.at += usize::from(segments > 0);
        if self.at == self.keys.len() {
            self.at = 0;
        }
        segments
    }
}

fn change(multitude: &Multitude, rng: &mut Rng, count: u64) -> Change {
    let n = rng.below(count as usize) as u64;
    let mut segments = Vec::new();
    multitude.segments(rng.next_u64(), &mut segments);
    if rng.chance(0.5) {
        let mut profile = Vec::new();
        multitude.profile(n, &mut profile);
        return Change::Put { key: Multitude::key(n), profile: profile.into() };
    }
    let some = Segment { expires: Segment::NEVER, ..segments[4] };
    Change::Add { key: Multitude::key(n), segments: vec![some] }
}

/// Time that this thread has had a core, so that neighbours on a busy machine do not count.
fn on_core() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// `count` seconds of 50,000 changes: what each step takes of a core.
fn stream(mut audience: Audience, multitude: &Multitude, past: Past, seconds: u64) -> Audience {
    let (count, mut rng) = (audience.len() as u64, Rng::new(5));
    let mut gather = Gather::new(past.kept);
    let mut took = [Duration::ZERO; 4];
    let (mut most, mut bytes, mut longest) = (0, 0, Duration::ZERO);
    for _ in 0..2 * seconds {
        let changes: Vec<Change> =
            (0..SEALED).map(|_| change(multitude, &mut rng, count)).collect();
        let start = on_core();
        changes.iter().for_each(|change| gather.apply(change, &audience));
        took[0] += on_core() - start;
        let start = on_core();
        let sealed = Arc::new(gather.seal());
        took[1] += on_core() - start;
        let start = on_core();
        audience = audience.with(sealed);
        took[2] += on_core() - start;
        most = most.max(audience.generations().len());
        let start = on_core();
        if let Some(merge) = Merge::due(&audience, None) {
            let merged = Arc::new(merge.run(past, &mut || {}));
            let beside = Audience::empty().with(Arc::clone(&merged)).bytes().total();
            bytes = bytes.max(audience.bytes().total() + beside);
            audience = merge.done(&audience, merged).expect("nobody else changes it");
            longest = longest.max(on_core() - start);
        }
        took[3] += on_core() - start;
    }
    for (what, took) in ["apply", "seal", "publish", "merge"].iter().zip(took) {
        let share = 100.0 * took.as_secs_f64() / seconds as f64;
        tell!("50,000/s: {what:<18}{share:>8.1} % of a core");
    }
    tell!("generations at most         {most:>10}, longest merge {longest:.1?}");
    tell!("bytes at most, while merging{bytes:>10}");
    audience
}

fn figures(base: Arc<Generation>, multitude: &Multitude, vocabulary: &Vocabulary) {
    let audience = Audience::empty().with(base);
    let (count, bytes) = (audience.len(), audience.bytes());
    for (part, bytes) in [
        ("places, tags, gaps", bytes.index),
        ("keys, lengths", bytes.heads),
        ("profiles", bytes.profiles),
        ("all", bytes.total()),
    ] {
        tell!("bytes a listener: {part:<18}{:>8.1}", bytes as f64 / count as f64);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(snapshot::FILE);
    let written = timed("snapshot written", || {
        snapshot::write(&path, &audience, (1, vocabulary), &mut || true).expect("room on the disk")
    });
    tell!("snapshot bytes              {written:>10}");
    let read = timed("snapshot read", || snapshot::read(&path, vocabulary).expect("undamaged"));
    assert_eq!(read.expect("just written").generation.len(), count);
    timed("each listener once", || {
        let mut seen = 0;
        audience.each(&mut |_, profile| seen += profile.len());
        assert_eq!(seen, 12 * count);
    });
    one_by_one(&audience, "");
    let past = Past { moment: Multitude::FROM, kept: minor_ages(vocabulary) };
    let seconds = if count > 1_000_000 { 120 } else { 2 };
    let audience = stream(audience, multitude, past, seconds);
    tell!("generations in the end      {:>10}", audience.generations().len());
    one_by_one(&audience, ", then");
    if let Some(merge) = Merge::whole(&audience) {
        timed("merged whole", || merge.run(past, &mut || {}));
    }
}

/// Median and 99th percentile of single lookups, the clock's own time included.
fn one_by_one(audience: &Audience, when: &str) {
    let mut chase = Chase { keys: shuffled(audience.len() as u64), at: 0 };
    let once = |lookup: &mut dyn FnMut() -> usize| {
        let start = Instant::now();
        black_box(lookup());
        start.elapsed().as_nanos() as u64
    };
    let lookups = audience.len().min(1_000_000);
    let mut took: Vec<u64> = (0..lookups).map(|_| once(&mut || chase.next(audience))).collect();
    let mut clock: Vec<u64> = (0..lookups).map(|_| once(&mut || 0)).collect();
    took.sort_unstable();
    clock.sort_unstable();
    let at = |sorted: &[u64], permille: usize| sorted[sorted.len() * permille / 1000];
    let (median, p99, clock) = (at(&took, 500), at(&took, 990), at(&clock, 500));
    tell!("one lookup{when}: median {median} ns, p99 {p99} ns, of which the clock {clock} ns");
}

fn lookups(criterion: &mut Criterion, base: &Arc<Generation>, multitude: &Multitude) {
    let count = base.len() as u64;
    let mut chase = Chase { keys: shuffled(count), at: 0 };
    let mut audience = Audience::empty().with(Arc::clone(base));
    let mut group = criterion.benchmark_group("lookup");
    group.bench_function(BenchmarkId::from_parameter(count), |b| b.iter(|| chase.next(&audience)));
    group.finish();
    // Newer generations of strangers, as the policy leaves them: each is a fifth of the next.
    let mut group = criterion.benchmark_group("layers");
    let mut strangers = count..;
    for layer in 1..=6 {
        if layer > 1 {
            let size = (count / 4) >> (2 * (layer - 2));
            let (mut newer, mut bytes) = (GenerationBuilder::default(), Vec::new());
            for n in strangers.by_ref().take(size as usize) {
                newer.add(Multitude::key(n), multitude.profile(n, &mut bytes));
            }
            audience = audience.with(Arc::new(newer.build()));
        }
        let id = BenchmarkId::from_parameter(layer);
        group.bench_function(id, |b| b.iter(|| chase.next(&audience)));
    }
    group.finish();
}

fn links(criterion: &mut Criterion, count: u64) {
    let mut builder = GenerationBuilder::default();
    let ids: Vec<String> = (0..count.min(1_000_000)).map(Multitude::id).collect();
    for id in &ids {
        builder.link(LinkKey::of("demo", id), Some(ListenerKey::of(id)));
    }
    let audience = Audience::of(builder.build());
    let (mut rng, mut group) = (Rng::new(2), criterion.benchmark_group("link"));
    group.bench_function(BenchmarkId::from_parameter(ids.len()), |b| {
        b.iter(|| audience.listener(LinkKey::of("demo", &ids[rng.below(ids.len())])));
    });
    group.finish();
}

fn sealing(criterion: &mut Criterion, base: &Arc<Generation>, multitude: &Multitude, past: Past) {
    let audience = Audience::empty().with(Arc::clone(base));
    let (count, mut rng) = (base.len() as u64, Rng::new(3));
    let sealed = SEALED.min(count);
    let changes: Vec<Change> = (0..sealed).map(|_| change(multitude, &mut rng, count)).collect();
    let mut group = criterion.benchmark_group("seal");
    group.sample_size(10).throughput(Throughput::Elements(sealed));
    let mut gather = Gather::new(past.kept);
    group.bench_function(BenchmarkId::from_parameter(sealed), |b| {
        b.iter(|| {
            changes.iter().for_each(|change| gather.apply(change, &audience));
            gather.seal()
        });
    });
    group.finish();
    let mut group = criterion.benchmark_group("merge");
    let mut layers = Audience::empty();
    for of in (0..4).rev() {
        let range = of * sealed / 4..of * sealed / 4 + sealed;
        let (mut newer, mut bytes) = (GenerationBuilder::default(), Vec::new());
        range.for_each(|n| newer.add(Multitude::key(n), multitude.profile(n, &mut bytes)));
        layers = layers.with(Arc::new(newer.build()));
    }
    let merge = Merge::whole(&layers).expect("four of them");
    group.sample_size(10).throughput(Throughput::Elements(merge.records() as u64));
    group.bench_function(BenchmarkId::from_parameter(merge.records()), |b| {
        b.iter(|| merge.run(past, &mut || {}));
    });
    group.finish();
}

fn audience(criterion: &mut Criterion) {
    let mut vocabulary = Vocabulary::new();
    let multitude = Multitude::new(7, &mut vocabulary);
    let past = Past { moment: Multitude::FROM, kept: minor_ages(&vocabulary) };
    let base = Arc::new(timed("made up and built", || multitude.generation(listeners())));
    lookups(criterion, &base, &multitude);
    links(criterion, base.len() as u64);
    sealing(criterion, &base, &multitude, past);
    figures(base, &multitude, &vocabulary);
}

criterion_group!(benches, audience);
criterion_main!(benches);
