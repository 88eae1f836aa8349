//! How does a batch of changes stand in the journal? One record a batch, so that it is there
//! whole or not at all.
//!
//! Written by the store before a batch is acknowledged, read back at start; cold.
//!
//! ```text
//! 1 · change …              a batch; each change its letter, its key (16), and what it says
//! 2 · count (4) · mark (8)  the vocabulary that the batches behind it are written under
//! ```
//! Little endian. Counts are 2 bytes; a segment is value (4), confidence (1), expiry in µs (8).

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::base::units::ids::ListenerKey;
use crate::base::units::time::Moment;
use crate::market::vocabulary::{ValueId, Vocabulary};

use super::change::Change;
use super::links::LinkKey;
use super::profile::{BYTES_MAX, SEGMENTS_MAX, Segment};

const BATCH: u8 = 1;
const WORDS: u8 = 2;

/// What a record says.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Record {
    Batch(Vec<Change>),
    Words(Under),
}

/// Under which vocabulary something was written: how many values it had, and a mark of the last
/// of them. Ids are only ever appended, so two that agree on that agree on all before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Under {
    pub values: u32,
    pub mark: u64,
}

impl Under {
    pub fn of(vocabulary: &Vocabulary) -> Under {
        Under::first(vocabulary, vocabulary.len())
    }

    fn first(vocabulary: &Vocabulary, values: usize) -> Under {
        let Some(last) = values.checked_sub(1) else { return Under { values: 0, mark: 0 } };
        let last = ValueId(last as u32);
        let name = vocabulary.dimension(last).name();
        let mark = xxh3_64_with_seed(vocabulary.text(last).as_bytes(), xxh3_64(name.as_bytes()));
        Under { values: values as u32, mark }
    }

    /// Whether the vocabulary is that one, or has grown from it.
    pub fn fits(&self, vocabulary: &Vocabulary) -> bool {
        let values = self.values as usize;
        values <= vocabulary.len() && *self == Under::first(vocabulary, values)
    }

    /// Its record.
    pub fn encode(self) -> Vec<u8> {
        let mut out = vec![WORDS];
        out.extend_from_slice(&self.values.to_le_bytes());
        out.extend_from_slice(&self.mark.to_le_bytes());
        out
    }
}

/// Appends a batch's record.
pub(super) fn encode(batch: &[Change], out: &mut Vec<u8>) {
    out.push(BATCH);
    for change in batch {
        match change {
            Change::Put { key, profile } => {
                put(out, b'P', key.0);
                count(out, profile.len());
                out.extend_from_slice(profile);
            }
            Change::Add { key, segments } => {
                put(out, b'A', key.0);
                count(out, segments.len());
                for segment in segments {
                    out.extend_from_slice(&segment.value.0.to_le_bytes());
                    out.push(segment.confidence_pct);
                    out.extend_from_slice(&segment.expires.unix_us.to_le_bytes());
                }
            }
            Change::Remove { key, values } => {
                put(out, b'R', key.0);
                count(out, values.len());
                for value in values {
                    out.extend_from_slice(&value.0.to_le_bytes());
                }
            }
            Change::Erase { key } => put(out, b'E', key.0),
            Change::Link { link, key } => {
                put(out, b'L', link.0);
                out.extend_from_slice(&key.0.to_le_bytes());
            }
            Change::Unlink { link } => put(out, b'U', link.0),
        }
    }
}

/// The most bytes that a change takes in a record.
pub(super) fn size(change: &Change) -> usize {
    17 + match change {
        Change::Put { profile, .. } => 2 + profile.len(),
        Change::Add { segments, .. } => 2 + segments.len() * SEGMENT,
        Change::Remove { values, .. } => 2 + values.len() * 4,
        Change::Link { .. } => 16,
        Change::Erase { .. } | Change::Unlink { .. } => 0,
    }
}

const SEGMENT: usize = 4 + 1 + 8;

fn put(out: &mut Vec<u8>, letter: u8, key: u128) {
    out.push(letter);
    out.extend_from_slice(&key.to_le_bytes());
}

/// Checked before: a profile within its bounds, at most as many values as a profile may have.
fn count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u16).to_le_bytes());
}

/// Reads a record; what it says is not checked against a vocabulary.
pub(super) fn decode(bytes: &[u8]) -> Result<Record, &'static str> {
    let mut rest = Rest(bytes);
    match rest.byte()? {
        WORDS => {
            let values = u32::from_le_bytes(*rest.take()?);
            Ok(Record::Words(Under { values, mark: u64::from_le_bytes(*rest.take()?) }))
        }
        BATCH => {
            let mut changes = Vec::new();
            while !rest.0.is_empty() {
                changes.push(rest.change()?);
            }
            Ok(Record::Batch(changes))
        }
        _ => Err("a record of a kind that this build does not know"),
    }
}

struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take<const N: usize>(&mut self) -> Result<&'b [u8; N], &'static str> {
        let (head, rest) = self.0.split_first_chunk().ok_or("a change is cut off")?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        self.take::<1>().map(|&[byte]| byte)
    }

    fn key(&mut self) -> Result<u128, &'static str> {
        self.take().map(|bytes| u128::from_le_bytes(*bytes))
    }

    fn count(&mut self, max: usize) -> Result<usize, &'static str> {
        let count = usize::from(u16::from_le_bytes(*self.take()?));
        if count > max { Err("a change says more than a change may") } else { Ok(count) }
    }

    fn change(&mut self) -> Result<Change, &'static str> {
        let (letter, id) = (self.byte()?, self.key()?);
        let (key, link) = (ListenerKey(id), LinkKey(id));
        Ok(match letter {
            b'P' => {
                let len = self.count(BYTES_MAX)?;
                let (profile, rest) = self.0.split_at_checked(len).ok_or("a change is cut off")?;
                self.0 = rest;
                Change::Put { key, profile: profile.into() }
            }
            b'A' => {
                let count = self.count(SEGMENTS_MAX)?;
                let segments = (0..count).map(|_| self.segment()).collect::<Result<_, _>>()?;
                Change::Add { key, segments }
            }
            b'R' => {
                let count = self.count(VALUES_MAX)?;
                let value = |_| self.take().map(|bytes| ValueId(u32::from_le_bytes(*bytes)));
                Change::Remove { key, values: (0..count).map(value).collect::<Result<_, _>>()? }
            }
            b'E' => Change::Erase { key },
            b'L' => Change::Link { link, key: ListenerKey(self.key()?) },
            b'U' => Change::Unlink { link },
            _ => return Err("a change of a kind that this build does not know"),
        })
    }

    fn segment(&mut self) -> Result<Segment, &'static str> {
        let value = ValueId(u32::from_le_bytes(*self.take()?));
        let confidence_pct = self.byte()?;
        let expires = Moment::from_unix_us(i64::from_le_bytes(*self.take()?));
        Ok(Segment { value, confidence_pct, expires })
    }
}

/// The most values that one change may remove.
pub(super) const VALUES_MAX: usize = SEGMENTS_MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::market::vocabulary::Dimension;

    fn change() -> impl Strategy<Value = Change> {
        let key = || any::<u128>().prop_map(ListenerKey);
        let link = || any::<u128>().prop_map(LinkKey);
        let segment =
            (any::<u32>(), 1..=100u8, any::<i64>()).prop_map(|(value, pct, us)| Segment {
                value: ValueId(value),
                confidence_pct: pct,
                expires: Moment::from_unix_us(us),
            });
        let segments = proptest::collection::vec(segment, 0..5);
        let values = proptest::collection::vec(any::<u32>().prop_map(ValueId), 0..5);
        let bytes = proptest::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            (key(), bytes).prop_map(|(key, b)| Change::Put { key, profile: b.into() }),
            (key(), segments).prop_map(|(key, segments)| Change::Add { key, segments }),
            (key(), values).prop_map(|(key, values)| Change::Remove { key, values }),
            key().prop_map(|key| Change::Erase { key }),
            (link(), key()).prop_map(|(link, key)| Change::Link { link, key }),
            link().prop_map(|link| Change::Unlink { link }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(batch in proptest::collection::vec(change(), 0..20)) {
            let mut bytes = Vec::new();
            encode(&batch, &mut bytes);
            prop_assert_eq!(bytes.len(), 1 + batch.iter().map(size).sum::<usize>());
            prop_assert_eq!(decode(&bytes), Ok(Record::Batch(batch.clone())));
            // A record that is cut is no record, or the changes before the cut and no others.
            for cut in 0..bytes.len() {
                if let Ok(Record::Batch(some)) = decode(&bytes[..cut]) {
                    prop_assert_eq!(&some[..], &batch[..some.len()]);
                }
            }
        }

        #[test]
        fn reading_anything_ends(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn a_vocabulary_fits_what_was_written_under_it_and_its_past() {
        let artists = |names: &[&str]| {
            let mut vocabulary = Vocabulary::new();
            for name in names {
                vocabulary.intern(Dimension::Artist, name).unwrap();
            }
            vocabulary
        };
        let under = Under::of(&artists(&["Muse", "Björk"]));
        for (names, fits) in [
            (&["Muse", "Björk"][..], true),
            (&["Muse", "Björk", "Air"], true),
            (&["Muse"], false),
            (&["Muse", "Air"], false),
            (&[], false),
        ] {
            assert_eq!(under.fits(&artists(names)), fits, "{names:?}");
        }
        assert_eq!(decode(&under.encode()), Ok(Record::Words(under)));
    }
}
