//! What does the log hold? Every record in order; a torn tail trimmed, damage refused.

use std::path::{Path, PathBuf};

use super::chain::Link;
use super::disk::Folder;
use super::segment::{FIRST, Header, Tail, path_of, segments};
use super::walk::{any_frame, walk_segment};
use super::{JournalFault, Visit};

/// What opening or reading found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Opened {
    pub records: u64,
    pub bytes: u64,
    /// The unfinished end that was cut off (or, by [`read`], passed over).
    pub trimmed: Option<Trimmed>,
    /// The chain's head behind the last record; `None` in a log that is not chained.
    pub chain: Option<Link>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Trimmed {
    pub file: PathBuf,
    pub offset: u64,
    pub bytes: u64,
}

/// Where reading begins: a segment, and what the chain's head before it has to be, where that is
/// known. Kept by whoever keeps elsewhere what stood before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    pub segment: u64,
    pub chain: Option<Link>,
}

impl Mark {
    /// All of a log.
    pub const START: Mark = Mark { segment: FIRST, chain: None };
}

impl From<u64> for Mark {
    fn from(segment: u64) -> Mark {
        Mark { segment, chain: None }
    }
}

/// Reads all records of a folder and changes nothing.
pub fn read(folder: impl Into<Folder>, visit: Visit<'_>) -> Result<Opened, JournalFault> {
    read_on(folder, Mark::START, visit)
}

/// As [`read`], from a segment on; older ones are passed over.
pub fn read_on(
    folder: impl Into<Folder>,
    from: impl Into<Mark>,
    visit: Visit<'_>,
) -> Result<Opened, JournalFault> {
    let (opened, _) = walk_folder(&folder.into(), from.into(), visit)?;
    Ok(opened)
}

/// Reads one segment by itself, whatever its number; an unfinished end is passed over.
pub fn read_file(path: &Path, visit: Visit<'_>) -> Result<Opened, JournalFault> {
    let bytes = std::fs::read(path).map_err(JournalFault::io(path))?;
    alone(path, &bytes, visit)
}

/// As [`read_file`], of a segment of a folder.
pub fn read_segment(folder: &Folder, seq: u64, visit: Visit<'_>) -> Result<Opened, JournalFault> {
    let path = path_of(&folder.dir, seq);
    let bytes = folder.disk.read(&path, 0, u64::MAX).map_err(JournalFault::io(&path))?;
    alone(&path, &bytes, visit)
}

fn alone(path: &Path, bytes: &[u8], visit: Visit<'_>) -> Result<Opened, JournalFault> {
    let mut opened = Opened { bytes: bytes.len() as u64, ..Opened::default() };
    match Header::decode(bytes) {
        Ok(header) => {
            let walked = walk_segment(path, (bytes, header), true, visit)?;
            opened.take(path, bytes.len(), walked);
            Ok(opened)
        }
        Err(_) if bytes.len() < Header { seq: 0, base: 0, chain: None }.len() => {
            opened.trimmed = Some(trimmed(path, 0, bytes.len()));
            Ok(opened)
        }
        Err(why) => Err(JournalFault::Damaged { file: path.to_owned(), offset: 0, why }),
    }
}

/// Reads all records of an unchained log from a segment on, cuts off an unfinished end and
/// returns the open end of the log. Segments before `from` are passed over; they may go.
pub fn recover(
    folder: impl Into<Folder>,
    (from, segment_bytes): (u64, u64),
    visit: Visit<'_>,
) -> Result<(Tail, Opened), JournalFault> {
    reopen(&folder.into(), (from.into(), segment_bytes), false, visit)
}

/// As [`recover`]. `chained`: batches from now on are; what was written before they were stays
/// as it is, and a new segment is begun behind it.
pub(super) fn reopen(
    folder: &Folder,
    (from, segment_bytes): (Mark, u64),
    chained: bool,
    visit: Visit<'_>,
) -> Result<(Tail, Opened), JournalFault> {
    let (mut opened, end) = walk_folder(folder, from, visit)?;
    if let Some(torn) = &opened.trimmed {
        cut(folder, torn).map_err(JournalFault::io(&torn.file))?;
    }
    let end = match end {
        Some((header, last)) => {
            harden(folder, header, last).map_err(JournalFault::io(&folder.dir))?;
            Some(header)
        }
        None => None,
    };
    let open = || match end {
        Some(header) => {
            let mut tail = Tail::reopen(folder.clone(), header, opened.chain, segment_bytes)?;
            if chained && tail.chain().is_none() {
                tail.begin_chain()?;
            }
            Ok(tail)
        }
        None => {
            let chain = chained.then_some(Link::GENESIS);
            let header = Header { seq: FIRST, base: 0, chain };
            Tail::begin(folder.clone(), header, segment_bytes)
        }
    };
    let tail = open().map_err(JournalFault::io(&folder.dir))?;
    opened.chain = tail.chain();
    Ok((tail, opened))
}

/// An end without even a header goes as a whole file; it was never written to.
fn cut(folder: &Folder, torn: &Trimmed) -> std::io::Result<()> {
    if torn.offset == 0 {
        folder.disk.remove(&torn.file)?;
        return folder.disk.sync_dir(&folder.dir);
    }
    let mut file = folder.disk.append(&torn.file)?;
    file.truncate(torn.offset)?;
    file.sync()
}

/// What was found is shown and answered for from now on, so it has to be durable. The last batch
/// may be in the machine's memory only: its writer may have ended before its sync, or at one that
/// failed, after which no other sync writes it.
fn harden(folder: &Folder, header: Header, last: usize) -> std::io::Result<()> {
    let path = path_of(&folder.dir, header.seq);
    let bytes = folder.disk.read(&path, last as u64, u64::MAX)?;
    folder.disk.rewrite(&path, last as u64, &bytes)?;
    folder.disk.sync_dir(&folder.dir)
}

/// The segment that a log goes on in, and where in it the last batch begins.
type End = Option<(Header, usize)>;

/// Walks all segments; also says where the log goes on.
fn walk_folder(
    folder: &Folder,
    from: Mark,
    visit: Visit<'_>,
) -> Result<(Opened, End), JournalFault> {
    let mut files = segments(folder).map_err(JournalFault::io(&folder.dir))?;
    files.retain(|(seq, _)| *seq >= from.segment);
    let mut opened = Opened { chain: from.chain, ..Opened::default() };
    let mut end = None;
    let (mut seq, mut base) = beginning(folder, from)?;
    for (place, (found, path)) in files.iter().enumerate() {
        let last = place + 1 == files.len();
        if *found != seq {
            let file = path_of(&folder.dir, seq);
            return Err(JournalFault::Damaged { file, offset: 0, why: "the segment is missing" });
        }
        let bytes = folder.disk.read(path, 0, u64::MAX).map_err(JournalFault::io(path))?;
        let header = match Header::decode(&bytes) {
            Ok(header) if (header.seq, header.base) == (seq, base) => header,
            Err(_) if last && !any_frame(&bytes, base) => {
                opened.trimmed = Some(trimmed(path, 0, bytes.len()));
                break;
            }
            Ok(_) => return Err(damaged(path, 0, "the segment is not the one of this place")),
            Err(why) => return Err(damaged(path, 0, why)),
        };
        // A log that is read from its middle on, from where nobody knows, says it itself.
        let unknown = end.is_none() && from.segment > FIRST;
        goes_on(opened.chain, header.chain, unknown).map_err(|why| damaged(path, 0, why))?;
        opened.bytes += bytes.len() as u64;
        opened.chain = header.chain;
        let walked = walk_segment(path, (&bytes, header), last, visit)?;
        end = Some((header, walked.last));
        opened.take(path, bytes.len(), walked);
        (seq, base) = (seq + 1, base + bytes.len() as u64);
    }
    Ok((opened, end))
}

/// Whether a segment stands behind the chain so far; behind none, it may begin one.
fn goes_on(before: Option<Link>, own: Option<Link>, unknown: bool) -> Result<(), &'static str> {
    match (before, own) {
        (None, None) => Ok(()),
        (Some(_), None) => Err("the segment is not chained to what stands before it"),
        (None, Some(_)) if unknown => Ok(()),
        (_, Some(own)) if own == before.unwrap_or(Link::GENESIS) => Ok(()),
        (_, Some(_)) => Err("the segment's chain is not that of what stands before it"),
    }
}

/// The number of the first segment, and where in the log it begins: 0, or where it says.
fn beginning(folder: &Folder, from: Mark) -> Result<(u64, u64), JournalFault> {
    if from.segment <= FIRST {
        return Ok((FIRST, 0));
    }
    let header = header_of(folder, from.segment)?;
    Ok((header.seq, header.base))
}

/// What a segment says of itself.
pub(super) fn header_of(folder: &Folder, seq: u64) -> Result<Header, JournalFault> {
    let path = path_of(&folder.dir, seq);
    match folder.disk.read(&path, 0, super::segment::CHAINED_HEADER as u64) {
        Ok(head) => Header::decode(&head).map_err(|why| damaged(&path, 0, why)),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            Err(damaged(&path, 0, "the segment is missing"))
        }
        Err(source) => Err(JournalFault::Io { path, source }),
    }
}

impl Opened {
    fn take(&mut self, path: &Path, len: usize, walked: super::walk::Walked) {
        self.records += walked.records;
        self.chain = walked.chain;
        self.trimmed = walked.torn.map(|offset| trimmed(path, offset, len - offset));
    }
}

fn trimmed(path: &Path, offset: usize, bytes: usize) -> Trimmed {
    Trimmed { file: path.to_owned(), offset: offset as u64, bytes: bytes as u64 }
}

pub(super) fn damaged(path: &Path, offset: usize, why: &'static str) -> JournalFault {
    JournalFault::Damaged { file: path.to_owned(), offset: offset as u64, why }
}
