//! Who sends? So many connections, each taking the next request that is due as soon as it is free.
//!
//! Started by `interlude load`; cold. Where all are busy, requests wait, and their latency counts
//! the wait; what still waits a while after the end is an error, as late as it has waited.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use memchr::memmem;

use super::arrivals::{Arrivals, Profile};
use super::client::{Client, Reply, Target};
use super::figures::{Figures, Latencies, Tally};
use super::notices::{Notices, Returns};
use super::server::Server;
use super::shots::Shots;
use super::verdict::wrong;
use crate::base::stdx::rng::Rng;
use crate::base::units::time::Moment;
use crate::rehearsal::traffic::Requests;

/// How long after the end what is late may still be sent.
const GRACE: Duration = Duration::from_secs(5);

/// Memory of one connection's thread: it keeps one request and one answer.
const STACK_BYTES: usize = 256 << 10;

/// A load test.
#[derive(Clone, Debug)]
pub struct Plan {
    pub target: Target,
    /// Requests a second.
    pub rate: f64,
    pub profile: Profile,
    pub duration: Duration,
    /// Requests in all, at most.
    pub limit: u64,
    pub connections: usize,
    /// Listeners of the seed who take part.
    pub listeners: u32,
    pub seed: u64,
    /// Of the answers with a bid, how many are held whole against their request.
    pub check_share: f64,
    pub returns: Returns,
    /// The moment that requests tell of.
    pub moment: Moment,
}

/// What the connections share.
struct Test {
    plan: Plan,
    shots: Shots,
    arrivals: Mutex<Arrivals>,
    notices: Option<Notices>,
    tally: Arc<Tally>,
    begun: Instant,
}

/// Runs it to its end; `tally` can be looked at meanwhile.
///
/// # Errors
/// When a thread cannot be started.
pub fn run(plan: Plan, tally: &Arc<Tally>) -> io::Result<Figures> {
    let requests = Requests::new(plan.seed, plan.listeners);
    let expected = (plan.rate * plan.duration.as_secs_f64()).ceil() as u64;
    let shots = Shots::new(&requests, expected.min(plan.limit), plan.moment);
    let server = Server::behind(plan.target.address);
    let (notices, delivering) = match plan.returns.win_share > 0.0 {
        true => Notices::start(plan.target.clone()).map(|(n, thread)| (Some(n), Some(thread)))?,
        false => (None, None),
    };
    let of_rate = (plan.rate, plan.profile);
    let arrivals = Mutex::new(Arrivals::new(plan.seed, of_rate, plan.duration, plan.limit));
    let cpu = || server.and_then(Server::cpu_us);
    let (before, begun) = (cpu(), Instant::now());
    let test = Test { shots, arrivals, notices, tally: Arc::clone(tally), begun, plan };
    let test = Arc::new(test);
    let threads = (0..test.plan.connections.max(1)).map(|number| {
        let test = Arc::clone(&test);
        let thread = std::thread::Builder::new().name(format!("load {number}"));
        thread.stack_size(STACK_BYTES).spawn(move || test.send(number as u64))
    });
    let threads: Vec<_> = threads.collect::<io::Result<_>>()?;
    let mut latencies = Latencies::new();
    for thread in threads {
        // A panic has been reported by its thread.
        if let Ok(of_thread) = thread.join() {
            latencies.add(&of_thread);
        }
    }
    let took = test.begun.elapsed();
    let cpu_us = before.zip(cpu()).map(|(before, after)| after - before);
    // The limit ends a test before its time.
    let limited = tally.due.load(Relaxed) >= test.plan.limit;
    let offered = if limited { took.min(test.plan.duration) } else { test.plan.duration };
    let figures = Figures::of(tally, &latencies, (offered, took), cpu_us);
    drop(test);
    if let Some(thread) = delivering {
        let _ = thread.join();
    }
    Ok(figures)
}

impl Test {
    fn send(&self, number: u64) -> Latencies {
        let mut client = Client::new(self.plan.target.clone());
        let mut rng = Rng::new(self.plan.seed ^ (number + 1));
        let (mut latencies, mut body) = (Latencies::new(), Vec::new());
        let last = self.plan.duration + GRACE;
        while let Some((index, due)) = self.next() {
            self.tally.count(&self.tally.due);
            if let Some(early) = due.checked_sub(self.begun.elapsed()) {
                std::thread::sleep(early);
            }
            if self.begun.elapsed() < last {
                self.shots.load(index, &mut body);
                let reply = client.bid(&self.plan.target.path, &body);
                latencies.record(self.begun.elapsed().saturating_sub(due));
                self.judge(reply, &body, &mut rng);
            } else {
                latencies.record(self.begun.elapsed().saturating_sub(due));
                self.tally.count(&self.tally.errors);
            }
        }
        latencies
    }

    fn next(&self) -> Option<(u64, Duration)> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    fn judge(&self, reply: io::Result<Reply>, body: &[u8], rng: &mut Rng) {
        let tally = &self.tally;
        let answer = match reply {
            Ok(Reply { status: 200, body }) => body,
            Ok(Reply { status: 204, .. }) => return tally.count(&tally.no_bids),
            Ok(_) | Err(_) => return tally.count(&tally.errors),
        };
        // Some say no with a reason (`nbr`) rather than with 204.
        if memmem::find(&answer, b"\"price\"").is_none() {
            return tally.count(&tally.no_bids);
        }
        tally.count(&tally.bids);
        if rng.chance(self.plan.check_share) {
            tally.count(&tally.checked);
            if let Some(why) = wrong(body, &answer) {
                tally.count(&tally.wrong[why as usize]);
            }
        }
        if let Some(notices) = &self.notices {
            notices.auction(&answer, self.plan.returns, rng);
        }
    }
}
