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
//! room is added to every word of its bucket, and none of those ends before it: whoever has a word
//! there counts it, and nobody else gets one. Two keys of one bucket with one mark share a count.
//! All of this can only make a cap stricter.

use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const WAYS: usize = 16;
const COUNT_BITS: u32 = 12;
pub(super) const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const END_BITS: u32 = 28;
const END_MASK: u64 = (1 << END_BITS) - 1;
/// After so many seconds ends read alike.
const PERIOD: u64 = END_MASK - 1;
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

/// Until when a count holds: seconds modulo 2²⁸ − 2, eight years and a half, and one: never nought,
/// so that no word that was ever used is.
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
        let ahead = (self.0 + PERIOD - wrapped(now_s)) % PERIOD;
        if ahead > PERIOD / 2 { 0 } else { ahead }
    }
}

fn wrapped(unix_s: i64) -> u64 {
    unix_s.rem_euclid(PERIOD as i64) as u64 + 1
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
    pub fn has_room(&self, (key, most): (u64, u16), now_s: i64) -> bool {
        counted(self.bucket(key), key, now_s) < u64::from(most)
    }

    /// Adds one, if the cap has room for it.
    pub fn take(&self, place: Place, now_s: i64) -> Result<(), NotTaken> {
        let bucket = self.bucket(place.key);
        loop {
            if counted(bucket, place.key, now_s) >= u64::from(place.most) {
                return Err(NotTaken::Capped);
            }
            if add(bucket, place, now_s).ok_or(NotTaken::NoRoom)?.is_none() {
                continue;
            }
            if counted(bucket, place.key, now_s) <= u64::from(place.most) {
                return Ok(());
            }
            // From any word of the tag: a leaver may have taken ours for its own.
            self.release(place);
            return Err(NotTaken::Capped);
        }
    }

    /// Gives a place back; one whose word has ended may be gone, which is as good.
    pub fn release(&self, place: Place) {
        let mut words = self.bucket(place.key).iter();
        words.any(|word| step_back(word, place.tag()) || word.load(Ordering::Relaxed) == 0);
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
        if seen == 0 {
            break;
        }
    }
    let (word, seen) = free?;
    Some(exchange(word, seen, tag << COUNT_BITS | 1))
}

fn exchange(word: &AtomicU64, seen: u64, next: u64) -> Option<&AtomicU64> {
    let won = word.compare_exchange(seen, next, Ordering::SeqCst, Ordering::SeqCst);
    won.is_ok().then_some(word)
}

/// The sum of the words of a key that have not ended. None stands behind a word that was never
/// used: whoever adds takes the first that is free, and what was used is never nought again.
fn counted(bucket: &[AtomicU64; WAYS], key: u64, now_s: i64) -> u64 {
    let own = key >> MARK_SHIFT;
    let words = bucket.iter().map(|word| word.load(Ordering::SeqCst));
    let used = words.take_while(|&word| word != 0);
    let own = used.filter(|&word| word >> (COUNT_BITS + END_BITS) == own);
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

/// Lets a word end no earlier than this, and count one more: it may be of the listener whose count
/// found no room, and whatever is given back of it, it stays in use.
fn prolong(word: &AtomicU64, end: End, now_s: i64) {
    let step = |seen: u64| {
        let mark = seen >> (COUNT_BITS + END_BITS);
        let own = end_of(seen);
        let later = if own.ahead(now_s) < end.ahead(now_s) { end } else { own };
        let count = (count_of(seen) + 1).min(COUNT_MAX);
        Some((mark << END_BITS | later.0) << COUNT_BITS | count)
    };
    // Never refused.
    let _ = word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn place(listener: u64, most: u16) -> Place {
        until(listener, most, NOW + 3600)
    }

    /// Listeners differ in the mark and meet in one bucket of a small table.
    fn until(listener: u64, most: u16, end_s: i64) -> Place {
        Place { key: listener << MARK_SHIFT, end: End::at(end_s, NOW), most }
    }

    fn asked(place: Place) -> (u64, u16) {
        (place.key, place.most)
    }

    fn words(table: &CapTable) -> Vec<u64> {
        let words = table.buckets.iter().flat_map(|bucket| &bucket.0);
        words.map(|word| word.load(Ordering::SeqCst)).collect()
    }

    #[test]
    fn a_cap_lets_through_what_it_says_and_no_more() {
        let (table, one) = (CapTable::new(WAYS), place(1, 3));
        for _ in 0..3 {
            assert!(table.has_room(asked(one), NOW));
            assert_eq!(table.take(one, NOW), Ok(()));
        }
        assert!(!table.has_room(asked(one), NOW));
        assert_eq!(table.take(one, NOW), Err(NotTaken::Capped));
        table.release(one);
        assert_eq!(table.take(one, NOW), Ok(()));
        assert_eq!(table.take(one, NOW), Err(NotTaken::Capped));
        assert_eq!(table.take(place(2, 0), NOW), Err(NotTaken::Capped), "a cap of nought");
    }

    #[test]
    fn words_of_one_key_count_together_until_each_ends() {
        let table = CapTable::new(WAYS);
        for step in 0..3 {
            assert_eq!(table.take(until(1, 3, NOW + 100 + step), NOW), Ok(()));
        }
        for (now_s, room) in [(NOW + 99, false), (NOW + 100, true), (NOW + 102, true)] {
            assert_eq!(table.has_room(asked(until(1, 3, NOW + 999)), now_s), room, "{now_s}");
        }
    }

    #[test]
    fn a_full_bucket_refuses_and_what_has_ended_makes_room() {
        let table = CapTable::new(WAYS);
        for listener in 0..WAYS as u64 {
            assert_eq!(table.take(until(listener, 3, NOW + 10 + listener as i64), NOW), Ok(()));
        }
        let late = NOW + 10 + SKEW_S;
        assert_eq!(table.take(place(99, 3), late - 1), Err(NotTaken::NoRoom));
        assert_eq!(table.take(place(99, 3), late), Ok(()));
        assert_eq!(table.take(place(98, 3), late), Err(NotTaken::NoRoom));
        assert_eq!(table.used(8, late), (WAYS, WAYS));
    }

    #[test]
    fn a_place_given_back_after_its_end_harms_nobody() {
        let table = CapTable::new(WAYS);
        let old = until(1, 3, NOW + 10);
        table.take(old, NOW).unwrap();
        for listener in 2..WAYS as u64 + 2 {
            table.take(place(listener, 3), NOW + 100).unwrap();
        }
        let before = words(&table);
        table.release(old);
        assert_eq!(words(&table), before);
    }

    #[test]
    fn what_must_be_counted_is_beyond_the_cap_too() {
        let (table, one) = (CapTable::new(WAYS), place(1, 2));
        for _ in 0..5 {
            assert!(table.force(one, NOW));
        }
        assert_eq!(counted(table.bucket(one.key), one.key, NOW), 5);
        assert!(table.force(until(1, 2, NOW), NOW), "one that has ended counts nowhere");
        for _ in 0..3 {
            table.release(one);
        }
        assert!(!table.has_room(asked(one), NOW));
        table.release(one);
        assert!(table.has_room(asked(one), NOW));
    }

    #[test]
    fn a_word_is_never_so_full_that_it_wraps() {
        let (table, one) = (CapTable::new(WAYS), place(1, u16::MAX));
        for _ in 0..70_000 {
            table.force(one, NOW);
        }
        let counts: u64 = words(&table).into_iter().map(count_of).sum();
        assert_eq!(counts, WAYS as u64 * COUNT_MAX);
        assert_eq!(table.take(one, NOW), Err(NotTaken::NoRoom));
        assert!(words(&table).iter().all(|&word| end_of(word) == one.end));
    }

    /// All in the bucket are refused until the count that found no room has ended.
    #[test]
    fn what_finds_no_room_closes_the_bucket_until_it_ends() {
        let table = CapTable::new(WAYS);
        let short = |listener| until(listener, 3, NOW + 10);
        let long = until(99, 3, NOW + 5000);
        table.take(until(0, 3, NOW + 9000), NOW).unwrap();
        (1..WAYS as u64).for_each(|listener| table.take(short(listener), NOW).unwrap());
        assert!(!table.force(long, NOW));
        let ask = |listener, now_s| table.take(until(listener, 3, now_s + 50), now_s);
        for now_s in [NOW + 11, NOW + 4000, NOW + 5000 + SKEW_S - 1] {
            assert_eq!(ask(50, now_s), Err(NotTaken::NoRoom), "{now_s}");
        }
        assert_eq!(ask(50, NOW + 5000 + SKEW_S), Ok(()));
        assert!(table.has_room(asked(place(99, 3)), NOW + 5000));
        let first = until(0, 3, NOW + 9000);
        assert_eq!(counted(table.bucket(0), first.key, NOW + 8999), 2, "ends as it did");
        // What is given back meanwhile makes no room.
        table.release(first);
        assert_eq!(ask(50, NOW + 4000), Err(NotTaken::NoRoom));
        // A listener with a word that is not full counts what found no room there.
        let table = CapTable::new(WAYS);
        table.take(until(99, 3, NOW + 9000), NOW).unwrap();
        (1..WAYS as u64).for_each(|listener| table.take(short(listener), NOW).unwrap());
        assert!(!table.force(long, NOW), "and earlier");
        assert_eq!(table.take(until(99, 3, NOW + 9000), NOW), Ok(()));
        assert_eq!(table.take(until(99, 3, NOW + 9000), NOW), Err(NotTaken::Capped));
        let table = CapTable::new(WAYS);
        table.take(until(99, 2, NOW + 50), NOW).unwrap();
        (1..WAYS as u64).for_each(|listener| table.take(short(listener), NOW).unwrap());
        assert!(!table.force(long, NOW), "and later");
        assert_eq!(table.take(long, NOW), Ok(()));
        assert_eq!(table.take(long, NOW), Err(NotTaken::Capped));
        // One without an end closes it for good.
        let table = CapTable::new(WAYS);
        (0..WAYS as u64).for_each(|listener| table.take(short(listener), NOW).unwrap());
        assert!(!table.force(Place { end: End::NEVER, ..long }, NOW));
        assert_eq!(table.take(place(50, 3), NOW + End::FAR_S), Err(NotTaken::NoRoom));
    }

    #[test]
    fn ends_are_told_apart_across_the_turn_of_the_seconds() {
        let turn = (NOW / PERIOD as i64 + 1) * PERIOD as i64;
        for (now_s, end_s) in [(NOW, NOW + 1), (turn - 5, turn + 5), (NOW, NOW + End::FAR_S)] {
            let end = End::at(end_s, now_s);
            assert_ne!(end, End::NEVER);
            assert!(!end.has_passed(now_s) && !end.has_passed(end_s - 1), "{end_s}");
            assert!(end.has_passed(end_s) && end.has_passed(end_s + End::FAR_S), "{end_s}");
        }
        let never = End::at(i64::MAX, NOW);
        assert_eq!(never, End::NEVER);
        assert!(!never.has_passed(NOW + 100 * End::FAR_S));
        // The second that would read as never.
        let end = End::at(turn + PERIOD as i64 - 1, turn + PERIOD as i64 - 100);
        assert_ne!(end, End::NEVER);
        // Nor does a word that is given back read as one that was never used.
        let (table, one) = (CapTable::new(WAYS), Place { end: End::at(turn, NOW), ..place(0, 1) });
        table.take(one, turn - 5).unwrap();
        table.release(one);
        assert_ne!(words(&table)[0], 0);
    }

    #[test]
    fn racing_takers_never_exceed_a_cap() {
        for round in 0..200 {
            let table = CapTable::new(WAYS);
            let granted = AtomicU32::new(0);
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let (table, granted) = (&table, &granted);
                    scope.spawn(move || {
                        // Each in a step of its own, so that the words differ.
                        let place = until(round, 3, NOW + 100 + thread % 2);
                        for _ in 0..3 {
                            if table.take(place, NOW).is_ok() {
                                granted.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                    });
                }
            });
            let granted = u64::from(granted.load(Ordering::SeqCst));
            assert!(granted <= 3, "round {round}");
            assert_eq!(counted(table.bucket(0), place(round, 3).key, NOW), granted);
        }
    }

    #[test]
    fn takers_and_leavers_keep_the_count_at_all_times() {
        let (table, inside) = (CapTable::new(WAYS), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (table, inside) = (&table, &inside);
                scope.spawn(move || {
                    for turn in 0..20_000 {
                        let other = place(50 + thread, 2);
                        if turn % 7 == 0 && table.take(other, NOW).is_ok() {
                            table.release(other);
                        }
                        let one = until(1, 2, NOW + 100 + turn % 3);
                        if table.take(one, NOW).is_ok() {
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            table.release(one);
                        }
                    }
                });
            }
        });
        assert!(words(&table).into_iter().all(|word| count_of(word) == 0));
    }

    /// A hundred million pairs of listener and target, a word each, in 4 GiB: how many are refused
    /// for want of room, and what a question costs then. A hundred thousand in all but
    /// `INTERLUDE_LONG=1`; run that alone, in release, with 5 GiB of memory.
    #[test]
    fn a_hundred_million_pairs_find_their_places() {
        let long = std::env::var_os("INTERLUDE_LONG").is_some();
        let (pairs, slots) = if long { (100_000_000, 1 << 29) } else { (100_000, 1 << 19) };
        let table = CapTable::new(slots);
        let place = |n: u64| {
            let mut rng = crate::base::stdx::rng::Rng::new(n);
            Place { key: rng.next_u64(), end: End::at(NOW + 86_400, NOW), most: 2 }
        };
        let timed = |what: &str, act: &dyn Fn(u64) -> bool| {
            let started = std::time::Instant::now();
            let done = (0..pairs).filter(|&n| act(n)).count() as u64;
            let ns = started.elapsed().as_nanos() as u64 / pairs;
            if long {
                // For who measures: `--nocapture`.
                use std::io::Write as _;
                writeln!(std::io::stdout(), "{what}: {done} of {pairs}, {ns} ns each").unwrap();
            }
            done
        };
        let refused = timed("refused at the first", &|n| table.take(place(n), NOW).is_err());
        assert!(refused <= pairs / 100_000, "{refused}");
        assert_eq!(
            timed("room", &|n| table.has_room(asked(place(n)), NOW)),
            pairs,
            "once of twice"
        );
        let again = timed("taken again", &|n| table.take(place(n), NOW).is_ok());
        assert!(again <= pairs - refused && again >= pairs - pairs / 50_000, "{again}");
        assert_eq!(timed("a third time", &|n| table.take(place(n), NOW).is_ok()), 0);
        let (used, words) = table.used(1 << 20, NOW);
        assert!(used * 100 / words > 15, "{used} of {words}");
    }
}
