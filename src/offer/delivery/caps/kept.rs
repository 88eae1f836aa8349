//! What of the log still counts? One file that is written anew now and then. Cold.
//!
//! ```text
//! head   "ILCAPS" 0 1 · the segment that the log goes on from: u64 · crc32c of both: u32
//! block  bytes: u32 · crc32c of them, begun with the block's number: u32 · a batch of records
//! end    a block of nought bytes
//! ```
//! It is written beside what stands there and takes its place by one rename: either is whole.

use std::io;
use std::path::PathBuf;

use super::log::LogFault;
use super::record::{self, Record};
use crate::base::journal::{DiskFile, Folder};

const FILE: &str = "caps.kept";
const BESIDE: &str = "caps.kept.new";
const MAGIC: &[u8; 8] = b"ILCAPS\0\x01";
const HEAD: usize = 20;
/// Records of one block.
const BLOCK: usize = 1 << 15;
/// Bytes that are read at once.
const READ: u64 = 4 << 20;

/// The file as it is written.
pub(super) struct Keeping {
    folder: Folder,
    file: Box<dyn DiskFile>,
    block: Vec<Record>,
    bytes: Vec<u8>,
    blocks: u32,
    written: u64,
}

impl Keeping {
    /// Begins a file that takes the place of the log's segments before `from`.
    pub fn begin(folder: &Folder, from: u64) -> io::Result<Keeping> {
        let path = folder.path().join(BESIDE);
        match folder.disk().remove(&path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            // One that was not finished, or mostly none.
            _ => {}
        }
        let mut file = folder.disk().create(&path)?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&from.to_le_bytes());
        head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
        file.write(&head)?;
        let written = HEAD as u64;
        let (folder, block) = (folder.clone(), Vec::with_capacity(BLOCK));
        Ok(Keeping { folder, file, block, bytes: Vec::new(), blocks: 0, written })
    }

    pub fn push(&mut self, record: Record) -> io::Result<()> {
        self.block.push(record);
        if self.block.len() < BLOCK { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes.clear();
        self.bytes.extend_from_slice(&[0; 8]);
        if !self.block.is_empty() {
            record::encode(&self.block, &mut self.bytes);
        }
        let (head, body) = self.bytes.split_at_mut(8);
        head[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
        head[4..].copy_from_slice(&checksum(self.blocks, body).to_le_bytes());
        self.file.write(&self.bytes)?;
        self.blocks = self.blocks.wrapping_add(1);
        self.written += self.bytes.len() as u64;
        self.block.clear();
        Ok(())
    }

    /// Puts it in the place of the one before; returns its size.
    pub fn end(mut self) -> io::Result<u64> {
        if !self.block.is_empty() {
            self.flush()?;
        }
        self.flush()?;
        self.file.sync()?;
        drop(self.file);
        let dir = self.folder.path();
        self.folder.disk().rename(&dir.join(BESIDE), &dir.join(FILE))?;
        self.folder.disk().sync_dir(dir)?;
        Ok(self.written)
    }
}

/// From which segment the log goes on, and the bytes of what is kept of those before it; `None`
/// where nothing is. Each record goes to `visit`.
pub(super) fn read(
    folder: &Folder,
    visit: &mut dyn FnMut(Record),
) -> Result<Option<(u64, u64)>, LogFault> {
    let mut reader = Reader::new(folder);
    if !reader.fill(HEAD)? {
        // There is no such file; an empty one was never put in its place.
        return Ok(None);
    }
    let head = reader.take(HEAD);
    if &head[..8] != MAGIC || u32_at(&head, 16) != crc32c::crc32c(&head[..16]) {
        return Err(reader.damaged("its head is not that of a caps file of this version"));
    }
    let from = u64::from_le_bytes(std::array::from_fn(|i| head[8 + i]));
    for block in 0.. {
        if !reader.fill(8)? {
            return Err(reader.damaged("it ends too soon"));
        }
        let head = reader.take(8);
        let len = u32_at(&head, 0) as usize;
        if len > 1 + BLOCK * record::BYTES || !reader.fill(len)? {
            return Err(reader.damaged("a block is cut off"));
        }
        let body = reader.take(len);
        if checksum(block, &body) != u32_at(&head, 4) {
            return Err(reader.damaged("a block's checksum does not hold"));
        }
        if body.is_empty() {
            break;
        }
        record::decode(&body, visit).map_err(|_| reader.damaged("a block holds no records"))?;
    }
    Ok(Some((from, reader.at)))
}

fn checksum(block: u32, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&block.to_le_bytes()), body)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
}

/// Reads the file in large pieces.
struct Reader<'f> {
    folder: &'f Folder,
    path: PathBuf,
    piece: Vec<u8>,
    /// Where in the piece, and where in the file, reading stands.
    place: usize,
    at: u64,
}

impl Reader<'_> {
    fn new(folder: &Folder) -> Reader<'_> {
        let path = folder.path().join(FILE);
        Reader { folder, path, piece: Vec::new(), place: 0, at: 0 }
    }

    /// Whether so many bytes are there to be taken.
    fn fill(&mut self, bytes: usize) -> Result<bool, LogFault> {
        if self.piece.len() - self.place >= bytes {
            return Ok(true);
        }
        let most = READ.max(bytes as u64);
        match self.folder.disk().read(&self.path, self.at, most) {
            Ok(piece) => self.piece = piece,
            Err(why) if why.kind() == io::ErrorKind::NotFound && self.at == 0 => return Ok(false),
            Err(source) => return Err(LogFault::Io { path: self.path.clone(), source }),
        }
        self.place = 0;
        Ok(self.piece.len() >= bytes)
    }

    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let taken = self.piece[self.place..self.place + bytes].to_vec();
        self.place += bytes;
        self.at += bytes as u64;
        taken
    }

    fn damaged(&self, why: &'static str) -> LogFault {
        LogFault::Damaged { path: self.path.clone(), offset: self.at, why }
    }
}
