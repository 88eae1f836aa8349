//! When does the traffic come? The share of each hour of the week, given or learned. Cold.
//!
//! A plan asks one thing: of the traffic from now to the end, which part comes in this turn? Time
//! is counted in *local seconds*, days of 86,400 of them from the account's midnights, so that an
//! hour of the week is one of the account's zone; on the two days a year that are shorter or
//! longer, the plan's last hour is.

use std::sync::Arc;

use crate::base::units::calendar::Calendar;
use crate::base::units::time::Moment;

const HOURS: usize = 168;
const HOUR_S: f64 = 3600.0;
const WEEK_S: f64 = 168.0 * HOUR_S;
const DAY_S: f64 = 24.0 * HOUR_S;
/// 1970-01-01 was a Thursday; weeks begin on Mondays.
const THURSDAY_S: f64 = 3.0 * DAY_S;
/// No hour is planned to be without any traffic: budgets must be able to end there.
const FLAT_SHARE: f64 = 0.001;

/// How much audio is heard in each hour of a day, until the traffic itself has told.
const LISTENING: [f64; 24] = [
    14.0, 9.0, 6.0, 5.0, 6.0, 12.0, 26.0, 45.0, 56.0, 56.0, 55.0, 56.0, 58.0, 58.0, 57.0, 58.0,
    62.0, 66.0, 64.0, 59.0, 54.0, 47.0, 36.0, 23.0,
];

/// The traffic of a week, one in all.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What has come before each hour; the last is one.
    before: Arc<[f64; HOURS + 1]>,
}

impl Curve {
    /// From weights of any sum; all alike where none is above nought.
    pub fn of(weights: &[f64; HOURS]) -> Curve {
        let sum: f64 = weights.iter().map(|weight| weight.max(0.0)).sum();
        let flat = 1.0 / HOURS as f64;
        let mut before = [0.0; HOURS + 1];
        for (hour, weight) in weights.iter().enumerate() {
            let share = if sum > 0.0 { weight.max(0.0) / sum } else { flat };
            let share = share * (1.0 - FLAT_SHARE) + flat * FLAT_SHARE;
            before[hour + 1] = before[hour] + share;
        }
        Curve { before: Arc::new(before) }
    }

    /// The shares that a line names, in millionths.
    pub fn given(shares: &[u32; HOURS]) -> Curve {
        Curve::of(&shares.map(f64::from))
    }

    /// The traffic of all time up to a local second, in weeks' worth.
    fn upto(&self, local_s: f64) -> f64 {
        let since = local_s + THURSDAY_S;
        let (weeks, within) = (since.div_euclid(WEEK_S), since.rem_euclid(WEEK_S) / HOUR_S);
        let hour = (within as usize).min(HOURS - 1);
        let (from, to) = (self.before[hour], self.before[hour + 1]);
        weeks + from + (to - from) * (within - hour as f64)
    }

    pub fn between(&self, from_s: f64, until_s: f64) -> f64 {
        (self.upto(until_s) - self.upto(from_s)).max(0.0)
    }

    /// Of the traffic from `from` to `until`, the part that comes up to `now`; all of it at the
    /// end.
    pub fn share(&self, (from_s, now_s): (f64, f64), until_s: f64) -> f64 {
        let left = self.between(from_s, until_s);
        if now_s >= until_s || left <= 0.0 {
            return 1.0;
        }
        (self.between(from_s, now_s) / left).clamp(0.0, 1.0)
    }

    /// The busiest hour, as a multiple of the average one.
    pub fn peak(&self) -> f64 {
        let hours = self.before.windows(2).map(|pair| pair[1] - pair[0]);
        hours.fold(0.0, f64::max) * HOURS as f64
    }
}

/// Where a moment stands in local seconds of an account.
pub fn local_s(calendar: &Calendar, moment: Moment) -> f64 {
    let day = calendar.day(moment);
    let within = (moment.unix_us - calendar.midnight(day).unix_us) as f64 / 1e6;
    f64::from(day) * DAY_S + within.min(DAY_S)
}

/// What the traffic of a world has told so far, in hours of UTC.
#[derive(Clone, Debug)]
pub struct Learned {
    /// The average of each hour of the week that was seen whole, and in how many weeks.
    seen: [(f64, f64); HOURS],
    /// Seconds and requests of the hour at hand.
    hour: Option<(i64, f64, f64)>,
    curve: Curve,
}

/// How many weeks of one hour the belief of before weighs as much as.
const PRIOR_WEEKS: f64 = 0.25;
/// Weeks that count: older ones fade.
const WEEKS_MAX: f64 = 4.0;
/// An hour counts when so much of it was seen.
const WHOLE_S: f64 = 3300.0;

impl Learned {
    pub fn new() -> Learned {
        let curve = Curve::of(&std::array::from_fn(|hour| LISTENING[hour % 24]));
        Learned { seen: [(0.0, 0.0); HOURS], hour: None, curve }
    }

    /// The average of each hour of the week in UTC, and in how many weeks it was seen: to be kept,
    /// and given to [`Learned::of`].
    pub fn hours(&self) -> &[(f64, f64)] {
        &self.seen
    }

    /// `None`: no hours that any traffic could have told.
    pub fn of(hours: &[(f64, f64)]) -> Option<Learned> {
        let seen: [(f64, f64); HOURS] = hours.try_into().ok()?;
        let fair = |&(average, weeks): &(f64, f64)| {
            average.is_finite() && average >= 0.0 && (0.0..=WEEKS_MAX).contains(&weeks)
        };
        let mut learned = Learned { seen, ..Learned::new() };
        if seen.iter().any(|(_, weeks)| *weeks > 0.0) {
            learned.curve = learned.believed();
        }
        seen.iter().all(fair).then_some(learned)
    }

    /// So many requests came in the `dt_s` seconds up to `now`.
    pub fn note(&mut self, now: Moment, dt_s: f64, requests: f64) {
        let hour = now.unix_s().div_euclid(3600);
        let (at, seconds, count) = self.hour.unwrap_or((hour, 0.0, 0.0));
        if at == hour {
            self.hour = Some((hour, seconds + dt_s, count + requests));
            return;
        }
        self.hour = Some((hour, dt_s, requests));
        if seconds >= WHOLE_S {
            let week_hour = (at + 72).rem_euclid(HOURS as i64) as usize;
            let (average, weeks) = &mut self.seen[week_hour];
            let rate = count / seconds * HOUR_S;
            *average = (*average * *weeks + rate) / (*weeks + 1.0);
            *weeks = (*weeks + 1.0).min(WEEKS_MAX);
            self.curve = self.believed();
        }
    }

    pub fn curve(&self) -> &Curve {
        &self.curve
    }

    /// An hour that was not seen is like the same hour of other days; one that was seen on no day
    /// is as people listen, at the scale of those that were.
    fn believed(&self) -> Curve {
        let (mut sum, mut prior) = (0.0, 0.0);
        let mut of_day = [(0.0, 0.0); 24];
        for (hour, &(average, weeks)) in self.seen.iter().enumerate().filter(|(_, s)| s.1 > 0.0) {
            sum += average;
            prior += LISTENING[hour % 24];
            of_day[hour % 24].0 += average * weeks;
            of_day[hour % 24].1 += weeks;
        }
        let scale = if prior > 0.0 { sum / prior } else { 1.0 };
        Curve::of(&std::array::from_fn(|hour| {
            let (total, days) = of_day[hour % 24];
            let believed = if days > 0.0 { total / days } else { LISTENING[hour % 24] * scale };
            let (average, weeks) = self.seen[hour];
            (average * weeks + believed * PRIOR_WEEKS) / (weeks + PRIOR_WEEKS)
        }))
    }
}

impl Default for Learned {
    fn default() -> Learned {
        Learned::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Monday midnight in UTC.
    const MONDAY: i64 = 1_795_392_000;

    fn ramp() -> Curve {
        Curve::given(&std::array::from_fn(|hour| hour as u32))
    }

    #[test]
    fn a_week_is_one_and_hours_have_their_shares() {
        let curve = ramp();
        let monday = MONDAY as f64;
        assert!((curve.between(monday, monday + WEEK_S) - 1.0).abs() < 1e-9);
        assert!((curve.between(monday, monday + 3.0 * WEEK_S) - 3.0).abs() < 1e-9);
        let total: f64 = (0..168).map(f64::from).sum();
        for hour in [1, 50, 167] {
            let from = monday + f64::from(hour) * HOUR_S;
            let share = curve.between(from, from + HOUR_S);
            assert!((share - f64::from(hour) / total).abs() < 2e-5, "{hour}: {share}");
        }
    }

    #[test]
    fn the_shares_of_all_turns_use_up_a_budget() {
        let curve = ramp();
        let (from, until) = (MONDAY as f64 + 1234.0, MONDAY as f64 + 90_000.0);
        let (mut now, mut left) = (from, 1.0);
        while now < until {
            let next = now + 700.0;
            left -= left * curve.share((now, next), until);
            now = next;
        }
        assert!(left.abs() < 1e-12, "{left}");
    }

    #[test]
    fn hours_are_those_of_the_account() {
        let berlin = Calendar::of("Europe/Berlin").unwrap();
        let monday = Moment::from_unix_s(MONDAY);
        let hour = |local: f64| (local + THURSDAY_S).rem_euclid(WEEK_S) / HOUR_S;
        assert_eq!(hour(local_s(&Calendar::utc(), monday)), 0.0);
        assert_eq!(hour(local_s(&berlin, monday)), 1.0, "winter time");
        assert_eq!(hour(local_s(&berlin, monday.plus_s(-3600))), 0.0);
    }

    #[test]
    fn what_the_traffic_tells_replaces_what_was_believed() {
        let mut learned = Learned::new();
        let shape = |hour: i64| if hour % 24 < 12 { 100.0 } else { 300.0 };
        for second in (0..24 * 3600 + 60).step_by(30) {
            let now = Moment::from_unix_s(MONDAY + second);
            learned.note(now, 30.0, shape(second / 3600) / 120.0);
        }
        // One day was seen: the others are like it.
        let tuesday = (MONDAY + 86_400) as f64;
        let half = 12.0 * HOUR_S;
        let (morning, evening) = (
            learned.curve().between(tuesday, tuesday + half),
            learned.curve().between(tuesday + half, tuesday + 2.0 * half),
        );
        assert!((evening / morning - 3.0).abs() < 0.02, "{evening} {morning}");
        // A process that starts anew believes the same.
        let kept = Learned::of(learned.hours()).unwrap();
        assert_eq!(kept.curve(), learned.curve());
        let [mut odd, mut long] = [learned.hours().to_vec(), learned.hours().to_vec()];
        odd[3].0 = f64::NAN;
        long.push((1.0, 1.0));
        assert!(Learned::of(&odd).is_none() && Learned::of(&long).is_none());
    }

    #[test]
    fn an_hour_that_was_seen_in_part_tells_nothing() {
        let mut learned = Learned::new();
        let before = learned.curve().clone();
        for second in 1000..4000 {
            learned.note(Moment::from_unix_s(MONDAY + second), 1.0, 5.0);
        }
        assert_eq!(learned.curve(), &before);
    }
}
