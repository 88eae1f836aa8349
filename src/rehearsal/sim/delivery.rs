//! Is a budget spent wholly, and as the traffic comes? Days without faults, and their figures.
//!
//! Three lines of one price share a market in which all their impressions together would cost 1.2
//! times their budgets; the traffic of a day is as its plan says, or five times that from noon on.
//! The process is the one of every other run. Asked by `interlude simulate --delivery` and tests.

use serde::Serialize;

use super::ground::Ground;
use super::plan::{Account, Budget, Campaign, Line, Plan};
use super::run::{Progress, run};
use super::summary::{LineStory, Ran};
use super::venue::Venue;
use super::weather::busyness;
use super::{Broken, Faults, Kind, Order};
use crate::base::stdx::rng::Rng;

/// What the market is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trial {
    /// Wins are told; strict budgets.
    Even,
    /// As even, with five times the traffic from noon on, of which no plan knows.
    Surge,
    /// Neither wins nor losses are told; strict budgets.
    Silent,
    /// As silent, with expected budgets.
    Expected,
}

/// A trial, and what all lines together may spend; `None`: all they can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    pub trial: Trial,
    pub budget: Option<i64>,
}

/// What came of a trial; parts are of one, of the line that is worst off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Delivered {
    pub seed: u64,
    pub trial: &'static str,
    pub bids: u64,
    pub wins: u64,
    pub spend_to_budget: f64,
    /// The hours' shares of spend, less their shares of traffic, without sign, summed.
    pub hourly_l1: f64,
    /// Minutes after the step until five in a row keep within a fifth of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered_after_min: Option<usize>,
    /// What holds may leave unspent, by the formula of docs/pacing.md.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortfall_most: Option<f64>,
    /// Beyond the budget of the day, as a part of it.
    pub overspend: f64,
    /// Every promise of money was kept.
    pub audited: bool,
}

/// What all impressions cost, as a multiple of the budgets.
const SUPPLY: f64 = 1.2;
const SURGE: f64 = 5.0;
/// How the lines share the money.
const SHARES: [f64; 3] = [0.5, 0.3, 0.2];
/// One impression, in nanos of a dollar.
const BID: i64 = 8_000_000;
const DAY_S: i64 = 86_400;
const MINUTES: usize = 24 * 60;

impl Trial {
    pub const ALL: [Trial; 4] = [Trial::Even, Trial::Surge, Trial::Silent, Trial::Expected];

    pub fn name(self) -> &'static str {
        match self {
            Trial::Even => "even",
            Trial::Surge => "surge",
            Trial::Silent => "silent",
            Trial::Expected => "expected",
        }
    }

    fn tells(self) -> bool {
        matches!(self, Trial::Even | Trial::Surge)
    }

    /// How long a ticket lives.
    fn life_s(self) -> u32 {
        if self.tells() { 120 } else { 600 }
    }
}

/// Runs a day of a trial: first to see what there is to buy, then with budgets.
pub fn deliver(
    ground: &Ground,
    (seed, trial, requests): (u64, Trial, u32),
    progress: &mut dyn FnMut(&Progress),
) -> Result<(Ran, Delivered), Broken> {
    // A quarter of the traffic tells what all of it is worth.
    let asks = Delivery { trial: Trial::Even, budget: None };
    let asked = run(ground, &Order::delivery(seed, asks, requests / 4), &mut |_| {})?;
    let supply = 4.0 * asked.findings.spent.iter().sum::<i64>() as f64;
    let budget = Some((supply / SUPPLY) as i64);
    let order = Order::delivery(seed, Delivery { trial, budget }, requests);
    let ran = run(ground, &order, progress)?;
    let delivered = Delivered::of(trial, &ran);
    Ok((ran, delivered))
}

impl Order {
    fn delivery(seed: u64, delivery: Delivery, requests: u32) -> Order {
        let kind = Kind::Delivery(delivery);
        Order { seed, kind, span_s: DAY_S, requests, faults: Faults::NONE }
    }

    pub(super) fn is_delivery(&self) -> bool {
        matches!(self.kind, Kind::Delivery(_))
    }
}

impl Delivery {
    /// How many times the planned traffic comes at this part of the span.
    pub fn surge(self, part: f64) -> f64 {
        if self.trial == Trial::Surge && part >= 0.5 { SURGE } else { 1.0 }
    }

    pub fn plan(self, flight: (i64, i64)) -> Plan {
        let lines = SHARES.into_iter().enumerate().map(|(l, share)| {
            let most = self.budget.map(|budget| (budget as f64 * share) as i64);
            let expected = self.trial == Trial::Expected;
            Line {
                key: format!("l{l}"),
                bid: BID,
                budget: Budget { total: most, daily: most, expected },
                caps: Vec::new(),
                creative_caps: Vec::new(),
                shape: if most.is_some() { "even" } else { "asap" },
                traffic: most.map(|_| hours()),
                paused: false,
                flight: Some(flight),
            }
        });
        let campaign = Campaign {
            key: "c0".to_owned(),
            budget: Budget::default(),
            caps: Vec::new(),
            lines: lines.collect(),
        };
        let account = Account {
            key: "a0".to_owned(),
            currency: "USD",
            zone: "UTC",
            prepaid: None,
            caps: Vec::new(),
            campaigns: vec![campaign],
        };
        Plan { accounts: vec![account] }
    }

    /// What is other at an exchange that takes part.
    pub fn sets(self, venue: &mut Venue, rng: &mut Rng) {
        venue.row.sends_wins = self.trial.tells();
        venue.row.ticket_ttl_s = self.trial.life_s();
        venue.row.open_bids = 1;
        venue.tells_losses = false;
        venue.rival_cpm = 3.0 + 3.0 * rng.unit();
    }
}

/// How busy each hour of a day is, in thousandths of the mean.
fn hours() -> [u32; 24] {
    std::array::from_fn(|hour| (busyness(3600 * hour as i64 + 1800) * 1000.0) as u32)
}

impl Delivered {
    fn of(trial: Trial, ran: &Ran) -> Delivered {
        let lines = || ran.stories.iter().zip(&ran.findings.spent);
        let part = |(story, &spent): (&LineStory, &i64)| {
            spent as f64 / story.budget.unwrap_or(0).max(1) as f64
        };
        let off = |part: &f64| (part - 1.0).abs();
        let worst = lines().map(part).max_by(|a, b| off(a).total_cmp(&off(b)));
        let l1 = ran.stories.iter().map(|story| hourly_l1(story, &ran.hours));
        let recovered = ran.stories.iter().map(|story| recovered_after_min(story, ran.start_s));
        let recovered = recovered.map(|after| after.unwrap_or(MINUTES));
        let spent = ran.findings.spent.iter().sum::<i64>() as f64;
        let part_spent = spent / ran.bid_nanos.max(1) as f64;
        Delivered {
            seed: ran.summary.seed,
            trial: trial.name(),
            bids: ran.summary.bids,
            wins: ran.summary.wins,
            spend_to_budget: worst.unwrap_or(0.0),
            hourly_l1: l1.fold(0.0, f64::max),
            recovered_after_min: recovered.max().filter(|_| trial == Trial::Surge),
            shortfall_most: (trial == Trial::Silent)
                .then(|| shortfall_most(part_spent, trial.life_s(), &hours())),
            overspend: lines().map(part).fold(1.0, f64::max) - 1.0,
            audited: ran.holds(),
        }
    }

    /// Which of the figures that are promised are missed.
    pub fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let mut bar = |holds: bool, what: &str, is: f64, most: f64| {
            if !holds {
                missed.push(format!("{what} is {:.3} %, not {:.3} %", is * 100.0, most * 100.0));
            }
        };
        let short = 1.0 - self.spend_to_budget;
        let most = self.shortfall_most.map_or(0.005, |most| most + 0.001);
        let over = if self.trial == Trial::Expected.name() { 0.01 } else { 0.0 };
        bar(short.abs() <= most.max(over), "the distance from the budget", short, most);
        bar(self.overspend <= over, "the overspend", self.overspend, over);
        if self.trial == Trial::Even.name() {
            bar(self.hourly_l1 <= 0.03, "the hours' distance", self.hourly_l1, 0.03);
        }
        if self.recovered_after_min.is_some_and(|after| after > 10) {
            missed.push("the step of the traffic is not made good within ten minutes".to_owned());
        }
        if !self.audited {
            missed.push("the audit found a promise of money broken".to_owned());
        }
        missed
    }
}

/// The part of a budget that holds keep to the end of which nothing comes, at most:
/// docs/pacing.md.
fn shortfall_most(part_spent: f64, life_s: u32, hours: &[u32; 24]) -> f64 {
    let busy: u32 = hours.iter().sum();
    let last = f64::from(hours[23]) / f64::from(busy) * f64::from(life_s) / 3600.0;
    last * (1.0 - part_spent) / part_spent
}

/// What was spent by the end of each so many minutes, from nought on.
fn spent_each(story: &LineStory, minutes: usize) -> Vec<f64> {
    let upto: Vec<i64> = story.points.iter().step_by(minutes).map(|&(_, spent, _)| spent).collect();
    upto.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect()
}

fn hourly_l1(story: &LineStory, traffic: &[u64]) -> f64 {
    let spent = spent_each(story, 60);
    let (all, of_all) = (spent.iter().sum::<f64>(), traffic.iter().sum::<u64>() as f64);
    let apart = spent.iter().zip(traffic);
    apart.map(|(spent, &asked)| (spent / all.max(1.0) - asked as f64 / of_all).abs()).sum()
}

fn recovered_after_min(story: &LineStory, start_s: i64) -> Option<usize> {
    let budget = story.budget.unwrap_or(0) as f64;
    let busy = |minute: usize| busyness(start_s + 60 * minute as i64 + 30);
    let day: f64 = (0..MINUTES).map(busy).sum();
    let spent = spent_each(story, 1);
    let kept = |from: usize| {
        let planned: f64 = (from..from + 5).map(busy).sum::<f64>() / day * budget;
        let spent: f64 = spent[from..from + 5].iter().sum();
        (spent / planned - 1.0).abs() < 0.2
    };
    let step = MINUTES / 2;
    (step..spent.len().saturating_sub(5)).find(|&from| kept(from)).map(|from| from - step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::ids::LineId;

    fn story(spent: impl Fn(usize) -> i64) -> LineStory {
        let at = |minute: usize| (minute as f64 / MINUTES as f64, spent(minute), 0);
        LineStory {
            name: "l".to_owned(),
            id: LineId(1),
            currency: "USD",
            budget: Some(24_000_000),
            shape: "even",
            points: (0..=MINUTES).map(at).collect(),
        }
    }

    #[test]
    fn the_hours_distance_is_what_is_spent_in_other_hours() {
        let even = story(|minute| 1000 * minute as i64);
        assert!(hourly_l1(&even, &[7; 24]) < 1e-9);
        // Half of the traffic comes in the first hour.
        let mut traffic = [1; 24];
        traffic[0] = 23;
        let apart = (0.5 - 1.0 / 24.0) + 23.0 * (1.0 / 24.0 - 1.0 / 46.0);
        assert!((hourly_l1(&even, &traffic) - apart).abs() < 1e-9);
    }

    #[test]
    fn a_step_is_made_good_when_five_minutes_keep_to_the_plan() {
        let day: f64 = (0..MINUTES).map(|minute| busyness(60 * minute as i64 + 30)).sum();
        let runaway = |until: usize| {
            story(move |minute| {
                let spent = (0..minute).map(|minute| {
                    let times = if (720..until).contains(&minute) { 5.0 } else { 1.0 };
                    times * busyness(60 * minute as i64 + 30) / day * 24e6
                });
                spent.sum::<f64>() as i64
            })
        };
        assert_eq!(recovered_after_min(&runaway(720), 0), Some(0));
        assert_eq!(recovered_after_min(&runaway(727), 0), Some(7));
        assert_eq!(recovered_after_min(&runaway(MINUTES), 0), None);
    }

    #[test]
    fn the_shortfall_grows_with_the_life_of_tickets_and_with_losses() {
        let flat = [1000; 24];
        let near = |is: f64, wanted: f64| assert!((is - wanted).abs() < 1e-9, "{is} {wanted}");
        near(shortfall_most(1.0, 600, &flat), 0.0);
        near(shortfall_most(0.75, 600, &flat), 600.0 / 3.0 / 86_400.0);
        near(shortfall_most(0.25, 600, &flat), 3.0 * 600.0 / 86_400.0);
        near(shortfall_most(0.25, 1200, &flat), 3.0 * 1200.0 / 86_400.0);
    }

    #[test]
    fn what_is_missed_is_named() {
        let kept = Delivered {
            seed: 1,
            trial: "even",
            bids: 1,
            wins: 1,
            spend_to_budget: 0.996,
            hourly_l1: 0.02,
            recovered_after_min: None,
            shortfall_most: None,
            overspend: 0.0,
            audited: true,
        };
        assert_eq!(kept.missed(), Vec::<String>::new());
        let expected = Delivered { trial: "expected", overspend: 0.009, ..kept };
        assert_eq!(expected.missed(), Vec::<String>::new());
        let silent = Delivered { shortfall_most: Some(0.02), spend_to_budget: 0.981, ..kept };
        assert_eq!(silent.missed(), Vec::<String>::new());
        for worse in [
            Delivered { spend_to_budget: 0.994, ..kept },
            Delivered { overspend: 1e-9, ..kept },
            Delivered { hourly_l1: 0.031, ..kept },
            Delivered { recovered_after_min: Some(11), ..kept },
            Delivered { audited: false, ..kept },
            Delivered { overspend: 0.011, ..expected },
            Delivered { spend_to_budget: 0.978, ..silent },
        ] {
            assert_eq!(worse.missed().len(), 1, "{worse:?}");
        }
    }
}
