use super::*;

fn calendar(zone: &str) -> Calendar {
    Calendar::of(zone).unwrap()
}

fn at(text: &str) -> Moment {
    Moment::from_unix_s(text.parse::<Timestamp>().unwrap().as_second())
}

fn day(text: &str) -> i32 {
    day_number(text.parse().unwrap())
}

fn hours(zone: &str, date: &str) -> f64 {
    let Span { from, until } = calendar(zone).day_span(day(date));
    (until.unix_s() - from.unix_s()) as f64 / 3600.0
}

#[test]
fn days_have_the_hours_that_the_zone_gives_them() {
    for (zone, date, expected) in [
        ("America/New_York", "2026-03-08", 23.0),
        ("America/New_York", "2026-11-01", 25.0),
        ("America/New_York", "2026-11-02", 24.0),
        ("Europe/Berlin", "2026-03-29", 23.0),
        ("Europe/Berlin", "2026-10-25", 25.0),
        ("Europe/London", "2090-03-26", 23.0),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        // The date that Samoa never had.
        ("Pacific/Apia", "2011-12-29", 24.0),
        ("Pacific/Apia", "2011-12-30", 0.0),
        ("Pacific/Apia", "2011-12-31", 24.0),
        // Clocks that went on at midnight: the day begins at one o'clock.
        ("America/Sao_Paulo", "2018-11-04", 23.0),
        ("America/Sao_Paulo", "2018-02-17", 25.0),
        ("Asia/Kathmandu", "2026-06-01", 24.0),
        ("UTC", "2026-06-30", 24.0),
    ] {
        assert_eq!(hours(zone, date), expected, "{zone} {date}");
    }
}

#[test]
fn an_instant_has_the_day_of_the_last_midnight() {
    for (zone, moment, date) in [
        ("America/New_York", "2026-03-08T04:59:59Z", "2026-03-07"),
        ("America/New_York", "2026-03-08T05:00:00Z", "2026-03-08"),
        ("America/New_York", "2026-03-09T03:59:59Z", "2026-03-08"),
        ("America/New_York", "2026-03-09T04:00:00Z", "2026-03-09"),
        ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
        ("Australia/Lord_Howe", "2026-04-04T12:59:59Z", "2026-04-04"),
        ("Australia/Lord_Howe", "2026-04-05T13:29:59Z", "2026-04-05"),
        // Far beyond every table, and before it.
        ("UTC", "2262-01-01T00:00:00Z", "2262-01-01"),
        ("UTC", "1931-05-05T23:59:59Z", "1931-05-05"),
    ] {
        assert_eq!(calendar(zone).day(at(moment)), day(date), "{zone} {moment}");
    }
}

#[test]
fn hours_weeks_and_months_begin_where_the_account_says() {
    let spans = |zone: &str, unit, moment: &str| {
        let Span { from, until } = calendar(zone).span(unit, at(moment));
        (from, until)
    };
    let noon = "2026-03-08T17:00:00Z";
    let new_york = "America/New_York";
    for (zone, unit, moment, from, until) in [
        (new_york, Unit::Hour, noon, "2026-03-08T17:00:00Z", "2026-03-08T18:00:00Z"),
        (new_york, Unit::Week, noon, "2026-03-02T05:00:00Z", "2026-03-09T04:00:00Z"),
        (new_york, Unit::Month, noon, "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"),
        (
            "UTC",
            Unit::Month,
            "2028-02-29T12:00:00Z",
            "2028-02-01T00:00:00Z",
            "2028-03-01T00:00:00Z",
        ),
        (
            "UTC",
            Unit::Month,
            "2100-02-28T12:00:00Z",
            "2100-02-01T00:00:00Z",
            "2100-03-01T00:00:00Z",
        ),
        ("UTC", Unit::Week, "1969-12-31T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z"),
        // Where a clock was set by half an hour, hours are counted from midnight all the same:
        // on Lord Howe it is 6:40 then.
        (
            "Australia/Lord_Howe",
            Unit::Hour,
            "2026-04-04T20:10:00Z",
            "2026-04-04T20:00:00Z",
            "2026-04-04T21:00:00Z",
        ),
        // The hour that Lord Howe's long day has half of.
        (
            "Australia/Lord_Howe",
            Unit::Hour,
            "2026-04-05T13:15:00Z",
            "2026-04-05T13:00:00Z",
            "2026-04-05T13:30:00Z",
        ),
    ] {
        assert_eq!(spans(zone, unit, moment), (at(from), at(until)), "{zone} {unit:?} {moment}");
    }
}

#[test]
fn names_are_those_of_the_database() {
    assert_eq!(calendar("europe/berlin").zone(), "Europe/Berlin");
    assert_eq!(Calendar::of("Europe/Atlantis"), Err(UnknownZone("Europe/Atlantis".to_owned())));
    assert_eq!(calendar("UTC").stretches.len(), 1);
    assert_eq!(calendar("UTC").day_span(20_000), Calendar::utc().day_span(20_000));
}

#[test]
fn the_ends_of_time_have_days() {
    for zone in ["UTC", "America/New_York", "Pacific/Kiritimati"] {
        let calendar = calendar(zone);
        for us in [i64::MIN, -1, 0, i64::MAX] {
            let moment = Moment::from_unix_us(us);
            for unit in [Unit::Hour, Unit::Day, Unit::Week, Unit::Month] {
                let Span { from, until } = calendar.span(unit, moment);
                assert!(from <= until, "{zone} {us} {unit:?}");
            }
        }
    }
}

/// Every zone of the database, 1990 to 2037, against the midnights that its rules give day by
/// day. CI looks at each fourth zone, `INTERLUDE_LONG=1` at all.
#[test]
fn days_tile_time_in_every_zone() {
    let long = std::env::var_os("INTERLUDE_LONG").is_some();
    let database = TimeZoneDatabase::bundled();
    let names = database.available().map(|name| name.as_str().to_owned());
    let (first, last) = (day("1990-01-01"), day("2037-12-31"));
    for name in names.step_by(if long { 1 } else { 4 }) {
        let (calendar, rules) = (calendar(&name), database.get(&name).unwrap());
        let mut before = midnight_of(&rules, first).unwrap();
        for day in first..=last {
            let after = midnight_of(&rules, day + 1).unwrap();
            let Span { from, until } = calendar.day_span(day);
            assert_eq!((from.unix_s(), until.unix_s()), (before, after), "{name} day {day}");
            if before < after {
                assert_eq!(calendar.day(from), day, "{name}");
                assert_eq!(calendar.day(until.plus_s(-1)), day, "{name}");
                hours_tile(&calendar, from, until);
            }
            before = after;
        }
    }
}

fn hours_tile(calendar: &Calendar, from: Moment, until: Moment) {
    let mut moment = from;
    let mut hours = 0;
    while moment < until {
        let span = calendar.span(Unit::Hour, moment);
        assert_eq!(span.from, moment);
        assert!(span.until > moment && span.until <= until);
        (moment, hours) = (span.until, hours + 1);
    }
    assert!((22..=26).contains(&hours) || hours == 24, "{hours} hours in a day");
}
