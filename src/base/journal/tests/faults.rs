//! A disk that fails, is full, is slow: what is told, what stays, what goes on.

use std::time::{Duration, Instant};

use super::*;

/// Appends, turns; what was answered.
fn tell(journal: &Journal, record: &[u8]) -> Result<(), Refused> {
    let mut durable = journal.append(record)?;
    journal.turn();
    durable.now().unwrap()
}

/// Every operation of some work fails once, or from then on, of any cause: never an
/// acknowledgement that does not hold, and the next start goes on by itself.
#[test]
fn every_nth_operation_may_fail() {
    let mut tried = 0;
    for lasting in [false, true] {
        for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
            for seed in 0..2 * long(20) {
                let mut nth = 1;
                while work(nth, lasting, kind, seed) {
                    nth += 1;
                    tried += 1;
                }
                assert!(nth > 60, "only {nth} operations");
            }
        }
    }
    assert!(tried > 500);
}

/// `false`: the work has fewer operations.
fn work(nth: u64, lasting: bool, kind: ErrorKind, seed: u64) -> bool {
    let (disk, folder) = in_memory();
    for (file, bytes) in old_journal() {
        disk.put(&folder.dir.join(file), &bytes);
    }
    let before = found(&folder).unwrap().1;
    disk.fail(None, nth, lasting, kind);
    let started = disk.ops();
    let config = Config { segment_bytes: 1 << 10, ..Config::default() };
    let mut acknowledged = Vec::new();
    if let Ok(journal) = stepped(&folder, &config) {
        for n in 0..20u8 {
            let record = [n; 200];
            if tell(&journal, &record).is_ok() {
                acknowledged.push(record.to_vec());
            }
            if n % 8 == 7 {
                drop(journal.rotate());
                journal.turn();
            }
            // Beside the log, as snapshots are written; either is there.
            let _ = folder.replace("snapshot", &[n; 30]);
        }
    }
    let reached = disk.ops() - started >= nth;
    disk.crash(seed);
    let (_, all) = found(&folder).unwrap();
    assert_eq!(all[..before.len()], before, "operation {nth}");
    let later = &all[before.len()..];
    let mut rest = later.iter();
    for record in &acknowledged {
        assert!(rest.any(|found| found == record), "operation {nth}: {} lost", record[0]);
    }
    assert!(later.windows(2).all(|two| two[0][0] < two[1][0]), "operation {nth}: twice");
    if let Ok(bytes) = folder.disk.read(&folder.dir.join("snapshot"), 0, u64::MAX) {
        assert!(bytes.len() == 30 && bytes.windows(2).all(|two| two[0] == two[1]));
    }
    let journal = stepped(&folder, &config).unwrap();
    assert_eq!(tell(&journal, b"goes on"), Ok(()), "operation {nth}");
    reached
}

#[test]
fn a_sync_that_failed_is_never_tried_again() {
    for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
        let (disk, folder) = in_memory();
        let journal = stepped(&folder, &Config::default()).unwrap();
        assert_eq!(tell(&journal, b"kept"), Ok(()));
        disk.fail(Some(Op::Sync), 1, false, kind);
        assert_eq!(tell(&journal, b"unknown"), Err(Refused::Failed));
        assert_eq!(journal.health(), Health::Failed);
        let ops = disk.ops();
        assert_eq!(tell(&journal, b"later"), Err(Refused::Failed));
        assert_eq!(disk.ops(), ops, "nothing is done any more");
        drop(journal);
        assert_eq!(disk.ops(), ops, "nor sealed");
    }
}

#[test]
fn a_full_disk_is_waited_for() {
    let (disk, folder) = in_memory();
    let journal = stepped(&folder, &Config::default()).unwrap();
    assert_eq!(tell(&journal, b"before"), Ok(()));
    let durable = journal.durable();
    disk.limit(Some(disk.used() + 50));
    let waiting: Vec<Durable> =
        [b"owed 1", b"owed 2"].iter().map(|&record| journal.append(record).unwrap()).collect();
    journal.turn();
    for mut durable in waiting {
        assert_eq!(durable.now(), Some(Err(Refused::Full)));
    }
    // Nothing half-written is visible, nothing is taken, all stays so while it is full.
    for _ in 0..3 {
        assert_eq!(journal.health(), Health::Full);
        assert!(journal.failure().is_none());
        assert_eq!(journal.append(b"refused").err(), Some(Refused::Full));
        assert!(matches!(journal.barrier(), Err(Refused::Full)));
        let (opened, records) = found(&folder).unwrap();
        assert_eq!((opened.trimmed, opened.bytes), (None, durable));
        assert_eq!(records, [b"before"]);
        journal.turn();
    }
    disk.limit(None);
    journal.turn();
    assert_eq!(journal.health(), Health::Well);
    assert_eq!(tell(&journal, b"after"), Ok(()));
    let (_, records) = found(&folder).unwrap();
    assert_eq!(records, [&b"before"[..], b"owed 1", b"owed 2", b"after"]);
}

#[test]
fn a_full_disk_may_keep_a_segment_from_being_begun() {
    let (disk, folder) = in_memory();
    let config = Config { segment_bytes: 1 << 10, ..Config::default() };
    let journal = stepped(&folder, &config).unwrap();
    assert_eq!(tell(&journal, &[1; 1_000]), Ok(()));
    for free in [0, 10, 64, 100] {
        disk.limit(Some(disk.used() + free));
        journal.turn();
        let told = journal.append(&[2; 500]).map(|mut durable| {
            journal.turn();
            durable.now()
        });
        assert!(matches!(told, Ok(Some(Err(Refused::Full))) | Err(Refused::Full)), "{told:?}");
    }
    disk.limit(None);
    journal.turn();
    assert_eq!(tell(&journal, b"after"), Ok(()));
    let (_, records) = found(&folder).unwrap();
    assert_eq!(records, [vec![1; 1_000], vec![2; 500], b"after".to_vec()]);
    assert_eq!(segments(&folder).unwrap().len(), 2);
}

#[test]
fn what_cannot_be_cut_off_is_final() {
    for op in [Op::Truncate, Op::Sync] {
        let (disk, folder) = in_memory();
        let journal = stepped(&folder, &Config::default()).unwrap();
        assert_eq!(tell(&journal, b"before"), Ok(()));
        disk.limit(Some(disk.used() + 20));
        disk.fail(Some(op), 1, false, ErrorKind::Other);
        assert_eq!(tell(&journal, b"never"), Err(Refused::Full).or(Err(Refused::Failed)));
        assert_eq!(journal.health(), Health::Failed);
        disk.limit(None);
        journal.turn();
        assert_eq!(tell(&journal, b"later"), Err(Refused::Failed));
        drop(journal);
        disk.heal();
        assert_eq!(found(&folder).unwrap().1, [b"before"]);
    }
}

#[test]
fn a_thread_finds_the_room_again() {
    let (disk, folder) = in_memory();
    let (journal, _) = Journal::open(&folder, &Config::default(), &mut |_| Ok(())).unwrap();
    journal.append_blocking(b"before").unwrap();
    disk.limit(Some(disk.used()));
    assert_eq!(journal.append_blocking(b"owed"), Err(Refused::Full));
    assert_eq!(journal.append_blocking(b"refused"), Err(Refused::Full));
    disk.limit(None);
    let since = Instant::now();
    while journal.health() != Health::Well {
        assert!(since.elapsed() < Duration::from_secs(20), "never");
        std::thread::yield_now();
    }
    journal.append_blocking(b"after").unwrap();
    drop(journal);
    assert_eq!(found(&folder).unwrap().1, [&b"before"[..], b"owed", b"after"]);
}

#[test]
fn a_journal_on_a_full_disk_ends_all_the_same() {
    let (disk, folder) = in_memory();
    let (journal, _) = Journal::open(&folder, &Config::default(), &mut |_| Ok(())).unwrap();
    disk.limit(Some(disk.used()));
    assert_eq!(journal.append_blocking(b"owed"), Err(Refused::Full));
    drop(journal);
    assert_eq!(found(&folder).unwrap().1.len(), 0);
}

#[test]
fn a_slow_disk_fills_the_queue_and_no_more() {
    let (_, folder) = in_memory();
    let config = Config { queue: 4, ..Config::default() };
    // Its disk does nothing at all until the next turn.
    let journal = stepped(&folder, &config).unwrap();
    let taken: Vec<Durable> = (0..4u8).map(|n| journal.append(&[n]).unwrap()).collect();
    assert_eq!(journal.append(b"fifth").err(), Some(Refused::Busy));
    journal.turn();
    for mut durable in taken {
        assert_eq!(durable.now(), Some(Ok(())));
    }
    assert_eq!(tell(&journal, b"again"), Ok(()));
}

/// What version 0.1 wrote before batches were chained: 20 notices in three segments, sealed.
fn old_journal() -> Vec<(String, Vec<u8>)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journal-v1");
    let files = segments(dir).unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|(_, path)| (name(path), fs::read(path).unwrap())).collect()
}

#[test]
fn a_journal_of_before_the_chain_is_read_and_goes_on_chained() {
    let (disk, folder) = in_memory();
    let old = old_journal();
    assert_eq!(old.len(), 3);
    for (file, bytes) in &old {
        disk.put(&folder.dir.join(file), bytes);
    }
    let (opened, records) = found(&folder).unwrap();
    assert_eq!((opened.records, opened.chain, opened.trimmed), (20, None, None));
    assert!(records.iter().all(|record| record.len() == 88 && record[0] == 1));
    let journal = stepped(&folder, &Config::default()).unwrap();
    assert_eq!(tell(&journal, b"chained"), Ok(()));
    drop(journal);
    for (file, bytes) in &old {
        assert_eq!(folder.disk.read(&folder.dir.join(file), 0, u64::MAX).unwrap(), *bytes);
    }
    let (opened, now) = found(&folder).unwrap();
    assert_eq!(opened.chain, Some(Link::GENESIS.then([&b"chained"[..]]).then([])));
    assert_eq!((&now[..20], &now[20][..]), (&records[..], &b"chained"[..]));
    // And is opened again, in the segment that it is in.
    drop(stepped(&folder, &Config::default()).unwrap());
    assert_eq!(segments(&folder).unwrap().len(), 4);
    // A link of another beginning does not stand behind it.
    let path = path_of(&folder.dir, 4);
    let header = Header { seq: 4, base: opened.bytes, chain: Some(Link([1; 32])) };
    let base = Header::decode(&folder.disk.read(&path, 0, 64).unwrap()).unwrap().base;
    disk.put(&path, &Header { base, ..header }.encode());
    let Err(JournalFault::Damaged { file, why, .. }) = found(&folder) else { panic!("taken") };
    assert!(file == path && why.contains("chain"), "{why}");
}

#[test]
fn a_journal_of_a_later_version_is_refused_and_says_so() {
    let (disk, folder) = in_memory();
    drop(stepped(&folder, &Config::default()).unwrap());
    let path = path_of(&folder.dir, 1);
    let mut bytes = folder.disk.read(&path, 0, u64::MAX).unwrap();
    bytes[7] = 3;
    disk.put(&path, &bytes);
    let told = stepped(&folder, &Config::default()).err().unwrap().to_string();
    assert!(told.contains("version"), "{told}");
}

#[test]
fn the_chain_is_no_key_of_the_file() {
    let read = |text: &str| toml::from_str::<Config>(text);
    assert!(read("queue = 4").unwrap().chained);
    assert!(read("chained = false").is_err());
}
