//! Where do records end up? In rotated files, the oldest of which go. A thread of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fs, io};

use super::Config;
use super::files::{next_file, prune};
use super::record::{DecisionRecord, RecordFault};
use super::ring::{Entry, RecordRing};
use crate::base::journal::{self, JournalFault, Tail};
use crate::base::units::time::{Clock, Moment};

/// Records written at once.
const BATCH: usize = 256;

const DAY_S: i64 = 86_400;

/// How often files are looked at for their age.
const TEND_S: i64 = 3600;

/// Drains a ring until it is dropped; then writes out what waits.
pub struct RecordWriter {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RecordWriter {
    /// `data`: the data folder, in which `config.dir` is made.
    pub fn start(
        ring: Arc<RecordRing>,
        config: &Config,
        data: &Path,
        clock: Arc<dyn Clock>,
    ) -> io::Result<RecordWriter> {
        let dir = data.join(&config.dir);
        fs::create_dir_all(&dir)?;
        let tail = next_file(&dir, config.segment_bytes)?;
        let stop = Arc::new(AtomicBool::new(false));
        let now = clock.now();
        let mut drain = Drain {
            ring,
            config: config.clone(),
            dir,
            tail: Some(tail),
            begun: now,
            tend_at: now,
            clock,
            batch: Vec::with_capacity(BATCH),
            frames: Vec::new(),
        };
        let stopped = Arc::clone(&stop);
        let pause = Duration::from_millis(u64::from(config.drain_ms));
        let thread = std::thread::Builder::new().name("records".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                drain.turn();
                std::thread::park_timeout(pause);
            }
            drain.turn();
        })?;
        Ok(RecordWriter { stop, thread: Some(thread) })
    }
}

impl Drop for RecordWriter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic has been reported; there is nothing left to write with.
            let _ = thread.join();
        }
    }
}

struct Drain {
    ring: Arc<RecordRing>,
    config: Config,
    dir: PathBuf,
    /// `None` after an error: the next turn begins a new file.
    tail: Option<Tail>,
    /// Since when the file is written, or earlier.
    begun: Moment,
    tend_at: Moment,
    clock: Arc<dyn Clock>,
    /// Kept until it is written, so that an error loses nothing that was recorded.
    batch: Vec<Entry>,
    frames: Vec<Vec<u8>>,
}

impl Drain {
    /// Writes what waits. On an error the ring is left to fill: no record, no bid.
    fn turn(&mut self) {
        if let Err(error) = self.tend() {
            self.failed(&error);
        }
        loop {
            while self.batch.len() < BATCH
                && let Some(entry) = self.ring.pop()
            {
                self.batch.push(entry);
            }
            if self.batch.is_empty() {
                return;
            }
            if let Err(error) = self.write() {
                self.failed(&error);
                return;
            }
            self.ring.stats.written.fetch_add(self.batch.len() as u64, Ordering::Relaxed);
            for entry in self.batch.drain(..) {
                self.ring.recycle(entry);
            }
        }
    }

    fn failed(&mut self, error: &io::Error) {
        self.tail = None;
        if self.ring.stats.write_errors.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(%error, "decision records cannot be written");
        }
    }

    /// At the start and every hour: a file of a day is closed, and what has aged goes, also
    /// where so little is kept that no file fills.
    fn tend(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        if now < self.tend_at {
            return Ok(());
        }
        self.tend_at = now.plus_s(TEND_S);
        let old = now >= self.begun.plus_s(DAY_S);
        if let Some(tail) = self.tail.as_mut().filter(|tail| old && !tail.is_empty()) {
            tail.rotate()?;
            self.begun = now;
        }
        self.prune()
    }

    fn write(&mut self) -> io::Result<()> {
        self.frames.resize_with(self.batch.len(), Vec::new);
        for (frame, entry) in self.frames.iter_mut().zip(&self.batch) {
            encode(entry, frame);
        }
        let tail = match &mut self.tail {
            Some(tail) => tail,
            None => self.tail.insert(next_file(&self.dir, self.config.segment_bytes)?),
        };
        let before = tail.seq();
        tail.write(self.frames.iter().map(Vec::as_slice))?;
        if tail.seq() != before {
            self.begun = self.clock.now();
            self.prune()?;
        }
        Ok(())
    }

    fn prune(&self) -> io::Result<()> {
        let deleted = prune(&self.dir, self.config.kept(), self.clock.now())?;
        self.ring.stats.files_deleted.fetch_add(deleted, Ordering::Relaxed);
        Ok(())
    }
}

/// The record, a flag, and for a sample the length of the request, the request, the profile.
fn encode(entry: &Entry, out: &mut Vec<u8>) {
    out.clear();
    entry.record.encode(out);
    out.push(u8::from(entry.sample.is_some()));
    if let Some((bytes, split)) = &entry.sample {
        out.extend_from_slice(&split.to_le_bytes());
        out.extend_from_slice(bytes);
    }
}

/// A record that was read back.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'b> {
    pub record: &'b DecisionRecord,
    /// The request's bytes and the profile's, if the decision was sampled.
    pub sample: Option<super::Sample<'b>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    #[error(transparent)]
    Journal(#[from] JournalFault),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// Reads the records of one file, or of all files of a folder, in order. An end that a crash left
/// unfinished is passed over; damage is an error.
pub fn read(path: &Path, visit: &mut dyn FnMut(Kept<'_>)) -> Result<u64, ReadFault> {
    let io = |source| ReadFault::Io { path: path.to_owned(), source };
    let files = match fs::metadata(path).map_err(io)?.is_dir() {
        true => journal::segments(path).map_err(io)?.into_iter().map(|(_, file)| file).collect(),
        false => vec![path.to_owned()],
    };
    let mut records = 0;
    for file in files {
        let opened = journal::read_file(&file, &mut |payload| {
            let (record, sample) = decode(payload).map_err(|fault| fault.to_string())?;
            visit(Kept { record: &record, sample });
            Ok(())
        })?;
        records += opened.records;
    }
    Ok(records)
}

fn decode(payload: &[u8]) -> Result<(DecisionRecord, Option<super::Sample<'_>>), RecordFault> {
    let (record, rest) = DecisionRecord::decode(payload)?;
    let sample = match rest {
        [0] => None,
        [1, rest @ ..] => {
            let (len, bytes) = rest.split_first_chunk::<4>().ok_or(RecordFault::Short)?;
            let split = u32::from_le_bytes(*len) as usize;
            let (request, profile) = bytes.split_at_checked(split).ok_or(RecordFault::Short)?;
            Some(super::Sample { request, profile })
        }
        _ => return Err(RecordFault::Value("sample")),
    };
    Ok((record, sample))
}
