use super::*;
use crate::market::openrtb::request::{Device, User};

/// 2026-11-22T12:00:00Z
const NOW: Moment = Moment::from_unix_s(1_795_348_800);

fn at(text: &str) -> Moment {
    Moment::from_unix_s(text.parse::<jiff::Timestamp>().unwrap().as_second())
}

/// What is said with one signal, and what it makes of a request that is otherwise free.
struct Said {
    regs: Option<Regs<'static>>,
    device: Device<'static>,
    user: User<'static>,
}

fn free() -> Said {
    let regs = Regs { gdpr: Some(false), ..Regs::default() };
    Said { regs: Some(regs), device: Device::default(), user: User::default() }
}

fn regs(change: impl Fn(&mut Regs<'static>)) -> Said {
    let mut signals = free();
    change(signals.regs.as_mut().unwrap());
    signals
}

fn device(change: impl Fn(&mut Device<'static>)) -> Said {
    let mut signals = free();
    change(&mut signals.device);
    signals
}

fn user(change: impl Fn(&mut User<'static>)) -> Said {
    let mut signals = free();
    change(&mut signals.user);
    signals
}

fn denial(signals: &Said, country: Option<&str>, absent: RegsDefault) -> Option<Denial> {
    let request = Request {
        regs: signals.regs,
        device: Some(signals.device),
        user: Some(signals.user),
        ..Request::default()
    };
    made(&request, country, absent).denial()
}

fn made(request: &Request<'_>, country: Option<&str>, absent: RegsDefault) -> Permissions {
    let signals = Signals { request, country, gpc: false, absent, moment: NOW };
    permissions(&signals, &Policy::default())
}

#[test]
fn each_signal_alone_denies_or_not() {
    let table: Vec<(&str, Said, Option<Denial>)> = vec![
        ("nothing", free(), None),
        ("coppa 1", regs(|r| r.coppa = Some(true)), Some(Denial::Coppa)),
        ("coppa 0", regs(|r| r.coppa = Some(false)), None),
        ("gpc 1", regs(|r| r.gpc = Some(true)), Some(Denial::GlobalPrivacyControl)),
        ("gpc 0", regs(|r| r.gpc = Some(false)), None),
        ("gdpr 1", regs(|r| r.gdpr = Some(true)), Some(Denial::GdprWithoutConsent)),
        ("gpp of no section", regs(|r| r.gpp = Some("DBAA")), None),
        ("gpp", regs(|r| r.gpp = Some("DBABLA~1")), Some(Denial::UnreadGpp)),
        ("gpp_sid only", regs(|r| r.gpp_sid = &[7]), Some(Denial::UnreadGpp)),
        ("gpp_sid of none", regs(|r| r.gpp_sid = &[-1]), None),
        ("lmt 1", device(|d| d.lmt = Some(true)), Some(Denial::LimitAdTracking)),
        ("lmt 0", device(|d| d.lmt = Some(false)), None),
        (
            "zeroed ifa",
            device(|d| d.ifa = Some("00000000-0000-0000-0000-000000000000")),
            Some(Denial::LimitAdTracking),
        ),
        ("an ifa", device(|d| d.ifa = Some("6D92078A-8246-4BA4-AE5B-76104861E7DC")), None),
        ("dnt 1", device(|d| d.dnt = Some(true)), Some(Denial::DoNotTrack)),
        ("dnt 0", device(|d| d.dnt = Some(false)), None),
        ("atts 0", device(|d| d.atts = Some(0)), Some(Denial::TrackingNotAuthorized)),
        ("atts 1", device(|d| d.atts = Some(1)), Some(Denial::TrackingNotAuthorized)),
        ("atts 2", device(|d| d.atts = Some(2)), Some(Denial::TrackingNotAuthorized)),
        ("atts 3", device(|d| d.atts = Some(3)), None),
        ("atts 4", device(|d| d.atts = Some(4)), Some(Denial::TrackingNotAuthorized)),
        ("a consent string where gdpr is 0", user(|u| u.consent = Some("CPc")), None),
        ("yob of a child", user(|u| u.yob = Some(2015)), Some(Denial::Minor)),
        ("yob of 18 this year", user(|u| u.yob = Some(2008)), Some(Denial::Minor)),
        ("yob of 19 this year", user(|u| u.yob = Some(2007)), None),
        ("yob to come", user(|u| u.yob = Some(2030)), Some(Denial::Minor)),
        ("yob 0", user(|u| u.yob = Some(0)), None),
    ];
    for (name, signals, expected) in &table {
        for country in [Some("USA"), Some("FRA"), None] {
            let found = denial(signals, country, RegsDefault::Full);
            assert_eq!(found, *expected, "{name} in {country:?}");
        }
    }
}

#[test]
fn us_privacy_is_a_plain_yes_or_none() {
    for (text, permits) in [
        ("1---", true),
        ("1YNN", true),
        ("1YNY", true),
        ("1YN-", true),
        ("1yny", true),
        ("1YYN", false),
        ("1NYN", false),
        ("1NNN", false),
        ("1-N-", false),
        ("1--Y", false),
        ("1Y--", false),
        ("2YNN", false),
        ("1YN", false),
        ("1YNNN", false),
        ("1YNX", false),
        ("", false),
        ("yes", false),
    ] {
        let signals = regs(|r| r.us_privacy = Some(text));
        let found = denial(&signals, Some("USA"), RegsDefault::Full);
        assert_eq!(found, (!permits).then_some(Denial::UsOptOut), "{text:?}");
    }
}

#[test]
fn absent_regs_are_judged_by_the_place() {
    let silent = |change: fn(&mut Regs<'static>)| {
        let mut signals = free();
        signals.regs = Some(Regs::default());
        change(signals.regs.as_mut().unwrap());
        signals
    };
    let none = Said { regs: None, ..free() };
    let empty = silent(|_| ());
    let coppa = silent(|r| r.coppa = Some(false));
    let us = silent(|r| r.us_privacy = Some("1YNN"));
    for country in ["FRA", "DEU", "NOR", "ISL", "LIE", "GBR", "CHE", "GUF", "fra", "FR", "", "ZZ"]
        .map(Some)
        .into_iter()
        .chain([None])
    {
        for (name, signals) in [("none", &none), ("empty", &empty), ("coppa", &coppa), ("us", &us)]
        {
            for absent in [RegsDefault::Full, RegsDefault::Contextual] {
                let found = denial(signals, country, absent);
                assert_eq!(found, Some(Denial::RegsAbsent), "{name} in {country:?}, {absent:?}");
            }
        }
    }
    for country in ["USA", "JPN", "BRA", "TUR", "SRB"] {
        for (signals, by_default) in [(&none, true), (&empty, true), (&coppa, true), (&us, false)] {
            assert_eq!(denial(signals, Some(country), RegsDefault::Full), None);
            let found = denial(signals, Some(country), RegsDefault::Contextual);
            assert_eq!(found, by_default.then_some(Denial::RegsAbsent), "{country}");
        }
        assert_eq!(denial(&free(), Some(country), RegsDefault::Contextual), None);
    }
}

#[test]
fn a_consent_string_that_cannot_be_read_is_none() {
    for gdpr in [None, Some(true)] {
        let mut signals = user(|u| u.consent = Some("CPc-AAA"));
        signals.regs = Some(Regs { gdpr, ..Regs::default() });
        let found = denial(&signals, Some("USA"), RegsDefault::Full);
        assert_eq!(found, Some(Denial::ConsentUnread));
    }
}

/// Every combination of signals: full only where each of them is silent or a plain yes.
#[test]
fn no_combination_of_signals_opens_what_one_of_them_closes() {
    const FLAG: [Option<bool>; 3] = [None, Some(false), Some(true)];
    const USP: [Option<&str>; 4] = [None, Some("1YNN"), Some("1YYN"), Some("?")];
    const ATTS: [Option<i64>; 3] = [None, Some(3), Some(2)];
    let countries = [Some("USA"), Some("FRA"), None];
    let mut full = 0;
    for bits in 0..3usize.pow(8) * 4 * 2 {
        let mut left = bits;
        let mut pick = |n: usize| {
            let picked = left % n;
            left /= n;
            picked
        };
        let (coppa, gdpr, gpc) = (FLAG[pick(3)], FLAG[pick(3)], FLAG[pick(3)]);
        let (lmt, dnt, atts) = (FLAG[pick(3)], FLAG[pick(3)], ATTS[pick(3)]);
        let (country, yob) = (countries[pick(3)], [None, Some(1990), Some(2010)][pick(3)]);
        let (us_privacy, gpp) = (USP[pick(4)], [None, Some("DBA")][pick(2)]);
        let mut signals = free();
        signals.regs = Some(Regs { coppa, gdpr, gpc, us_privacy, gpp, ..Regs::default() });
        signals.device = Device { lmt, dnt, atts, ..Device::default() };
        signals.user = User { yob, ..User::default() };
        let no = [coppa, gdpr, gpc, lmt, dnt].contains(&Some(true))
            || atts == Some(2)
            || yob == Some(2010)
            || matches!(us_privacy, Some("1YYN" | "?"))
            || gpp.is_some();
        let place_asks = country != Some("USA");
        let expected = !no && (!place_asks || gdpr == Some(false));
        let found = denial(&signals, country, RegsDefault::Full).is_none();
        assert_eq!(found, expected, "{:?} {country:?}", signals.regs);
        full += u32::from(found);
    }
    assert!(full > 0);
}

#[test]
fn a_profile_can_only_narrow() {
    let request =
        Request { regs: Some(Regs { gdpr: Some(false), ..Regs::default() }), ..Request::default() };
    let open = made(&request, Some("USA"), RegsDefault::Full);
    assert!(open.full());
    assert_eq!(open.of_minor().denial(), Some(Denial::Minor));
    let closed = made(&Request::default(), None, RegsDefault::Full);
    assert_eq!(closed.of_minor().denial(), Some(Denial::RegsAbsent));
}

#[test]
fn the_year_turns_where_it_turns_last() {
    // Born 2007: 19 in 2026. On New Year's morning in UTC it is still 2025 in the far west.
    for (moment, minor) in [
        ("2026-01-01T11:59:59Z", true),
        ("2026-01-01T12:00:00Z", false),
        ("2025-12-31T23:59:59Z", true),
        ("2026-02-28T23:59:59Z", false),
    ] {
        assert_eq!(may_be_minor(2007, at(moment)), minor, "{moment}");
    }
    for (moment, expected) in [
        ("1970-01-01T00:00:00Z", 1970),
        ("1969-12-31T23:59:59Z", 1969),
        ("2000-02-29T12:00:00Z", 2000),
        ("2000-12-31T23:59:59Z", 2000),
        ("2024-03-01T00:00:00Z", 2024),
        ("2100-01-01T00:00:00Z", 2100),
    ] {
        assert_eq!(year(at(moment)), expected, "{moment}");
    }
}

#[test]
fn the_list_of_countries_is_sorted_and_every_reason_has_a_label() {
    assert!(CONSENT_COUNTRIES.is_sorted());
    for (index, reason) in Denial::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, index);
        assert!(!reason.label().is_empty());
    }
}
