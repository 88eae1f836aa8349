//! What the log promises. Its parts: damage, crashes, faults of the disk, reading beside it.

mod crash;
mod damage;
mod faults;
mod follow;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::segment::{HEADER, Header, path_of};
use super::*;

/// `INTERLUDE_LONG=1` tries so many times as much.
fn long(factor: u64) -> u64 {
    if std::env::var_os("INTERLUDE_LONG").is_some() { factor } else { 1 }
}

/// A disk in memory, and the journal's folder on it.
fn in_memory() -> (MemoryDisk, Folder) {
    let disk = MemoryDisk::new();
    let folder = Folder::on(Arc::new(disk.clone()), "journal");
    (disk, folder)
}

/// All records of a folder.
fn found(folder: &Folder) -> Result<(Opened, Vec<Vec<u8>>), JournalFault> {
    let mut records = Vec::new();
    let opened = read(folder, &mut |record| {
        records.push(record.to_vec());
        Ok(())
    })?;
    Ok((opened, records))
}

fn stepped(folder: &Folder, config: &Config) -> Result<Journal, JournalFault> {
    Ok(Journal::stepped(folder, config, Mark::START, &mut |_| Ok(()))?.0)
}

fn small() -> Config {
    Config { segment_bytes: 1 << 10, ..Config::default() }
}

fn open(dir: &Path, config: &Config) -> Result<(Journal, Opened, Vec<Vec<u8>>), JournalFault> {
    let mut records = Vec::new();
    let (journal, opened) = Journal::open(dir, config, &mut |record| {
        records.push(record.to_vec());
        Ok(())
    })?;
    Ok((journal, opened, records))
}

fn stored(dir: &Path) -> Result<(Opened, Vec<Vec<u8>>), JournalFault> {
    let mut records = Vec::new();
    let opened = read(dir, &mut |record| {
        records.push(record.to_vec());
        Ok(())
    })?;
    Ok((opened, records))
}

/// Records of several lengths, each its own batch.
fn write(dir: &Path, config: &Config, count: usize) -> Vec<Vec<u8>> {
    let (journal, _, _) = open(dir, config).unwrap();
    let records: Vec<Vec<u8>> = (0..count).map(|n| vec![n as u8; 1 + n * 7 % 40]).collect();
    for record in &records {
        journal.append_blocking(record).unwrap();
    }
    records
}

/// One batch of three records as the writer would write it.
fn write_batch(dir: &Path, records: [&[u8]; 3]) {
    let (seq, path) = segments(dir).unwrap().pop().unwrap();
    let header = Header::decode(&fs::read(path).unwrap()).unwrap();
    let chain = stored(dir).unwrap().0.chain;
    let mut tail = Tail::reopen(dir.into(), header, chain, 1 << 20).unwrap();
    assert_eq!(tail.seq(), seq);
    tail.write(records.into_iter()).unwrap();
}

#[test]
fn records_come_back_in_order_over_segments_and_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = write(dir.path(), &small(), 100);
    assert!(segments(dir.path()).unwrap().len() > 2);
    let (journal, opened, found) = open(dir.path(), &small()).unwrap();
    assert_eq!(found, all);
    assert_eq!((opened.records, opened.trimmed), (100, None));
    journal.append_blocking(b"one more").unwrap();
    drop(journal);
    all.push(b"one more".to_vec());
    assert_eq!(stored(dir.path()).unwrap().1, all);
}

#[test]
fn a_torn_end_is_trimmed_at_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    let records = write(dir.path(), &Config::default(), 12);
    let path = path_of(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        let (journal, opened, found) = open(dir.path(), &Config::default()).unwrap();
        assert_eq!(found, records[..found.len()], "cut at {len}");
        let kept = opened.trimmed.map_or(len as u64, |torn| torn.offset);
        assert!(kept <= len as u64);
        journal.append_blocking(b"after").unwrap();
        drop(journal);
        let (after, now) = stored(dir.path()).unwrap();
        assert_eq!(after.trimmed, None, "cut at {len}");
        assert_eq!(now.len(), found.len() + 1);
        assert_eq!(now.last().unwrap(), b"after");
    }
}

#[test]
fn within_the_last_batch_pages_may_be_lost_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let records = write(dir.path(), &Config::default(), 3);
    let start = fs::metadata(path_of(dir.path(), 1)).unwrap().len() as usize;
    write_batch(dir.path(), [b"first", b"second", b"third"]);
    let path = path_of(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    // The middle of the batch is nought, its end is there.
    let mut holed = whole.clone();
    holed[start + 12 + 5..start + 12 + 5 + 12].fill(0);
    fs::write(&path, &holed).unwrap();
    let (journal, opened, found) = open(dir.path(), &Config::default()).unwrap();
    assert_eq!(found, records, "a batch is there as a whole or not at all");
    assert_eq!(opened.trimmed.unwrap().offset as usize, start);
    drop(journal);
    // The same hole, but a later batch shows that this one was complete.
    fs::write(&path, &whole).unwrap();
    write_batch(dir.path(), [b"a", b"b", b"c"]);
    let mut holed = fs::read(&path).unwrap();
    holed[start + 12 + 5..start + 12 + 5 + 12].fill(0);
    fs::write(&path, &holed).unwrap();
    let Err(JournalFault::Damaged { offset, .. }) = stored(dir.path()) else { panic!("taken") };
    assert_eq!(offset as usize, start + 12 + 5);
}

#[test]
fn doubled_moved_swapped_and_missing_parts_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &small(), 100);
    let files: Vec<_> = segments(dir.path()).unwrap().into_iter().map(|(_, p)| p).collect();
    let contents: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    let damaged = |what: &str| {
        let verdict = stored(dir.path());
        assert!(matches!(verdict, Err(JournalFault::Damaged { .. })), "{what}: {verdict:?}");
        for (path, bytes) in files.iter().zip(&contents) {
            fs::write(path, bytes).unwrap();
        }
    };
    fs::write(&files[0], &contents[1]).unwrap();
    fs::write(&files[1], &contents[0]).unwrap();
    damaged("two segments swapped");
    fs::remove_file(&files[1]).unwrap();
    damaged("a segment missing");
    let mut doubled = contents[0].clone();
    doubled.extend_from_slice(&contents[0][HEADER..]);
    fs::write(&files[0], &doubled).unwrap();
    damaged("a block doubled");
    fs::write(&files[0], &contents[0][..contents[0].len() - 1]).unwrap();
    damaged("a segment cut that is not the last");
    fs::write(&files[0], b"").unwrap();
    damaged("an empty segment that is not the last");
    assert!(stored(dir.path()).is_ok());
}

#[test]
fn a_segment_that_was_only_begun_goes() {
    let dir = tempfile::tempdir().unwrap();
    let records = write(dir.path(), &small(), 40);
    let next = segments(dir.path()).unwrap().last().unwrap().0 + 1;
    for header in [&b""[..], b"ILJ", &[0u8; HEADER]] {
        fs::write(path_of(dir.path(), next), header).unwrap();
        let (journal, opened, found) = open(dir.path(), &small()).unwrap();
        assert_eq!(found, records);
        assert_eq!(opened.trimmed.unwrap().offset, 0);
        assert!(!path_of(dir.path(), next).exists());
        drop(journal);
    }
}

#[test]
fn concurrent_appenders_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { segment_bytes: 4 << 10, ..Config::default() };
    let (journal, _, _) = open(dir.path(), &config).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            let journal = &journal;
            scope.spawn(move || {
                let mut waiting = Vec::new();
                for n in 0..250u32 {
                    let record = [thread.to_le_bytes(), n.to_le_bytes()].concat();
                    waiting.push(journal.append(&record).unwrap());
                }
                for durable in waiting {
                    durable.wait().unwrap();
                }
            });
        }
    });
    drop(journal);
    let (_, found) = stored(dir.path()).unwrap();
    assert_eq!(found.len(), 1000);
    for thread in 0..4u32 {
        let own = found.iter().filter(|r| r[..4] == thread.to_le_bytes());
        let order: Vec<u32> = own.map(|r| u32::from_le_bytes(r[4..].try_into().unwrap())).collect();
        assert!(order.is_sorted() && order.len() == 250);
    }
}

#[test]
fn what_was_acknowledged_is_there_when_the_process_dies() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, _) = open(dir.path(), &small()).unwrap();
    for n in 0..50u8 {
        journal.append_blocking(&[n; 9]).unwrap();
    }
    // The process is gone without a drop: what a reader finds is what the kernel was given.
    std::mem::forget(journal);
    let (_, found) = stored(dir.path()).unwrap();
    assert_eq!(found, (0..50u8).map(|n| vec![n; 9]).collect::<Vec<_>>());
}

#[test]
fn one_process_writes_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (_journal, _, _) = open(dir.path(), &small()).unwrap();
    assert!(matches!(open(dir.path(), &small()), Err(JournalFault::InUse(_))));
}

/// A journal whose disk writes no more.
fn over_a_broken_disk() -> Journal {
    let (disk, folder) = in_memory();
    let (journal, _) = Journal::open(&folder, &Config::default(), &mut |_| Ok(())).unwrap();
    disk.fail(Some(Op::Write), 1, true, ErrorKind::Other);
    journal
}

#[test]
fn a_failed_write_ends_all_acknowledgement() {
    let journal = over_a_broken_disk();
    assert_eq!(journal.append_blocking(b"lost"), Err(Refused::Failed));
    assert!(journal.failure().unwrap().contains("Write fails"), "{:?}", journal.failure());
    assert_eq!(journal.health(), Health::Failed);
    assert_eq!(journal.append_blocking(b"later"), Err(Refused::Failed));
    assert!(matches!(journal.barrier().map(|_| ()), Err(Refused::Failed)));
}

#[test]
fn all_that_wait_when_a_write_fails_are_told() {
    let journal = Arc::new(over_a_broken_disk());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let journal = Arc::clone(&journal);
            std::thread::spawn(move || journal.append_blocking(b"lost"))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Err(Refused::Failed));
    }
}

#[test]
fn a_segment_that_cannot_be_made_ends_all_acknowledgement() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, _) = open(dir.path(), &small()).unwrap();
    fs::create_dir(path_of(dir.path(), 2)).unwrap();
    let mut accepted = 0;
    while journal.append_blocking(&[7; 100]).is_ok() {
        accepted += 1;
        assert!(accepted < 100, "the segment is never full");
    }
    assert_eq!(journal.append_blocking(b"later"), Err(Refused::Failed));
    drop(journal);
    fs::remove_dir(path_of(dir.path(), 2)).unwrap();
    assert_eq!(stored(dir.path()).unwrap().1.len(), accepted);
}

#[test]
fn bounds_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { queue: 2, record_bytes_max: 8, ..Config::default() };
    let (journal, _, _) = open(dir.path(), &config).unwrap();
    assert_eq!(journal.append_blocking(b""), Err(Refused::Length));
    assert_eq!(journal.append_blocking(b"nine byte"), Err(Refused::Length));
    let places = [journal.reserve().unwrap(), journal.reserve().unwrap()];
    assert!(matches!(journal.reserve().map(|_| ()), Err(Refused::Busy)));
    drop(places);
    journal.append_blocking(b"room").unwrap();
    let bad =
        Config { window_ms: 6, segment_bytes: 1, queue: 0, record_bytes_max: 0, chained: true };
    assert_eq!(bad.faults().len(), 4);
    for (record_bytes_max, faults) in [((1 << 24) - 1, 0), (1 << 24, 1)] {
        let config = Config { record_bytes_max, ..Config::default() };
        assert_eq!(config.faults().len(), faults, "{record_bytes_max}");
    }
}

#[test]
fn a_record_that_its_reader_refuses_is_named() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &Config::default(), 3);
    let mut left = 1;
    let verdict = read(dir.path(), &mut |_| {
        left -= 1;
        if left < 0 { Err("of a newer version".to_owned()) } else { Ok(()) }
    });
    let text = verdict.unwrap_err().to_string();
    assert!(text.contains("offset 121") && text.contains("newer version"), "{text}");
}

#[test]
fn a_window_gathers_company() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { window_ms: 5, ..Config::default() };
    let (journal, _, _) = open(dir.path(), &config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let waiting: Vec<Durable> = (0..100u8).map(|n| journal.append(&[n]).unwrap()).collect();
        for durable in waiting {
            assert_eq!(durable.await, Ok(()));
        }
    });
    drop(journal);
    assert_eq!(stored(dir.path()).unwrap().0.records, 100);
}

#[test]
fn a_log_goes_on_without_the_segments_that_were_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let every = |found: &mut Vec<Vec<u8>>, from: u64| {
        found.clear();
        let (tail, opened) = recover(dir.path(), (from, 1 << 20), &mut |record| {
            found.push(record.to_vec());
            Ok(())
        })?;
        assert_eq!(opened.records, found.len() as u64);
        Ok::<_, JournalFault>(tail)
    };
    let mut found = Vec::new();
    let mut tail = every(&mut found, FIRST).unwrap();
    tail.write([&b"settled"[..], b"too"].into_iter()).unwrap();
    tail.rotate().unwrap();
    let from = tail.seq();
    assert_eq!(from, 2);
    tail.write(std::iter::once(&b"not yet"[..])).unwrap();
    tail.seal().unwrap();
    drop(tail);

    // Crashed before they were let go, or after: both read the same.
    every(&mut found, from).unwrap();
    assert_eq!(found, [b"not yet"]);
    assert_eq!(drop_before(dir.path(), from).unwrap(), 1);
    assert_eq!(drop_before(dir.path(), from).unwrap(), 0);
    let mut tail = every(&mut found, from).unwrap();
    assert_eq!(found, [b"not yet"]);
    tail.write(std::iter::once(&b"more"[..])).unwrap();
    tail.sync().unwrap();
    drop(tail);
    every(&mut found, from).unwrap();
    assert_eq!(found, [b"not yet".to_vec(), b"more".to_vec()]);

    // A log that has lost its beginning is told.
    for (from, file) in [(FIRST, "00000001.ilj"), (3, "00000003.ilj")] {
        let fault = every(&mut found, from).err().unwrap().to_string();
        assert!(fault.contains(file) && fault.contains("missing"), "{fault}");
    }
}

/// The machine's own files, by the names that the journal and others call them by.
#[test]
fn a_file_is_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::from(dir.path());
    let path = dir.path().join("state");
    for text in ["one", "two"] {
        folder.replace("state", text.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    // What a crash left beside it is in nobody's way; what is no file is told.
    fs::write(dir.path().join("state.new"), "half").unwrap();
    folder.replace("state", b"three").unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    fs::create_dir(dir.path().join("state.new")).unwrap();
    let told = folder.replace("state", b"four").unwrap_err();
    assert_eq!(told.kind(), ErrorKind::IsADirectory);
    assert_eq!(fs::read_to_string(&path).unwrap(), "three");
    let mut file = folder.disk().create(&dir.path().join("new")).unwrap();
    assert!(file.is_empty().unwrap());
    file.write(b"x").unwrap();
    assert!(!file.is_empty().unwrap());
}

#[test]
fn what_was_durable_is_so_after_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), &Config::default()).unwrap().0;
    journal.append_blocking(b"kept").unwrap();
    let durable = journal.durable();
    assert!(durable > 0);
    drop(journal);
    // The end in order adds its seal.
    assert!(open(dir.path(), &Config::default()).unwrap().0.durable() > durable);
}

#[test]
fn an_end_keeps_what_was_taken_and_takes_no_more() {
    for thread in [true, false] {
        let (_disk, folder) = in_memory();
        let journal = match thread {
            true => Journal::open(folder.clone(), &small(), &mut |_| Ok(())).unwrap().0,
            false => stepped(&folder, &small()).unwrap(),
        };
        let taken: Vec<Durable> = (0..9_u8).map(|n| journal.append(&[n]).unwrap()).collect();
        journal.end().unwrap();
        for durable in taken {
            assert_eq!(durable.wait(), Ok(()));
        }
        assert!(matches!(journal.append(b"late").map(|_| ()), Err(Refused::Failed)));
        assert_eq!(journal.end(), Err(Refused::Failed));
        // The folder is free, though the journal is still held.
        let next = stepped(&folder, &small()).unwrap();
        drop(next);
        assert_eq!(found(&folder).unwrap().1.len(), 9);
        drop(journal);
    }
}
