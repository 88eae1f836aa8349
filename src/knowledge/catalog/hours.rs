//! Which hours of the week is `mon-fri 06:00-10:00, sat 22:00-02:00`? Text → a set of 168 hours.
//!
//! Called by [`targeting`](super::targeting) for `hour_of_week`; cold. Hour 0 is Monday 00:00 to
//! 00:59 of the listener's local time.

use super::values::Complaint;

/// Hours as bits; more than the 128 of a `u128`, so an array.
pub type Hours = [bool; 168];

const DAYS: [(&str, &str); 7] = [
    ("mon", "monday"),
    ("tue", "tuesday"),
    ("wed", "wednesday"),
    ("thu", "thursday"),
    ("fri", "friday"),
    ("sat", "saturday"),
    ("sun", "sunday"),
];

/// The parts of a day, as radio calls them.
const DAYPARTS: [(&str, (usize, usize)); 5] = [
    ("night", (0, 6)),
    ("morning", (6, 10)),
    ("midday", (10, 15)),
    ("afternoon", (15, 19)),
    ("evening", (19, 24)),
];

const HOW: &str = "write it as `mon-fri 06:00-10:00, sat 22:00-02:00`, in whole hours";

/// Parts are separated by commas. A part is days (`mon`, `mon-fri`, `tue thu`, `weekdays`,
/// `weekend`, `daily`), or times (`06:00-10:00`, `morning`), or both; days alone are whole days,
/// times alone are daily.
/// A time that ends before it starts runs over midnight into the next day.
pub fn parse(text: &str) -> Result<Hours, Complaint> {
    let mut hours = [false; 168];
    for part in text.split(',') {
        add(part.trim(), &mut hours)?;
    }
    Ok(hours)
}

/// The inverse of [`parse`]: the runs of each day.
pub fn print(hours: &Hours) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (day, (name, _)) in DAYS.iter().enumerate() {
        let of_day = &hours[day * 24..][..24];
        let mut start = 0;
        while start < 24 {
            let length = of_day[start..].iter().take_while(|&&on| on).count();
            if length > 0 {
                parts.push(format!("{name} {start:02}:00-{:02}:00", start + length));
            }
            start += length.max(1);
        }
    }
    parts.join(", ")
}

fn add(part: &str, hours: &mut Hours) -> Result<(), Complaint> {
    let mut days = [false; 7];
    let mut times = Vec::new();
    for word in part.split_whitespace() {
        let daypart = DAYPARTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        if let Some(&(_, hours)) = daypart {
            times.push(hours);
        } else if word.starts_with(|c: char| c.is_ascii_digit()) {
            times.push(time_range(word)?);
        } else if times.is_empty() {
            add_days(word, &mut days)?;
        } else {
            return Err(Complaint::mend(format!("days after a time in `{part}`"), HOW));
        }
    }
    if days == [false; 7] && times.is_empty() {
        return Err(Complaint::mend("an empty part", HOW));
    }
    if days == [false; 7] {
        days = [true; 7];
    }
    if times.is_empty() {
        times.push((0, 24));
    }
    for day in (0..7).filter(|&day| days[day]) {
        for &(start, end) in &times {
            let length = if end > start { end - start } else { end + 24 - start };
            for hour in 0..length {
                hours[(day * 24 + start + hour) % 168] = true;
            }
        }
    }
    Ok(())
}

fn add_days(word: &str, days: &mut [bool; 7]) -> Result<(), Complaint> {
    let word = word.to_lowercase();
    let range = match word.as_str() {
        "weekday" | "weekdays" => (0, 4),
        "weekend" | "weekends" => (5, 6),
        "daily" => (0, 6),
        _ => match word.split_once('-') {
            Some((first, last)) => (day(first)?, day(last)?),
            None => (day(&word)?, day(&word)?),
        },
    };
    let mut at = range.0;
    loop {
        days[at] = true;
        if at == range.1 {
            return Ok(());
        }
        at = (at + 1) % 7;
    }
}

fn day(word: &str) -> Result<usize, Complaint> {
    DAYS.iter().position(|&(short, long)| word == short || word == long).ok_or_else(|| {
        let message = format!("unknown day `{word}`");
        Complaint::mend(message, "days are mon, tue, wed, thu, fri, sat, sun")
    })
}

/// `06:00-10:00` or `6-10`; the end may be 24.
fn time_range(word: &str) -> Result<(usize, usize), Complaint> {
    let unreadable = || Complaint::mend(format!("`{word}` is no range of hours"), HOW);
    let (start, end) = word.split_once('-').ok_or_else(unreadable)?;
    let hour = |text: &str| -> Result<usize, Complaint> {
        let (hour, minute) = text.split_once(':').unwrap_or((text, "00"));
        if !(1..=2).contains(&hour.len()) || minute.len() != 2 {
            return Err(unreadable());
        }
        let hour: usize = hour.parse().map_err(|_| unreadable())?;
        let minute: usize = minute.parse().map_err(|_| unreadable())?;
        if minute != 0 && minute < 60 && hour < 24 {
            let message = format!("`{text}` is not a whole hour");
            let mend = format!("write `{hour:02}:00` or `{:02}:00`", hour + 1);
            return Err(Complaint::mend(message, mend));
        }
        if minute != 0 || hour > 24 { Err(unreadable()) } else { Ok(hour) }
    };
    let (start, end) = (hour(start)?, hour(end)?);
    if start == 24 || start == end {
        let message = format!("`{word}` has no hour in it");
        return Err(Complaint::mend(message, "a whole day is `00:00-24:00`"));
    }
    Ok((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(text: &str) -> Vec<usize> {
        let hours = parse(text).unwrap_or_else(|c| panic!("{text}: {}", c.message));
        (0..168).filter(|&hour| hours[hour]).collect()
    }

    #[test]
    fn hours_expand() {
        assert_eq!(set("mon 06:00-10:00"), [6, 7, 8, 9]);
        assert_eq!(set("Tuesday 6-8"), [30, 31]);
        assert_eq!(set("mon-fri 07:00-08:00").len(), 5);
        assert_eq!(set("weekdays 07:00-08:00, weekend 10-12").len(), 9);
        assert_eq!(set("sat").len(), 24);
        assert_eq!(set("00:00-24:00").len(), 168);
        assert_eq!(set("daily 12-13").len(), 7);
        assert_eq!(set("mon wed 8-9 17-18"), [8, 17, 56, 65]);
        assert_eq!(set("mon Morning"), [6, 7, 8, 9]);
        assert_eq!(set("evening").len(), 35);
        assert_eq!(set("night, morning, midday, afternoon, evening").len(), 168);
    }

    #[test]
    fn a_night_runs_into_the_next_day_and_week() {
        assert_eq!(set("mon 22:00-02:00"), [22, 23, 24, 25]);
        assert_eq!(set("sun 23:00-01:00"), [0, 167]);
        assert_eq!(set("sun 22-24"), [166, 167]);
        assert_eq!(set("fri-mon 00:00-01:00"), [0, 96, 120, 144]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            ",",
            "mon,",
            "mo 6-8",
            "mon 6",
            "mon 8-8",
            "mon 24-2",
            "6-25",
            "mon 6-8 tue",
            "x-y",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let mend = parse("mon 06:30-10:00").unwrap_err().mend.unwrap();
        assert_eq!(mend, "write `06:00` or `07:00`");
    }

    proptest! {
        #[test]
        fn printed_hours_read_back(on in proptest::collection::vec(any::<bool>(), 168)) {
            let mut hours = [false; 168];
            hours.copy_from_slice(&on);
            hours[0] = true;
            prop_assert_eq!(parse(&print(&hours)).unwrap(), hours);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-z0-9:, -]{0,40}") {
            let _ = parse(&text);
        }
    }
}
