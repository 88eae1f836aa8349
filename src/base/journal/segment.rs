//! Where do records go? Numbered files in a folder, and the open end of the last one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::frame::{self, u32_at, u64_at};

pub(super) const HEADER: usize = 32;
const MAGIC: &[u8; 8] = b"ILJRNL\x00\x01";
const EXTENSION: &str = "ilj";

/// What a segment says of itself: its number, and where in the log its first byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub seq: u64,
    pub base: u64,
}

/// The number of a log's first segment.
pub const FIRST: u64 = 1;

impl Header {
    pub fn encode(self) -> [u8; HEADER] {
        let mut out = [0u8; HEADER];
        out[..8].copy_from_slice(MAGIC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.base.to_le_bytes());
        let crc = crc32c::crc32c(&out[..28]);
        out[28..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Header, &'static str> {
        let head = bytes.get(..HEADER).ok_or("the header is cut off")?;
        if &head[..8] != MAGIC {
            return Err("not a journal segment of this version");
        }
        if crc32c::crc32c(&head[..28]) != u32_at(head, 28) {
            return Err("the header's checksum does not hold");
        }
        Ok(Header { seq: u64_at(head, 8), base: u64_at(head, 16) })
    }
}

pub(super) fn path_of(dir: &Path, seq: u64) -> PathBuf {
    dir.join(format!("{seq:08}.{EXTENSION}"))
}

/// The segments of a folder with their numbers, oldest first; other files are left alone.
pub fn segments(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
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
    dir: PathBuf,
    file: File,
    seq: u64,
    base: u64,
    len: u64,
    segment_bytes: u64,
    buffer: Vec<u8>,
}

impl Tail {
    /// Begins segment `seq` of a log whose bytes so far end at `base`.
    pub fn create(dir: &Path, seq: u64, base: u64, segment_bytes: u64) -> io::Result<Tail> {
        let path = path_of(dir, seq);
        let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
        file.write_all(&Header { seq, base }.encode())?;
        file.sync_all()?;
        sync_dir(dir)?;
        Ok(Tail::over(file, dir, (seq, base, HEADER as u64), segment_bytes))
    }

    /// Goes on where a segment ends; `place` is its number, its base and its length.
    pub(super) fn over(file: File, dir: &Path, place: (u64, u64, u64), segment_bytes: u64) -> Tail {
        let (seq, base, len) = place;
        Tail { dir: dir.to_owned(), file, seq, base, len, segment_bytes, buffer: Vec::new() }
    }

    pub(super) fn reopen(dir: &Path, seq: u64, base: u64, segment_bytes: u64) -> io::Result<Tail> {
        let file = OpenOptions::new().append(true).open(path_of(dir, seq))?;
        let len = file.metadata()?.len();
        Ok(Tail::over(file, dir, (seq, base, len), segment_bytes))
    }

    /// Writes one batch, after a rotation when the segment is full. An error leaves the tail in
    /// a state that only [`Tail::create`] or recovery may follow.
    pub fn write<'r>(&mut self, batch: impl Iterator<Item = &'r [u8]>) -> io::Result<()> {
        if self.len >= self.segment_bytes {
            self.rotate()?;
        }
        self.buffer.clear();
        let start = self.base + self.len;
        for record in batch {
            let back = self.buffer.len() as u32;
            frame::write(&mut self.buffer, start + u64::from(back), back, record);
        }
        self.file.write_all(&self.buffer)?;
        self.len += self.buffer.len() as u64;
        Ok(())
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    pub fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let buffer = std::mem::take(&mut self.buffer);
        let base = self.base + self.len;
        *self = Tail::create(&self.dir, self.seq + 1, base, self.segment_bytes)?;
        self.buffer = buffer;
        Ok(())
    }

    /// Says that the log ends here in order; see the head of the module.
    pub fn seal(&mut self) -> io::Result<()> {
        self.write(std::iter::once(&[][..]))?;
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
        self.len <= HEADER as u64
    }
}

/// Removes the segments before `seq`, oldest first: what stood in them is kept elsewhere. Returns
/// how many there were.
pub fn drop_before(dir: &Path, seq: u64) -> io::Result<usize> {
    let mut old = segments(dir)?;
    old.retain(|(each, _)| *each < seq);
    for (_, path) in &old {
        fs::remove_file(path)?;
    }
    if !old.is_empty() {
        sync_dir(dir)?;
    }
    Ok(old.len())
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
