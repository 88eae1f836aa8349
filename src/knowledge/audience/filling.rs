//! How do records become a table? In ascending order, bucket after bucket, chunk after chunk.
//!
//! For sealing, merging, loading and the snapshot; cold. The shape is told in
//! [`table`](super::table).

use super::table::{
    Bucket, CHUNK, CUT, KEY, LINE, LINES_BITS, NOWHERE, Record, Table, home_of, record, tag_of,
};

const RECORDS_A_BUCKET: usize = 16;

/// Takes records in ascending order and puts them into buckets, of which chunks become full.
pub(super) struct Filling {
    places: Vec<u32>,
    chunks: Vec<Box<[u8]>>,
    /// Chunks that have been taken away, to be written to a file.
    taken: usize,
    open: Vec<u8>,
    records: usize,
    body_bytes: usize,
    last: Option<u128>,
    /// The bucket that is being filled: its home, tags, lengths and records.
    home: usize,
    tags: Vec<u8>,
    lens: Vec<u8>,
    bodies: Vec<u8>,
}

impl Filling {
    /// For about so many records: with many more, buckets are long.
    pub fn new(expected: usize) -> Filling {
        Filling {
            places: vec![NOWHERE; expected.div_ceil(RECORDS_A_BUCKET).max(1)],
            chunks: Vec::new(),
            taken: 0,
            open: Vec::new(),
            records: 0,
            body_bytes: 0,
            last: None,
            home: 0,
            tags: Vec::new(),
            lens: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// `false`, and nothing is taken, where the key is not above the last. Bodies are below
    /// 32 KiB.
    #[inline]
    pub fn push(&mut self, record: Record<'_>) -> bool {
        if self.last.is_some_and(|last| last >= record.key) {
            return false;
        }
        self.last = Some(record.key);
        let home = home_of(record.key, self.places.len());
        if home != self.home {
            self.close_bucket();
            self.home = home;
        }
        let cut = if record.cut { CUT } else { 0 };
        self.tags.push(tag_of(record.key));
        self.lens.extend_from_slice(&(record.body.len() as u16 | cut).to_le_bytes());
        self.bodies.extend_from_slice(&record.key.to_le_bytes());
        self.bodies.extend_from_slice(record.body);
        self.records += 1;
        self.body_bytes += record.body.len();
        true
    }

    fn close_bucket(&mut self) {
        if self.tags.is_empty() {
            return;
        }
        let bytes = size_of::<u32>() + 3 * self.tags.len() + self.bodies.len();
        let mut start = self.open.len().next_multiple_of(LINE);
        if start + bytes > CHUNK && start > 0 {
            self.close_chunk(CHUNK.max(bytes));
            start = 0;
        }
        self.open.resize(start, 0);
        self.open.extend_from_slice(&(self.tags.len() as u32).to_le_bytes());
        self.open.extend_from_slice(&self.tags);
        self.open.extend_from_slice(&self.lens);
        self.open.extend_from_slice(&self.bodies);
        let chunk = (self.taken + self.chunks.len()) as u32;
        self.places[self.home] = chunk << LINES_BITS | (start / LINE) as u32;
        self.tags.clear();
        self.lens.clear();
        self.bodies.clear();
    }

    fn close_chunk(&mut self, next: usize) {
        if !self.open.is_empty() {
            let chunk = std::mem::replace(&mut self.open, Vec::with_capacity(next));
            self.chunks.push(chunk.into());
        }
    }

    /// The next chunk that is full, for a file; it is in no table then.
    pub fn take(&mut self) -> Option<Box<[u8]>> {
        let first = (!self.chunks.is_empty()).then(|| self.chunks.remove(0))?;
        self.taken += 1;
        Some(first)
    }

    /// Nothing more comes: the last chunk is full, too.
    pub fn close(&mut self) {
        self.close_bucket();
        self.close_chunk(0);
    }

    pub fn buckets(&self) -> usize {
        self.places.len()
    }

    pub fn len(&self) -> usize {
        self.records
    }

    pub fn build(mut self) -> Table {
        self.close();
        if self.records == 0 {
            return Table::default();
        }
        let Self { places, chunks, records, body_bytes, .. } = self;
        Table { places, chunks, records, body_bytes }
    }
}

/// Takes records in any order, then makes a [`Table`] of them. Of two records of one key the
/// later stays.
#[derive(Default)]
pub(super) struct TableBuilder {
    filling: Option<Filling>,
    /// Records that did not ascend, one behind the other: key, length, body.
    late: Vec<u8>,
    late_records: usize,
}

impl TableBuilder {
    /// Cheap for records that ascend, of whose number something is known.
    pub fn ascending(expected: usize) -> TableBuilder {
        TableBuilder { filling: Some(Filling::new(expected)), ..TableBuilder::default() }
    }

    #[inline]
    pub fn push(&mut self, record: Record<'_>) {
        if self.filling.as_mut().is_some_and(|filling| filling.push(record)) {
            return;
        }
        let cut = if record.cut { CUT } else { 0 };
        self.late.extend_from_slice(&(record.body.len() as u16 | cut).to_le_bytes());
        self.late.extend_from_slice(&record.key.to_le_bytes());
        self.late.extend_from_slice(record.body);
        self.late_records += 1;
    }

    pub fn len(&self) -> usize {
        self.late_records + self.filling.as_ref().map_or(0, Filling::len)
    }

    pub fn build(self) -> Table {
        let table = self.filling.map_or_else(Table::default, Filling::build);
        if self.late.is_empty() {
            return table;
        }
        let mut records: Vec<Record<'_>> = table.records().collect();
        let mut rest = &self.late[..];
        while let Some((len, of)) = rest.split_first_chunk() {
            let Some(late) = record(of, u16::from_le_bytes(*len)) else { break };
            rest = &of[KEY + late.body.len()..];
            records.push(late);
        }
        records.sort_by_key(|record| record.key);
        let mut ordered = Filling::new(records.len());
        for (n, record) in records.iter().enumerate() {
            if records.get(n + 1).is_none_or(|next| next.key != record.key) {
                ordered.push(*record);
            }
        }
        ordered.build()
    }
}

/// Chunks of a file become a table if they are what [`Filling`] makes.
pub(super) struct Chunks {
    places: Vec<u32>,
    chunks: Vec<Box<[u8]>>,
    records: usize,
    body_bytes: usize,
    last: Option<u128>,
}

impl Chunks {
    pub fn new(buckets: usize) -> Chunks {
        let places = vec![NOWHERE; buckets];
        Chunks { places, chunks: Vec::new(), records: 0, body_bytes: 0, last: None }
    }

    /// `fits` judges a record; the offset of the first bucket that is refused comes back.
    pub fn push(
        &mut self,
        chunk: Box<[u8]>,
        fits: impl Fn(Record<'_>) -> bool,
    ) -> Result<(), usize> {
        let mut start = 0;
        while start < chunk.len() {
            let mut bucket = chunk.get(start..).and_then(Bucket::of).ok_or(start)?;
            let (count, mut home) = (bucket.tags.len(), None);
            for &tag in bucket.tags {
                let record = bucket.next().ok_or(start)?;
                let own = home_of(record.key, self.places.len());
                let ascends = self.last.is_none_or(|last| last < record.key);
                let belongs = tag == tag_of(record.key) && home.is_none_or(|home| home == own);
                if !(ascends && belongs && fits(record)) {
                    return Err(start);
                }
                self.body_bytes += record.body.len();
                (self.last, home) = (Some(record.key), Some(own));
            }
            let place = home.and_then(|home| self.places.get_mut(home)).ok_or(start)?;
            if *place != NOWHERE {
                return Err(start);
            }
            *place = (self.chunks.len() as u32) << LINES_BITS | (start / LINE) as u32;
            self.records += count;
            start = (chunk.len() - bucket.rest.len()).next_multiple_of(LINE);
        }
        self.chunks.push(chunk);
        Ok(())
    }

    pub fn build(self) -> Table {
        if self.records == 0 {
            return Table::default();
        }
        let Self { places, chunks, records, body_bytes, .. } = self;
        Table { places, chunks, records, body_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that tells whose it is.
    fn body(n: usize) -> Vec<u8> {
        n.to_le_bytes().repeat(1 + n % 5)
    }

    fn check(keys: &[u128], mut builder: TableBuilder) {
        for (n, &key) in keys.iter().enumerate() {
            builder.push(Record { key, cut: n % 3 == 0, body: &body(n) });
        }
        assert_eq!(builder.len(), keys.len());
        let table = builder.build();
        assert_eq!(table.len(), keys.len());
        for (n, &key) in keys.iter().enumerate() {
            let expected = Record { key, cut: n % 3 == 0, body: &body(n) };
            assert!(table.get(key) == Some(expected), "{n}");
            assert!(table.get(key ^ 1 << 127).is_none_or(|record| record.key != key));
        }
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        assert!(table.records().map(|record| record.key).eq(sorted));
        let bytes: usize = (0..keys.len()).map(|n| body(n).len()).sum();
        assert_eq!(table.body_bytes, bytes);
    }

    #[test]
    fn everything_is_found_however_the_keys_are_spread() {
        let spread = |n: u128| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        for count in [0, 1, 2, 15, 16, 17, 1_000, 20_000] {
            let mut keys: Vec<u128> = (1..=count).map(spread).collect();
            check(&keys, TableBuilder::default());
            check(&keys, TableBuilder::ascending(count as usize));
            keys.sort_unstable();
            check(&keys, TableBuilder::ascending(count as usize));
            // Far fewer and far more than were expected.
            check(&keys, TableBuilder::ascending(count as usize / 20));
            check(&keys, TableBuilder::ascending(10 * count as usize));
        }
        // One bucket, one tag; the last and the first bucket.
        check(&(0..500).map(|n| n << 64).collect::<Vec<_>>(), TableBuilder::ascending(500));
        check(&[u128::MAX, 0, u128::MAX - 1], TableBuilder::ascending(3_000));
    }

    #[test]
    fn a_bucket_may_be_longer_than_a_chunk() {
        let body = vec![7; 30_000];
        let mut builder = TableBuilder::ascending(400);
        // The first 200 share the first bucket of 25, the others have one each.
        let key = |n: u128| if n < 200 { n } else { n << 119 };
        for n in 0..224 {
            builder.push(Record { key: key(n), cut: false, body: &body });
        }
        let table = builder.build();
        assert!(table.chunks.iter().any(|chunk| chunk.len() > CHUNK));
        for n in 0..224 {
            assert!(table.get(key(n)).is_some_and(|record| record.body == body), "{n}");
        }
        let mut chunks = Chunks::new(table.places.len());
        for chunk in table.chunks {
            assert_eq!(chunks.push(chunk, |_| true), Ok(()));
        }
        let again = chunks.build();
        assert!(again.places == table.places && again.len() == 224);
    }

    #[test]
    fn chunks_that_are_in_disorder_are_refused() {
        let mut builder = TableBuilder::ascending(64);
        for n in 0..64u128 {
            builder.push(Record { key: n << 122, cut: false, body: &[1, 2] });
        }
        let table = builder.build();
        let chunk = &table.chunks[0];
        let refused = |chunk: &[u8], buckets: usize| {
            Chunks::new(buckets).push(chunk.into(), |_| true).is_err()
        };
        assert!(!refused(chunk, table.places.len()));
        assert!(refused(chunk, 2), "places of another number of buckets");
        assert!(refused(&chunk[..chunk.len() - 1], table.places.len()), "too short");
        let mut tag = chunk.to_vec();
        tag[4] ^= 1;
        assert!(refused(&tag, table.places.len()), "a tag that is not the key's");
        let mut twice = Chunks::new(table.places.len());
        assert_eq!(twice.push(chunk.clone(), |_| true), Ok(()));
        assert_eq!(twice.push(chunk.clone(), |_| true), Err(0), "the same keys again");
    }
}
