//! One run: what happens, in order, until all is over; then the audit.

mod end;
mod trade;

use super::auditor::Auditor;
use super::ground::Ground;
use super::house::House;
use super::plan::{Account, Plan};
use super::queue::{History, Queue};
use super::summary::{LineStory, Mark, Ran, Summary};
use super::telling::Telling;
use super::venue::Venue;
use super::weather::{beginning, busyness, poisson, step_us};
use super::{Broken, Faults, Kind, Order};
use crate::base::stdx::rng::Rng;
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::rehearsal::traffic::Requests;

const SECOND_US: i64 = 1_000_000;
const LISTENERS: u32 = 60;
const SEASON_LISTENERS: u32 = 20_000;
/// Looks at every line for the picture.
const LOOKS: i64 = 240;

enum Event {
    Request,
    Tell(Telling),
    Turn,
    Sync,
    Edit,
    /// An account's money comes in, or goes back.
    Fund,
    Crash,
    Stop,
    Open,
    Step(i64),
    /// The disk breaks, fills, or has room again.
    Break,
    Fill,
    Room,
    Look,
}

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fall {
    Orderly,
    /// The machine goes on.
    Killed,
    /// What was not synced may be gone.
    PowerCut,
    /// Its journal had failed, and it was started anew.
    Failed,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub done_ppm: u32,
    pub bids: u64,
    pub wins: u64,
    pub crashes: u64,
}

/// Runs one order to its end.
pub fn run(
    ground: &Ground,
    order: &Order,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Ran, Broken> {
    let mut run = Run::begin(ground, order)?;
    while let Some((at_us, event)) = run.queue.next() {
        if at_us > run.over_us {
            break;
        }
        run.now_us = at_us;
        let looks = matches!(event, Event::Look);
        run.happen(event)?;
        if looks {
            progress(&run.progress());
        }
    }
    run.end()
}

struct Run<'a> {
    order: &'a Order,
    rng: Rng,
    queue: Queue<Event>,
    history: History,
    auditor: Auditor,
    house: House,
    plan: Plan,
    venues: Vec<Venue>,
    requests: Requests,
    start_us: i64,
    end_us: i64,
    /// The last notice comes before this.
    over_us: i64,
    now_us: i64,
    /// How far the process's clock is ahead of the time.
    ahead_us: i64,
    asked: u64,
    /// … in each hour since the start.
    hours: Vec<u64>,
    /// What all bids would have cost.
    bid_nanos: i64,
    sync_planned: bool,
    /// The disk broke or filled up, and a start may fail for it.
    disk_struck: bool,
    summary: Summary,
    crashes: u64,
    opens: u64,
    stories: Vec<LineStory>,
    marks: Vec<(f64, Mark)>,
    faults: Vec<String>,
}

impl<'a> Run<'a> {
    fn begin(ground: &Ground, order: &'a Order) -> Result<Run<'a>, Broken> {
        let mut rng = Rng::new(order.seed ^ 0x1d1e_5eed_0000_0000);
        let (zone, start_s) = beginning(&mut rng, order);
        let flight = (start_s, start_s + order.span_s);
        let plan = Plan::draw(&mut rng, order.kind, zone, flight);
        let venues = if order.kind == Kind::Storm { rng.between(1, 3) } else { 2 };
        let venues: Vec<Venue> =
            (0..venues).map(|i| Venue::draw(&mut rng, order.kind, i)).collect();
        let house = House::new(ground, &plan, &venues, order)?;
        let listeners = if order.kind == Kind::Storm { LISTENERS } else { SEASON_LISTENERS };
        let longest = venues.iter().map(|venue| i64::from(venue.row.ticket_ttl_s)).max();
        let stories = plan.stories();
        let mut run = Run {
            order,
            rng,
            queue: Queue::new(),
            history: History::new(),
            auditor: Auditor::default(),
            house,
            plan,
            venues,
            requests: Requests::new(order.seed, listeners),
            start_us: start_s * SECOND_US,
            end_us: flight.1 * SECOND_US,
            over_us: (flight.1 + 5 * longest.unwrap_or(0)) * SECOND_US,
            now_us: start_s * SECOND_US,
            ahead_us: 0,
            asked: 0,
            hours: Vec::new(),
            bid_nanos: 0,
            sync_planned: false,
            disk_struck: false,
            summary: Summary::of(order.seed),
            crashes: 0,
            opens: 0,
            stories,
            marks: Vec::new(),
            faults: Vec::new(),
        };
        run.auditor.orders(&run.plan);
        run.foresee();
        run.happen(Event::Open)?;
        Ok(run)
    }

    /// Plans what does not follow from anything else.
    fn foresee(&mut self) {
        let span_us = self.end_us - self.start_us;
        // A day of which the delivery is measured is looked at each minute.
        let looks = if self.order.is_delivery() { self.order.span_s / 60 } else { LOOKS };
        for look in 0..=looks {
            self.queue.plan(self.start_us + span_us / looks * look, Event::Look);
        }
        self.queue.plan(self.start_us, Event::Turn);
        self.queue.plan(self.start_us, Event::Request);
        let faults = self.order.faults;
        let Faults { crashes, stops, clock_steps, swaps, funds, disk_faults, .. } = faults;
        let means = [crashes, stops, clock_steps, swaps, funds, disk_faults];
        for (what, mean) in means.into_iter().enumerate() {
            for _ in 0..poisson(&mut self.rng, mean) {
                let at_us = self.start_us + (self.rng.unit() * span_us as f64) as i64;
                let event = match what {
                    0 => Event::Crash,
                    1 => Event::Stop,
                    2 => Event::Step(step_us(&mut self.rng)),
                    3 => Event::Edit,
                    4 => Event::Fund,
                    _ if self.rng.chance(0.5) => Event::Fill,
                    _ => Event::Break,
                };
                self.queue.plan(at_us, event);
            }
        }
    }

    /// What the process's clock says.
    fn clock(&self) -> Moment {
        Moment::from_unix_us(self.now_us + self.ahead_us)
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Request => self.request(),
            Event::Tell(telling) => self.tell(telling),
            Event::Turn => {
                self.house.turn(self.clock());
                if self.house.has_failed() {
                    self.fall(Fall::Failed);
                }
                self.plan_sync();
                if self.now_us < self.over_us {
                    self.queue.plan(self.now_us + SECOND_US, Event::Turn);
                }
            }
            Event::Sync => {
                self.sync_planned = false;
                let answered = self.house.sync();
                self.answered(answered);
                self.plan_sync();
            }
            Event::Edit => {
                self.plan.edit(&mut self.rng);
                self.note(b'e', &[]);
                self.auditor.orders(&self.plan);
                self.house.publish(&self.plan, self.clock())?;
                self.mark(Mark::Edit);
            }
            Event::Fund => self.fund(),
            Event::Crash if self.rng.chance(0.5) => self.fall(Fall::Killed),
            Event::Crash => self.fall(Fall::PowerCut),
            Event::Stop => self.fall(Fall::Orderly),
            Event::Open => self.open()?,
            Event::Step(by_us) => {
                self.ahead_us += by_us;
                self.auditor.clock_was_set(by_us);
                self.note(b's', &by_us.to_le_bytes());
                self.mark(Mark::ClockStep);
            }
            Event::Break => {
                let sync = self.rng.chance(0.7);
                self.house.break_disk(sync);
                self.disk_struck = true;
                self.mark(Mark::Disk);
            }
            Event::Fill => {
                let left = self.rng.below(2000) as u64;
                self.house.fill_disk(Some(left));
                self.disk_struck = true;
                self.mark(Mark::Disk);
                let full_us = self.rng.between(1, 60) as i64 * SECOND_US;
                self.queue.plan(self.now_us + full_us, Event::Room);
            }
            Event::Room => self.house.fill_disk(None),
            Event::Look => self.look(),
        }
        Ok(())
    }

    /// The process starts, and is started again while its disk is full or broken.
    fn open(&mut self) -> Result<(), Broken> {
        if self.house.is_open() {
            return Ok(());
        }
        self.pay();
        self.auditor.started();
        match self.house.open(self.clock()) {
            Ok(()) => {}
            Err(_) if self.disk_struck => {
                self.queue.plan(self.now_us + 2 * SECOND_US, Event::Open);
            }
            Err(why) => return Err(why),
        }
        self.note(b'o', &[u8::from(self.house.is_open())]);
        Ok(())
    }

    /// Who pays ahead does so before the first start, and now and then before others.
    fn pay(&mut self) {
        for (a, account) in self.plan.accounts.iter().enumerate() {
            let Some(first) = account.prepaid else { continue };
            if self.opens > 0 && !self.rng.chance(0.4) {
                continue;
            }
            let nanos = if self.opens == 0 { first } else { first / 2 };
            let currency = Currency::parse(account.currency).unwrap_or(Currency::USD);
            let key = format!("{}-{}", account.key, self.opens);
            let money = Money::new(nanos, currency);
            if self.house.pay((&account.key, key), money, self.clock()) {
                self.auditor.paid(a, nanos);
            }
        }
        self.opens += 1;
    }

    /// Who pays ahead pays more, or takes back what is neither spent nor held.
    fn fund(&mut self) {
        let account = self.rng.below(self.plan.accounts.len());
        let (part, back) = (self.rng.unit(), self.rng.chance(0.4));
        let Account { key, currency, prepaid: Some(first), .. } = &self.plan.accounts[account]
        else {
            return;
        };
        let nanos = (*first as f64 * part * 0.5) as i64 + 1;
        let nanos = if back { -nanos } else { nanos };
        let money = Money::new(nanos, Currency::parse(currency).unwrap_or(Currency::USD));
        let named = (key.as_str(), format!("{key}-live-{}", self.now_us));
        // The auditor hears of what may go back only once it did.
        if self.house.fund(named, money, self.clock()) || !back {
            self.auditor.paid(account, nanos);
            self.note(b'p', &nanos.to_le_bytes());
        }
    }

    fn plan_sync(&mut self) {
        if self.house.waits() && !self.sync_planned {
            self.sync_planned = true;
            let slow = self.order.kind == Kind::Storm && self.rng.chance(0.02);
            let wait_us = if slow { 1_500_000 } else { self.rng.between(300, 5000) as i64 };
            self.queue.plan(self.now_us + wait_us, Event::Sync);
        }
    }

    fn fall(&mut self, how: Fall) {
        if !self.house.is_open() {
            return;
        }
        if how == Fall::Orderly {
            let answered = self.house.close(self.clock());
            self.answered(answered);
        } else {
            self.crashes += 1;
            let machine = (how == Fall::PowerCut).then(|| self.rng.next_u64());
            for telling in self.house.crash(machine) {
                self.again(telling);
            }
        }
        self.note(b'f', &[how as u8]);
        self.mark(if how == Fall::Orderly { Mark::Stop } else { Mark::Crash });
        let down_us = (self.rng.unit() * self.rng.unit() * 60e6) as i64 + 1000;
        self.queue.plan(self.now_us + down_us, Event::Open);
    }

    /// How much of the span is over.
    fn part(&self) -> f64 {
        (self.now_us - self.start_us) as f64 / (self.end_us - self.start_us) as f64
    }

    fn look(&mut self) {
        let at = self.part();
        if !self.house.is_open() {
            return;
        }
        for story in &mut self.stories {
            let book = self.house.line(story.id, story.currency);
            story.points.push((at, book.spent, book.held));
        }
    }

    fn mark(&mut self, mark: Mark) {
        self.marks.push((self.part(), mark));
    }

    fn note(&mut self, what: u8, came_to: &[u8]) {
        self.history.note(self.now_us, what, came_to);
    }

    fn progress(&self) -> Progress {
        let (done, of) = (self.now_us - self.start_us, self.end_us - self.start_us);
        Progress {
            done_ppm: (done.clamp(0, of) as f64 / of as f64 * 1e6) as u32,
            bids: self.summary.bids,
            wins: self.summary.wins,
            crashes: self.crashes,
        }
    }

    /// Until the next request: as the hour of the day has it.
    fn pause_us(&mut self) -> i64 {
        let mean_s = self.order.span_s as f64 / f64::from(self.order.requests);
        let rate = match self.order.kind {
            Kind::Storm => 1.0,
            Kind::Season => busyness(self.now_us / SECOND_US),
            Kind::Delivery(delivery) => {
                let part = self.part();
                busyness(self.now_us / SECOND_US) * delivery.surge(part)
            }
        };
        let wait_s = -(1.0 - self.rng.unit()).ln() * mean_s / rate;
        ((wait_s * 1e6) as i64).max(1)
    }
}
