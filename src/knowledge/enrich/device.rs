//! On what does it play? System, version, kind, connection and language of the device.
//!
//! Sets `os`, `os_version`, `device`, `connection` and `language` from `device` (§3.2.18): the
//! structured user agent first, then the plain fields, then what the user-agent text gives away
//! ([`user_agent`]). Called by `enrich` once per request; hot.

use std::cell::LazyCell;
use std::ops::Deref;

use crate::market::facts::Facts;
use crate::market::openrtb::request::{Device, Request};
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

use super::gathered::Gathered;
use super::user_agent::{self, Agent};

pub fn set(request: &Request<'_>, vocabulary: &Vocabulary, facts: &mut Facts) {
    let Some(device) = request.device.as_ref() else { return };
    // Read only where what is structured leaves something open: it is the dearest to read.
    let agent = LazyCell::new(|| device.ua.map(user_agent::read).unwrap_or_default());
    let mut found = Gathered::new(vocabulary);
    system(device, &agent, vocabulary, &mut found);
    kind(device, &agent, vocabulary, &mut found);
    let connection = device.connectiontype;
    if let Some(value) = connection.and_then(|c| vocabulary.coded(Dimension::Connection, c)) {
        found.add(Dimension::Connection, value);
    }
    if let Some(language) = device.langb.or(device.language) {
        found.add_word(Dimension::Language, language);
    }
    for dimension in [
        Dimension::Os,
        Dimension::OsVersion,
        Dimension::Device,
        Dimension::Connection,
        Dimension::Language,
    ] {
        found.state(dimension, facts);
    }
}

/// Major and minor number; the minor one may be unknown.
type Version = (u16, Option<u16>);

/// `sua.platform`, else `os` and `osv`, else `ua`. What is said but is no system that we know
/// is `other`.
fn system(
    device: &Device<'_>,
    agent: &impl Deref<Target = Agent>,
    vocabulary: &Vocabulary,
    found: &mut Gathered<'_>,
) {
    let structured = device.sua.and_then(|sua| sua.platform).and_then(|platform| {
        let os = vocabulary.find(Dimension::Os, platform.brand?)?;
        let mut parts = platform.version.iter().flat_map(|part| part.split('.'));
        let major = parts.next().and_then(number);
        let minor = parts.next().and_then(number);
        Some((os, major.and_then(|major| of_hints(os, (major, minor), vocabulary))))
    });
    let plain = || {
        let (name, behind) = split_version(device.os?);
        let os = vocabulary.find(Dimension::Os, name)?;
        Some((os, device.osv.and_then(version).or_else(|| version(behind))))
    };
    let other = || {
        let said = device.os.is_some_and(|os| !os.trim_ascii().is_empty());
        Some((vocabulary.find(Dimension::Os, "other").filter(|_| said)?, None))
    };
    let of_agent = || Some((vocabulary.find(Dimension::Os, agent.os?)?, agent.version));
    let Some((os, mut version)) = structured.or_else(plain).or_else(of_agent).or_else(other) else {
        return;
    };
    if version.is_none() && agent.os.is_some_and(|name| vocabulary.text(os) == name) {
        version = agent.version;
    }
    found.add(Dimension::Os, os);
    if let Some(version) = version {
        versions(vocabulary.text(os), version, vocabulary, found);
    }
}

/// The platform version of the client hints is that of the system, except on Windows, where it
/// counts its own way: 13 and above is Windows 11, 1 to 10 is Windows 10, below are 7 and 8
/// (User-Agent Client Hints, "Windows versions").
fn of_hints(os: ValueId, version: Version, vocabulary: &Vocabulary) -> Option<Version> {
    if vocabulary.text(os) != "windows" {
        return Some(version);
    }
    match version {
        (13.., _) => Some((11, None)),
        (1.., _) => Some((10, None)),
        (0, Some(1)) => Some((7, None)),
        (0, Some(2)) => Some((8, None)),
        (0, Some(3)) => Some((8, Some(1))),
        (0, _) => None,
    }
}

/// `iOS 17.1` → `iOS`, `17.1`.
fn split_version(text: &str) -> (&str, &str) {
    let at = text.find(|letter: char| letter.is_ascii_digit()).unwrap_or(text.len());
    let (name, behind) = text.split_at(at);
    if name.is_empty() { (text, "") } else { (name.trim_ascii(), behind) }
}

/// The first number of a text, and the one that follows it behind a point.
fn version(text: &str) -> Option<Version> {
    let at = text.find(|letter: char| letter.is_ascii_digit())?;
    let mut parts = text[at..].split(['.', '_']);
    let major = number(parts.next()?)?;
    Some((major, parts.next().and_then(number)))
}

/// The digits at the start of a text.
fn number(text: &str) -> Option<u16> {
    let text = text.trim_ascii();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// A line may ask for `iOS 17` or for `iOS 17.1`; the fact has both.
fn versions(os: &str, version: Version, vocabulary: &Vocabulary, found: &mut Gathered<'_>) {
    let (major, minor) = version;
    let mut text = Text::new();
    text.push(os.as_bytes());
    text.push(b" ");
    text.push_number(major);
    found.add_word(Dimension::OsVersion, text.as_str());
    if let Some(minor) = minor {
        text.push(b".");
        text.push_number(minor);
        if let Some(value) = vocabulary.find(Dimension::OsVersion, text.as_str()) {
            found.add(Dimension::OsVersion, value);
        }
    }
}

/// A few words on the stack.
struct Text {
    bytes: [u8; 40],
    len: usize,
}

impl Text {
    const fn new() -> Text {
        Text { bytes: [0; 40], len: 0 }
    }

    fn push(&mut self, text: &[u8]) {
        let room = self.bytes.get_mut(self.len..self.len + text.len());
        if let Some(room) = room {
            room.copy_from_slice(text);
            self.len += text.len();
        }
    }

    fn push_number(&mut self, number: u16) {
        self.push(itoa::Buffer::new().format(number).as_bytes());
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

/// `devicetype`, made more exact by `sua.mobile` and `ua` where it is one of AdCOM's broad
/// kinds: 1 is a phone or a tablet, 6 whatever is connected (a car, a console, a watch).
fn kind(
    device: &Device<'_>,
    agent: &impl Deref<Target = Agent>,
    vocabulary: &Vocabulary,
    found: &mut Gathered<'_>,
) {
    let coded = device.devicetype.and_then(|code| vocabulary.coded(Dimension::Device, code));
    let named = |name: &str| vocabulary.find(Dimension::Device, name);
    let finer = match device.devicetype {
        Some(1) => agent.device.filter(|kind| matches!(*kind, "phone" | "tablet")),
        Some(6) => {
            agent.device.filter(|kind| matches!(*kind, "car" | "console" | "wearable" | "tv"))
        }
        _ if coded.is_some() => None,
        _ => agent.device.or(match device.sua.and_then(|sua| sua.mobile) {
            Some(true) => Some("phone"),
            _ => None,
        }),
    };
    if let Some(value) = finer.and_then(named).or(coded) {
        found.add(Dimension::Device, value);
    }
}

#[cfg(test)]
mod tests;
