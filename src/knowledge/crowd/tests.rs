//! Samples of small audiences, against counts by hand.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::keeper::{Crowds, Pace};
use super::{Config, Reach, Reading, Sample};
use crate::base::units::ids::ListenerKey;
use crate::base::units::time::Moment;
use crate::knowledge::audience::{Audience, GenerationBuilder, Profile, Segment, encode};
use crate::knowledge::catalog::model::{Expr, Leaf, Test};
use crate::knowledge::enrich::listener;
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

const NOW: Moment = Moment::from_unix_s(1_795_348_800);

/// Listener `n` has the interests that divide `n`, of 1 to 40.
fn divisors(listeners: u32) -> (Audience, Vocabulary) {
    let mut vocabulary = Vocabulary::new();
    let value = |vocabulary: &mut Vocabulary, n: u32| {
        vocabulary.intern(Dimension::List, &format!("divided by {n}")).unwrap()
    };
    let values: Vec<ValueId> = (1..=40).map(|n| value(&mut vocabulary, n)).collect();
    let mut builder = GenerationBuilder::default();
    let (mut segments, mut bytes) = (Vec::new(), Vec::new());
    for n in 1..=listeners {
        let mut divisors = values.iter().zip(1..).filter(|&(_, divisor)| n % divisor == 0);
        segments.extend(divisors.by_ref().map(|(&value, _)| Segment {
            value,
            confidence_pct: 90,
            expires: Segment::NEVER,
        }));
        encode(&mut segments, &mut bytes).unwrap();
        segments.clear();
        builder.add(key(n), Profile::checked(&bytes, vocabulary.len()).unwrap());
    }
    (Audience::of(builder.build()), vocabulary)
}

fn key(n: u32) -> ListenerKey {
    ListenerKey::of(&format!("listener {n}"))
}

fn reading(vocabulary: &Vocabulary) -> Reading<'_> {
    Reading { vocabulary, listeners: listener::Config::default(), moment: NOW }
}

fn build(audience: &Audience, vocabulary: &Vocabulary, most: usize) -> Sample {
    Sample::build(audience, &reading(vocabulary), most, &mut Pace::at_once()).unwrap()
}

fn divided_by(vocabulary: &Vocabulary, numbers: &[u32]) -> Expr {
    let value = |n| vocabulary.find(Dimension::List, &format!("divided by {n}")).unwrap();
    let mut values: Vec<ValueId> = numbers.iter().map(value).collect();
    values.sort_unstable();
    let test = Test::AnyOf(values);
    Expr::Leaf(Leaf { dimension: Dimension::List, test, pass_unknown: false })
}

#[test]
fn thin_and_thick_values_are_counted_over_many_chunks() {
    let (audience, vocabulary) = divisors(100_000);
    let sample = build(&audience, &vocabulary, 100_000);
    let stats = sample.stats();
    assert!(stats.columns >= 30 && stats.listed > 10_000, "{stats:?}");
    for divisor in [1, 2, 31, 32, 33, 40] {
        let by = divided_by(&vocabulary, &[divisor]);
        let some = u64::from(100_000 / divisor);
        assert_eq!(sample.count(&by).reach, Reach::exactly(some), "{divisor}");
        let not = Expr::Not(Box::new(by));
        assert_eq!(sample.count(&not).reach, Reach::exactly(100_000 - some), "not {divisor}");
    }
    let either = divided_by(&vocabulary, &[3, 37]);
    assert_eq!(sample.count(&either).reach.listeners, 33_333 + 2_702 - 900);
    let both = ["3", "37"].map(|n| divided_by(&vocabulary, &[n.parse().unwrap()]));
    let crowd = sample.count(&Expr::All(both.to_vec()));
    assert_eq!(crowd.reach.listeners, 900);
    let alone: Vec<u64> = crowd.clauses.iter().map(|clause| clause.reach.listeners).collect();
    assert_eq!(alone, [33_333, 2_702]);
}

#[test]
fn the_sample_is_those_with_the_lowest_keys() {
    let (audience, vocabulary) = divisors(5_000);
    let sample = build(&audience, &vocabulary, 1_000);
    let mut keys: Vec<u32> = (1..=5_000).collect();
    keys.sort_by_key(|&n| key(n));
    for divisor in [1, 2, 7, 40] {
        let crowd = sample.count(&divided_by(&vocabulary, &[divisor]));
        let hits = keys[..1_000].iter().filter(|&&n| n % divisor == 0).count() as u64;
        assert_eq!(crowd.reach.listeners, hits * 5, "{divisor}");
        assert_eq!((crowd.seen, crowd.of), (1_000, 5_000));
    }
}

#[test]
fn a_question_that_costs_too_much_is_asked_of_a_part() {
    let (audience, vocabulary) = divisors(100_000);
    let sample = build(&audience, &vocabulary, 100_000);
    let wide = divided_by(&vocabulary, &(1..=40).collect::<Vec<_>>());
    assert!(sample.count(&wide).exact());
    let part = sample.count_within(&wide, 20_000);
    assert_eq!((part.seen, part.of), (32_768, 100_000));
    assert_eq!(part.reach.listeners, 100_000);
    let half = sample.count_within(&divided_by(&vocabulary, &[2]), 0);
    assert!(half.reach.low < 50_000 && 50_000 < half.reach.high, "{half:?}");
    assert!(half.reach.high - half.reach.low < 1_500, "{half:?}");
}

#[test]
fn rich_profiles_make_the_sample_smaller_rather_than_the_memory_larger() {
    let mut vocabulary = Vocabulary::new();
    let mut segments: Vec<Segment> = (0..200)
        .map(|n| Segment {
            value: vocabulary.intern(Dimension::List, &format!("list {n}")).unwrap(),
            confidence_pct: 90,
            expires: Segment::NEVER,
        })
        .collect();
    let mut bytes = Vec::new();
    encode(&mut segments, &mut bytes).unwrap();
    let mut builder = GenerationBuilder::default();
    for n in 0..1_000 {
        builder.add(key(n), Profile::checked(&bytes, vocabulary.len()).unwrap());
    }
    let stats = build(&Audience::of(builder.build()), &vocabulary, 1_000).stats();
    // 200 values and four that are unknown; 32,000 in all are kept.
    assert_eq!((stats.listeners, stats.sampled), (1_000, 32_000 / 204));
}

#[test]
fn a_sample_is_due_when_the_audience_or_the_hour_is_another() {
    let (audience, vocabulary) = divisors(100);
    let (audience, vocabulary) = (Arc::new(audience), Arc::new(vocabulary));
    let crowds = Crowds::new(Config::default());
    let listeners = listener::Config::default();
    assert!(crowds.standing().is_none() && crowds.is_due(&audience, NOW));
    let stop = AtomicBool::new(true);
    let stopped = &mut Pace::share(50, &stop);
    assert!(crowds.refresh(&audience, &vocabulary, (listeners, NOW), stopped).is_none());
    assert!(crowds.standing().is_none());
    let pace = &mut Pace::at_once();
    assert!(crowds.refresh(&audience, &vocabulary, (listeners, NOW), pace).is_some());
    assert!(!crowds.is_due(&audience, NOW.plus_s(3_599)));
    assert!(crowds.is_due(&audience, NOW.plus_s(3_600)), "12:00 is over at 13:00");
    let other = Arc::new(Audience::empty());
    assert!(!crowds.is_due(&other, NOW.plus_s(59)));
    assert!(crowds.is_due(&other, NOW.plus_s(60)));
}
