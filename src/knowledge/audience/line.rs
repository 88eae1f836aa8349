//! What does one line say of a listener? JSON in; changes out, or everything that is wrong.
//!
//! Read by import and by the admin API for each line (cold, but many): [`quick`] reads what has no
//! fault without building a tree; what it cannot read is [`careful`]ly read again, and that reading
//! alone decides. All faults of a line are told at once, each with its path and, for a word that
//! is not in a closed list, with the nearest one that is; a line with a fault changes nothing.

mod quick;

mod careful;

use crate::base::units::ids::ListenerKey;
use crate::base::units::redacted::redacted;
use crate::base::units::time::Moment;
use crate::market::vocabulary::{Barred, Dimension, ValueId, Vocabulary, barred};

use super::PROFILE_DIMENSIONS;
use super::change::Change;
use super::links::LinkKey;
use super::profile::{SEGMENTS_MAX, Segment, encode, minor_ages};
use super::provider::{ProviderFault, Providers};

pub(super) use careful::syntax;

/// The longest id of a listener, in bytes.
pub const ID_MAX: usize = 512;

/// The most links that one line may name.
pub const LINKS_MAX: usize = 256;

/// The longest name of a source of ids, in bytes.
pub const SOURCE_MAX: usize = 128;

/// Sources whose ids are SHA-256 digests of an address in its normal form.
pub const HASHED: [&str; 2] = ["email_sha256", "phone_sha256"];

/// Dimensions that stand at the top of a line, because everybody has at most one of them (or
/// speaks a few languages).
const TOP: [Dimension; 4] =
    [Dimension::Age, Dimension::Gender, Dimension::Language, Dimension::HomeCountry];

/// What is wrong with a line, and where in it.
#[derive(Clone, PartialEq, Eq)]
pub struct LineFault {
    /// `segments.mood[0].value`; empty for the whole line.
    pub path: String,
    pub message: String,
    pub mend: Option<String>,
    /// The text that is at fault, for finding its column.
    pub word: Option<String>,
    /// Why nobody may be known by that text.
    pub barred: Option<Barred>,
}

impl LineFault {
    /// Of the whole line.
    pub fn of_line(message: impl Into<String>) -> LineFault {
        let (path, message) = (String::new(), message.into());
        LineFault { path, message, mend: None, word: None, barred: None }
    }

    /// Where in the line, in characters and from 1.
    pub fn column(&self, text: &str) -> u32 {
        let quoted = self.word.as_ref().map(|word| format!("\"{word}\""));
        let at = quoted.and_then(|quoted| text.find(&quoted)).unwrap_or(0);
        text[..at].chars().count() as u32 + 1
    }
}

/// A word of an open list that has no id yet.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NewWord {
    pub dimension: Dimension,
    pub text: String,
}

redacted!(LineFault, NewWord);

/// Against what lines are read.
#[derive(Clone, Copy)]
pub struct Known<'v> {
    pub vocabulary: &'v Vocabulary,
    pub providers: &'v Providers,
    /// What third parties say holds from now on for so long.
    pub now: Moment,
    /// Words that got no id when it was their turn, and why.
    pub refused: &'v [(NewWord, String)],
}

/// Reads line after line with the same memory.
pub struct LineReader<'v> {
    known: Known<'v>,
    draft: Draft,
    profile: Vec<u8>,
}

impl<'v> LineReader<'v> {
    pub fn new(known: Known<'v>) -> LineReader<'v> {
        LineReader { known, draft: Draft::default(), profile: Vec::new() }
    }

    /// Adds what the line says to `changes`. If some of its words have no id yet, nothing is added
    /// and those words are returned: give them ids and read the line again.
    pub fn read(
        &mut self,
        text: &str,
        changes: &mut Vec<Change>,
    ) -> Result<Vec<NewWord>, Vec<LineFault>> {
        self.draft.clear();
        let read = quick::read(text, &self.known, &mut self.draft);
        let refused = || self.draft.new.iter().any(|word| self.known.why_not(word).is_some());
        if !read || refused() {
            self.draft.clear();
            careful::read(text, &self.known, &mut self.draft)?;
        }
        if !self.draft.new.is_empty() {
            return Ok(std::mem::take(&mut self.draft.new));
        }
        self.draft.tell(&mut self.profile, changes).map_err(|fault| vec![fault])?;
        Ok(Vec::new())
    }
}

/// One line, where nobody else grows the vocabulary: its new words get their ids at once.
pub fn read_growing(
    text: &str,
    vocabulary: &mut Vocabulary,
    providers: &Providers,
    now: Moment,
) -> Result<Vec<Change>, Vec<LineFault>> {
    let (mut changes, mut refused) = (Vec::new(), Vec::new());
    loop {
        let known = Known { vocabulary, providers, now, refused: &refused };
        let new = LineReader::new(known).read(text, &mut changes)?;
        if new.is_empty() {
            return Ok(changes);
        }
        for word in new {
            if let Err(why) = vocabulary.intern(word.dimension, &word.text) {
                refused.push((word, why.to_string()));
            }
        }
    }
}

/// What a line does to what was known before.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Mode {
    /// Forgets it all.
    #[default]
    Replace,
    /// Keeps what it does not name.
    Merge,
    /// Leaves nothing, not even that there was somebody.
    Erase,
}

/// A line half read.
#[derive(PartialEq, Eq, Default, Debug)]
struct Draft {
    key: Option<ListenerKey>,
    mode: Mode,
    segments: Vec<Segment>,
    removed: Vec<ValueId>,
    links: Vec<LinkKey>,
    new: Vec<NewWord>,
    /// Dimensions of one value that have theirs.
    single: u64,
}

impl Draft {
    fn clear(&mut self) {
        let Draft { segments, removed, links, new, .. } = self;
        segments.clear();
        removed.clear();
        links.clear();
        new.clear();
        (self.key, self.mode, self.single) = (None, Mode::Replace, 0);
    }

    /// `false`: somebody has one value of it, and has it already.
    fn may_add(&mut self, dimension: Dimension) -> bool {
        let bit = 1 << dimension.index();
        let free = dimension.row().multi || self.single & bit == 0;
        self.single |= bit;
        free
    }

    fn tell(&mut self, profile: &mut Vec<u8>, changes: &mut Vec<Change>) -> Result<(), LineFault> {
        let Some(key) = self.key else { return Ok(()) };
        match self.mode {
            Mode::Erase => changes.push(Change::Erase { key }),
            Mode::Replace => {
                profile.clear();
                encode(&mut self.segments, profile).map_err(|why| LineFault {
                    path: "segments".to_owned(),
                    ..LineFault::of_line(why.to_string())
                })?;
                changes.push(Change::Put { key, profile: profile.as_slice().into() });
            }
            Mode::Merge => {
                if !self.removed.is_empty() {
                    changes.push(Change::Remove { key, values: self.removed.clone() });
                }
                if !self.segments.is_empty() {
                    changes.push(Change::Add { key, segments: self.segments.clone() });
                }
            }
        }
        changes.extend(self.links.iter().map(|&link| Change::Link { link, key }));
        Ok(())
    }
}

/// What a word is.
enum Meaning<'v> {
    /// The value, and until when it may hold at most.
    Value(ValueId, Moment),
    New,
    /// Not in a closed list.
    Unknown,
    Refused(&'v str),
    Provider(ProviderFault<'v>),
    /// Nobody may be known by it.
    Barred(Barred),
}

impl<'v> Known<'v> {
    fn meaning(&self, dimension: Dimension, text: &str) -> Meaning<'v> {
        let found = self.vocabulary.find(dimension, text);
        if let Some(why) = found.and_then(|value| self.vocabulary.barred(value)) {
            return Meaning::Barred(why);
        }
        if let Some(value) = found.filter(|&value| !self.vocabulary.is_open(value)) {
            return Meaning::Value(value, self.latest(dimension, value));
        }
        if dimension.row().closed {
            return Meaning::Unknown;
        }
        match (self.providers.latest(dimension, text.trim_ascii(), self.now), found) {
            (Err(fault), _) => Meaning::Provider(fault),
            (Ok(latest), Some(value)) => Meaning::Value(value, latest),
            (Ok(_), None) if self.refused.is_empty() => {
                barred(dimension, text).map_or(Meaning::New, Meaning::Barred)
            }
            (Ok(_), None) => {
                let word = NewWord { dimension, text: text.to_owned() };
                self.why_not(&word).map_or(Meaning::New, Meaning::Refused)
            }
        }
    }

    /// Until when a closed value may hold if it comes now. An age under 18 protects, and stays.
    fn latest(&self, dimension: Dimension, value: ValueId) -> Moment {
        let protects = || minor_ages(self.vocabulary).contains(&value);
        match self.providers.retention().latest(dimension, self.now) {
            latest if latest == Segment::NEVER => latest,
            _ if dimension == Dimension::Age && protects() => Segment::NEVER,
            latest => latest,
        }
    }

    fn why_not(&self, word: &NewWord) -> Option<&'v str> {
        self.refused.iter().find(|(refused, _)| refused == word).map(|(_, why)| why.as_str())
    }
}

/// Confidences are kept in whole percents, at least one.
fn percent(share: f64) -> Option<u8> {
    (share > 0.0 && share <= 1.0).then(|| ((share * 100.0).round() as u8).max(1))
}

fn moment_of(unix_s: i64) -> Option<Moment> {
    (unix_s >= 0).then(|| Moment::from_unix_s(unix_s).min(Segment::NEVER))
}

/// RFC 3339.
pub fn moment_said(text: &str) -> Option<Moment> {
    moment_of(text.parse::<jiff::Timestamp>().ok()?.as_second())
}

/// `0123…`: the key that an export writes in place of the id, which nobody knows any more.
pub(super) fn key_said(text: &str) -> Option<ListenerKey> {
    let fits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| u128::from_str_radix(text, 16).ok().map(ListenerKey))?
}

/// The link from somebody else's id; of hashed addresses the digits' case does not count.
pub fn link_said(source: &str, id: &str) -> Result<LinkKey, &'static str> {
    let source = source.trim_ascii();
    if source.is_empty() || source.len() > SOURCE_MAX {
        return Err("a source is a text of 1 to 128 bytes");
    }
    let id = id_said(id).ok_or("an id is a text of 1 to 512 bytes")?;
    if HASHED.iter().any(|hashed| hashed.eq_ignore_ascii_case(source)) {
        let fits = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let digest = id.to_ascii_lowercase();
        return fits.then(|| LinkKey::of(source, &digest)).ok_or("a SHA-256 is 64 hex digits");
    }
    Ok(LinkKey::of(source, id))
}

/// The listener of an id.
pub(super) fn listener_said(text: &str) -> Option<ListenerKey> {
    id_said(text).map(ListenerKey::of)
}

/// The id as it is hashed; `None` where it cannot be one.
fn id_said(text: &str) -> Option<&str> {
    let id = text.trim_ascii();
    (!text.trim().is_empty() && id.len() <= ID_MAX).then_some(id)
}

#[cfg(test)]
mod tests;
