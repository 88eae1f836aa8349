//! How do profiles get in? JSON Lines, one listener a line; a bad line harms only itself.
//!
//! ```json
//! {"id": "listener-1", "age": "25-34", "gender": "female", "language": "en",
//!  "home_country": "USA",
//!  "segments": {"taste_genre": [{"value": "rock", "confidence": 0.9,
//!                                "expires": "2027-01-01T00:00:00Z"}, "jazz"],
//!               "mood": ["energetic"], "interest": ["iab:504"]}}
//! ```
//! Run by `interlude audience import`, cold, through the same [`Intake`] as a server's. Batches of
//! whole lines are durable one after the other: what a crash leaves is the file up to some line,
//! and importing it again makes the same of it. A strict import reads the file twice: nothing is
//! taken before every line was found good.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::base::stdx::fault::Fault;
use crate::base::units::time::{Clock as _, WallClock};
use crate::market::vocabulary::Vocabulary;

use super::change::Change;
use super::config::Config;
use super::intake::{Failed, Intake, Receipt, Refused};
use super::line::{self, LineFault};
use super::link_line::read_link;

/// What came of an import.
#[derive(Clone, Default, Debug)]
pub struct Report {
    /// Lines that are not blank.
    pub lines: u64,
    /// Lines that were taken in; a listener who stands on two counts twice.
    pub listeners: u64,
    pub bad_lines: u64,
    /// Words that got a new id.
    pub new_values: u64,
    /// The first faults, in the order of the lines.
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    pub faults_untold: u64,
    /// Checked only, and there was a fault.
    pub refused: bool,
}

/// Why an import ended early. What was durable before stays.
#[derive(Debug, Error)]
pub enum ImportFault {
    #[error("{file}: {source}")]
    Read { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// An import's tools.
pub struct Import<'a> {
    pub intake: &'a Intake,
    pub config: &'a Config,
}

/// What stands in a file, and what it is called in faults.
pub struct Text<'t> {
    pub file: &'t Path,
    pub source: &'t mut dyn BufRead,
    /// Told the bytes read with each line.
    pub progress: &'t mut dyn FnMut(usize),
}

/// Reads one line under whatever vocabulary; adds its changes.
type ReadLine<'r> = &'r mut dyn FnMut(&str, &mut Vec<Change>) -> Result<(), Vec<LineFault>>;

impl Import<'_> {
    /// Takes in all good lines, and returns when they are durable.
    pub fn run(&self, text: Text<'_>) -> Result<Report, ImportFault> {
        let (providers, now) = (self.config.providers(), WallClock.now());
        let words = self.intake.words();
        let mut read = |line: &str, changes: &mut Vec<Change>| {
            let made = words.grow(|words| line::read_growing(line, words, &providers, now))?;
            changes.extend(made);
            Ok(())
        };
        self.send_each(text, &mut read)
    }

    /// As [`Import::run`], of lines that link ids to listeners.
    pub fn links(&self, text: Text<'_>) -> Result<Report, ImportFault> {
        self.send_each(text, &mut |line, changes| {
            changes.push(read_link(line)?);
            Ok(())
        })
    }

    /// Only looks: with one bad line the report says that it is refused. No word gets an id.
    pub fn check(&self, text: Text<'_>) -> Result<Report, ImportFault> {
        let (providers, now) = (self.config.providers(), WallClock.now());
        let mut words = Vocabulary::clone(&self.intake.words().snapshot());
        self.look_at_each(text, &mut |line, _| {
            line::read_growing(line, &mut words, &providers, now).map(|_| ())
        })
    }

    /// As [`Import::check`], of lines that link ids to listeners.
    pub fn check_links(&self, text: Text<'_>) -> Result<Report, ImportFault> {
        self.look_at_each(text, &mut |line, _| read_link(line).map(|_| ()))
    }

    fn send_each(&self, text: Text<'_>, read: ReadLine<'_>) -> Result<Report, ImportFault> {
        let words = self.intake.words();
        let before = words.len();
        let mut sending = Sending { intake: self.intake, receipts: VecDeque::new() };
        let mut report = self.each(text, read, &mut |batch| sending.send(batch))?;
        sending.finish()?;
        report.new_values = (words.len() - before) as u64;
        Ok(report)
    }

    fn look_at_each(&self, text: Text<'_>, read: ReadLine<'_>) -> Result<Report, ImportFault> {
        let mut report = self.each(text, read, &mut |_| Ok(()))?;
        report.refused = report.bad_lines > 0;
        report.listeners = 0;
        Ok(report)
    }

    /// Reads lines into batches of whole lines.
    fn each(
        &self,
        text: Text<'_>,
        read: ReadLine<'_>,
        send: &mut dyn FnMut(Vec<Change>) -> Result<(), ImportFault>,
    ) -> Result<Report, ImportFault> {
        let Text { file, source, progress } = text;
        let mut report = Report::default();
        let (mut batch, mut line) = (Vec::new(), Vec::new());
        for number in 1.. {
            let bytes = read_line(source, self.config.line_max_bytes, &mut line)
                .map_err(|source| ImportFault::Read { file: file.to_owned(), source })?;
            if bytes == 0 {
                break;
            }
            progress(bytes);
            let before = batch.len();
            self.take(Place { file, number }, &line, &mut report, &mut |text| {
                read(text, &mut batch)
            });
            // A line makes a few changes; they stay together.
            if batch.len() > self.config.batch {
                let rest = batch.split_off(before);
                send(std::mem::replace(&mut batch, rest))?;
            }
            if batch.len() >= self.config.batch {
                send(std::mem::take(&mut batch))?;
            }
        }
        send(batch)?;
        Ok(report)
    }

    fn take(
        &self,
        place: Place<'_>,
        line: &[u8],
        report: &mut Report,
        read: &mut dyn FnMut(&str) -> Result<(), Vec<LineFault>>,
    ) {
        let told = match text_of(line, self.config.line_max_bytes, place.number) {
            Ok("") => return,
            Ok(text) => read(text).map_err(|faults| (text, faults)),
            Err(fault) => Err(("", vec![fault])),
        };
        report.lines += 1;
        let Err((text, faults)) = told else {
            report.listeners += 1;
            return;
        };
        report.bad_lines += 1;
        for fault in faults {
            if report.faults.len() < self.config.faults_max {
                report.faults.push(place.fault(text, fault));
            } else {
                report.faults_untold += 1;
            }
        }
    }
}

/// Batches on their way.
struct Sending<'i> {
    intake: &'i Intake,
    receipts: VecDeque<Receipt>,
}

impl Sending<'_> {
    fn send(&mut self, batch: Vec<Change>) -> Result<(), ImportFault> {
        if batch.is_empty() {
            return Ok(());
        }
        loop {
            // A copy of what is refused as busy is cheap beside waiting.
            match self.intake.submit(batch.clone()) {
                Ok(receipt) => {
                    self.receipts.push_back(receipt);
                    return Ok(());
                }
                Err(refused @ Refused::Busy { .. }) => match self.receipts.pop_front() {
                    Some(receipt) => receipt.wait()?,
                    None => return Err(refused.into()),
                },
                Err(refused) => return Err(refused.into()),
            }
        }
    }

    fn finish(self) -> Result<(), ImportFault> {
        self.receipts.into_iter().try_for_each(Receipt::wait)?;
        Ok(())
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
    let fault = |message: String| LineFault::of_line(message);
    if line.len() > max {
        return Err(fault(format!("the line is longer than {max} bytes")));
    }
    let text = std::str::from_utf8(line).map_err(|_| fault("the line is not UTF-8".to_owned()))?;
    let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
    Ok(text.trim())
}

#[cfg(test)]
mod tests;
