//! Crowds against the plain evaluator: what `enrich` states of each listener, one by one.
//!
//! `INTERLUDE_LONG=1` compares ten times as many expressions.

use std::ops::ControlFlow;

use interlude::base::stdx::rng::Rng;
use interlude::base::units::ids::ListenerKey;
use interlude::base::units::time::Moment;
use interlude::knowledge::audience::{
    Audience, GenerationBuilder, PROFILE_DIMENSIONS, Profile, Segment, encode,
};
use interlude::knowledge::catalog::model::{Circle, Expr, Leaf, Test};
use interlude::knowledge::crowd::{Crowd, Pace, Reading, Sample, at_least, scan};
use interlude::knowledge::enrich::listener;
use interlude::market::facts::{Facts, Point};
use interlude::market::openrtb::request::Request;
use interlude::market::privacy::{Policy, RegsDefault, Signals, permissions};
use interlude::market::vocabulary::{Dimension, Suppressed, ValueId, Vocabulary};
use interlude::offer::targeting::naive::{Truth, truth};

const NOW: Moment = Moment::from_unix_s(1_795_348_800);
const LISTENERS: listener::Config = listener::Config { min_confidence_pct: 50 };

/// A vocabulary and what of it listeners have and expressions ask for.
struct Words {
    vocabulary: Vocabulary,
    /// A few values of each dimension, ancestors beside their children.
    values: Vec<Vec<ValueId>>,
}

impl Words {
    fn new(rng: &mut Rng) -> Words {
        let mut vocabulary = Vocabulary::new();
        for dimension in Dimension::all().filter(|dimension| !dimension.row().closed) {
            for n in 0..8 {
                let _ = vocabulary.intern(dimension, &format!("{} {n}", dimension.name()));
            }
        }
        let of = |dimension| {
            let all: Vec<ValueId> = vocabulary.values(dimension).map(|(value, _)| value).collect();
            let mut some: Vec<ValueId> = (0..6).filter_map(|_| rng.pick(&all).copied()).collect();
            let parents: Vec<ValueId> =
                some.iter().flat_map(|&value| vocabulary.parents(value)).collect();
            some.extend(parents);
            some
        };
        let values = Dimension::all().map(of).collect();
        Words { vocabulary, values }
    }

    fn value(&self, rng: &mut Rng, dimension: Dimension) -> ValueId {
        // The lower of two draws: some values are common, some are rare.
        let values = &self.values[dimension.index()];
        values[rng.below(values.len()).min(rng.below(values.len()))]
    }

    fn audience(&self, rng: &mut Rng, listeners: usize) -> Audience {
        let mut builder = GenerationBuilder::default();
        let (mut segments, mut bytes) = (Vec::new(), Vec::new());
        for n in 0..listeners {
            for dimension in PROFILE_DIMENSIONS {
                for _ in 0..rng.below(3) {
                    let expires = match rng.below(4) {
                        0 => NOW.plus_s(3600 * (rng.below(5) as i64 - 2)),
                        _ => Segment::NEVER,
                    };
                    let confidence_pct = rng.between(30, 100) as u8;
                    let value = self.value(rng, dimension);
                    // Else most would be minors.
                    if dimension != Dimension::Age || rng.chance(0.4) {
                        segments.push(Segment { value, confidence_pct, expires });
                    }
                }
            }
            encode(&mut segments, &mut bytes).unwrap();
            segments.clear();
            let profile = Profile::checked(&bytes, self.vocabulary.len()).unwrap();
            builder.add(ListenerKey::of(&format!("listener {n}")), profile);
        }
        Audience::of(builder.build())
    }

    fn reading(&self) -> Reading<'_> {
        Reading { vocabulary: &self.vocabulary, listeners: LISTENERS, moment: NOW }
    }

    fn expr(&self, rng: &mut Rng, depth: usize) -> Expr {
        let branch = |rng: &mut Rng| {
            let parts = if rng.chance(0.1) { 0 } else { rng.between(1, 3) };
            (0..parts).map(|_| self.expr(rng, depth - 1)).collect()
        };
        match if depth == 0 { 3 } else { rng.below(5) } {
            0 => Expr::All(branch(rng)),
            1 => Expr::Any(branch(rng)),
            2 => Expr::Not(Box::new(self.expr(rng, depth - 1))),
            _ => Expr::Leaf(self.leaf(rng)),
        }
    }

    fn leaf(&self, rng: &mut Rng) -> Leaf {
        let of_all = || Dimension::all().collect::<Vec<_>>();
        let dimension = match rng.chance(0.8) {
            true => *rng.pick(&PROFILE_DIMENSIONS).unwrap(),
            false => *rng.pick(&of_all()).unwrap(),
        };
        let pass_unknown = rng.chance(0.3);
        let include = rng.chance(0.6);
        if dimension == Dimension::Radius {
            let center = Point::new(50.0, 8.0).unwrap();
            let circles = vec![Circle { center, radius_m: 1e5 }];
            let test = if include { Test::Within(circles) } else { Test::Outside(circles) };
            return Leaf { dimension, test, pass_unknown };
        }
        let count = if rng.chance(0.05) { 0 } else { rng.between(1, 4) };
        let mut values: Vec<ValueId> = (0..count).map(|_| self.value(rng, dimension)).collect();
        if rng.chance(0.05) {
            values.push(ValueId(u32::MAX));
        }
        values.sort_unstable();
        values.dedup();
        let test = if include { Test::AnyOf(values) } else { Test::NoneOf(values) };
        Leaf { dimension, test, pass_unknown }
    }
}

/// The facts of everybody who is no minor, as `enrich` states them of a request that says nothing.
fn facts_of(audience: &Audience, vocabulary: &Vocabulary) -> Vec<Facts> {
    let request = Request::default();
    let signals = Signals {
        request: &request,
        country: Some("USA"),
        gpc: false,
        absent: RegsDefault::Full,
        moment: NOW,
    };
    let permissions = permissions(&signals, &Policy::default());
    assert!(permissions.full());
    let mut all = Vec::new();
    for (_, profile) in audience.iter() {
        if listener::is_minor(profile, vocabulary) {
            continue;
        }
        let mut facts = Facts::new();
        let profile = Some(profile);
        let sources = listener::Sources {
            request: &request,
            profile,
            permissions,
            suppressed: Suppressed::NONE,
            moment: NOW,
            config: LISTENERS,
        };
        listener::set(&sources, vocabulary, &mut facts);
        all.push(facts);
    }
    all
}

/// The expression with every momentary leaf replaced by what would help it to be true.
fn settled(expr: &Expr, negated: bool) -> Expr {
    let parts = |parts: &[Expr]| parts.iter().map(|part| settled(part, negated)).collect();
    match expr {
        Expr::All(all) => Expr::All(parts(all)),
        Expr::Any(any) => Expr::Any(parts(any)),
        Expr::Not(inner) => Expr::Not(Box::new(settled(inner, !negated))),
        Expr::Leaf(leaf) => match leaf.dimension {
            Dimension::Mood | Dimension::Activity if negated => Expr::Any(Vec::new()),
            Dimension::Mood | Dimension::Activity => Expr::All(Vec::new()),
            dimension if PROFILE_DIMENSIONS.contains(&dimension) => expr.clone(),
            _ if negated => Expr::Any(Vec::new()),
            _ => Expr::All(Vec::new()),
        },
    }
}

fn plainly(expr: &Expr, facts: &[Facts]) -> u64 {
    let expr = settled(expr, false);
    facts.iter().filter(|facts| truth(&expr, facts) == Truth::True).count() as u64
}

fn scanned(audience: &Audience, words: &Words, expr: &Expr) -> Crowd {
    let go_on = &mut |_| ControlFlow::Continue(());
    scan(audience, &words.reading(), expr, go_on).expect("nobody ended it")
}

fn sampled(audience: &Audience, words: &Words, most: usize) -> Sample {
    Sample::build(audience, &words.reading(), most, &mut Pace::at_once()).expect("nobody ended it")
}

fn long() -> usize {
    if std::env::var_os("INTERLUDE_LONG").is_some() { 10 } else { 1 }
}

#[test]
fn a_crowd_of_everybody_is_counted_exactly() {
    let (mut reached, mut compared) = (0, 0);
    for (seed, listeners) in [(1, 0), (2, 1), (3, 63), (4, 64), (5, 65), (6, 1_000), (7, 3_000)] {
        let rng = &mut Rng::new(seed);
        let words = Words::new(rng);
        let audience = words.audience(rng, listeners);
        let facts = facts_of(&audience, &words.vocabulary);
        let sample = sampled(&audience, &words, listeners.max(1_000));
        for _ in 0..150 * long() {
            let depth = rng.below(5);
            let expr = words.expr(rng, depth);
            let expected = plainly(&expr, &facts);
            let crowd = sample.count(&expr);
            let reach = crowd.reach;
            assert!(crowd.exact(), "{crowd:?}");
            assert_eq!([reach.listeners, reach.low, reach.high], [expected; 3], "{expr:?}");
            assert_eq!(crowd.of, listeners as u64);
            if let Expr::All(parts) = &expr
                && parts.len() > 1
            {
                for (clause, part) in crowd.clauses.iter().zip(parts) {
                    assert_eq!(clause.reach.listeners, plainly(part, &facts), "{part:?}");
                }
            }
            assert_eq!(scanned(&audience, &words, &expr), crowd, "{expr:?}");
            let minimum = rng.below(listeners + 2) as u64;
            let enough = at_least(&audience, &words.reading(), &expr, minimum);
            assert_eq!(enough, expected >= minimum);
            assert_eq!(reach.at_least(minimum), Some(enough));
            (reached, compared) = (reached + expected, compared + facts.len());
        }
    }
    let share = reached as f64 / compared as f64;
    assert!((0.2..0.8).contains(&share), "crowds of all or nobody test little: {share}");
}

/// Of one sample, the intervals of different expressions err together: so there are many samples,
/// and few questions to each.
#[test]
fn the_interval_holds_the_truth() {
    let (mut held, mut asked, mut narrow) = (0, 0, 0);
    for seed in 0..200 * long() as u64 {
        let rng = &mut Rng::new(seed);
        let words = Words::new(rng);
        let audience = words.audience(rng, 2_000);
        let sample = sampled(&audience, &words, 500);
        for _ in 0..5 {
            let depth = rng.between(1, 4);
            let expr = words.expr(rng, depth);
            let expected = scanned(&audience, &words, &expr).reach.listeners;
            let crowd = sample.count(&expr);
            assert_eq!((crowd.seen, crowd.of), (500, 2_000));
            if expected == 0 || expected == crowd.of {
                continue;
            }
            let reach = crowd.reach;
            asked += 1;
            held += usize::from((reach.low..=reach.high).contains(&expected));
            narrow += usize::from(reach.high - reach.low < 180);
            // Whoever answers yes or no is not wrong where the interval holds the truth.
            for minimum in [1, 300, 1_000] {
                if (reach.low..=reach.high).contains(&expected) {
                    assert!(reach.at_least(minimum).is_none_or(|yes| yes == (expected >= minimum)));
                }
            }
        }
    }
    assert!(asked >= 400, "{asked} expressions tell something");
    assert!(held * 100 >= asked * 93, "{held} of {asked} intervals hold the truth");
    assert!(narrow * 4 >= asked * 3, "wide intervals tell nothing: {narrow} of {asked} are narrow");
}
