//! What do we know of one listener? Segments in a few dozen bytes.
//!
//! Written by import (cold), read by `enrich` straight from the generation's arena (hot, no
//! copy). The encoding is canonical, so equal profiles have equal bytes and the record can keep
//! them as they are:
//!
//! ```text
//! version 1 · count (LEB128) · count × [ value − value before (LEB128) · confidence 1..=100 ·
//!                                        expiry in hours since 1970 (3 bytes, little endian) ]
//! ```
//! Segments ascend by value, each value once. Expiry `0xFF_FFFF` is "never".

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use thiserror::Error;

use crate::base::units::time::Moment;
use crate::market::vocabulary::{ValueId, Vocabulary};

/// The most segments that one listener may have.
pub const SEGMENTS_MAX: usize = 256;

/// The longest encoding: version, count, and per segment five bytes of value, one, three.
pub const BYTES_MAX: usize = 1 + 2 + SEGMENTS_MAX * 9;

const VERSION: u8 = 1;
const NEVER: u32 = 0xFF_FFFF;
const HOUR_S: i64 = 3600;

/// One thing known of a listener, how surely, and until when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    pub value: ValueId,
    /// 1 to 100.
    pub confidence_pct: u8,
    /// From this moment on the segment is absent. Kept to the hour, rounded down.
    pub expires: Moment,
}

impl Segment {
    /// An expiry beyond all others.
    pub const NEVER: Moment = Moment::from_unix_s(NEVER as i64 * HOUR_S);

    pub const fn never_expires(&self) -> bool {
        self.expires.unix_us == Segment::NEVER.unix_us
    }
}

/// A checked profile, borrowed from wherever its bytes are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Profile<'a> {
    bytes: &'a [u8],
}

/// Personal data: a log that prints it prints only how much it is.
impl std::fmt::Debug for Profile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Profile({} segments, redacted)", self.len())
    }
}

/// Why bytes are not a profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ProfileFault {
    #[error("the profile ends too soon")]
    Truncated,
    #[error("profile version {0} is not known; this build reads version {VERSION}")]
    Version(u8),
    #[error("a profile may have at most {SEGMENTS_MAX} segments, this one has {0}")]
    TooManySegments(usize),
    #[error("a number in the profile is not written in its shortest form or too large")]
    Number,
    #[error("segments do not ascend by value")]
    Order,
    #[error("a confidence is not within 1 to 100")]
    Confidence,
    #[error("bytes stand behind the last segment")]
    Trailing,
    #[error("a segment's value is not in the vocabulary")]
    UnknownValue,
}

impl<'a> Profile<'a> {
    /// A listener of whom nothing is known: every dimension of the profile is known to be empty.
    pub const EMPTY: Profile<'static> = Profile { bytes: &[VERSION, 0] };

    /// Checks that the bytes are a profile in its one canonical form, and that every value is
    /// below `vocabulary_len`.
    pub fn checked(bytes: &'a [u8], vocabulary_len: usize) -> Result<Profile<'a>, ProfileFault> {
        let (&version, rest) = bytes.split_first().ok_or(ProfileFault::Truncated)?;
        if version != VERSION {
            return Err(ProfileFault::Version(version));
        }
        let mut rest = rest;
        let count = take_number(&mut rest)? as usize;
        if count > SEGMENTS_MAX {
            return Err(ProfileFault::TooManySegments(count));
        }
        let mut before = None;
        for _ in 0..count {
            let step = take_number(&mut rest)?;
            let value = match before {
                None => step,
                Some(_) if step == 0 => return Err(ProfileFault::Order),
                Some(value) => step.checked_add(value).ok_or(ProfileFault::Number)?,
            };
            let (&[confidence, ..], after) =
                rest.split_first_chunk::<4>().ok_or(ProfileFault::Truncated)?;
            if !(1..=100).contains(&confidence) {
                return Err(ProfileFault::Confidence);
            }
            if value as usize >= vocabulary_len {
                return Err(ProfileFault::UnknownValue);
            }
            before = Some(value);
            rest = after;
        }
        if rest.is_empty() { Ok(Profile { bytes }) } else { Err(ProfileFault::Trailing) }
    }

    /// For bytes that have been checked before: a generation's own.
    pub(super) const fn trusted(bytes: &'a [u8]) -> Profile<'a> {
        Profile { bytes }
    }

    /// The canonical encoding, for the store and the decision record.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The same with fewer segments, written into `arena`.
    pub fn retained<'b>(self, arena: &'b Bump, keep: impl Fn(&Segment) -> bool) -> Profile<'b> {
        let kept = || self.segments().filter(|segment| keep(segment));
        let mut out = ArenaVec::with_capacity_in(self.bytes.len(), arena);
        out.push(VERSION);
        put_number(kept().count() as u32, &mut out);
        let mut before = 0;
        for segment in kept() {
            put_segment(&segment, &mut before, &mut out);
        }
        Profile { bytes: out.into_bump_slice() }
    }

    pub fn len(&self) -> usize {
        let mut rest = self.bytes.get(1..).unwrap_or_default();
        take_number(&mut rest).map_or(0, |count| count as usize)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ascending by value.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + use<'a> {
        let mut rest = self.bytes.get(1..).unwrap_or_default();
        let mut left = take_number(&mut rest).unwrap_or(0);
        let mut value = 0u32;
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            value = value.wrapping_add(take_number(&mut rest).ok()?);
            let (&[confidence_pct, a, b, c], after) = rest.split_first_chunk::<4>()?;
            rest = after;
            let hours = u32::from_le_bytes([a, b, c, 0]);
            let expires = Moment::from_unix_s(i64::from(hours) * HOUR_S);
            Some(Segment { value: ValueId(value), confidence_pct, expires })
        })
    }
}

/// The values that say that a listener is a minor. They are heeded however old they are, so
/// nothing that tidies profiles drops them.
pub fn minor_ages(vocabulary: &Vocabulary) -> [ValueId; 2] {
    [vocabulary.age(12), vocabulary.age(17)]
}

/// Writes the canonical form into `out`, replacing what stood there. Of two segments with one
/// value the surer stays, of equally sure ones the longer lasting; confidences are brought
/// within 1 to 100, expiries to whole hours.
pub fn encode(segments: &mut Vec<Segment>, out: &mut Vec<u8>) -> Result<(), ProfileFault> {
    segments.sort_unstable_by_key(|s| (s.value, !s.confidence_pct, -s.expires.unix_us));
    segments.dedup_by_key(|s| s.value);
    if segments.len() > SEGMENTS_MAX {
        return Err(ProfileFault::TooManySegments(segments.len()));
    }
    out.clear();
    out.push(VERSION);
    put_number(segments.len() as u32, out);
    let mut before = 0;
    for segment in segments.iter() {
        put_segment(segment, &mut before, out);
    }
    Ok(())
}

fn put_segment(segment: &Segment, before: &mut u32, out: &mut impl Extend<u8>) {
    put_number(segment.value.0 - *before, out);
    *before = segment.value.0;
    let hours = (segment.expires.unix_s() / HOUR_S).clamp(0, i64::from(NEVER));
    let [a, b, c, _] = (hours as u32).to_le_bytes();
    out.extend([segment.confidence_pct.clamp(1, 100), a, b, c]);
}

fn put_number(mut number: u32, out: &mut impl Extend<u8>) {
    while number >= 0x80 {
        out.extend([number as u8 | 0x80]);
        number >>= 7;
    }
    out.extend([number as u8]);
}

/// Unsigned LEB128 of at most 32 bits, in its shortest form only.
#[inline]
fn take_number(rest: &mut &[u8]) -> Result<u32, ProfileFault> {
    let mut number = 0u64;
    for (i, &byte) in rest.iter().take(5).enumerate() {
        number |= u64::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            if i > 0 && byte == 0 {
                return Err(ProfileFault::Number);
            }
            *rest = &rest[i + 1..];
            return u32::try_from(number).map_err(|_| ProfileFault::Number);
        }
    }
    Err(if rest.len() < 5 { ProfileFault::Truncated } else { ProfileFault::Number })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(value: u32, confidence_pct: u8, hours: u32) -> Segment {
        let expires = Moment::from_unix_s(i64::from(hours) * HOUR_S);
        Segment { value: ValueId(value), confidence_pct, expires }
    }

    fn encoded(segments: &[Segment]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut segments.to_vec(), &mut out).unwrap();
        out
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            raw in proptest::collection::btree_map(0..100_000u32, (1..=100u8, 0..=NEVER), 0..40)
        ) {
            let segments: Vec<Segment> =
                raw.iter().map(|(&v, &(c, h))| segment(v, c, h)).collect();
            let bytes = encoded(&segments);
            prop_assert!(bytes.len() <= BYTES_MAX);
            let profile = Profile::checked(&bytes, 100_000).unwrap();
            prop_assert_eq!(profile.len(), segments.len());
            prop_assert_eq!(profile.segments().collect::<Vec<_>>(), segments);
        }

        #[test]
        fn only_the_canonical_form_is_accepted(
            bytes in proptest::collection::vec(any::<u8>(), 0..24)
        ) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            if let Ok(profile) = Profile::checked(&bytes, usize::MAX) {
                let again = encoded(&profile.segments().collect::<Vec<_>>());
                prop_assert_eq!(again, bytes);
            }
        }

        #[test]
        fn reading_unchecked_bytes_ends(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Profile::trusted(&bytes).segments().count();
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let good = encoded(&[segment(300, 80, 5), segment(301, 1, NEVER)]);
        let cut = |n: usize| Profile::checked(&good[..n], 1000).unwrap_err();
        for n in 0..good.len() {
            assert_eq!(cut(n), ProfileFault::Truncated, "cut at {n}");
        }
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Profile::checked(&bytes, 1000).unwrap_err()
        };
        assert_eq!(with(0, 9), ProfileFault::Version(9));
        assert_eq!(with(1, 1), ProfileFault::Trailing);
        assert_eq!(with(4, 0), ProfileFault::Confidence);
        assert_eq!(with(4, 101), ProfileFault::Confidence);
        assert_eq!(with(8, 0), ProfileFault::Order);
        assert_eq!(Profile::checked(&good, 301).unwrap_err(), ProfileFault::UnknownValue);
        let many = [VERSION, 0x81, 0x02];
        assert_eq!(Profile::checked(&many, 9).unwrap_err(), ProfileFault::TooManySegments(257));
    }

    #[test]
    fn one_value_stands_once_and_the_surer_stays() {
        let bytes = encoded(&[segment(7, 40, 90), segment(7, 60, 10), segment(7, 60, 20)]);
        let segments: Vec<_> = Profile::checked(&bytes, 10).unwrap().segments().collect();
        assert_eq!(segments, [segment(7, 60, 20)]);
    }

    #[test]
    fn the_empty_profile_is_canonical() {
        assert_eq!(encoded(&[]), Profile::EMPTY.bytes());
        assert_eq!(Profile::checked(Profile::EMPTY.bytes(), 0), Ok(Profile::EMPTY));
        assert!(Profile::EMPTY.is_empty());
    }

    #[test]
    fn debug_does_not_tell() {
        let bytes = encoded(&[segment(7, 60, 20)]);
        let text = format!("{:?}", Profile::checked(&bytes, 10).unwrap());
        assert_eq!(text, "Profile(1 segments, redacted)");
    }
}
