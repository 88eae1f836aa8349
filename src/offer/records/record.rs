//! What does a decision leave behind? One value of fixed size, and its bytes. Hot, pure.
//!
//! Little endian, versioned, written field by field. What depends on the clock or the load (stage
//! times) is not in it: two replays of one decision are equal byte for byte.

use xxhash_rust::xxh3::xxh3_64;

use crate::base::units::ids::{LineId, LineIx};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;
use crate::market::outcome::{Malformed, NoBid, Outcome, Refusal};
use crate::market::privacy::Permissions;
use crate::market::ticket::BidId;
use crate::offer::delivery::{ANSWERS_MAX, Answer, Answers, Pace, Question};

/// Most winners that a record names; [`Counts::bids`] says how many there were.
pub const WINNERS_MAX: usize = 16;
const REQUEST_ID_MAX: usize = 64;
/// Version 1 knew no sleeping lines, version 2 no pace, version 3 not what was permitted.
const VERSION: u8 = 4;
/// The code of an answer that a pace follows: the line may bid, but not fully.
const PACED: u8 = u8::MAX;
const _: () = assert!(Refusal::ALL.len() < PACED as usize, "no refusal has this code");

/// One decision.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DecisionRecord {
    /// The time that the decision was given.
    pub moment: Moment,
    pub exchange: ExchangeIx,
    /// Hash of the exchange's key: says whether a replay has the same row.
    pub exchange_key: u64,
    /// 0 JSON, 1 protobuf; 2 more where `Sec-GPC: 1` stood before it.
    pub wire: u8,
    /// The version of the world that decided.
    pub world: u64,
    pub request: RequestId,
    pub outcome: Outcome,
    /// The seed of every chance in the decision.
    pub coin: u64,
    /// A listener was known and permitted.
    pub listener: bool,
    /// What was permitted, as [`Permissions::word`]; nought where it ended before that was asked.
    pub permitted: u16,
    /// What the listener had refused, as `Suppressed::word`.
    pub suppressed: u32,
    pub counts: Counts,
    /// xxh3 of the answer's body; nought without one.
    pub answer_hash: u64,
    pub winners: Winners,
    /// What `live` said, in order, and which lines it passed over.
    pub answers: Answers,
}

/// The request's id: its hash and length, and its first 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    pub hash: u64,
    pub len: u16,
    text: [u8; REQUEST_ID_MAX],
}

impl RequestId {
    pub const NONE: RequestId = RequestId { hash: 0, len: 0, text: [0; REQUEST_ID_MAX] };

    pub fn of(id: &str) -> RequestId {
        let mut text = [0; REQUEST_ID_MAX];
        let kept = id.len().min(REQUEST_ID_MAX);
        text[..kept].copy_from_slice(&id.as_bytes()[..kept]);
        let len = u16::try_from(id.len()).unwrap_or(u16::MAX);
        RequestId { hash: xxh3_64(id.as_bytes()), len, text }
    }

    fn kept(&self) -> &[u8] {
        &self.text[..usize::from(self.len).min(REQUEST_ID_MAX)]
    }

    /// The first 64 bytes, to the last whole character.
    pub fn text(&self) -> &str {
        match std::str::from_utf8(self.kept()) {
            Ok(text) => text,
            Err(cut) => std::str::from_utf8(&self.kept()[..cut.valid_up_to()]).unwrap_or(""),
        }
    }
}

impl std::fmt::Debug for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} ({:016x})", self.text(), self.hash)
    }
}

/// How many came how far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Audio slots of the request.
    pub slots: u16,
    /// Lines that targeting let through and that were considered, over all slots and deals: the
    /// search ends when no later line can win.
    pub matched: u32,
    /// Candidates that were weighed: lines, in a stretch with their spots of each length.
    pub candidates: u32,
    /// Bids in the answer.
    pub bids: u16,
}

/// The deal of a bid in the open market.
pub const DEAL_NONE: u64 = 0;

/// One bid of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Winner {
    pub bid: BidId,
    pub line: LineId,
    /// Hash of the creative's `crid`.
    pub creative: u64,
    /// Hash of the deal's id, or [`DEAL_NONE`].
    pub deal: u64,
    /// Position in `request.imp`.
    pub slot: u16,
    /// In the currency of the answer.
    pub price: Money,
}

/// The first bids of the answer.
#[derive(Clone, Copy)]
pub struct Winners {
    len: u8,
    list: [Winner; WINNERS_MAX],
}

impl Winners {
    pub const fn new() -> Winners {
        let none = Winner {
            bid: BidId(0),
            line: LineId(0),
            creative: 0,
            deal: DEAL_NONE,
            slot: 0,
            price: Money::zero(Currency::USD),
        };
        Winners { len: 0, list: [none; WINNERS_MAX] }
    }

    pub fn as_slice(&self) -> &[Winner] {
        &self.list[..usize::from(self.len)]
    }

    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Those beyond [`WINNERS_MAX`] are only counted, in [`Counts::bids`].
    pub fn push(&mut self, winner: Winner) {
        if let Some(place) = self.list.get_mut(usize::from(self.len)) {
            *place = winner;
            self.len += 1;
        }
    }
}

impl Default for Winners {
    fn default() -> Winners {
        Winners::new()
    }
}

impl PartialEq for Winners {
    fn eq(&self, other: &Winners) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl std::fmt::Debug for Winners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl DecisionRecord {
    /// A record of nothing yet: what a decision begins with.
    pub const fn blank(moment: Moment, exchange: ExchangeIx) -> DecisionRecord {
        DecisionRecord {
            moment,
            exchange,
            exchange_key: 0,
            wire: 0,
            world: 0,
            request: RequestId::NONE,
            outcome: Outcome::NoBid(NoBid::Internal),
            coin: 0,
            listener: false,
            permitted: 0,
            suppressed: 0,
            counts: Counts { slots: 0, matched: 0, candidates: 0, bids: 0 },
            answer_hash: 0,
            winners: Winners::new(),
            answers: Answers::new(),
        }
    }

    /// What was permitted; `None` where it ended before that was asked.
    pub fn permissions(&self) -> Option<Permissions> {
        Permissions::recorded(self.permitted)
    }

    /// Appends the record's bytes; at most [`RECORD_BYTES_MAX`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (outcome, reason) = match self.outcome {
            Outcome::Bid => (0, 0),
            Outcome::NoBid(reason) => (1, reason as u8),
            Outcome::Malformed(reason) => (2, reason as u8),
        };
        out.extend_from_slice(&[VERSION, self.wire, outcome, reason, u8::from(self.listener)]);
        out.extend_from_slice(&self.moment.unix_us.to_le_bytes());
        out.extend_from_slice(&self.exchange.0.to_le_bytes());
        for word in [self.exchange_key, self.world, self.coin, self.answer_hash] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.permitted.to_le_bytes());
        out.extend_from_slice(&self.suppressed.to_le_bytes());
        out.extend_from_slice(&self.request.hash.to_le_bytes());
        out.extend_from_slice(&self.request.len.to_le_bytes());
        out.extend_from_slice(self.request.kept());
        out.extend_from_slice(&self.counts.slots.to_le_bytes());
        out.extend_from_slice(&self.counts.matched.to_le_bytes());
        out.extend_from_slice(&self.counts.candidates.to_le_bytes());
        out.extend_from_slice(&self.counts.bids.to_le_bytes());
        out.push(self.winners.len);
        for winner in self.winners.as_slice() {
            for word in [winner.bid.0, winner.line.0, winner.creative, winner.deal] {
                out.extend_from_slice(&word.to_le_bytes());
            }
            out.extend_from_slice(&winner.slot.to_le_bytes());
            out.extend_from_slice(&winner.price.nanos.to_le_bytes());
            out.extend_from_slice(&winner.price.currency.bytes());
        }
        out.extend_from_slice(&self.answers.asleep.to_le_bytes());
        out.push(self.answers.as_slice().len() as u8);
        for answer in self.answers.as_slice() {
            out.extend_from_slice(&answer.line.0.to_le_bytes());
            let paced = answer.pace != Pace::FULL;
            let code = if paced { PACED } else { answer.code };
            out.extend_from_slice(&[answer.question as u8, code]);
            if paced {
                out.extend_from_slice(&pace_bytes(answer.pace));
            }
        }
    }

    /// Reads a record and returns what stands behind it.
    pub fn decode(bytes: &[u8]) -> Result<(DecisionRecord, &[u8]), RecordFault> {
        let mut from = Bytes(bytes);
        let [version, wire, outcome, reason, listener] = from.take()?;
        if !(1..=VERSION).contains(&version) {
            return Err(RecordFault::Version(version));
        }
        let moment = Moment::from_unix_us(i64::from_le_bytes(from.take()?));
        let mut record = DecisionRecord::blank(moment, ExchangeIx(from.u16()?));
        record.wire = wire;
        record.listener = listener != 0;
        record.outcome = match outcome {
            0 => Some(Outcome::Bid),
            1 => NoBid::from_code(reason).map(Outcome::NoBid),
            2 => Malformed::from_code(reason).map(Outcome::Malformed),
            _ => None,
        }
        .ok_or(RecordFault::Value("outcome"))?;
        record.exchange_key = from.u64()?;
        record.world = from.u64()?;
        record.coin = from.u64()?;
        if version < 4 {
            // Nought, always.
            from.u64()?;
        }
        record.answer_hash = from.u64()?;
        if version >= 4 {
            record.permitted = from.u16()?;
            record.suppressed = from.u32()?;
        }
        record.request = from.request()?;
        record.counts = Counts {
            slots: from.u16()?,
            matched: from.u32()?,
            candidates: from.u32()?,
            bids: from.u16()?,
        };
        from.winners(&mut record.winners)?;
        record.answers.asleep = if version == 1 { 0 } else { from.u64()? };
        from.answers(&mut record.answers)?;
        Ok((record, from.0))
    }
}

/// Head, id, counts, then the two lists with their lengths.
pub const RECORD_BYTES_MAX: usize = (5 + 8 + 2 + 4 * 8 + 2 + 4)
    + (8 + 2 + REQUEST_ID_MAX)
    + (2 + 4 + 4 + 2)
    + (1 + WINNERS_MAX * (4 * 8 + 2 + 8 + 3))
    + (8 + 1 + ANSWERS_MAX * (6 + PACE_BYTES));

/// Two parts of a million, of twenty bits each.
pub(super) const PACE_BYTES: usize = 5;

fn pace_bytes(pace: Pace) -> [u8; PACE_BYTES] {
    let packed = u64::from(pace.bid_ppm) << 20 | u64::from(pace.pass_ppm);
    let [a, b, c, d, e, ..] = packed.to_le_bytes();
    [a, b, c, d, e]
}

/// Why bytes are no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordFault {
    #[error("a record of version {0}; this program reads versions 1 to 4")]
    Version(u8),
    #[error("the record is cut off")]
    Short,
    #[error("the record's {0} is none of ours")]
    Value(&'static str),
}

struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordFault> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(RecordFault::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u16(&mut self) -> Result<u16, RecordFault> {
        Ok(u16::from_le_bytes(self.take()?))
    }

    fn u32(&mut self) -> Result<u32, RecordFault> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn u64(&mut self) -> Result<u64, RecordFault> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn request(&mut self) -> Result<RequestId, RecordFault> {
        let mut id = RequestId { hash: self.u64()?, len: self.u16()?, text: [0; REQUEST_ID_MAX] };
        let kept = usize::from(id.len).min(REQUEST_ID_MAX);
        let (text, rest) = self.0.split_at_checked(kept).ok_or(RecordFault::Short)?;
        id.text[..kept].copy_from_slice(text);
        self.0 = rest;
        Ok(id)
    }

    fn winners(&mut self, winners: &mut Winners) -> Result<(), RecordFault> {
        let [len] = self.take()?;
        if usize::from(len) > WINNERS_MAX {
            return Err(RecordFault::Value("number of winners"));
        }
        for _ in 0..len {
            let (bid, line) = (BidId(self.u64()?), LineId(self.u64()?));
            let (creative, deal, slot) = (self.u64()?, self.u64()?, self.u16()?);
            let nanos = i64::from_le_bytes(self.take()?);
            let currency =
                Currency::from_bytes(self.take()?).ok_or(RecordFault::Value("currency"))?;
            let price = Money::new(nanos, currency);
            winners.push(Winner { bid, line, creative, deal, slot, price });
        }
        Ok(())
    }

    fn pace(&mut self) -> Result<Pace, RecordFault> {
        let [a, b, c, d, e] = self.take()?;
        let packed = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
        let (bid_ppm, pass_ppm) = ((packed >> 20) as u32, (packed & 0xF_FFFF) as u32);
        let pace = Pace { bid_ppm, pass_ppm };
        let paced = pace != Pace::FULL && Pace::new(bid_ppm, pass_ppm) == pace;
        paced.then_some(pace).ok_or(RecordFault::Value("pace"))
    }

    fn answers(&mut self, answers: &mut Answers) -> Result<(), RecordFault> {
        let [len] = self.take()?;
        for _ in 0..len {
            let line = LineIx(self.u32()?);
            let [question, code] = self.take()?;
            let question = match question {
                0 => Question::MayBid,
                1 => Question::Hold,
                2 => Question::IsBoxed,
                _ => return Err(RecordFault::Value("question")),
            };
            let (code, pace) = match code {
                PACED => (0, self.pace()?),
                _ => (code, Pace::FULL),
            };
            if !answers.push(Answer { line, question, code, pace }) {
                return Err(RecordFault::Value("number of answers"));
            }
        }
        Ok(())
    }
}
