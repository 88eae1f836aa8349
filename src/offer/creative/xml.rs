//! How does a text stand in XML so that it reads back as it was? Escaping into a reused buffer.
//!
//! Called by [`vast`](super::vast) for every byte that is not its own; hot. Text that needs no
//! escape, which is nearly all, is found by one branch-free scan and copied whole. Characters
//! that XML 1.0 cannot hold at all (§2.2) become U+FFFD; a carriage return, which a parser would
//! turn into a line feed (§2.11), is written as a reference.

/// Writes `text` as character data.
pub fn text(out: &mut Vec<u8>, text: &str) {
    let special = |b| (b == b'<') | (b == b'>') | (b == b'&');
    escape(out, text, special, |byte| match byte {
        b'<' => Some(b"&lt;"),
        b'&' => Some(b"&amp;"),
        // Only `]]>` needs it; escaping each is shorter than looking back.
        b'>' => Some(b"&gt;"),
        b'\r' => Some(b"&#13;"),
        _ => None,
    });
}

/// Writes `text` as the value of an attribute in single quotes; the quotes are the caller's.
pub fn attribute(out: &mut Vec<u8>, text: &str) {
    let special = |b| (b == b'<') | (b == b'&') | (b == b'\'');
    escape(out, text, special, |byte| match byte {
        b'<' => Some(b"&lt;"),
        b'&' => Some(b"&amp;"),
        b'\'' => Some(b"&apos;"),
        // A parser turns white space in attributes into spaces (§3.3.3) unless it is a reference.
        b'\t' => Some(b"&#9;"),
        b'\n' => Some(b"&#10;"),
        b'\r' => Some(b"&#13;"),
        _ => None,
    });
}

/// Writes `text` inside a CDATA section; the section's opening and end are the caller's.
///
/// `]]>` is split between two sections, so nothing in `text` ends the section early.
pub fn cdata(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if stands_in_cdata(text) {
        return out.extend_from_slice(bytes);
    }
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let instead: &[u8] = match byte {
            b'>' if bytes[..at].ends_with(b"]]") => b"]]><![CDATA[>",
            b'\r' => b"]]>&#13;<![CDATA[",
            _ => match forbidden(&bytes[at..]) {
                0 => continue,
                length => {
                    out.extend_from_slice(&bytes[done..at]);
                    out.extend_from_slice(REPLACEMENT);
                    done = at + length;
                    continue;
                }
            },
        };
        out.extend_from_slice(&bytes[done..at]);
        out.extend_from_slice(instead);
        done = at + 1;
    }
    out.extend_from_slice(&bytes[done..]);
}

/// Whether [`cdata`] would write `text` as it is.
pub fn stands_in_cdata(text: &str) -> bool {
    is_plain(text.as_bytes(), |b| b == b'>')
}

const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

fn escape(
    out: &mut Vec<u8>,
    text: &str,
    special: impl Fn(u8) -> bool,
    reference: impl Fn(u8) -> Option<&'static [u8]>,
) {
    let bytes = text.as_bytes();
    if is_plain(bytes, special) {
        return out.extend_from_slice(bytes);
    }
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let (instead, length) = match (reference(byte), forbidden(&bytes[at..])) {
            (Some(reference), _) => (reference, 1),
            (None, 0) => continue,
            (None, length) => (REPLACEMENT, length),
        };
        out.extend_from_slice(&bytes[done..at]);
        out.extend_from_slice(instead);
        done = at + length;
    }
    out.extend_from_slice(&bytes[done..]);
}

/// Whether nothing in `bytes` needs care: neither what `special` names nor what no XML may hold.
/// Stricter than need be, because one scan without branches costs less than an exact one.
fn is_plain(bytes: &[u8], special: impl Fn(u8) -> bool) -> bool {
    // 0xEF begins U+F000…U+FFFF, where the two noncharacters stand.
    !bytes.iter().fold(false, |any, &b| any | (b < 0x20) | (b == 0xEF) | special(b))
}

/// How many bytes the character at the start of `rest` has, if XML 1.0 cannot hold it; else 0.
fn forbidden(rest: &[u8]) -> usize {
    match rest {
        [b'\t' | b'\n' | b'\r', ..] => 0,
        [0..0x20, ..] => 1,
        // U+FFFE and U+FFFF
        [0xEF, 0xBF, 0xBE | 0xBF, ..] => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: fn(&mut Vec<u8>, &str), text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn markup_becomes_references() {
        assert_eq!(written(text, "R&B <3 ]]>"), "R&amp;B &lt;3 ]]&gt;");
        assert_eq!(
            written(attribute, "say 'hi'\n& <\"go\">"),
            "say &apos;hi&apos;&#10;&amp; &lt;\"go\">"
        );
        assert_eq!(written(text, "plain, ünïcode 🎧"), "plain, ünïcode 🎧");
    }

    #[test]
    fn a_section_cannot_be_ended_from_inside() {
        assert_eq!(written(cdata, "a]]>b"), "a]]]]><![CDATA[>b");
        assert_eq!(written(cdata, "]]]]>>"), "]]]]]]><![CDATA[>>");
        assert_eq!(written(cdata, "a&b<c>"), "a&b<c>");
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        for write in [text, attribute, cdata] {
            assert_eq!(
                written(write, "a\u{0}b\u{b}\u{fffe}c\u{ffff}"),
                "a\u{fffd}b\u{fffd}\u{fffd}c\u{fffd}"
            );
        }
        assert_eq!(written(cdata, "a\rb"), "a]]>&#13;<![CDATA[b");
        assert_eq!(written(text, "\u{f000}\u{feff}"), "\u{f000}\u{feff}");
    }
}
