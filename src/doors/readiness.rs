//! May requests come? What the health checks of both listeners answer.

use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

/// Shared by the listeners and the run that wires them; starts as starting.
#[derive(Default)]
pub struct Readiness(AtomicU8);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// No world is published yet.
    Starting,
    Ready,
    /// The server ends: it still answers, and says so.
    Draining,
}

impl Readiness {
    /// Goes forward only: a server that drains does not become ready again.
    pub fn advance(&self, stage: Stage) {
        self.0.fetch_max(stage as u8, SeqCst);
    }

    pub fn stage(&self) -> Stage {
        match self.0.load(SeqCst) {
            0 => Stage::Starting,
            1 => Stage::Ready,
            _ => Stage::Draining,
        }
    }
}

impl Stage {
    /// The body of `/health/ready`; 200 for ready, else 503.
    pub const fn word(self) -> &'static str {
        match self {
            Stage::Starting => "starting",
            Stage::Ready => "ready",
            Stage::Draining => "draining",
        }
    }
}
