//! Which calendar has an account of this zone? One for all accounts of a zone.
//!
//! Kept with the memory of all campaign files, since a calendar takes a part of a millisecond to
//! make; cold.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::base::units::calendar::Calendar;

#[derive(Default)]
pub struct Zones {
    /// By IANA name.
    calendars: HashMap<String, Arc<Calendar>>,
}

impl Zones {
    pub fn calendar(&mut self, zone: &TimeZone) -> Arc<Calendar> {
        let name = zone.iana_name().unwrap_or("UTC");
        if let Some(known) = self.calendars.get(name) {
            return Arc::clone(known);
        }
        // A zone that has been read is one that calendars know.
        let calendar = Arc::new(Calendar::of(name).unwrap_or_else(|_| Calendar::utc()));
        self.calendars.insert(name.to_owned(), Arc::clone(&calendar));
        calendar
    }
}
