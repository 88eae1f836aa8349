//! What is known of each value, by its id? Rows of two kinds: what the bid path asks, and the rest.
//!
//! Kept by the vocabulary. `dimension`, `parents` and `is_barred` are hot: a profile has dozens of
//! values that lie far apart, so what is asked of each is a few bytes of its own.

use super::{Barred, Dimension, ValueId};

/// All values in the order of their ids.
#[derive(Clone, Default)]
pub(super) struct Values {
    traits: Vec<Traits>,
    names: Vec<Name>,
}

#[derive(Clone, Copy)]
struct Traits {
    /// The value itself where there is none above it.
    parent: ValueId,
    dimension: Dimension,
    barred: bool,
}

#[derive(Clone)]
struct Name {
    text: Box<str>,
    /// Why nobody may be known by it.
    barred: Option<Barred>,
}

impl Values {
    pub fn push(&mut self, dimension: Dimension, parent: Option<ValueId>, text: &str) -> ValueId {
        let id = ValueId(self.names.len() as u32);
        self.traits.push(Traits { parent: parent.unwrap_or(id), dimension, barred: false });
        self.names.push(Name { text: text.into(), barred: None });
        id
    }

    pub fn set_barred(&mut self, value: ValueId, barred: Option<Barred>) {
        self.names[value.index()].barred = barred;
        self.traits[value.index()].barred = barred.is_some();
    }

    /// HOT.
    #[inline]
    pub fn dimension(&self, value: ValueId) -> Dimension {
        self.traits.get(value.index()).map_or(Dimension::Genre, |traits| traits.dimension)
    }

    /// HOT.
    #[inline]
    pub fn is_barred(&self, value: ValueId) -> bool {
        self.traits.get(value.index()).is_some_and(|traits| traits.barred)
    }

    /// Nearest first. HOT.
    #[inline]
    pub fn parents(&self, value: ValueId) -> impl Iterator<Item = ValueId> + '_ {
        let above = |value: &ValueId| {
            let parent = self.traits.get(value.index())?.parent;
            (parent != *value).then_some(parent)
        };
        std::iter::successors(above(&value), above)
    }

    pub fn barred(&self, value: ValueId) -> Option<Barred> {
        self.names.get(value.index())?.barred
    }

    pub fn text(&self, value: ValueId) -> &str {
        self.names.get(value.index()).map_or("", |name| &name.text)
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn all(&self) -> impl ExactSizeIterator<Item = (ValueId, Dimension, &str)> {
        let all = self.names.iter().zip(&self.traits).enumerate();
        all.map(|(i, (name, traits))| (ValueId(i as u32), traits.dimension, &*name.text))
    }
}
