//! The response as JSON, by hand: escaped, exact prices, no allocation while `out` has room.

use super::{Bid, DsaReply, Response, SeatBid};
use crate::base::units::money::write_cpm;

pub(super) fn response(response: &Response<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.text("id", response.id);
    object.maybe_text("bidid", response.bidid);
    object.text("cur", response.cur.as_str());
    if !response.seatbid.is_empty() {
        object.list("seatbid", response.seatbid, seat_bid);
    }
    object.maybe_int("nbr", response.nbr);
    object.close();
}

fn seat_bid(seat: &SeatBid<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.list("bid", seat.bid, bid);
    if !seat.seat.is_empty() {
        object.text("seat", seat.seat);
    }
    if seat.group {
        object.int("group", 1);
    }
    object.close();
}

fn bid(bid: &Bid<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.text("id", bid.id);
    object.text("impid", bid.impid);
    object.price("price", bid.price_nanos);
    object.maybe_text("nurl", bid.nurl);
    object.maybe_text("burl", bid.burl);
    object.maybe_text("lurl", bid.lurl);
    if !bid.adm.is_empty() {
        object.text("adm", bid.adm);
    }
    object.maybe_text("adid", bid.adid);
    object.texts("adomain", bid.adomain);
    object.maybe_text("bundle", bid.bundle);
    object.maybe_text("iurl", bid.iurl);
    object.maybe_text("cid", bid.cid);
    object.maybe_text("crid", bid.crid);
    object.maybe_text("tactic", bid.tactic);
    object.maybe_int("cattax", bid.cattax);
    object.texts("cat", bid.cat);
    object.ints("attr", bid.attr);
    object.ints("apis", bid.apis);
    object.maybe_int("protocol", bid.protocol);
    object.maybe_int("qagmediarating", bid.qagmediarating);
    object.maybe_text("language", bid.language);
    object.maybe_text("langb", bid.langb);
    object.maybe_text("dealid", bid.dealid);
    object.maybe_int("exp", bid.exp);
    object.maybe_int("dur", bid.dur);
    object.maybe_int("mtype", bid.mtype);
    object.maybe_int("slotinpod", bid.slotinpod);
    if let Some(reply) = &bid.dsa {
        object.key("ext");
        let mut ext = Object::open(object.out);
        ext.key("dsa");
        dsa(reply, ext.out);
        ext.close();
    }
    object.close();
}

fn dsa(reply: &DsaReply<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.maybe_text("behalf", reply.behalf);
    object.maybe_text("paid", reply.paid);
    if !reply.transparency.is_empty() {
        object.list("transparency", reply.transparency, |entry, out| {
            let mut object = Object::open(out);
            object.text("domain", entry.domain);
            object.ints("dsaparams", entry.dsaparams);
            object.close();
        });
    }
    object.maybe_int("adrender", reply.adrender);
    object.close();
}

/// One JSON object being written; keys are ours and need no escaping.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Object<'o> {
        out.push(b'{');
        Object { out, first: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        string(text, self.out);
    }

    fn maybe_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn int(&mut self, key: &str, value: i64) {
        self.key(key);
        integer(value, self.out);
    }

    fn maybe_int(&mut self, key: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.int(key, value);
        }
    }

    fn price(&mut self, key: &str, nanos: i64) {
        self.key(key);
        // Writing to a `Vec` cannot fail.
        let _ = write_cpm(nanos, &mut Ascii(self.out));
    }

    fn texts(&mut self, key: &str, texts: &[&str]) {
        if !texts.is_empty() {
            self.list(key, texts, |text, out| string(text, out));
        }
    }

    fn ints(&mut self, key: &str, values: &[i64]) {
        if !values.is_empty() {
            self.list(key, values, |&value, out| integer(value, out));
        }
    }

    fn list<T>(&mut self, key: &str, items: &[T], write: impl Fn(&T, &mut Vec<u8>)) {
        self.key(key);
        self.out.push(b'[');
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            write(item, self.out);
        }
        self.out.push(b']');
    }
}

fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// What `core::fmt` needs to write into a byte buffer.
struct Ascii<'o>(&'o mut Vec<u8>);

impl std::fmt::Write for Ascii<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// A string with `"`, `\` and control characters escaped (RFC 8259 §7). Most of an answer is
/// markup, which holds many quotes and no control characters: it is copied from quote to quote.
fn string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + bytes.len() / 16 + 2);
    out.push(b'"');
    if bytes.iter().fold(false, |any, &byte| any | (byte < 0x20)) {
        escaped(bytes, out);
    } else {
        let mut copied = 0;
        for at in memchr::memchr2_iter(b'"', b'\\', bytes) {
            out.extend_from_slice(&bytes[copied..at]);
            out.push(b'\\');
            copied = at;
        }
        out.extend_from_slice(&bytes[copied..]);
    }
    out.push(b'"');
}

fn escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut clean = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if NEEDS_ESCAPE[usize::from(byte)] {
            out.extend_from_slice(&bytes[clean..at]);
            clean = at + 1;
            escape(byte, out);
        }
    }
    out.extend_from_slice(&bytes[clean..]);
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        control => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(control >> 4)]);
            out.push(HEX[usize::from(control & 15)]);
        }
    }
}

const NEEDS_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = true;
        control += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_string_is_escaped_as_json_is(
            text in r#"([ -~]|["\\\x00-\x20\x7F]|é|🎧){0,80}"#
        ) {
            let mut out = Vec::new();
            string(&text, &mut out);
            let told: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(&told, &text);
            let usual = serde_json::to_string(&text).unwrap();
            prop_assert!(out.len() >= usual.len(), "{:?} {}", out, usual);
        }
    }
}
