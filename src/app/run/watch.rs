//! When does the world change? When a campaign file has, or when somebody asks (SIGHUP).
//!
//! A thread of its own builds the new world off the bid path and publishes it. Faults are logged
//! and change nothing.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::foundation::{Foundation, Marks, Summary};
use super::node::Node;

pub struct Watcher {
    asks: Option<Sender<Ask>>,
    thread: Option<JoinHandle<()>>,
}

/// A wish for a new world, and where the end of it is to be told.
struct Ask(Option<Sender<Result<Summary, String>>>);

/// How long files must stay as they are before they are taken to be whole.
const SETTLES: Duration = Duration::from_millis(50);

impl Watcher {
    /// `known`: the files as they were before the world that is served was built from them, so
    /// that a change from then on is seen. `watch_ms`: how often files are looked at; 0 only on
    /// asking.
    pub fn start(
        foundation: Foundation,
        known: Marks,
        node: Arc<Node>,
        watch_ms: u64,
    ) -> io::Result<Watcher> {
        let (asks, asked) = mpsc::channel();
        let every = (watch_ms > 0).then(|| Duration::from_millis(watch_ms));
        let thread = std::thread::Builder::new()
            .name("campaigns".to_owned())
            .spawn(move || watch(&foundation, known, (&node, &asked), every))?;
        Ok(Watcher { asks: Some(asks), thread: Some(thread) })
    }

    pub fn reload(&self) -> Result<Summary, String> {
        let (tell, told) = mpsc::channel();
        self.ask(Ask(Some(tell)));
        told.recv().unwrap_or_else(|_| Err("the campaign watcher has ended".to_owned()))
    }

    pub fn ask_reload(&self) {
        self.ask(Ask(None));
    }

    fn ask(&self, ask: Ask) {
        if let Some(asks) = &self.asks {
            // Who listens no more drops the ask, and with it what waits for its end.
            let _ = asks.send(ask);
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.asks = None;
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by its thread.
            let _ = thread.join();
        }
    }
}

fn watch(
    foundation: &Foundation,
    mut known: Marks,
    (node, asked): (&Node, &Receiver<Ask>),
    every: Option<Duration>,
) {
    loop {
        let ask = match every {
            Some(every) => asked.recv_timeout(every),
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match ask {
            Ok(Ask(tell)) => {
                known = foundation.marks();
                let end = swap(foundation, node);
                if let Some(tell) = tell {
                    // Who asked may have left.
                    let _ = tell.send(end);
                }
            }
            Err(RecvTimeoutError::Timeout) if foundation.marks() != known => {
                known = settled(foundation);
                let _ = swap(foundation, node);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Waits while files are still being written; bounded, as somebody may write for ever.
fn settled(foundation: &Foundation) -> Marks {
    let mut marks = foundation.marks();
    for _ in 0..100 {
        std::thread::sleep(SETTLES);
        let now = foundation.marks();
        if now == marks {
            break;
        }
        marks = now;
    }
    marks
}

/// Builds and publishes; the log tells the end either way.
fn swap(foundation: &Foundation, node: &Node) -> Result<Summary, String> {
    let standing = node.standing();
    let listeners = Arc::clone(&standing.built.world.audience);
    let built = foundation.build_over(listeners, Some(&standing.built));
    let built = built.map_err(|why| why.to_string());
    let published = built.and_then(|built| {
        built.tell();
        foundation.keep(&built.world).map_err(|why| format!("worlds: {why}"))?;
        node.publish(built).map_err(|why| why.to_string())
    });
    match &published {
        Ok(summary) => tracing::info!(
            version = format!("{:016x}", summary.version),
            lines = summary.lines,
            listeners = summary.listeners,
            build_ms = summary.build_ms,
            "world swapped"
        ),
        Err(why) => {
            node.refused_swap();
            tracing::error!("the campaigns are not taken: {why}");
        }
    }
    published
}
