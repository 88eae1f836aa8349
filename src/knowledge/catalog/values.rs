//! Is this text a price, a URL, a domain, a moment? Scalars of campaign files, read exactly.
//!
//! Called by the walker; cold. Amounts go from digits to integers, never through a float.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::base::units::calendar::Unit;
use crate::base::units::time::Moment;

/// What is wrong with a value and what mends it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    pub message: String,
    pub mend: Option<String>,
}

impl Complaint {
    pub fn new(message: impl Into<String>) -> Complaint {
        Complaint { message: message.into(), mend: None }
    }

    pub fn mend(message: impl Into<String>, mend: impl Into<String>) -> Complaint {
        Complaint { message: message.into(), mend: Some(mend.into()) }
    }
}

type Read<T> = Result<T, Complaint>;

/// A plain decimal above zero as an integer of 10^-`places`: `4.25` with 6 places is 4,250,000.
pub fn decimal(text: &str, places: usize) -> Read<i64> {
    match plain(text, places)? {
        0 => Err(Complaint::new(format!("`{text}` is not above zero"))),
        amount => Ok(amount),
    }
}

/// A share of traffic in millionths of whatever it counts; nought is one, too.
pub fn weight(text: &str) -> Read<u64> {
    match u64::try_from(plain(text, 6)?) {
        Ok(weight) if weight <= WEIGHT_MAX => Ok(weight),
        _ => Err(Complaint::new(format!("`{text}` is more than a million"))),
    }
}

const WEIGHT_MAX: u64 = 1_000_000_000_000;

fn plain(text: &str, places: usize) -> Read<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || text.ends_with('.') {
        let message = format!("`{text}` is no plain decimal");
        return Err(Complaint::mend(message, "write it as `4.25`, without sign, exponent or unit"));
    }
    if part.trim_end_matches('0').len() > places {
        return Err(Complaint::new(format!("`{text}` has more than {places} decimals")));
    }
    let part = part.get(..places).unwrap_or(part);
    let text_of_all = format!("{whole}{part:0<places$}");
    let amount = text_of_all.parse::<i64>();
    amount.map_err(|_| Complaint::new(format!("`{text}` is too large an amount")))
}

/// The inverse of [`decimal`], without trailing zeros.
pub fn print_decimal(amount: i64, places: usize) -> String {
    let scale = 10_i64.pow(places as u32);
    let (whole, part) = (amount / scale, amount % scale);
    let part = format!("{part:0places$}");
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_string() } else { format!("{whole}.{part}") }
}

pub fn int(text: &str, min: i64, max: i64) -> Read<i64> {
    match text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        Ok(_) if max == i64::MAX => Err(Complaint::new(format!("`{text}` is below {min}"))),
        Ok(_) => Err(Complaint::new(format!("`{text}` is not within {min} and {max}"))),
        Err(_) => Err(Complaint::new(format!("`{text}` is no whole number"))),
    }
}

/// Degrees and kilometres.
pub fn number(text: &str, min: f64, max: f64) -> Read<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    match text.parse::<f64>() {
        Ok(number) if plain && (min..=max).contains(&number) => Ok(number),
        Ok(_) if plain => Err(Complaint::new(format!("`{text}` is not within {min} and {max}"))),
        _ => Err(Complaint::new(format!("`{text}` is no number"))),
    }
}

pub fn boolean(text: &str) -> Read<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "on" => Ok(true),
        "false" | "False" | "FALSE" | "no" | "off" => Ok(false),
        _ => Err(Complaint::new(format!("`{text}` is neither `true` nor `false`"))),
    }
}

pub fn key(text: &str) -> Read<()> {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(known) {
        return Ok(());
    }
    let message = format!("`{text}` is no key");
    Err(Complaint::mend(message, "use 1 to 64 letters, digits, `.`, `_` and `-`"))
}

pub fn text(text: &str, max: usize) -> Read<()> {
    if text.is_empty() {
        return Err(Complaint::new("an empty text"));
    }
    if text.len() > max {
        let message = format!("a text of {} bytes where at most {max} may stand", text.len());
        return Err(Complaint::new(message));
    }
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some(_) => Err(Complaint::new("a text with control characters")),
        None => Ok(()),
    }
}

/// Absolute, http or https, with a host and without spaces; VAST macros may stand in it.
pub fn url(text: &str) -> Read<()> {
    let scheme = text.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let Some((scheme, rest)) = scheme else {
        let message = format!("`{text}` is no absolute URL");
        return Err(Complaint::mend(message, "begin it with `https://`"));
    };
    if scheme != "https" && scheme != "http" {
        return Err(Complaint::new(format!("`{scheme}` URLs are not served, http and https are")));
    }
    if text.len() > 4096 {
        return Err(Complaint::new("a URL of more than 4096 bytes"));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"`{}".contains(c)) {
        let message = "a URL with spaces, quotes, braces or angle brackets";
        return Err(Complaint::mend(message, "escape them: a space is `%20`"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    if host.is_empty() || host.starts_with('.') {
        return Err(Complaint::new(format!("`{text}` names no host")));
    }
    Ok(())
}

/// `acme.example`: two labels or more, lower case, no scheme, no path, no `www.`.
pub fn domain(text: &str) -> Read<()> {
    let bare = text.trim().to_lowercase();
    let bare = bare.split_once("://").map_or(bare.as_str(), |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or_default();
    let bare = bare.strip_prefix("www.").unwrap_or(bare);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_domain = bare.len() <= 253 && bare.contains('.') && bare.split('.').all(label);
    match (is_domain, bare == text) {
        (true, true) => Ok(()),
        (true, false) => {
            let message = format!("`{text}` is more than a registrable domain in lower case");
            Err(Complaint::mend(message, format!("write `{bare}`")))
        }
        _ => Err(Complaint::new(format!("`{text}` is no domain"))),
    }
}

pub fn language(text: &str) -> Read<()> {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let primary = (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_lowercase());
    let rest = |p: &str| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric());
    if primary && parts.all(rest) {
        return Ok(());
    }
    let message = format!("`{text}` is no language tag");
    Err(Complaint::mend(message, "write a BCP-47 tag, as `en` or `pt-BR`"))
}

/// `IAB8` or `IAB8-5`, upper case.
pub fn category(text: &str) -> Read<()> {
    let fits = |text: &str| {
        let (tier, part) = text.strip_prefix("IAB")?.split_once('-').unwrap_or((&text[3..], "1"));
        let tier: u8 = tier.parse().ok()?;
        let part: u8 = part.parse().ok()?;
        ((1..=26).contains(&tier) && (1..=60).contains(&part)).then_some(())
    };
    if fits(text).is_some() {
        return Ok(());
    }
    let message = format!("`{text}` is no code of the IAB Content Taxonomy 1.0");
    let upper = text.to_uppercase();
    Err(match fits(&upper) {
        Some(()) => Complaint::mend(message, format!("write `{upper}`")),
        None => Complaint::mend(message, "write it as `IAB8-5`"),
    })
}

pub fn zone(text: &str) -> Read<TimeZone> {
    TimeZone::get(text).map_err(|_| {
        let known = jiff::tz::db().available().map(|name| name.to_string()).collect::<Vec<_>>();
        let near = crate::base::stdx::fault::nearest(text, known.iter().map(String::as_str));
        let message = format!("unknown time zone `{text}`");
        let mend = near.map_or_else(
            || "write a name of the IANA database, as `Europe/Berlin`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Complaint::mend(message, mend)
    })
}

/// What a cap counts per.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Per {
    /// Seconds; at least a minute, at most 31 days.
    Span(u32),
    Unit(Unit),
    Flight,
}

/// `minute`, `hour`, `day`, `week`, `month`, `flight`, `30m`, `12h`, `7d`.
pub fn window(text: &str) -> Read<Per> {
    let seconds = match text {
        "minute" => Some(60),
        "hour" => return Ok(Per::Unit(Unit::Hour)),
        "day" => return Ok(Per::Unit(Unit::Day)),
        "week" => return Ok(Per::Unit(Unit::Week)),
        "month" => return Ok(Per::Unit(Unit::Month)),
        "flight" => return Ok(Per::Flight),
        _ => text.char_indices().last().and_then(|(at, unit)| {
            let unit = match unit {
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                _ => return None,
            };
            text[..at].parse::<u32>().ok()?.checked_mul(unit)
        }),
    };
    match seconds {
        Some(seconds) if (60..=31 * 86_400).contains(&seconds) => Ok(Per::Span(seconds)),
        _ => {
            let message = format!("`{text}` is no window");
            let mend = "write `minute`, `hour`, `day`, `week`, `month` or `flight`, or as `30m`, \
                        `12h`, `7d`; at most 31 days";
            Err(Complaint::mend(message, mend))
        }
    }
}

/// A time, or a day of `zone`: its start, or the start of the next where `end` asks for its end.
pub fn instant(text: &str, zone: &TimeZone, end: bool) -> Read<Moment> {
    // Of a date with a time, too, jiff would read the date.
    let date = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten();
    if let Some(date) = date {
        let date = if end { date.tomorrow() } else { Ok(date) };
        let start = date.and_then(|date| date.to_zoned(zone.clone()));
        let start = start.map_err(|_| Complaint::new(format!("`{text}` is too far away")))?;
        return Ok(Moment::from_unix_us(start.timestamp().as_microsecond()));
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => Ok(Moment::from_unix_us(time.as_microsecond())),
        Err(_) => Err(Complaint::mend(
            format!("`{text}` is neither a date nor a time with its offset"),
            "write `2026-03-01` or `2026-03-01T08:00:00+01:00`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_share_may_be_nought() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("0.0", Some(0)),
            ("1.5", Some(1_500_000)),
            ("1000000", Some(WEIGHT_MAX)),
            ("1000001", None),
            ("-1", None),
            (".", None),
        ] {
            assert_eq!(weight(text).ok(), wanted, "{text}");
        }
    }

    #[test]
    fn decimals_are_exact() {
        for (text, places, wanted) in [
            ("4.25", 6, Some(4_250_000)),
            ("0.000001", 6, Some(1)),
            ("0.1", 9, Some(100_000_000)),
            ("500.00", 9, Some(500_000_000_000)),
            ("9007199254.740993", 6, Some(9_007_199_254_740_993)),
            ("9223372036.854775807", 9, Some(i64::MAX)),
            ("1.2500000000", 6, Some(1_250_000)),
            ("007", 6, Some(7_000_000)),
            ("9223372036.854775808", 9, None),
            ("0.0000001", 6, None),
            ("0", 6, None),
            ("-1", 6, None),
            ("+1", 6, None),
            ("1e3", 6, None),
            ("1.", 6, None),
            (".5", 6, None),
            ("", 6, None),
            ("4,25", 6, None),
            ("1_000", 6, None),
            ("٣", 6, None),
            ("4.25 EUR", 6, None),
            ("inf", 6, None),
        ] {
            assert_eq!(decimal(text, places).ok(), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_decimal_reads_back(amount in 1..=i64::MAX) {
            for places in [3, 6, 9] {
                prop_assert_eq!(decimal(&print_decimal(amount, places), places), Ok(amount));
            }
        }

        #[test]
        fn no_text_makes_a_reader_panic(text in ".*") {
            let _ = (decimal(&text, 6), url(&text), domain(&text), language(&text));
            let _ = (category(&text), window(&text), instant(&text, &TimeZone::UTC, true));
            let _ = (key(&text), int(&text, 0, 9), zone(&text), weight(&text));
        }
    }

    #[test]
    fn domains_are_bare_and_lower_case() {
        assert!(domain("acme.example").is_ok());
        assert!(domain("xn--bcher-kva.example").is_ok());
        for text in ["Acme.example", "https://acme.example/x", "www.acme.example", " acme.example"]
        {
            assert_eq!(domain(text).unwrap_err().mend.unwrap(), "write `acme.example`", "{text}");
        }
        for text in ["acme", "", "acme..example", "-a.example", "a b.example", "acme.exämple"] {
            assert!(domain(text).is_err(), "{text}");
        }
    }

    #[test]
    fn urls_are_absolute() {
        for text in ["https://a.example/x?[CACHEBUSTING]", "http://a:80", "HTTPS://a.example"] {
            assert!(url(text).is_ok(), "{text}");
        }
        for text in ["a.example/x", "//a.example", "ftp://a.example", "https:///x", "https://a b"] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_is_a_day_of_the_zone() {
        let berlin = zone("Europe/Berlin").unwrap();
        let at = |text, end| instant(text, &berlin, end).unwrap().unix_s();
        assert_eq!(at("2026-03-29", false), 1_774_738_800);
        // That Sunday has 23 hours.
        assert_eq!(at("2026-03-29", true), 1_774_738_800 + 23 * 3600);
        assert_eq!(at("2026-03-29T00:00:00+01:00", true), 1_774_738_800);
        assert!(instant("2026-03-29T00:00:00", &berlin, false).is_err());
        assert!(instant("2026-02-30", &berlin, false).is_err());
        assert_eq!(
            zone("Europe/Berln").unwrap_err().mend.unwrap(),
            "did you mean `Europe/Berlin`?"
        );
    }

    #[test]
    fn windows_are_bounded() {
        for (text, wanted) in [
            ("minute", Some(Per::Span(60))),
            ("day", Some(Per::Unit(Unit::Day))),
            ("month", Some(Per::Unit(Unit::Month))),
            ("flight", Some(Per::Flight)),
            ("12h", Some(Per::Span(43_200))),
            ("30m", Some(Per::Span(1800))),
            ("31d", Some(Per::Span(31 * 86_400))),
            ("32d", None),
            ("0h", None),
            ("h", None),
            ("12", None),
            ("99999999999d", None),
            ("1ж", None),
        ] {
            assert_eq!(window(text).ok(), wanted, "{text}");
        }
    }
}
