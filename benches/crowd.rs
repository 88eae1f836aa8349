//! How long does it take to count whom a targeting expression reaches?
//!
//! `crowd/EXPRESSION/LISTENERS`: `Sample::count`, one thread, nothing kept from question to
//! question. The expressions: `value` one value; `line` what a line usually asks for; `wide` a
//! thousand artists; `deep` 64 leaves nested eight deep under every sign; `worst` as many clauses
//! with as many values as a campaign file may have, which is looked up in a part of the sample.
//!
//! 100,000 listeners, or `INTERLUDE_LISTENERS` (10,000,000: 3 GB, two minutes), of
//! `rehearsal::traffic::multitude`. What takes seconds is timed once and written to the error
//! stream, with the memory of the sample and with the error of its counts beside those of a scan.

#![allow(clippy::expect_used, reason = "a bench that cannot run must fail")]

use std::hint::black_box;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

use interlude::base::stdx::rng::Rng;
use interlude::knowledge::audience::Audience;
use interlude::knowledge::catalog::model::{Expr, Leaf, Test};
use interlude::knowledge::crowd::{Config, Pace, Reading, Sample, scan};
use interlude::knowledge::enrich::listener;
use interlude::market::vocabulary::{Dimension, Vocabulary};
use interlude::rehearsal::traffic::multitude::Multitude;

macro_rules! tell {
    ($($what:tt)*) => { writeln!(std::io::stderr(), $($what)*).ok() };
}

fn listeners() -> u64 {
    let asked = std::env::var("INTERLUDE_LISTENERS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(100_000)
}

struct People {
    vocabulary: Vocabulary,
    multitude: Multitude,
}

impl People {
    fn new() -> People {
        let mut vocabulary = Vocabulary::new();
        let multitude = Multitude::new(3, &mut vocabulary);
        People { vocabulary, multitude }
    }

    /// Values by their popularity's rank.
    fn leaf(&self, dimension: Dimension, ranks: std::ops::Range<usize>, include: bool) -> Expr {
        let mut values = self.multitude.popular(dimension)[ranks].to_vec();
        values.sort_unstable();
        let test = if include { Test::AnyOf(values) } else { Test::NoneOf(values) };
        Expr::Leaf(Leaf { dimension, test, pass_unknown: false })
    }

    fn expressions(&self) -> Vec<(&'static str, Expr)> {
        use Dimension::{Age, Gender, HomeCountry, Interest, List, Mood, TasteArtist, TasteGenre};
        let mood = self.vocabulary.find(Mood, "calm").expect("a word of the list");
        let mood = Leaf { dimension: Mood, test: Test::AnyOf(vec![mood]), pass_unknown: false };
        let line = Expr::All(vec![
            self.leaf(HomeCountry, 0..3, true),
            self.leaf(Age, 1..4, true),
            Expr::Any(vec![
                self.leaf(TasteGenre, 2..6, true),
                self.leaf(TasteArtist, 10..30, true),
                self.leaf(Interest, 5..9, true),
            ]),
            self.leaf(List, 3..4, false),
            Expr::Leaf(mood),
        ]);
        let worst = (0..128).map(|n| self.leaf(List, n..n + 1_000, true)).collect();
        vec![
            ("value", self.leaf(Gender, 0..1, true)),
            ("line", line),
            ("wide", self.leaf(TasteArtist, 0..1_000, true)),
            ("deep", self.deep(6, &mut Rng::new(9))),
            ("worst", Expr::All(worst)),
        ]
    }

    fn deep(&self, depth: usize, rng: &mut Rng) -> Expr {
        if depth == 0 {
            let dimensions: Vec<Dimension> = Multitude::dimensions().collect();
            let dimension = dimensions[rng.below(dimensions.len())];
            let values = self.multitude.popular(dimension).len();
            let start = rng.below(values.min(8));
            return self.leaf(dimension, start..(start + 3).min(values), rng.chance(0.7));
        }
        let parts = (0..2).map(|_| self.deep(depth - 1, rng)).collect();
        let whole = if depth.is_multiple_of(2) { Expr::All(parts) } else { Expr::Any(parts) };
        if rng.chance(0.3) { Expr::Not(Box::new(whole)) } else { whole }
    }
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let made = work();
    tell!("{what:<28}{:>10.1?}", start.elapsed());
    made
}

/// Crowds of every size: what the sample says beside what a scan says.
fn errors(people: &People, audience: &Audience, reading: &Reading<'_>, sample: &Sample) {
    tell!("{:>12}{:>12}{:>12}{:>12}{:>9}", "exact", "estimate", "low", "high", "± %");
    let asked = [(Dimension::Gender, 0), (Dimension::HomeCountry, 0), (Dimension::List, 1)];
    let rare = [10, 100, 1_000, 10_000, 19_999].map(|rank| (Dimension::TasteArtist, rank));
    for (dimension, rank) in asked.into_iter().chain(rare) {
        let expr = people.leaf(dimension, rank..rank + 1, true);
        let go_on = &mut |_| ControlFlow::Continue(());
        let exact = scan(audience, reading, &expr, go_on).expect("nobody ended it").reach;
        let told = sample.count(&expr).reach;
        let half = (told.high - told.low) as f64 / 2.0 / told.listeners.max(1) as f64 * 100.0;
        let (exact, estimate) = (exact.listeners, told.listeners);
        tell!("{exact:>12}{estimate:>12}{:>12}{:>12}{half:>9.2}", told.low, told.high);
    }
}

fn crowd(criterion: &mut Criterion) {
    let (people, count) = (People::new(), listeners());
    let audience = timed("made up", || Audience::of(people.multitude.generation(count)));
    let reading = Reading {
        vocabulary: &people.vocabulary,
        listeners: listener::Config::default(),
        moment: Multitude::FROM,
    };
    let most = Config::default().sample_max;
    let build = || Sample::build(&audience, &reading, most, &mut Pace::at_once());
    let sample = timed("sampled", build).expect("nobody ended it");
    let stats = sample.stats();
    tell!("{stats:?}: {:.2} bytes a listener", stats.bytes as f64 / count as f64);
    let expressions = people.expressions();
    let mut group = criterion.benchmark_group("crowd");
    group.sample_size(10);
    for (name, expr) in &expressions {
        let crowd = sample.count(expr);
        tell!("{name}: {:?} of {}, {} seen", crowd.reach, crowd.of, crowd.seen);
        group.bench_function(BenchmarkId::new(*name, count), |bencher| {
            bencher.iter(|| sample.count(black_box(expr)));
        });
    }
    group.finish();
    let line = &expressions[1].1;
    timed("scanned", || scan(&audience, &reading, line, &mut |_| ControlFlow::Continue(())));
    errors(&people, &audience, &reading, &sample);
}

criterion_group!(benches, crowd);
criterion_main!(benches);
