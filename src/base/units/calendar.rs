//! Which day is it for an account? Day numbers and the instants of an IANA zone, both ways.
//!
//! A day is what lies between two midnights of the zone: 23, 24 or 25 hours, or none at all where
//! a zone skipped a date (Samoa, 30 December 2011). Its number counts dates from 1970-01-01. Days
//! tile time: an instant has one day, that of the last midnight at or before it, also in the few
//! zones whose clocks once went back over midnight. Hours are counted from the day's midnight, so
//! that the last one of a day may be short.
//!
//! Built from the rules that are compiled in (cold), then a pure lookup (warm): a list of the
//! stretches in which every day has 24 hours.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::time::Moment;

const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3600;
/// Whose changes of the clock are known; before and after them every day has 24 hours.
const YEARS: RangeInclusive<i16> = 1970..=2100;

/// The days of one time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: String,
    /// Ascending, never empty.
    stretches: Vec<Stretch>,
}

/// From this day on every day has 24 hours, until the next stretch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    day: i32,
    midnight_s: i64,
}

/// What a calendar divides time into.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    Hour,
    Day,
    /// From Monday.
    Week,
    Month,
}

/// From `from` (included) to `until` (excluded).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    pub from: Moment,
    pub until: Moment,
}

impl Span {
    pub fn contains(self, moment: Moment) -> bool {
        self.from <= moment && moment < self.until
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no time zone of the IANA database, such as Europe/Berlin")]
pub struct UnknownZone(pub String);

impl Calendar {
    /// The days of a zone by its IANA name, in either case; less than a millisecond.
    pub fn of(zone: &str) -> Result<Calendar, UnknownZone> {
        let found = TimeZoneDatabase::bundled().get(zone);
        let rules = found.map_err(|_| UnknownZone(zone.to_owned()))?;
        let name = rules.iana_name().unwrap_or(zone).to_owned();
        Ok(Calendar { zone: name, stretches: stretches(&rules) })
    }

    pub fn utc() -> Calendar {
        let stretches = vec![Stretch { day: 0, midnight_s: 0 }];
        Calendar { zone: "UTC".to_owned(), stretches }
    }

    /// The zone's IANA name.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// The day that a moment belongs to.
    pub fn day(&self, moment: Moment) -> i32 {
        let second = moment.unix_s();
        let next = self.stretches.partition_point(|s| s.midnight_s <= second);
        let Stretch { day, midnight_s } = self.stretches[next.saturating_sub(1)];
        let day = i64::from(day) + (second - midnight_s).div_euclid(DAY_S);
        // The last day before a change of the clock may have more than 24 hours.
        let last = self.stretches.get(next).map_or(i64::from(i32::MAX), |s| i64::from(s.day) - 1);
        day.clamp(i64::from(i32::MIN), last) as i32
    }

    /// The midnight that a day begins with.
    pub fn midnight(&self, day: i32) -> Moment {
        let next = self.stretches.partition_point(|s| s.day <= day);
        let Stretch { day: first, midnight_s } = self.stretches[next.saturating_sub(1)];
        let days = i64::from(day) - i64::from(first);
        Moment::from_unix_us((midnight_s + days * DAY_S).saturating_mul(1_000_000))
    }

    pub fn day_span(&self, day: i32) -> Span {
        Span { from: self.midnight(day), until: self.midnight(day.saturating_add(1)) }
    }

    /// The hour, day, week or month that a moment belongs to.
    pub fn span(&self, unit: Unit, moment: Moment) -> Span {
        let day = self.day(moment);
        match unit {
            Unit::Hour => {
                let Span { from, until } = self.day_span(day);
                let hours = (moment.unix_s() - from.unix_s()).div_euclid(HOUR_S);
                let from = from.plus_s(hours * HOUR_S);
                Span { from, until: until.min(from.plus_s(HOUR_S)) }
            }
            Unit::Day => self.day_span(day),
            Unit::Week => {
                // 1970-01-01 was a Thursday: three days after a Monday.
                let monday = day - (day + 3).rem_euclid(7);
                Span { from: self.midnight(monday), until: self.midnight(monday + 7) }
            }
            Unit::Month => {
                let (first, next) = month_of(day);
                Span { from: self.midnight(first), until: self.midnight(next) }
            }
        }
    }
}

/// The first day of the month that a day belongs to, and that of the next one.
fn month_of(day: i32) -> (i32, i32) {
    let (year, month, date) = civil(day);
    let first = day - date + 1;
    let long = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    (first, first + long + i32::from(month == 2 && leap))
}

/// Year, month and day of the month of a day number, in the Gregorian calendar.
pub fn civil(day: i32) -> (i32, i32, i32) {
    // Years are counted from March, so that the leap day comes last; eras have 400 years.
    let days = i64::from(day) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leaps = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year as i32, month as i32, date as i32)
}

/// Only around a change of the clock can a day have other than 24 hours.
fn stretches(rules: &TimeZone) -> Vec<Stretch> {
    let first = Date::constant(*YEARS.start(), 1, 1);
    let last = day_number(Date::constant(*YEARS.end(), 12, 31));
    let mut found = Vec::new();
    let mut look = |day: i32| {
        let Some(midnight_s) = midnight_of(rules, day) else { return };
        let follows = found.last().is_none_or(|last: &Stretch| day > last.day);
        let differs = found.last().is_none_or(|last: &Stretch| {
            midnight_s != last.midnight_s + i64::from(day - last.day) * DAY_S
        });
        if follows && differs {
            found.push(Stretch { day, midnight_s });
        }
    };
    look(day_number(first));
    let Some(from) = first.to_zoned(rules.clone()).ok().map(|midnight| midnight.timestamp()) else {
        return found;
    };
    for change in rules.following(from) {
        let day = change.timestamp().as_second().div_euclid(DAY_S) as i32;
        if day > last {
            break;
        }
        // Some date within a day of the zone's own.
        (day - 2..=day + 3).for_each(&mut look);
    }
    if found.is_empty() {
        found.push(Stretch { day: 0, midnight_s: 0 });
    }
    found
}

fn day_number(date: Date) -> i32 {
    let epoch = Date::constant(1970, 1, 1);
    date.since(epoch).map_or(0, |span| span.get_days())
}

/// The first instant of a date; where the zone skipped it, that of the next one.
fn midnight_of(rules: &TimeZone, day: i32) -> Option<i64> {
    let (year, month, date) = civil(day);
    let date = Date::new(i16::try_from(year).ok()?, month as i8, date as i8).ok()?;
    let midnight = date.to_zoned(rules.clone()).ok()?;
    Some(Timestamp::as_second(midnight.timestamp()))
}

#[cfg(test)]
mod tests;
