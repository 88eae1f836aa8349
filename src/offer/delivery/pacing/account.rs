//! What has one budget done since the last turn, and what follows? Controller and breaker of one
//! purse, over the same readings and nothing else in common. Cold.

use super::breaker::{Breaker, Verdict, Watched};
use super::curve::Curve;
use super::governor::{Governor, Turn};
use crate::base::units::time::Moment;

/// One budget as its purse shows it, in nanos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub limit: i64,
    pub spent: i64,
    pub held: i64,
    /// Bids hold what they are likely to cost.
    pub expected: bool,
    /// When the budget began and when it ends: the flight, or the day.
    pub from: Moment,
    pub until: Moment,
}

/// How a budget is to be spent.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// 1 even, 2 front.
    pub ahead: f64,
    pub curve: &'a Curve,
    /// About what an impression costs.
    pub price: f64,
    pub cool_down_s: f64,
}

/// The time of a turn, as the curve counts it.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    pub now: Moment,
    pub dt_s: f64,
    /// Local seconds of the last turn, this one, and the budget's end.
    pub local_s: (f64, f64, f64),
}

/// Controller and breaker of one budget.
#[derive(Clone, Debug, Default)]
pub struct Account {
    governor: Governor,
    pub breaker: Breaker,
    /// Of the holds that ended lately: what they were, and what was charged of them.
    ended: f64,
    charged: f64,
    last: Option<(Reading, f64)>,
}

/// What came of an account's turn.
#[derive(Clone, Copy, Debug)]
pub struct Turned {
    pub lambda: f64,
    pub plan: f64,
    pub verdict: Verdict,
}

/// How long what came of holds is remembered.
const MEMORY_S: f64 = 1800.0;
/// What is believed before any has ended, as of so many impressions.
const PART: f64 = 0.3;
const PART_IMPRESSIONS: f64 = 20.0;

impl Account {
    /// `taken`: all that was ever held of this budget by this process, in the way it holds;
    /// `offered`: whether anything could have been bought since the last turn.
    pub fn turn(
        &mut self,
        (at, taken, offered): (&Reading, f64, bool),
        manner: &Manner<'_>,
        stretch: &Stretch,
    ) -> Turned {
        let fresh = self.last.is_none_or(|(last, _)| last.from != at.from);
        if fresh {
            self.governor.begin();
            self.last = None;
        }
        self.remember(at, taken, stretch.dt_s);
        let verdict = self.breaker.turn(&watched(at, taken, manner, stretch), manner.cool_down_s);
        if verdict == Verdict::Tripped {
            self.governor.hold_back();
        }
        if self.breaker.is_tripped() {
            self.governor.begin();
            return Turned { lambda: self.governor.lambda(), plan: 0.0, verdict };
        }
        let (before_s, now_s, until_s) = stretch.local_s;
        let turn = Turn {
            dt_s: stretch.dt_s,
            limit: at.limit as f64,
            spent: at.spent as f64 + self.part(manner.price) * at.held as f64,
            share: manner.curve.share((before_s, now_s), until_s),
            ahead: manner.ahead,
            price: manner.price,
            offered,
        };
        Turned { lambda: self.governor.turn(&turn), plan: turn.plan(turn.spent), verdict }
    }

    /// The part of the held that becomes spent, going by the holds that ended lately.
    fn part(&self, price: f64) -> f64 {
        let known = PART_IMPRESSIONS * price;
        ((self.charged + PART * known) / (self.ended + known)).clamp(0.0, 1.0)
    }

    fn remember(&mut self, at: &Reading, taken: f64, dt_s: f64) {
        let before = self.last.replace((*at, taken));
        // What is held otherwise than before was counted otherwise, too.
        if let Some((last, before)) = before.filter(|(last, _)| last.expected == at.expected) {
            let fade = (-dt_s / MEMORY_S).exp();
            let ended = taken - before - (at.held - last.held) as f64;
            self.ended = self.ended * fade + ended.max(0.0);
            self.charged = self.charged * fade + ((at.spent - last.spent) as f64).max(0.0);
        }
    }
}

fn watched(at: &Reading, taken: f64, manner: &Manner<'_>, stretch: &Stretch) -> Watched {
    let seconds = |from: Moment, until: Moment| (until.unix_us as f64 - from.unix_us as f64) / 1e6;
    Watched {
        dt_s: stretch.dt_s,
        limit: at.limit as f64,
        spent: at.spent as f64,
        held: at.held as f64,
        taken,
        span_s: seconds(at.from, at.until),
        left_s: seconds(stretch.now, at.until),
        price: manner.price,
        peak: manner.curve.peak() * manner.ahead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bids that hold `held` of their price of 100 and win one time in five.
    fn part(expected: bool, held: i64) -> f64 {
        let mut account = Account::default();
        let until = Moment::from_unix_s(86_400);
        for second in 0..3600 {
            let (spent, open) = (second * 100, 10 * 5 * held);
            let from = Moment::default();
            let at = Reading { limit: i64::MAX, spent, held: open, expected, from, until };
            account.remember(&at, (second * 5 * held) as f64, 1.0);
        }
        account.part(100.0)
    }

    #[test]
    fn what_an_expected_budget_holds_mostly_becomes_spent() {
        assert!((part(false, 100) - 0.2).abs() < 0.01);
        assert!((part(true, 25) - 0.8).abs() < 0.05, "{}", part(true, 25));
    }
}
