//! How long may what is known of a listener be kept, by kind of signal? Read with every line that
//! comes in; cold.

use serde::{Deserialize, Serialize};

use super::profile::Segment;
use crate::base::units::time::Moment;
use crate::market::vocabulary::{Dimension, SignalKind};

/// `[audience.retention]`: no value that comes in holds longer than its kind may; 0: as long as
/// whoever sends it says. An age under 18 is kept: it protects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    pub mood_hours: u32,
    pub activity_hours: u32,
    pub third_party_days: u32,
    pub taste_days: u32,
    pub habits_days: u32,
    pub demographics_days: u32,
    pub lists_days: u32,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            mood_hours: 24,
            activity_hours: 24,
            third_party_days: 0,
            taste_days: 0,
            habits_days: 0,
            demographics_days: 0,
            lists_days: 0,
        }
    }
}

impl Retention {
    /// Everything as long as whoever sends it says.
    pub const NONE: Retention = Retention {
        mood_hours: 0,
        activity_hours: 0,
        third_party_days: 0,
        taste_days: 0,
        habits_days: 0,
        demographics_days: 0,
        lists_days: 0,
    };

    /// Until when a value of the dimension may hold if it comes now.
    pub fn latest(&self, dimension: Dimension, now: Moment) -> Moment {
        let days = |days: u32| i64::from(days) * 24;
        let hours = match SignalKind::of(dimension) {
            Some(SignalKind::Mood) => self.mood_hours.into(),
            Some(SignalKind::Activity) => self.activity_hours.into(),
            Some(SignalKind::ThirdParty) => days(self.third_party_days),
            Some(SignalKind::Taste) => days(self.taste_days),
            Some(SignalKind::Habits) => days(self.habits_days),
            Some(SignalKind::Demographics) => days(self.demographics_days),
            Some(SignalKind::Lists) => days(self.lists_days),
            // No profile holds a place.
            Some(SignalKind::Place) | None => 0,
        };
        if hours == 0 { Segment::NEVER } else { now.plus_s(hours * 3600) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_time() {
        let now = Moment::from_unix_s(1_000_000);
        let retention = Retention { taste_days: 2, ..Retention::default() };
        let latest = |dimension| retention.latest(dimension, now);
        assert_eq!(latest(Dimension::Mood), now.plus_s(86_400));
        assert_eq!(latest(Dimension::TasteArtist), now.plus_s(2 * 86_400));
        assert_eq!(latest(Dimension::List), Segment::NEVER);
        assert_eq!(latest(Dimension::Genre), Segment::NEVER);
        assert_eq!(Retention::NONE.latest(Dimension::Mood, now), Segment::NEVER);
    }
}
