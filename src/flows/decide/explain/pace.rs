//! At what pace does a line bid? What `live` said of it, and what came of that.
//!
//! Called by [`explain`](super::explain); cold.

use serde::Serialize;

use crate::base::units::money::Money;
use crate::flows::decide::candidate::{Candidate, Matter};
use crate::offer::delivery::{PPM, Pace};

/// The pace of a line that was asked, where it is not full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Paced {
    /// The part of its price that the line bids, of a million.
    pub bid_ppm: u32,
    /// The probability that it joins a decision, of a million.
    pub pass_ppm: u32,
    /// Whether it joined this one.
    pub joined: bool,
}

impl Paced {
    pub fn of(matter: &Matter<'_, '_>, made: &Candidate, pace: Pace) -> Option<Paced> {
        let Pace { bid_ppm, pass_ppm } = pace;
        let joined = matter.toss.joins(matter.world.catalog.line(made.line).id, pace);
        (pace != Pace::FULL).then_some(Paced { bid_ppm, pass_ppm, joined })
    }
}

/// Why a candidate, as yet unpaced, does not bid at this pace.
pub fn refusal(matter: &Matter<'_, '_>, made: &Candidate, pace: Pace) -> String {
    if !matter.toss.joins(matter.world.catalog.line(made.line).id, pace) {
        return format!("left out by chance: it joins {} of requests", percent(pace.pass_ppm));
    }
    let price = Money { nanos: pace.shade(made.price.nanos), ..made.price };
    let floor = Money { nanos: made.floor_nanos, ..made.price };
    format!("bids {price}, {} of its price; the floor is {floor}", percent(pace.bid_ppm))
}

/// What a candidate bids, and what its pace had to do with it.
pub fn bids(matter: &Matter<'_, '_>, made: &Candidate) -> String {
    let mut text = format!("bids {}", made.price);
    let Some(Paced { bid_ppm, pass_ppm, .. }) = Paced::of(matter, made, made.pace) else {
        return text;
    };
    if bid_ppm != PPM && !made.fixed {
        text.push_str(&format!(", {} of its price", percent(bid_ppm)));
    }
    if pass_ppm != PPM {
        text.push_str(&format!(", joins {} of requests", percent(pass_ppm)));
    }
    text
}

fn percent(ppm: u32) -> String {
    format!("{} %", f64::from(ppm) / 1e4)
}
