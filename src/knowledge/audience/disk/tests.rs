use std::sync::atomic::AtomicBool;

use super::super::links::LinkKey;
use super::super::profile::{Segment, encode};
use super::*;
use crate::market::vocabulary::{self, Dimension};

struct Rig {
    folder: tempfile::TempDir,
    config: Config,
}

fn key(n: u64) -> ListenerKey {
    ListenerKey::of(&n.to_string())
}

fn put(n: u64, value: u32) -> Change {
    let segment = Segment { value: ValueId(value), confidence_pct: 80, expires: Segment::NEVER };
    let mut profile = Vec::new();
    encode(&mut vec![segment], &mut profile).unwrap();
    Change::Put { key: key(n), profile: profile.into() }
}

fn value_of(audience: &Audience, n: u64) -> Option<u32> {
    Some(audience.profile_for(Purpose::Upkeep, key(n))?.segments().next()?.value.0)
}

impl Rig {
    fn new() -> Rig {
        Rig { folder: tempfile::tempdir().unwrap(), config: Config::default() }
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    fn dir(&self) -> PathBuf {
        self.data().join(FOLDER)
    }

    fn words(&self) -> Arc<Words> {
        let log = self.data().join(vocabulary::FILE);
        Arc::new(Words::open(&log, &Default::default()).unwrap())
    }

    fn open(&self) -> (DiskStore, Found) {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<(DiskStore, Found), StoreFault> {
        DiskStore::open(self.data(), &self.words(), &self.config)
    }

    fn read(&self) -> Audience {
        read(self.data(), &|| {
            Vocabulary::open(&self.data().join(vocabulary::FILE), &Default::default())
        })
        .unwrap()
    }

    /// The journal's open segment.
    fn segment(&self) -> PathBuf {
        journal::segments(&self.dir()).unwrap().pop().unwrap().1
    }
}

fn write(store: &mut DiskStore, batches: &[&[Change]]) {
    batches.iter().for_each(|batch| store.upsert_batch(batch).unwrap());
    store.sync().unwrap();
}

/// Puts the store in order now, whatever it is due.
fn settle(store: &mut DiskStore, audience: Audience) {
    store.settle = (0, Duration::ZERO);
    let work = store.settle(&Arc::new(audience)).unwrap().expect("it is due");
    work(&AtomicBool::new(false)).unwrap();
}

#[test]
fn what_is_synced_outlives_the_process() {
    let rig = Rig::new();
    let (mut store, found) = rig.open();
    assert!(found.audience.is_empty());
    write(&mut store, &[&[put(1, 30), put(2, 30)], &[put(1, 31), Change::Erase { key: key(2) }]]);
    let link = LinkKey::of("demo", "x");
    write(&mut store, &[&[put(3, 33), Change::Link { link, key: key(3) }]]);
    store.upsert_batch(&[put(4, 34)]).unwrap();
    let profiles = store.get_many(&[key(3), key(2), key(1)]).unwrap();
    let one = |n: u64, value: u32| match put(n, value) {
        Change::Put { profile, .. } => Some(profile),
        _ => None,
    };
    assert_eq!(profiles, [one(3, 33), None, one(1, 31)]);
    let mut seen = 0;
    store
        .scan(&mut |_, _| {
            seen += 1;
            seen < 2
        })
        .unwrap();
    assert_eq!(seen, 2, "the visitor said stop");
    drop(store);
    let (_, Found { audience, opened }) = rig.open();
    assert_eq!((audience.len(), opened.trimmed), (2, None));
    assert_eq!(value_of(&audience, 1), Some(31));
    assert_eq!(audience.listener(link), Some(key(3)));
    assert_eq!(value_of(&audience, 4), None, "never synced");
}

#[test]
fn a_batch_is_there_whole_or_not_at_all_wherever_the_journal_is_cut() {
    let rig = Rig::new();
    let (mut store, _) = rig.open();
    // Three batches of one group, each moving the same three listeners on.
    let batches: Vec<Vec<Change>> =
        (0..3).map(|round| (0..3).map(|n| put(n, 30 + round)).collect()).collect();
    write(&mut store, &batches.iter().map(Vec::as_slice).collect::<Vec<_>>());
    drop(store);
    let whole = fs::read(rig.segment()).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for cut in 0..whole.len() {
        fs::write(rig.segment(), &whole[..cut]).unwrap();
        // The vocabulary's log is held only while it is open.
        let audience = rig.read();
        let values: Vec<_> = (0..3).map(|n| value_of(&audience, n)).collect();
        assert!(values.iter().all(|value| *value == values[0]), "cut at {cut}: {values:?}");
        seen.insert(values[0]);
    }
    assert_eq!(seen.len(), 4, "each prefix of the batches was met: {seen:?}");
}

#[test]
fn settling_drops_what_was_before_whichever_step_it_dies_at() {
    let rig = Rig::new();
    let (mut store, _) = rig.open();
    write(&mut store, &[&[put(1, 31), put(2, 32)], &[Change::Erase { key: key(1) }]]);
    let erased = key(1).0.to_le_bytes();
    let holds = |rig: &Rig| {
        let files = fs::read_dir(rig.dir()).unwrap();
        files
            .filter(|file| {
                let bytes = fs::read(file.as_ref().unwrap().path()).unwrap();
                bytes.windows(16).any(|bytes| bytes == erased)
            })
            .count()
    };
    assert_eq!(holds(&rig), 1);
    store.settle = (0, Duration::ZERO);
    let work = store.settle(&Arc::new(rig.read())).unwrap().unwrap();
    assert!(store.settle(&Arc::new(rig.read())).unwrap().is_none(), "nothing new to settle");
    // Meanwhile more comes.
    write(&mut store, &[&[put(3, 33)]]);
    let same = |rig: &Rig| {
        let audience = rig.read();
        assert_eq!([1, 2, 3].map(|n| value_of(&audience, n)), [None, Some(32), Some(33)]);
    };
    same(&rig);
    // Stopped: as it was, and nothing half-written stays in the way.
    assert!(matches!(work(&AtomicBool::new(true)), Err(StoreFault::Stopped)));
    same(&rig);
    let beside = snapshot::beside(&rig.dir().join(snapshot::FILE));
    fs::write(&beside, b"half a snapshot").unwrap();
    drop(store);
    let (mut store, found) = rig.open();
    assert!(!beside.exists());
    let segments = || -> Vec<(u64, PathBuf)> { journal::segments(&rig.dir()).unwrap() };
    let kept: Vec<(PathBuf, Vec<u8>)> =
        segments().into_iter().map(|(_, path)| (path.clone(), fs::read(path).unwrap())).collect();
    settle(&mut store, found.audience);
    assert_eq!(holds(&rig), 0, "nothing of the erased listener is left on the disk");
    assert_eq!(segments().len(), 1);
    same(&rig);
    // Died between the snapshot and the dropping of what it replaces.
    drop(store);
    kept.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    same(&rig);
    rig.open();
    same(&rig);
    assert_eq!(segments().len(), 1);
    assert_eq!(holds(&rig), 0);
}

#[test]
fn a_journal_is_settled_by_its_size_and_by_its_age() {
    let mut rig = Rig::new();
    rig.config.settle_bytes = 4096;
    let (mut store, _) = rig.open();
    write(&mut store, &[&[put(1, 31)]]);
    let everybody = || Arc::new(rig.read());
    assert!(store.settle(&everybody()).unwrap().is_none());
    let many: Vec<Change> = (0..200).map(|n| put(n, 40)).collect();
    write(&mut store, &[&many]);
    assert!(store.lag_bytes() > 4096);
    store.settle(&everybody()).unwrap().unwrap()(&AtomicBool::new(false)).unwrap();
    assert!(store.lag_bytes() < 4096);
    assert!(store.settle(&everybody()).unwrap().is_none());
    write(&mut store, &[&[put(1, 32)]]);
    assert!(store.settle(&everybody()).unwrap().is_none());
    store.settle.1 = Duration::ZERO;
    assert!(store.settle(&everybody()).unwrap().is_some());
}

#[test]
fn damage_is_refused_with_file_and_offset() {
    let rig = Rig::new();
    let (mut store, _) = rig.open();
    write(&mut store, &[&[put(1, 31)]]);
    write(&mut store, &[&[put(2, 32)]]);
    drop(store);
    let mut bytes = fs::read(rig.segment()).unwrap();
    bytes[50] ^= 1;
    fs::write(rig.segment(), &bytes).unwrap();
    let fault = rig.try_open().err().unwrap().to_string();
    assert!(fault.contains("00000001.ilj is damaged at offset 32"), "{fault}");
    assert!(fault.contains("import again"), "{fault}");
}

#[test]
fn a_value_beyond_the_vocabulary_is_refused() {
    let rig = Rig::new();
    let (mut store, _) = rig.open();
    let word = store.words.grow(|v| v.intern(Dimension::List, "crm")).unwrap();
    write(&mut store, &[&[put(1, word.0)]]);
    drop(store);
    assert_eq!(value_of(&rig.read(), 1), Some(word.0), "the word was saved before");
    fs::remove_file(rig.data().join(vocabulary::FILE)).unwrap();
    let fault = rig.try_open().err().unwrap().to_string();
    assert!(fault.contains("put back the vocabulary.log"), "{fault}");
    let other = rig.words();
    other.grow(|v| v.intern(Dimension::List, "another")).unwrap();
    other.save().unwrap();
    drop(other);
    let fault = rig.try_open().err().unwrap().to_string();
    assert!(fault.contains("put back the vocabulary.log"), "{fault}");
}

/// Others may give ids to words at any time; what is on the disk counts none that is not saved.
#[test]
fn words_that_nobody_has_saved_are_not_counted() {
    let rig = Rig::new();
    let (mut store, _) = rig.open();
    write(&mut store, &[&[put(1, 31)]]);
    let words = Arc::clone(&store.words);
    words.grow(|v| v.intern(Dimension::List, "one")).unwrap();
    write(&mut store, &[&[put(2, 32)]]);
    assert_eq!(rig.read().len(), 2);
    words.grow(|v| v.intern(Dimension::List, "two")).unwrap();
    let everybody = rig.read();
    settle(&mut store, everybody);
    words.grow(|v| v.intern(Dimension::List, "three")).unwrap();
    assert_eq!(rig.read().len(), 2, "read under the words of the log");
}

#[test]
fn one_process_writes_and_others_read() {
    let rig = Rig::new();
    assert!(rig.read().is_empty());
    let (mut store, _) = rig.open();
    write(&mut store, &[&[put(1, 31)]]);
    assert_eq!(rig.read().len(), 1);
    let words = Arc::new(Words::of(Vocabulary::new()));
    let fault = DiskStore::open(rig.data(), &words, &rig.config).err().unwrap().to_string();
    assert!(fault.contains("stop the server") && fault.contains("--server"), "{fault}");
    assert_eq!(rig.read().iter().next().unwrap().1.segments().count(), 1);
}
