use super::*;

type Row = (&'static str, Option<&'static str>, Option<(u16, Option<u16>)>, Option<&'static str>);

/// Text, system, version, kind of device.
const AGENTS: &[Row] = &[
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15",
        Some("ios"),
        Some((17, Some(1))),
        Some("phone"),
    ),
    (
        "AppleCoreMedia/1.0.0.21B101 (iPad; U; CPU OS 16_7 like Mac OS X; en_us)",
        Some("ios"),
        Some((16, Some(7))),
        Some("tablet"),
    ),
    ("Spotify/8.8.10 iOS/16.3 (iPhone14,5)", Some("ios"), Some((16, Some(3))), Some("phone")),
    ("Anytime/1.1 b64 (phone;ios Version 15.6.1 (Build 19G82))", Some("ios"), None, None),
    (
        "Mozilla/5.0 (Linux; Android 14; SM-S911B) Chrome/120.0.0.0 Mobile Safari/537.36",
        Some("android"),
        Some((14, None)),
        Some("phone"),
    ),
    // Frozen by the browser: any Android may stand behind it.
    (
        "Mozilla/5.0 (Linux; Android 10; K) Chrome/120.0.0.0 Mobile Safari/537.36",
        Some("android"),
        None,
        Some("phone"),
    ),
    (
        "Dalvik/2.1.0 (Linux; U; Android 9; SM-T515 Build/PPR1) Tablet",
        Some("android"),
        Some((9, None)),
        Some("tablet"),
    ),
    (
        "Mozilla/5.0 (Linux; U; en-us; KFTT Build/IML74K) Silk/2.0 Safari/535.19",
        Some("fireos"),
        None,
        None,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0.0.0 Safari/537.36",
        Some("windows"),
        None,
        Some("desktop"),
    ),
    (
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
        Some("windows"),
        Some((7, None)),
        Some("desktop"),
    ),
    (
        "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950)",
        Some("windows"),
        Some((10, Some(0))),
        Some("phone"),
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.1 Safari/605.1.15",
        Some("macos"),
        None,
        Some("desktop"),
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_6) AppleWebKit/605.1.15",
        Some("macos"),
        Some((10, Some(13))),
        Some("desktop"),
    ),
    (
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/120.0.0.0",
        Some("chromeos"),
        None,
        Some("desktop"),
    ),
    (
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Firefox/120.0",
        Some("linux"),
        None,
        Some("desktop"),
    ),
    (
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36",
        Some("tizen"),
        Some((6, Some(0))),
        Some("tv"),
    ),
    (
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 Chrome/79",
        Some("webos"),
        None,
        Some("tv"),
    ),
    ("Roku/DVP-12.5 (12.5.5.4174-AD)", Some("roku"), None, Some("tv")),
    (
        "AppleCoreMedia/1.0.0.20K71 (Apple TV; U; CPU OS 16_1 like Mac OS X; en_au)",
        Some("tvos"),
        Some((16, Some(1))),
        Some("tv"),
    ),
    (
        "atc/1.0 watchOS/5.1.3 model/Watch3,4 hwp/t8004",
        Some("watchos"),
        Some((5, Some(1))),
        Some("wearable"),
    ),
    (
        "Mozilla/5.0 (X11; Linux aarch64) Chrome/90.0 CrKey/1.56.500000 DeviceType/SmartSpeaker",
        Some("linux"),
        None,
        Some("speaker"),
    ),
    ("Spotify/4.4.1.0 Rivian/30", None, None, Some("car")),
    (
        "Mozilla/5.0 (PlayStation 5 3.11) AppleWebKit/605.1.15",
        Some("playstation"),
        None,
        Some("console"),
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) Edge/44",
        Some("xbox"),
        None,
        Some("console"),
    ),
    (
        "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 KAIOS/2.5",
        Some("kaios"),
        None,
        Some("phone"),
    ),
    (
        "Mozilla/5.0 (Linux; Android 12; HarmonyOS; LIO-AN00) Mobile",
        Some("harmonyos"),
        None,
        Some("phone"),
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 9_3_4 like Mac OS X) App-iOS-Android/1.0",
        Some("ios"),
        Some((9, Some(3))),
        Some("phone"),
    ),
    ("Lavf/60.3.100", None, None, None),
    ("", None, None, None),
];

#[test]
fn systems_and_kinds_of_real_agents() {
    for &(text, os, version, device) in AGENTS {
        assert_eq!(read(text), Agent { os, version, device }, "{text}");
    }
}

#[test]
fn words_within_words_and_endless_texts_say_nothing() {
    // "curious", "scandroid" and "xtizen" are no systems.
    for text in ["curious scandroid xtizen", "\u{0}\u{fffd} é iPho ne", "OS OS OS 999999999999"] {
        assert_eq!(read(text).os, None, "{text}");
    }
    let late = format!("{} iPhone", "x ".repeat(300));
    assert_eq!(read(&late).os, None, "beyond what is read");
    assert_eq!(read("iOS 99999999").version, None);
}
