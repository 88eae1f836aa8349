//! How well would the pacer have spent this budget? A log of auctions, in virtual time. Cold.
//!
//! Called by `benches/pacing.rs` and tests. The controllers are those of production, turned once a
//! virtual second; only the purse is played here: holds that win, charges that come up to two
//! minutes later, holds of the losers that end after ten seconds. A line of price `P` bids `P ×
//! rate ÷ mean rate`, at its pace, in an auction of second price.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::auctions::Auction;
use crate::base::stdx::rng::Rng;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::{CampaignId, LineId};
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::offer::delivery::pacing::{
    Budgets, Counted, Curve, Dial, PPM, Pace, Pacer, Reading, Subject,
};

const DAY_S: i64 = 86_400;
/// A Monday midnight in UTC.
const START: Moment = Moment::from_unix_s(1_795_392_000);
/// The log's unit of price, in nanos.
const UNIT: i64 = 1_000_000;

/// How a log is replayed.
#[derive(Clone, Debug)]
pub struct Replay {
    pub seed: u64,
    /// The budget, as a part of what all impressions of the log cost together.
    pub budget: f64,
    /// The line's price, as a multiple of the mean price of the log.
    pub price: f64,
    /// 1 even, 2 front.
    pub ahead: f64,
    /// From this second on, rows come so many times as fast; the plan does not know.
    pub surge: Option<(i64, f64)>,
    /// For these seconds the process is stopped: nothing is bid, no turn is made.
    pub stop: Option<(i64, i64)>,
    /// How long a charge may take; half of that on average.
    pub lag_s: f64,
}

impl Default for Replay {
    fn default() -> Replay {
        Replay {
            seed: 1,
            budget: 0.125,
            price: 20.0,
            ahead: 1.0,
            surge: None,
            stop: None,
            lag_s: 120.0,
        }
    }
}

/// What was held for a bid, what is charged when it ends, and what the whole price would be.
type Held = (i64, i64, i64);

/// What came of a replay.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub wins: usize,
    pub clicks: usize,
    /// The sum of the rates of what was bought, and of the best that the money could have bought.
    pub value: f64,
    pub hindsight: f64,
    pub spent: i64,
    pub budget: i64,
    /// Bought in each minute, and the plan of each minute, in nanos.
    pub minutes: Vec<(i64, f64)>,
    /// The L1 distance of the hours' shares of spend and of traffic.
    pub hourly_l1: f64,
}

impl Report {
    pub fn value_share(&self) -> f64 {
        self.value / self.hindsight
    }

    pub fn spend_share(&self) -> f64 {
        self.spent as f64 / self.budget as f64
    }

    /// Minutes from `second` on until five minutes in a row keep within a fifth of the plan.
    pub fn recovered_after(&self, second: i64) -> Option<usize> {
        let since = self.minutes.get((second / 60) as usize..)?;
        let kept = |minutes: &[(i64, f64)]| {
            let (bought, plan) = minutes.iter().fold((0.0, 0.0), |(bought, plan), minute| {
                (bought + minute.0 as f64, plan + minute.1)
            });
            (bought / plan - 1.0).abs() < 0.2
        };
        since.windows(5).position(kept)
    }
}

/// Listening by day, as the traffic of the replay goes.
fn curve() -> Curve {
    Curve::of(&std::array::from_fn(|hour| {
        1.0 + 0.7 * ((hour as f64 % 24.0 - 19.5) / 24.0 * std::f64::consts::TAU).cos()
    }))
}

/// The state of a replay under way.
struct Play<'a> {
    replay: &'a Replay,
    rows: &'a [Auction],
    curve: Curve,
    mean_rate: f64,
    price: i64,
    rng: Rng,
    dial: Dial,
    spent: i64,
    held: i64,
    counts: Counted,
    /// By when they end: what was held, and what is charged then; losers' are charged nothing.
    open: BinaryHeap<Reverse<(i64, Held)>>,
    report: Report,
}

/// Replays a day.
pub fn run(rows: &[Auction], replay: &Replay) -> Report {
    let cost: i64 = rows.iter().map(|row| i64::from(row.price) * UNIT).sum();
    let rows_len = rows.len().max(1);
    let rate: f64 = rows.iter().map(|row| row.rate).sum();
    let budget = (cost as f64 * replay.budget) as i64;
    let report = Report { budget, hindsight: hindsight(rows, budget), ..Report::default() };
    let mut play = Play {
        replay,
        rows,
        curve: curve(),
        mean_rate: rate / rows_len as f64,
        price: (cost as f64 / rows_len as f64 * replay.price) as i64,
        rng: Rng::new(replay.seed),
        dial: Dial::new(Pace::new(PPM / 10, PPM)),
        spent: 0,
        held: 0,
        counts: Counted::default(),
        open: BinaryHeap::new(),
        report,
    };
    play.day();
    play.report
}

impl Play<'_> {
    fn day(&mut self) {
        let (mut pacer, calendar) = (Pacer::new(300), Calendar::utc());
        let (mut next, mut due) = (0, 0.0);
        let (mut bought, mut traffic) = ([0.0; 24], [0.0; 24]);
        let start = START.unix_s() as f64;
        for second in 0..DAY_S {
            let (now, from) = (START.plus_s(second), start + second as f64);
            let part = self.curve.between(from, from + 1.0)
                / self.curve.between(start, start + DAY_S as f64);
            let stopped = self.replay.stop.is_some_and(|(at, s)| (at..at + s).contains(&second));
            self.settle(second);
            let surge = self.replay.surge.filter(|&(at, _)| second >= at).map_or(1.0, |(_, by)| by);
            due += part * surge * self.rows.len() as f64;
            let before = self.report.spent;
            while next < self.rows.len() && due >= 1.0 {
                due -= 1.0;
                if !stopped {
                    self.auction(self.rows[next], second);
                    traffic[(second / 3600) as usize] += 1.0;
                }
                next += 1;
            }
            let spent = self.report.spent - before;
            bought[(second / 3600) as usize] += spent as f64;
            self.minute(second, spent, part);
            if !stopped {
                let subject = self.subject(&calendar);
                pacer.turn(now, self.counts.asked, &[subject]);
            }
        }
        let sum = |hours: &[f64]| hours.iter().sum::<f64>().max(1e-9);
        let (all, of_all) = (sum(&bought), sum(&traffic));
        let apart = bought.iter().zip(&traffic).map(|(b, t)| (b / all - t / of_all).abs());
        self.report.hourly_l1 = apart.sum();
    }

    fn subject<'s>(&'s self, calendar: &'s Calendar) -> Subject<'s> {
        let until = START.plus_s(DAY_S);
        let (limit, spent, held) = (self.report.budget, self.spent, self.held);
        let total = Some(Reading { limit, spent, held, expected: false, from: START, until });
        Subject {
            line: (LineId(1), Currency::USD),
            campaign: CampaignId(1),
            dial: &self.dial,
            calendar,
            curve: Some(self.curve.clone()),
            ahead: self.replay.ahead,
            price: self.price,
            agreed: false,
            own: Budgets { total, day: None },
            of_campaign: Budgets::default(),
            counts: self.counts,
        }
    }

    fn minute(&mut self, second: i64, spent: i64, part: f64) {
        let minute = (second / 60) as usize;
        self.report.minutes.resize(minute + 1, (0, 0.0));
        self.report.minutes[minute].0 += spent;
        self.report.minutes[minute].1 += part * self.report.budget as f64;
    }

    /// What has come due: charges, and losers' holds.
    fn settle(&mut self, second: i64) {
        while let Some(&Reverse((at, (held, charge, full)))) = self.open.peek() {
            if at > second {
                return;
            }
            self.open.pop();
            self.held -= held;
            self.spent += charge;
            self.counts.impressions += u64::from(charge > 0);
            self.counts.charged += charge;
            self.counts.unshaded += if charge > 0 { full } else { 0 };
        }
    }

    fn auction(&mut self, row: Auction, second: i64) {
        self.counts.asked += 1;
        let pace = self.dial.read();
        let full = (self.price as f64 * row.rate / self.mean_rate) as i64;
        let (bid, price) = (pace.shade(full), i64::from(row.price) * UNIT);
        let fits = self.spent + self.held + bid <= self.report.budget;
        if bid <= 0 || !fits || !pace.passes(self.rng.next_u64()) {
            return;
        }
        self.held += bid;
        self.counts.taken += bid;
        if bid < price {
            self.open.push(Reverse((second + 10, (bid, 0, full))));
            return;
        }
        let lag_s = (self.rng.unit() * self.replay.lag_s) as i64;
        self.open.push(Reverse((second + 1 + lag_s, (bid, price, full))));
        self.counts.wins += 1;
        let report = &mut self.report;
        report.spent += price;
        report.wins += 1;
        report.clicks += usize::from(row.clicked);
        report.value += row.rate;
    }
}

/// The most value that the budget could have bought, had all been known: the best by rate for its
/// price, the last one in part.
fn hindsight(rows: &[Auction], budget: i64) -> f64 {
    let mut best: Vec<&Auction> = rows.iter().collect();
    let worth = |row: &Auction| row.rate / f64::from(row.price.max(1));
    best.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
    let (mut left, mut value) = (budget as f64, 0.0);
    for row in best {
        let price = f64::from(row.price) * UNIT as f64;
        let part = if price > 0.0 { (left / price).min(1.0) } else { 1.0 };
        value += part * row.rate;
        left -= part * price;
        if left <= 0.0 {
            break;
        }
    }
    value
}
