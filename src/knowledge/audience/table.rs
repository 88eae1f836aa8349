//! Where is the record of a key? Records in ascending order of key, in small buckets.
//!
//! The one shape of profiles and of links, in a generation. Written once (cold), then only read:
//! [`Table::get`] is hot (no lock, no allocation; one far read of memory, for the bucket).
//!
//! ```text
//! places  where the bucket of a key begins: high half of the key, scaled → chunk 16 · line 16
//! chunks  bucket, bucket, …           4 MiB each; a bucket begins on a line of 64 bytes
//! bucket  count 4 · count × tag 1 · count × (cut 1 bit, length 15 bits) · count × (key 16 · body)
//! ```
//! Some sixteen records share a bucket: places are so few that they stay in the caches, and a
//! bucket's tags and lengths fit its first line, so that a key that is not there costs that line.
//!
//! A body of no bytes says that the key is gone. *Cut* says that what older tables hold of the key
//! had been erased before this record was made. As places ascend with the keys, building, merging
//! and writing to a file are all one pass from front to back ([`filling`](super::filling)).

/// What a record takes beside its body: key, cut and length.
pub(super) const HEAD: usize = KEY + 2;
/// A chunk is no longer than this, unless it is a single bucket.
pub(super) const CHUNK: usize = LINE << LINES_BITS;

pub(super) const KEY: usize = 16;
pub(super) const LINE: usize = 64;
pub(super) const LINES_BITS: u32 = 16;
pub(super) const CUT: u16 = 0x8000;
pub(super) const NOWHERE: u32 = u32::MAX;

/// Records found by key.
#[derive(Default)]
pub(super) struct Table {
    /// By bucket; empty where there are no records.
    pub places: Vec<u32>,
    pub chunks: Vec<Box<[u8]>>,
    pub records: usize,
    pub body_bytes: usize,
}

/// One record, borrowed from its chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub key: u128,
    pub cut: bool,
    /// Empty: the key is gone.
    pub body: &'a [u8],
}

impl Record<'_> {
    pub const fn is_gone(&self) -> bool {
        self.body.is_empty()
    }
}

impl Table {
    /// The key's record, if there is one. Hot.
    #[inline]
    pub fn get(&self, key: u128) -> Option<Record<'_>> {
        let place = *self.places.get(home_of(key, self.places.len()))?;
        let chunk = self.chunks.get((place >> LINES_BITS) as usize)?;
        let start = (place & ((1 << LINES_BITS) - 1)) as usize * LINE;
        Bucket::of(chunk.get(start..)?)?.find(key)
    }

    /// Ascending by key.
    pub fn records(&self) -> Records<'_> {
        Records { chunks: self.chunks.iter(), chunk: &[], bucket: Bucket::default() }
    }

    pub fn len(&self) -> usize {
        self.records
    }

    /// All that it takes in memory.
    pub fn bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.len()).sum();
        self.places.capacity() * size_of::<u32>() + chunks
    }
}

/// What is left of a bucket, and of its chunk behind it.
#[derive(Clone, Copy, Default)]
pub(super) struct Bucket<'a> {
    pub tags: &'a [u8],
    lens: &'a [u8],
    /// The records, then whatever stands behind them in the chunk.
    pub rest: &'a [u8],
}

impl<'a> Bucket<'a> {
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Option<Bucket<'a>> {
        let (count, rest) = bytes.split_first_chunk()?;
        let count = u32::from_le_bytes(*count) as usize;
        let (tags, rest) = rest.split_at_checked(count)?;
        let (lens, rest) = rest.split_at_checked(2 * count)?;
        Some(Bucket { tags, lens, rest })
    }

    #[inline]
    fn find(self, key: u128) -> Option<Record<'a>> {
        let mut offset = 0;
        for (&tag, len) in self.tags.iter().zip(self.lens.as_chunks().0) {
            let len = u16::from_le_bytes(*len);
            if tag == tag_of(key) {
                let record = record(self.rest.get(offset..)?, len)?;
                if record.key == key {
                    return Some(record);
                }
            }
            offset += KEY + usize::from(len & !CUT);
        }
        None
    }

    #[inline]
    pub fn next(&mut self) -> Option<Record<'a>> {
        let (len, lens) = self.lens.split_first_chunk()?;
        let record = record(self.rest, u16::from_le_bytes(*len))?;
        self.lens = lens;
        self.rest = &self.rest[KEY + record.body.len()..];
        Some(record)
    }
}

#[inline]
pub(super) fn record(bytes: &[u8], len: u16) -> Option<Record<'_>> {
    let (key, rest) = bytes.split_first_chunk::<KEY>()?;
    let body = rest.get(..usize::from(len & !CUT))?;
    Some(Record { key: u128::from_le_bytes(*key), cut: len & CUT != 0, body })
}

/// Keys are hashes: their bits are as good as any that we could mix from them.
#[inline]
pub(super) fn home_of(key: u128, buckets: usize) -> usize {
    (((key >> 64) * buckets as u128) >> 64) as usize
}

pub(super) fn tag_of(key: u128) -> u8 {
    key as u8
}

/// The records of a table from the first on.
#[derive(Clone)]
pub(super) struct Records<'a> {
    chunks: std::slice::Iter<'a, Box<[u8]>>,
    chunk: &'a [u8],
    bucket: Bucket<'a>,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        loop {
            if let Some(record) = self.bucket.next() {
                return Some(record);
            }
            let read = self.chunk.len() - self.bucket.rest.len();
            let start = read.next_multiple_of(LINE);
            match self.chunk.get(start..).and_then(Bucket::of) {
                Some(bucket) => self.bucket = bucket,
                None => {
                    self.chunk = self.chunks.next()?;
                    // Nothing of it has been read.
                    self.bucket = Bucket { rest: self.chunk, ..Bucket::default() };
                }
            }
        }
    }
}

/// The records of several tables, newest table first, as one: ascending, each key once, as its
/// newest record says; cut if any of the key's records is.
pub(super) struct Newest<'a> {
    heads: Vec<(Option<Record<'a>>, Records<'a>)>,
}

impl<'a> Newest<'a> {
    pub fn of(tables: impl Iterator<Item = &'a Table>) -> Newest<'a> {
        let head = |table: &'a Table| {
            let mut records = table.records();
            (records.next(), records)
        };
        Newest { heads: tables.map(head).collect() }
    }
}

impl<'a> Iterator for Newest<'a> {
    /// The number of the table that the record stands in, and the record.
    type Item = (usize, Record<'a>);

    #[inline]
    fn next(&mut self) -> Option<(usize, Record<'a>)> {
        let mut newest: Option<(usize, Record<'a>)> = None;
        for (table, (head, _)) in self.heads.iter().enumerate() {
            let Some(record) = head else { continue };
            if newest.is_none_or(|(_, least)| record.key < least.key) {
                newest = Some((table, *record));
            }
        }
        let (table, mut record) = newest?;
        for (head, records) in &mut self.heads[table..] {
            if let Some(same) = head.filter(|head| head.key == record.key) {
                record.cut |= same.cut;
                *head = records.next();
            }
        }
        Some((table, record))
    }
}
