//! What does somebody want to know? Options as text → a [`Question`]. One reading for the command
//! and the admin port; cold.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{By, Question, Zones};
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::AdvertiserId;
use crate::base::units::time::Moment;

/// What may be asked, by the names of the options.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub of: Option<String>,
    pub from: Option<String>,
    pub until: Option<String>,
    pub by: Option<String>,
    pub zone: Option<String>,
}

pub const OPTIONS: [&str; 5] = ["of", "from", "until", "by", "zone"];

/// What cannot be understood, and what mends it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{option}: {message}; {mend}")]
pub struct AskFault {
    pub option: &'static str,
    pub message: String,
    pub mend: &'static str,
}

/// The zone that is each account's own.
pub const OWN: &str = "account";

impl Asked {
    /// `accounts`: whose days are whose, asked for where `zone` is `account`.
    pub fn question(
        &self,
        accounts: impl FnOnce() -> HashMap<AdvertiserId, Arc<Calendar>>,
        rows_max: usize,
    ) -> Result<(Question, TimeZone), AskFault> {
        let fault = |option, message, mend| AskFault { option, message, mend };
        let own = self.zone.as_deref() == Some(OWN);
        let name = self.zone.as_deref().filter(|_| !own).unwrap_or("UTC");
        let zone_fault =
            |_| fault("zone", format!("\"{name}\" is no time zone"), "write `Europe/Berlin`");
        let calendar = Calendar::of(name).map_err(|_| zone_fault(()))?;
        let zone = TimeZone::get(calendar.zone()).map_err(|_| zone_fault(()))?;
        let named = self.by.as_deref().unwrap_or("line");
        let by = By::named(named).ok_or_else(|| {
            fault("by", format!("\"{named}\" is no part of a report"), "write hour, day or line")
        })?;
        let moment = |option, text: &Option<String>| {
            let read = |text: &String| {
                let message = format!("\"{text}\" is neither a day nor a time");
                let mend = "write `2026-03-01` or `2026-03-01T08:00:00+01:00`";
                moment_of(text, &calendar).ok_or_else(|| fault(option, message, mend))
            };
            text.as_ref().map(read).transpose()
        };
        let (from, until) = (moment("from", &self.from)?, moment("until", &self.until)?);
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            let message = "ends before it begins".to_owned();
            return Err(fault("until", message, "write a later moment than `from`"));
        }
        let zones = if own { Zones::Own(accounts()) } else { Zones::One(Arc::new(calendar)) };
        Ok((Question { of: self.of.clone(), from, until, by, zones, rows_max }, zone))
    }
}

/// A day begins at its midnight.
fn moment_of(text: &str, calendar: &Calendar) -> Option<Moment> {
    if text.len() == 10 {
        let since = text.parse::<Date>().ok()?.since(Date::constant(1970, 1, 1)).ok()?;
        return Some(calendar.midnight(since.get_days()));
    }
    let time = text.parse::<jiff::Timestamp>().ok()?;
    Some(Moment::from_unix_us(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(asked: &Asked) -> Result<(Question, TimeZone), AskFault> {
        asked.question(HashMap::new, 9)
    }

    #[test]
    fn options_are_understood_or_mended() {
        let some = |text: &str| Some(text.to_owned());
        let berlin =
            Asked { zone: some("Europe/Berlin"), from: some("2026-03-29"), ..Asked::default() };
        let (question, zone) = read(&berlin).unwrap();
        assert_eq!(question.from.unwrap().unix_s(), 1_774_738_800);
        assert_eq!((question.by, zone.iana_name()), (By::Line, Some("Europe/Berlin")));
        let (from, until) = (some("2026-03-29T00:00:00+01:00"), some("2026-03-30"));
        assert!(read(&Asked { from, until, ..berlin }).is_ok());
        let own = Asked { zone: some(OWN), ..Asked::default() };
        assert!(matches!(read(&own).unwrap().0.zones, Zones::Own(_)));
        let day = || some("2026-03-29");
        for (option, asked) in [
            ("zone", Asked { zone: some("Europe/Berln"), ..Asked::default() }),
            ("by", Asked { by: some("week"), ..Asked::default() }),
            ("from", Asked { from: some("yesterday"), ..Asked::default() }),
            ("until", Asked { until: some("2026-02-30"), ..Asked::default() }),
            ("until", Asked { from: day(), until: day(), ..Asked::default() }),
        ] {
            assert_eq!(read(&asked).map(|_| ()).unwrap_err().option, option);
        }
    }
}
