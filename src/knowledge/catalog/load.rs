//! Do these files make a catalog? All of them read, checked, put in order, or all faults at once.
//!
//! Called by `interlude check`, by replay and by tests; a server reads through
//! [`Sheets`], which remember. Cold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::archive::archive;
use super::edit::lay;
use super::limits::Limits;
use super::model::Catalog;
use super::reading::{Headcount, Reading, Tongue};
use super::sheets::{self, Sheets};
use crate::base::stdx::fault::{Fault, Faults};
use crate::base::units::ids::LineIx;
use crate::market::exchange::Rates;
use crate::market::vocabulary::Vocabulary;

/// The name under which archives have faults.
const ARCHIVE: &str = "archive.json";

/// What came of reading campaign files.
#[derive(Debug)]
pub struct Report {
    pub catalog: Result<Catalog, Faults>,
    /// What is allowed but most likely not meant.
    pub warnings: Vec<Fault>,
}

/// Reads campaign files, and those in folders, into one catalog. Nothing is half-applied: with
/// one fault there is no catalog, only words that the vocabulary has come to know.
pub fn load(
    files: &[PathBuf],
    vocabulary: &mut Vocabulary,
    rates: &Rates,
    limits: &Limits,
) -> Result<Catalog, Faults> {
    inspect(files, vocabulary, (rates, limits), None).catalog
}

/// [`load`], with the warnings; and lines of too few listeners are faults where they are counted.
pub fn inspect(
    files: &[PathBuf],
    vocabulary: &mut Vocabulary,
    (rates, limits): (&Rates, &Limits),
    headcount: Option<&dyn Headcount>,
) -> Report {
    let tongue = Tongue::Own(vocabulary);
    let mut reading = Reading { tongue, rates, limits, archived: false, headcount };
    Report::of(Sheets::default().read(files, &mut reading, true))
}

/// One campaign file that is not on a disk; its name tells the format and where its media are.
pub fn inspect_text(
    file: &Path,
    text: &str,
    vocabulary: &mut Vocabulary,
    rates: &Rates,
    limits: &Limits,
) -> Report {
    let tongue = Tongue::Own(vocabulary);
    let mut reading = Reading { tongue, rates, limits, archived: false, headcount: None };
    Report::of(Sheets::default().read_text(file, text, &mut reading))
}

/// A catalog from the archive of its edition: equal in everything but the paths of its media.
pub fn from_archive(bytes: &[u8], reading: &mut Reading<'_>) -> Result<Catalog, Faults> {
    reading.archived = true;
    Report::of(Sheets::default().read_text(Path::new(ARCHIVE), text(bytes)?, reading)).catalog
}

/// An edited catalog from its base, of which some lines are gone, and the archive of its edition.
pub fn edited_from_archive(
    base: &Catalog,
    gone: &[LineIx],
    bytes: &[u8],
    reading: &mut Reading<'_>,
) -> Result<Catalog, Faults> {
    let mut places = vec![false; base.base_lines().len()];
    for ix in gone {
        let wrong =
            || Faults::one(Fault::of_file(Path::new(ARCHIVE), "an archive of another base"));
        *places.get_mut(ix.index()).ok_or_else(wrong)? = true;
    }
    reading.archived = true;
    let mut fresh = Sheets::default().contents_of(Path::new(ARCHIVE), text(bytes)?, reading)?;
    fresh.order();
    let archive = reading.tongue.speak(|vocabulary| archive(&fresh, vocabulary));
    Ok(lay(base, places, fresh, &archive))
}

fn text(bytes: &[u8]) -> Result<&str, Faults> {
    std::str::from_utf8(bytes)
        .map_err(|_| Faults::one(Fault::of_file(Path::new(ARCHIVE), "an archive that is no UTF-8")))
}

impl Report {
    fn of(read: sheets::Read) -> Report {
        let sheets::Read { edition, warnings } = read;
        let catalog = edition.map(|edition| Arc::unwrap_or_clone(edition.catalog));
        Report { catalog, warnings }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
