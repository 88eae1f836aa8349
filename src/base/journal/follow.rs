//! What was written since? Reads a log beside its writer, only what is durable, segment by
//! segment.
//!
//! Called by the ledger's follower, by reports and backups; cold.

use super::chain::Link;
use super::disk::Folder;
use super::recover::{Mark, damaged, header_of};
use super::segment::{Header, path_of};
use super::walk::{Part, Walk, Walked};
use super::{JournalFault, Visit};

/// Bytes that are read at once, unless a batch is longer.
const PIECE: u64 = 4 << 20;

/// A place in a log from which it is read on.
pub struct Follower {
    folder: Folder,
    header: Header,
    /// Where in the segment is read on; always where a batch begins.
    at: u64,
    chain: Option<Link>,
}

/// Why a follower stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reached {
    /// All that is durable was read.
    End,
    /// A segment begins here: what was read so far may be kept elsewhere under this mark.
    Segment(Mark),
}

impl Follower {
    /// At the beginning of a segment.
    pub fn at(folder: impl Into<Folder>, mark: Mark) -> Result<Follower, JournalFault> {
        let folder = folder.into();
        let header = header_of(&folder, mark.segment)?;
        let known = mark.chain.is_none_or(|chain| header.chain == Some(chain));
        if header.seq != mark.segment || !known {
            let path = path_of(&folder.dir, mark.segment);
            return Err(damaged(&path, 0, "the segment is not the one of this mark"));
        }
        Ok(Follower { folder, header, at: header.len() as u64, chain: header.chain })
    }

    /// Shows what stands before `durable` ([`Journal::durable`](super::Journal::durable)), at
    /// most to the end of a segment.
    pub fn read_on(&mut self, durable: u64, visit: Visit<'_>) -> Result<Reached, JournalFault> {
        let path = path_of(&self.folder.dir, self.header.seq);
        // Only where batches are chained does a piece tell where one ends.
        let mut piece = self.chain.map_or(u64::MAX, |_| PIECE);
        loop {
            let start = self.position();
            let most = durable.saturating_sub(start).min(piece);
            let disk = &self.folder.disk;
            let bytes = disk.read(&path, self.at, most).map_err(JournalFault::io(&path))?;
            if bytes.is_empty() {
                return if start >= durable { Ok(Reached::End) } else { self.next() };
            }
            let part = Part { path: &path, bytes: &bytes, base: start, offset: self.at as usize };
            // What this piece cuts off is read again with the next one.
            let mut walk = Walk { part, at: 0, may_tear: true, walked: Walked::default() };
            match self.chain {
                Some(chain) => walk.chained(chain, visit)?,
                None => walk.plain(visit)?,
            }
            let Walked { torn, chain, .. } = walk.walked;
            self.chain = chain;
            let end = torn.unwrap_or(bytes.len());
            self.at += end as u64;
            // Nothing whole in as much as was asked for: the batch is longer, or it is broken.
            if end == 0 {
                if (bytes.len() as u64) < piece {
                    return Err(damaged(&path, self.at as usize, "a durable batch is broken"));
                }
                piece = piece.saturating_mul(2);
            }
        }
    }

    /// The next segment, which begins where this one ends.
    fn next(&mut self) -> Result<Reached, JournalFault> {
        let header = header_of(&self.folder, self.header.seq + 1)?;
        let expected = Header {
            seq: self.header.seq + 1,
            base: self.position(),
            chain: self.chain.or(header.chain.map(|_| Link::GENESIS)),
        };
        if header != expected {
            let path = path_of(&self.folder.dir, expected.seq);
            return Err(damaged(&path, 0, "the segment does not follow the one before it"));
        }
        *self = Follower {
            folder: self.folder.clone(),
            header,
            at: header.len() as u64,
            chain: header.chain,
        };
        Ok(Reached::Segment(Mark { segment: header.seq, chain: header.chain }))
    }

    /// Bytes of the log before here.
    pub fn position(&self) -> u64 {
        self.header.base + self.at
    }

    /// The segment that is read.
    pub fn segment(&self) -> u64 {
        self.header.seq
    }

    /// The chain's head behind what was read; `None` where nothing is chained.
    pub fn chain(&self) -> Option<Link> {
        self.chain
    }
}
