//! How often has this listener met this line? A bounded table of counts. Hot, lock-free.
//!
//! A set-associative table: a key's hash picks a bucket of sixteen words (two cache lines, fetched
//! together), and a word is `mark: 26 bits | window's end: 22 bits | count: 16 bits`. Two keys of
//! one bucket with one mark share a count, which can only make a cap stricter. A word whose window
//! has ended, or whose count is nought, is free. No free word in the bucket: the listener counts
//! as capped; with a quarter of all words in use, one new listener in a hundred thousand does.
//!
//! Never exceeded, without a lock: a taker first adds its place and then sums all words of its key
//! in the bucket (racing takers may have made two), and steps back when the sum is above the cap.
//! Of all takers that stayed, the last to add saw all the others.

use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use crate::base::units::ids::{LineId, ListenerKey};
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::Cap;

const WAYS: usize = 16;
/// Ends of windows are kept in units of 256 seconds, modulo 2²² (34 years).
const UNIT_SHIFT: u32 = 8;
const END_BITS: u32 = 22;
const END_MASK: u64 = (1 << END_BITS) - 1;
/// The longest window; longer ones are cut to it, so that ends can be compared.
const WINDOW_MAX_S: u32 = 15 * 365 * 86_400;

pub(super) struct CapTable {
    buckets: Box<[Bucket]>,
}

#[derive(Default)]
#[repr(align(128))]
struct Bucket([AtomicU64; WAYS]);

/// One listener, line and window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CapKey {
    bucket: u64,
    /// Mark and end, as they stand in a word above the count.
    tag: u64,
    most: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotTaken {
    Capped,
    /// No free word: counts as capped.
    NoRoom,
}

impl CapKey {
    pub fn new(cap: Cap, line: LineId, listener: ListenerKey, moment: Moment) -> CapKey {
        let window_s = cap.window.longest_s();
        let window = i64::from(window_s.clamp(1, WINDOW_MAX_S));
        let index = moment.unix_s().div_euclid(window);
        let mut bytes = [0u8; 36];
        bytes[..16].copy_from_slice(&listener.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&line.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&index.to_le_bytes());
        bytes[32..].copy_from_slice(&window_s.to_le_bytes());
        let hash = xxh3_64(&bytes);
        let unit = 1i64 << UNIT_SHIFT;
        let end = ((index + 1) * window + unit - 1).div_euclid(unit) as u64 & END_MASK;
        // The bucket takes the low bits of the hash, the mark the high ones; never all nought.
        let mark = hash >> 38 | 1;
        CapKey { bucket: hash, tag: mark << END_BITS | end, most: cap.impressions }
    }
}

impl CapTable {
    /// `slots`: a power of two, at least one bucket.
    pub fn new(slots: usize) -> CapTable {
        debug_assert!(slots.is_power_of_two() && slots >= WAYS, "checked by the config");
        CapTable { buckets: (0..slots / WAYS).map(|_| Bucket::default()).collect() }
    }

    fn bucket(&self, key: CapKey) -> &[AtomicU64] {
        &self.buckets[key.bucket as usize & (self.buckets.len() - 1)].0
    }

    /// Whether one more would be within the cap; takes nothing.
    pub fn has_room(&self, key: CapKey) -> bool {
        taken(self.bucket(key), key.tag) < u64::from(key.most)
    }

    pub fn take(&self, key: CapKey, moment: Moment) -> Result<(), NotTaken> {
        let bucket = self.bucket(key);
        loop {
            let Some((word, seen)) = choose(bucket, key.tag, moment) else {
                return Err(NotTaken::NoRoom);
            };
            let fresh = seen >> 16 != key.tag;
            if !fresh && (seen & 0xFFFF) >= u64::from(key.most) || key.most == 0 {
                return Err(NotTaken::Capped);
            }
            let next = if fresh { key.tag << 16 | 1 } else { seen + 1 };
            if word.compare_exchange(seen, next, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                continue;
            }
            if taken(bucket, key.tag) <= u64::from(key.most) {
                return Ok(());
            }
            step_back(word, key.tag);
            return Err(NotTaken::Capped);
        }
    }

    /// Gives a place back; one whose window has ended may be gone, which is as good.
    pub fn release(&self, key: CapKey) {
        for word in self.bucket(key) {
            if step_back(word, key.tag) {
                return;
            }
        }
    }
}

/// The key's own word, else a free one.
fn choose(bucket: &[AtomicU64], tag: u64, moment: Moment) -> Option<(&AtomicU64, u64)> {
    let mut free = None;
    for word in bucket {
        let seen = word.load(Ordering::SeqCst);
        if seen >> 16 == tag {
            return Some((word, seen));
        }
        if free.is_none() && is_free(seen, moment) {
            free = Some((word, seen));
        }
    }
    free
}

fn is_free(word: u64, moment: Moment) -> bool {
    let end = word >> 16 & END_MASK;
    let now = (moment.unix_s() >> UNIT_SHIFT) as u64;
    let ahead = end.wrapping_sub(now) & END_MASK;
    word & 0xFFFF == 0 || ahead == 0 || ahead > END_MASK / 2
}

fn taken(bucket: &[AtomicU64], tag: u64) -> u64 {
    let words = bucket.iter().map(|word| word.load(Ordering::SeqCst));
    words.filter(|word| word >> 16 == tag).map(|word| word & 0xFFFF).sum()
}

/// Takes one off a word of this key; `false` when it is another's or has none.
fn step_back(word: &AtomicU64, tag: u64) -> bool {
    let step = |seen: u64| (seen >> 16 == tag && seen & 0xFFFF > 0).then(|| seen - 1);
    word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    const NOW: Moment = Moment::from_unix_s(1_800_000_000);
    const HOURLY: Cap = Cap::rolling(3, 3600);

    fn key(cap: Cap, listener: u128, moment: Moment) -> CapKey {
        CapKey::new(cap, LineId(5), ListenerKey(listener), moment)
    }

    fn words(table: &CapTable) -> impl Iterator<Item = u64> {
        table.buckets.iter().flat_map(|b| &b.0).map(|word| word.load(Ordering::SeqCst))
    }

    #[test]
    fn a_cap_lets_through_what_it_says_and_no_more() {
        let table = CapTable::new(64);
        let key = key(HOURLY, 1, NOW);
        for _ in 0..3 {
            assert!(table.has_room(key));
            assert_eq!(table.take(key, NOW), Ok(()));
        }
        assert!(!table.has_room(key));
        assert_eq!(table.take(key, NOW), Err(NotTaken::Capped));
        table.release(key);
        assert_eq!(table.take(key, NOW), Ok(()));
        assert_eq!(table.take(key, NOW), Err(NotTaken::Capped));
    }

    #[test]
    fn a_cap_of_nought_lets_nothing_through() {
        let never = key(Cap::rolling(0, 60), 1, NOW);
        assert_eq!(CapTable::new(64).take(never, NOW), Err(NotTaken::Capped));
    }

    #[test]
    fn the_next_window_counts_anew() {
        let table = CapTable::new(64);
        for _ in 0..3 {
            table.take(key(HOURLY, 1, NOW), NOW).unwrap();
        }
        let later = NOW.plus_s(3600);
        assert_eq!(table.take(key(HOURLY, 1, later), later), Ok(()));
    }

    #[test]
    fn a_full_bucket_refuses_and_ended_windows_make_room() {
        let table = CapTable::new(WAYS);
        for listener in 0..WAYS as u128 {
            assert_eq!(table.take(key(HOURLY, listener, NOW), NOW), Ok(()));
        }
        assert_eq!(table.take(key(HOURLY, 99, NOW), NOW), Err(NotTaken::NoRoom));
        let later = NOW.plus_s(3600 + 256);
        assert_eq!(table.take(key(HOURLY, 99, later), later), Ok(()));
    }

    #[test]
    fn a_place_given_back_after_its_window_harms_nobody() {
        let table = CapTable::new(WAYS);
        let old = key(HOURLY, 1, NOW);
        table.take(old, NOW).unwrap();
        let later = NOW.plus_s(86_400);
        for listener in 0..WAYS as u128 {
            table.take(key(HOURLY, 100 + listener, later), later).unwrap();
        }
        table.release(old);
        for listener in 0..WAYS as u128 {
            assert_eq!(taken(table.bucket(old), key(HOURLY, 100 + listener, later).tag), 1);
        }
    }

    #[test]
    fn the_longest_windows_stay_counted_for_years() {
        let table = CapTable::new(64);
        let forever = Cap::rolling(1, u32::MAX);
        table.take(key(forever, 1, NOW), NOW).unwrap();
        let word = words(&table).find(|word| *word != 0);
        let window = i64::from(WINDOW_MAX_S);
        let end = (NOW.unix_s().div_euclid(window) + 1) * window;
        assert!(!is_free(word.unwrap(), Moment::from_unix_s(end - 1)));
    }

    #[test]
    fn racing_takers_never_exceed_a_cap() {
        for round in 0..200u128 {
            let table = CapTable::new(WAYS);
            let granted = AtomicU32::new(0);
            let key = key(HOURLY, round, NOW);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..3 {
                            if table.take(key, NOW).is_ok() {
                                granted.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                    });
                }
            });
            assert!(granted.load(Ordering::SeqCst) <= 3, "round {round}");
            let taken = taken(table.bucket(key), key.tag);
            assert_eq!(taken, u64::from(granted.load(Ordering::SeqCst)));
        }
    }

    #[test]
    fn takers_and_leavers_keep_the_count_at_all_times() {
        let table = CapTable::new(WAYS);
        let inside = AtomicU32::new(0);
        let two = Cap::rolling(2, 3600);
        std::thread::scope(|scope| {
            for thread in 0..4u128 {
                let (table, inside) = (&table, &inside);
                scope.spawn(move || {
                    for turn in 0..20_000 {
                        let other = key(two, 50 + thread, NOW);
                        if turn % 7 == 0 && table.take(other, NOW).is_ok() {
                            table.release(other);
                        }
                        let key = key(two, 1, NOW);
                        if table.take(key, NOW).is_ok() {
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            table.release(key);
                        }
                    }
                });
            }
        });
        assert!(words(&table).all(|word| word & 0xFFFF == 0));
    }
}
