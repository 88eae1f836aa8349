//! What became known of listeners in one stretch of time? Profiles, erasures and links, immutable.
//!
//! Made by the gathering side, by merging, by loading and by import (cold); an
//! [`Audience`](super::Audience) looks into a few of them, newest first (hot).

use crate::base::units::ids::ListenerKey;

use super::filling::TableBuilder;
use super::links::LinkKey;
use super::profile::Profile;
use super::table::{Newest, Record, Table};

/// Profiles by listener, and listeners by link; either may be said to be gone.
#[derive(Default)]
pub struct Generation {
    pub(super) listeners: Table,
    pub(super) links: Table,
    /// Listeners of whom older generations hold what was erased.
    pub(super) cuts: usize,
}

/// What a generation says of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// `None`: erased.
    pub profile: Option<Profile<'a>>,
    /// Erased before this was written, so that links of older generations lead nowhere.
    pub cut: bool,
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (listeners, links) = (self.listeners.len(), self.links.len());
        write!(f, "Generation({listeners} listeners, {links} links, redacted)")
    }
}

impl Generation {
    /// What is said here of the listener. Hot.
    #[inline]
    pub fn entry(&self, key: ListenerKey) -> Option<Entry<'_>> {
        self.listeners.get(key.0).map(Entry::of)
    }

    /// What is said here of the link: `None` nothing, `Some(None)` that it leads nowhere. Hot.
    #[inline]
    pub fn link(&self, link: LinkKey) -> Option<Option<ListenerKey>> {
        self.links.get(link.0).map(target)
    }

    /// Ascending by key.
    pub fn entries(&self) -> impl Iterator<Item = (ListenerKey, Entry<'_>)> {
        self.listeners.records().map(|record| (ListenerKey(record.key), Entry::of(record)))
    }

    /// Ascending by link; `None` says that the link leads nowhere.
    pub fn links(&self) -> impl Iterator<Item = (LinkKey, Option<ListenerKey>)> {
        self.links.records().map(|record| (LinkKey(record.key), target(record)))
    }

    /// Listeners and links of which it says anything.
    pub fn len(&self) -> usize {
        self.listeners.len() + self.links.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Entry<'a> {
    pub(super) fn of(record: Record<'a>) -> Entry<'a> {
        let profile = (!record.is_gone()).then(|| Profile::trusted(record.body));
        Entry { profile, cut: record.cut }
    }
}

/// The listener that a link's record leads to.
pub(super) fn target(record: Record<'_>) -> Option<ListenerKey> {
    record.body.first_chunk().map(|key| ListenerKey(u128::from_le_bytes(*key)))
}

/// Gathers what is known, then makes a [`Generation`] of it, whatever the order of keys; of a key
/// that is given twice the later stays. The default keeps all of it twice while it builds.
#[derive(Default)]
pub struct GenerationBuilder {
    listeners: TableBuilder,
    links: TableBuilder,
    cuts: usize,
}

impl GenerationBuilder {
    /// For keys and links that ascend: holds no more than what it makes. The numbers decide how
    /// the keys are spread and need not be exact.
    pub fn ascending(listeners: usize, links: usize) -> GenerationBuilder {
        GenerationBuilder {
            listeners: TableBuilder::ascending(listeners),
            links: TableBuilder::ascending(links),
            cuts: 0,
        }
    }

    pub fn add(&mut self, key: ListenerKey, profile: Profile<'_>) {
        self.entry(key, Entry { profile: Some(profile), cut: false });
    }

    pub fn entry(&mut self, key: ListenerKey, entry: Entry<'_>) {
        let body = entry.profile.map_or(&[][..], |profile| profile.bytes());
        self.cuts += usize::from(entry.cut);
        // A `Profile` bounds its bytes to BYTES_MAX, well below 32 KiB.
        self.listeners.push(Record { key: key.0, cut: entry.cut, body });
    }

    /// `None`: the link leads nowhere from now on.
    pub fn link(&mut self, link: LinkKey, key: Option<ListenerKey>) {
        let target = key.map(|key| key.0.to_le_bytes());
        let body = target.as_ref().map_or(&[][..], |bytes| &bytes[..]);
        self.links.push(Record { key: link.0, cut: false, body });
    }

    /// Listeners so far.
    pub fn len(&self) -> usize {
        self.listeners.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn build(self) -> Generation {
        let GenerationBuilder { listeners, links, cuts } = self;
        Generation { listeners: listeners.build(), links: links.build(), cuts }
    }
}

/// All that several generations, newest first, say of listeners, as one.
pub(super) fn newest_listeners<'a>(
    generations: impl Iterator<Item = &'a Generation>,
) -> Newest<'a> {
    Newest::of(generations.map(|generation| &generation.listeners))
}

/// As [`newest_listeners`], of links.
pub(super) fn newest_links<'a>(generations: impl Iterator<Item = &'a Generation>) -> Newest<'a> {
    Newest::of(generations.map(|generation| &generation.links))
}
