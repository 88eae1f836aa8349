use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;

use super::super::audience::Purpose;
use super::super::links::LinkKey;
use super::super::profile::{Profile, Segment, encode};
use super::super::retention::Retention;
use super::super::store::{Settling, Visitor};
use super::*;
use crate::base::units::ids::ListenerKey;
use crate::base::units::time::{Moment, SetClock};
use crate::market::vocabulary::{Dimension, ValueId};

fn key(n: u64) -> ListenerKey {
    ListenerKey::of(&n.to_string())
}

fn segment(value: u32) -> Segment {
    Segment { value: ValueId(value), confidence_pct: 80, expires: Segment::NEVER }
}

fn put(n: u64, value: u32) -> Change {
    let mut profile = Vec::new();
    encode(&mut vec![segment(value)], &mut profile).unwrap();
    Change::Put { key: key(n), profile: profile.into() }
}

fn started(folder: &Path, config: &Config) -> Intake {
    Stand::open(folder, &Default::default(), config).unwrap().alone(config).unwrap()
}

/// A store in memory that does as it is told.
#[derive(Clone, Default)]
struct Toy(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    synced: Vec<Change>,
    waiting: Vec<Change>,
    fails: bool,
    /// Each `sync` takes one away, and waits where there is none.
    turns: Option<mpsc::Receiver<()>>,
}

impl Store for Toy {
    fn upsert_batch(&mut self, batch: &[Change]) -> Result<(), StoreFault> {
        self.0.lock().unwrap().waiting.extend_from_slice(batch);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreFault> {
        let turns = self.0.lock().unwrap().turns.take();
        if let Some(turns) = turns {
            turns.recv().unwrap();
            self.0.lock().unwrap().turns = Some(turns);
        }
        let mut told = self.0.lock().unwrap();
        if told.fails {
            return Err(StoreFault::Failed("the disk is gone".to_owned()));
        }
        let waiting = std::mem::take(&mut told.waiting);
        told.synced.extend(waiting);
        Ok(())
    }

    fn get_many(&self, keys: &[ListenerKey]) -> Result<Vec<Option<Box<[u8]>>>, StoreFault> {
        Ok(vec![None; keys.len()])
    }

    fn scan(&self, _: &mut Visitor<'_>) -> Result<(), StoreFault> {
        Ok(())
    }

    fn settle(&mut self, _: &Arc<Audience>) -> Result<Option<Settling>, StoreFault> {
        Ok(None)
    }
}

fn over(toy: &Toy, config: &Config, publish: Publish) -> Intake {
    let stand = Stand {
        store: Box::new(toy.clone()),
        audience: Arc::default(),
        words: Arc::new(Words::of(Vocabulary::new())),
        clock: Arc::new(WallClock),
    };
    Intake::start(stand, config, &Registry::new(), publish).unwrap()
}

#[test]
fn what_is_durable_is_seen_soon_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { seal_ms: 10, ..Config::default() };
    let stand = Stand::open(folder.path(), &Default::default(), &config).unwrap();
    let (tell, told) = mpsc::channel();
    let publish = move |audience: Arc<Audience>, words: Arc<Vocabulary>| {
        // Who waits may have seen enough.
        let _ = tell.send((audience, words.len()));
    };
    let intake = Intake::start(stand, &config, &Registry::new(), Box::new(publish)).unwrap();
    let words = intake.words().len();
    let word = intake
        .words()
        .grow(|v| v.intern(crate::market::vocabulary::Dimension::List, "crm").unwrap());
    let link = LinkKey::of("demo", "x");
    let receipt = intake.submit(vec![put(1, word.0), Change::Link { link, key: key(1) }]).unwrap();
    receipt.wait().unwrap();
    // Nobody asks for it: the time to seal comes by itself.
    let (audience, known) = told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(known, words + 1);
    assert_eq!(audience.listener(link), Some(key(1)));
    assert_eq!(
        audience.profile_for(Purpose::Upkeep, key(1)).unwrap().segments().next().unwrap().value,
        word
    );
    let receipt = intake.submit(vec![put(2, 30)]).unwrap();
    drop(intake);
    receipt.wait().expect("dropping makes durable what waits");
    let again = started(folder.path(), &config);
    assert_eq!(again.audience().len(), 2);
    assert_eq!(again.words().len(), words + 1);
}

#[test]
fn a_store_that_fails_ends_acknowledgement_for_good() {
    let toy = Toy::default();
    let intake = over(&toy, &Config::default(), Box::new(|_, _| {}));
    intake.submit(vec![put(1, 30)]).unwrap().wait().unwrap();
    intake.seal().unwrap();
    toy.0.lock().unwrap().fails = true;
    let failed = intake.submit(vec![put(1, 31), put(2, 31)]).unwrap().wait().unwrap_err();
    assert!(failed.to_string().contains("the disk is gone"), "{failed}");
    toy.0.lock().unwrap().fails = false;
    let refused = intake.submit(vec![put(3, 32)]).err().unwrap();
    assert!(matches!(refused, Refused::Failed(_)), "{refused}");
    assert!(intake.failure().unwrap().contains("the disk is gone"));
    assert!(intake.seal().is_err());
    // Bids see what was durable.
    let audience = intake.audience();
    assert_eq!(audience.len(), 1);
    assert_eq!(
        audience.profile_for(Purpose::Upkeep, key(1)).unwrap().segments().next(),
        Some(segment(30))
    );
}

#[test]
fn what_waits_is_bounded_and_what_cannot_be_taken_is_refused_whole() {
    let toy = Toy::default();
    let (turn, turns) = mpsc::channel();
    toy.0.lock().unwrap().turns = Some(turns);
    let config = Config { queue: 10, listeners_max: 4, ..Config::default() };
    let intake = over(&toy, &config, Box::new(|_, _| {}));
    let batch = |n: u64| vec![put(n, 30); 5];
    let taken = [intake.submit(batch(1)).unwrap(), intake.submit(batch(2)).unwrap()];
    let busy = intake.submit(batch(3)).err().unwrap();
    assert!(matches!(busy, Refused::Busy { retry_after_ms: 1.. }), "{busy}");
    turn.send(()).unwrap();
    turn.send(()).unwrap();
    taken.into_iter().for_each(|receipt| receipt.wait().unwrap());
    for _ in 0..8 {
        turn.send(()).unwrap();
    }
    intake.submit(vec![put(3, 30), put(4, 30)]).unwrap().wait().unwrap();
    intake.seal().unwrap();
    let full = intake.submit(vec![put(1, 31), put(5, 30)]).err().unwrap();
    assert_eq!(full, Refused::Full(4));
    intake.submit(vec![put(1, 31), Change::Erase { key: key(2) }]).unwrap().wait().unwrap();
    let values = intake.words().len() as u32;
    let bad = intake.submit(vec![put(1, 32), put(1, values)]).err().unwrap();
    assert!(matches!(bad, Refused::Bad(1, _)), "{bad}");
    let removes = Change::Remove { key: key(1), values: vec![ValueId(0); 257] };
    assert_eq!(intake.submit(vec![removes]).err().unwrap(), Refused::Removes(0));
    assert_eq!(intake.submit(vec![put(1, 32); BATCH_MAX + 1]).err().unwrap(), Refused::Long);
    intake.seal().unwrap();
    let audience = intake.audience();
    assert_eq!(
        audience.profile_for(Purpose::Upkeep, key(1)).unwrap().segments().next(),
        Some(segment(31))
    );
}

/// What a listener's segments and links must be, said the plain way.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
struct Naive {
    profiles: BTreeMap<u128, BTreeSet<u32>>,
    links: BTreeMap<u128, u128>,
}

impl Naive {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Put { key, profile } => {
                let profile = Profile::checked(profile, usize::MAX).unwrap();
                let values = profile.segments().map(|segment| segment.value.0).collect();
                self.profiles.insert(key.0, values);
            }
            Change::Add { key, segments } => {
                let values = self.profiles.entry(key.0).or_default();
                values.extend(segments.iter().map(|segment| segment.value.0));
            }
            Change::Remove { key, values } => {
                if let Some(known) = self.profiles.get_mut(&key.0) {
                    known.retain(|known| values.iter().all(|value| value.0 != *known));
                }
            }
            Change::Erase { key } => {
                self.profiles.remove(&key.0);
                self.links.retain(|_, to| *to != key.0);
            }
            Change::Link { link, key } => drop(self.links.insert(link.0, key.0)),
            Change::Unlink { link } => drop(self.links.remove(&link.0)),
        }
    }

    fn of(audience: &Audience) -> Naive {
        let values = |profile: Profile<'_>| profile.segments().map(|s| s.value.0).collect();
        Naive {
            profiles: audience.iter().map(|(key, profile)| (key.0, values(profile))).collect(),
            links: audience.links().map(|(link, key)| (link.0, key.0)).collect(),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let (who, what) = (|| (0..6u64).prop_map(key), || 30..40u32);
    let link = || (0..4u64).prop_map(|n| LinkKey::of("demo", &n.to_string()));
    prop_oneof![
        4 => (0..6u64, what()).prop_map(|(n, value)| put(n, value)),
        3 => (who(), what()).prop_map(|(key, v)| Change::Add { key, segments: vec![segment(v)] }),
        2 => (who(), what()).prop_map(|(key, v)| Change::Remove { key, values: vec![ValueId(v)] }),
        1 => who().prop_map(|key| Change::Erase { key }),
        2 => (link(), who()).prop_map(|(link, key)| Change::Link { link, key }),
        1 => link().prop_map(|link| Change::Unlink { link }),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Submit(Vec<Change>),
    Seal,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(change(), 1..6).prop_map(Step::Submit),
        2 => Just(Step::Seal),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if long() { 2_000 } else { 24 }))]

    /// Whatever is gathered, sealed, merged, settled and replayed: it reads as if each change had
    /// been applied to one map, one after the other.
    #[test]
    fn the_audience_is_what_the_changes_make_it(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let folder = tempfile::tempdir().unwrap();
        // Settles after every few batches.
        let config = Config { settle_bytes: 256, seal_ms: 10, ..Config::default() };
        let mut intake = started(folder.path(), &config);
        let mut naive = Naive::default();
        for step in steps {
            match step {
                Step::Submit(batch) => {
                    batch.iter().for_each(|change| naive.apply(change));
                    let receipt = intake.submit(batch).unwrap();
                    receipt.wait().unwrap();
                }
                Step::Seal => {
                    intake.seal().unwrap();
                    prop_assert_eq!(&Naive::of(&intake.audience()), &naive);
                }
                Step::Restart => {
                    drop(intake);
                    intake = started(folder.path(), &config);
                    prop_assert_eq!(&Naive::of(&intake.audience()), &naive);
                }
            }
        }
    }
}

fn long() -> bool {
    std::env::var_os("INTERLUDE_LONG").is_some()
}

#[test]
fn what_is_past_leaves_memory_and_disk_when_the_clock_has_moved() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { settle_s: 7200, ..Config::default() };
    let stand = Stand::open(folder.path(), &Default::default(), &config).unwrap();
    let kept = minor_ages(&stand.words.snapshot());
    let words = Arc::clone(&stand.words);
    let start = Moment::from_unix_s(1_795_348_800);
    let clock = Arc::new(SetClock::new(start));
    let stand = Stand { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..stand };
    let intake = stand.alone(&config).unwrap();
    let hour = start.plus_s(3600);
    let ending = |value, expires| Segment { value, confidence_pct: 80, expires };
    let segments =
        [ending(ValueId(100), hour), ending(ValueId(101), Segment::NEVER), ending(kept[1], hour)];
    let add = Change::Add { key: key(1), segments: segments.to_vec() };
    intake.submit(vec![add]).unwrap().wait().unwrap();
    intake.seal().unwrap();
    let of = |audience: &Audience| {
        let profile = audience.profile_for(Purpose::Rights, key(1)).unwrap();
        profile.segments().map(|segment| segment.value).collect::<BTreeSet<_>>()
    };
    let on_disk = || {
        let words = || Ok(Vocabulary::clone(&words.snapshot()));
        of(&super::super::disk::read(folder.path(), &words).unwrap())
    };
    assert_eq!(of(&intake.audience()).len(), 3);
    // It has ended, but its time to go has not come.
    clock.set(start.plus_s(7199));
    intake.seal().unwrap();
    assert_eq!((of(&intake.audience()).len(), on_disk().len()), (3, 3));
    clock.set(start.plus_s(7200));
    let left = BTreeSet::from([kept[1], ValueId(101)]);
    let since = Instant::now();
    while of(&intake.audience()) != left || on_disk() != left {
        assert!(since.elapsed() < Duration::from_secs(60), "still there");
        // Wakes the thread, as any change does.
        intake.seal().unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    drop((intake, words));
    let again = started(folder.path(), &config);
    assert_eq!(of(&again.audience()), left);
}

/// Of each kind one value that comes now, and how long it may stay: no two end together.
#[test]
fn each_kind_ends_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention {
        mood_hours: 1,
        activity_hours: 2,
        third_party_days: 1,
        taste_days: 2,
        habits_days: 3,
        demographics_days: 4,
        lists_days: 5,
    };
    let ends_h = [
        (Dimension::Mood, 1),
        (Dimension::Activity, 2),
        (Dimension::Interest, 24),
        (Dimension::TasteGenre, 48),
        (Dimension::Habit, 72),
        (Dimension::Gender, 96),
        (Dimension::List, 120),
    ];
    let line = r#"{"id": "1", "gender": "female", "segments": {"mood": "calm",
        "activity": "running", "interest": "iab:504", "taste_genre": "jazz",
        "habit": "weekday morning often", "list": "one/vip"}}"#;
    let config = Config { settle_s: 60, retention, ..Config::default() };
    let start = Moment::from_unix_s(1_795_348_800);
    let clock = Arc::new(SetClock::new(start));
    let stand = Stand::open(folder.path(), &Default::default(), &config).unwrap();
    let stand = Stand { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..stand };
    let words = Arc::clone(&stand.words);
    let intake = stand.alone(&config).unwrap();
    let read = |line, words: &mut Vocabulary| {
        super::super::read_growing(line, words, &config.providers(), start).unwrap()
    };
    // An age that protects is kept.
    let minor = r#"{"id": "2", "age": "13-17"}"#;
    let changes = words.grow(|words| [read(line, words), read(minor, words)].concat());
    intake.submit(changes).unwrap().wait().unwrap();
    intake.seal().unwrap();
    let of = |audience: &Audience, since: Moment| {
        let profile = audience.profile_for(Purpose::Rights, key(1));
        let vocabulary = words.snapshot();
        let segments = profile.into_iter().flat_map(|profile| profile.segments());
        let used = segments.filter(|segment| segment.expires > since);
        used.map(|segment| vocabulary.dimension(segment.value)).collect::<BTreeSet<_>>()
    };
    let on_disk = || {
        let words = || Ok(Vocabulary::clone(&words.snapshot()));
        of(&super::super::disk::read(folder.path(), &words).unwrap(), start)
    };
    for (n, (_, hours)) in ends_h.iter().enumerate() {
        let left = |from: usize| ends_h[from..].iter().map(|end| end.0).collect::<BTreeSet<_>>();
        let end = start.plus_s(hours * 3600);
        assert_eq!(of(&intake.audience(), end.plus_s(-1)), left(n), "a second before");
        assert_eq!(of(&intake.audience(), end), left(n + 1), "bids use it no more");
        clock.set(end);
        let since = Instant::now();
        while of(&intake.audience(), start) != left(n + 1) || on_disk() != left(n + 1) {
            assert!(since.elapsed() < Duration::from_secs(60), "still there");
            intake.seal().unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let audience = intake.audience();
    let minor = audience.profile_for(Purpose::Rights, key(2)).unwrap();
    assert_eq!(minor.segments().count(), 1);
}
