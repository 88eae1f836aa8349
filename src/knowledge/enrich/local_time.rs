//! Which hour of the week is it for the listener?
//!
//! Sets `hour_of_week`: hour 0 is Monday, 00:00 to 00:59, of the listener's own clock. On the
//! wire: `device.geo.utcoffset` (§3.2.19, minutes), else the zone of the place, else unknown.
//! Daylight saving is that of the moment. Called by `enrich` once per request; hot.

use crate::base::units::time::Moment;
use crate::market::facts::Facts;
use crate::market::vocabulary::{Dimension, Vocabulary};

use super::zones::LocalZone;

const MINUTES_OF_DAY: i64 = 24 * 60;
const MINUTES_OF_WEEK: i64 = 7 * MINUTES_OF_DAY;
/// 1970-01-01 was a Thursday: three days after a Monday.
const EPOCH_IN_WEEK: i64 = 3 * MINUTES_OF_DAY;

/// Real offsets go from UTC−12 to UTC+14; what is outside says nothing.
const OFFSETS_MIN: std::ops::RangeInclusive<i64> = -12 * 60..=14 * 60;

pub fn set<'z>(
    moment: Moment,
    utcoffset_min: Option<i64>,
    zone: impl FnOnce() -> Option<LocalZone<'z>>,
    vocabulary: &Vocabulary,
    facts: &mut Facts,
) {
    let said = utcoffset_min.filter(|minutes| OFFSETS_MIN.contains(minutes));
    let worked_out = || zone().and_then(|zone| zone.offset_min(moment)).map(i64::from);
    if let Some(minutes) = said.or_else(worked_out) {
        let value = vocabulary.hour_of_week(hour_of_week(moment, minutes));
        facts.set(Dimension::HourOfWeek, [value]);
    }
}

/// 0 to 167.
pub fn hour_of_week(moment: Moment, offset_min: i64) -> u8 {
    let minutes = moment.unix_s().div_euclid(60) + offset_min + EPOCH_IN_WEEK;
    (minutes.rem_euclid(MINUTES_OF_WEEK) / 60) as u8
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::zones::Zones;
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::from_unix_s(text.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    fn hour(moment: &str, utcoffset: Option<i64>, zone: Option<&str>) -> Option<String> {
        static TABLES: LazyLock<(Zones, Vocabulary)> =
            LazyLock::new(|| (Zones::load().unwrap(), Vocabulary::new()));
        let (zones, vocabulary) = &*TABLES;
        let zone = zone.map(|name| zones.named(name).unwrap());
        let mut facts = Facts::new();
        set(at(moment), utcoffset, || zone, vocabulary, &mut facts);
        let values = facts.get(Dimension::HourOfWeek)?;
        Some(vocabulary.text(values[0]).to_owned())
    }

    #[test]
    fn the_offset_that_was_sent_wins() {
        // 2026-06-15 was a Monday.
        for (moment, utcoffset, expected) in [
            ("2026-06-15T00:00:00Z", Some(0), Some("mon 00")),
            ("2026-06-15T00:00:00Z", Some(-1), Some("sun 23")),
            ("2026-06-14T23:30:00Z", Some(30), Some("mon 00")),
            ("2026-06-15T12:00:00Z", Some(330), Some("mon 17")),
            ("2026-06-14T12:00:00Z", Some(840), Some("mon 02")),
            ("2026-06-15T11:59:59Z", Some(-720), Some("sun 23")),
            // No such offsets: what was sent says nothing.
            ("2026-06-15T00:00:00Z", Some(841), None),
            ("2026-06-15T00:00:00Z", Some(-721), None),
            ("2026-06-15T00:00:00Z", None, None),
            // Before the epoch, to be sure of the rounding: 1969-12-31 was a Wednesday.
            ("1969-12-31T23:59:59Z", Some(0), Some("wed 23")),
        ] {
            let found = hour(moment, utcoffset, None);
            assert_eq!(found.as_deref(), expected, "{moment} {utcoffset:?}");
        }
        let both = hour("2026-06-15T00:00:00Z", Some(60), Some("America/New_York"));
        assert_eq!(both.as_deref(), Some("mon 01"));
        let noise = hour("2026-06-15T00:00:00Z", Some(7200), Some("America/New_York"));
        assert_eq!(noise.as_deref(), Some("sun 20"));
    }

    #[test]
    fn daylight_saving_is_that_of_the_moment() {
        for (zone, moment, expected) in [
            // Spring: 02:00 is skipped on Sunday 2026-03-08 and Sunday 2026-03-29.
            ("America/New_York", "2026-03-08T06:59:59Z", "sun 01"),
            ("America/New_York", "2026-03-08T07:00:00Z", "sun 03"),
            ("Europe/Paris", "2026-03-29T00:59:59Z", "sun 01"),
            ("Europe/Paris", "2026-03-29T01:00:00Z", "sun 03"),
            // Autumn: 01:00 comes twice on 2026-11-01, 02:00 twice on 2026-10-25.
            ("America/New_York", "2026-11-01T05:30:00Z", "sun 01"),
            ("America/New_York", "2026-11-01T06:30:00Z", "sun 01"),
            ("America/New_York", "2026-11-01T07:30:00Z", "sun 02"),
            ("Europe/Paris", "2026-10-25T00:30:00Z", "sun 02"),
            ("Europe/Paris", "2026-10-25T01:30:00Z", "sun 02"),
            ("Europe/Paris", "2026-10-25T02:30:00Z", "sun 03"),
            // Beyond the table of transitions: the rule goes on.
            ("America/New_York", "2060-07-04T12:00:00Z", "sun 08"),
        ] {
            let found = hour(moment, None, Some(zone));
            assert_eq!(found.as_deref(), Some(expected), "{zone} {moment}");
        }
    }

    #[test]
    fn every_hour_of_the_week_is_told() {
        let monday = at("2026-06-15T00:00:00Z");
        for hour in 0..168 {
            assert_eq!(hour_of_week(monday.plus_s(i64::from(hour) * 3600 + 1800), 0), hour);
        }
    }
}
