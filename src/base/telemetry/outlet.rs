//! Who waits for the reader of the log? A thread of its own; nobody else.
//!
//! Who logs leaves a line and goes on, whatever becomes of it: where standard error is a full disk,
//! or a pipe that nobody empties, lines are lost and counted, and bids go on. Cold.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::time::Duration;

/// Lines that may wait: some hundred kilobytes.
const WAITING_MAX: usize = 1024;

/// At the end of the process: for a reader that still reads.
const SETTLES: Duration = Duration::from_secs(1);

static QUEUE: OnceLock<SyncSender<Item>> = OnceLock::new();
static LOST: AtomicU64 = AtomicU64::new(0);

enum Item {
    Line(Box<[u8]>),
    /// Answered when all before it is written.
    Settle(SyncSender<()>),
}

/// Takes a line with each write.
pub struct Outlet;

/// The log of the process; when it is dropped, what waits is written.
#[must_use = "without it, the last lines may be lost"]
pub struct Logs;

/// Starts the thread that writes; once a process.
pub fn open() -> io::Result<Logs> {
    if QUEUE.get().is_none() {
        let (queue, lines) = mpsc::sync_channel(WAITING_MAX);
        // Who opens it at the same time keeps the first.
        if QUEUE.set(queue).is_ok() {
            std::thread::Builder::new().name("log".to_owned()).spawn(move || write(&lines))?;
        }
    }
    Ok(Logs)
}

/// Lines that were lost since the start, as nobody read them fast enough.
pub fn lost() -> u64 {
    LOST.load(Relaxed)
}

impl Write for Outlet {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Some(queue) = QUEUE.get() else { return io::stderr().write(line) };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            queue.try_send(Item::Line(line.into()))
        {
            LOST.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let (done, written) = mpsc::sync_channel(1);
        let asked = QUEUE.get().map(|queue| queue.try_send(Item::Settle(done)));
        if matches!(asked, Some(Ok(()))) {
            // Who does not read by then has been waited for.
            let _ = written.recv_timeout(SETTLES);
        }
    }
}

fn write(lines: &Receiver<Item>) {
    let mut told = 0;
    // The queue is never closed: this ends with the process.
    for item in lines {
        let written = match item {
            Item::Line(line) => io::stderr().write_all(&line),
            Item::Settle(done) => {
                // Who waits no more needs no answer.
                let _ = done.try_send(());
                continue;
            }
        };
        let lost = lost();
        match written {
            Ok(()) if lost > told => {
                let _ = writeln!(io::stderr(), "{} lines of the log were lost here", lost - told);
                told = lost;
            }
            Ok(()) => {}
            // A full disk, or nobody at the other end any more.
            Err(_) => {
                LOST.fetch_add(1, Relaxed);
            }
        }
    }
}
