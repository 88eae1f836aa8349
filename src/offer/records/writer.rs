//! Where do records end up? In rotated files, the oldest of which go. A thread of its own.
//!
//! Here samples are cut to what may be kept and sealed, off the bid path; and here a listener's
//! key is destroyed, behind everything that was decided before.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;
use std::{fs, io};

use bumpalo::Bump;

use super::Config;
use super::files::{next_file, prune};
use super::record::DecisionRecord;
use super::ring::{Entry, Kind, RecordRing, Waiting};
use super::sample::{self, Cut};
use super::vault::{Holder, Vault};
use crate::base::journal::{self, Tail};
use crate::base::units::ids::ListenerMark;
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
    eraser: Eraser,
}

/// Makes what records keep of a listener unreadable. Cheap to clone; of no use without the writer.
#[derive(Clone)]
pub struct Eraser {
    asks: Sender<Ask>,
    thread: Thread,
}

type Ask = (ListenerMark, Sender<io::Result<bool>>);

impl Eraser {
    /// Destroys the listener's key, once everything is written that was decided before. `false`:
    /// nothing was kept. When it returns, what files say of him is noise, and none says that it
    /// was he. Blocks for some milliseconds; never from async code.
    pub fn forget(&self, mark: ListenerMark) -> io::Result<bool> {
        let (done, answer) = channel();
        let gone = || io::Error::other("the writer of decision records has ended");
        self.asks.send((mark, done)).map_err(|_| gone())?;
        self.thread.unpark();
        answer.recv().map_err(|_| gone())?
    }
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
        let vault = Vault::open(data, config.keys_max)?;
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
            vault,
            arena: Bump::new(),
        };
        let (asks, asked) = channel::<Ask>();
        let stopped = Arc::clone(&stop);
        let pause = Duration::from_millis(u64::from(config.drain_ms));
        let thread = std::thread::Builder::new().name("records".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                drain.turn();
                for (mark, done) in asked.try_iter() {
                    // Who asked may have left.
                    let _ = done.send(drain.forget(mark));
                }
                std::thread::park_timeout(pause);
            }
            drain.turn();
        })?;
        let eraser = Eraser { asks, thread: thread.thread().clone() };
        Ok(RecordWriter { stop, thread: Some(thread), eraser })
    }

    pub fn eraser(&self) -> Eraser {
        self.eraser.clone()
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
    vault: Vault,
    arena: Bump,
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
        self.prune()?;
        self.retire(now)
    }

    /// Keys of which no record is left go.
    fn retire(&self, now: Moment) -> io::Result<()> {
        let oldest = match journal::segments(&self.dir)?.first() {
            Some((_, path)) => first_moment(path).unwrap_or(now),
            None => now,
        };
        self.vault.retire(day(oldest)).map(drop)
    }

    fn forget(&mut self, mark: ListenerMark) -> io::Result<bool> {
        // What was decided before, and could not be written so far, is not sealed anew later.
        self.turn();
        for entry in &mut self.batch {
            if entry.sample.as_ref().is_some_and(|sample| sample.listener == Some(mark))
                && let Some(sample) = entry.sample.take()
            {
                self.ring.reuse(sample);
            }
        }
        self.vault.forget(mark)
    }

    fn write(&mut self) -> io::Result<()> {
        self.frames.resize_with(self.batch.len(), Vec::new);
        for (frame, entry) in self.frames.iter_mut().zip(&self.batch) {
            frame.clear();
            frame.extend_from_slice(&entry.record);
            let kept = match &entry.sample {
                Some(waiting) => {
                    keep(&entry.record, waiting, (&self.vault, &mut self.arena), frame)
                }
                None => None,
            };
            if kept.is_none() {
                sample::none(frame);
            }
            let counted = entry.sample.as_ref().map(|_| self.ring.stats.of(kept));
            counted.map(|counter| counter.fetch_add(1, Ordering::Relaxed));
        }
        // A key is on the disk before what it has sealed.
        self.vault.sync()?;
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

/// Writes what may be kept of a sample behind its record. `None`: nothing may, or it cannot be
/// sealed.
fn keep(
    record: &[u8],
    waiting: &Waiting,
    (vault, arena): (&Vault, &mut Bump),
    out: &mut Vec<u8>,
) -> Option<Kind> {
    arena.reset();
    let (record, _) = DecisionRecord::decode(record).ok()?;
    let cut = Cut::of(&record, waiting.sample(), waiting.listener, arena).ok()?;
    if !cut.personal {
        cut.clear(out);
        return Some(Kind::Clear);
    }
    let day = day(record.moment);
    let holder = waiting.listener.map_or(Holder::Nobody(day), Holder::Listener);
    let key = vault.key(holder, day).ok()??;
    let nonce = vault.nonce().ok()?;
    cut.seal(&key, &nonce, out).then_some(Kind::Sealed)
}

fn day(moment: Moment) -> u32 {
    u32::try_from(moment.unix_s() / DAY_S).unwrap_or(0)
}

/// When the first record of a file was made.
fn first_moment(path: &Path) -> Option<Moment> {
    let mut first = None;
    // The first record ends the reading.
    let _ = journal::read_file(path, &mut |payload| {
        first = DecisionRecord::decode(payload).ok().map(|(record, _)| record.moment);
        Err(String::new())
    });
    first
}
