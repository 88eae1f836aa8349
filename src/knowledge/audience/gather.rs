//! What has changed since the last generation? Changes, applied one after the other, until they
//! are sealed into the next one.
//!
//! Owned by intake's one writer (cold). Reads what stands in the audience, writes its own.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::base::units::ids::ListenerKey;
use crate::market::vocabulary::ValueId;

use super::audience::{Audience, Purpose};
use super::change::Change;
use super::generation::{Entry, Generation, GenerationBuilder};
use super::links::LinkKey;
use super::profile::{Profile, SEGMENTS_MAX, Segment, encode};

/// Changes that no generation holds yet.
pub struct Gather {
    listeners: HashMap<ListenerKey, Known, RandomState>,
    links: HashMap<LinkKey, Led, RandomState>,
    /// Profiles, one behind the other; those that were overridden stay until the sealing.
    bytes: Vec<u8>,
    /// Counts erasures and links, so that it is known which came first.
    turn: u64,
    /// Values that a full profile never loses ([`minor_ages`](super::minor_ages)).
    kept: [ValueId; 2],
    segments: Vec<Segment>,
    encoded: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Known {
    /// Where the profile stands; no length: erased.
    place: usize,
    len: usize,
    /// The turn of the last erasure; nought: none.
    erased: u64,
}

#[derive(Clone, Copy)]
struct Led {
    to: Option<ListenerKey>,
    turn: u64,
}

impl Gather {
    pub fn new(kept: [ValueId; 2]) -> Gather {
        Gather {
            listeners: HashMap::default(),
            links: HashMap::default(),
            bytes: Vec::new(),
            turn: 0,
            kept,
            segments: Vec::new(),
            encoded: Vec::new(),
        }
    }

    /// Applies a change that has been checked ([`Change::check`]) to what is known here and,
    /// beneath it, in the audience.
    pub fn apply(&mut self, change: &Change, audience: &Audience) {
        match change {
            Change::Put { key, profile } => self.put(*key, profile),
            Change::Add { key, segments } => self.add(*key, segments, audience),
            Change::Remove { key, values } => self.remove(*key, values, audience),
            Change::Erase { key } => {
                self.turn += 1;
                let erased = Known { place: 0, len: 0, erased: self.turn };
                self.listeners.insert(*key, erased);
            }
            Change::Link { link, key } => self.lead(*link, Some(*key)),
            Change::Unlink { link } => self.lead(*link, None),
        }
    }

    /// The listener's profile after all changes so far.
    pub fn profile<'a>(&'a self, key: ListenerKey, audience: &'a Audience) -> Option<Profile<'a>> {
        match self.listeners.get(&key) {
            Some(known) => self.own(*known),
            None => audience.profile_for(Purpose::Upkeep, key),
        }
    }

    /// Whom the link leads to after all changes so far.
    pub fn listener(&self, link: LinkKey, audience: &Audience) -> Option<ListenerKey> {
        let led = self.links.get(&link).copied();
        let led = led.unwrap_or_else(|| Led { to: audience.listener(link), turn: 0 });
        led.to.filter(|_| self.leads(led))
    }

    /// Listeners and links that have changed.
    pub fn len(&self) -> usize {
        self.listeners.len() + self.links.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of profiles, the overridden ones included: a bound on when to seal.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The generation of all changes so far; gathering begins anew.
    pub fn seal(&mut self) -> Generation {
        let mut builder = GenerationBuilder::ascending(self.listeners.len(), self.links.len());
        let mut keys: Vec<ListenerKey> = self.listeners.keys().copied().collect();
        keys.sort_unstable();
        for key in keys {
            let known = self.listeners[&key];
            builder.entry(key, Entry { profile: self.own(known), cut: known.erased > 0 });
        }
        let mut links: Vec<(LinkKey, Led)> =
            self.links.iter().map(|(&link, &led)| (link, led)).collect();
        links.sort_unstable_by_key(|(link, _)| *link);
        for (link, led) in links {
            builder.link(link, led.to.filter(|_| self.leads(led)));
        }
        self.listeners.clear();
        self.links.clear();
        self.bytes.clear();
        builder.build()
    }

    fn own(&self, known: Known) -> Option<Profile<'_>> {
        let bytes = &self.bytes[known.place..known.place + known.len];
        (known.len > 0).then(|| Profile::trusted(bytes))
    }

    /// Whether the link was made after its listener was last erased.
    fn leads(&self, led: Led) -> bool {
        let known = led.to.and_then(|key| self.listeners.get(&key));
        known.is_none_or(|known| known.erased <= led.turn)
    }

    fn lead(&mut self, link: LinkKey, to: Option<ListenerKey>) {
        self.turn += 1;
        self.links.insert(link, Led { to, turn: self.turn });
    }

    fn put(&mut self, key: ListenerKey, profile: &[u8]) {
        let (place, len) = (self.bytes.len(), profile.len());
        self.bytes.extend_from_slice(profile);
        let known = self.listeners.entry(key).or_insert(Known { place, len, erased: 0 });
        (known.place, known.len) = (place, len);
    }

    fn add(&mut self, key: ListenerKey, added: &[Segment], audience: &Audience) {
        let mut segments = std::mem::take(&mut self.segments);
        segments.clear();
        let before = self.profile(key, audience).unwrap_or(Profile::EMPTY);
        let other = |segment: &Segment| added.iter().all(|new| new.value != segment.value);
        segments.extend(before.segments().filter(other));
        let room = SEGMENTS_MAX.saturating_sub(added.len());
        if segments.len() > room {
            // What is added stays. Of what stood before, that which ends first goes first, of
            // what ends together the less sure.
            let kept = |s: &Segment| self.kept.contains(&s.value);
            segments.sort_by_key(|s| (!kept(s), -s.expires.unix_us, !s.confidence_pct, s.value));
            segments.truncate(room);
        }
        segments.extend_from_slice(added);
        self.write(key, segments);
    }

    fn remove(&mut self, key: ListenerKey, values: &[ValueId], audience: &Audience) {
        let mut segments = std::mem::take(&mut self.segments);
        segments.clear();
        let before = self.profile(key, audience);
        segments.extend(before.iter().flat_map(|profile| profile.segments()));
        let had = segments.len();
        segments.retain(|segment| !values.contains(&segment.value));
        if segments.len() < had {
            self.write(key, segments);
        } else {
            self.segments = segments;
        }
    }

    fn write(&mut self, key: ListenerKey, mut segments: Vec<Segment>) {
        let mut encoded = std::mem::take(&mut self.encoded);
        // A checked change is within the bounds; what is not leaves the profile as it was.
        if encode(&mut segments, &mut encoded).is_ok() {
            self.put(key, &encoded);
        }
        (self.segments, self.encoded) = (segments, encoded);
    }
}

#[cfg(test)]
mod tests;
