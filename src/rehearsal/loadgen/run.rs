//! Who sends? One thread over many connections: each request as soon as it is due and one is free.
//!
//! Started by `interlude load`; cold, but cheap. Where all connections are busy, requests wait, and
//! their latency counts the wait; one that waits for more than half of its `tmax` is never sent, as
//! an exchange does not ask whom it leaves no time, and is an error.

use std::collections::VecDeque;
use std::io;
use std::iter::Peekable;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use memchr::memmem;
use rustix::time::{ClockId, clock_gettime};

use super::arrivals::{Arrivals, Profile};
use super::client::Target;
use super::exchange::{Answer, Exchange, Returns};
use super::figures::{Figures, Generator, Latencies, Second, Sheet, rounded};
use super::http::Reply;
use super::lanes::Lanes;
use super::server::Server;
use super::shots::Shots;
use crate::base::stdx::rng::Rng;
use crate::base::units::time::Moment;
use crate::rehearsal::traffic::Requests;

/// How often the counts of a second are looked at, whatever is due.
const TURN: Duration = Duration::from_millis(50);

/// A generator that sends a hundredth of its requests later than this, or that has no more time
/// of its core left than this, is part of what it measures.
const LAG_MAX_US: u64 = 2_000;
const CPU_SHARE_MAX: f64 = 0.95;

/// A load test.
#[derive(Clone, Debug)]
pub struct Plan {
    pub target: Target,
    /// Requests a second.
    pub rate: f64,
    pub profile: Profile,
    pub duration: Duration,
    /// How long the rate is sent before, without being counted, over the same connections.
    pub warm_up: Duration,
    /// Requests in all, at most, without those of the warm-up.
    pub limit: u64,
    pub connections: usize,
    /// Listeners of the seed who take part.
    pub listeners: u32,
    pub seed: u64,
    /// How long answers may take, instead of what each request says.
    pub tmax_ms: Option<u64>,
    /// Of the answers with a bid, how many are held whole against their request.
    pub check_share: f64,
    pub returns: Returns,
    /// The moment that requests tell of.
    pub moment: Moment,
}

impl Plan {
    /// What it sends, made once for all tests of it.
    pub fn shots(&self) -> Arc<Shots> {
        let requests = Requests::new(self.seed, self.listeners);
        let all = self.warm_up + self.duration;
        let expected = (self.rate * all.as_secs_f64()).ceil() as u64;
        Arc::new(Shots::new(&requests, expected.min(self.limit), self.moment, self.tmax_ms))
    }
}

/// A request of a test: its number, and when it is due.
#[derive(Clone, Copy)]
struct Due {
    number: u64,
    at: Duration,
}

struct Test<'a> {
    plan: &'a Plan,
    shots: &'a Shots,
    arrivals: Peekable<Arrivals>,
    /// The number of the first arrival: the warm-up has used those before.
    first: u64,
    /// Due, but there was no connection.
    backlog: VecDeque<Due>,
    lanes: Lanes<Due>,
    exchange: &'a Exchange,
    server: Option<Server>,
    sheet: Sheet,
    lag: Latencies,
    rng: Rng,
    begun: Instant,
}

/// Runs it to its end; each second is told meanwhile.
///
/// # Errors
/// When a thread or a socket cannot be had.
pub fn run(plan: &Plan, shots: &Arc<Shots>, seconds: &Sender<Second>) -> io::Result<Figures> {
    let exchange = Exchange::start(&plan.target, shots, plan.returns, plan.seed)?;
    let server = Server::behind(plan.target.address);
    let of_rate = (plan.rate, plan.profile);
    let arrivals = Arrivals::new(plan.seed, of_rate, plan.duration, plan.limit);
    let lanes = Lanes::open(plan.target.address, plan.connections.max(1))?;
    // Waits end when they are meant to, not some 50 µs later.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    let cpu = || server.and_then(Server::cpu_us);
    let mut test = Test {
        plan,
        shots,
        arrivals: arrivals.peekable(),
        first: 0,
        backlog: VecDeque::new(),
        lanes,
        exchange: &exchange,
        server,
        sheet: Sheet::new(plan.duration),
        lag: Latencies::new(),
        rng: Rng::new(plan.seed),
        begun: Instant::now(),
    };
    test.warm_up();
    let (before, own_before) = (cpu(), own_cpu());
    test.begun = Instant::now();
    let due = test.play(seconds);
    let took = test.begun.elapsed();
    let (sheet, lag) = (test.sheet, test.lag.at(99.0));
    let cpu_us = before.zip(cpu()).map(|(before, after)| after.saturating_sub(before));
    let busy = (own_cpu() - own_before).as_secs_f64() / took.as_secs_f64().max(1e-9);
    let generator = Generator {
        lag_p99_us: lag,
        cpu_share: rounded(busy),
        was_the_limit: lag > LAG_MAX_US || busy > CPU_SHARE_MAX,
    };
    let told = exchange.end();
    // The limit ends a test before its time.
    let offered = if due >= plan.limit { took.min(plan.duration) } else { plan.duration };
    Ok(Figures::of(sheet, &told, (offered, took), (cpu_us, generator)))
}

/// What this thread has run.
fn own_cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

impl Test<'_> {
    /// What is sent now is answered, checked and told of as all else, but counted in no figure.
    fn warm_up(&mut self) {
        let Plan { seed, rate, warm_up, .. } = *self.plan;
        let before = Arrivals::new(!seed, (rate, Profile::Soak), warm_up, u64::MAX);
        let arrivals = std::mem::replace(&mut self.arrivals, before.peekable());
        let (nobody, _) = channel();
        self.first = self.play(&nobody);
        self.arrivals = arrivals;
        self.sheet = Sheet::new(self.plan.duration);
        self.lag = Latencies::new();
    }

    /// How many were due.
    fn play(&mut self, seconds: &Sender<Second>) -> u64 {
        let (mut done, mut due) = (Vec::new(), 0);
        loop {
            let now = self.begun.elapsed();
            due += self.take_due(now);
            self.send();
            let cpu = || self.server.and_then(Server::cpu_us);
            if let Some(second) = self.sheet.turn(now, cpu) {
                // Nobody need look.
                let _ = seconds.send(second);
            }
            let next = self.arrivals.peek().map(|(_, at)| *at);
            if next.is_none() && self.backlog.is_empty() && self.lanes.is_idle() {
                return due;
            }
            let early = next.map_or(TURN, |at| at.saturating_sub(self.begun.elapsed()));
            self.lanes.wait(early.min(TURN), &mut done);
            for (due, reply) in done.drain(..) {
                self.settle(due, reply);
            }
        }
    }

    fn take_due(&mut self, now: Duration) -> u64 {
        let mut count = 0;
        while let Some((number, at)) = self.arrivals.next_if(|(_, at)| *at <= now) {
            self.backlog.push_back(Due { number: self.first + number, at });
            count += 1;
        }
        self.sheet.now.due += count;
        count
    }

    fn send(&mut self) {
        let mut body = Vec::new();
        // With lanes left over, whoever waits has waited for the generator alone.
        let crowded = self.backlog.len() > 1 && !self.lanes.has_free();
        while let Some(due) = self.backlog.front().copied() {
            let waited = self.begun.elapsed().saturating_sub(due.at);
            if waited > self.shots.tmax(due.number) / 2 {
                self.backlog.pop_front();
                self.sheet.record(waited);
                self.sheet.now.errors += 1;
                self.sheet.now.unsent += 1;
                continue;
            }
            if !self.lanes.has_free() {
                return;
            }
            self.backlog.pop_front();
            if !crowded {
                self.lag.record(waited);
            }
            self.shots.load(due.number, &mut body);
            let target = &self.plan.target;
            self.lanes.send(due, |out| target.post(&target.path, &body, out));
        }
    }

    fn settle(&mut self, due: Due, reply: io::Result<Reply>) {
        let latency = self.begun.elapsed().saturating_sub(due.at);
        self.sheet.record(latency);
        let late = latency > self.shots.tmax(due.number);
        let now = &mut self.sheet.now;
        let body = match reply {
            Ok(Reply { status: 200, body }) => Some(body),
            Ok(Reply { status: 204, .. }) => None,
            Ok(_) | Err(_) => return now.errors += 1,
        };
        now.late += u64::from(late);
        // Some say no with a reason (`nbr`) rather than with 204.
        let bids = body.filter(|body| memmem::find(body, b"\"price\"").is_some());
        let Some(body) = bids else { return now.no_bids += 1 };
        now.bids += 1;
        now.bids_in_time += u64::from(!late);
        let check = self.rng.chance(self.plan.check_share);
        if check || self.plan.returns.win_share > 0.0 {
            self.exchange.see(Answer { number: due.number, body, check });
        }
    }
}
