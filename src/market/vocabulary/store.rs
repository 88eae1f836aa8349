//! What is the id of this word, and what the word of this id? The vocabulary itself.
//!
//! `find`, `parents` and `segment` are asked on the bid path (hot: no allocation, one hash);
//! `intern` is asked when campaigns and profiles load (cold).

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use super::fold::{FOLDED_MAX, Folding, folded};
use super::special::{barred, closed_rows};
use super::values::Values;
use super::{
    AGE_BANDS, Barred, Config, DISTRESS_DIMENSION, Dimension, DistressMoment, DistressMoments,
    ValueId, words,
};
use crate::base::stdx::fault::nearest;

/// Ids below this are of the closed lists, which may grow into the gap; open values follow.
pub(super) const OPEN_START: u32 = 8192;

/// Why a word got no id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InternFault {
    #[error("the vocabulary is full: it holds at most {0} values")]
    Full(u32),
    #[error("a value has at most {0} bytes")]
    Long(usize),
    #[error("a value needs at least one letter or digit and no control characters")]
    Blank,
    #[error("not in the closed list of {}", .0.name())]
    Closed(Dimension),
    #[error("{0}")]
    Barred(Barred),
}

type Words = HashMap<Box<[u8]>, ValueId, FixedState>;
type Segments = HashMap<Box<str>, ValueId, FixedState>;

/// All words, in both directions. Cloned when a new world is built; ids never change.
#[derive(Clone)]
pub struct Vocabulary {
    values: Values,
    words: [Words; Dimension::COUNT],
    codes: Vec<(Dimension, i64, ValueId)>,
    taxonomies: Vec<(i64, Segments)>,
    values_max: u32,
    text_max: usize,
    /// The id of the first moment of distress; the others follow.
    distress_start: u32,
    enabled_distress: DistressMoments,
    minor_segments: bool,
}

impl Default for Vocabulary {
    fn default() -> Vocabulary {
        Vocabulary::new()
    }
}

impl Vocabulary {
    /// The closed lists, with default bounds.
    pub fn new() -> Vocabulary {
        Vocabulary::with(&Config::default())
    }

    /// The closed lists. A configured segment that names no dimension or value is passed over;
    /// [`Vocabulary::segment_faults`] names it.
    pub fn with(config: &Config) -> Vocabulary {
        static CLOSED: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::closed);
        let mut vocabulary = CLOSED.clone();
        vocabulary.values_max = config.values_max.max(OPEN_START);
        vocabulary.text_max = config.text_max.min(FOLDED_MAX);
        let named = config.distress.iter().filter_map(|name| DistressMoment::named(name));
        vocabulary.enabled_distress = named.collect();
        for row in &config.segments {
            let dimension = Dimension::named(&row.dimension);
            let value = dimension.and_then(|d| vocabulary.find(d, &row.value));
            if let Some(value) = value {
                vocabulary.add_segment(row.segtax, &row.id, value);
                let minor = value == vocabulary.age(0) || value == vocabulary.age(17);
                vocabulary.minor_segments |= minor;
            }
        }
        vocabulary
    }

    fn closed() -> Vocabulary {
        let mut vocabulary = Vocabulary {
            values: Values::default(),
            words: std::array::from_fn(|_| Words::default()),
            codes: Vec::new(),
            taxonomies: Vec::new(),
            values_max: OPEN_START,
            text_max: FOLDED_MAX,
            distress_start: u32::MAX,
            enabled_distress: DistressMoments::NONE,
            minor_segments: false,
        };
        for dimension in Dimension::all() {
            vocabulary.push(dimension, None, "unknown");
        }
        for word in words::closed() {
            vocabulary.add_closed(word);
        }
        let first = vocabulary.find(DISTRESS_DIMENSION, DistressMoment::ALL[0].name());
        vocabulary.distress_start = first.map_or(u32::MAX, |value| value.0);
        vocabulary.bar();
        while vocabulary.values.len() < OPEN_START as usize {
            vocabulary.push(Dimension::Genre, None, "");
        }
        vocabulary
    }

    /// The configured segments that mean nothing: index and why.
    pub fn segment_faults(config: &Config) -> Vec<(usize, String)> {
        let vocabulary = Vocabulary::new();
        let fault = |row: &super::SegmentRow| match Dimension::named(&row.dimension) {
            None => Some(format!("unknown dimension `{}`", row.dimension)),
            Some(dimension) => vocabulary
                .find(dimension, &row.value)
                .is_none()
                .then(|| format!("unknown {} `{}`", dimension.name(), row.value)),
        };
        let faults = config.segments.iter().enumerate().map(|(i, row)| (i, fault(row)));
        faults.filter_map(|(i, fault)| Some((i, fault?))).collect()
    }

    /// The moment of distress that a value is. HOT.
    #[inline]
    pub fn distress(&self, value: ValueId) -> Option<DistressMoment> {
        let at = value.0.checked_sub(self.distress_start)?;
        DistressMoment::ALL.get(at as usize).copied()
    }

    /// Whether the config calls any segment an age under 18. HOT.
    #[inline]
    pub const fn has_minor_segments(&self) -> bool {
        self.minor_segments
    }

    /// Those that the operator has enabled.
    pub const fn enabled_distress(&self) -> DistressMoments {
        self.enabled_distress
    }

    /// The id of a value, any spelling of it. HOT: no allocation.
    #[inline]
    pub fn find(&self, dimension: Dimension, text: &str) -> Option<ValueId> {
        let words = &self.words[dimension.index()];
        folded(Folding::of(dimension), text, |word| words.get(word).copied())?
    }

    /// What a segment of a taxonomy means: of the content taxonomies (`gtax`, `cattax`, or
    /// `segtax` of `content.data`) a genre, of the Audience Taxonomy (4) an interest, an intent,
    /// a lifestyle, an age or a gender; of others what the config says. HOT.
    #[inline]
    pub fn segment(&self, taxonomy: i64, id: &str) -> Option<(Dimension, ValueId)> {
        let (_, segments) = self.taxonomies.iter().find(|(known, _)| *known == taxonomy)?;
        let value = *segments.get(id.trim_ascii())?;
        Some((self.dimension(value), value))
    }

    /// The value that AdCOM's `code` means in `feed`, `device`, `connection`. HOT.
    #[inline]
    pub fn coded(&self, dimension: Dimension, code: i64) -> Option<ValueId> {
        let found = self.codes.iter().find(|&&(d, c, _)| d == dimension && c == code);
        found.map(|&(_, _, value)| value)
    }

    /// The ancestors of a value, nearest first: what the request side adds to its facts, so that
    /// a line for `rock` is true for `punk`. HOT.
    #[inline]
    pub fn parents(&self, value: ValueId) -> impl Iterator<Item = ValueId> + '_ {
        self.values.parents(value)
    }

    /// Hour 0 is Monday 00:00 to 00:59, 167 Sunday 23:00. HOT.
    #[inline]
    pub const fn hour_of_week(&self, hour: u8) -> ValueId {
        ValueId(Dimension::COUNT as u32 + (hour % 168) as u32)
    }

    /// The age band of somebody of so many years. HOT.
    pub fn age(&self, years: u8) -> ValueId {
        let band = AGE_BANDS.iter().position(|band| years <= band.to).unwrap_or(8);
        ValueId(Dimension::COUNT as u32 + 168 + 24 + band as u32)
    }

    /// The value as it is written; empty for an id of no value.
    pub fn text(&self, value: ValueId) -> &str {
        self.values.text(value)
    }

    pub fn dimension(&self, value: ValueId) -> Dimension {
        self.values.dimension(value)
    }

    /// One above the highest id.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Ids and texts of one dimension's values, in the order of the ids.
    pub fn values(&self, dimension: Dimension) -> impl Iterator<Item = (ValueId, &str)> {
        let all = self.values.all().skip(Dimension::COUNT);
        all.filter(move |&(_, of, text)| of == dimension && !text.is_empty())
            .map(|(value, _, text)| (value, text))
    }

    /// The known value whose name, or another name of it, is nearest to a word that was not found.
    pub fn suggest(&self, dimension: Dimension, text: &str) -> Option<&str> {
        let names = self.values(dimension).map(|(_, name)| name);
        if let Some(name) = nearest(text, names) {
            return Some(name);
        }
        let words = &self.words[dimension.index()];
        let aliases = words.keys().filter_map(|alias| std::str::from_utf8(alias).ok());
        let alias = nearest(text, aliases)?;
        words.get(alias.as_bytes()).map(|&value| self.text(value))
    }

    /// As [`Vocabulary::suggest`], among the values that were there from the start.
    pub fn suggest_closed(&self, dimension: Dimension, text: &str) -> Option<&str> {
        let closed = self.values(dimension).filter(|&(value, _)| !self.is_open(value));
        nearest(text, closed.map(|(_, name)| name.rsplit(" > ").next().unwrap_or(name)))
    }

    /// Whether it was interned rather than there from the start.
    pub const fn is_open(&self, value: ValueId) -> bool {
        value.0 >= OPEN_START
    }

    /// The id of a value; new words get one, unless nobody may be known by them.
    pub fn intern(&mut self, dimension: Dimension, text: &str) -> Result<ValueId, InternFault> {
        let text = text.trim();
        match self.word(dimension, text)? {
            Ok(value) => Ok(value),
            Err(word) => match barred(dimension, text) {
                Some(barred) => Err(InternFault::Barred(barred)),
                None => Ok(self.add_open(dimension, text, word)),
            },
        }
    }

    /// As it was given an id before, perhaps under other rules: those bar it from now on.
    pub(super) fn intern_again(
        &mut self,
        dimension: Dimension,
        text: &str,
    ) -> Result<ValueId, InternFault> {
        match self.word(dimension, text.trim())? {
            Ok(value) => Ok(value),
            Err(word) => {
                let value = self.add_open(dimension, text.trim(), word);
                self.values.set_barred(value, barred(dimension, text));
                Ok(value)
            }
        }
    }

    fn add_open(&mut self, dimension: Dimension, text: &str, word: Box<[u8]>) -> ValueId {
        let value = self.push(dimension, None, text);
        self.words[dimension.index()].insert(word, value);
        value
    }

    /// Why nobody may be known or targeted by a value: a special category, or a moment of distress
    /// that is not enabled.
    pub fn barred(&self, value: ValueId) -> Option<Barred> {
        if let Some(moment) = self.distress(value) {
            return (!self.enabled_distress.has(moment)).then_some(Barred::Distress(moment));
        }
        self.values.barred(value)
    }

    /// Whether a value is of a special category. HOT.
    #[inline]
    pub fn is_special(&self, value: ValueId) -> bool {
        self.values.is_barred(value)
    }

    /// Bars closed values, and what stands below them.
    fn bar(&mut self) {
        for (dimension, name, barred) in closed_rows() {
            let value = match Dimension::named(dimension) {
                Some(dimension) => self.find(dimension, name),
                None => self.segment(words::AUDIENCE, name).map(|(_, value)| value),
            };
            if let Some(value) = value {
                self.values.set_barred(value, Some(barred));
            }
        }
        // What stands below a value has a higher id.
        for at in 0..self.values.len() {
            let value = ValueId(at as u32);
            let above = self.parents(value).next().and_then(|parent| self.barred(parent));
            let barred = self.values.barred(value).or(above);
            self.values.set_barred(value, barred);
        }
    }

    /// The id of a value that is there; `None` for a word that could get one.
    pub fn look_up(
        &self,
        dimension: Dimension,
        text: &str,
    ) -> Result<Option<ValueId>, InternFault> {
        match self.word(dimension, text.trim())? {
            Ok(value) => Ok(Some(value)),
            Err(_) => barred(dimension, text).map_or(Ok(None), |why| Err(InternFault::Barred(why))),
        }
    }

    /// The value of a word, or the word as it would be kept.
    fn word(
        &self,
        dimension: Dimension,
        text: &str,
    ) -> Result<Result<ValueId, Box<[u8]>>, InternFault> {
        if let Some(value) = self.find(dimension, text) {
            return Ok(Ok(value));
        }
        if dimension.row().closed || dimension == Dimension::HourOfWeek {
            return Err(InternFault::Closed(dimension));
        }
        if text.len() > self.text_max {
            return Err(InternFault::Long(self.text_max));
        }
        let word: Option<Box<[u8]>> = folded(Folding::of(dimension), text, |word| word.into());
        let word = word.ok_or(InternFault::Blank)?;
        if text.chars().any(char::is_control) {
            return Err(InternFault::Blank);
        }
        if self.values.len() >= self.values_max as usize {
            return Err(InternFault::Full(self.values_max));
        }
        Ok(Err(word))
    }

    /// The open values from the `skip`th on, in the order of their ids; the first one's is
    /// [`OPEN_START`].
    pub(super) fn open_values(
        &self,
        skip: usize,
    ) -> impl ExactSizeIterator<Item = (Dimension, &str)> {
        let all = self.values.all().skip(OPEN_START as usize + skip);
        all.map(|(_, dimension, text)| (dimension, text))
    }

    pub(super) fn open_len(&self) -> usize {
        self.values.len() - OPEN_START as usize
    }

    fn push(&mut self, dimension: Dimension, parent: Option<ValueId>, text: &str) -> ValueId {
        self.values.push(dimension, parent, text)
    }

    fn add_closed(&mut self, word: words::Word) {
        let parent = word.parent.as_deref().and_then(|name| self.find(word.dimension, name));
        let value = self.push(word.dimension, parent, &word.text);
        for (i, name) in std::iter::once(&word.text).chain(&word.aliases).enumerate() {
            let words = &mut self.words[word.dimension.index()];
            folded(Folding::of(word.dimension), name, |name| {
                // A name of its own wins over an alias that an earlier value took.
                if i == 0 || !words.contains_key(name) {
                    words.insert(name.into(), value);
                }
            });
        }
        self.codes.extend(word.code.map(|code| (word.dimension, code, value)));
        for (taxonomy, id) in &word.segments {
            self.add_segment(*taxonomy, id, value);
        }
    }

    fn add_segment(&mut self, taxonomy: i64, id: &str, value: ValueId) {
        let at = self.taxonomies.iter().position(|(known, _)| *known == taxonomy);
        let at = at.unwrap_or_else(|| {
            self.taxonomies.push((taxonomy, Segments::default()));
            self.taxonomies.len() - 1
        });
        self.taxonomies[at].1.insert(id.into(), value);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
