//! Which values were found so far? A small set on the stack, for facts that are put together
//! from several places of a request and a profile; hot, allocates nothing.

use smallvec::SmallVec;

use crate::market::facts::Facts;
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

/// More values than this are not kept.
const VALUES_MAX: usize = 512;

/// No value comes after it.
const END: u16 = u16::MAX;

/// Values of several dimensions, each once, and the dimensions of which anything was said.
pub struct Gathered<'v> {
    vocabulary: &'v Vocabulary,
    said: u64,
    /// The first and the last value of each dimension, by their places in `values`.
    ends: [(u16, u16); Dimension::COUNT],
    /// Each value with the place of the next one of its dimension. Never grows beyond the stack.
    values: SmallVec<[(ValueId, u16); VALUES_MAX]>,
}

impl<'v> Gathered<'v> {
    pub fn new(vocabulary: &'v Vocabulary) -> Gathered<'v> {
        let ends = [(END, END); Dimension::COUNT];
        Gathered { vocabulary, said: 0, ends, values: SmallVec::default() }
    }

    /// Something was said of it, even if only words that nobody asks for.
    pub fn said(&mut self, dimension: Dimension) {
        self.said |= 1 << dimension.index();
    }

    pub fn is_said(&self, dimension: Dimension) -> bool {
        self.said & (1 << dimension.index()) != 0
    }

    /// Adds a value and what it implies: `punk` is `rock` too. One of a special category is passed
    /// over: no line may ask for it, and it is in no record.
    pub fn add(&mut self, dimension: Dimension, value: ValueId) {
        self.said(dimension);
        if self.vocabulary.is_special(value) {
            return;
        }
        self.push(dimension, value);
        for parent in self.vocabulary.parents(value) {
            self.push(dimension, parent);
        }
    }

    /// Adds the value of a word. Where it has none, something was said all the same. Tells
    /// whether it has one.
    pub fn add_word(&mut self, dimension: Dimension, word: &str) -> bool {
        self.said(dimension);
        let value = self.vocabulary.find(dimension, word);
        if let Some(value) = value {
            self.add(dimension, value);
        }
        value.is_some()
    }

    fn push(&mut self, dimension: Dimension, value: ValueId) {
        let place = self.values.len();
        if place == VALUES_MAX || self.of(dimension).any(|known| known == value) {
            return;
        }
        let (first, last) = &mut self.ends[dimension.index()];
        match self.values.get_mut(usize::from(*last)) {
            Some((_, next)) => *next = place as u16,
            None => *first = place as u16,
        }
        *last = place as u16;
        self.values.push((value, END));
    }

    pub fn of(&self, dimension: Dimension) -> impl Iterator<Item = ValueId> + '_ {
        let mut next = self.ends[dimension.index()].0;
        std::iter::from_fn(move || {
            let &(value, after) = self.values.get(usize::from(next))?;
            next = after;
            Some(value)
        })
    }

    /// States the fact, where anything was said of it.
    pub fn state(&self, dimension: Dimension, facts: &mut Facts) {
        if self.is_said(dimension) {
            facts.set(dimension, self.of(dimension));
        }
    }
}
