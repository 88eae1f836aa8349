//! Is a segment whole? Frame by frame, batch by batch; also tells a torn end from damage.

use std::ops::Range;
use std::path::Path;

use super::chain::{Link, Links};
use super::frame::{self, Tag};
use super::recover::damaged;
use super::segment::Header;
use super::{JournalFault, Visit};

/// What a segment held.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub records: u64,
    /// Where its unfinished end begins.
    pub torn: Option<usize>,
    /// Where its last batch begins; 0 where there is none.
    pub last: usize,
    /// Behind its last batch, where batches are chained.
    pub chain: Option<Link>,
}

/// Walks one segment; `may_tear`: its end may be unfinished. Records of a chained segment are
/// shown batch by batch, when the link behind them holds.
pub(super) fn walk_segment(
    path: &Path,
    (bytes, header): (&[u8], Header),
    may_tear: bool,
    visit: Visit<'_>,
) -> Result<Walked, JournalFault> {
    let part = Part { path, bytes, base: header.base, offset: 0 };
    let mut walk = Walk { part, at: header.len(), may_tear, walked: Walked::default() };
    match header.chain {
        Some(chain) => walk.chained(chain, visit)?,
        None => walk.plain(visit)?,
    }
    Ok(walk.walked)
}

/// Bytes of a segment from an offset on.
#[derive(Clone, Copy)]
pub(super) struct Part<'b> {
    pub path: &'b Path,
    pub bytes: &'b [u8],
    /// Where in the log the bytes begin.
    pub base: u64,
    /// Where in the segment they begin.
    pub offset: usize,
}

pub(super) struct Walk<'b> {
    pub part: Part<'b>,
    pub at: usize,
    pub may_tear: bool,
    pub walked: Walked,
}

impl<'b> Walk<'b> {
    /// Every frame for itself: what is whole in a torn batch was not promised, but is there.
    pub fn plain(&mut self, visit: Visit<'_>) -> Result<(), JournalFault> {
        while self.at < self.part.bytes.len() {
            match frame::read(self.part.bytes, self.at, self.part.base) {
                Ok(frame) if frame.tag == Tag::Link => {
                    return Err(self.damage("a link in a segment that is not chained"));
                }
                Ok(frame) => {
                    // An empty frame is the seal of an orderly end.
                    if !frame.payload.is_empty() {
                        self.show(frame.payload, self.at, visit)?;
                    }
                    self.walked.last = self.at.saturating_sub(frame.back as usize);
                    self.at = frame.end;
                }
                Err(why) => return self.torn(self.at, why),
            }
        }
        Ok(())
    }

    /// Batch by batch, from a chain's head on.
    pub fn chained(&mut self, mut chain: Link, visit: Visit<'_>) -> Result<(), JournalFault> {
        let mut batch: Vec<(usize, Range<usize>)> = Vec::new();
        self.walked.chain = Some(chain);
        while self.at < self.part.bytes.len() {
            let start = self.at;
            let mut links = Links::behind(chain);
            batch.clear();
            let link = loop {
                let frame = match frame::read(self.part.bytes, self.at, self.part.base) {
                    Ok(frame) => frame,
                    Err(why) => return self.torn(start, why),
                };
                if self.at - frame.back as usize != start {
                    return Err(self.damage("a batch begins before the one before has ended"));
                }
                if frame.tag == Tag::Link {
                    self.at = frame.end;
                    break Link::of(frame.payload);
                }
                links.record(frame.payload);
                batch.push((self.at, frame.end - frame.payload.len()..frame.end));
                self.at = frame.end;
            };
            chain = links.end();
            if link != Some(chain) {
                self.at -= Link::BYTES + frame::HEAD;
                return Err(self.damage("the chain is broken: the link is not that of its batch"));
            }
            for (at, payload) in batch.drain(..) {
                self.show(&self.part.bytes[payload], at, visit)?;
            }
            self.walked.chain = Some(chain);
            self.walked.last = start;
        }
        Ok(())
    }

    fn show(&mut self, record: &[u8], at: usize, visit: Visit<'_>) -> Result<(), JournalFault> {
        visit(record).map_err(|why| JournalFault::Foreign {
            file: self.part.path.to_owned(),
            offset: (self.part.offset + at) as u64,
            why,
        })?;
        self.walked.records += 1;
        Ok(())
    }

    /// No frame begins where one should: the end is torn from `start` on, or the log is damaged
    /// here.
    fn torn(&mut self, start: usize, why: &'static str) -> Result<(), JournalFault> {
        let Part { bytes, base, .. } = self.part;
        if !self.may_tear || later_batch(bytes, self.at, base) {
            return Err(self.damage(why));
        }
        self.walked.torn = Some(start);
        Ok(())
    }

    fn damage(&self, why: &'static str) -> JournalFault {
        damaged(self.part.path, self.part.offset + self.at, why)
    }
}

/// Whether a batch that began behind `broken` is there: if so, the one that broke was complete.
fn later_batch(bytes: &[u8], broken: usize, base: u64) -> bool {
    (broken + 1..bytes.len())
        .any(|at| frame::read(bytes, at, base).is_ok_and(|frame| at - frame.back as usize > broken))
}

pub(super) fn any_frame(bytes: &[u8], base: u64) -> bool {
    (0..bytes.len()).any(|at| frame::read(bytes, at, base).is_ok())
}
