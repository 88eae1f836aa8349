//! What does the caps log say of one bid? Forty bytes. Warm: made when holds are gathered.
//!
//! ```text
//! what: u8 | unmeasured: u8 | win window s: u16 | creative: u32 | bid: u64 | mark: u64 | line: u64
//! | made: u32, unix seconds | life s: u32                               all little endian
//! ```
//! A batch of them is one record of the journal's format: a version byte, then forty each.

use crate::base::units::ids::{AdvertiserId, CampaignId, LineId, ListenerMark};
use crate::market::ticket::BidId;

pub(super) const BYTES: usize = 40;
const VERSION: u8 = 1;

/// The number stands in the log: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum What {
    /// A bid holds its places, for `life_s` from when it was made, or for `win_s` until it is won.
    Hold = 1,
    Won = 2,
    /// It will not be heard.
    Released = 3,
    /// An impression: the places are its own until their windows end.
    Heard = 4,
    /// Whose a line is: its campaign stands in `bid`, its advertiser in `mark`.
    Line = 5,
    /// Nothing that stands before may be known of this listener any more.
    Erased = 6,
    /// The end of an orderly stop. `made`: until when nobody may be bid for all the same.
    Closed = 7,
    /// The log is open again; without a `Closed` behind it the process did not end in order.
    Opened = 8,
    /// After a stop out of order: this bid was won or heard, and its hold is missing. Until its
    /// ticket has expired, `life_s` behind `made`, lines that would count it are closed.
    Missing = 9,
}

impl What {
    const ALL: [What; 9] = [
        What::Hold,
        What::Won,
        What::Released,
        What::Heard,
        What::Line,
        What::Erased,
        What::Closed,
        What::Opened,
        What::Missing,
    ];
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub what: What,
    /// Of an impression: it counts in reach and frequencies, not in caps alone.
    pub measured: bool,
    pub win_s: u16,
    /// Nought: one without caps of its own.
    pub creative: u32,
    pub bid: BidId,
    pub mark: ListenerMark,
    pub line: LineId,
    pub made_s: u32,
    pub life_s: u32,
}

impl Record {
    pub const fn of(what: What) -> Record {
        Record {
            what,
            measured: true,
            win_s: 0,
            creative: 0,
            bid: BidId(0),
            mark: ListenerMark(0),
            line: LineId(0),
            made_s: 0,
            life_s: 0,
        }
    }

    pub const fn line(line: LineId, campaign: CampaignId, advertiser: AdvertiserId) -> Record {
        let (bid, mark) = (BidId(campaign.0), ListenerMark(advertiser.0));
        Record { bid, mark, line, ..Record::of(What::Line) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.what as u8, u8::from(!self.measured)]);
        out.extend_from_slice(&self.win_s.to_le_bytes());
        out.extend_from_slice(&self.creative.to_le_bytes());
        out.extend_from_slice(&self.bid.0.to_le_bytes());
        out.extend_from_slice(&self.mark.0.to_le_bytes());
        out.extend_from_slice(&self.line.0.to_le_bytes());
        out.extend_from_slice(&self.made_s.to_le_bytes());
        out.extend_from_slice(&self.life_s.to_le_bytes());
    }

    fn read(bytes: &[u8; BYTES]) -> Result<Record, String> {
        let what = What::ALL.into_iter().find(|&what| what as u8 == bytes[0]);
        let what = what.ok_or_else(|| format!("a record of an unknown kind: {}", bytes[0]))?;
        Ok(Record {
            what,
            measured: bytes[1] == 0,
            win_s: u16::from_le_bytes([bytes[2], bytes[3]]),
            creative: u32_at(bytes, 4),
            bid: BidId(u64_at(bytes, 8)),
            mark: ListenerMark(u64_at(bytes, 16)),
            line: LineId(u64_at(bytes, 24)),
            made_s: u32_at(bytes, 32),
            life_s: u32_at(bytes, 36),
        })
    }
}

/// Writes a batch behind what stands in `out`.
pub(super) fn encode(batch: &[Record], out: &mut Vec<u8>) {
    out.push(VERSION);
    batch.iter().for_each(|record| record.write(out));
}

/// Gives each record of a batch to `visit`.
pub(super) fn decode(bytes: &[u8], visit: &mut dyn FnMut(Record)) -> Result<(), String> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            let (records, odd) = rest.as_chunks::<BYTES>();
            if !odd.is_empty() {
                return Err(format!("{} bytes are no whole record", odd.len()));
            }
            for record in records {
                visit(Record::read(record)?);
            }
            Ok(())
        }
        Some((version, _)) => Err(format!("a caps log of version {version}; this one reads 1")),
        None => Err("an empty batch".to_owned()),
    }
}

fn u32_at(bytes: &[u8; BYTES], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
}

fn u64_at(bytes: &[u8; BYTES], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Vec<Record> {
        let full = Record {
            what: What::Hold,
            measured: false,
            win_s: 0x0102,
            creative: 0x0304_0506,
            bid: BidId(u64::MAX - 1),
            mark: ListenerMark(7 << 56),
            line: LineId(0x1122_3344_5566_7788),
            made_s: u32::MAX,
            life_s: 86_400,
        };
        let mut batch: Vec<Record> = What::ALL.map(|what| Record { what, ..full }).to_vec();
        batch.push(Record::line(LineId(1), CampaignId(2), AdvertiserId(3)));
        batch
    }

    fn read(bytes: &[u8]) -> Result<Vec<Record>, String> {
        let mut found = Vec::new();
        decode(bytes, &mut |record| found.push(record))?;
        Ok(found)
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        encode(&batch(), &mut bytes);
        assert_eq!(bytes.len(), 1 + batch().len() * BYTES);
        assert_eq!(read(&bytes), Ok(batch()));
    }

    #[test]
    fn what_is_no_batch_is_said_so() {
        let mut bytes = Vec::new();
        encode(&batch(), &mut bytes);
        assert!(read(&bytes[..bytes.len() - 1]).unwrap_err().contains("no whole record"));
        assert!(read(&[]).unwrap_err().contains("empty"));
        bytes[1] = 99;
        assert!(read(&bytes).unwrap_err().contains("unknown kind: 99"));
        bytes[0] = 2;
        assert!(read(&bytes).unwrap_err().contains("version 2"));
    }
}
