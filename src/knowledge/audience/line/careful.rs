//! The reading of lines that have a fault, or that a quick reading does not understand: every
//! fault is named. This reading alone says what a line means; cold.

use serde_json::{Map, Value};

use crate::base::stdx::fault::nearest;

use super::{
    Barred, Dimension, Draft, ID_MAX, Known, LINKS_MAX, LineFault, LinkKey, Meaning, Mode, Moment,
    NewWord, PROFILE_DIMENSIONS, ProviderFault, SEGMENTS_MAX, Segment, TOP,
};
use super::{key_said, link_said, listener_said, moment_of, moment_said, percent};

const FIELDS: [&str; 8] = ["id", "key", "segments", "merge", "remove", "erase", "ids", "links"];

pub(super) fn read(text: &str, known: &Known<'_>, draft: &mut Draft) -> Result<(), Vec<LineFault>> {
    let value: Value = serde_json::from_str(text).map_err(|why| vec![syntax(&why)])?;
    let mut reader = Reader { known, draft, faults: Vec::new() };
    match &value {
        Value::Object(fields) => reader.fields(fields),
        other => {
            let what = format!("a listener is an object, not {}", kind(other));
            reader.fault("", what, None);
        }
    }
    if reader.faults.is_empty() { Ok(()) } else { Err(reader.faults) }
}

pub(in super::super) fn syntax(why: &serde_json::Error) -> LineFault {
    let text = why.to_string();
    let message = text.rsplit_once(" at line").map_or(text.as_str(), |(message, _)| message);
    let path = format!("column {}", why.column());
    LineFault { path, ..LineFault::of_line(format!("not JSON: {message}")) }
}

struct Reader<'r, 'v> {
    known: &'r Known<'v>,
    draft: &'r mut Draft,
    faults: Vec<LineFault>,
}

impl Reader<'_, '_> {
    fn fault(&mut self, path: &str, message: String, mend: Option<String>) {
        let path = path.to_owned();
        self.faults.push(LineFault { path, mend, ..LineFault::of_line(message) });
    }

    fn fault_at_word(&mut self, path: &str, message: String, mend: Option<String>, word: &str) {
        let (path, word) = (path.to_owned(), Some(word.to_owned()));
        self.faults.push(LineFault { path, mend, word, ..LineFault::of_line(message) });
    }

    fn fields(&mut self, fields: &Map<String, Value>) {
        for (name, value) in fields {
            match name.as_str() {
                "id" | "key" => self.id(name, value),
                "segments" => self.segments(value),
                "remove" => self.removed(value),
                "ids" => self.ids(value),
                "links" => self.links(value),
                "merge" | "erase" => {}
                _ => match TOP.iter().find(|dimension| dimension.name() == name) {
                    Some(&dimension) => self.values(name, dimension, value),
                    None => self.unknown_field(name),
                },
            }
        }
        self.mode(fields);
        let named = fields.contains_key("id") || fields.contains_key("key");
        if !named {
            let mend = "say whose profile this is".to_owned();
            self.fault("", "no \"id\"".to_owned(), Some(mend));
        }
        if fields.contains_key("id") && fields.contains_key("key") {
            let mend = "leave one of them out".to_owned();
            self.fault("key", "both \"id\" and \"key\"".to_owned(), Some(mend));
        }
        if self.draft.links.len() > LINKS_MAX {
            self.fault("ids", format!("a line names at most {LINKS_MAX} ids"), None);
        }
        if self.draft.removed.len() > SEGMENTS_MAX {
            let message = format!("nobody has more than {SEGMENTS_MAX} segments to remove");
            self.fault("remove", message, None);
        }
        let said = self.draft.segments.len() + self.draft.new.len();
        if said > SEGMENTS_MAX {
            let message = format!("{said} segments; at most {SEGMENTS_MAX} fit");
            self.fault("segments", message, None);
        }
    }

    fn mode(&mut self, fields: &Map<String, Value>) {
        let merge = self.flag(fields, "merge");
        let erase = self.flag(fields, "erase") == Some(true);
        let removes = fields.contains_key("remove");
        if removes && merge == Some(false) {
            let mend = "leave \"merge\" out: what is not named stays".to_owned();
            self.fault("merge", "a line that removes keeps the rest".to_owned(), Some(mend));
        }
        let more = fields.keys().find(|name| !matches!(name.as_str(), "id" | "key" | "erase"));
        if let Some(more) = more.filter(|_| erase) {
            let message = format!("a line that erases says nothing else, not \"{more}\"");
            self.fault(
                "erase",
                message,
                Some("write what follows on a line of its own".to_owned()),
            );
        }
        self.draft.mode = match (erase, removes || merge == Some(true)) {
            (true, _) => Mode::Erase,
            (false, true) => Mode::Merge,
            (false, false) => Mode::Replace,
        };
    }

    fn flag(&mut self, fields: &Map<String, Value>, name: &str) -> Option<bool> {
        let value = fields.get(name)?;
        if value.as_bool().is_none() {
            let message = format!("\"{name}\" is true or false, not {}", kind(value));
            self.fault(name, message, None);
        }
        value.as_bool()
    }

    fn id(&mut self, name: &str, value: &Value) {
        let text = value.as_str();
        self.draft.key = match name {
            "id" => text.and_then(listener_said),
            _ => text.and_then(key_said),
        };
        if self.draft.key.is_none() {
            let message = match name {
                "id" => format!("an id is a text of 1 to {ID_MAX} bytes"),
                _ => "a key is 32 hex digits, as an export writes it".to_owned(),
            };
            self.fault(name, message, None);
        }
    }

    fn unknown_field(&mut self, name: &str) {
        let known = || FIELDS.into_iter().chain(TOP.iter().map(|d| d.name()));
        let mend = if Dimension::named(name).is_some_and(|d| PROFILE_DIMENSIONS.contains(&d)) {
            Some(format!("put it into \"segments\": {{\"{name}\": […]}}"))
        } else {
            nearest(name, known()).map(|known| format!("did you mean \"{known}\"?"))
        };
        self.fault_at_word("", format!("unknown field \"{name}\""), mend, name);
    }

    fn ids(&mut self, value: &Value) {
        let Value::Object(sources) = value else {
            let message = format!("ids are an object of sources, not {}", kind(value));
            return self.fault("ids", message, None);
        };
        for (source, ids) in sources {
            let path = format!("ids.{source}");
            for (path, id) in texts(&path, ids) {
                let link = id.ok_or("an id is a text").and_then(|id| link_said(source, id));
                match link {
                    Ok(link) => self.draft.links.push(link),
                    Err(why) => self.fault(&path, why.to_owned(), None),
                }
            }
        }
    }

    fn links(&mut self, value: &Value) {
        for (path, link) in texts("links", value) {
            match link.and_then(key_said) {
                Some(key) => self.draft.links.push(LinkKey(key.0)),
                None => {
                    let message = "a link is 32 hex digits, as an export writes it".to_owned();
                    self.fault(&path, message, None);
                }
            }
        }
    }

    fn removed(&mut self, value: &Value) {
        for (path, dimension, values) in self.dimensions("remove", value) {
            for (path, word) in texts(&path, values) {
                let found = word.map(|word| (word, self.known.vocabulary.find(dimension, word)));
                match found {
                    Some((_, Some(value))) => self.draft.removed.push(value),
                    Some((word, None)) if dimension.row().closed => {
                        self.unknown_word(&path, dimension, word);
                    }
                    Some((_, None)) => {}
                    None => self.fault(&path, "what is removed is a text".to_owned(), None),
                }
            }
        }
    }

    fn segments(&mut self, value: &Value) {
        for (path, dimension, values) in self.dimensions("segments", value) {
            self.values(&path, dimension, values);
        }
    }

    /// The dimensions of an object, with what is said of each.
    fn dimensions<'l>(
        &mut self,
        field: &str,
        value: &'l Value,
    ) -> Vec<(String, Dimension, &'l Value)> {
        let Value::Object(dimensions) = value else {
            let message = format!("{field} are an object of lists, not {}", kind(value));
            self.fault(field, message, None);
            return Vec::new();
        };
        let mut all = Vec::new();
        for (name, values) in dimensions {
            let path = format!("{field}.{name}");
            match Dimension::named(name).filter(|d| PROFILE_DIMENSIONS.contains(d)) {
                Some(dimension) => all.push((path, dimension, values)),
                None => {
                    let message = match Dimension::named(name) {
                        Some(_) => format!("\"{name}\" is not kept in profiles"),
                        None => format!("unknown dimension \"{name}\""),
                    };
                    let known = PROFILE_DIMENSIONS.iter().map(|dimension| dimension.name());
                    let mend = nearest(name, known).map(|near| format!("did you mean \"{near}\"?"));
                    self.fault_at_word(&path, message, mend, name);
                }
            }
        }
        all
    }

    /// One value or a list of them.
    fn values(&mut self, path: &str, dimension: Dimension, value: &Value) {
        let values = match value {
            Value::Array(values) => values,
            Value::Null => return,
            one => return self.value(path, dimension, one),
        };
        for (index, value) in values.iter().enumerate() {
            self.value(&format!("{path}[{index}]"), dimension, value);
        }
    }

    /// `"rock"`, or `{"value": "rock", "confidence": 0.9, "expires": "2027-01-01T00:00:00Z"}`.
    fn value(&mut self, path: &str, dimension: Dimension, value: &Value) {
        if !self.draft.may_add(dimension) {
            self.fault(path, format!("a listener has one {}", dimension.name()), None);
        }
        let (word, confidence, expires) = match value {
            Value::String(word) => (Some(word.as_str()), None, None),
            Value::Object(fields) => {
                let known = ["value", "confidence", "expires"];
                for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
                    let mend = nearest(name, known).map(|near| format!("did you mean \"{near}\"?"));
                    self.fault(path, format!("unknown field \"{name}\""), mend);
                }
                let word = fields.get("value").and_then(Value::as_str);
                (word, fields.get("confidence"), fields.get("expires"))
            }
            _ => (None, None, None),
        };
        let Some(word) = word else {
            let message = "a value is a text, or an object with a text as \"value\"".to_owned();
            return self.fault(path, message, None);
        };
        let confidence_pct = self.confidence(path, confidence);
        let expires = self.expiry(path, expires);
        match self.known.meaning(dimension, word) {
            Meaning::Value(value, latest) => {
                let expires = expires.min(latest);
                self.draft.segments.push(Segment { value, confidence_pct, expires });
            }
            Meaning::New => self.draft.new.push(NewWord { dimension, text: word.to_owned() }),
            Meaning::Unknown => self.unknown_word(path, dimension, word),
            Meaning::Refused(why) => {
                let message = format!("\"{word}\" cannot be a value: {why}");
                self.fault_at_word(path, message, None, word);
            }
            Meaning::Provider(fault) => self.not_provided(path, dimension, word, fault),
            Meaning::Barred(why) => self.barred(path, dimension, word, why),
        }
    }

    fn barred(&mut self, path: &str, dimension: Dimension, word: &str, why: Barred) {
        let message = format!("nobody is known by {} \"{word}\": {why}", dimension.name());
        self.fault_at_word(path, message, Some(why.mend().to_owned()), word);
        if let Some(fault) = self.faults.last_mut() {
            fault.barred = Some(why);
        }
    }

    fn unknown_word(&mut self, path: &str, dimension: Dimension, word: &str) {
        let near = self.known.vocabulary.suggest(dimension, word);
        let mend = near.map(|near| format!("did you mean \"{near}\"?"));
        let message = format!("unknown {} \"{word}\"", dimension.name());
        self.fault_at_word(path, message, mend, word);
    }

    fn not_provided(
        &mut self,
        path: &str,
        dimension: Dimension,
        word: &str,
        fault: ProviderFault<'_>,
    ) {
        let key = word.split(':').next().unwrap_or_default();
        let (message, mend) = match fault {
            ProviderFault::Unregistered => {
                let near = self.known.providers.nearest(word);
                let mend = near.map_or_else(
                    || "register it as [[audience.providers]] in the config".to_owned(),
                    |near| format!("did you mean \"{near}\"?"),
                );
                (format!("\"{key}\" is no registered provider"), Some(mend))
            }
            ProviderFault::NoTaxonomyId => (
                format!("the IAB Audience Taxonomy has no \"{word}\" of {}", dimension.name()),
                None,
            ),
            ProviderFault::Dimension(provider) => {
                let may: Vec<&str> = provider.dimensions.iter().map(|d| d.name()).collect();
                let mend = format!("it may set {}", may.join(", "));
                (format!("\"{key}\" may not set {}", dimension.name()), Some(mend))
            }
        };
        self.fault_at_word(path, message, mend, word);
    }

    /// Above 0, up to 1; absent: 1.
    fn confidence(&mut self, path: &str, value: Option<&Value>) -> u8 {
        let Some(value) = value.filter(|value| !value.is_null()) else { return 100 };
        let pct = value.as_f64().and_then(percent);
        if pct.is_none() {
            let mend = value
                .as_f64()
                .filter(|percent| (1.0..=100.0).contains(percent))
                .map(|percent| format!("for {percent} % write {}", percent / 100.0));
            let message = format!("confidence {value} is not above 0 and at most 1");
            self.fault(&format!("{path}.confidence"), message, mend);
        }
        pct.unwrap_or(100)
    }

    /// RFC 3339 or seconds since 1970; absent: never.
    fn expiry(&mut self, path: &str, value: Option<&Value>) -> Moment {
        let read = |value: &Value| match value {
            Value::String(text) => moment_said(text),
            Value::Number(seconds) => seconds.as_i64().and_then(moment_of),
            _ => None,
        };
        match value.filter(|value| !value.is_null()) {
            None => Segment::NEVER,
            Some(value) => read(value).unwrap_or_else(|| {
                let message = format!("{value} is no moment");
                let mend = "write it like 2027-01-01T00:00:00Z".to_owned();
                self.fault(&format!("{path}.expires"), message, Some(mend));
                Segment::NEVER
            }),
        }
    }
}

/// One text or a list of them, each with its path; `None` for what is no text.
fn texts<'l>(path: &str, value: &'l Value) -> Vec<(String, Option<&'l str>)> {
    match value {
        Value::Array(all) => {
            let at =
                |(index, value): (usize, &'l Value)| (format!("{path}[{index}]"), value.as_str());
            all.iter().enumerate().map(at).collect()
        }
        one => vec![(path.to_owned(), one.as_str())],
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
