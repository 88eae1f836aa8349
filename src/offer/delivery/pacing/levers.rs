//! By bid or by chance? One λ becomes a part of the price and a part of the requests. Cold.
//!
//! The bid comes first: dual pacing buys the best of what is offered. It goes no lower than what
//! still wins; from there on chance leaves requests out (the throttle). What still wins shows in
//! two ways: charges above the shaded bid (deals of a fixed price, which no shading touches), and
//! droughts: below the floor, or below every rival, nothing is bought at all.

use super::pace::{PPM, Pace};

/// A drought: so little of the plan was charged, while the plan of so many impressions passed.
const DROUGHT_SHARE: f64 = 0.05;
const DROUGHT_IMPRESSIONS: f64 = 12.0;
/// So long the lowest bid that wins is believed; then it fades, by e in so much time, until it is
/// found anew.
const BELIEVED_S: f64 = 1200.0;
const FADE_S: f64 = 300.0;
/// It is taken so much above what was last paid.
const MARGIN: f64 = 1.01;
/// Charges come so long after their bids, at most: for that time the highest bid may have made
/// them.
const LAG_S: f64 = 150.0;
/// A charge above every such bid by this much was made at no shaded bid.
const ABOVE: f64 = 1.05;

/// What an impression costs, until one was bought.
const UNKNOWN: f64 = 0.1;

/// What one line learned of its market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levers {
    /// Only deals: their prices are agreed, so chance is the one lever.
    agreed: bool,
    /// The part of its price below which nothing is won; nought: not known.
    least: f64,
    /// Since it was found.
    age_s: f64,
    /// What an impression cost lately, as a part of the price.
    paid: f64,
    /// The highest bids of this stretch of `LAG_S` and of the one before, and how old this one is.
    highest: [f64; 2],
    stretch_s: f64,
    /// Impressions planned, and those bought, since the last look for a drought.
    planned: f64,
    bought: f64,
}

/// What happened to one line in a turn, in nanos.
#[derive(Clone, Copy, Debug)]
pub struct Bought {
    pub dt_s: f64,
    /// The line's own price.
    pub price: f64,
    pub planned: f64,
    pub charged: f64,
    /// How many impressions that was for, and what they would have cost unshaded.
    pub impressions: f64,
    pub unshaded: f64,
    /// Impressions known to come: wins, where they are told, or impressions again.
    pub won: f64,
}

impl Levers {
    pub const fn new(agreed: bool) -> Levers {
        let (least, age_s, paid, stretch_s) = (0.0, 0.0, 0.0, 0.0);
        let (highest, planned, bought) = ([0.0; 2], 0.0, 0.0);
        Levers { agreed, least, age_s, paid, highest, stretch_s, planned, bought }
    }

    pub fn turn(&mut self, lambda: f64, bought: &Bought) -> Pace {
        let wanted = (-lambda).exp();
        self.learn(bought, wanted);
        let bid = if self.agreed { 1.0 } else { wanted.max(self.least) };
        self.stretch_s += bought.dt_s;
        if self.stretch_s > LAG_S {
            (self.highest, self.stretch_s) = ([0.0, self.highest[0]], 0.0);
        }
        self.highest[0] = self.highest[0].max(bid);
        let ppm = |part: f64| (part * f64::from(PPM)).round() as u32;
        Pace::new(ppm(bid), ppm(wanted / bid))
    }

    /// What an impression costs lately, as a part of the price.
    pub fn paid(&self) -> f64 {
        if self.paid > 0.0 { self.paid } else { UNKNOWN }
    }

    fn learn(&mut self, bought: &Bought, wanted: f64) {
        self.age_s += bought.dt_s;
        if self.age_s > BELIEVED_S {
            self.least *= (-bought.dt_s / FADE_S).exp();
        }
        if bought.impressions > 0.0 && bought.unshaded > 0.0 {
            let paid = bought.charged / bought.unshaded;
            let weight = 1.0 - (-bought.impressions / DROUGHT_IMPRESSIONS).exp();
            self.paid += (paid - self.paid) * if self.paid == 0.0 { 1.0 } else { weight };
            if self.paid > self.highest[0].max(self.highest[1]) * ABOVE {
                self.found();
            }
        }
        self.planned += bought.planned / (bought.price * self.paid.max(0.01)).max(1.0);
        self.bought += bought.won;
        if self.planned < DROUGHT_IMPRESSIONS {
            return;
        }
        if self.bought < DROUGHT_SHARE * self.planned && self.paid > wanted.max(self.least) {
            self.found();
        }
        (self.planned, self.bought) = (0.0, 0.0);
    }

    fn found(&mut self) {
        (self.least, self.age_s) = ((self.paid * MARGIN).min(1.0), 0.0);
    }
}
