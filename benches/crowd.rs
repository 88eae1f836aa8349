//! How long does it take to count whom a targeting expression reaches?
//!
//! `crowd/EXPRESSION/LISTENERS`: `Sample::count`, one thread, nothing kept from question to
//! question. The expressions: `value` one value; `line` what a line usually asks for; `wide` a
//! thousand artists; `deep` 64 leaves nested eight deep under every sign; `worst` as many clauses
//! with as many values as a campaign file may have, which is looked up in a part of the sample.
//!
//! 100,000 listeners, or `INTERLUDE_LISTENERS` (10,000,000: 3 GB, two minutes). Each has twelve
//! segments: age, gender, language, home country, two genres, two artists (of 20,000), habit,
//! interest and two lists (of 2,000), popular by Zipf's law; seeded. What takes seconds is timed
//! once and written to the error stream, with the memory of the sample and with the error of its
//! counts beside those of a scan.

#![allow(clippy::expect_used, reason = "a bench that cannot run must fail")]

use std::hint::black_box;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

use interlude::base::stdx::rng::{Rng, Zipf};
use interlude::base::units::ids::ListenerKey;
use interlude::base::units::time::Moment;
use interlude::knowledge::audience::{
    Audience, GenerationBuilder, Profile, Segment, encode, minor_ages,
};
use interlude::knowledge::catalog::model::{Expr, Leaf, Test};
use interlude::knowledge::crowd::{Config, Pace, Reading, Sample, scan};
use interlude::knowledge::enrich::listener;
use interlude::market::vocabulary::{Dimension, ValueId, Vocabulary};

/// Dimension, words to make up (nought: those of the closed list), Zipf exponent, values each.
const SHARES: [(Dimension, usize, f64, usize); 9] = [
    (Dimension::Age, 0, 0.2, 1),
    (Dimension::Gender, 0, 0.5, 1),
    (Dimension::Language, 0, 1.3, 1),
    (Dimension::HomeCountry, 0, 1.0, 1),
    (Dimension::TasteGenre, 0, 0.9, 2),
    (Dimension::TasteArtist, 20_000, 0.9, 2),
    (Dimension::Habit, 0, 0.3, 1),
    (Dimension::Interest, 0, 0.8, 1),
    (Dimension::List, 2_000, 1.0, 2),
];

/// 2026-11-22T12:00:00Z
const NOW: Moment = Moment::from_unix_s(1_795_348_800);

macro_rules! tell {
    ($($what:tt)*) => { writeln!(std::io::stderr(), $($what)*).ok() };
}

fn listeners() -> u64 {
    let asked = std::env::var("INTERLUDE_LISTENERS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(100_000)
}

/// Values by popularity, their law, how many a listener has.
type Share = (Dimension, Vec<ValueId>, Zipf, usize);

struct People {
    vocabulary: Vocabulary,
    shares: Vec<Share>,
}

impl People {
    fn new() -> People {
        let (mut vocabulary, mut rng) = (Vocabulary::new(), Rng::new(3));
        let shares = SHARES.map(|(dimension, words, exponent, each)| {
            for n in 0..words {
                let _ = vocabulary.intern(dimension, &format!("{} {n}", dimension.name()));
            }
            let minors = minor_ages(&vocabulary);
            let all = vocabulary.values(dimension).map(|(value, _)| value);
            let mut values: Vec<ValueId> = all.filter(|value| !minors.contains(value)).collect();
            for last in (1..values.len()).rev() {
                values.swap(last, rng.below(last + 1));
            }
            let law = Zipf::new(values.len(), exponent);
            (dimension, values, law, each)
        });
        People { vocabulary, shares: shares.into() }
    }

    fn audience(&self, count: u64) -> Audience {
        let mut keys: Vec<ListenerKey> =
            (0..count).map(|n| ListenerKey::of(&format!("listener-{n}"))).collect();
        keys.sort_unstable();
        let (mut builder, mut rng) = (GenerationBuilder::default(), Rng::new(4));
        let (mut segments, mut bytes) = (Vec::new(), Vec::new());
        for key in keys {
            segments.clear();
            for (_, values, law, each) in &self.shares {
                segments.extend((0..*each).map(|_| Segment {
                    value: values[law.sample(&mut rng)],
                    confidence_pct: rng.between(50, 100) as u8,
                    expires: NOW.plus_s(3600 * rng.between(1, 9_000) as i64),
                }));
            }
            encode(&mut segments, &mut bytes).expect("twelve are few");
            builder.add(key, Profile::checked(&bytes, usize::MAX).expect("just written"));
        }
        Audience::of(builder.build())
    }

    fn values(&self, dimension: Dimension) -> &[ValueId] {
        let share = self.shares.iter().find(|share| share.0 == dimension);
        share.map_or(&[], |share| &share.1)
    }

    /// Values by their popularity's rank.
    fn leaf(&self, dimension: Dimension, ranks: std::ops::Range<usize>, include: bool) -> Expr {
        let mut values = self.values(dimension)[ranks].to_vec();
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
            let (dimension, values, ..) = &self.shares[rng.below(self.shares.len())];
            let start = rng.below(values.len().min(8));
            return self.leaf(*dimension, start..(start + 3).min(values.len()), rng.chance(0.7));
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
    let audience = timed("made up", || people.audience(count));
    let reading = Reading {
        vocabulary: &people.vocabulary,
        listeners: listener::Config::default(),
        moment: NOW,
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
