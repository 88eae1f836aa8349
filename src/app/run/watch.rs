//! When does the world change? When a campaign file has, or when somebody asks (SIGHUP).
//!
//! A thread of its own builds the new world off the bid path and publishes it. Faults are logged
//! and change nothing.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::foundation::{Marks, Summary};
use super::node::Node;
use super::press::Press;
use crate::base::stdx::niceness::give_way;

pub struct Watcher {
    asks: Option<Sender<Ask>>,
    thread: Option<JoinHandle<()>>,
}

/// A wish for a new world, and where the end of it is to be told.
struct Ask(Option<Sender<Result<Summary, String>>>);

/// How long files must stay as they are before they are taken to be whole.
const SETTLES: Duration = Duration::from_millis(50);

impl Watcher {
    /// `watch_ms`: how often files are looked at; 0 only on asking.
    pub fn start(press: Press, node: Arc<Node>, watch_ms: u64) -> io::Result<Watcher> {
        let (asks, asked) = mpsc::channel();
        let every = (watch_ms > 0).then(|| Duration::from_millis(watch_ms));
        let thread = std::thread::Builder::new().name("campaigns".to_owned()).spawn(move || {
            // Beside busy bid threads a build still gets a tenth of a core.
            if let Err(why) = give_way(10) {
                tracing::warn!(%why, "worlds are built with the priority of bids");
            }
            watch(press, &node, &asked, every);
        })?;
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

fn watch(mut press: Press, node: &Node, asked: &Receiver<Ask>, every: Option<Duration>) {
    loop {
        let ask = match every {
            Some(every) => asked.recv_timeout(every),
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match ask {
            Ok(Ask(tell)) => {
                press.note(press.marks());
                let end = press.swap(node, true);
                if let Some(tell) = tell {
                    // Who asked may have left.
                    let _ = tell.send(end);
                }
            }
            Err(RecvTimeoutError::Timeout) if press.has_news() => {
                press.note(settled(&press));
                // The log tells the end.
                let _ = press.swap(node, false);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Waits while files are still being written; bounded, as somebody may write for ever.
fn settled(press: &Press) -> Marks {
    let mut marks = press.marks();
    for _ in 0..100 {
        std::thread::sleep(SETTLES);
        let now = press.marks();
        if now == marks {
            break;
        }
        marks = now;
    }
    marks
}
