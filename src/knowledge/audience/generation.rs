//! Who is listening? All profiles in memory, as one immutable value.
//!
//! Built at start and after an import (cold), read for each request that permits it (hot: no
//! lock, no allocation, one probe and one read of the arena). Whoever holds the world holds the
//! audience; it is replaced whole, never changed.

use crate::base::units::ids::ListenerKey;

use super::profile::Profile;

/// A record of the arena: the key (16), the length of the profile (2), the profile.
const HEAD: usize = 18;
/// A slot: the low 40 bits are the record's offset + 1 (0: free), the high 24 are of the key, so
/// that a probe that meets another listener need not read that one's record.
const OFFSET_BITS: u32 = 40;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

/// Compact profiles of all listeners, found by key.
#[derive(Default)]
pub struct Audience {
    slots: Box<[u64]>,
    arena: Box<[u8]>,
    listeners: usize,
}

impl std::fmt::Debug for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Audience({} listeners, {} bytes)", self.listeners, self.bytes())
    }
}

impl Audience {
    /// An audience of nobody: every listener is one of whom nothing has been read.
    pub fn empty() -> Audience {
        Audience::default()
    }

    /// The listener's profile; `None` where the listener is not known. Hot.
    #[inline]
    pub fn profile(&self, key: ListenerKey) -> Option<Profile<'_>> {
        if self.slots.is_empty() {
            return None;
        }
        let tag = tag_of(key);
        let mut at = home_of(key, self.slots.len());
        for _ in 0..self.slots.len() {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if slot & !OFFSET_MASK == tag {
                let offset = ((slot & OFFSET_MASK) - 1) as usize;
                let (found, profile) = self.record(offset)?;
                if found == key {
                    return Some(profile);
                }
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        None
    }

    fn record(&self, offset: usize) -> Option<(ListenerKey, Profile<'_>)> {
        let (head, rest) = self.arena.get(offset..)?.split_first_chunk::<HEAD>()?;
        let (key, len) = head.split_first_chunk::<16>()?;
        let len = usize::from(u16::from_le_bytes([len[0], len[1]]));
        let key = ListenerKey(u128::from_le_bytes(*key));
        Some((key, Profile::trusted(rest.get(..len)?)))
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (ListenerKey, Profile<'_>)> {
        let mut offset = 0;
        std::iter::from_fn(move || {
            let (key, profile) = self.record(offset)?;
            offset += HEAD + profile.bytes().len();
            Some((key, profile))
        })
    }

    pub fn len(&self) -> usize {
        self.listeners
    }

    pub fn is_empty(&self) -> bool {
        self.listeners == 0
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        self.slots.len() * size_of::<u64>() + self.arena.len()
    }
}

/// Gathers profiles, then makes an [`Audience`] of them.
#[derive(Default)]
pub struct AudienceBuilder {
    arena: Vec<u8>,
    offsets: Vec<u64>,
}

impl AudienceBuilder {
    /// The caller adds each key once.
    pub fn add(&mut self, key: ListenerKey, profile: Profile<'_>) {
        self.offsets.push(self.arena.len() as u64);
        self.arena.extend_from_slice(&key.0.to_le_bytes());
        // `Profile` bounds its bytes to BYTES_MAX, well below 65,536.
        self.arena.extend_from_slice(&(profile.bytes().len() as u16).to_le_bytes());
        self.arena.extend_from_slice(profile.bytes());
    }

    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    pub fn build(self) -> Audience {
        let listeners = self.offsets.len();
        let mut audience = Audience {
            // Two slots in three are taken at most, so a probe ends after a few.
            slots: vec![0; if listeners == 0 { 0 } else { listeners * 3 / 2 + 1 }].into(),
            arena: self.arena.into(),
            listeners,
        };
        for offset in self.offsets {
            let Some((key, _)) = audience.record(offset as usize) else { continue };
            let mut at = home_of(key, audience.slots.len());
            while audience.slots[at] != 0 {
                at = if at + 1 == audience.slots.len() { 0 } else { at + 1 };
            }
            audience.slots[at] = tag_of(key) | (offset + 1);
        }
        audience
    }
}

/// Keys are hashes: their bits are as good as any that we could mix from them.
fn home_of(key: ListenerKey, slots: usize) -> usize {
    ((u128::from(key.0 as u64) * slots as u128) >> 64) as usize
}

fn tag_of(key: ListenerKey) -> u64 {
    (key.0 >> 64) as u64 & !OFFSET_MASK
}

#[cfg(test)]
mod tests {
    use super::super::profile::{Segment, encode};
    use super::*;
    use crate::market::vocabulary::ValueId;

    fn bytes_of(n: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let mut segments: Vec<Segment> = (0..n % 7)
            .map(|i| Segment { value: ValueId(n + i), confidence_pct: 80, expires: Segment::NEVER })
            .collect();
        encode(&mut segments, &mut out).unwrap();
        out
    }

    #[test]
    fn everyone_added_is_found_and_nobody_else() {
        for listeners in [0u32, 1, 2, 3, 1000] {
            let mut builder = AudienceBuilder::default();
            for n in 0..listeners {
                let bytes = bytes_of(n);
                let key = ListenerKey::of(&format!("listener-{n}"));
                builder.add(key, Profile::checked(&bytes, 10_000).unwrap());
            }
            let audience = builder.build();
            assert_eq!(audience.len(), listeners as usize);
            assert_eq!(audience.iter().count(), listeners as usize);
            for n in 0..listeners {
                let key = ListenerKey::of(&format!("listener-{n}"));
                assert_eq!(audience.profile(key).unwrap().bytes(), bytes_of(n));
            }
            for n in 0..1000 {
                assert_eq!(audience.profile(ListenerKey::of(&format!("stranger-{n}"))), None);
            }
        }
    }

    #[test]
    fn keys_that_share_home_and_tag_are_told_apart() {
        let mut builder = AudienceBuilder::default();
        let keys: Vec<ListenerKey> =
            (0..50).map(|n| ListenerKey(u128::from(n as u8) << 64)).collect();
        for (n, &key) in keys.iter().enumerate() {
            builder.add(key, Profile::checked(&bytes_of(n as u32), 10_000).unwrap());
        }
        let audience = builder.build();
        for (n, &key) in keys.iter().enumerate() {
            assert_eq!(audience.profile(key).unwrap().bytes(), bytes_of(n as u32));
        }
    }
}
