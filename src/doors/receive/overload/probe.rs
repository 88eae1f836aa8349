//! How long does work wait for its turn? A task of the bid runtime that waits like a request does.
//!
//! It sleeps a little, writes to a socket of its own, and sees how long it takes until it is there
//! to be read: behind every connection on which something had come before, in the kernel's queue
//! and in the runtime's. Then the door is steered by it. One a listener.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::net::UnixStream;

use super::Overload;
use super::control::{Control, Seen};

/// Between two looks at the queue; four of them to a turn of the valve.
const LOOK: Duration = Duration::from_millis(5);
const TURN: Duration = Duration::from_millis(20);

/// Runs for as long as the runtime does.
pub async fn watch(overload: Arc<Overload>, probe: Probe) {
    let mut control = Control::new(&overload.config);
    let mut before = Count::of(&overload);
    loop {
        let mut least = Duration::MAX;
        while before.at.elapsed() < TURN {
            least = least.min(probe.look().await);
        }
        let after = Count::of(&overload);
        let queue_us = u32::try_from(least.as_micros()).unwrap_or(u32::MAX);
        let (seen, asked) = before.until(&after, queue_us);
        overload.obey(&control.turn(&seen), &asked, queue_us);
        before = after;
    }
}

/// Two ends of a socket.
pub struct Probe {
    near: UnixStream,
    far: UnixStream,
}

impl Probe {
    /// To be called within the runtime that is watched.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn new() -> io::Result<Probe> {
        let (near, far) = UnixStream::pair()?;
        Ok(Probe { near, far })
    }

    /// How long it takes from when something comes until it is read.
    async fn look(&self) -> Duration {
        tokio::time::sleep(LOOK).await;
        let came = Instant::now();
        // Both ends are ours: neither fails, and there is room for a byte.
        let _ = self.near.try_write(&[0]);
        while self.far.readable().await.is_ok() && !self.read() {}
        let took = came.elapsed();
        // Until it is empty, so that the next look waits for the kernel's word, not the last one's.
        while self.read() {}
        took
    }

    fn read(&self) -> bool {
        self.far.try_read(&mut [0]).is_ok_and(|count| count > 0)
    }
}

/// What has been counted by a moment.
struct Count {
    at: Instant,
    asked: Vec<u64>,
    decided: u64,
    decided_ns: u64,
    cpu_ns: u64,
    held: usize,
}

impl Count {
    fn of(overload: &Overload) -> Count {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Count {
            at: Instant::now(),
            asked: overload.shares.iter().map(|share| share.asked.load(Relaxed)).collect(),
            decided: overload.decided.load(Relaxed),
            decided_ns: overload.decided_ns.load(Relaxed),
            cpu_ns: cpu.tv_sec.unsigned_abs() * 1_000_000_000 + cpu.tv_nsec.unsigned_abs(),
            held: overload.waiting.count(),
        }
    }

    /// What was seen between two moments, and what each exchange asked in it.
    fn until(&self, after: &Count, queue_us: u32) -> (Seen, Vec<f64>) {
        let asked = self.asked.iter().zip(&after.asked).map(|(before, after)| after - before);
        let asked: Vec<u64> = asked.collect();
        let seen = Seen {
            took_s: (after.at - self.at).as_secs_f64(),
            queue_us,
            asked: asked.iter().sum(),
            decided: after.decided - self.decided,
            decided_ns: after.decided_ns - self.decided_ns,
            cpu_ns: after.cpu_ns - self.cpu_ns,
            held: after.held,
        };
        (seen, asked.into_iter().map(|asked| asked as f64).collect())
    }
}
