//! How does one record stand in a segment? Length, start of its batch, checksum, bytes.
//!
//! `len: u24 | tag: u8 | back: u32 | crc32c: u32 | payload`, little endian. `back` is the distance
//! to the first frame of the batch. The checksum covers the frame's position in the whole log. The
//! tag tells a record from the link that ends a batch of a chained log.

pub(super) const HEAD: usize = 12;
pub(super) const PAYLOAD_MAX: usize = (1 << 24) - 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Tag {
    Record = 0xA7,
    Link = 0xA8,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub tag: Tag,
    pub payload: &'a [u8],
    pub back: u32,
    /// Offset of the byte behind it.
    pub end: usize,
}

/// Appends a frame to a batch that begins at `start` of the log and is gathered in `out`.
pub(super) fn write(out: &mut Vec<u8>, start: u64, tag: Tag, payload: &[u8]) {
    debug_assert!(payload.len() <= PAYLOAD_MAX, "checked by the writer's callers");
    let back = out.len() as u32;
    let position = start + u64::from(back);
    let word = (payload.len() as u32) | u32::from(tag as u8) << 24;
    out.extend_from_slice(&word.to_le_bytes());
    out.extend_from_slice(&back.to_le_bytes());
    out.extend_from_slice(&checksum(position, word, back, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// Reads the frame that begins at `at`, in a segment that begins at `base`.
pub(super) fn read(bytes: &[u8], at: usize, base: u64) -> Result<Frame<'_>, &'static str> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some((head, body)) = rest.split_at_checked(HEAD) else {
        return Err("a frame's head is cut off");
    };
    let word = u32_at(head, 0);
    let tag = match (word >> 24) as u8 {
        0xA7 => Tag::Record,
        0xA8 => Tag::Link,
        _ => return Err("no frame begins here"),
    };
    let len = (word & 0x00FF_FFFF) as usize;
    let back = u32_at(head, 4);
    let Some(payload) = body.get(..len) else {
        return Err("a frame is cut off");
    };
    if back as usize > at || checksum(base + at as u64, word, back, payload) != u32_at(head, 8) {
        return Err("the checksum does not hold");
    }
    Ok(Frame { tag, payload, back, end: at + HEAD + len })
}

fn checksum(position: u64, word: u32, back: u32, payload: &[u8]) -> u32 {
    let mut head = [0u8; 16];
    head[..8].copy_from_slice(&position.to_le_bytes());
    head[8..12].copy_from_slice(&word.to_le_bytes());
    head[12..].copy_from_slice(&back.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&head), payload)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}
