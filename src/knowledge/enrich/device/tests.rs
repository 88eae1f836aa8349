use std::sync::LazyLock;

use super::*;
use crate::market::openrtb::request::{BrandVersion, UserAgent};

fn told(device: Device<'_>, dimension: Dimension) -> Option<Vec<String>> {
    static WORDS: LazyLock<Vocabulary> = LazyLock::new(|| {
        let mut vocabulary = Vocabulary::new();
        for version in ["iOS 17", "iOS 17.1", "android 14", "windows 11", "windows 10"] {
            vocabulary.intern(Dimension::OsVersion, version).unwrap();
        }
        vocabulary
    });
    let vocabulary = &*WORDS;
    let request = Request { device: Some(device), ..Request::default() };
    let mut facts = Facts::new();
    set(&request, vocabulary, &mut facts);
    let values = facts.get(dimension)?;
    Some(values.iter().map(|&value| vocabulary.text(value).to_owned()).collect())
}

fn assert_told(device: Device<'_>, dimension: Dimension, expected: Option<&[&str]>) {
    let found = told(device, dimension);
    let found: Option<Vec<&str>> =
        found.as_ref().map(|values| values.iter().map(String::as_str).collect());
    assert_eq!(found.as_deref(), expected, "{dimension:?} of {device:?}");
}

fn sua<'a>(brand: &'a str, version: &'a [&'a str], mobile: Option<bool>) -> Option<UserAgent<'a>> {
    let platform = Some(BrandVersion { brand: Some(brand), version });
    Some(UserAgent { platform, mobile, model: None })
}

const NONE: Device<'static> = Device {
    geo: None,
    dnt: None,
    lmt: None,
    ua: None,
    sua: None,
    ip: None,
    ipv6: None,
    devicetype: None,
    make: None,
    model: None,
    os: None,
    osv: None,
    language: None,
    langb: None,
    connectiontype: None,
    ifa: None,
    atts: None,
    ifa_type: None,
};

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) \
    AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1";
const GALAXY: &str = "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like \
    Gecko) Chrome/120.0.0.0 Mobile Safari/537.36";
const IPAD: &str = "AppleCoreMedia/1.0.0.21B101 (iPad; U; CPU OS 17_1_2 like Mac OS X; en_us)";

#[test]
fn the_structured_agent_goes_first_then_the_field_then_the_text() {
    for (device, os, version) in [
        (NONE, None, None),
        (
            Device { sua: sua("Android", &["14", "0"], None), os: Some("iOS"), ..NONE },
            Some(&["android"][..]),
            Some(&["android 14"][..]),
        ),
        (Device { sua: sua("macOS", &["14.1"], None), ..NONE }, Some(&["macos"]), Some(&[])),
        // Client hints count Windows their own way.
        (
            Device { sua: sua("Windows", &["15", "0", "0"], None), ..NONE },
            Some(&["windows"]),
            Some(&["windows 11"]),
        ),
        (
            Device { sua: sua("Windows", &["10"], None), ..NONE },
            Some(&["windows"]),
            Some(&["windows 10"]),
        ),
        (Device { sua: sua("Windows", &["0"], None), ..NONE }, Some(&["windows"]), None),
        (Device { sua: sua("Unknown", &[], None), os: Some("iOS"), ..NONE }, Some(&["ios"]), None),
        (
            Device { os: Some("iOS"), osv: Some("17.1.2"), ..NONE },
            Some(&["ios"]),
            Some(&["iOS 17", "iOS 17.1"]),
        ),
        (Device { os: Some("iPadOS 17.1"), ..NONE }, Some(&["ios"]), Some(&["iOS 17", "iOS 17.1"])),
        (
            Device { os: Some("Android"), osv: Some("v14"), ..NONE },
            Some(&["android"]),
            Some(&["android 14"]),
        ),
        // The text completes the version of the system that was named.
        (
            Device { os: Some("iOS"), ua: Some(IPHONE), ..NONE },
            Some(&["ios"]),
            Some(&["iOS 17", "iOS 17.1"]),
        ),
        (Device { os: Some("android"), ua: Some(IPHONE), ..NONE }, Some(&["android"]), None),
        (Device { ua: Some(GALAXY), ..NONE }, Some(&["android"]), Some(&["android 14"])),
        (
            Device { os: Some("BeOS"), ua: Some(GALAXY), ..NONE },
            Some(&["android"]),
            Some(&["android 14"]),
        ),
        (Device { os: Some("BeOS"), ..NONE }, Some(&["other"]), None),
        (Device { ua: Some("Lavf/60.3.100"), ..NONE }, None, None),
        (Device { os: Some("99999999999"), osv: Some("99999999"), ..NONE }, Some(&["other"]), None),
    ] {
        assert_told(device, Dimension::Os, os);
        assert_told(device, Dimension::OsVersion, version);
    }
}

#[test]
fn broad_kinds_of_device_are_made_exact() {
    for (device, expected) in [
        (NONE, None),
        (Device { devicetype: Some(4), ..NONE }, Some(&["phone", "mobile"][..])),
        (Device { devicetype: Some(5), ua: Some(IPHONE), ..NONE }, Some(&["tablet", "mobile"])),
        (Device { devicetype: Some(1), ..NONE }, Some(&["mobile"])),
        (Device { devicetype: Some(1), ua: Some(IPHONE), ..NONE }, Some(&["phone", "mobile"])),
        (Device { devicetype: Some(1), ua: Some(IPAD), ..NONE }, Some(&["tablet", "mobile"])),
        (Device { devicetype: Some(2), ua: Some(GALAXY), ..NONE }, Some(&["desktop"])),
        (Device { devicetype: Some(3), ..NONE }, Some(&["tv"])),
        (Device { devicetype: Some(6), ..NONE }, Some(&["speaker"])),
        (
            Device { devicetype: Some(6), ua: Some("Spotify/8 PlayStation 5"), ..NONE },
            Some(&["console"]),
        ),
        (Device { devicetype: Some(99), ua: Some(GALAXY), ..NONE }, Some(&["phone", "mobile"])),
        (Device { ua: Some(GALAXY), ..NONE }, Some(&["phone", "mobile"])),
        (Device { sua: sua("Android", &[], Some(true)), ..NONE }, Some(&["phone", "mobile"])),
        (Device { sua: sua("Windows", &[], Some(false)), ..NONE }, None),
    ] {
        assert_told(device, Dimension::Device, expected);
    }
}

#[test]
fn connection_and_language() {
    for (code, expected) in [
        (Some(2), Some(&["wifi"][..])),
        (Some(6), Some(&["4g", "cellular"])),
        (Some(3), Some(&["cellular"])),
        (Some(0), None),
        (Some(77), None),
        (None, None),
    ] {
        assert_told(Device { connectiontype: code, ..NONE }, Dimension::Connection, expected);
    }
    for (langb, language, expected) in [
        (Some("en-GB"), Some("fr"), Some(&["en"][..])),
        (None, Some("FR"), Some(&["fr"])),
        (None, Some("xx-klingon"), Some(&[])),
        (None, None, None),
    ] {
        assert_told(Device { langb, language, ..NONE }, Dimension::Language, expected);
    }
}
