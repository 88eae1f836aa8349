//! What is answered of one line? That it was taken, or everything that is wrong with it.
//!
//! Made by what reads the lines, written by [`upload`](super::upload); cold.

use serde::{Serialize, Serializer};

use crate::knowledge::audience::{Change, LineFault};
use crate::market::vocabulary::Barred;

/// Faults of one line that are told; the others are counted.
const FAULTS_TOLD: usize = 50;

/// A batch of lines after reading: what they change, and the verdict on each.
#[derive(Default)]
pub struct Judged {
    /// In the order of the lines.
    pub changes: Vec<Change>,
    pub verdicts: Vec<Verdict>,
}

/// Changes that the intake takes at once; a few more where a line makes many.
const SUBMITTED: usize = 2000;

impl Judged {
    /// The changes in parts that can be submitted, each of whole lines: a line is never half
    /// applied.
    pub fn parts(&mut self) -> Vec<Vec<Change>> {
        let mut rest = std::mem::take(&mut self.changes);
        let mut parts = Vec::new();
        let mut len = 0;
        for verdict in &self.verdicts {
            if len >= SUBMITTED {
                let behind = rest.split_off(len);
                parts.push(std::mem::replace(&mut rest, behind));
                len = 0;
            }
            len += verdict.changes;
        }
        parts.push(rest);
        parts.retain(|part| !part.is_empty());
        parts
    }
}

/// On one line; without faults it is taken as soon as it is durable.
#[derive(Debug)]
pub struct Verdict {
    pub line: u64,
    /// How many changes the line makes.
    pub changes: usize,
    pub faults: Vec<Fault>,
    pub untold: usize,
}

/// One thing that is wrong with a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fault {
    pub path: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// In characters and from 1.
    pub column: u32,
    /// The rule by which nobody may be known by the word.
    #[serde(rename = "rule", skip_serializing_if = "Option::is_none", serialize_with = "labelled")]
    pub barred: Option<Barred>,
}

fn labelled<S: Serializer>(barred: &Option<Barred>, to: S) -> Result<S::Ok, S::Error> {
    barred.map(Barred::label).serialize(to)
}

impl Verdict {
    pub const fn taken(line: u64, changes: usize) -> Verdict {
        Verdict { line, changes, faults: Vec::new(), untold: 0 }
    }

    pub fn refused(line: u64, text: &str, faults: &[LineFault]) -> Verdict {
        let told = |fault: &LineFault| Fault {
            path: fault.path.clone(),
            message: fault.message.clone(),
            mend: fault.mend.clone(),
            column: fault.column(text),
            barred: fault.barred,
        };
        let untold = faults.len().saturating_sub(FAULTS_TOLD);
        let faults = faults.iter().take(FAULTS_TOLD).map(told).collect();
        Verdict { line, changes: 0, faults, untold }
    }

    pub fn is_taken(&self) -> bool {
        self.faults.is_empty()
    }

    /// One line of JSON, with its end.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"line\":");
        out.extend_from_slice(itoa::Buffer::new().format(self.line).as_bytes());
        if self.is_taken() {
            out.extend_from_slice(b",\"ok\":true}\n");
            return;
        }
        out.extend_from_slice(b",\"ok\":false,\"faults\":");
        // Writing texts and numbers to memory cannot fail.
        let _ = serde_json::to_writer(&mut *out, &self.faults);
        if self.untold > 0 {
            out.extend_from_slice(b",\"faults_untold\":");
            out.extend_from_slice(itoa::Buffer::new().format(self.untold).as_bytes());
        }
        out.extend_from_slice(b"}\n");
    }
}

/// The text of a line, or why it has none.
pub fn text_of(line: u64, bytes: Option<&[u8]>, max: usize) -> Result<&str, LineFault> {
    let bytes = bytes.ok_or_else(|| {
        let mend = Some("split it, or raise admin.upload.line_max_bytes".to_owned());
        LineFault { mend, ..LineFault::of_line(format!("the line is longer than {max} bytes")) }
    })?;
    let text = std::str::from_utf8(bytes).map_err(|why| {
        let message = format!("the line is not UTF-8 from byte {} on", why.valid_up_to() + 1);
        LineFault::of_line(message)
    })?;
    Ok(if line == 1 { text.trim_start_matches('\u{feff}') } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_one_line_of_json() {
        let mut out = Vec::new();
        Verdict::taken(7, 1).write(&mut out);
        let fault = LineFault {
            path: "age".to_owned(),
            message: "unknown age \"x\"".to_owned(),
            mend: None,
            word: Some("x".to_owned()),
            barred: None,
        };
        Verdict::refused(8, r#"{"age":"x"}"#, &vec![fault; FAULTS_TOLD + 2]).write(&mut out);
        let text = String::from_utf8(out).unwrap();
        let mut lines = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
        assert_eq!(lines.next().unwrap(), serde_json::json!({"line": 7, "ok": true}));
        let refused = lines.next().unwrap();
        assert_eq!((&refused["line"], &refused["ok"]), (&8.into(), &false.into()));
        assert_eq!(refused["faults"].as_array().unwrap().len(), FAULTS_TOLD);
        assert_eq!(refused["faults_untold"], 2);
        let told = serde_json::json!({"path": "age", "message": "unknown age \"x\"", "column": 8});
        assert_eq!(refused["faults"][0], told);
        assert_eq!(lines.next(), None);
    }
}
