//! Who ends what has ended? A thread that sweeps holds and remembered notices.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Till;
use crate::base::units::time::Clock;

/// Sweeps until it is dropped.
pub struct Sweeper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    /// `every_ms`: `delivery.sweep_ms`.
    pub fn start(till: Arc<Till>, clock: Arc<dyn Clock>, every_ms: u32) -> io::Result<Sweeper> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let pause = Duration::from_millis(u64::from(every_ms.max(1)));
        let thread = std::thread::Builder::new().name("sweep".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                till.sweep(clock.now());
                std::thread::park_timeout(pause);
            }
        })?;
        Ok(Sweeper { stop, thread: Some(thread) })
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic has been reported; nothing depends on the last sweep.
            let _ = thread.join();
        }
    }
}
