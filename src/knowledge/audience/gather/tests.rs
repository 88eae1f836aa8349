//! Random changes through gathering, sealing and merging equal a plain map.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::merge::{Merge, Past};
use super::*;
use crate::base::units::time::Moment;

const VALUES: u32 = 40;
const KEPT: [ValueId; 2] = [ValueId(3), ValueId(4)];

#[derive(Clone, Debug)]
enum Step {
    Apply(Change),
    Seal,
    /// Merges this many of the generations, from one on; as far as there are so many.
    Merge(usize, usize),
    MergeDue,
    /// A merge that began before the next steps and ends after them.
    Begin,
    End,
}

/// What the layers must equal.
#[derive(Default)]
struct Plain {
    listeners: BTreeMap<ListenerKey, BTreeMap<ValueId, Segment>>,
    links: BTreeMap<LinkKey, ListenerKey>,
}

impl Plain {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Put { key, profile } => {
                let segments = Profile::trusted(profile).segments();
                self.listeners.insert(*key, segments.map(|s| (s.value, s)).collect());
            }
            Change::Add { key, segments } => {
                let known = self.listeners.entry(*key).or_default();
                let mut added: BTreeMap<ValueId, Segment> = BTreeMap::new();
                for segment in segments {
                    let sure = |s: &Segment| (s.confidence_pct, s.expires);
                    let best = added.get(&segment.value).is_none_or(|b| sure(b) < sure(segment));
                    if best {
                        added.insert(segment.value, *segment);
                    }
                }
                known.extend(added);
            }
            Change::Remove { key, values } => {
                if let Some(known) = self.listeners.get_mut(key) {
                    known.retain(|value, _| !values.contains(value));
                }
            }
            Change::Erase { key } => {
                self.listeners.remove(key);
                self.links.retain(|_, to| to != key);
            }
            Change::Link { link, key } => {
                self.links.insert(*link, *key);
            }
            Change::Unlink { link } => {
                self.links.remove(link);
            }
        }
    }
}

fn segments() -> impl Strategy<Value = Vec<Segment>> {
    let segment = (0..VALUES, 1..=100u8, 0..5i64).prop_map(|(value, confidence_pct, hours)| {
        let expires = Moment::from_unix_s(hours * 3600);
        Segment { value: ValueId(value), confidence_pct, expires }
    });
    proptest::collection::vec(segment, 0..5)
}

/// Keys that share homes and tags, and keys that do not.
fn key() -> impl Strategy<Value = u128> {
    prop_oneof![0..12u128, (0..6u64).prop_map(|n| ListenerKey::of(&n.to_string()).0)]
}

fn change() -> impl Strategy<Value = Change> {
    let listener = || key().prop_map(ListenerKey);
    let link = || key().prop_map(LinkKey);
    let values = || proptest::collection::vec((0..VALUES).prop_map(ValueId), 0..8);
    prop_oneof![
        3 => (listener(), segments()).prop_map(|(key, mut segments)| {
            let mut profile = Vec::new();
            encode(&mut segments, &mut profile).unwrap();
            Change::Put { key, profile: profile.into() }
        }),
        4 => (listener(), segments()).prop_map(|(key, segments)| Change::Add { key, segments }),
        2 => (listener(), values()).prop_map(|(key, values)| Change::Remove { key, values }),
        2 => listener().prop_map(|key| Change::Erase { key }),
        4 => (link(), listener()).prop_map(|(link, key)| Change::Link { link, key }),
        1 => link().prop_map(|link| Change::Unlink { link }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => change().prop_map(Step::Apply),
        3 => Just(Step::Seal),
        1 => (0..4usize, 2..5usize).prop_map(|(from, count)| Step::Merge(from, count)),
        1 => Just(Step::MergeDue),
        1 => Just(Step::Begin),
        1 => Just(Step::End),
    ]
}

/// Nothing ends before the epoch: merging leaves every segment.
const LONG_AGO: Past = Past { moment: Moment::from_unix_s(-1), kept: KEPT };

struct Layers {
    gather: Gather,
    audience: Audience,
    running: Option<Merge>,
}

impl Layers {
    fn merge(&mut self, merge: &Merge) {
        let merged = Arc::new(merge.run(LONG_AGO, &mut || {}));
        self.audience = merge.done(&self.audience, merged).unwrap();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Apply(change) => {
                change.check(VALUES as usize).unwrap();
                self.gather.apply(change, &self.audience);
            }
            Step::Seal => self.audience = self.audience.with(Arc::new(self.gather.seal())),
            Step::Merge(from, count) if self.running.is_none() => {
                let there = self.audience.generations().len();
                let range = (*from).min(there)..(from + count).min(there);
                if let Some(merge) = Merge::of(&self.audience, range) {
                    self.merge(&merge);
                }
            }
            Step::MergeDue => {
                if let Some(merge) = Merge::due(&self.audience, self.running.as_ref()) {
                    self.merge(&merge);
                }
            }
            Step::Begin if self.running.is_none() => self.running = Merge::whole(&self.audience),
            Step::End => {
                if let Some(merge) = self.running.take() {
                    self.merge(&merge);
                }
            }
            Step::Merge(..) | Step::Begin => {}
        }
    }

    fn equal(&self, plain: &Plain) {
        for n in 0..18 {
            let key = if n < 12 { n } else { ListenerKey::of(&(n - 12).to_string()).0 };
            let (link, key) = (LinkKey(key), ListenerKey(key));
            let profile = self.gather.profile(key, &self.audience);
            let known = profile.map(|p| p.segments().map(|s| (s.value, s)).collect());
            assert_eq!(known.as_ref(), plain.listeners.get(&key));
            let to = self.gather.listener(link, &self.audience);
            assert_eq!(to, plain.links.get(&link).copied());
        }
    }

    fn sealed_equal(&self, plain: &Plain) {
        let audience = &self.audience;
        assert_eq!(audience.len(), plain.listeners.len());
        let mut seen = Vec::new();
        audience.each(&mut |key, profile| seen.push((key, profile.len())));
        let expected: Vec<_> = plain.listeners.iter().map(|(k, p)| (*k, p.len())).collect();
        assert_eq!(seen, expected);
        for (key, _) in seen {
            assert!(audience.profile_for(Purpose::Upkeep, key).is_some());
        }
        let links: Vec<_> = plain.links.iter().map(|(link, key)| (*link, *key)).collect();
        assert_eq!(audience.links().collect::<Vec<_>>(), links);
        for (link, key) in links {
            assert_eq!(audience.listener(link), Some(key));
        }
    }
}

fn cases() -> u32 {
    if std::env::var_os("INTERLUDE_LONG").is_some() { 20_000 } else { 400 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn layers_equal_a_plain_map(steps in proptest::collection::vec(step(), 0..60)) {
        let gather = Gather::new(KEPT);
        let mut layers = Layers { gather, audience: Audience::empty(), running: None };
        let mut plain = Plain::default();
        for step in &steps {
            layers.step(step);
            if let Step::Apply(change) = step {
                plain.apply(change);
            }
            layers.equal(&plain);
            if layers.gather.is_empty() {
                layers.sealed_equal(&plain);
            }
        }
        layers.step(&Step::Seal);
        layers.sealed_equal(&plain);
        layers.step(&Step::End);
        if let Some(merge) = Merge::whole(&layers.audience) {
            layers.merge(&merge);
            prop_assert!(layers.audience.generations().len() <= 1, "nothing left is nothing held");
        }
        layers.sealed_equal(&plain);
    }
}
