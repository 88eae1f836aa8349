//! What does one line of an id match say? Whose id it is, the id, and the listener it means.
//!
//! ```json
//! {"source": "demo", "id": "their id", "listener": "our id"}
//! {"source": "ids.example", "id": "their id", "unlink": true}
//! ```
//! Read by the admin API and by `interlude audience link`; cold.

use std::borrow::Cow;

use serde::Deserialize;

use super::change::Change;
use super::line::{LineFault, key_said, link_said, listener_said, syntax};
use crate::base::stdx::fault::nearest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkLine<'l> {
    #[serde(borrow)]
    source: Cow<'l, str>,
    #[serde(borrow)]
    id: Cow<'l, str>,
    /// Our id.
    #[serde(borrow, default)]
    listener: Option<Cow<'l, str>>,
    /// The key that an export writes in place of our id.
    #[serde(borrow, default)]
    key: Option<Cow<'l, str>>,
    #[serde(default)]
    unlink: bool,
}

const FIELDS: [&str; 5] = ["source", "id", "listener", "key", "unlink"];

/// Reads one line.
pub fn read_link(text: &str) -> Result<Change, Vec<LineFault>> {
    let line: LinkLine<'_> = serde_json::from_str(text).map_err(|why| vec![told(text, &why)])?;
    let mut faults = Vec::new();
    let mut say = |path: &str, message: &str, mend: Option<&str>| {
        let (path, mend) = (path.to_owned(), mend.map(str::to_owned));
        faults.push(LineFault { path, mend, ..LineFault::of_line(message) });
    };
    let link = link_said(&line.source, &line.id);
    if let Err(why) = link {
        say(if why.contains("source") { "source" } else { "id" }, why, None);
    }
    let key = match (&line.listener, &line.key) {
        (Some(id), None) => listener_said(id),
        (None, Some(key)) => key_said(key),
        (None, None) => None,
        (Some(_), Some(_)) => {
            say("key", "both \"listener\" and \"key\"", Some("leave one of them out"));
            None
        }
    };
    let named = line.listener.is_some() || line.key.is_some();
    match (line.unlink, named) {
        (true, true) => {
            let mend = "leave the listener out: an id leads to one at most";
            say("unlink", "an unlinking names no listener", Some(mend));
        }
        (false, false) => {
            let mend = "say whom the id means as \"listener\", or \"unlink\": true";
            say("", "no \"listener\"", Some(mend));
        }
        (false, true) if key.is_none() => {
            let path = if line.key.is_some() { "key" } else { "listener" };
            let message = "an id is a text of 1 to 512 bytes, a key 32 hex digits";
            say(path, message, None);
        }
        _ => {}
    }
    match (link, key, line.unlink) {
        (Ok(link), _, true) if faults.is_empty() => Ok(Change::Unlink { link }),
        (Ok(link), Some(key), false) if faults.is_empty() => Ok(Change::Link { link, key }),
        _ => Err(faults),
    }
}

/// serde says what is wrong; the nearest field says what was meant.
fn told(text: &str, why: &serde_json::Error) -> LineFault {
    let mut fault = syntax(why);
    if why.is_data() {
        fault.message = fault.message.trim_start_matches("not JSON: ").to_owned();
        let unknown = fault.message.strip_prefix("unknown field `");
        if let Some(name) = unknown.and_then(|rest| rest.split('`').next()) {
            fault.mend = nearest(name, FIELDS).map(|near| format!("did you mean \"{near}\"?"));
            fault.word = text.contains(name).then(|| name.to_owned());
            fault.path = String::new();
        }
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::super::LinkKey;
    use super::*;
    use crate::base::units::ids::ListenerKey;

    #[test]
    fn a_line_links_or_unlinks() {
        let link = LinkKey::of("demo", "d1");
        let key = ListenerKey::of("l1");
        let read = |text| read_link(text).unwrap();
        let linked = Change::Link { link, key };
        assert_eq!(read(r#"{"source":"demo","id":"d1","listener":" l1 "}"#), linked);
        let by_key = format!(r#"{{"source":"Demo","id":"d1","key":"{:032x}"}}"#, key.0);
        assert_eq!(read(&by_key), linked);
        let unlinked = Change::Unlink { link };
        assert_eq!(read(r#"{"source":"demo","id":"d1","unlink":true}"#), unlinked);
        let digest = "ab".repeat(32);
        let text = format!(
            r#"{{"source":"phone_sha256","id":"{}","listener":"l1"}}"#,
            digest.to_uppercase()
        );
        assert_eq!(read(&text), Change::Link { link: LinkKey::of("phone_sha256", &digest), key });
    }

    #[test]
    fn every_fault_is_told() {
        for (text, told) in [
            ("x", "column 1: not JSON: expected value"),
            (r#"{"id":"a","listener":"l"}"#, "column 25: missing field `source`"),
            (
                r#"{"source":"a","id":"b","listner":"l"}"#,
                ": unknown field `listner`, expected one of `source`, `id`, `listener`, `key`, \
                 `unlink`",
            ),
            (r#"{"source":"a","id":"b"}"#, ": no \"listener\""),
            (r#"{"source":"a","id":"","listener":"l"}"#, "id: an id is a text of 1 to 512 bytes"),
            (
                r#"{"source":" ","id":"b","listener":"l"}"#,
                "source: a source is a text of 1 to 128 bytes",
            ),
            (
                r#"{"source":"email_sha256","id":"b","listener":"l"}"#,
                "id: a SHA-256 is 64 hex digits",
            ),
            (
                r#"{"source":"a","id":"b","listener":"l","unlink":true}"#,
                "unlink: an unlinking names no listener",
            ),
            (
                r#"{"source":"a","id":"b","key":"l"}"#,
                "key: an id is a text of 1 to 512 bytes, a key 32 hex digits",
            ),
        ] {
            let faults = read_link(text).unwrap_err();
            let all: Vec<_> = faults.iter().map(|f| format!("{}: {}", f.path, f.message)).collect();
            assert_eq!(all, [told], "{text}");
        }
        let text = r#"{"source":"a","id":"b","listner":"l"}"#;
        let fault = &read_link(text).unwrap_err()[0];
        assert_eq!(fault.mend.as_deref(), Some("did you mean \"listener\"?"));
        assert_eq!(fault.column(text), 24);
    }
}
