//! Which lines slept when a decision was made? Every set by its epoch, kept for replays. Cold.
//!
//! Written by the loop that finds the sleeping lines, before any decision may use what it found;
//! read by `interlude replay`. A record holds a set as what differs from the one before, each
//! file's first from none: line numbers ascending, as gaps of LEB128. An epoch is the number of its
//! file and its number in there, so no two are ever alike, and one whose file has gone is known
//! to have gone.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::files::{self, next_file, prune};
use super::record::RecordFault;
use super::{Config, ReadFault};
use crate::base::journal::{self, Tail};
use crate::base::units::ids::LineIx;
use crate::base::units::time::Moment;

/// Where the files are, in the data folder.
const FOLDER: &str = "asleep";
pub(super) const SEGMENT_BYTES: u64 = 16 << 20;
const VERSION: u8 = 1;
/// Version, number in the file, world.
const HEAD: usize = 1 + 4 + 8;
/// What one record of a file may hold; some fifteen million lines.
const RECORD_MAX: usize = (1 << 24) - 1;

/// The open end of the log; one process's.
pub struct SleepLog {
    dir: PathBuf,
    kept: files::Kept,
    /// `None` after an error: the next set begins a new file.
    tail: Option<Tail>,
    /// Sets in the file that is written.
    sets: u32,
    /// The set that was written last.
    last: Vec<LineIx>,
    payload: Vec<u8>,
}

impl SleepLog {
    pub fn open(config: &Config, data: &Path, now: Moment) -> io::Result<SleepLog> {
        let dir = data.join(FOLDER);
        fs::create_dir_all(&dir)?;
        let (total_bytes, max_age_days) = (config.asleep_bytes, config.max_age_days);
        let kept = files::Kept { segment_bytes: SEGMENT_BYTES, total_bytes, max_age_days };
        if let Some((_, last)) = journal::segments(&dir)?.pop() {
            // What it says last held until just now, perhaps, however long ago it was written.
            let since = Duration::from_micros(now.unix_us.max(0) as u64);
            File::options().write(true).open(last)?.set_modified(SystemTime::UNIX_EPOCH + since)?;
        }
        let tail = Some(next_file(&dir, SEGMENT_BYTES)?);
        prune(&dir, kept, now)?;
        Ok(SleepLog { dir, kept, tail, sets: 0, last: Vec::new(), payload: Vec::new() })
    }

    /// Keeps a set of lines, ascending, of a world; returns its epoch. After an error it is not
    /// kept, and no decision may use it.
    pub fn append(&mut self, world: u64, lines: &[LineIx], now: Moment) -> io::Result<u64> {
        let written = self.write(world, lines, now);
        if written.is_err() {
            self.tail = None;
        }
        written
    }

    fn write(&mut self, world: u64, lines: &[LineIx], now: Moment) -> io::Result<u64> {
        let full = self.tail.as_ref().is_none_or(|tail| tail.len() >= self.kept.segment_bytes);
        if full {
            self.tail = None;
            (self.sets, self.last) = (0, Vec::new());
            self.tail = Some(next_file(&self.dir, SEGMENT_BYTES)?);
            prune(&self.dir, self.kept, now)?;
        }
        let SleepLog { tail, sets, last, payload, .. } = self;
        let Some(tail) = tail else { return Err(io::ErrorKind::NotFound.into()) };
        payload.clear();
        payload.push(VERSION);
        payload.extend_from_slice(&(*sets + 1).to_le_bytes());
        payload.extend_from_slice(&world.to_le_bytes());
        differing(last, lines, &mut Gaps { next: 0, out: payload });
        if payload.len() > RECORD_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        tail.write([&payload[..]].into_iter())?;
        *sets += 1;
        last.clear();
        last.extend_from_slice(lines);
        Ok(tail.seq() << 32 | u64::from(*sets))
    }
}

/// The lines that stand in just one of two ascending lists.
fn differing(before: &[LineIx], now: &[LineIx], gaps: &mut Gaps<'_>) {
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    loop {
        match (before.peek(), now.peek()) {
            (None, None) => return,
            (Some(&gone), Some(&come)) if gone == come => {
                before.next();
                now.next();
            }
            (Some(&&gone), Some(&&come)) if gone < come => {
                gaps.add(gone);
                before.next();
            }
            (Some(&&gone), None) => {
                gaps.add(gone);
                before.next();
            }
            (_, Some(&&come)) => {
                gaps.add(come);
                now.next();
            }
        }
    }
}

/// Writes ascending lines as what lies between them.
struct Gaps<'o> {
    next: u32,
    out: &'o mut Vec<u8>,
}

impl Gaps<'_> {
    fn add(&mut self, line: LineIx) {
        let mut gap = line.0 - self.next;
        self.next = line.0 + 1;
        while gap >= 0x80 {
            self.out.push(gap as u8 | 0x80);
            gap >>= 7;
        }
        self.out.push(gap as u8);
    }
}

/// What a data folder's log tells of epochs: a reader that holds one file at a time.
pub struct Slept {
    dir: PathBuf,
    file: u64,
    /// The sets of the file, as what differs from the one before.
    sets: Vec<Set>,
    /// How many of them are in `lines`.
    applied: usize,
    /// One bit a line.
    lines: Vec<u64>,
}

struct Set {
    world: u64,
    differing: Vec<LineIx>,
}

impl Slept {
    pub fn of(data: &Path) -> Slept {
        let (sets, lines) = (Vec::new(), Vec::new());
        Slept { dir: data.join(FOLDER), file: 0, sets, applied: 0, lines }
    }

    /// The lines of a world that slept in an epoch, ascending; `None` where that is kept no
    /// longer.
    pub fn at(&mut self, epoch: u64, world: u64) -> Result<Option<Vec<LineIx>>, ReadFault> {
        let (file, number) = (epoch >> 32, (epoch & u64::from(u32::MAX)) as usize);
        if self.file != file {
            self.load(file)?;
        }
        let known = number.checked_sub(1).and_then(|at| self.sets.get(at));
        if known.is_none_or(|set| set.world != world) {
            return Ok(None);
        }
        // Putting a difference in and taking it out is the same.
        while self.applied != number {
            let forth = self.applied < number;
            let at = if forth { self.applied } else { self.applied - 1 };
            for line in &self.sets[at].differing {
                let word = line.index() / 64;
                if word >= self.lines.len() {
                    self.lines.resize(word + 1, 0);
                }
                self.lines[word] ^= 1 << (line.0 % 64);
            }
            self.applied = if forth { at + 1 } else { at };
        }
        let mut lines = Vec::new();
        for (at, &word) in self.lines.iter().enumerate() {
            let mut word = word;
            while word != 0 {
                lines.push(LineIx(at as u32 * 64 + word.trailing_zeros()));
                word &= word - 1;
            }
        }
        Ok(Some(lines))
    }

    fn load(&mut self, file: u64) -> Result<(), ReadFault> {
        let dir = self.dir.clone();
        *self = Slept { dir, file, sets: Vec::new(), applied: 0, lines: Vec::new() };
        let segments = match journal::segments(&self.dir) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read.map_err(|source| ReadFault::Io { path: self.dir.clone(), source })?,
        };
        let Some((_, path)) = segments.into_iter().find(|&(seq, _)| seq == file) else {
            return Ok(());
        };
        journal::read_file(&path, &mut |payload| {
            let set = Set::decode(payload, self.sets.len()).map_err(|fault| fault.to_string())?;
            self.sets.push(set);
            Ok(())
        })?;
        Ok(())
    }
}

impl Set {
    /// `before`: how many sets of the file come before it.
    fn decode(payload: &[u8], before: usize) -> Result<Set, RecordFault> {
        let (head, mut gaps) = payload.split_first_chunk::<HEAD>().ok_or(RecordFault::Short)?;
        let [version, n0, n1, n2, n3, world @ ..] = *head;
        if version != VERSION {
            return Err(RecordFault::Version(version));
        }
        if u32::from_le_bytes([n0, n1, n2, n3]) as usize != before + 1 {
            return Err(RecordFault::Value("number"));
        }
        let (mut differing, mut next) = (Vec::new(), 0_u32);
        while !gaps.is_empty() {
            let gap = gap(&mut gaps).ok_or(RecordFault::Value("gap"))?;
            let line = next.checked_add(gap).ok_or(RecordFault::Value("line"))?;
            next = line.checked_add(1).ok_or(RecordFault::Value("line"))?;
            differing.push(LineIx(line));
        }
        Ok(Set { world: u64::from_le_bytes(world), differing })
    }
}

/// The next gap; `None` where it is cut off or beyond all lines.
fn gap(from: &mut &[u8]) -> Option<u32> {
    let mut gap = 0_u64;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        gap |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return u32::try_from(gap).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::stdx::rng::Rng;
    use crate::base::units::time::{Clock as _, WallClock};

    /// Files' ages are told by the file system.
    fn now() -> Moment {
        WallClock.now()
    }

    fn log(data: &Path) -> SleepLog {
        SleepLog::open(&Config::default(), data, now()).unwrap()
    }

    fn lines(numbers: impl IntoIterator<Item = u32>) -> Vec<LineIx> {
        numbers.into_iter().map(LineIx).collect()
    }

    /// The set before with some lines in and others out; now and then quite another one.
    fn next(before: &[LineIx], rng: &mut Rng) -> Vec<LineIx> {
        let span = [10, 300, 1 << 20][rng.below(3)];
        let mut set: std::collections::BTreeSet<u32> = match rng.below(5) {
            0 => Default::default(),
            _ => before.iter().map(|line| line.0).collect(),
        };
        for _ in 0..rng.below(40) {
            let line = rng.below(span) as u32;
            if !set.remove(&line) {
                set.insert(line);
            }
        }
        lines(set)
    }

    #[test]
    fn every_set_is_found_again_over_files_and_restarts() {
        let data = tempfile::tempdir().unwrap();
        let mut rng = Rng::new(7);
        let mut kept: Vec<(u64, u64, Vec<LineIx>)> = Vec::new();
        for _ in 0..5 {
            let mut log = log(data.path());
            log.kept.segment_bytes = 500;
            for _ in 0..60 {
                let last = kept.last().map(|(_, _, set)| set.clone()).unwrap_or_default();
                let (world, set) = (rng.below(3) as u64, next(&last, &mut rng));
                let epoch = log.append(world, &set, now()).unwrap();
                assert!(kept.iter().all(|&(before, ..)| before < epoch));
                kept.push((epoch, world, set));
            }
        }
        assert!(journal::segments(&data.path().join(FOLDER)).unwrap().len() > 10);
        let mut slept = Slept::of(data.path());
        for _ in 0..1_000 {
            let (epoch, world, set) = &kept[rng.below(kept.len())];
            assert_eq!(slept.at(*epoch, *world).unwrap().as_ref(), Some(set));
            assert_eq!(slept.at(*epoch, world + 1).unwrap(), None, "of another world");
        }
        for (epoch, world, set) in &kept {
            assert_eq!(slept.at(*epoch, *world).unwrap().as_ref(), Some(set));
        }
    }

    #[test]
    fn what_is_no_epoch_is_none() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(Slept::of(data.path()).at(1 << 32 | 1, 5).unwrap(), None);
        let epoch = log(data.path()).append(5, &lines([3]), now()).unwrap();
        let mut slept = Slept::of(data.path());
        for wrong in [0, epoch - 1, epoch + 1, epoch + (1 << 32), u64::MAX] {
            assert_eq!(slept.at(wrong, 5).unwrap(), None);
        }
        assert_eq!(slept.at(epoch, 5).unwrap(), Some(lines([3])));
    }

    #[test]
    fn the_largest_numbers_keep() {
        let data = tempfile::tempdir().unwrap();
        let set = lines([0, 127, 128, 129, 16_384, 1 << 24]);
        let epoch = log(data.path()).append(5, &set, now()).unwrap();
        assert_eq!(Slept::of(data.path()).at(epoch, 5).unwrap(), Some(set));
    }

    #[test]
    fn the_oldest_files_go_and_their_epochs_are_known_to_have_gone() {
        let data = tempfile::tempdir().unwrap();
        let mut log = log(data.path());
        (log.kept.segment_bytes, log.kept.total_bytes) = (1_000, 3_000);
        let all = lines((0..900).map(|line| line * 2));
        let epochs: Vec<u64> = (0..40).map(|n| log.append(5, &all[n..], now()).unwrap()).collect();
        let dir = data.path().join(FOLDER);
        let files = journal::segments(&dir).unwrap();
        let bytes: u64 = files.iter().map(|(_, path)| fs::metadata(path).unwrap().len()).sum();
        assert!(bytes <= 3_000 + 2_000, "{bytes}");
        let mut slept = Slept::of(data.path());
        let found = epochs.iter().map(|&epoch| slept.at(epoch, 5).unwrap());
        let found: Vec<Option<Vec<LineIx>>> = found.collect();
        let first = found.iter().position(Option::is_some).unwrap();
        assert!(first > 0);
        for (n, found) in found.iter().enumerate().skip(first) {
            assert_eq!(found.as_deref(), Some(&all[n..]));
        }
    }

    #[test]
    fn what_held_until_the_restart_is_not_old() {
        let data = tempfile::tempdir().unwrap();
        let epoch = log(data.path()).append(5, &lines([3]), now()).unwrap();
        let (_, file) = journal::segments(&data.path().join(FOLDER)).unwrap().remove(0);
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
        log(data.path());
        assert_eq!(Slept::of(data.path()).at(epoch, 5).unwrap(), Some(lines([3])));
    }

    #[test]
    fn a_torn_end_costs_only_itself() {
        let data = tempfile::tempdir().unwrap();
        let mut log = log(data.path());
        let first = log.append(5, &lines([1, 2]), now()).unwrap();
        let second = log.append(5, &lines([2, 9]), now()).unwrap();
        let (_, file) = journal::segments(&data.path().join(FOLDER)).unwrap().remove(0);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
        let mut slept = Slept::of(data.path());
        assert_eq!(slept.at(first, 5).unwrap(), Some(lines([1, 2])));
        assert_eq!(slept.at(second, 5).unwrap(), None);
    }

    #[test]
    fn strange_bytes_are_refused() {
        let decode = |bytes: &[u8]| Set::decode(bytes, 0).err();
        let head =
            |version: u8, n: u32| [&[version][..], &n.to_le_bytes(), &5_u64.to_le_bytes()].concat();
        assert_eq!(decode(&head(1, 1)), None);
        assert_eq!(decode(&head(1, 1)[..12]), Some(RecordFault::Short));
        assert_eq!(decode(&head(2, 1)), Some(RecordFault::Version(2)));
        assert_eq!(decode(&head(1, 2)), Some(RecordFault::Value("number")));
        let with = |gaps: &[u8]| decode(&[&head(1, 1)[..], gaps].concat());
        assert_eq!(with(&[0x80]), Some(RecordFault::Value("gap")));
        assert_eq!(with(&[0xFF; 6]), Some(RecordFault::Value("gap")));
        assert_eq!(with(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]), Some(RecordFault::Value("line")));
        assert_eq!(with(&[0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 0]), Some(RecordFault::Value("line")));
    }
}
