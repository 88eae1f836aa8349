//! What does one line of an import say? JSON in, a checked profile out, or why not.
//!
//! Called by [`import`](super::import) for each line; cold. A line is judged whole before
//! anything of it is kept: all its faults are told at once, each with its path and, for a word
//! that is not in a closed list, with the nearest one that is.

use serde_json::{Map, Value};

use crate::base::stdx::fault::nearest;
use crate::base::units::ids::ListenerKey;
use crate::base::units::time::Moment;
use crate::market::vocabulary::{Dimension, Vocabulary};

use super::PROFILE_DIMENSIONS;
use super::profile::{SEGMENTS_MAX, Segment, encode};

/// The longest id of a listener, in bytes.
pub const ID_MAX: usize = 512;

/// Dimensions that stand at the top of a line, because everybody has at most one of them (or
/// speaks a few languages).
const TOP: [Dimension; 4] =
    [Dimension::Age, Dimension::Gender, Dimension::Language, Dimension::HomeCountry];

/// What is wrong with a line, and where in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineFault {
    /// `segments.mood[0].value`; empty for the whole line.
    pub path: String,
    pub message: String,
    pub mend: Option<String>,
    /// The text that is at fault, for finding its column.
    pub word: Option<String>,
}

/// A line that has no fault.
#[derive(Debug)]
pub struct Line {
    pub key: ListenerKey,
    said: Vec<Said>,
}

#[derive(Debug)]
struct Said {
    dimension: Dimension,
    text: String,
    confidence_pct: u8,
    expires: Moment,
}

/// Reads a line against the vocabulary's closed lists; changes nothing.
pub fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Line, Vec<LineFault>> {
    let value: Value = serde_json::from_str(text).map_err(|why| vec![syntax(&why)])?;
    let mut reader = Reader { vocabulary, faults: Vec::new(), said: Vec::new() };
    let id = match &value {
        Value::Object(fields) => reader.fields(fields),
        other => {
            let what = format!("a listener is an object, not {}", kind(other));
            reader.fault("", what, None);
            None
        }
    };
    match id {
        Some(id) if reader.faults.is_empty() => {
            Ok(Line { key: ListenerKey::of(id), said: reader.said })
        }
        _ => Err(reader.faults),
    }
}

impl Line {
    /// Gives ids to words that are new, and writes the profile into `out`.
    pub fn encode(&self, vocabulary: &mut Vocabulary, out: &mut Vec<u8>) -> Result<(), LineFault> {
        let mut segments = Vec::with_capacity(self.said.len());
        for said in &self.said {
            let value = vocabulary.intern(said.dimension, &said.text).map_err(|why| LineFault {
                path: said.dimension.name().to_owned(),
                message: format!("\"{}\" cannot be a value: {why}", said.text),
                mend: None,
                word: Some(said.text.clone()),
            })?;
            let Said { confidence_pct, expires, .. } = *said;
            segments.push(Segment { value, confidence_pct, expires });
        }
        encode(&mut segments, out).map_err(|why| LineFault {
            path: "segments".to_owned(),
            message: why.to_string(),
            mend: None,
            word: None,
        })
    }
}

fn syntax(why: &serde_json::Error) -> LineFault {
    let text = why.to_string();
    let message = text.rsplit_once(" at line").map_or(text.as_str(), |(message, _)| message);
    LineFault {
        path: format!("column {}", why.column()),
        message: format!("not JSON: {message}"),
        mend: None,
        word: None,
    }
}

struct Reader<'v> {
    vocabulary: &'v Vocabulary,
    faults: Vec<LineFault>,
    said: Vec<Said>,
}

impl Reader<'_> {
    fn fault(&mut self, path: &str, message: String, mend: Option<String>) {
        self.faults.push(LineFault { path: path.to_owned(), message, mend, word: None });
    }

    /// The listener's id.
    fn fields<'l>(&mut self, fields: &'l Map<String, Value>) -> Option<&'l str> {
        let mut id = None;
        for (name, value) in fields {
            let top = Dimension::named(name).filter(|dimension| TOP.contains(dimension));
            match (name.as_str(), top) {
                ("id", _) => id = self.id(value),
                ("segments", _) => self.segments(value),
                (_, Some(dimension)) => self.values(name, dimension, value),
                _ => self.unknown_field(name),
            }
        }
        if !fields.contains_key("id") {
            self.fault("", "no \"id\"".to_owned(), Some("say whose profile this is".to_owned()));
        }
        if self.said.len() > SEGMENTS_MAX {
            let message = format!("{} segments; at most {SEGMENTS_MAX} fit", self.said.len());
            self.fault("segments", message, None);
        }
        id
    }

    fn id<'l>(&mut self, value: &'l Value) -> Option<&'l str> {
        let fit = |text: &&str| !text.trim().is_empty() && text.len() <= ID_MAX;
        let id = value.as_str().map(str::trim_ascii).filter(fit);
        if id.is_none() {
            self.fault("id", format!("an id is a text of 1 to {ID_MAX} bytes"), None);
        }
        id
    }

    fn unknown_field(&mut self, name: &str) {
        let known = || ["id", "segments"].into_iter().chain(TOP.iter().map(|d| d.name()));
        let mend = if Dimension::named(name).is_some_and(|d| PROFILE_DIMENSIONS.contains(&d)) {
            Some(format!("put it into \"segments\": {{\"{name}\": […]}}"))
        } else {
            nearest(name, known()).map(|known| format!("did you mean \"{known}\"?"))
        };
        let word = Some(name.to_owned());
        let message = format!("unknown field \"{name}\"");
        self.faults.push(LineFault { path: String::new(), message, mend, word });
    }

    fn segments(&mut self, value: &Value) {
        let Value::Object(dimensions) = value else {
            let message = format!("segments are an object of lists, not {}", kind(value));
            return self.fault("segments", message, None);
        };
        for (name, values) in dimensions {
            let path = format!("segments.{name}");
            match Dimension::named(name).filter(|d| PROFILE_DIMENSIONS.contains(d)) {
                Some(dimension) => self.values(&path, dimension, values),
                None => {
                    let message = match Dimension::named(name) {
                        Some(_) => format!("\"{name}\" is not kept in profiles"),
                        None => format!("unknown dimension \"{name}\""),
                    };
                    let known = PROFILE_DIMENSIONS.iter().map(|dimension| dimension.name());
                    let mend = nearest(name, known).map(|near| format!("did you mean \"{near}\"?"));
                    let word = Some(name.clone());
                    self.faults.push(LineFault { path, message, mend, word });
                }
            }
        }
    }

    /// One value or a list of them.
    fn values(&mut self, path: &str, dimension: Dimension, value: &Value) {
        let values = match value {
            Value::Array(values) => values,
            Value::Null => return,
            one => return self.value(path, dimension, one),
        };
        if values.len() > 1 && !dimension.row().multi {
            self.fault(path, format!("a listener has one {}", dimension.name()), None);
        }
        for (index, value) in values.iter().enumerate() {
            self.value(&format!("{path}[{index}]"), dimension, value);
        }
    }

    /// `"rock"`, or `{"value": "rock", "confidence": 0.9, "expires": "2027-01-01T00:00:00Z"}`.
    fn value(&mut self, path: &str, dimension: Dimension, value: &Value) {
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
        if dimension.row().closed && self.vocabulary.find(dimension, word).is_none() {
            self.unknown_word(path, dimension, word);
        }
        let confidence_pct = self.confidence(path, confidence);
        let expires = self.expiry(path, expires);
        self.said.push(Said { dimension, text: word.to_owned(), confidence_pct, expires });
    }

    fn unknown_word(&mut self, path: &str, dimension: Dimension, word: &str) {
        let near = self.vocabulary.suggest(dimension, word);
        self.faults.push(LineFault {
            path: path.to_owned(),
            message: format!("unknown {} \"{word}\"", dimension.name()),
            mend: near.map(|near| format!("did you mean \"{near}\"?")),
            word: Some(word.to_owned()),
        });
    }

    /// Above 0, up to 1; absent: 1.
    fn confidence(&mut self, path: &str, value: Option<&Value>) -> u8 {
        let Some(value) = value.filter(|value| !value.is_null()) else { return 100 };
        let share = value.as_f64().filter(|share| *share > 0.0 && *share <= 1.0);
        if share.is_none() {
            let mend = value
                .as_f64()
                .filter(|percent| (1.0..=100.0).contains(percent))
                .map(|percent| format!("for {percent} % write {}", percent / 100.0));
            let message = format!("confidence {value} is not above 0 and at most 1");
            self.fault(&format!("{path}.confidence"), message, mend);
        }
        share.map_or(0, |share| ((share * 100.0).round() as u8).max(1))
    }

    /// RFC 3339 or seconds since 1970; absent: never.
    fn expiry(&mut self, path: &str, value: Option<&Value>) -> Moment {
        let read = |value: &Value| match value {
            Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(|at| at.as_second()),
            Value::Number(seconds) => seconds.as_i64(),
            _ => None,
        };
        match value.filter(|value| !value.is_null()) {
            None => Segment::NEVER,
            Some(value) => match read(value).filter(|seconds| *seconds >= 0) {
                Some(seconds) => Moment::from_unix_s(seconds).min(Segment::NEVER),
                None => {
                    let message = format!("{value} is no moment");
                    let mend = "write it like 2027-01-01T00:00:00Z".to_owned();
                    self.fault(&format!("{path}.expires"), message, Some(mend));
                    Segment::NEVER
                }
            },
        }
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
