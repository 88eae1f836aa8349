//! What do the campaign files say, and what of it is new? Each file's memory, so that only what
//! changed is read again.
//!
//! Held by whoever builds worlds (`app::run`), once for the life of a server; `check` and tests
//! read all files once through it. Cold.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use super::contents::{Contents, Shelf};
use super::edit::{Change, Edition, Kind, edit, full};
use super::layered::Map;
use super::limits::Limits;
use super::mark::Mark;
use super::media::Files;
use super::model::{Catalog, Counts, HostedFile};
use super::names::{Name, Names, SheetNumber};
use super::node::{Node, Place};
use super::read::{Drafts, Found, twice};
use super::reading::Reading;
use super::text::{documents, expand, text_of};
use super::values::Complaint;
use super::walk::{Findings, Trail};
use super::zones::Zones;
use crate::base::stdx::fault::{Fault, Faults};
use crate::base::units::ids::LineId;
use crate::market::vocabulary::Vocabulary;

/// What came of reading the files.
#[derive(Debug)]
pub struct Read {
    pub edition: Result<Edition, Faults>,
    /// What is allowed but most likely not meant, in the files that were read anew.
    pub warnings: Vec<Fault>,
}

/// The memory of all campaign files. Ids of the vocabulary stand in it: it is to be read with
/// vocabularies alone that have grown out of the first.
#[derive(Default)]
pub struct Sheets {
    sheets: Vec<Sheet>,
    names: Names,
    numbers: SheetNumber,
    files: Files,
    zones: Zones,
    /// The catalog of the files when they last had no fault.
    catalog: Option<Arc<Catalog>>,
    /// Lines in it of files that are no more.
    left: Vec<LineId>,
    /// Hosted media that some file has named otherwise since.
    lost: Vec<String>,
}

/// One file.
struct Sheet {
    number: SheetNumber,
    path: PathBuf,
    /// `None`: it is to be read again in any case.
    mark: Option<Mark>,
    hash: u128,
    said: Said,
    counts: Counts,
    warnings: Vec<Fault>,
    names: Vec<Name>,
    media: Shelf,
    reads: Vec<PathBuf>,
    /// Its lines in the catalog.
    lines: Vec<LineId>,
}

enum Said {
    /// Nothing but what stands in the catalog.
    Known,
    New(Contents),
    Wrong(Vec<Fault>),
}

impl Sheets {
    /// Reads what has changed. Nothing is half-applied: with one fault there is no new catalog,
    /// and all faults of all files are told, those of files that did not change as well.
    /// `thorough`: looks whether hosted media have changed, too.
    pub fn read(&mut self, paths: &[PathBuf], reading: &mut Reading<'_>, thorough: bool) -> Read {
        let mut faults = Vec::new();
        let paths = expand(paths, &mut faults);
        let new_from = self.numbers;
        self.look_at_all(paths, reading, thorough);
        let read = self.sheets.iter().filter(|sheet| sheet.number >= new_from);
        let warnings = read.flat_map(|sheet| sheet.warnings.clone()).collect();
        faults.extend(self.sheets.iter().flat_map(|sheet| sheet.said.faults().to_vec()));
        faults.extend(self.clashes());
        faults.extend(self.too_many(reading.limits));
        if faults.is_empty() {
            faults.extend(self.twins());
        }
        faults.truncate(reading.limits.faults);
        let edition = Faults::check(faults)
            .map(|()| reading.tongue.speak(|vocabulary| self.edition(vocabulary)));
        Read { edition, warnings }
    }

    /// One text that stands for all files.
    pub fn read_text(&mut self, path: &Path, text: &str, reading: &mut Reading<'_>) -> Read {
        let sheet = self.sheet(path, text, reading);
        let (warnings, faults) = (sheet.warnings.clone(), sheet.said.faults().to_vec());
        self.sheets = vec![sheet];
        let edition = Faults::check(faults)
            .map(|()| reading.tongue.speak(|vocabulary| self.edition(vocabulary)));
        Read { edition, warnings }
    }

    /// What one text says, not yet a catalog.
    pub fn contents_of(
        &mut self,
        path: &Path,
        text: &str,
        reading: &mut Reading<'_>,
    ) -> Result<Contents, Faults> {
        match self.sheet(path, text, reading).said {
            Said::New(contents) => Ok(contents),
            Said::Known => Ok(Contents::default()),
            Said::Wrong(faults) => Faults::check(faults).map(|()| Contents::default()),
        }
    }

    /// Everything is read anew next time: what was read last did not come to be served.
    pub fn forget(&mut self) {
        *self = Sheets::default();
    }

    fn look_at_all(&mut self, paths: Vec<PathBuf>, reading: &mut Reading<'_>, thorough: bool) {
        let known = std::mem::take(&mut self.sheets).into_iter();
        let mut known: HashMap<PathBuf, Sheet> =
            known.map(|sheet| (sheet.path.clone(), sheet)).collect();
        for path in paths {
            let before = known.remove(&path);
            let sheet = self.look(&path, before, reading, thorough);
            self.sheets.push(sheet);
        }
        for sheet in known.into_values() {
            self.names.forget(sheet.number, &sheet.names);
            self.lost.extend(sheet.media.into_keys());
            self.left.extend(sheet.lines);
        }
    }

    /// The file as it is now: what is known of it if it has not changed, else read again.
    fn look(
        &mut self,
        path: &Path,
        before: Option<Sheet>,
        reading: &mut Reading<'_>,
        thorough: bool,
    ) -> Sheet {
        // Before the text is read, so that a write from then on is seen.
        let mark = Mark::of(path);
        let holds = |sheet: &Sheet| {
            let media = !thorough || sheet.reads.iter().all(|path| self.files.holds(path));
            media && sheet.said.faults().is_empty()
        };
        let holds = before.as_ref().is_some_and(holds);
        let before = match before {
            Some(sheet) if holds && mark.is_some() && sheet.mark == mark => return sheet,
            before => before,
        };
        let mut sheet = match text_of(path, reading.limits) {
            Err(fault) => self.wrong(path, fault),
            Ok(text) => {
                let hash = xxh3_128(text.as_bytes());
                let mark = mark.and_then(Mark::settled);
                match before {
                    Some(sheet) if holds && sheet.hash == hash => return Sheet { mark, ..sheet },
                    _ => Sheet { mark, hash, ..self.sheet(path, &text, reading) },
                }
            }
        };
        if let Some(before) = before {
            self.names.forget(before.number, &before.names);
            let other =
                before.media.into_iter().filter(|(hash, f)| sheet.media.get(hash) != Some(f));
            self.lost.extend(other.map(|(hash, _)| hash));
            sheet.lines = before.lines;
        }
        self.names.note(sheet.number, &sheet.names);
        sheet
    }

    /// What a text says.
    fn sheet(&mut self, path: &Path, text: &str, reading: &mut Reading<'_>) -> Sheet {
        let limits = reading.limits;
        let findings = Findings::new(path, limits.faults);
        let mut found = Found::default();
        match documents(path, text, limits) {
            Ok(documents) => {
                if documents.iter().all(Node::is_null) {
                    let complaint = Complaint::new("nothing stands in this file");
                    findings.warn(Place::default(), &Trail::ROOT, complaint);
                }
                let Reading { rates, archived, headcount, .. } = *reading;
                let (words, found) = (reading.tongue.lexicon(), &mut found);
                let (files, zones) = (&mut self.files, &mut self.zones);
                let mut drafts =
                    Drafts { words, rates, limits, archived, headcount, files, zones, found };
                for document in documents.iter().filter(|document| !document.is_null()) {
                    drafts.document(&findings, document);
                }
            }
            Err(fault) => findings.fault(fault.place, &Trail::ROOT, Complaint::new(fault.message)),
        }
        let Found { mut contents, mut media, reads, names, .. } = found;
        let (faults, mut warnings) = (findings.faults.into_inner(), findings.warnings.into_inner());
        if faults.is_empty() {
            for crid in contents.drop_unused_creatives() {
                let message = format!("creative `{crid}` is in no line and was left out");
                warnings.push(Fault::of_file(path, message));
            }
        }
        let counts = contents.counts();
        contents.drop_empty();
        let used = contents.hashes();
        media.retain(|hash, _| used.contains(hash.as_str()));
        let said = if faults.is_empty() { Said::New(contents) } else { Said::Wrong(faults) };
        Sheet { counts, warnings, names, media, reads, ..self.blank(path, said) }
    }

    fn wrong(&mut self, path: &Path, fault: Fault) -> Sheet {
        self.blank(path, Said::Wrong(vec![fault]))
    }

    fn blank(&mut self, path: &Path, said: Said) -> Sheet {
        self.numbers += 1;
        Sheet {
            number: self.numbers - 1,
            path: path.to_owned(),
            mark: None,
            hash: 0,
            said,
            counts: Counts::default(),
            warnings: Vec::new(),
            names: Vec::new(),
            media: Shelf::default(),
            reads: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Names that stand in two files: a fault of the later one.
    fn clashes(&self) -> impl Iterator<Item = Fault> {
        let place = |number| self.sheets.iter().position(|sheet| sheet.number == number);
        self.names.clashes().filter_map(move |(hash, one, other)| {
            let (one, other) = (place(one)?, place(other)?);
            let [first, later] = [one.min(other), one.max(other)].map(|at| &self.sheets[at]);
            let name = |sheet: &'_ Sheet| sheet.names.iter().position(|name| name.hash() == hash);
            let (at, name) = (first.names[name(first)?].place, &later.names[name(later)?]);
            let Complaint { message, mend } = twice(&name.text, &first.path, at, name.mend);
            let Place { line, column } = name.place;
            let (file, path) = (later.path.clone(), name.trail.clone());
            Some(Fault { file, line, column, path, message, mend })
        })
    }

    /// Limits that all files keep together, by the first file that goes beyond.
    fn too_many(&self, limits: &Limits) -> Vec<Fault> {
        let (mut faults, mut sum) = (Vec::new(), Counts::default());
        for sheet in &self.sheets {
            let before = sum;
            sum = sum.plus(sheet.counts);
            for (what, most, before, now) in [
                ("lines", limits.lines, before.lines, sum.lines),
                ("creatives", limits.creatives, before.creatives, sum.creatives),
            ] {
                if before <= most && most < now {
                    let message = format!("more than {most} {what} over all files");
                    faults.push(Fault::of_file(&sheet.path, message));
                }
            }
        }
        faults
    }

    /// Lines of two names with one id, in two files; within one, reading finds them.
    fn twins(&self) -> Vec<Fault> {
        let new = || self.sheets.iter().filter_map(|sheet| Some((sheet, sheet.said.read_anew()?)));
        let left: HashSet<LineId> =
            new().flat_map(|(sheet, _)| &sheet.lines).chain(&self.left).copied().collect();
        let stands = |id| {
            let catalog = self.catalog.as_ref();
            catalog.is_some_and(|catalog| catalog.line_of(id).is_some()) && !left.contains(&id)
        };
        let (mut seen, mut faults) = (HashSet::new(), Vec::new());
        for (sheet, contents) in new() {
            for line in &contents.lines {
                if !seen.insert(line.id) || stands(line.id) {
                    let message = format!("the id {} of line `{}` is another's", line.id, line.key);
                    let fault = Fault::of_file(&sheet.path, message);
                    faults.push(fault.with_mend("choose another key"));
                }
            }
        }
        faults
    }

    /// The catalog of what is said, which has no fault.
    fn edition(&mut self, vocabulary: &Vocabulary) -> Edition {
        let counts = self.sheets.iter().fold(Counts::default(), |sum, s| sum.plus(s.counts));
        let mut change = Change { left: std::mem::take(&mut self.left), said: Vec::new(), counts };
        let mut came = Vec::new();
        for sheet in &mut self.sheets {
            if let Said::New(contents) = std::mem::replace(&mut sheet.said, Said::Known) {
                let lines = contents.lines.iter().map(|line| line.id).collect();
                change.left.extend(std::mem::replace(&mut sheet.lines, lines));
                change.said.push(contents);
                came.extend(sheet.media.iter().map(|(hash, file)| (hash.clone(), file.clone())));
            }
        }
        let lost = std::mem::take(&mut self.lost);
        let edition = match &self.catalog {
            None => full(Contents::default(), change, self.media(), vocabulary),
            Some(before) => {
                let media = (self.media_beside(before, &lost, came), || self.media());
                edit(before, change, media, vocabulary)
            }
        };
        if edition.kind == Kind::Full {
            self.files.keep(self.sheets.iter().flat_map(|sheet| &sheet.reads));
        }
        self.catalog = Some(Arc::clone(&edition.catalog));
        edition
    }

    /// All hosted media.
    fn media(&self) -> Shelf {
        let mut all = Shelf::default();
        for (hash, file) in self.sheets.iter().flat_map(|sheet| &sheet.media) {
            all.entry(hash.clone()).or_insert_with(|| Arc::clone(file));
        }
        all
    }

    /// Where hosted media differ from those of the catalog's base: `lost` ones stand in another
    /// file now, or in none; those that `came` may be new.
    fn media_beside(
        &self,
        before: &Catalog,
        lost: &[String],
        came: Vec<(String, Arc<HostedFile>)>,
    ) -> Map<String, Option<Arc<HostedFile>>> {
        let mut over = before.media.over().clone();
        for hash in lost {
            match self.sheets.iter().find_map(|sheet| sheet.media.get(hash)) {
                Some(file) => over.insert(hash.clone(), Some(Arc::clone(file))),
                None => over.remove(hash),
            };
        }
        for (hash, file) in came {
            if before.media.get(&hash).is_none() {
                over.insert(hash, Some(file));
            }
        }
        over
    }
}

impl Said {
    fn faults(&self) -> &[Fault] {
        match self {
            Said::Wrong(faults) => faults,
            Said::Known | Said::New(_) => &[],
        }
    }

    fn read_anew(&self) -> Option<&Contents> {
        match self {
            Said::New(contents) => Some(contents),
            Said::Known | Said::Wrong(_) => None,
        }
    }
}
