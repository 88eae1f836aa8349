//! What does a user-agent text give away? System, version and kind of device, of the few that
//! matter for audio.
//!
//! Asked by `device` for each request; hot: one pass over the text, no allocation, no regular
//! expression. (A crate for it runs dozens of expressions over each text and allocates; the
//! structured fields tell more wherever they are sent.)

/// What was read out of a text; each as far as it tells.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Agent {
    /// A value of the dimension `os`.
    pub os: Option<&'static str>,
    /// Major and minor number.
    pub version: Option<(u16, Option<u16>)>,
    /// A value of the dimension `device`.
    pub device: Option<&'static str>,
}

/// The words that are looked for, at the start of a word of the text, in any case.
macro_rules! marks {
    ($($mark:ident $($word:literal)|+;)*) => {
        #[derive(Clone, Copy)]
        #[repr(u8)]
        enum Mark { $($mark),* }

        const WORDS: &[(&[u8], Mark)] = &[$($(($word, Mark::$mark)),+),*];
    };
}

marks! {
    IPhone b"iphone" | b"ipod";
    IPad b"ipad";
    Ios b"ios" | b"cpu os";
    Android b"android" | b"dalvik";
    WindowsPhone b"windows phone";
    Windows b"windows" | b"win64" | b"win32";
    Mac b"macintosh" | b"macos" | b"mac os x" | b"mac_powerpc" | b"osx";
    Linux b"linux" | b"x11" | b"ubuntu";
    ChromeOs b"cros";
    TvOs b"appletv" | b"apple tv" | b"apple_tv" | b"tvos";
    WatchOs b"watchos" | b"apple watch" | b"watch/";
    WearOs b"wear os" | b"wearos";
    Fire b"silk" | b"aft" | b"kftt" | b"kfot" | b"fireos" | b"fire os";
    Tizen b"tizen";
    WebOs b"web0s" | b"webos";
    Roku b"roku";
    KaiOs b"kaios";
    Harmony b"harmonyos" | b"openharmony" | b"harmony os";
    PlayStation b"playstation";
    Xbox b"xbox";
    Nintendo b"nintendo";
    Cast b"crkey" | b"googletv" | b"google tv" | b"bravia" | b"smart-tv" | b"smarttv" | b"hbbtv";
    Speaker b"smartspeaker" | b"echo" | b"alexa" | b"sonos" | b"homepod" | b"googlehome"
        | b"google-home" | b"google home" | b"audioaccessory";
    Car b"carplay" | b"android auto" | b"androidauto" | b"automotive" | b"tesla" | b"rivian"
        | b"qtcarbrowser";
    Mobile b"mobile" | b"phone";
    Tablet b"tablet";
}

/// Which marks stand in the text.
#[derive(Clone, Copy, Default)]
struct Marks(u64);

impl Marks {
    fn has(self, mark: Mark) -> bool {
        self.0 & (1 << mark as u8) != 0
    }
}

/// Nothing worth reading stands behind this many bytes.
const READ_MAX: usize = 512;

pub fn read(text: &str) -> Agent {
    let text = text.as_bytes();
    let text = &text[..text.len().min(READ_MAX)];
    let marks = marks_of(text);
    let os = system(marks);
    Agent { os, version: os.and_then(|os| version(os, text)), device: kind(marks) }
}

fn marks_of(text: &[u8]) -> Marks {
    let mut marks = Marks::default();
    let mut in_word = false;
    for (at, byte) in text.iter().enumerate() {
        let letter = byte.is_ascii_alphabetic();
        if letter && !in_word {
            let rest = &text[at..];
            let initial = byte.to_ascii_lowercase();
            for (word, mark) in WORDS {
                if word[0] == initial && starts_with(rest, word) {
                    marks.0 |= 1 << *mark as u8;
                }
            }
        }
        in_word = letter || byte.is_ascii_digit();
    }
    marks
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// The more particular before the more general: browsers name everything they resemble.
fn system(marks: Marks) -> Option<&'static str> {
    let by_mark = [
        (Mark::Harmony, "harmonyos"),
        (Mark::KaiOs, "kaios"),
        (Mark::Tizen, "tizen"),
        (Mark::WebOs, "webos"),
        (Mark::Roku, "roku"),
        (Mark::Xbox, "xbox"),
        (Mark::PlayStation, "playstation"),
        (Mark::TvOs, "tvos"),
        (Mark::WatchOs, "watchos"),
        (Mark::WearOs, "wearos"),
        (Mark::WindowsPhone, "windows"),
        (Mark::IPhone, "ios"),
        (Mark::IPad, "ios"),
        (Mark::Fire, "fireos"),
        (Mark::Android, "android"),
        (Mark::Ios, "ios"),
        (Mark::ChromeOs, "chromeos"),
        (Mark::Windows, "windows"),
        (Mark::Mac, "macos"),
        (Mark::Linux, "linux"),
    ];
    by_mark.into_iter().find(|&(mark, _)| marks.has(mark)).map(|(_, os)| os)
}

fn kind(marks: Marks) -> Option<&'static str> {
    let any = |list: &[Mark]| list.iter().any(|&mark| marks.has(mark));
    let handheld = any(&[Mark::Android, Mark::Fire, Mark::Harmony]);
    let a_phone = any(&[Mark::IPhone, Mark::WindowsPhone, Mark::KaiOs]);
    let a_desktop = any(&[Mark::ChromeOs, Mark::Windows, Mark::Mac]);
    let plain_linux = marks.has(Mark::Linux) && !handheld && !marks.has(Mark::Tizen);
    let kinds = [
        (any(&[Mark::Speaker]), "speaker"),
        (any(&[Mark::Car]), "car"),
        (any(&[Mark::WatchOs, Mark::WearOs]), "wearable"),
        (any(&[Mark::PlayStation, Mark::Xbox, Mark::Nintendo]), "console"),
        (any(&[Mark::TvOs, Mark::Roku, Mark::Cast, Mark::WebOs]), "tv"),
        (any(&[Mark::IPad, Mark::Tablet]), "tablet"),
        (a_phone || handheld && marks.has(Mark::Mobile), "phone"),
        (a_desktop || plain_linux, "desktop"),
    ];
    kinds.into_iter().find(|&(is, _)| is).map(|(_, kind)| kind)
}

/// The version behind the system's name, except where browsers have frozen it: Windows NT 10.0
/// is 10 or 11, macOS 10.15.7 anything since, `Android 10; K` any Android.
fn version(os: &str, text: &[u8]) -> Option<(u16, Option<u16>)> {
    match os {
        "ios" => behind(text, b"OS ")
            .or_else(|| behind(text, b"iOS "))
            .or_else(|| behind(text, b"iOS/").or_else(|| behind(text, b"iPhoneOS/"))),
        "android" if find(text, b"Android 10; K").is_some() => None,
        "android" => behind(text, b"Android ").or_else(|| behind(text, b"Android/")),
        "macos" => behind(text, b"Mac OS X ").filter(|&found| found != (10, Some(15))),
        "windows" => {
            behind(text, b"Windows Phone ").or_else(|| match behind(text, b"Windows NT ")? {
                (6, Some(1)) => Some((7, None)),
                (6, Some(2)) => Some((8, None)),
                (6, Some(3)) => Some((8, Some(1))),
                _ => None,
            })
        }
        "tizen" => behind(text, b"Tizen "),
        "watchos" => behind(text, b"watchOS ").or_else(|| behind(text, b"watchOS/")),
        "tvos" => behind(text, b"tvOS ").or_else(|| behind(text, b"CPU OS ")),
        _ => None,
    }
}

/// The number behind a word, and the next one behind a point or an underscore.
fn behind(text: &[u8], word: &[u8]) -> Option<(u16, Option<u16>)> {
    let mut rest = text;
    while let Some(at) = find(rest, word) {
        rest = &rest[at + word.len()..];
        if let Some((major, left)) = number(rest) {
            let minor = match left {
                [b'.' | b'_', left @ ..] => number(left).map(|(minor, _)| minor),
                _ => None,
            };
            return Some((major, minor));
        }
    }
    None
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, word)
}

fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count().min(5);
    let digits = std::str::from_utf8(&text[..len]).ok()?;
    Some((digits.parse().ok()?, &text[len..]))
}

#[cfg(test)]
mod tests;
