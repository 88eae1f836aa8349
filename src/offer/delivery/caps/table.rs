//! How often was this listener met? A bounded table of counts. Hot, lock-free.
//!
//! ```text
//! a place's key ─► bucket of 16 words (two cache lines, fetched together)
//!                  word = mark: 24 bits of the key | end: 28 bits, seconds | count: 12 bits
//! ```
//! A word counts until its end, for whoever asks at a moment before it: the sum of a key's words
//! that have not ended is how often its listener was met in the window. So one rule serves every
//! kind of window: what differs is which end a bid's word gets ([`Rule`](super::rules::Rule)).
//!
//! Never exceeded, without a lock: a taker first adds its place and then sums all words of its
//! key, and steps back when the sum is above the cap. Of all takers that stayed, the last to add
//! saw all the others.
//!
//! Eviction: a word whose end has passed by [`SKEW_S`], or whose count is nought, is free; no
//! other is ever given up. No free word in the bucket: the listener counts as capped. A count
//! that has to be written down whatever the cap says (a late impression, a restart) and finds no
//! room closes its bucket until it ends, to everybody in it. Two keys of one bucket with one mark
//! share a count. All of this can only make a cap stricter.

use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const WAYS: usize = 16;
const COUNT_BITS: u32 = 12;
pub(super) const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const END_BITS: u32 = 28;
const END_MASK: u64 = (1 << END_BITS) - 1;
/// Of the key; the bucket takes the low bits.
const MARK_SHIFT: u32 = 40;
/// Two decisions of one moment may come to the table in either order, and their clocks may differ
/// by so much, without one seeing as free what still counts for the other.
pub(super) const SKEW_S: i64 = 16;

pub(super) struct CapTable {
    buckets: Box<[Bucket]>,
}

#[derive(Default)]
#[repr(align(128))]
struct Bucket([AtomicU64; WAYS]);

/// Until when a count holds: seconds modulo 2²⁸ − 1, eight years and a half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct End(u64);

impl End {
    /// The value that no second comes to.
    pub const NEVER: End = End(END_MASK);
    /// What ends later than this behind `now` never ends: ends further apart cannot be compared.
    pub const FAR_S: i64 = 4 * 365 * 86_400;

    pub fn at(unix_s: i64, now_s: i64) -> End {
        if unix_s.saturating_sub(now_s) > End::FAR_S { End::NEVER } else { End(wrapped(unix_s)) }
    }

    /// Whether the end is `now` or before.
    pub fn has_passed(self, now_s: i64) -> bool {
        self.ahead(now_s) == 0
    }

    /// How many seconds it lies ahead; nought when it has passed.
    fn ahead(self, now_s: i64) -> u64 {
        if self == End::NEVER {
            return u64::MAX;
        }
        let ahead = (self.0 + END_MASK - wrapped(now_s)) % END_MASK;
        if ahead > END_MASK / 2 { 0 } else { ahead }
    }
}

fn wrapped(unix_s: i64) -> u64 {
    unix_s.rem_euclid(END_MASK as i64) as u64
}

/// One listener, target and window, and the end of the count that one bid takes there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub key: u64,
    pub end: End,
    pub most: u16,
}

impl Place {
    /// Mark and end, as they stand in a word above the count.
    const fn tag(self) -> u64 {
        self.key >> MARK_SHIFT << END_BITS | self.end.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotTaken {
    Capped,
    /// No free word: counts as capped.
    NoRoom,
}

impl CapTable {
    /// `slots`: a power of two, at least one bucket.
    pub fn new(slots: usize) -> CapTable {
        debug_assert!(slots.is_power_of_two() && slots >= WAYS, "checked by the config");
        CapTable { buckets: (0..slots / WAYS).map(|_| Bucket::default()).collect() }
    }

    fn bucket(&self, key: u64) -> &[AtomicU64; WAYS] {
        &self.buckets[key as usize & (self.buckets.len() - 1)].0
    }

    /// Whether one more would be within the cap; takes nothing.
    pub fn has_room(&self, place: Place, now_s: i64) -> bool {
        counted(self.bucket(place.key), place, now_s) < u64::from(place.most)
    }

    /// Adds one, if the cap has room for it.
    pub fn take(&self, place: Place, now_s: i64) -> Result<(), NotTaken> {
        let bucket = self.bucket(place.key);
        loop {
            if counted(bucket, place, now_s) >= u64::from(place.most) {
                return Err(NotTaken::Capped);
            }
            let word = add(bucket, place, now_s).ok_or(NotTaken::NoRoom)?;
            let Some(word) = word else { continue };
            if counted(bucket, place, now_s) <= u64::from(place.most) {
                return Ok(());
            }
            step_back(word, place.tag());
            return Err(NotTaken::Capped);
        }
    }

    /// Gives a place back; one whose word has ended may be gone, which is as good.
    pub fn release(&self, place: Place) {
        self.bucket(place.key).iter().any(|word| step_back(word, place.tag()));
    }

    /// Adds one whatever the cap says. `false`: there was no room, and the bucket is closed until
    /// the place ends.
    pub fn force(&self, place: Place, now_s: i64) -> bool {
        if place.end.has_passed(now_s) {
            return true;
        }
        let bucket = self.bucket(place.key);
        loop {
            match add(bucket, place, now_s) {
                Some(Some(_)) => return true,
                Some(None) => {}
                None => break,
            }
        }
        bucket.iter().for_each(|word| prolong(word, place.end, now_s));
        false
    }

    /// Words in use among `sample` buckets spread over the table, and how many words those have.
    pub fn used(&self, sample: usize, now_s: i64) -> (usize, usize) {
        let step = (self.buckets.len() / sample.max(1)).max(1);
        let looked = self.buckets.iter().step_by(step);
        let (mut used, mut words) = (0, 0);
        for word in looked.flat_map(|bucket| &bucket.0) {
            used += usize::from(!is_free(word.load(Ordering::Relaxed), now_s));
            words += 1;
        }
        (used, words)
    }
}

/// Adds one to the place's own word, else to a free one. `None`: there is none; `Some(None)`:
/// another was faster, look again.
fn add(bucket: &[AtomicU64; WAYS], place: Place, now_s: i64) -> Option<Option<&AtomicU64>> {
    let tag = place.tag();
    let mut free = None;
    for word in bucket {
        let seen = word.load(Ordering::SeqCst);
        if seen >> COUNT_BITS == tag && count_of(seen) < COUNT_MAX {
            return Some(exchange(word, seen, seen + 1));
        }
        if free.is_none() && is_free(seen, now_s) {
            free = Some((word, seen));
        }
    }
    let (word, seen) = free?;
    Some(exchange(word, seen, tag << COUNT_BITS | 1))
}

fn exchange(word: &AtomicU64, seen: u64, next: u64) -> Option<&AtomicU64> {
    let won = word.compare_exchange(seen, next, Ordering::SeqCst, Ordering::SeqCst);
    won.is_ok().then_some(word)
}

/// The sum of the words of a key that have not ended.
fn counted(bucket: &[AtomicU64; WAYS], place: Place, now_s: i64) -> u64 {
    let own = place.key >> MARK_SHIFT;
    let words = bucket.iter().map(|word| word.load(Ordering::SeqCst));
    let own = words.filter(|&word| word >> (COUNT_BITS + END_BITS) == own);
    own.filter(|&word| !end_of(word).has_passed(now_s)).map(count_of).sum()
}

fn is_free(word: u64, now_s: i64) -> bool {
    count_of(word) == 0 || end_of(word).has_passed(now_s - SKEW_S)
}

const fn count_of(word: u64) -> u64 {
    word & COUNT_MAX
}

const fn end_of(word: u64) -> End {
    End(word >> COUNT_BITS & END_MASK)
}

/// Takes one off a word of this tag; `false` when it is another's or has none.
fn step_back(word: &AtomicU64, tag: u64) -> bool {
    let step = |seen: u64| (seen >> COUNT_BITS == tag && count_of(seen) > 0).then(|| seen - 1);
    word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).is_ok()
}

/// Lets a word end no earlier than this, and be in use until then.
fn prolong(word: &AtomicU64, end: End, now_s: i64) {
    let step = |seen: u64| {
        let mark = seen >> (COUNT_BITS + END_BITS);
        let longer = (mark << END_BITS | end.0) << COUNT_BITS | count_of(seen).max(1);
        (end_of(seen).ahead(now_s) < end.ahead(now_s)).then_some(longer)
    };
    // Refused when it ends later as it is.
    let _ = word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step);
}
