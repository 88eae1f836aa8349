//! Who is listening? A few generations, newest first, as one immutable value.
//!
//! Read for each request that permits it (hot: no lock, no allocation; a generation that does not
//! know the listener costs a probe of its slots). Whoever holds the world holds the audience; a
//! newer one shares the generations that stay.

use std::sync::Arc;

use crate::base::units::ids::ListenerKey;
use crate::market::privacy::ProfileRead;

use super::generation::{Entry, Generation, newest_links, newest_listeners, target};
use super::links::LinkKey;
use super::profile::Profile;
#[cfg(test)]
use super::spy;
use super::table::HEAD;

/// Everybody who is known: what the newest generation that knows a listener says of them.
#[derive(Clone, Default)]
pub struct Audience {
    generations: Vec<Arc<Generation>>,
    listeners: usize,
}

/// Who reads a profile without a bid request, and so without its permissions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// The listener's own: export, why, erasure.
    Rights,
    /// Crowds are counted; only their sizes leave.
    Crowd,
    /// Storing, merging, importing: nobody learns anything.
    Upkeep,
    /// Made-up listeners of rehearsals, benches and tests.
    Rehearsal,
}

/// What an audience takes in memory, by part.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Bytes {
    /// What finds the listeners' records: places, tags, gaps.
    pub index: usize,
    /// Keys and lengths.
    pub heads: usize,
    pub profiles: usize,
    /// All of the links, their own slots included.
    pub links: usize,
}

impl Bytes {
    pub const fn total(&self) -> usize {
        self.index + self.heads + self.profiles + self.links
    }
}

impl std::fmt::Debug for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (listeners, generations) = (self.listeners, self.generations.len());
        write!(f, "Audience({listeners} listeners in {generations} generations, redacted)")
    }
}

impl Audience {
    /// An audience of nobody: every listener is one of whom nothing has been read.
    pub fn empty() -> Audience {
        Audience::default()
    }

    /// One generation with nothing beneath.
    pub fn of(generation: Generation) -> Audience {
        Audience::empty().with(Arc::new(generation))
    }

    /// The listener's profile, for the bid path where consent allows it; `None` where the listener
    /// is not known. Hot.
    #[inline]
    pub fn profile(&self, key: ListenerKey, _may: ProfileRead) -> Option<Profile<'_>> {
        #[cfg(test)]
        spy::profile_read();
        self.find(key)
    }

    /// The same for those who answer no bid request: each names the right it has of its own.
    #[inline]
    pub fn profile_for(&self, _purpose: Purpose, key: ListenerKey) -> Option<Profile<'_>> {
        self.find(key)
    }

    #[inline]
    fn find(&self, key: ListenerKey) -> Option<Profile<'_>> {
        self.generations.iter().find_map(|generation| generation.entry(key))?.profile
    }

    /// The listener whom the link leads to; erasing a listener ends the links that there were.
    /// Hot.
    #[inline]
    pub fn listener(&self, link: LinkKey) -> Option<ListenerKey> {
        #[cfg(test)]
        spy::link_followed();
        for (n, generation) in self.generations.iter().enumerate() {
            if let Some(key) = generation.link(link) {
                return key.filter(|&key| !is_cut(&self.generations[..n], key));
            }
        }
        None
    }

    /// The same audience after what `newest` says. Looks each of its listeners up once.
    pub fn with(&self, newest: Arc<Generation>) -> Audience {
        if newest.is_empty() {
            return self.clone();
        }
        let (mut came, mut went) = (0, 0);
        for (key, entry) in newest.entries() {
            let before = !self.generations.is_empty() && self.find(key).is_some();
            came += usize::from(entry.profile.is_some() && !before);
            went += usize::from(entry.profile.is_none() && before);
        }
        let mut generations = Vec::with_capacity(self.generations.len() + 1);
        generations.push(newest);
        generations.extend(self.generations.iter().cloned());
        Audience { generations, listeners: self.listeners + came - went }
    }

    /// Newest first.
    pub fn generations(&self) -> &[Arc<Generation>] {
        &self.generations
    }

    /// The same people in other generations: `merged` stands for those of `range`.
    pub(super) fn replaced(
        &self,
        range: std::ops::Range<usize>,
        merged: Arc<Generation>,
    ) -> Audience {
        let mut generations = self.generations.clone();
        let merged = (!merged.is_empty()).then_some(merged);
        generations.splice(range, merged);
        Audience { generations, listeners: self.listeners }
    }

    /// Shows each living listener once, ascending by key.
    pub fn each(&self, visit: &mut dyn FnMut(ListenerKey, Profile<'_>)) {
        for (key, profile) in self.iter() {
            visit(key, profile);
        }
    }

    /// Each living listener once, ascending by key.
    pub fn iter(&self) -> impl Iterator<Item = (ListenerKey, Profile<'_>)> {
        let known = newest_listeners(self.generations.iter().map(Arc::as_ref));
        known.filter_map(|(_, record)| Some((ListenerKey(record.key), Entry::of(record).profile?)))
    }

    /// Each link that leads somewhere once, ascending.
    pub fn links(&self) -> impl Iterator<Item = (LinkKey, ListenerKey)> {
        let known = newest_links(self.generations.iter().map(Arc::as_ref));
        known.filter_map(|(n, record)| {
            let key = target(record)?;
            (!is_cut(&self.generations[..n], key)).then_some((LinkKey(record.key), key))
        })
    }

    /// Living listeners.
    pub fn len(&self) -> usize {
        self.listeners
    }

    pub fn is_empty(&self) -> bool {
        self.listeners == 0
    }

    /// What it takes in memory; what is overridden but not merged yet counts, too.
    pub fn bytes(&self) -> Bytes {
        let mut bytes = Bytes::default();
        for generation in &self.generations {
            let Generation { listeners, links, .. } = &**generation;
            let heads = listeners.len() * HEAD;
            bytes.index += listeners.bytes() - heads - listeners.body_bytes;
            bytes.heads += heads;
            bytes.profiles += listeners.body_bytes;
            bytes.links += links.bytes();
        }
        bytes
    }
}

/// Whether one of the newer generations tells that the listener was erased.
#[inline]
pub(super) fn is_cut(newer: &[Arc<Generation>], key: ListenerKey) -> bool {
    newer.iter().any(|generation| {
        generation.cuts > 0 && generation.entry(key).is_some_and(|entry| entry.cut)
    })
}
