use super::*;
use crate::base::stdx::rng::Rng;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::{CampaignId, LineId};
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;

/// A Monday midnight in UTC.
const START: Moment = Moment::from_unix_s(1_795_392_000);
const DAY_S: i64 = 86_400;
const PRICE: i64 = 4_000_000;

/// One line in a market of first price that takes every bid, so many requests a second.
struct Market {
    pacer: Pacer,
    dial: Dial,
    budget: i64,
    spent: i64,
    counts: Counted,
    second: i64,
    /// A defect of the controllers: whatever they say is multiplied.
    bug: f64,
    verdicts: Vec<(i64, Turns)>,
    due: f64,
}

impl Market {
    fn new(budget: i64) -> Market {
        Market {
            pacer: Pacer::new(300),
            dial: Dial::new(Pace::new(PPM / 10, PPM)),
            budget,
            spent: 0,
            counts: Counted::default(),
            second: 0,
            bug: 1.0,
            verdicts: Vec::new(),
            due: 0.0,
        }
    }

    fn restart(&mut self) {
        self.pacer = Pacer::new(300);
        self.dial = Dial::new(Pace::new(PPM / 10, PPM));
        self.counts = Counted::default();
    }

    /// So many seconds, in each so many requests.
    fn run(&mut self, seconds: i64, per_second: f64) {
        for _ in 0..seconds {
            self.due += per_second;
            while self.due >= 1.0 {
                self.due -= 1.0;
                self.counts.asked += 1;
                let Ok(pace) = self.dial.ask() else { continue };
                if !pace.passes(Rng::new(self.counts.asked).next_u64()) {
                    continue;
                }
                let wrong = (f64::from(pace.bid_ppm) * self.bug) as i64;
                let price = PRICE * wrong / i64::from(PPM);
                if self.spent + price <= self.budget {
                    self.spent += price;
                    self.counts.impressions += 1;
                    self.counts.charged += price;
                    self.counts.taken += price;
                    self.counts.unshaded += PRICE;
                }
            }
            self.second += 1;
            self.turn();
        }
    }

    fn turn(&mut self) {
        let calendar = Calendar::utc();
        let reading = Reading {
            limit: self.budget,
            spent: self.spent,
            held: 0,
            expected: false,
            from: START,
            until: START.plus_s(DAY_S),
        };
        let subject = Subject {
            line: (LineId(1), Currency::USD),
            campaign: CampaignId(1),
            dial: &self.dial,
            calendar: &calendar,
            curve: Some(Curve::of(&[1.0; 168])),
            ahead: 1.0,
            price: PRICE,
            agreed: false,
            own: Budgets { total: Some(reading), day: None },
            of_campaign: Budgets::default(),
            counts: self.counts,
        };
        let turns = self.pacer.turn(START.plus_s(self.second), self.counts.asked, &[subject]);
        if !turns.tripped.is_empty() || !turns.mended.is_empty() {
            self.verdicts.push((self.second, turns));
        }
    }

    /// What was spent since, as a multiple of what an even plan would have.
    fn pace_since(&self, (second, spent): (i64, i64)) -> f64 {
        let plan = self.budget as f64 * (self.second - second) as f64 / DAY_S as f64;
        (self.spent - spent) as f64 / plan
    }

    fn mark(&self) -> (i64, i64) {
        (self.second, self.spent)
    }
}

/// A budget for a fifth of what ten requests a second could cost.
const BUDGET: i64 = 10 * DAY_S * PRICE / 5;

#[test]
fn a_budget_lasts_to_the_last_second_and_no_longer() {
    let mut market = Market::new(BUDGET);
    for hour in 1..=24 {
        market.run(3600, 10.0);
        let part = market.spent as f64 / BUDGET as f64;
        assert!((part - f64::from(hour) / 24.0).abs() < 0.004, "hour {hour}: {part}");
    }
    assert!(market.spent as f64 > 0.995 * BUDGET as f64 && market.spent <= BUDGET);
    assert!(market.verdicts.is_empty(), "{:?}", market.verdicts);
}

#[test]
fn a_step_of_five_times_the_traffic_is_followed_within_five_minutes() {
    let mut market = Market::new(BUDGET);
    market.run(30_000, 10.0);
    market.run(300, 50.0);
    let after = market.mark();
    market.run(600, 50.0);
    let pace = market.pace_since(after);
    assert!((0.85..1.15).contains(&pace), "{pace}");
    market.run(60, 10.0);
    let back = market.mark();
    market.run(1200, 10.0);
    assert!((0.85..1.15).contains(&market.pace_since(back)));
}

#[test]
fn after_a_stop_nothing_is_made_up_for_in_a_burst() {
    // The process alone stops (SIGSTOP): no turns, and traffic goes by.
    let mut market = Market::new(BUDGET);
    market.run(30_000, 10.0);
    market.second += 60;
    let stopped = market.mark();
    for _ in 0..20 {
        let mark = market.mark();
        market.run(30, 10.0);
        assert!(market.pace_since(mark) < 1.2, "{}", market.pace_since(mark));
    }
    assert!(market.pace_since(stopped) > 0.9);
    // The traffic alone stops for ten minutes.
    market.run(600, 0.0);
    for _ in 0..20 {
        let mark = market.mark();
        market.run(30, 10.0);
        assert!(market.pace_since(mark) < 1.25, "{}", market.pace_since(mark));
    }
    // The process starts anew: all it knows is what was spent.
    market.restart();
    let restarted = market.mark();
    for _ in 0..20 {
        let mark = market.mark();
        market.run(30, 10.0);
        assert!(market.pace_since(mark) < 1.2, "{}", market.pace_since(mark));
    }
    assert!(market.pace_since(restarted) > 0.7);
}

#[test]
fn the_breaker_stops_controllers_gone_wrong() {
    let plan_s = BUDGET as f64 / DAY_S as f64;
    let mut market = Market::new(BUDGET);
    market.run(30_000, 1_000.0);
    market.bug = 100.0;
    let (second, spent) = market.mark();
    market.run(5, 1_000.0);
    assert_eq!(market.verdicts.len(), 1, "within five seconds");
    let tripped = market.verdicts[0].1.clone();
    assert_eq!(tripped.tripped, [Watch::Line(LineId(1), Currency::USD)]);
    assert_eq!(tripped.open, 1);
    let beyond = (market.spent - spent) as f64 - (market.second - second) as f64 * plan_s;
    assert!(beyond < 0.01 * BUDGET as f64, "{}", beyond / BUDGET as f64);
    assert_eq!(market.dial.ask(), Err(crate::market::outcome::Refusal::Breaker));
    // Mended meanwhile, it bids again after its cool-down, by itself.
    market.bug = 1.0;
    let held_back = market.spent;
    market.run(290, 1_000.0);
    assert_eq!(market.spent, held_back);
    market.run(20, 1_000.0);
    assert_eq!(market.verdicts[1].1.mended.len(), 1);
    let back = market.mark();
    market.run(600, 1_000.0);
    assert!((0.1..1.3).contains(&market.pace_since(back)), "from a tenth of where it was");
    let back = market.mark();
    market.run(600, 1_000.0);
    assert!((0.8..1.3).contains(&market.pace_since(back)), "{}", market.pace_since(back));
}

#[test]
fn an_admins_word_mends_a_breaker_at_once() {
    let mut market = Market::new(BUDGET);
    market.run(30_000, 1_000.0);
    market.bug = 100.0;
    market.run(10, 1_000.0);
    assert!(market.dial.fuse.is_blown());
    market.bug = 1.0;
    let held = market.pacer.held_back();
    assert_eq!(held[0].0, Watch::Line(LineId(1), Currency::USD));
    assert_eq!((held.len(), market.pacer.mend(), market.pacer.mend()), (1, 1, 0));
    market.run(1, 1_000.0);
    assert!(!market.dial.fuse.is_blown());
}
