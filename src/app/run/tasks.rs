//! Who runs in the background? Named loops on threads of their own, each ended by its owner.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::base::stdx::niceness::give_way;

/// A named thread that does one thing every so often, until it is dropped.
pub struct Loop {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// As [`spawn`]; what bids and other loops leave of the cores is enough for it.
pub fn spawn_behind(
    name: &str,
    pause: Duration,
    mut turn: impl FnMut() + Send + 'static,
) -> io::Result<Loop> {
    let mut asked = false;
    spawn(name, pause, move || {
        if !std::mem::replace(&mut asked, true)
            && let Err(why) = give_way(19)
        {
            tracing::warn!(%why, "a background loop has the priority of bids");
        }
        turn();
    })
}

/// Runs `turn` now and then every `pause`; the name is the thread's, as tools show it.
pub fn spawn(
    name: &str,
    pause: Duration,
    mut turn: impl FnMut() + Send + 'static,
) -> io::Result<Loop> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        while !stopped.load(Ordering::Acquire) {
            turn();
            std::thread::park_timeout(pause);
        }
    })?;
    Ok(Loop { stop, thread: Some(thread) })
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic has been reported by its thread.
            let _ = thread.join();
        }
    }
}
