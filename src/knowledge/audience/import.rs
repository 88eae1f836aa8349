//! How do profiles get in? JSON Lines, one listener a line; a bad line harms only itself.
//!
//! ```json
//! {"id": "listener-1", "age": "25-34", "gender": "female", "language": "en",
//!  "home_country": "USA",
//!  "segments": {"taste_genre": [{"value": "rock", "confidence": 0.9,
//!                                "expires": "2027-01-01T00:00:00Z"}, "jazz"],
//!               "mood": ["energetic"], "interest": ["iab:504"]}}
//! ```
//! Run by `interlude audience import`, cold. A line replaces the listener's whole profile. New
//! words get their ids, durably, before a profile that uses them is written: a crash between
//! the two leaves words that nobody uses, never a profile of words that nobody knows.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::stdx::fault::Fault;
use crate::base::units::ids::ListenerKey;
use crate::base::units::time::{Clock as _, Moment, WallClock};
use crate::market::vocabulary::{LogFault, Words};

use super::change::Change;
use super::line::{self, LineFault};
use super::load::{LoadFault, check_vocabulary, note_vocabulary};
use super::provider::{ProviderRow, Providers};
use super::store::{Store, StoreFault};

/// Bounds of an import.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Longer lines are bad lines, in bytes.
    pub line_max_bytes: usize,
    /// Most listeners that the store may hold.
    pub listeners_max: u64,
    /// Listeners written with one commit.
    pub batch: usize,
    /// Most faults that are told one by one; all are counted.
    pub faults_max: usize,
    /// Third parties whose segments are taken.
    pub providers: Vec<ProviderRow>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            line_max_bytes: 65_536,
            listeners_max: 100_000_000,
            batch: 10_000,
            faults_max: 1_000,
            providers: Vec::new(),
        }
    }
}

/// What came of an import.
#[derive(Clone, Default, Debug)]
pub struct Report {
    /// Lines that are not blank.
    pub lines: u64,
    /// Profiles written; a listener who stands on two lines counts twice.
    pub listeners: u64,
    pub bad_lines: u64,
    /// Words that got a new id.
    pub new_values: u64,
    /// The first faults, in the order of the lines.
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    pub faults_untold: u64,
    /// Strict, and there was a fault: nothing was written.
    pub refused: bool,
}

/// Why an import ended early. What was committed before stays.
#[derive(Debug, Error)]
pub enum ImportFault {
    #[error("{file}: {source}")]
    Read { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Vocabulary(#[from] LogFault),
    #[error(transparent)]
    Load(#[from] LoadFault),
    #[error("the store holds at most {0} listeners (audience.listeners_max)")]
    Full(u64),
}

/// An import's tools.
pub struct Import<'a> {
    pub store: &'a mut dyn Store,
    pub words: &'a Words,
    pub config: &'a Config,
    /// One bad line, and nothing is written.
    pub strict: bool,
}

/// Profiles that are not yet written.
#[derive(Default)]
struct Batch {
    keys: Vec<(ListenerKey, std::ops::Range<usize>)>,
    bytes: Vec<u8>,
    providers: Providers,
    now: Moment,
}

impl Import<'_> {
    /// Reads `source` to its end; `file` is what faults name. `progress` is told the bytes read
    /// with each line.
    pub fn run(
        &mut self,
        source: &mut dyn BufRead,
        file: &Path,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Report, ImportFault> {
        check_vocabulary(self.store, &self.words.snapshot())?;
        let mut report = Report::default();
        let providers = Providers::new(&self.config.providers);
        let mut batch = Batch { providers, now: WallClock.now(), ..Batch::default() };
        let words = self.words.snapshot().len();
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            let read = read_line(source, self.config.line_max_bytes, &mut line)
                .map_err(|source| ImportFault::Read { file: file.to_owned(), source })?;
            if read == 0 {
                break;
            }
            number += 1;
            progress(read);
            self.take(Place { file, number }, &line, &mut batch, &mut report);
            if !self.strict && batch.keys.len() >= self.config.batch.max(1) {
                self.commit(&mut batch, &mut report)?;
            }
        }
        if self.strict && report.bad_lines > 0 {
            report.refused = true;
            return Ok(report);
        }
        self.commit(&mut batch, &mut report)?;
        report.new_values = (self.words.snapshot().len() - words) as u64;
        Ok(report)
    }

    fn take(&mut self, place: Place<'_>, line: &[u8], batch: &mut Batch, report: &mut Report) {
        let max = self.config.line_max_bytes;
        let told = match text_of(line, max, place.number) {
            Ok("") => return,
            Ok(text) => self.profile(text, batch).map_err(|faults| (text, faults)),
            Err(fault) => Err(("", vec![fault])),
        };
        report.lines += 1;
        let Err((text, faults)) = told else { return };
        report.bad_lines += 1;
        for fault in faults {
            if report.faults.len() < self.config.faults_max {
                report.faults.push(place.fault(text, fault));
            } else {
                report.faults_untold += 1;
            }
        }
    }

    fn profile(&mut self, text: &str, batch: &mut Batch) -> Result<(), Vec<LineFault>> {
        let (providers, now) = (&batch.providers, batch.now);
        let changes = self.words.grow(|words| line::read_growing(text, words, providers, now))?;
        let [Change::Put { key, profile }] = &changes[..] else {
            let message = "only a running server takes merge, remove, erase, ids and links";
            let mend = Some("import with --server".to_owned());
            return Err(vec![LineFault { mend, ..LineFault::of_line(message) }]);
        };
        let start = batch.bytes.len();
        batch.bytes.extend_from_slice(profile);
        batch.keys.push((*key, start..batch.bytes.len()));
        Ok(())
    }

    fn commit(&mut self, batch: &mut Batch, report: &mut Report) -> Result<(), ImportFault> {
        if batch.keys.is_empty() {
            return Ok(());
        }
        self.make_room(batch)?;
        if self.words.save()? > 0 || report.listeners == 0 {
            note_vocabulary(self.store, &self.words.snapshot())?;
        }
        let profiles: Vec<(ListenerKey, &[u8])> =
            batch.keys.iter().map(|(key, at)| (*key, &batch.bytes[at.clone()])).collect();
        self.store.upsert_batch(&profiles)?;
        report.listeners += batch.keys.len() as u64;
        batch.keys.clear();
        batch.bytes.clear();
        Ok(())
    }

    /// Only where it may become tight are those counted who are there already.
    fn make_room(&self, batch: &Batch) -> Result<(), ImportFault> {
        let max = self.config.listeners_max;
        let held = self.store.len()?;
        if held + batch.keys.len() as u64 <= max {
            return Ok(());
        }
        let mut keys: Vec<ListenerKey> = batch.keys.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let new = self.store.get_many(&keys)?.iter().filter(|held| held.is_none()).count();
        if held + new as u64 > max { Err(ImportFault::Full(max)) } else { Ok(()) }
    }
}

/// A line of a file, from 1.
#[derive(Clone, Copy)]
struct Place<'f> {
    file: &'f Path,
    number: u32,
}

impl Place<'_> {
    fn fault(self, text: &str, fault: LineFault) -> Fault {
        Fault {
            file: self.file.to_owned(),
            line: self.number,
            column: fault.column(text),
            path: fault.path,
            message: fault.message,
            mend: fault.mend,
        }
    }
}

/// Reads a line with its end; of a line that is too long only the first `max` + 1 bytes are kept.
fn read_line(source: &mut dyn BufRead, max: usize, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    let mut read = source.take(max as u64 + 1).read_until(b'\n', line)?;
    while line.len() > max && line.last() != Some(&b'\n') {
        let chunk = source.fill_buf()?;
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let len = end.map_or(chunk.len(), |end| end + 1);
        source.consume(len);
        read += len;
        if len == 0 || end.is_some() {
            break;
        }
    }
    Ok(read)
}

/// The text of a line, without its end, blanks and a byte-order mark; empty for a blank one.
fn text_of(line: &[u8], max: usize, number: u32) -> Result<&str, LineFault> {
    let fault =
        |message: String| LineFault { path: String::new(), message, mend: None, word: None };
    if line.len() > max {
        return Err(fault(format!("the line is longer than {max} bytes")));
    }
    let text = std::str::from_utf8(line).map_err(|_| fault("the line is not UTF-8".to_owned()))?;
    let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
    Ok(text.trim())
}

#[cfg(test)]
mod tests;
