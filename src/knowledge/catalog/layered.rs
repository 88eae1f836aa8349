//! How does an edited world share what did not change? A base for all, and a little beside it.
//!
//! The lists and maps of the [`Catalog`](super::model::Catalog); read hot (a branch and an index,
//! a hash or two), made cold.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Index;
use std::sync::Arc;

use foldhash::fast::FixedState;

/// A list whose first part is shared between worlds; places count on from it into the fresh part.
#[derive(Debug, Clone)]
pub struct Layered<T> {
    base: Arc<[T]>,
    fresh: Vec<T>,
}

impl<T> Layered<T> {
    pub fn base(&self) -> &[T] {
        &self.base
    }

    pub fn fresh(&self) -> &[T] {
        &self.fresh
    }

    /// All that stands here, in the order of places; some of it may be gone.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.base.iter().chain(&self.fresh)
    }

    /// The same base with another fresh part.
    pub fn with(&self, fresh: Vec<T>) -> Layered<T> {
        Layered { base: Arc::clone(&self.base), fresh }
    }

    pub fn shares_base(&self, other: &Layered<T>) -> bool {
        Arc::ptr_eq(&self.base, &other.base)
    }
}

impl<T> Default for Layered<T> {
    fn default() -> Layered<T> {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for Layered<T> {
    fn from(base: Vec<T>) -> Layered<T> {
        Layered { base: base.into(), fresh: Vec::new() }
    }
}

impl<T> Index<usize> for Layered<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: usize) -> &T {
        match self.base.get(at) {
            Some(item) => item,
            None => &self.fresh[at - self.base.len()],
        }
    }
}

pub type Map<K, V> = HashMap<K, V, FixedState>;

/// A map whose entries are shared between worlds but for a few that are other, new or gone.
#[derive(Debug, Clone)]
pub struct Overlaid<K, V> {
    base: Arc<Map<K, V>>,
    /// `None`: gone.
    over: Map<K, Option<V>>,
}

impl<K: Hash + Eq, V> Overlaid<K, V> {
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if !self.over.is_empty()
            && let Some(entry) = self.over.get(key)
        {
            return entry.as_ref();
        }
        self.base.get(key)
    }

    pub fn base(&self) -> &Map<K, V> {
        &self.base
    }

    pub fn over(&self) -> &Map<K, Option<V>> {
        &self.over
    }

    /// The same base with other entries over it.
    pub fn with(&self, over: Map<K, Option<V>>) -> Overlaid<K, V> {
        Overlaid { base: Arc::clone(&self.base), over }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let of_base = self.base.iter().filter(|(key, _)| !self.over.contains_key(*key));
        of_base.chain(self.over.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))))
    }
}

impl<K, V> Default for Overlaid<K, V> {
    fn default() -> Overlaid<K, V> {
        Map::default().into()
    }
}

impl<K, V> From<Map<K, V>> for Overlaid<K, V> {
    fn from(base: Map<K, V>) -> Overlaid<K, V> {
        Overlaid { base: Arc::new(base), over: Map::default() }
    }
}
