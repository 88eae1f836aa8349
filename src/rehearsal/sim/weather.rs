//! When does a run begin, how busy is an hour, how often does it strike?

use super::plan::ZONES;
use super::{Kind, Order};
use crate::base::stdx::rng::Rng;

/// 2026-06-15, midnight in UTC.
const MONDAY_S: i64 = 1781481600;

/// A storm comes around a midnight, a season begins with one.
pub fn beginning(rng: &mut Rng, order: &Order) -> (&'static str, i64) {
    const DAYS: [&str; 6] =
        ["2026-03-29", "2026-04-05", "2026-06-15", "2026-10-25", "2026-11-01", "2026-12-31"];
    let zone = ZONES[rng.below(ZONES.len())];
    let day = DAYS[rng.below(DAYS.len())];
    let midnight = day.parse::<jiff::civil::Date>().ok().and_then(|day| day.in_tz(zone).ok());
    let midnight = midnight.map_or(0, |at| at.timestamp().as_second());
    match order.kind {
        Kind::Storm => (zone, midnight - (rng.unit() * order.span_s as f64) as i64),
        Kind::Season => (zone, midnight),
        Kind::Delivery(_) => ("UTC", MONDAY_S),
    }
}

/// How busy a second of the day is, beside the mean.
pub fn busyness(unix_s: i64) -> f64 {
    let hour = unix_s.rem_euclid(86_400) as f64 / 3600.0;
    1.0 + 0.7 * (std::f64::consts::TAU * (hour - 19.0) / 24.0).cos()
}

pub fn poisson(rng: &mut Rng, mean: f64) -> usize {
    let (least, mut product, mut count) = ((-mean).exp(), rng.unit(), 0);
    while product > least {
        product *= rng.unit();
        count += 1;
    }
    count
}

/// Seconds to days, forward and back.
pub fn step_us(rng: &mut Rng) -> i64 {
    let most_s = [2.0, 90.0, 7200.0, 86_400.0][rng.below(4)];
    ((2.0 * rng.unit() - 1.0) * most_s * 1e6) as i64
}
