//! How hard must one budget be held back? Dual pacing, one number per budget. Cold.
//!
//! Turned by the [`Pacer`](super::Pacer) at least once a second for each budget with an end: a
//! line's, a campaign's, whole or of one day. Money stays integer outside; the controller itself
//! is arithmetic on floats and decides nothing but the pace.
//!
//! The budget's dual variable μ is kept as λ = ln(1 + μ): the bid is the price ÷ (1 + μ) = e^−λ.
//! Every turn moves it by what was spent beyond the plan:
//!
//! ```text
//! plan of a turn = k · (limit − spent so far) · (traffic of the turn ÷ traffic left)    k = 1 even
//! λ ← λ + (spent in the turn − plan) ÷ scale; below nought, the full price             k = 2 front
//! scale = the plan of 90 s, or the price of 20 impressions, whichever is more
//! ```
//!
//! As the plan is a share of what is *left*, whatever was missed is spread over all of the rest:
//! nothing is made up for in a burst, and the last bit is planned for the last moment. Solved, the
//! plan has spent 1 − (1 − u)^k of a budget when the part u of its traffic has passed.

/// What moves λ by one: the plan of so many seconds spent beyond the plan …
const SCALE_S: f64 = 90.0;
/// … but never fewer impressions than these: one more or less must not be heard.
const SCALE_IMPRESSIONS: f64 = 20.0;
/// However long nothing could be bought (no traffic, a stopped process), bids come up by no more
/// than this at once: what was missed is not made up for in a burst.
const FALL_MAX: f64 = 0.1;
/// Nothing is known of the market at first: bids begin at a thousandth …
const SLOW_START: f64 = 3.0 * std::f64::consts::LN_10;
/// … and come up in such seconds for each factor of e, until the plan is reached once.
const RISE_S: f64 = 15.0;
/// Held back further than this is held back for good.
const LAMBDA_MAX: f64 = 9.0;
/// Below nought λ is a debt: so much less was spent at the full price than planned. Without it each
/// swing that ends at the full price (lines of one price take turns, in lumps) would be forgotten,
/// and a line that swings would lag for good. No more than this much of a scale is made good.
const LAMBDA_MIN: f64 = -0.25;

/// One budget's controller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Governor {
    lambda: f64,
    /// What was reckoned as spent at the last turn.
    spent: Option<f64>,
    /// The plan of turns in which nothing could be bought, and how long they were.
    idle: f64,
    idle_s: f64,
    /// The plan was never reached yet.
    slow: bool,
}

/// What a turn goes by.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Since the last turn.
    pub dt_s: f64,
    /// The budget, in nanos.
    pub limit: f64,
    /// Spent, and what of the held will be, since the budget began.
    pub spent: f64,
    /// The part of the traffic left to the budget's end that belongs to this turn.
    pub share: f64,
    /// How far ahead of the traffic: 1 even, 2 front.
    pub ahead: f64,
    /// About what an impression costs.
    pub price: f64,
    /// Whether anything could have been bought since the last turn.
    pub offered: bool,
}

impl Governor {
    pub const fn new() -> Governor {
        Governor { lambda: SLOW_START, spent: None, idle: 0.0, idle_s: 0.0, slow: true }
    }

    /// λ after what happened since the last turn.
    pub fn turn(&mut self, turn: &Turn) -> f64 {
        let before = *self.spent.get_or_insert(turn.spent);
        let (plan, dt_s) = (self.idle + turn.plan(before), self.idle_s + turn.dt_s);
        let beyond = turn.spent - before - plan;
        if beyond < 0.0 && !turn.offered {
            (self.idle, self.idle_s) = (plan, dt_s);
            return self.lambda();
        }
        (self.idle, self.idle_s) = (0.0, 0.0);
        self.spent = Some(turn.spent);
        self.slow &= beyond <= 0.0;
        let planned = plan / dt_s.max(1e-6) * SCALE_S;
        let scale = planned.max(SCALE_IMPRESSIONS * turn.price).max(1.0);
        let step = if self.slow { -turn.dt_s / RISE_S } else { beyond / scale };
        self.lambda = (self.lambda + step.max(-FALL_MAX)).clamp(LAMBDA_MIN, LAMBDA_MAX);
        self.lambda()
    }

    /// Another span of the same budget begins (the next day): what the market wants is known.
    pub fn begin(&mut self) {
        (self.spent, self.idle, self.idle_s) = (None, 0.0, 0.0);
    }

    /// The breaker had to step in: from a tenth of where it was, and up as at first.
    pub fn hold_back(&mut self) {
        self.begin();
        self.slow = true;
        self.lambda = (self.lambda() + std::f64::consts::LN_10).min(LAMBDA_MAX);
    }

    /// What bids go by: the full price, at least.
    pub fn lambda(&self) -> f64 {
        self.lambda.max(0.0)
    }
}

impl Turn {
    /// What may be spent in this turn, of what was left when it began.
    pub fn plan(&self, before: f64) -> f64 {
        let left = (self.limit - before).max(0.0);
        (self.ahead * left * self.share).min(left)
    }
}

impl Default for Governor {
    fn default() -> Governor {
        Governor::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes in while nobody asks is held against the plan of that time, once.
    #[test]
    fn a_plan_is_counted_once_however_few_requests_come() {
        const TURNS: i32 = 10_000;
        let turned = |asked_each: i32| {
            let mut governor = Governor { lambda: 2.0, slow: false, ..Governor::new() };
            let mut spent = 0.0;
            for turn in 0..TURNS / 2 {
                // On plan, in lumps: six turns' worth and then two, four turns apart.
                spent += match turn % 8 {
                    0 => 6e4,
                    4 => 2e4,
                    _ => 0.0,
                };
                governor.turn(&Turn {
                    dt_s: 1.0,
                    limit: 1e4 * f64::from(TURNS),
                    spent,
                    share: 1.0 / f64::from(TURNS - turn),
                    ahead: 1.0,
                    price: 1.0,
                    offered: turn % asked_each == 0,
                });
            }
            governor.lambda()
        };
        for asked_each in [1, 3, 10, 50] {
            let lambda = turned(asked_each);
            assert!((1.8..2.2).contains(&lambda), "{lambda} at one in {asked_each}");
        }
    }
}
