//! What is wrong with a file, where, and what mends it? Faults that a person reads.
//!
//! Made by everything that reads what a person wrote (config, campaign files, listeners), all of
//! them at once rather than the first; cold.

use std::fmt;
use std::path::{Path, PathBuf};

/// One fault of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub file: PathBuf,
    /// From 1; 0 where the fault is of the file as a whole.
    pub line: u32,
    /// In characters, from 1; 0 with `line` 0.
    pub column: u32,
    /// Where in the document: `campaigns[2].lines[0].budget`; empty for the whole of it.
    pub path: String,
    /// What is wrong, in one clause without a final stop.
    pub message: String,
    /// What to write instead, when that is known.
    pub mend: Option<String>,
}

impl Fault {
    /// For a script, about a text that it knows: all but the file.
    pub fn told(&self) -> serde_json::Value {
        serde_json::json!({
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
            "mend": self.mend,
        })
    }

    /// A fault of the file as a whole.
    pub fn of_file(file: &Path, message: impl Into<String>) -> Fault {
        Fault {
            file: file.to_owned(),
            line: 0,
            column: 0,
            path: String::new(),
            message: message.into(),
            mend: None,
        }
    }

    /// A fault at a byte offset of `text`, the file's contents.
    pub fn at(file: &Path, text: &str, offset: usize, path: &str, message: String) -> Fault {
        let (line, column) = position(text, offset);
        Fault { file: file.to_owned(), line, column, path: path.to_owned(), message, mend: None }
    }

    #[must_use]
    pub fn with_mend(mut self, mend: impl Into<String>) -> Fault {
        self.mend = Some(mend.into());
        self
    }
}

/// `campaigns/a.yaml:12:9: lines[0].mood: unknown mood "energtic"; did you mean "energetic"?`
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, " {}:", self.path)?;
        }
        write!(f, " {}", self.message)?;
        match &self.mend {
            Some(mend) => write!(f, "; {mend}"),
            None => Ok(()),
        }
    }
}

/// All that is wrong: at least one fault, in the order of the files and their lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// `Ok` when there is none.
    pub fn check(mut faults: Vec<Fault>) -> Result<(), Faults> {
        if faults.is_empty() {
            return Ok(());
        }
        faults.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        Err(Faults(faults))
    }

    pub fn one(fault: Fault) -> Faults {
        Faults(vec![fault])
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    pub fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// The line and the column, in characters and from 1, of a byte offset.
pub fn position(text: &str, offset: usize) -> (u32, u32) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before[start..].chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// The known word that a misspelt one most likely meant: at most a third of its letters differ.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let most = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (edits(&word, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= most)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment: insert, delete, replace, swap of neighbours, each one edit.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_place_and_mend() {
        let text = "genre: rock\nmööd: energtic\n";
        let offset = text.find("energtic").unwrap();
        let message = "unknown mood \"energtic\"".to_owned();
        let fault = Fault::at(Path::new("a.yaml"), text, offset, "lines[0].mood", message)
            .with_mend("did you mean \"energetic\"?");
        assert_eq!((fault.line, fault.column), (2, 7));
        assert_eq!(
            fault.to_string(),
            "a.yaml:2:7: lines[0].mood: unknown mood \"energtic\"; did you mean \"energetic\"?"
        );
    }

    #[test]
    fn faults_stand_in_the_order_of_the_file() {
        let fault = |line| Fault { line, ..Fault::of_file(Path::new("a"), "x") };
        let faults = Faults::check(vec![fault(9), fault(2)]).unwrap_err();
        assert_eq!(faults.iter().map(|f| f.line).collect::<Vec<_>>(), [2, 9]);
        assert!(Faults::check(Vec::new()).is_ok());
    }

    #[test]
    fn the_nearest_word_is_near() {
        let moods = ["energetic", "calm", "happy"];
        assert_eq!(nearest("energtic", moods), Some("energetic"));
        assert_eq!(nearest("Enregetic", moods), Some("energetic"));
        assert_eq!(nearest("clam", moods), Some("calm"));
        assert_eq!(nearest("sombre", moods), None);
    }
}
