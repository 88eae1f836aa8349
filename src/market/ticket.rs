//! Which bid does a notice speak of? A signed, expiring receipt in every URL we hand out.
//!
//! Issued by `decide` when it renders, verified by `notice`; hot in both, allocation-free. A
//! ticket says all that its settlement needs: what was bid in the exchange's currency, what was
//! held in the account's, and which event is billable. Hence a notice can be settled after a
//! swap or a restart as it would have been before (DESIGN §6).
//!
//! On the wire: base64url of 68 bytes and a tag of 16, HMAC-SHA-256 truncated to 128 bits. Version
//! 1 had 50 bytes (no `made`, listener or supply); its tickets verify until they expire.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::units::ids::{LineId, ListenerKey, ListenerMark};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::exchange::{BillableEvent, ExchangeIx};
use crate::market::marks::{Marks, SupplyMark};

/// Who may present a ticket: what the exchange gets is no good to the player, and the reverse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// `nurl`, `burl`, `lurl`
    Exchange,
    /// Impression, quartiles, click: what stands in the VAST.
    Player,
}

/// What is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    pub channel: Channel,
    /// Names the bid, its hold and its ledger entries.
    pub bid: BidId,
    pub line: LineId,
    /// [`creative_mark`] of the creative: where a click leads.
    pub creative: u32,
    pub exchange: ExchangeIx,
    /// The exchange's billable event when the bid was made.
    pub billable: BillableEvent,
    /// The price that was bid, for one impression, in the currency of the answer.
    pub price: Money,
    /// What was held for it, in the account's currency: the most that may be charged.
    pub held: Money,
    /// When the bid was made: whole seconds, a part of one cut off. The day and the hour that it
    /// belongs to. Version 1 does not tell; an hour before the expiry stands for it.
    pub made: Moment,
    /// Whole seconds; a part of one is rounded up.
    pub expires: Moment,
    /// Whose caps an impression counts in; `None`: nobody's.
    pub listener: Option<ListenerMark>,
    /// The listener may be told from others in measurement, too: reach and frequencies.
    pub measured: bool,
    /// Where the impression comes from; nought in version 1.
    pub supply: SupplyMark,
    /// `test: 1`: counts, never charges.
    pub test: bool,
}

/// A bid: the decision's coin mixed with the bid's number in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BidId(pub u64);

/// What a ticket says of a creative; enough to find it among those of its line.
pub fn creative_mark(crid: &str) -> u32 {
    xxhash_rust::xxh3::xxh3_64(crid.as_bytes()) as u32
}

/// The bid that a ticket names, whether or not it is genuine or too late: for reports of others,
/// which are compared with what we know.
pub fn named_bid(text: &str) -> Option<BidId> {
    let body = match text.len() {
        TICKET_CHARS => BODY,
        CHARS_1 => BODY_1,
        _ => return None,
    };
    let mut bytes = [0u8; BODY + TAG];
    let bytes = &mut bytes[..body + TAG];
    let read = URL_SAFE_NO_PAD.decode_slice(text, bytes);
    (read == Ok(body + TAG)).then(|| decode(&bytes[..body])).flatten().map(|ticket| ticket.bid)
}

const BODY: usize = 68;
const TAG: usize = 16;
/// How long every ticket is as text.
pub const TICKET_CHARS: usize = (BODY + TAG) / 3 * 4;
const VERSION: u8 = 2;

/// Version 1: what is the same in both, and no more.
const BODY_1: usize = 50;
const CHARS_1: usize = (BODY_1 + TAG) / 3 * 4;
/// How long tickets of version 1 lived, unless configured otherwise.
const LIFE_1_S: i64 = 3600;

/// A signed ticket as it stands in a URL; base64url, nothing to be escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TicketText([u8; TICKET_CHARS]);

impl TicketText {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for TicketText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a ticket is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TicketFault {
    #[error("not a ticket of this version")]
    Malformed,
    #[error("signed by a key that is not known, or no longer")]
    UnknownKey,
    #[error("the signature does not hold")]
    Forged,
    #[error("a ticket of the other channel")]
    WrongChannel,
    /// Genuine, of this channel, and too late; what it says, so that it can be recorded.
    #[error("the ticket has expired")]
    Expired(Ticket),
}

/// The keys that tickets are signed and verified with, and the secret that veils whom they speak
/// of. One key signs; the others are on their way in or out.
#[derive(Clone)]
pub struct TicketKeys {
    current: Key,
    others: Vec<Key>,
    marks: Marks,
}

#[derive(Clone)]
struct Key {
    id: u8,
    /// Keyed once, cloned for each ticket.
    mac: Hmac<Sha256>,
}

/// Fewer bytes are no secret.
pub const SECRET_BYTES_MIN: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeysFault {
    #[error("the ticket key {0} is shorter than 32 bytes")]
    Short(u8),
    #[error("the ticket key {0} is there twice")]
    Twice(u8),
    #[error("there is no ticket key {0}, which is to sign")]
    NoCurrent(u8),
    #[error("ticket key {0} signed until now: keep it until its tickets have expired")]
    Gone(u8),
    #[error("ticket key {0} has another secret than before: give the new one another id")]
    Changed(u8),
    #[error(
        "the secret of marks is another than before: listeners would be strangers to their caps"
    )]
    Marks,
}

impl TicketKeys {
    /// `current`: the id of the key that signs; all of `keys` verify.
    // cold: at start, and when keys rotate
    pub fn new<'k>(
        current: u8,
        keys: impl IntoIterator<Item = (u8, &'k [u8])>,
        marks: Marks,
    ) -> Result<TicketKeys, KeysFault> {
        let mut others: Vec<Key> = Vec::new();
        for (id, secret) in keys {
            if secret.len() < SECRET_BYTES_MIN {
                return Err(KeysFault::Short(id));
            }
            if others.iter().any(|key| key.id == id) {
                return Err(KeysFault::Twice(id));
            }
            let mac = Hmac::new_from_slice(secret).map_err(|_| KeysFault::Short(id))?;
            others.push(Key { id, mac });
        }
        let place = others.iter().position(|key| key.id == current);
        let current = others.swap_remove(place.ok_or(KeysFault::NoCurrent(current))?);
        Ok(TicketKeys { current, others, marks })
    }

    /// Whether these may take the place of others while tickets of those live.
    // cold: when keys rotate
    pub fn follow(&self, before: &TicketKeys) -> Result<(), KeysFault> {
        let signer = before.current.id;
        for known in std::iter::once(&before.current).chain(&before.others) {
            match self.key(known.id) {
                Some(key) if !key.equals(known) => return Err(KeysFault::Changed(known.id)),
                None if known.id == signer => return Err(KeysFault::Gone(signer)),
                _ => {}
            }
        }
        let somebody = ListenerKey::of("somebody");
        let same = self.marks.listener(somebody) == before.marks.listener(somebody);
        if same { Ok(()) } else { Err(KeysFault::Marks) }
    }

    /// The id of the key that signs.
    pub fn signer(&self) -> u8 {
        self.current.id
    }

    /// The marks of whom tickets speak of.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    pub fn sign(&self, ticket: &Ticket) -> TicketText {
        let mut bytes = [0u8; BODY + TAG];
        let (body, tag) = bytes.split_at_mut(BODY);
        let veiled = ticket.listener.map(|mark| self.marks.veil(mark, ticket.bid.0));
        encode(ticket, self.current.id, veiled, body);
        let mut mac = self.current.mac.clone();
        mac.update(body);
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG]);
        let mut text = TicketText([b'A'; TICKET_CHARS]);
        // The lengths are constants that fit each other.
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text.0);
        debug_assert_eq!(written, Ok(TICKET_CHARS));
        text
    }

    /// What the ticket says, if it is genuine, meant for this channel, and not too late.
    pub fn verify(&self, text: &str, channel: Channel, now: Moment) -> Result<Ticket, TicketFault> {
        let (version, body) = match text.len() {
            TICKET_CHARS => (VERSION, BODY),
            CHARS_1 => (1, BODY_1),
            _ => return Err(TicketFault::Malformed),
        };
        let mut bytes = [0u8; BODY + TAG];
        let bytes = &mut bytes[..body + TAG];
        if URL_SAFE_NO_PAD.decode_slice(text, bytes) != Ok(body + TAG) || bytes[0] >> 4 != version {
            return Err(TicketFault::Malformed);
        }
        let (body, tag) = bytes.split_at(body);
        let key = self.key(body[1]).ok_or(TicketFault::UnknownKey)?;
        let mut mac = key.mac.clone();
        mac.update(body);
        // Compares in constant time.
        mac.verify_truncated_left(tag).map_err(|_| TicketFault::Forged)?;
        let ticket = self.read(body).ok_or(TicketFault::Malformed)?;
        if ticket.channel != channel {
            return Err(TicketFault::WrongChannel);
        }
        if now > ticket.expires {
            return Err(TicketFault::Expired(ticket));
        }
        Ok(ticket)
    }

    /// A body whose signature holds.
    fn read(&self, body: &[u8]) -> Option<Ticket> {
        let ticket = decode(body)?;
        let Some(more) = body.get(BODY_1..).filter(|more| !more.is_empty()) else {
            return Some(ticket);
        };
        let veiled = number(more, 4, 12);
        let listener = match more[16] {
            0 => None,
            1 => Some(self.marks.unveil(veiled, ticket.bid.0)),
            _ => return None,
        };
        Some(Ticket {
            made: Moment::from_unix_s(number(more, 0, 4) as i64),
            listener,
            measured: listener.is_some() && more[17] == 0,
            supply: SupplyMark(number(more, 12, 16) as u32),
            ..ticket
        })
    }

    fn key(&self, id: u8) -> Option<&Key> {
        std::iter::once(&self.current).chain(&self.others).find(|key| key.id == id)
    }
}

impl Key {
    /// Whether both sign alike; the secrets themselves are not kept.
    fn equals(&self, other: &Key) -> bool {
        let signed = |key: &Key| key.mac.clone().chain_update(b"alike").finalize();
        signed(self) == signed(other)
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketKeys(signs with {}, {} more)", self.current.id, self.others.len())
    }
}

/// Flags: version in the upper half, then billable event (two bits), test, channel.
fn encode(ticket: &Ticket, key: u8, veiled: Option<u64>, out: &mut [u8]) {
    let billable = match ticket.billable {
        BillableEvent::Impression => 0,
        BillableEvent::Billing => 1,
        BillableEvent::Win => 2,
    };
    let player = u8::from(ticket.channel == Channel::Player);
    out[0] = VERSION << 4 | billable << 2 | u8::from(ticket.test) << 1 | player;
    out[1] = key;
    out[2..10].copy_from_slice(&ticket.bid.0.to_le_bytes());
    out[10..18].copy_from_slice(&ticket.line.0.to_le_bytes());
    out[18..22].copy_from_slice(&ticket.creative.to_le_bytes());
    out[22..24].copy_from_slice(&ticket.exchange.0.to_le_bytes());
    out[24..32].copy_from_slice(&ticket.price.nanos.to_le_bytes());
    out[32..35].copy_from_slice(&ticket.price.currency.bytes());
    out[35..43].copy_from_slice(&ticket.held.nanos.to_le_bytes());
    out[43..46].copy_from_slice(&ticket.held.currency.bytes());
    // A part of a second is rounded up.
    out[46..50].copy_from_slice(&seconds(ticket.expires.unix_us.saturating_add(999_999)));
    out[50..54].copy_from_slice(&seconds(ticket.made.unix_us));
    out[54..62].copy_from_slice(&veiled.unwrap_or(0).to_le_bytes());
    out[62..66].copy_from_slice(&ticket.supply.0.to_le_bytes());
    out[66] = u8::from(veiled.is_some());
    // Nought in tickets from before measurement asked for a grant of its own.
    out[67] = u8::from(veiled.is_some() && !ticket.measured);
}

fn seconds(unix_us: i64) -> [u8; 4] {
    let seconds = unix_us.div_euclid(1_000_000).max(0);
    u32::try_from(seconds).unwrap_or(u32::MAX).to_le_bytes()
}

fn number(bytes: &[u8], from: usize, to: usize) -> u64 {
    bytes[from..to].iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte))
}

/// What both versions say.
fn decode(body: &[u8]) -> Option<Ticket> {
    let number = |from, to| number(body, from, to);
    let currency = |at: usize| Currency::from_bytes([body[at], body[at + 1], body[at + 2]]);
    let expires = Moment::from_unix_s(number(46, 50) as i64);
    Some(Ticket {
        channel: if body[0] & 1 == 1 { Channel::Player } else { Channel::Exchange },
        bid: BidId(number(2, 10)),
        line: LineId(number(10, 18)),
        creative: number(18, 22) as u32,
        exchange: ExchangeIx(number(22, 24) as u16),
        billable: match body[0] >> 2 & 3 {
            0 => BillableEvent::Impression,
            1 => BillableEvent::Billing,
            2 => BillableEvent::Win,
            _ => return None,
        },
        price: Money::new(number(24, 32) as i64, currency(32)?),
        held: Money::new(number(35, 43) as i64, currency(43)?),
        made: expires.plus_s(-LIFE_1_S),
        expires,
        listener: None,
        measured: false,
        supply: SupplyMark::default(),
        test: body[0] & 2 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(channel: Channel) -> Ticket {
        Ticket {
            channel,
            bid: BidId(0x0123_4567_89ab_cdef),
            line: LineId::of("acme", "spring", "jazz"),
            creative: creative_mark("acme-30s"),
            exchange: ExchangeIx(7),
            billable: BillableEvent::Billing,
            price: Money::new(4_250_000, Currency::EUR),
            held: Money::new(4_600_001, Currency::USD),
            made: Moment::from_unix_s(1_799_996_400),
            expires: Moment::from_unix_s(1_800_000_000),
            listener: Some(ListenerMark(0xfeed_f00d_dead_beef)),
            measured: true,
            supply: SupplyMark(0x8765_4321),
            test: true,
        }
    }

    const BEFORE: Moment = Moment::from_unix_s(1_799_999_999);
    const SECRET: &[u8] = &[7; 32];
    const OTHER: &[u8] = &[8; 48];

    fn marks() -> Marks {
        Marks::new(&[9; 32])
    }

    fn keys() -> TicketKeys {
        TicketKeys::new(1, [(1, SECRET)], marks()).unwrap()
    }

    #[test]
    fn what_was_signed_is_read_back() {
        for channel in [Channel::Exchange, Channel::Player] {
            for billable in [BillableEvent::Impression, BillableEvent::Billing, BillableEvent::Win]
            {
                for test in [false, true] {
                    let ticket = Ticket { billable, test, ..ticket(channel) };
                    let text = keys().sign(&ticket);
                    assert_eq!(keys().verify(text.as_str(), channel, BEFORE), Ok(ticket));
                    assert_eq!(text.as_str().len(), TICKET_CHARS);
                }
            }
        }
    }

    #[test]
    fn a_ticket_is_written_as_it_always_was() {
        let pinned = Ticket {
            line: LineId(7),
            creative: 0x1234_5678,
            listener: None,
            measured: false,
            ..ticket(Channel::Player)
        };
        assert_eq!(keys().sign(&pinned).as_str(), PINNED);
        // Version 1, as the program before signed it.
        let old = "FwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAFVTRADSSWuSOLSuwhI2hQPf\
                   Q1CFJ3uj";
        let of_one = Ticket {
            made: Moment::from_unix_s(1_800_000_000 - 3600),
            supply: SupplyMark(0),
            ..pinned
        };
        assert_eq!(keys().verify(old, Channel::Player, BEFORE), Ok(of_one));
        let late = keys().verify(old, Channel::Player, of_one.expires.plus_s(1));
        assert_eq!(late, Err(TicketFault::Expired(of_one)));
    }

    /// Without a listener, as another program of the same keys writes it.
    const PINNED: &str = "JwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAFVTRADSSWvww0lr\
                          AAAAAAAAAAAhQ2WHAADVpVUjy8aEa37YoTV6v8nR";

    #[test]
    fn what_is_genuine_and_senseless_is_malformed() {
        for (what, text) in [
            (
                "a listener that is neither there nor not",
                "JwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAFVTRADSSWvww0lrAAAAAAAA\
                 AAAhQ2WHAgBdmLJZx59JYnvz43mhKNkr",
            ),
            (
                "a fourth billable event",
                "LQHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAFVTRADSSWvww0lrAAAAAAAA\
                 AAAhQ2WHAAC_oWkaieiN9zQguTQhpRCF",
            ),
            (
                "no currency of the bid",
                "JwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABldXLBMEYAAAAAAFVTRADSSWvww0lrAAAAAAAA\
                 AAAhQ2WHAACGXnOdy4fNUyr1HmTuokRy",
            ),
            (
                "no currency of the account",
                "JwHvzauJZ0UjAQcAAAAAAAAAeFY0EgcAkNlAAAAAAABFVVLBMEYAAAAAAHVzIQDSSWvww0lrAAAAAAAA\
                 AAAhQ2WHAAD19DbeHzUQuA6ySJxuvyVt",
            ),
        ] {
            let verdict = keys().verify(text, Channel::Player, BEFORE);
            assert_eq!(verdict, Err(TicketFault::Malformed), "{what}");
        }
    }

    #[test]
    fn a_version_goes_with_its_length() {
        let good = URL_SAFE_NO_PAD.decode(PINNED).unwrap();
        for (version, length) in [(1, BODY + TAG), (2, BODY_1 + TAG), (0, BODY + TAG)] {
            let mut body = good[..length - TAG].to_vec();
            body[0] = body[0] & 15 | version << 4;
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
            mac.update(&body);
            body.extend_from_slice(&mac.finalize().into_bytes()[..TAG]);
            let text = URL_SAFE_NO_PAD.encode(&body);
            let verdict = keys().verify(&text, Channel::Player, BEFORE);
            assert_eq!(verdict, Err(TicketFault::Malformed), "{version} of {length}");
        }
    }

    #[test]
    fn a_listener_is_veiled_and_read_back() {
        let with = |bid, listener| Ticket { bid: BidId(bid), listener, ..ticket(Channel::Player) };
        let mark = ListenerMark(0xfeed_f00d_dead_beef);
        let veiled = [1, 2].map(|bid| {
            let text = keys().sign(&with(bid, Some(mark)));
            let read = keys().verify(text.as_str(), Channel::Player, BEFORE).unwrap();
            assert_eq!(read.listener, Some(mark));
            let bytes = URL_SAFE_NO_PAD.decode(text.as_str()).unwrap();
            assert!(!bytes.windows(8).any(|part| part == mark.0.to_le_bytes()), "in the clear");
            bytes[54..62].to_vec()
        });
        assert_ne!(veiled[0], veiled[1], "two tickets of one listener have nothing in common");
        // A mark of nought is one, too.
        for listener in [None, Some(ListenerMark(0))] {
            let text = keys().sign(&with(1, listener));
            let read = keys().verify(text.as_str(), Channel::Player, BEFORE).unwrap();
            assert_eq!((read.listener, read.measured), (listener, listener.is_some()));
        }
        let counted = Ticket { measured: false, ..with(1, Some(mark)) };
        let read = keys().verify(keys().sign(&counted).as_str(), Channel::Player, BEFORE).unwrap();
        assert_eq!(read, counted);
    }

    #[test]
    fn a_ticket_names_its_bid_to_whoever_reads_it() {
        let text = keys().sign(&ticket(Channel::Player));
        let bid = ticket(Channel::Player).bid;
        assert_eq!(named_bid(text.as_str()), Some(bid));
        let old = URL_SAFE_NO_PAD.decode(text.as_str()).unwrap()[..BODY_1 + TAG].to_vec();
        assert_eq!(named_bid(&URL_SAFE_NO_PAD.encode(&old)), Some(bid), "whoever signed it");
        for none in ["", &text.as_str()[1..], &"!".repeat(TICKET_CHARS), &"!".repeat(CHARS_1)] {
            assert_eq!(named_bid(none), None, "{none}");
        }
    }

    #[test]
    fn marks_of_creatives_are_those_of_tickets_that_live() {
        assert_eq!(creative_mark(""), 0x38d3_94c2);
        assert_ne!(creative_mark("zing-10"), creative_mark("zing-11"));
    }

    #[test]
    fn keys_are_told_without_their_secrets() {
        assert_eq!(format!("{:?}", keys()), "TicketKeys(signs with 1, 0 more)");
    }

    #[test]
    fn no_changed_bit_is_accepted() {
        let text = keys().sign(&ticket(Channel::Player));
        let good = URL_SAFE_NO_PAD.decode(text.as_str()).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(&bytes);
            let verdict = keys().verify(&changed, Channel::Player, BEFORE).unwrap_err();
            let expected = match bit {
                4..8 => TicketFault::Malformed,
                8..16 => TicketFault::UnknownKey,
                _ => TicketFault::Forged,
            };
            assert_eq!(verdict, expected, "bit {bit}");
        }
    }

    #[test]
    fn no_changed_character_is_accepted() {
        let text = keys().sign(&ticket(Channel::Player));
        for place in 0..TICKET_CHARS {
            for byte in 0..=127u8 {
                let mut changed = text.as_str().as_bytes().to_vec();
                if changed[place] == byte {
                    continue;
                }
                changed[place] = byte;
                let changed = String::from_utf8(changed).unwrap();
                assert!(keys().verify(&changed, Channel::Player, BEFORE).is_err());
            }
        }
    }

    #[test]
    fn what_is_cut_or_longer_is_malformed() {
        let text = keys().sign(&ticket(Channel::Player));
        for end in 0..TICKET_CHARS {
            let verdict = keys().verify(&text.as_str()[..end], Channel::Player, BEFORE);
            assert_eq!(verdict, Err(TicketFault::Malformed));
        }
        for longer in ["A", "=", "é", "\0"] {
            let longer = format!("{}{longer}", text.as_str());
            let verdict = keys().verify(&longer, Channel::Player, BEFORE);
            assert_eq!(verdict, Err(TicketFault::Malformed));
        }
    }

    #[test]
    fn a_ticket_is_good_for_one_channel() {
        let text = keys().sign(&ticket(Channel::Player));
        let verdict = keys().verify(text.as_str(), Channel::Exchange, BEFORE);
        assert_eq!(verdict, Err(TicketFault::WrongChannel));
    }

    #[test]
    fn an_expired_ticket_still_says_what_it_was() {
        let ticket = ticket(Channel::Exchange);
        let text = keys().sign(&ticket);
        let at = |us| keys().verify(text.as_str(), Channel::Exchange, Moment::from_unix_us(us));
        assert_eq!(at(ticket.expires.unix_us), Ok(ticket));
        assert_eq!(at(ticket.expires.unix_us + 1), Err(TicketFault::Expired(ticket)));
    }

    #[test]
    fn a_life_is_kept_in_whole_seconds_and_never_shortened() {
        for (us, made_s, expires_s) in [
            (1_500_000, 1, 2),
            (1_000_000, 1, 1),
            (1_999_999, 1, 2),
            (1_000_001, 1, 2),
            (-1, 0, 0),
            (i64::MIN, 0, 0),
            (i64::MAX, u32::MAX.into(), u32::MAX.into()),
        ] {
            let at = Moment::from_unix_us(us);
            let text = keys().sign(&Ticket { made: at, expires: at, ..ticket(Channel::Player) });
            let epoch = Moment::from_unix_s(0);
            let read = keys().verify(text.as_str(), Channel::Player, epoch).unwrap();
            assert_eq!(read.made, Moment::from_unix_s(made_s), "{us}");
            assert_eq!(read.expires, Moment::from_unix_s(expires_s), "{us}");
        }
    }

    #[test]
    fn keys_rotate_without_losing_a_ticket() {
        let old = keys().sign(&ticket(Channel::Player));
        let both = TicketKeys::new(2, [(1, SECRET), (2, OTHER)], marks()).unwrap();
        let new = both.sign(&ticket(Channel::Player));
        for text in [old, new] {
            assert!(both.verify(text.as_str(), Channel::Player, BEFORE).is_ok());
        }
        let after = TicketKeys::new(2, [(2, OTHER)], marks()).unwrap();
        assert!(after.verify(new.as_str(), Channel::Player, BEFORE).is_ok());
        let verdict = after.verify(old.as_str(), Channel::Player, BEFORE);
        assert_eq!(verdict, Err(TicketFault::UnknownKey));
        let taken_over = TicketKeys::new(1, [(1, OTHER)], marks()).unwrap();
        let verdict = taken_over.verify(old.as_str(), Channel::Player, BEFORE);
        assert_eq!(verdict, Err(TicketFault::Forged));
    }

    #[test]
    fn keys_give_way_only_to_those_that_know_the_signer() {
        let of = |current, secrets: &[(u8, u8)], mark: u8| {
            let secrets: Vec<_> = secrets.iter().map(|&(id, fill)| (id, [fill; 32])).collect();
            let secrets = secrets.iter().map(|(id, secret)| (*id, &secret[..]));
            TicketKeys::new(current, secrets, Marks::new(&[mark; 32])).unwrap()
        };
        let before = of(1, &[(1, 10), (2, 20)], 7);
        assert_eq!(before.signer(), 1);
        let follows = |keys: TicketKeys| keys.follow(&before);
        assert_eq!(follows(of(1, &[(1, 10), (2, 20)], 7)), Ok(()));
        assert_eq!(follows(of(3, &[(3, 30), (1, 10)], 7)), Ok(()), "2 signs nothing that lives");
        assert_eq!(follows(of(2, &[(2, 20)], 7)), Err(KeysFault::Gone(1)));
        assert_eq!(follows(of(1, &[(1, 11), (2, 20)], 7)), Err(KeysFault::Changed(1)));
        assert_eq!(follows(of(1, &[(1, 10), (2, 21)], 7)), Err(KeysFault::Changed(2)));
        assert_eq!(follows(of(1, &[(1, 10), (2, 20)], 8)), Err(KeysFault::Marks));
    }

    #[test]
    fn bad_key_sets_are_refused() {
        assert_eq!(
            TicketKeys::new(1, [(1, &[1u8; 31][..])], marks()).unwrap_err(),
            KeysFault::Short(1)
        );
        let twice = TicketKeys::new(1, [(1, SECRET), (1, OTHER)], marks());
        assert_eq!(twice.unwrap_err(), KeysFault::Twice(1));
        assert_eq!(
            TicketKeys::new(3, [(1, SECRET)], marks()).unwrap_err(),
            KeysFault::NoCurrent(3)
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_or_passes(text in ".{0,120}") {
            proptest::prop_assert!(keys().verify(&text, Channel::Player, BEFORE).is_err());
        }
    }
}
