//! What does the exchange tell afterwards? Wins, losses and billing, late and not always.
//!
//! Calls go to the bidder under test, whatever host their URLs name: in a test that is where they
//! are meant to arrive. Made on a thread of its own, so that a slow notice delays no bid; cold.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{Client, Target};
use crate::base::stdx::rng::Rng;

/// What becomes of bids.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Returns {
    /// Of the bids, how many win; 0: nothing is told at all.
    pub win_share: f64,
    /// Of what is to be told, how much never arrives.
    pub loss_share: f64,
    /// How late notices are, in the mean.
    pub delay: Duration,
}

/// Notices that wait at most; with more of them the newest are lost.
const WAITING_MAX: usize = 1 << 16;

/// Sends notices until it is dropped, those that are due by then.
pub struct Notices {
    queue: SyncSender<(Instant, String)>,
}

impl Notices {
    pub fn start(target: Target) -> std::io::Result<(Notices, JoinHandle<u64>)> {
        let (queue, told) = sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("notices".to_owned());
        let thread = thread.spawn(move || deliver(&told, Client::new(target)))?;
        Ok((Notices { queue }, thread))
    }

    /// The exchange's part: of each impression one bid may win, the others have lost.
    pub fn auction(&self, answer: &[u8], returns: Returns, rng: &mut Rng) {
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return };
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut taken: Vec<String> = Vec::new();
        for bid in list(&answer["seatbid"]).iter().flat_map(|seat| list(&seat["bid"])) {
            let imp = bid["impid"].as_str().unwrap_or_default().to_owned();
            let wins = !taken.contains(&imp) && rng.chance(returns.win_share);
            let price = bid["price"].to_string();
            let calls: &[&str] = if wins { &["nurl", "burl"] } else { &["lurl"] };
            for url in calls.iter().filter_map(|&call| bid[call].as_str()) {
                if rng.chance(returns.loss_share) {
                    continue;
                }
                let url = url.replace("${AUCTION_PRICE}", &price).replace("${AUCTION_LOSS}", "102");
                let late = -(1.0 - rng.unit()).ln() * returns.delay.as_secs_f64();
                let due = Instant::now() + Duration::from_secs_f64(late);
                // Full: who is told too much too late is told no more.
                if let Err(TrySendError::Disconnected(_)) = self.queue.try_send((due, url)) {
                    return;
                }
            }
            if wins {
                taken.push(imp);
            }
        }
    }
}

/// How many were answered well.
fn deliver(told: &Receiver<(Instant, String)>, mut client: Client) -> u64 {
    let mut waiting: BinaryHeap<Reverse<(Instant, String)>> = BinaryHeap::new();
    let (mut open, mut delivered) = (true, 0);
    while open || !waiting.is_empty() {
        let now = Instant::now();
        let due = waiting.peek().map(|Reverse((due, _))| due.saturating_duration_since(now));
        if due == Some(Duration::ZERO) {
            let Some(Reverse((_, url))) = waiting.pop() else { continue };
            let path =
                url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
            let answer = path.map(|path| client.get(path));
            delivered += u64::from(answer.is_some_and(|a| a.is_ok_and(|reply| reply.status < 300)));
            continue;
        }
        if !open {
            // What is not due by the end is among what never arrives.
            return delivered;
        }
        match told.recv_timeout(due.unwrap_or(Duration::from_secs(1))) {
            Ok(notice) if waiting.len() < WAITING_MAX => waiting.push(Reverse(notice)),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => open = false,
        }
    }
    delivered
}
