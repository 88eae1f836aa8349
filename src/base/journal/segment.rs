//! Where do records go? Numbered files in a folder, and the open end of the last one.

use std::io;
use std::path::{Path, PathBuf};

use super::chain::Link;
use super::disk::{DiskFile, Folder};
use super::frame::{self, Tag, u32_at, u64_at};

/// Of the version whose batches are not chained, and of the one whose are.
pub(super) const HEADER: usize = 32;
pub(super) const CHAINED_HEADER: usize = 64;
const MAGIC: &[u8; 8] = b"ILJRNL\x00\x01";
const CHAINED_MAGIC: &[u8; 8] = b"ILJRNL\x00\x02";
const EXTENSION: &str = "ilj";

/// What a segment says of itself: its number, where in the log its first byte stands, and, where
/// batches are chained, the chain's head before its first batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub seq: u64,
    pub base: u64,
    pub chain: Option<Link>,
}

/// The number of a log's first segment.
pub const FIRST: u64 = 1;

impl Header {
    pub fn encode(self) -> Vec<u8> {
        let mut out = match self.chain {
            Some(_) => CHAINED_MAGIC.to_vec(),
            None => MAGIC.to_vec(),
        };
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.base.to_le_bytes());
        if let Some(link) = self.chain {
            out.extend_from_slice(&link.0);
        }
        out.resize(self.len() - 4, 0);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Header, &'static str> {
        let magic = bytes.get(..8).ok_or("the header is cut off")?;
        let chained = match magic {
            _ if magic == MAGIC => false,
            _ if magic == CHAINED_MAGIC => true,
            _ => return Err("not a journal segment of this version"),
        };
        let len = if chained { CHAINED_HEADER } else { HEADER };
        let head = bytes.get(..len).ok_or("the header is cut off")?;
        if crc32c::crc32c(&head[..len - 4]) != u32_at(head, len - 4) {
            return Err("the header's checksum does not hold");
        }
        let chain = if chained { Link::of(&head[24..24 + Link::BYTES]) } else { None };
        Ok(Header { seq: u64_at(head, 8), base: u64_at(head, 16), chain })
    }

    /// Bytes of it.
    pub fn len(&self) -> usize {
        if self.chain.is_some() { CHAINED_HEADER } else { HEADER }
    }
}

pub(super) fn path_of(dir: &Path, seq: u64) -> PathBuf {
    dir.join(format!("{seq:08}.{EXTENSION}"))
}

/// The segments of a folder with their numbers, oldest first; other files are left alone.
pub fn segments(folder: impl Into<Folder>) -> io::Result<Vec<(u64, PathBuf)>> {
    let Folder { disk, dir } = folder.into();
    let mut found = Vec::new();
    for path in disk.list(&dir)? {
        let is_segment = path.extension().is_some_and(|e| e == EXTENSION);
        let seq = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let (true, Some(seq)) = (is_segment, seq) {
            found.push((seq, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The open end of a log. Writes what it is given at once and in order; when to sync is the
/// caller's affair, except that rotation syncs what it leaves behind.
pub struct Tail {
    folder: Folder,
    file: Box<dyn DiskFile>,
    seq: u64,
    base: u64,
    len: u64,
    header: u64,
    /// The chain's head behind what is written, where batches are chained.
    chain: Option<Link>,
    segment_bytes: u64,
    buffer: Vec<u8>,
}

impl Tail {
    /// Begins segment `seq` of an unchained log whose bytes so far end at `base`.
    pub fn create(
        folder: impl Into<Folder>,
        seq: u64,
        base: u64,
        segment_bytes: u64,
    ) -> io::Result<Tail> {
        Tail::begin(folder.into(), Header { seq, base, chain: None }, segment_bytes)
    }

    /// Begins a segment. After an error there is none, so that it can be begun again.
    pub(super) fn begin(folder: Folder, header: Header, segment_bytes: u64) -> io::Result<Tail> {
        let path = path_of(&folder.dir, header.seq);
        let file = folder.disk.create(&path)?;
        let mut tail = Tail {
            folder,
            file,
            seq: header.seq,
            base: header.base,
            len: header.len() as u64,
            header: header.len() as u64,
            chain: header.chain,
            segment_bytes,
            buffer: Vec::new(),
        };
        tail.file.write(&header.encode()).map_err(|why| tail.abandoned(&path, why))?;
        tail.file.sync().map_err(unsynced)?;
        tail.folder.disk.sync_dir(&tail.folder.dir).map_err(unsynced)?;
        Ok(tail)
    }

    /// Removes the file whose header could not be written.
    fn abandoned(&self, path: &Path, why: io::Error) -> io::Error {
        let disk = &self.folder.disk;
        match disk.remove(path).and_then(|()| disk.sync_dir(&self.folder.dir)) {
            Ok(()) => why,
            Err(also) => io::Error::other(format!("{why}; and removing it: {also}")),
        }
    }

    /// Goes on at the end of a segment, behind the last batch of which the chain's head is
    /// `chain`.
    pub(super) fn reopen(
        folder: Folder,
        header: Header,
        chain: Option<Link>,
        segment_bytes: u64,
    ) -> io::Result<Tail> {
        let file = folder.disk.append(&path_of(&folder.dir, header.seq))?;
        let len = file.len()?;
        Ok(Tail {
            folder,
            file,
            seq: header.seq,
            base: header.base,
            len,
            header: header.len() as u64,
            chain: header.chain.and(chain),
            segment_bytes,
            buffer: Vec::new(),
        })
    }

    /// Writes one batch, after a rotation when the segment is full. After an error only
    /// [`Tail::undo`], [`Tail::create`] or recovery may follow.
    pub fn write<'r>(&mut self, batch: impl Iterator<Item = &'r [u8]> + Clone) -> io::Result<()> {
        if self.len >= self.segment_bytes {
            self.rotate()?;
        }
        self.buffer.clear();
        let start = self.position();
        for record in batch.clone() {
            frame::write(&mut self.buffer, start, Tag::Record, record);
        }
        let link = self.chain.map(|before| before.then(batch));
        if let Some(link) = &link {
            frame::write(&mut self.buffer, start, Tag::Link, &link.0);
        }
        self.file.write(&self.buffer)?;
        self.len += self.buffer.len() as u64;
        self.chain = link;
        Ok(())
    }

    /// Takes back what a failed [`Tail::write`] left behind, durably. Nothing may follow its
    /// error.
    pub(super) fn undo(&mut self) -> io::Result<()> {
        self.file.truncate(self.len)?;
        self.file.sync()
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Goes on in the next segment. After an error the tail is where it was.
    pub fn rotate(&mut self) -> io::Result<()> {
        self.file.sync().map_err(unsynced)?;
        let header = Header { seq: self.seq + 1, base: self.position(), chain: self.chain };
        let next = Tail::begin(self.folder.clone(), header, self.segment_bytes)?;
        let buffer = std::mem::take(&mut self.buffer);
        *self = Tail { buffer, ..next };
        Ok(())
    }

    /// Begins to chain batches, in a segment of their own.
    pub(super) fn begin_chain(&mut self) -> io::Result<()> {
        self.chain = Some(Link::GENESIS);
        self.rotate()
    }

    /// Says that the log ends here in order; see the head of the module.
    pub fn seal(&mut self) -> io::Result<()> {
        match self.chain {
            // A link over nothing.
            Some(_) => self.write(std::iter::empty())?,
            None => self.write(std::iter::once(&[][..]))?,
        }
        self.sync()
    }

    /// Bytes of the log up to here, those of segments that were let go included.
    pub fn position(&self) -> u64 {
        self.base + self.len
    }

    /// The number of the segment that is written now.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Bytes in the segment that is written now.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len <= self.header
    }

    /// The chain's head behind what is written; `None` in a log that is not chained.
    pub fn chain(&self) -> Option<Link> {
        self.chain
    }
}

/// A sync that failed may never be tried again, whatever it failed of: not as a full disk either.
fn unsynced(why: io::Error) -> io::Error {
    io::Error::other(why)
}

/// Removes the segments before `seq`, oldest first: what stood in them is kept elsewhere. Returns
/// how many there were.
pub fn drop_before(folder: impl Into<Folder>, seq: u64) -> io::Result<usize> {
    let folder = folder.into();
    let mut old = segments(&folder)?;
    old.retain(|(each, _)| *each < seq);
    for (_, path) in &old {
        folder.disk.remove(path)?;
    }
    if !old.is_empty() {
        folder.disk.sync_dir(&folder.dir)?;
    }
    Ok(old.len())
}
