//! Which values were found so far? A small set on the stack, for facts that are put together
//! from several places of a request and a profile; hot, allocates nothing.

use crate::market::facts::Facts;
use crate::market::vocabulary::{Dimension, ValueId, Vocabulary};

/// More values than this are not kept.
const VALUES_MAX: usize = 512;

/// Values of several dimensions, each once, and the dimensions of which anything was said.
pub struct Gathered<'v> {
    vocabulary: &'v Vocabulary,
    said: u64,
    len: usize,
    values: [ValueId; VALUES_MAX],
    dimensions: [Dimension; VALUES_MAX],
}

impl<'v> Gathered<'v> {
    pub fn new(vocabulary: &'v Vocabulary) -> Gathered<'v> {
        Gathered {
            vocabulary,
            said: 0,
            len: 0,
            values: [ValueId(0); VALUES_MAX],
            dimensions: [Dimension::Genre; VALUES_MAX],
        }
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
        if self.len < VALUES_MAX && !self.values[..self.len].contains(&value) {
            self.values[self.len] = value;
            self.dimensions[self.len] = dimension;
            self.len += 1;
        }
    }

    pub fn of(&self, dimension: Dimension) -> impl Iterator<Item = ValueId> + '_ {
        let pairs = self.dimensions[..self.len].iter().zip(&self.values);
        pairs.filter(move |&(&d, _)| d == dimension).map(|(_, &value)| value)
    }

    /// States the fact, where anything was said of it.
    pub fn state(&self, dimension: Dimension, facts: &mut Facts) {
        if self.is_said(dimension) {
            facts.set(dimension, self.of(dimension));
        }
    }
}
