//! What does the log hold? Every record in order; a torn tail trimmed, damage refused.

use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::segment::{FIRST, HEADER, Header, Tail, path_of, segments, sync_dir};
use super::{JournalFault, frame};

/// What opening or reading found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Opened {
    pub records: u64,
    pub bytes: u64,
    /// The unfinished end that was cut off (or, by [`read`], passed over).
    pub trimmed: Option<Trimmed>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Trimmed {
    pub file: PathBuf,
    pub offset: u64,
    pub bytes: u64,
}

/// Gets each record with the offset of its frame in its file; an `Err` ends the reading.
pub type Visit<'v> = &'v mut dyn FnMut(&[u8]) -> Result<(), String>;

/// Reads all records of a folder and changes nothing.
pub fn read(dir: &Path, visit: Visit<'_>) -> Result<Opened, JournalFault> {
    read_on(dir, FIRST, visit)
}

/// As [`read`], from a segment on; older ones are passed over.
pub fn read_on(dir: &Path, from: u64, visit: Visit<'_>) -> Result<Opened, JournalFault> {
    let (opened, _) = walk_folder(dir, from, visit)?;
    Ok(opened)
}

/// Reads one segment by itself, whatever its number; an unfinished end is passed over.
pub fn read_file(path: &Path, visit: Visit<'_>) -> Result<Opened, JournalFault> {
    let bytes = fs::read(path).map_err(JournalFault::io(path))?;
    let mut opened = Opened { bytes: bytes.len() as u64, ..Opened::default() };
    match Header::decode(&bytes) {
        Ok(header) => {
            opened.trimmed = walk_segment(path, &bytes, header.base, (true, &mut opened), visit)?;
            Ok(opened)
        }
        Err(_) if bytes.len() < HEADER => {
            opened.trimmed = Some(trimmed(path, 0, bytes.len()));
            Ok(opened)
        }
        Err(why) => Err(JournalFault::Damaged { file: path.to_owned(), offset: 0, why }),
    }
}

/// Reads all records from a segment on, cuts off an unfinished end and returns the open end of
/// the log. Segments before `from` are passed over; they may go.
pub fn recover(
    dir: &Path,
    (from, segment_bytes): (u64, u64),
    visit: Visit<'_>,
) -> Result<(Tail, Opened), JournalFault> {
    let (opened, end) = walk_folder(dir, from, visit)?;
    if let Some(torn) = &opened.trimmed {
        cut(dir, torn).map_err(JournalFault::io(&torn.file))?;
    }
    let tail = match end {
        Some(Header { seq, base }) => Tail::reopen(dir, seq, base, segment_bytes),
        None => Tail::create(dir, FIRST, 0, segment_bytes),
    };
    Ok((tail.map_err(JournalFault::io(dir))?, opened))
}

/// An end without even a header goes as a whole file; it was never written to.
fn cut(dir: &Path, torn: &Trimmed) -> std::io::Result<()> {
    if torn.offset == 0 {
        fs::remove_file(&torn.file)?;
        return sync_dir(dir);
    }
    let file = OpenOptions::new().write(true).open(&torn.file)?;
    file.set_len(torn.offset)?;
    file.sync_all()
}

/// Walks all segments; also says which one the log goes on in.
fn walk_folder(
    dir: &Path,
    from: u64,
    visit: Visit<'_>,
) -> Result<(Opened, Option<Header>), JournalFault> {
    let mut files = segments(dir).map_err(JournalFault::io(dir))?;
    files.retain(|(seq, _)| *seq >= from);
    let mut opened = Opened::default();
    let mut end: Option<Header> = None;
    let mut next = beginning(dir, from)?;
    for (place, (seq, path)) in files.iter().enumerate() {
        let last = place + 1 == files.len();
        if *seq != next.seq {
            let file = path_of(dir, next.seq);
            return Err(JournalFault::Damaged { file, offset: 0, why: "the segment is missing" });
        }
        let bytes = fs::read(path).map_err(JournalFault::io(path))?;
        match Header::decode(&bytes) {
            Ok(header) if header == next => {}
            Err(_) if last && !any_frame(&bytes, next.base) => {
                opened.trimmed = Some(trimmed(path, 0, bytes.len()));
                break;
            }
            Ok(_) => return Err(damaged(path, 0, "the segment is not the one of this place")),
            Err(why) => return Err(damaged(path, 0, why)),
        }
        opened.bytes += bytes.len() as u64;
        opened.trimmed = walk_segment(path, &bytes, next.base, (last, &mut opened), visit)?;
        end = Some(next);
        next = Header { seq: next.seq + 1, base: next.base + bytes.len() as u64 };
    }
    Ok((opened, end))
}

/// Where in the log the segment begins that it is read from: 0, or where that segment says.
fn beginning(dir: &Path, from: u64) -> Result<Header, JournalFault> {
    if from <= FIRST {
        return Ok(Header { seq: FIRST, base: 0 });
    }
    let path = path_of(dir, from);
    let mut head = Vec::with_capacity(HEADER);
    match fs::File::open(&path).and_then(|file| file.take(HEADER as u64).read_to_end(&mut head)) {
        Ok(_) => Header::decode(&head).map_err(|why| damaged(&path, 0, why)),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            Err(damaged(&path, 0, "the segment is missing"))
        }
        Err(why) => Err(JournalFault::Io { path, source: why }),
    }
}

/// Walks one segment; `may_tear`: its end may be unfinished.
fn walk_segment(
    path: &Path,
    bytes: &[u8],
    base: u64,
    (may_tear, opened): (bool, &mut Opened),
    visit: Visit<'_>,
) -> Result<Option<Trimmed>, JournalFault> {
    let mut at = HEADER;
    while at < bytes.len() {
        match frame::read(bytes, at, base) {
            // An empty frame is the seal of an orderly end.
            Ok(frame) if frame.payload.is_empty() => at = frame.end,
            Ok(frame) => {
                visit(frame.payload).map_err(|why| JournalFault::Foreign {
                    file: path.to_owned(),
                    offset: at as u64,
                    why,
                })?;
                opened.records += 1;
                at = frame.end;
            }
            Err(_) if may_tear && !later_batch(bytes, at, base) => {
                return Ok(Some(trimmed(path, at, bytes.len() - at)));
            }
            Err(why) => return Err(damaged(path, at, why)),
        }
    }
    Ok(None)
}

/// Whether a batch that began behind `broken` is there: if so, the one that broke was complete.
fn later_batch(bytes: &[u8], broken: usize, base: u64) -> bool {
    (broken + 1..bytes.len())
        .any(|at| frame::read(bytes, at, base).is_ok_and(|frame| at - frame.back as usize > broken))
}

fn any_frame(bytes: &[u8], base: u64) -> bool {
    (0..bytes.len()).any(|at| frame::read(bytes, at, base).is_ok())
}

fn trimmed(path: &Path, offset: usize, bytes: usize) -> Trimmed {
    Trimmed { file: path.to_owned(), offset: offset as u64, bytes: bytes as u64 }
}

fn damaged(path: &Path, offset: usize, why: &'static str) -> JournalFault {
    JournalFault::Damaged { file: path.to_owned(), offset: offset as u64, why }
}
