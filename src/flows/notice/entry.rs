//! What does the journal say of a notice? One binary entry of fixed length, versioned.

use super::{Kind, PriceRule};
use crate::base::units::ids::LineId;
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;
use crate::market::ticket::BidId;

const VERSION: u8 = 1;
const BYTES: usize = 88;

/// What a notice did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Effect {
    Counted,
    Charged,
    /// Billable and in time, but the money was gone.
    Disputed,
    /// After the ticket's expiry.
    Late,
    /// `test: 1`
    Test,
}

impl Effect {
    const ALL: [Effect; 5] =
        [Effect::Counted, Effect::Charged, Effect::Disputed, Effect::Late, Effect::Test];
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub kind: Kind,
    pub effect: Effect,
    pub rule: PriceRule,
    pub moment: Moment,
    pub bid: BidId,
    pub line: LineId,
    pub creative: u32,
    pub exchange: ExchangeIx,
    /// What the notice reported, in the currency of the bid; the signed price where it did not.
    pub price: Money,
    /// What was charged, in the account's currency.
    pub charged: Money,
    /// What was held for the bid, in the account's currency.
    pub held_nanos: i64,
    pub expires: Moment,
    /// AdCOM loss reason; −1 where none was told.
    pub loss: i32,
    /// Price to win or tie, in the currency of the bid; −1 where none was told.
    pub min_to_win: i64,
    /// This was the billable event of its bid.
    pub billable: bool,
}

/// Why bytes are no entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EntryFault {
    #[error("an entry of version {0}; this program reads version 1")]
    Version(u8),
    #[error("an entry of {0} bytes; version 1 has 88")]
    Length(usize),
    #[error("the entry's {0} is none of ours")]
    Value(&'static str),
}

impl Entry {
    pub fn encode(&self) -> [u8; BYTES] {
        let mut out = [0u8; BYTES];
        let mut rest = &mut out[..];
        let mut put = |bytes: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            head.copy_from_slice(bytes);
            rest = tail;
        };
        put(&[VERSION, self.kind as u8, self.effect as u8, self.rule as u8]);
        put(&self.moment.unix_us.to_le_bytes());
        put(&self.bid.0.to_le_bytes());
        put(&self.line.0.to_le_bytes());
        put(&self.creative.to_le_bytes());
        put(&self.exchange.0.to_le_bytes());
        put(&self.price.currency.bytes());
        put(&self.price.nanos.to_le_bytes());
        put(&self.charged.currency.bytes());
        put(&self.charged.nanos.to_le_bytes());
        put(&self.held_nanos.to_le_bytes());
        put(&self.expires.unix_us.to_le_bytes());
        put(&self.loss.to_le_bytes());
        put(&self.min_to_win.to_le_bytes());
        put(&[u8::from(self.billable), 0, 0, 0]);
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Entry, EntryFault> {
        let version = *bytes.first().ok_or(EntryFault::Length(0))?;
        if version != VERSION {
            return Err(EntryFault::Version(version));
        }
        if bytes.len() != BYTES {
            return Err(EntryFault::Length(bytes.len()));
        }
        let number = |at: usize, len: usize| {
            bytes[at..at + len].iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte))
        };
        let money = |at: usize| {
            let currency = Currency::from_bytes([bytes[at], bytes[at + 1], bytes[at + 2]]);
            let currency = currency.ok_or(EntryFault::Value("currency"))?;
            Ok(Money::new(number(at + 3, 8) as i64, currency))
        };
        let effect = Effect::ALL.get(usize::from(bytes[2])).copied();
        Ok(Entry {
            kind: Kind::from_code(bytes[1]).ok_or(EntryFault::Value("kind"))?,
            effect: effect.ok_or(EntryFault::Value("effect"))?,
            rule: PriceRule::from_code(bytes[3]).ok_or(EntryFault::Value("price rule"))?,
            moment: Moment::from_unix_us(number(4, 8) as i64),
            bid: BidId(number(12, 8)),
            line: LineId(number(20, 8)),
            creative: number(28, 4) as u32,
            exchange: ExchangeIx(number(32, 2) as u16),
            price: money(34)?,
            charged: money(45)?,
            held_nanos: number(56, 8) as i64,
            expires: Moment::from_unix_us(number(64, 8) as i64),
            loss: number(72, 4) as u32 as i32,
            min_to_win: number(76, 8) as i64,
            billable: bytes[84] == 1,
        })
    }
}
