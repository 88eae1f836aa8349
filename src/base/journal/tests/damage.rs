//! Every small log, broken in every way: a torn end is trimmed, all else is told with its place.

use std::path::PathBuf;

use super::*;
use crate::base::stdx::rng::Rng;

/// A small log, and how it was written.
struct Log {
    disk: MemoryDisk,
    folder: Folder,
    files: Vec<(PathBuf, Vec<u8>)>,
    records: Vec<Vec<u8>>,
    /// Records before the last batch, which alone may be taken for unfinished, and where in the
    /// last segment it begins.
    settled: (usize, usize),
    tried: u64,
    trimmed: u64,
    damaged: u64,
}

/// What was done to a file: where is it not what it was?
struct Change<'c> {
    what: &'c str,
    file: usize,
    at: usize,
    end: usize,
}

impl Change<'_> {
    /// All that is changed lies between the two places; for the check, no more than needs be.
    fn between<'c>(
        what: &'c str,
        file: usize,
        (at, end): (usize, usize),
        (a, b): (&[u8], &[u8]),
    ) -> Change<'c> {
        let differs = |i: &usize| a[*i] != b[*i];
        let first = (at..end).find(differs).unwrap_or(at);
        let last = (at..end).rfind(differs).unwrap_or(at);
        Change { what, file, at: first, end: last + 1 }
    }
}

impl Log {
    /// Some 800 bytes or more in three segments, in batches of one to three records.
    fn new(chained: bool, sealed: bool) -> Log {
        let (disk, folder) = in_memory();
        let (mut tail, _) =
            recover::reopen(&folder, (Mark::START, 250), chained, &mut |_| Ok(())).unwrap();
        let (mut records, mut settled) = (Vec::new(), (0, 0));
        for batch in 0..14u8 {
            let own: Vec<Vec<u8>> = (0..=batch % 3)
                .map(|n| vec![batch << 4 | n; 3 + usize::from(batch * 5 % 17)])
                .collect();
            let before = (records.len(), tail.len(), tail.seq());
            tail.write(own.iter().map(Vec::as_slice)).unwrap();
            tail.sync().unwrap();
            let begun = if tail.seq() == before.2 { before.1 } else { 0 };
            settled = (before.0, begun as usize);
            records.extend(own);
        }
        if sealed {
            settled = (records.len(), tail.len() as usize);
            tail.seal().unwrap();
        }
        let read = |path: PathBuf| (path.clone(), folder.disk.read(&path, 0, u64::MAX).unwrap());
        let files = segments(&folder).unwrap().into_iter().map(|(_, path)| read(path)).collect();
        let log = Log { disk, folder, files, records, settled, tried: 0, trimmed: 0, damaged: 0 };
        assert!(log.files.len() > 2);
        assert_eq!(found(&log.folder).unwrap().1, log.records);
        log
    }

    fn all() -> [Log; 4] {
        [Log::new(true, true), Log::new(true, false), Log::new(false, true), Log::new(false, false)]
    }

    /// Reads the log with a file's bytes changed, judges, and puts them back.
    fn with(&mut self, change: &Change<'_>, bytes: &[u8]) {
        let (path, whole) = &self.files[change.file];
        if bytes == whole {
            return;
        }
        self.disk.put(path, bytes);
        let verdict = found(&self.folder);
        self.disk.put(path, whole);
        self.tried += 1;
        let Change { what, file, at, end } = change;
        let place = format!("{what} at {at} of segment {}", file + 1);
        match verdict {
            Err(JournalFault::Damaged { file, offset, .. }) => {
                self.damaged += 1;
                let known = self.files.iter().any(|(path, _)| *path == file);
                assert!(known && file >= *path, "{place}: told of {file:?}");
                assert!(file > *path || offset <= *at as u64, "{place}: told of {offset}");
            }
            Ok((opened, found)) => {
                let last = file + 1 == self.files.len();
                assert!(last, "{place}: passed over");
                assert!(self.records.starts_with(&found), "{place}: {found:?}");
                let whole = found.len() == self.records.len();
                // What reaches into the last batch may leave nothing that tells of it.
                let (settled, last_begins) = self.settled;
                let enough = found.len() >= settled || *end > last_begins;
                assert!(enough, "{place}: {} of {}", found.len(), self.records.len());
                // A cut between two batches is how a log looks that was never longer.
                let told = opened.trimmed.is_some() || *what == "cut";
                assert!(told || whole && *what == "doubled", "{place}: taken as it is");
                self.trimmed += 1;
            }
            Err(other) => panic!("{place}: {other}"),
        }
    }
}

fn told(logs: &[Log], least: u64) {
    for log in logs {
        assert!(log.damaged > log.trimmed, "{} damaged, {} trimmed", log.damaged, log.trimmed);
    }
    let tried: u64 = logs.iter().map(|log| log.tried).sum();
    assert!(tried >= least, "only {tried} mutations");
}

#[test]
fn every_flipped_byte_is_found() {
    let mut logs = Log::all();
    for log in &mut logs {
        for file in 0..log.files.len() {
            let whole = log.files[file].1.clone();
            for at in 0..whole.len() {
                let flips = (0..8).map(|bit| 1u8 << bit).chain([0xFF, whole[at], 0x55]);
                for flip in flips.filter(|&flip| flip != 0) {
                    let mut bytes = whole.clone();
                    bytes[at] ^= flip;
                    let change = Change { what: "a flip", file, at, end: at + 1 };
                    log.with(&change, &bytes);
                }
            }
        }
    }
    told(&logs, 30_000);
}

#[test]
fn a_cut_at_every_byte_is_trimmed_or_found() {
    let mut logs = Log::all();
    for log in &mut logs {
        for file in 0..log.files.len() {
            let whole = log.files[file].1.clone();
            for at in 0..whole.len() {
                let change = Change { what: "cut", file, at, end: whole.len() };
                log.with(&change, &whole[..at]);
            }
        }
    }
    told(&logs, 2_500);
}

#[test]
fn blocks_of_noughts_are_found() {
    let mut logs = Log::all();
    for log in &mut logs {
        for file in 0..log.files.len() {
            let whole = log.files[file].1.clone();
            for at in 0..whole.len() {
                for len in [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 128, 512] {
                    let mut bytes = whole.clone();
                    let end = (at + len).min(whole.len());
                    bytes[at..end].fill(0);
                    let both = (&whole[..], &bytes[..]);
                    log.with(&Change::between("noughts", file, (at, end), both), &bytes);
                }
            }
        }
    }
    told(&logs, 25_000);
}

#[test]
fn doubled_and_misplaced_blocks_are_found() {
    let mut logs = Log::all();
    for (seed, log) in logs.iter_mut().enumerate() {
        let mut rng = Rng::new(seed as u64);
        for file in 0..log.files.len() {
            let whole = log.files[file].1.clone();
            for at in 0..whole.len() {
                // Written over what stood in another place …
                for len in [12, 24, 47, 64] {
                    let end = (at + len).min(whole.len());
                    let from = rng.below(log.files.len());
                    let source = log.files[from].1.clone();
                    let start = rng.below(source.len().saturating_sub(end - at) + 1);
                    let Some(block) = source.get(start..start + end - at) else { continue };
                    let mut bytes = whole.clone();
                    bytes[at..end].copy_from_slice(block);
                    let both = (&whole[..], &bytes[..]);
                    log.with(&Change::between("a block", file, (at, end), both), &bytes);
                }
                // … and behind the end.
                let bytes = [&whole[..], &whole[at..]].concat();
                let (at, end) = (whole.len(), bytes.len());
                let change = Change { what: "doubled", file, at, end };
                log.with(&change, &bytes);
            }
        }
    }
    told(&logs, 10_000);
}

#[test]
fn bytes_of_chance_are_found() {
    let mut logs = Log::all();
    for (seed, log) in logs.iter_mut().enumerate() {
        let mut rng = Rng::new(1_000 + seed as u64);
        for _ in 0..15_000 * long(20) {
            let file = rng.below(log.files.len());
            let mut bytes = log.files[file].1.clone();
            let at = rng.below(bytes.len());
            let end = (at + rng.between(1, 40)).min(bytes.len());
            bytes[at..end].iter_mut().for_each(|byte| *byte = rng.next_u64() as u8);
            let both = (&log.files[file].1[..], &bytes[..]);
            log.with(&Change::between("chance", file, (at, end), both), &bytes);
        }
    }
    told(&logs, 50_000);
}

#[test]
fn segments_that_are_swapped_missing_or_of_another_log_are_found() {
    for log in Log::all() {
        let files = &log.files;
        let restore = || files.iter().for_each(|(path, bytes)| log.disk.put(path, bytes));
        for a in 0..files.len() {
            for b in 0..files.len() {
                if a != b {
                    log.disk.put(&files[a].0, &files[b].1);
                    log.disk.put(&files[b].0, &files[a].1);
                    assert!(matches!(found(&log.folder), Err(JournalFault::Damaged { .. })));
                    restore();
                    // One of them twice.
                    log.disk.put(&files[a].0, &files[b].1);
                    assert!(matches!(found(&log.folder), Err(JournalFault::Damaged { .. })));
                    restore();
                }
            }
            if a + 1 < files.len() {
                log.folder.disk.remove(&files[a].0).unwrap();
                let Err(JournalFault::Damaged { file, .. }) = found(&log.folder) else {
                    panic!("segment {} is not missed", a + 1);
                };
                assert_eq!(file, files[a].0);
                restore();
            }
        }
    }
}

/// Two logs of equal shape: what stands in one fits the other in place and checksum, and only
/// the chain tells them apart.
#[test]
fn records_of_another_log_break_the_chain() {
    let write = |first: u8| {
        let (disk, folder) = in_memory();
        let journal = stepped(&folder, &Config::default()).unwrap();
        for n in 0..6 {
            let record = [if n == 0 { first } else { n }; 20];
            drop(journal.append(&record).unwrap());
            journal.turn();
        }
        drop(journal);
        let path = path_of(&folder.dir, 1);
        let bytes = folder.disk.read(&path, 0, u64::MAX).unwrap();
        (disk, folder, path, bytes)
    };
    let (disk, folder, path, ours) = write(7);
    let (_, _, _, theirs) = write(8);
    let batch = 12 + 20 + 12 + 32;
    let second = 64 + batch;
    for (from, to, offset) in [
        (64, second, second + 32),                 // the first batch is theirs
        (second, second + batch, 64 + batch + 32), // another, whose records are the same
        (64, 64 + 32, 64 + 32),                    // the record without its link
    ] {
        let mut mixed = ours.clone();
        mixed[from..to].copy_from_slice(&theirs[from..to]);
        disk.put(&path, &mixed);
        let Err(JournalFault::Damaged { offset: told, why, .. }) = found(&folder) else {
            panic!("{from}..{to} passed over");
        };
        assert_eq!((told, why.contains("chain")), (offset as u64, true), "{from}..{to}: {why}");
    }
}

#[test]
fn a_segment_by_itself_tells_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let records = write(dir.path(), &Config::default(), 3);
    let path = path_of(dir.path(), 1);
    let bytes = fs::read(&path).unwrap();
    let mut found = Vec::new();
    let alone = |found: &mut Vec<Vec<u8>>| {
        read_file(&path, &mut |record| {
            found.push(record.to_vec());
            Ok(())
        })
    };
    let opened = alone(&mut found).unwrap();
    assert_eq!((opened.bytes, opened.records, &opened.trimmed), (bytes.len() as u64, 3, &None));
    assert_eq!(found, records);
    // One that was only begun holds nothing; one whose head is another's is none.
    fs::write(&path, &bytes[..9]).unwrap();
    let trimmed = alone(&mut found).unwrap().trimmed.unwrap();
    assert_eq!((trimmed.offset, trimmed.bytes), (0, 9));
    let head = Header { seq: 0, base: 0, chain: None }.len();
    for len in [head, bytes.len()] {
        fs::write(&path, vec![0; len]).unwrap();
        assert!(matches!(alone(&mut found), Err(JournalFault::Damaged { offset: 0, .. })));
    }
}

#[test]
fn a_chained_log_is_read_from_any_segment_on() {
    let dir = tempfile::tempdir().unwrap();
    let records = write(dir.path(), &small(), 90);
    let last = segments(dir.path()).unwrap().last().unwrap().0;
    assert!(last > 2);
    for from in 1..=last {
        let mut found = Vec::new();
        read_on(dir.path(), from, &mut |record| {
            found.push(record.to_vec());
            Ok(())
        })
        .unwrap();
        assert!(!found.is_empty() && records.ends_with(&found), "from {from}");
    }
    // What cannot be read is no segment that is missing.
    let path = path_of(dir.path(), 2);
    fs::remove_file(&path).unwrap();
    let missing = read_on(dir.path(), 2, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(missing, JournalFault::Damaged { .. }), "{missing}");
    fs::create_dir(&path).unwrap();
    let unreadable = read_on(dir.path(), 2, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(unreadable, JournalFault::Io { .. }), "{unreadable}");
}
