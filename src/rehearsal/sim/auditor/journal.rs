//! What do the journal's bytes say? A decoder by the book of its format, not by its code.

use sha2::{Digest as _, Sha256};

/// What a notice did, by the journal's numbers.
pub(super) const COUNTED: u8 = 0;
pub(super) const CHARGED: u8 = 1;
pub(super) const DISPUTED: u8 = 2;
pub(super) const LATE: u8 = 3;
pub(super) const CONFLICT: u8 = 5;

/// The events of notices by the number that the journal gives them.
pub(super) const EVENTS: [&str; 18] = [
    "win",
    "billing",
    "loss",
    "impression",
    "start",
    "firstQuartile",
    "midpoint",
    "thirdQuartile",
    "complete",
    "mute",
    "unmute",
    "pause",
    "resume",
    "skip",
    "error",
    "notUsed",
    "click",
    "creativeView",
];

/// Of a segment: its mark, number and place, the chain's head, a checksum.
const SEGMENT_HEAD: usize = 64;
const FRAME_HEAD: usize = 12;
/// What a frame holds.
const RECORD: u64 = 0xA7;
const LINK: u64 = 0xA8;

/// A notice that was settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice {
    pub event: u8,
    pub effect: u8,
    pub moment_us: i64,
    /// Days since 1970; `None` in entries of old.
    pub day: Option<i32>,
    pub bid: u64,
    pub line: u64,
    /// As told, in the bid's currency.
    pub price: i64,
    /// In the account's currency.
    pub charged: i64,
    /// What a billable event came to, in the account's currency.
    pub due: i64,
}

/// Money that came in, or went back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paid {
    pub advertiser: u64,
    pub nanos: i64,
    pub key: String,
}

/// What the auditor takes from a journal.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Books {
    pub notices: Vec<Notice>,
    pub paid: Vec<Paid>,
    pub starts: u64,
}

/// The entries of a journal's segments, given in their order. `Err`: where they are broken.
pub fn read<'a>(segments: impl Iterator<Item = &'a [u8]>) -> Result<Books, String> {
    let (mut books, mut chain) = (Books::default(), [0_u8; 32]);
    for (number, bytes) in segments.enumerate() {
        let broken = |at: usize, why: &str| format!("segment {}, byte {at}: {why}", number + 1);
        let mut at = SEGMENT_HEAD;
        let mut batch = Sha256::new_with_prefix(chain);
        while at < bytes.len() {
            let mut head = Cursor(bytes.get(at..at + FRAME_HEAD).unwrap_or_default());
            let word = head.number(4).ok_or_else(|| broken(at, "cut off"))?;
            let start = at + FRAME_HEAD;
            let end = start + (word & 0x00ff_ffff) as usize;
            let content = bytes.get(start..end).ok_or_else(|| broken(at, "cut off"))?;
            match word >> 24 {
                RECORD => {
                    batch.update((content.len() as u32).to_le_bytes());
                    batch.update(content);
                    entry(content, &mut books).ok_or_else(|| broken(at, "no entry is so"))?;
                }
                LINK => {
                    chain = batch.finalize().into();
                    if content != chain {
                        return Err(broken(at, "the chain is broken"));
                    }
                    batch = Sha256::new_with_prefix(chain);
                }
                _ => return Err(broken(at, "no frame begins here")),
            }
            at = end;
        }
    }
    Ok(books)
}

/// Takes an entry apart; `None`: it is not as the book says.
fn entry(record: &[u8], books: &mut Books) -> Option<()> {
    let mut cursor = Cursor(record);
    match (cursor.byte()?, record.len()) {
        (1, 88) => books.notices.push(notice_of_old(cursor)?),
        (2, _) => match cursor.byte()? {
            1 => books.notices.push(notice(cursor)?),
            5 => books.paid.push(paid(cursor)?),
            8 => books.starts += 1,
            2..=9 => {}
            _ => return None,
        },
        _ => return None,
    }
    Some(())
}

fn notice(mut at: Cursor<'_>) -> Option<Notice> {
    let (event, effect) = (at.byte()?, at.byte()?);
    at.skip(3)?;
    let moment_us = at.signed()?;
    at.skip(8)?;
    let day = at.number(4)? as u32 as i32;
    let (bid, line) = (at.number(8)?, at.number(8)?);
    at.skip(8 + 8 + 4 + 2)?;
    at.skip(3)?;
    let price = at.signed()?;
    at.skip(3)?;
    let (charged, due) = (at.signed()?, at.signed()?);
    at.skip(8 + 8 + 8 + 4 + 8)?;
    let day = Some(day);
    at.0.is_empty().then_some(Notice {
        event,
        effect,
        moment_us,
        day,
        bid,
        line,
        price,
        charged,
        due,
    })
}

fn notice_of_old(mut at: Cursor<'_>) -> Option<Notice> {
    let (event, effect) = (at.byte()?, at.byte()?);
    at.skip(1)?;
    let (moment_us, bid, line) = (at.signed()?, at.number(8)?, at.number(8)?);
    at.skip(4 + 2 + 3)?;
    let price = at.signed()?;
    at.skip(3)?;
    let charged = at.signed()?;
    let due = charged;
    Some(Notice { event, effect, moment_us, day: None, bid, line, price, charged, due })
}

fn paid(mut at: Cursor<'_>) -> Option<Paid> {
    const REFUND: u8 = 1;
    let kind = at.byte()?;
    at.skip(8)?;
    let advertiser = at.number(8)?;
    at.skip(3)?;
    let amount = at.signed()?;
    let _name = at.text()?;
    let key = at.text()?.to_owned();
    Some(Paid { advertiser, nanos: if kind == REFUND { -amount } else { amount }, key })
}

/// Bytes from which the first are taken.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(head)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.take(bytes).map(|_| ())
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    /// Little endian.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let digits = self.take(bytes)?.iter().rev();
        Some(digits.fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn signed(&mut self) -> Option<i64> {
        self.number(8).map(|number| number as i64)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number(2)? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }
}
