//! Which bid does a notice speak of? A signed, expiring receipt in every URL we hand out.
//!
//! Issued by `decide` when it renders, verified by `notice`; hot in both, allocation-free. A
//! ticket says all that its settlement needs: what was bid in the exchange's currency, what was
//! held in the account's, and which event is billable. Hence a notice can be settled after a
//! swap or a restart as it would have been before (DESIGN §6).
//!
//! On the wire: base64url of 66 bytes and a tag of 16. Both tickets of a bid are signed at once:
//! one HMAC-SHA-256, whose first half is the exchange's tag and whose second is the player's. Who
//! knows the one learns nothing of the other. Version 2 signed each of them apart, and version 1
//! had 50 bytes (no `made`, listener or supply); tickets of both verify until they expire.

mod wire;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::units::ids::{LineId, ListenerKey, ListenerMark};
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::market::exchange::{BillableEvent, ExchangeIx};
use crate::market::marks::{Marks, SupplyMark};

pub use wire::TICKET_CHARS;
use wire::{
    BODY, BODY_CHARS, BYTES_MAX, Form, LISTENER, MEASURED, decode, encode, half, number, version,
    write,
};

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
    let mut bytes = [0u8; BYTES_MAX];
    let (body, _) = Form::of(text)?.read(text, &mut bytes)?;
    decode(body).map(|ticket| ticket.bid)
}

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

    /// The ticket of its channel alone.
    pub fn sign(&self, ticket: &Ticket) -> TicketText {
        let (body, mac) = self.signed(ticket);
        let mut text = TicketText([b'A'; TICKET_CHARS]);
        write(&body, &mut text.0[..BODY_CHARS]);
        write(half(&mac, ticket.channel), &mut text.0[BODY_CHARS..]);
        text
    }

    /// The exchange's ticket and the player's of one bid; `ticket.channel` says nothing here.
    pub fn sign_both(&self, ticket: &Ticket) -> [TicketText; 2] {
        let (body, mac) = self.signed(ticket);
        let mut exchange = TicketText([b'A'; TICKET_CHARS]);
        write(&body, &mut exchange.0[..BODY_CHARS]);
        let mut player = exchange;
        write(half(&mac, Channel::Exchange), &mut exchange.0[BODY_CHARS..]);
        write(half(&mac, Channel::Player), &mut player.0[BODY_CHARS..]);
        [exchange, player]
    }

    fn signed(&self, ticket: &Ticket) -> ([u8; BODY], [u8; 32]) {
        let mut body = [0u8; BODY];
        let veiled = ticket.listener.map(|mark| self.marks.veil(mark, ticket.bid.0));
        encode(ticket, self.current.id, veiled, &mut body);
        (body, self.current.tag(&body))
    }

    /// What the ticket says, if it is genuine, meant for this channel, and not too late.
    pub fn verify(&self, text: &str, channel: Channel, now: Moment) -> Result<Ticket, TicketFault> {
        let mut bytes = [0u8; BYTES_MAX];
        let form = Form::of(text).ok_or(TicketFault::Malformed)?;
        let (body, tag) = form.read(text, &mut bytes).ok_or(TicketFault::Malformed)?;
        let key = self.key(body[1]).ok_or(TicketFault::UnknownKey)?;
        let signed_for = key.channel(body, tag).ok_or(TicketFault::Forged)?;
        let ticket = self.read(body).ok_or(TicketFault::Malformed)?;
        let ticket = Ticket { channel: signed_for, ..ticket };
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
        let (listener, measured) = match version(body[0]) {
            1 => return Some(ticket),
            2 => match body[66] {
                0 | 1 => (body[66] == 1, body[67] == 0),
                _ => return None,
            },
            _ => (body[0] & LISTENER != 0, body[0] & MEASURED != 0),
        };
        let listener = listener.then(|| self.marks.unveil(number(body, 54, 62), ticket.bid.0));
        Some(Ticket {
            made: Moment::from_unix_s(number(body, 50, 54) as i64),
            listener,
            measured: listener.is_some() && measured,
            supply: SupplyMark(number(body, 62, 66) as u32),
            ..ticket
        })
    }

    fn key(&self, id: u8) -> Option<&Key> {
        std::iter::once(&self.current).chain(&self.others).find(|key| key.id == id)
    }
}

impl Key {
    fn tag(&self, body: &[u8]) -> [u8; 32] {
        self.mac.clone().chain_update(body).finalize().into_bytes().into()
    }

    /// Whose ticket it is, if the tag holds.
    fn channel(&self, body: &[u8], tag: &[u8]) -> Option<Channel> {
        let mac = || self.mac.clone().chain_update(body);
        // Both compare in constant time.
        let first = mac().verify_truncated_left(tag).is_ok();
        match version(body[0]) {
            3 if first => Some(Channel::Exchange),
            3 => mac().verify_truncated_right(tag).is_ok().then_some(Channel::Player),
            _ if !first => None,
            _ if body[0] & 1 == 1 => Some(Channel::Player),
            _ => Some(Channel::Exchange),
        }
    }

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

#[cfg(test)]
mod tests;
