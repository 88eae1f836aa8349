//! Where is the record of a key? Records in ascending order of key, and slots that find them.
//!
//! The one shape of profiles and of links, in a generation. Written once (cold), then only read:
//! [`Table::get`] is hot (no lock, no allocation, a probe of the slots and a read of the record).
//!
//! ```text
//! slots   home(key) = high half of the key, scaled → [ tag 24 bits · place + 1: 40 bits ] …
//! chunks  [ key 16 · cut 1 bit, length 15 bits · body ] …          4 MiB each, keys ascend
//! ```
//! A body of no bytes says that the key is gone. *Cut* says that what older tables hold of the key
//! had been erased before this record was made. As homes ascend with the keys, making the slots,
//! merging and writing to a file are all one pass from front to back.

/// A record before its body: the key (16), cut and length (2).
pub(super) const HEAD: usize = 18;
/// Records never cross the end of a chunk; only the last chunk of a table is smaller.
pub(super) const CHUNK: usize = 1 << CHUNK_BITS;

const CHUNK_BITS: u32 = 22;
const CUT: u16 = 0x8000;
/// A slot: the low 40 bits are the record's place + 1 (0: free), the high 24 are of the key, so
/// that a probe that meets another key need not read that one's record.
const PLACE_MASK: u64 = (1 << 40) - 1;
/// Below this many records slots are cheap: so many that most misses end at the first.
const FEW: usize = 1 << 20;

/// Records found by key.
#[derive(Default)]
pub(super) struct Table {
    slots: Vec<u64>,
    /// Slots that are the home of keys; what stands behind them are the last home's neighbours.
    homes: usize,
    chunks: Vec<Box<[u8]>>,
    records: usize,
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

    pub const fn span(&self) -> usize {
        HEAD + self.body.len()
    }
}

impl Table {
    /// The key's record, if there is one. Hot.
    #[inline]
    pub fn get(&self, key: u128) -> Option<Record<'_>> {
        let tag = tag_of(key);
        let mut at = home_of(key, self.homes);
        while let Some(&slot) = self.slots.get(at) {
            if slot == 0 {
                return None;
            }
            if slot & !PLACE_MASK == tag {
                let record = self.at((slot & PLACE_MASK) - 1)?;
                if record.key == key {
                    return Some(record);
                }
            }
            at += 1;
        }
        None
    }

    #[inline]
    fn at(&self, place: u64) -> Option<Record<'_>> {
        let chunk = self.chunks.get((place >> CHUNK_BITS) as usize)?;
        read(chunk.get(place as usize & (CHUNK - 1)..)?)
    }

    /// Ascending by key.
    pub fn records(&self) -> Records<'_> {
        let mut chunks = self.chunks.iter();
        let rest = chunks.next().map_or(&[][..], |chunk| chunk);
        Records { chunks, rest }
    }

    pub fn len(&self) -> usize {
        self.records
    }

    pub fn slot_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }

    pub fn record_bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Makes the slots of chunks whose records ascend.
    fn of(chunks: Vec<Box<[u8]>>, records: usize) -> Table {
        let homes = if records < FEW { records * 3 } else { records + records / 2 };
        // Room for the last home's neighbours, so that the slots need not move for them.
        let mut slots = Vec::with_capacity(if records == 0 { 0 } else { homes + 64 });
        slots.resize(homes, 0);
        let mut next = 0;
        for (chunk, bytes) in chunks.iter().enumerate() {
            let mut offset = 0;
            while let Some(record) = bytes.get(offset..).and_then(read) {
                let at = home_of(record.key, homes).max(next);
                if at >= slots.len() {
                    slots.resize(at + 1, 0);
                }
                let place = (chunk as u64) << CHUNK_BITS | offset as u64;
                slots[at] = tag_of(record.key) | (place + 1);
                next = at + 1;
                offset += record.span();
            }
        }
        Table { slots, homes, chunks, records }
    }
}

fn read(bytes: &[u8]) -> Option<Record<'_>> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let (key, len) = head.split_first_chunk::<16>()?;
    let len = u16::from_le_bytes([len[0], len[1]]);
    let body = rest.get(..usize::from(len & !CUT))?;
    Some(Record { key: u128::from_le_bytes(*key), cut: len & CUT != 0, body })
}

/// Puts a record behind others.
#[inline]
pub(super) fn write(record: Record<'_>, out: &mut Vec<u8>) {
    let cut = if record.cut { CUT } else { 0 };
    out.extend_from_slice(&record.key.to_le_bytes());
    out.extend_from_slice(&(record.body.len() as u16 | cut).to_le_bytes());
    out.extend_from_slice(record.body);
}

/// Chunks of a file become a table if their records fill them and ascend.
#[derive(Default)]
pub(super) struct Chunks {
    chunks: Vec<Box<[u8]>>,
    records: usize,
    last: Option<u128>,
}

impl Chunks {
    /// `fits` judges a record; the offset of the first that is refused comes back.
    pub fn push(
        &mut self,
        chunk: Box<[u8]>,
        fits: impl Fn(Record<'_>) -> bool,
    ) -> Result<(), usize> {
        let mut offset = 0;
        while offset < chunk.len() {
            let record = chunk.get(offset..).and_then(read).ok_or(offset)?;
            if self.last.is_some_and(|last| last >= record.key) || !fits(record) {
                return Err(offset);
            }
            self.last = Some(record.key);
            self.records += 1;
            offset += record.span();
        }
        self.chunks.push(chunk);
        Ok(())
    }

    pub fn build(self) -> Table {
        Table::of(self.chunks, self.records)
    }
}

/// Keys are hashes: their bits are as good as any that we could mix from them.
fn home_of(key: u128, homes: usize) -> usize {
    (((key >> 64) * homes as u128) >> 64) as usize
}

fn tag_of(key: u128) -> u64 {
    key as u64 & !PLACE_MASK
}

/// The records of a table from the first on.
#[derive(Clone)]
pub(super) struct Records<'a> {
    chunks: std::slice::Iter<'a, Box<[u8]>>,
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        loop {
            if let Some(record) = read(self.rest) {
                self.rest = &self.rest[record.span()..];
                return Some(record);
            }
            self.rest = self.chunks.next()?;
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

/// Takes records, then makes a [`Table`] of them.
#[derive(Default)]
pub(super) struct TableBuilder {
    chunks: Vec<Box<[u8]>>,
    open: Vec<u8>,
    records: usize,
    last: Option<u128>,
    unordered: bool,
}

impl TableBuilder {
    /// Keys that ascend are the cheap way; others are put in order at the end, where of two
    /// records of one key the later stays. Bodies are below 32 KiB.
    #[inline]
    pub fn push(&mut self, record: Record<'_>) {
        if self.open.len() + record.span() > CHUNK {
            let chunk = std::mem::replace(&mut self.open, Vec::with_capacity(CHUNK));
            self.chunks.push(chunk.into());
        }
        self.unordered |= self.last.is_some_and(|last| last >= record.key);
        self.last = Some(record.key);
        write(record, &mut self.open);
        self.records += 1;
    }

    pub fn len(&self) -> usize {
        self.records
    }

    pub fn build(mut self) -> Table {
        if !self.open.is_empty() {
            self.chunks.push(std::mem::take(&mut self.open).into());
        }
        if self.unordered { self.in_order().build() } else { Table::of(self.chunks, self.records) }
    }

    fn in_order(self) -> TableBuilder {
        let mut chunks = self.chunks.iter();
        let rest = chunks.next().map_or(&[][..], |chunk| chunk);
        let mut records: Vec<Record<'_>> = Records { chunks, rest }.collect();
        records.sort_by_key(|record| record.key);
        let mut ordered = TableBuilder::default();
        for (n, record) in records.iter().enumerate() {
            if records.get(n + 1).is_none_or(|next| next.key != record.key) {
                ordered.push(*record);
            }
        }
        ordered
    }
}
