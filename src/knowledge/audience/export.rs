//! How is what is known written down, so that it can be read in again? As lines of an import.
//!
//! For `interlude audience export` and the admin API; cold. Nobody knows the ids any more under
//! which listeners came, only their hashes: a line has `key` in place of `id`, and links are
//! written as `links`, which import reads back. Segments that have expired are left out.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::audience::Audience;
use super::profile::{Profile, Segment};
use crate::base::units::ids::ListenerKey;
use crate::base::units::time::Moment;
use crate::market::vocabulary::Vocabulary;

/// Links to one listener on one line, at most.
const LINKS_A_LINE: usize = 64;

/// Shows every line of an export, each with its end: all profiles, then all links. `visit`
/// returns `false` when it has enough.
pub fn export(
    audience: &Audience,
    vocabulary: &Vocabulary,
    now: Moment,
    visit: &mut dyn FnMut(&str) -> bool,
) {
    let mut line = String::new();
    for (key, profile) in audience.iter() {
        line.clear();
        write_profile(key, profile, (vocabulary, now), &mut line);
        if !visit(&line) {
            return;
        }
    }
    let mut links = audience.links().peekable();
    while let Some((link, key)) = links.next() {
        line.clear();
        let _ = write!(
            line,
            "{{\"key\":\"{:032x}\",\"merge\":true,\"links\":[\"{:032x}\"",
            key.0, link.0
        );
        let mut more = 1;
        // Links ascend by their own hash, so those of one listener stand together by chance only.
        while more < LINKS_A_LINE && links.peek().is_some_and(|(_, next)| *next == key) {
            if let Some((link, _)) = links.next() {
                let _ = write!(line, ",\"{:032x}\"", link.0);
            }
            more += 1;
        }
        line.push_str("]}\n");
        if !visit(&line) {
            return;
        }
    }
}

fn write_profile(
    key: ListenerKey,
    profile: Profile<'_>,
    (vocabulary, now): (&Vocabulary, Moment),
    line: &mut String,
) {
    let mut segments: Map<String, Value> = Map::new();
    for segment in profile.segments().filter(|segment| segment.expires > now) {
        let dimension = vocabulary.dimension(segment.value).name();
        let all = segments.entry(dimension).or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.push(said(segment, vocabulary.text(segment.value)));
        }
    }
    let _ =
        writeln!(line, "{{\"key\":\"{:032x}\",\"segments\":{}}}", key.0, Value::Object(segments));
}

fn said(segment: Segment, text: &str) -> Value {
    if segment.confidence_pct == 100 && segment.never_expires() {
        return json!(text);
    }
    let mut said =
        json!({ "value": text, "confidence": f64::from(segment.confidence_pct) / 100.0 });
    if !segment.never_expires() {
        said["expires"] = json!(segment.expires.unix_s());
    }
    said
}
