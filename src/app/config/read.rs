//! How is a TOML text read so that every fault shows at once? By mending it until it reads.
//!
//! serde stops at its first fault. Here the faulty entry is noted with its place, taken out, and
//! the rest is read again (its default stands in), until nothing is wrong or nothing is left.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::base::stdx::fault::{Fault, nearest};

/// The most faults that one reading reports; beyond it the file is not what it was taken for.
const FAULTS_MAX: usize = 100;

/// A TOML text with the places of its entries.
pub struct Document<'t> {
    file: PathBuf,
    text: &'t str,
    root: Spanned<DeTable<'t>>,
    syntax: Vec<Fault>,
}

impl<'t> Document<'t> {
    pub fn new(file: &Path, text: &'t str) -> Document<'t> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let fault = |error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            Fault::at(file, text, start, "", error.message().replace('\n', ", "))
        };
        let syntax = errors.into_iter().take(FAULTS_MAX).map(fault).collect();
        Document { file: file.to_owned(), text, root, syntax }
    }

    /// The value, with what is wrong; a value with faults says only what could be read.
    pub fn read<T: DeserializeOwned>(&self) -> (Option<T>, Vec<Fault>) {
        let mut faults = self.syntax.clone();
        if !faults.is_empty() {
            return (None, faults);
        }
        let mut root = self.root.clone();
        while faults.len() < FAULTS_MAX {
            let error = match T::deserialize(toml::de::Deserializer::from(root.clone())) {
                Ok(value) => return (Some(value), faults),
                Err(error) => error,
            };
            let whole = 0..self.text.len();
            let span = error.span().unwrap_or(whole.clone());
            // The place in the text as it was written: taking things out shifts later rows.
            let path = take(self.root.clone().get_mut(), &span, &mut String::new());
            faults.push(self.fault(&error, span.start, path.as_deref().unwrap_or("")));
            if take(root.get_mut(), &span, &mut String::new()).is_none() {
                break;
            }
        }
        (None, faults)
    }

    /// A fault of the entry at `path` (`bid.listen`, `exchange[1].key`), or of the nearest thing
    /// around it that the file has.
    pub fn fault_at(&self, path: &str, message: String) -> Fault {
        let offset = offset(self.root.get_ref(), path).unwrap_or(0);
        Fault::at(&self.file, self.text, offset, path, message)
    }

    fn fault(&self, error: &toml::de::Error, start: usize, path: &str) -> Fault {
        let message = error.message();
        let fault = |message: String| Fault::at(&self.file, self.text, start, path, message);
        let Some(rest) = message.strip_prefix("unknown field `") else {
            return match message.split_once(", expected one of ") {
                Some((what, known)) => fault(what.replace('`', "\"")).with_mend(mend(what, known)),
                None => fault(message.replace('`', "\"")),
            };
        };
        let word = rest.split('`').next().unwrap_or("");
        let known = rest.split_once('`').map_or("", |(_, known)| known);
        fault(format!("unknown key {word:?}")).with_mend(mend(word, known))
    }
}

/// What was meant: the nearest of the known words that serde lists between backticks, else all.
fn mend(what: &str, known: &str) -> String {
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let word = what.split('`').nth(1).unwrap_or(what);
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Takes the innermost entry out whose key, or whose value, an error speaks of; its path.
fn take(table: &mut DeTable<'_>, span: &Range<usize>, path: &mut String) -> Option<String> {
    let mut own = None;
    for (key, value) in table.iter_mut() {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(key.get_ref());
        let speaks = key.span() == *span || value.span() == *span;
        if !speaks && let Some(path) = take_within(value.get_mut(), span, path) {
            return Some(path);
        }
        if speaks || within(&value.span(), span) {
            own = Some((key.clone(), path.clone()));
        }
        path.truncate(length);
        if speaks {
            break;
        }
    }
    let (key, path) = own?;
    table.remove(&key);
    Some(path)
}

fn take_within(value: &mut DeValue<'_>, span: &Range<usize>, path: &mut String) -> Option<String> {
    match value {
        DeValue::Table(table) => take(table, span, path),
        DeValue::Array(array) => {
            let mut own = None;
            for (ix, item) in array.iter_mut().enumerate() {
                let length = path.len();
                path.push_str(&format!("[{ix}]"));
                let speaks = item.span() == *span;
                if !speaks && let Some(path) = take_within(item.get_mut(), span, path) {
                    return Some(path);
                }
                if speaks || within(&item.span(), span) {
                    own = Some((ix, path.clone()));
                }
                path.truncate(length);
            }
            let (ix, path) = own?;
            let rest = array.iter().enumerate().filter(|(other, _)| *other != ix);
            *array = rest.map(|(_, item)| item.clone()).collect();
            Some(path)
        }
        _ => None,
    }
}

fn within(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Where the entry at a path starts, or the innermost one on the way to it.
fn offset(table: &DeTable<'_>, path: &str) -> Option<usize> {
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, ix) = match head.split_once('[') {
        Some((name, ix)) => (name, ix.trim_end_matches(']').parse::<usize>().ok()),
        None => (head, None),
    };
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    let (start, value) = match (value.get_ref(), ix) {
        (DeValue::Array(array), Some(ix)) => {
            let item = array.get(ix)?;
            (item.span().start, item.get_ref())
        }
        (value, _) => (key.span().start, value),
    };
    match value {
        DeValue::Table(inner) if !rest.is_empty() => Some(offset(inner, rest).unwrap_or(start)),
        _ => Some(start),
    }
}
