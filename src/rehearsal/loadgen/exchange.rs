//! What does the exchange do with an answer? It holds some whole, and tells who has won and lost.
//!
//! A thread of its own beside that of the requests, so that neither a check nor a slow notice
//! delays a bid; cold. Notices are late and not always told. They go to the bidder under test,
//! whatever host their URLs name: in a test that is where they are meant to arrive.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::client::Target;
use super::lanes::Lanes;
use super::shots::Shots;
use super::verdict::{Wrong, wrong};
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
/// Answers that wait to be looked at; with more of them some are not looked at.
const ANSWERS_MAX: usize = 1 << 12;
const LANES: usize = 8;
/// How long it may take until an answer is looked at.
const TURN: Duration = Duration::from_millis(2);

/// An answer with a bid.
pub struct Answer {
    pub number: u64,
    pub body: Vec<u8>,
    /// To be held whole against its request.
    pub check: bool,
}

/// What the exchange has seen and told.
#[derive(Debug, Default)]
pub struct Told {
    pub checked: AtomicU64,
    pub wrong: [AtomicU64; Wrong::ALL.len()],
    /// Notices that were answered well.
    pub notices: AtomicU64,
    pub notice_errors: AtomicU64,
}

impl Told {
    pub fn wrong_answers(&self) -> u64 {
        self.wrong.iter().map(|count| count.load(Relaxed)).sum()
    }
}

/// Looks at answers and sends notices until it is ended, those that are due by then.
pub struct Exchange {
    answers: SyncSender<Answer>,
    thread: JoinHandle<()>,
    pub told: Arc<Told>,
}

impl Exchange {
    pub fn start(
        target: &Target,
        shots: &Arc<Shots>,
        returns: Returns,
        seed: u64,
    ) -> io::Result<Exchange> {
        let (answers, to_see) = sync_channel(ANSWERS_MAX);
        let told = Arc::<Told>::default();
        let lanes = if returns.win_share > 0.0 { LANES } else { 0 };
        let desk = Desk {
            lanes: Lanes::open(target.address, lanes)?,
            target: target.clone(),
            shots: Arc::clone(shots),
            returns,
            rng: Rng::new(seed ^ 0x6e6f_7469_6365),
            waiting: BinaryHeap::new(),
            told: Arc::clone(&told),
        };
        let thread = std::thread::Builder::new().name("exchange".to_owned());
        let thread = thread.spawn(move || desk.work(&to_see))?;
        Ok(Exchange { answers, thread, told })
    }

    /// Hands an answer over, where there is room.
    pub fn see(&self, answer: Answer) {
        let _ = self.answers.try_send(answer);
    }

    /// When all that is due has been told.
    pub fn end(self) -> Arc<Told> {
        drop(self.answers);
        // A panic has been reported by its thread.
        let _ = self.thread.join();
        self.told
    }
}

struct Desk {
    lanes: Lanes<()>,
    target: Target,
    shots: Arc<Shots>,
    returns: Returns,
    rng: Rng,
    waiting: BinaryHeap<Reverse<(Instant, String)>>,
    told: Arc<Told>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    seatbid: Vec<Seat<'a>>,
}

#[derive(Deserialize)]
struct Seat<'a> {
    #[serde(borrow, default)]
    bid: Vec<Bid<'a>>,
}

#[derive(Deserialize)]
struct Bid<'a> {
    #[serde(borrow, default)]
    impid: Cow<'a, str>,
    #[serde(default)]
    price: f64,
    #[serde(borrow)]
    nurl: Option<Cow<'a, str>>,
    #[serde(borrow)]
    burl: Option<Cow<'a, str>>,
    #[serde(borrow)]
    lurl: Option<Cow<'a, str>>,
}

impl Desk {
    fn work(mut self, answers: &Receiver<Answer>) {
        let (mut open, mut done) = (true, Vec::new());
        loop {
            for _ in 0..LANES {
                match answers.try_recv() {
                    Ok(answer) => self.look(&answer),
                    Err(why) => {
                        open = why != TryRecvError::Disconnected;
                        break;
                    }
                }
            }
            let due = self.send_due();
            if !open && due.is_none_or(|due| due > Duration::ZERO) && self.lanes.is_idle() {
                // What is not due by the end is among what never arrives.
                return;
            }
            let at_most = if self.lanes.has_free() { due.unwrap_or(TURN).min(TURN) } else { TURN };
            self.lanes.wait(at_most, &mut done);
            for ((), reply) in done.drain(..) {
                let well = reply.is_ok_and(|reply| reply.status < 400);
                let count = if well { &self.told.notices } else { &self.told.notice_errors };
                count.fetch_add(1, Relaxed);
            }
        }
    }

    fn look(&mut self, answer: &Answer) {
        if answer.check {
            let mut request = Vec::new();
            self.shots.load(answer.number, &mut request);
            self.told.checked.fetch_add(1, Relaxed);
            if let Some(why) = wrong(&request, &answer.body) {
                self.told.wrong[why as usize].fetch_add(1, Relaxed);
            }
        }
        if self.returns.win_share > 0.0
            && let Ok(response) = serde_json::from_slice(&answer.body)
        {
            self.auction(&response);
        }
    }

    /// Of each impression one bid may win, the others have lost.
    fn auction(&mut self, response: &Response<'_>) {
        let mut taken: Vec<&str> = Vec::new();
        for bid in response.seatbid.iter().flat_map(|seat| &seat.bid) {
            let wins = !taken.contains(&&*bid.impid) && self.rng.chance(self.returns.win_share);
            let calls = if wins { [&bid.nurl, &bid.burl] } else { [&bid.lurl, &None] };
            for url in calls.into_iter().flatten() {
                if self.rng.chance(self.returns.loss_share) || self.waiting.len() >= WAITING_MAX {
                    continue;
                }
                let url = url.replace("${AUCTION_PRICE}", &bid.price.to_string());
                let url = url.replace("${AUCTION_LOSS}", "102");
                let late = -(1.0 - self.rng.unit()).ln() * self.returns.delay.as_secs_f64();
                let due = Instant::now() + Duration::from_secs_f64(late);
                self.waiting.push(Reverse((due, url)));
            }
            if wins {
                taken.push(&bid.impid);
            }
        }
    }

    /// Sends as much of what is due as there are lanes; how long until the next is due.
    fn send_due(&mut self) -> Option<Duration> {
        loop {
            let Reverse((due, _)) = self.waiting.peek()?;
            let early = due.saturating_duration_since(Instant::now());
            if early > Duration::ZERO || !self.lanes.has_free() {
                return Some(early);
            }
            let Reverse((_, url)) = self.waiting.pop()?;
            let path = url.split_once("://").and_then(|(_, rest)| Some(&rest[rest.find('/')?..]));
            if let Some(path) = path {
                self.lanes.send((), |out| self.target.get(path, out));
            }
        }
    }
}
