//! How does a ticket stand in bytes and text? The body's fields, of every version that lives.
//!
//! Used by [`ticket`](super) alone, which signs and verifies; hot, allocation-free.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{BidId, Channel, Ticket};
use crate::base::units::ids::LineId;
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::exchange::{BillableEvent, ExchangeIx};
use crate::market::marks::SupplyMark;

pub(super) const TAG: usize = 16;
/// How long every ticket is as text.
pub const TICKET_CHARS: usize = FORMS[0].chars();
pub(super) const BODY: usize = FORMS[0].body;
/// The body's part of the text: what both tickets of a bid share.
pub(super) const BODY_CHARS: usize = BODY / 3 * 4;

/// How tickets of one version are written: what tells them apart is their length.
pub(super) struct Form {
    pub(super) version: u8,
    pub(super) body: usize,
}

/// The first is what is written now; the others are still read.
pub(super) const FORMS: [Form; 3] =
    [Form { version: 3, body: 66 }, Form { version: 2, body: 68 }, Form { version: 1, body: 50 }];
pub(super) const BYTES_MAX: usize = 68 + TAG;
/// How long tickets of version 1 lived, unless configured otherwise.
const LIFE_1_S: i64 = 3600;

impl Form {
    pub(super) const fn chars(&self) -> usize {
        ((self.body + TAG) * 4).div_ceil(3)
    }

    pub(super) fn of(text: &str) -> Option<&'static Form> {
        FORMS.iter().find(|form| form.chars() == text.len())
    }

    /// The bytes of `text`: the body, and behind it the tag.
    pub(super) fn read<'b>(
        &self,
        text: &str,
        bytes: &'b mut [u8; BYTES_MAX],
    ) -> Option<(&'b [u8], &'b [u8])> {
        let length = self.body + TAG;
        let read = URL_SAFE_NO_PAD.decode_slice(text, bytes);
        let whole = read == Ok(length) && version(bytes[0]) == self.version;
        whole.then(|| bytes[..length].split_at(self.body))
    }
}

/// The channel's half of an HMAC.
pub(super) fn half(mac: &[u8; 32], channel: Channel) -> &[u8] {
    match channel {
        Channel::Exchange => &mac[..TAG],
        Channel::Player => &mac[TAG..],
    }
}

pub(super) fn write(bytes: &[u8], text: &mut [u8]) {
    // The lengths are constants that fit each other.
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, text);
    debug_assert_eq!(written, Ok(text.len()));
}

/// In the first byte, beside the version in its upper three bits and the billable event below it.
pub(super) const TEST: u8 = 4;
pub(super) const LISTENER: u8 = 2;
pub(super) const MEASURED: u8 = 1;

/// Versions 1 and 2 have the upper four bits; nought is none.
pub(super) fn version(first: u8) -> u8 {
    match first >> 4 {
        version @ (1 | 2) => version,
        6 | 7 => 3,
        _ => 0,
    }
}

pub(super) fn encode(ticket: &Ticket, key: u8, veiled: Option<u64>, out: &mut [u8; BODY]) {
    let billable = match ticket.billable {
        BillableEvent::Impression => 0,
        BillableEvent::Billing => 1,
        BillableEvent::Win => 2,
    };
    let flag = |holds: bool, flag: u8| if holds { flag } else { 0 };
    let listener = flag(veiled.is_some(), LISTENER);
    let measured = flag(veiled.is_some() && ticket.measured, MEASURED);
    out[0] = 3 << 5 | billable << 3 | flag(ticket.test, TEST) | listener | measured;
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
}

fn seconds(unix_us: i64) -> [u8; 4] {
    let seconds = unix_us.div_euclid(1_000_000).max(0);
    u32::try_from(seconds).unwrap_or(u32::MAX).to_le_bytes()
}

pub(super) fn number(bytes: &[u8], from: usize, to: usize) -> u64 {
    bytes[from..to].iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte))
}

/// What all versions say, but for the channel, which is not in the body of the third.
pub(super) fn decode(body: &[u8]) -> Option<Ticket> {
    let number = |from, to| number(body, from, to);
    let currency = |at: usize| Currency::from_bytes([body[at], body[at + 1], body[at + 2]]);
    let expires = Moment::from_unix_s(number(46, 50) as i64);
    let (billable, test) = match version(body[0]) {
        3 => (body[0] >> 3, body[0] & TEST),
        _ => (body[0] >> 2, body[0] & 2),
    };
    Some(Ticket {
        channel: Channel::Exchange,
        bid: BidId(number(2, 10)),
        line: LineId(number(10, 18)),
        creative: number(18, 22) as u32,
        exchange: ExchangeIx(number(22, 24) as u16),
        billable: match billable & 3 {
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
        test: test != 0,
    })
}
