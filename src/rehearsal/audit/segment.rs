//! What stands in the segments? Frames, checksums and links, taken apart by hand.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::AuditFault;

const FRAME: usize = 12;
const RECORD: u8 = 0xA7;
const LINK: u8 = 0xA8;

pub(super) struct Read {
    pub head: [u8; 32],
    pub segments: u64,
    pub bytes: u64,
    pub links: u64,
    pub unfinished: u64,
}

type Show<'s> = &'s mut dyn FnMut(&[u8]) -> Result<(), String>;

/// How the bytes of a file are come by.
pub(super) type Load<'l> = &'l dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// Shows every record of every whole batch, in order.
pub(super) fn read(
    mut files: Vec<(u64, PathBuf)>,
    load: Load<'_>,
    show: Show<'_>,
) -> Result<Read, AuditFault> {
    files.sort();
    let mut log = Log {
        read: Read { head: [0; 32], segments: 0, bytes: 0, links: 0, unfinished: 0 },
        position: 0,
        chain: None,
    };
    for (n, (number, path)) in files.iter().enumerate() {
        let last = n + 1 == files.len();
        let io = |why| AuditFault::Io { file: path.display().to_string(), why };
        let bytes = load(path).map_err(io)?;
        log.read.segments += 1;
        let file = File { path, bytes: &bytes, last };
        if *number != n as u64 + 1 {
            return Err(file.broken(0, "the segment before it is missing"));
        }
        log.segment(&file, *number, show)?;
    }
    Ok(log.read)
}

/// The segments among files, with their numbers.
pub(super) fn segments(paths: impl Iterator<Item = PathBuf>) -> Vec<(u64, PathBuf)> {
    let number = |path: &Path| path.file_name()?.to_str()?.strip_suffix(".ilj")?.parse().ok();
    paths.filter_map(|path| Some((number(&path)?, path))).collect()
}

struct File<'f> {
    path: &'f Path,
    bytes: &'f [u8],
    /// Only the last may end in the middle of a batch.
    last: bool,
}

impl File<'_> {
    fn broken(&self, offset: usize, why: impl Into<String>) -> AuditFault {
        let file = self.path.display().to_string();
        AuditFault::Broken { file, offset: offset as u64, why: why.into() }
    }
}

struct Log {
    read: Read,
    /// Bytes of all segments before.
    position: u64,
    chain: Option<[u8; 32]>,
}

impl Log {
    fn segment(&mut self, file: &File<'_>, number: u64, show: Show<'_>) -> Result<(), AuditFault> {
        let bytes = file.bytes;
        let head = match bytes.get(..8) {
            Some(b"ILJRNL\x00\x01") => 32,
            Some(b"ILJRNL\x00\x02") => 64,
            None if file.last => return self.ends(bytes.len()),
            _ => return Err(file.broken(0, "no segment of a journal")),
        };
        if bytes.len() < head && file.last {
            return self.ends(bytes.len());
        }
        let sum = u32::from_le_bytes(four(bytes, head - 4));
        if bytes.len() < head || crc32c::crc32c(&bytes[..head - 4]) != sum {
            return Err(file.broken(0, "the header's checksum does not hold"));
        }
        if eight(bytes, 8) != number || eight(bytes, 16) != self.position {
            return Err(file.broken(8, "the segment is not the one of this place"));
        }
        let end = if head == 64 {
            let mut link = [0; 32];
            link.copy_from_slice(&bytes[24..56]);
            if self.chain.unwrap_or([0; 32]) != link {
                return Err(file.broken(24, "the chain does not go on from the segment before"));
            }
            self.chain = Some(link);
            self.batches(file, show)?
        } else if self.chain.is_some() {
            return Err(file.broken(0, "no chain, behind a segment that has one"));
        } else {
            self.plain(file, show)?
        };
        self.position += bytes.len() as u64;
        self.read.bytes += end as u64;
        self.ends(bytes.len() - end)
    }

    fn ends(&mut self, unfinished: usize) -> Result<(), AuditFault> {
        self.read.unfinished += unfinished as u64;
        Ok(())
    }

    /// Records whose batch ends with the link that they come to.
    fn batches(&mut self, file: &File<'_>, show: Show<'_>) -> Result<usize, AuditFault> {
        let mut start = 64;
        loop {
            let mut hash = Sha256::new();
            hash.update(self.chain.unwrap_or([0; 32]));
            let mut records = Vec::new();
            let mut at = start;
            loop {
                let Some((tag, payload)) = self.frame(file, at, start) else {
                    let whole = start == file.bytes.len() || file.last;
                    return whole
                        .then_some(start)
                        .ok_or_else(|| file.broken(at, "a batch is broken"));
                };
                at += FRAME + payload.len();
                if tag == LINK {
                    let link: [u8; 32] = hash.finalize().into();
                    if link != payload {
                        return Err(file.broken(at, "the link is not what its batch comes to"));
                    }
                    self.chain = Some(link);
                    break;
                }
                hash.update((payload.len() as u32).to_le_bytes());
                hash.update(payload);
                records.push((at, payload));
            }
            self.read.links += 1;
            for (at, record) in records {
                self.show(file, at, record, show)?;
            }
            start = at;
        }
    }

    /// Records of a segment from before batches were chained.
    fn plain(&mut self, file: &File<'_>, show: Show<'_>) -> Result<usize, AuditFault> {
        let mut at = 32;
        while let Some((tag, payload)) = self.frame(file, at, 32) {
            at += FRAME + payload.len();
            if tag != RECORD {
                return Err(file.broken(at, "a link in a segment without a chain"));
            }
            self.show(file, at, payload, show)?;
        }
        if at != file.bytes.len() && !file.last {
            return Err(file.broken(at, "a frame is broken"));
        }
        Ok(at)
    }

    fn show(
        &mut self,
        file: &File<'_>,
        end: usize,
        record: &[u8],
        show: Show<'_>,
    ) -> Result<(), AuditFault> {
        // The seal of an orderly end.
        if record.is_empty() {
            return Ok(());
        }
        let mut hash = Sha256::new();
        hash.update(self.read.head);
        hash.update(record);
        self.read.head = hash.finalize().into();
        let offset = end - FRAME - record.len();
        show(record).map_err(|why| file.broken(offset, why))
    }

    /// The frame at an offset: its tag and payload; `None` where none is whole.
    fn frame<'f>(&self, file: &File<'f>, at: usize, start: usize) -> Option<(u8, &'f [u8])> {
        let head = file.bytes.get(at..at + FRAME)?;
        let word = u32::from_le_bytes(four(head, 0));
        let back = u32::from_le_bytes(four(head, 4));
        let sum = u32::from_le_bytes(four(head, 8));
        let tag = (word >> 24) as u8;
        let length = (word & 0xff_ffff) as usize;
        let payload = file.bytes.get(at + FRAME..at + FRAME + length)?;
        let place = (self.position + at as u64).to_le_bytes();
        let crc = [&place[..], &word.to_le_bytes(), &back.to_le_bytes(), payload]
            .iter()
            .fold(0, |crc, part| crc32c::crc32c_append(crc, part));
        let chained = self.chain.is_some();
        let of_batch = !chained || at - start == back as usize;
        let known = tag == RECORD || tag == LINK;
        (crc == sum && known && of_batch).then_some((tag, payload))
    }
}

fn four(bytes: &[u8], at: usize) -> [u8; 4] {
    [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
}

fn eight(bytes: &[u8], at: usize) -> u64 {
    (0..8).fold(0, |word, n| word | u64::from(bytes[at + n]) << (8 * n))
}
