//! The response as protobuf, by hand, with the numbers of `proto/openrtb.proto`.
//!
//! A nested message stands behind its length, so each is walked twice: once to count, once to
//! write. That keeps the writer free of scratch and of allocation.

use super::{Bid, DsaReply, Response, SeatBid, Transparency};

pub(super) fn response(response: &Response<'_>, out: &mut Vec<u8>) {
    write_response(response, out);
}

fn write_response(response: &Response<'_>, sink: &mut impl Sink) {
    sink.text(1, response.id);
    for seat in response.seatbid {
        sink.message(2, seat, write_seat_bid, count_seat_bid);
    }
    sink.maybe_text(3, response.bidid);
    sink.text(4, response.cur.as_str());
    sink.maybe_int(6, response.nbr);
}

fn write_seat_bid<S: Sink>(seat: &SeatBid<'_>, sink: &mut S) {
    for bid in seat.bid {
        sink.message(1, bid, write_bid, count_bid);
    }
    if !seat.seat.is_empty() {
        sink.text(2, seat.seat);
    }
    if seat.group {
        sink.int(3, 1);
    }
}

fn write_bid<S: Sink>(bid: &Bid<'_>, sink: &mut S) {
    sink.text(1, bid.id);
    sink.text(2, bid.impid);
    sink.double(3, bid.price_nanos as f64 / 1e6);
    sink.maybe_text(4, bid.adid);
    sink.maybe_text(5, bid.nurl);
    if !bid.adm.is_empty() {
        sink.text(6, bid.adm);
    }
    sink.texts(7, bid.adomain);
    sink.maybe_text(8, bid.iurl);
    sink.maybe_text(9, bid.cid);
    sink.maybe_text(10, bid.crid);
    sink.ints(11, bid.attr);
    sink.maybe_text(13, bid.dealid);
    sink.maybe_text(14, bid.bundle);
    sink.texts(15, bid.cat);
    sink.maybe_int(19, bid.protocol);
    sink.maybe_int(20, bid.qagmediarating);
    sink.maybe_int(21, bid.exp);
    sink.maybe_text(22, bid.burl);
    sink.maybe_text(23, bid.lurl);
    sink.maybe_text(24, bid.tactic);
    sink.maybe_text(25, bid.language);
    sink.maybe_int(28, bid.slotinpod);
    sink.maybe_text(29, bid.langb);
    sink.maybe_int(30, bid.cattax);
    sink.ints(31, bid.apis);
    sink.maybe_int(32, bid.dur);
    sink.maybe_int(33, bid.mtype);
    if let Some(dsa) = &bid.dsa {
        sink.message(99, dsa, write_ext, |dsa| counted(|sink| write_ext(dsa, sink)));
    }
}

fn write_ext<S: Sink>(dsa: &DsaReply<'_>, sink: &mut S) {
    sink.message(2, dsa, write_dsa, |dsa| counted(|sink| write_dsa(dsa, sink)));
}

fn write_dsa<S: Sink>(dsa: &DsaReply<'_>, sink: &mut S) {
    sink.maybe_text(1, dsa.behalf);
    sink.maybe_text(2, dsa.paid);
    for entry in dsa.transparency {
        sink.message(3, entry, write_transparency, |entry| {
            counted(|sink| write_transparency(entry, sink))
        });
    }
    if let Some(adrender) = dsa.adrender {
        sink.int(4, i64::from(adrender != 0));
    }
}

fn write_transparency<S: Sink>(entry: &Transparency<'_>, sink: &mut S) {
    sink.text(1, entry.domain);
    sink.ints(2, entry.dsaparams);
}

fn count_seat_bid(seat: &SeatBid<'_>) -> usize {
    counted(|sink| write_seat_bid(seat, sink))
}

fn count_bid(bid: &Bid<'_>) -> usize {
    counted(|sink| write_bid(bid, sink))
}

fn counted(write: impl FnOnce(&mut Count)) -> usize {
    let mut count = Count(0);
    write(&mut count);
    count.0
}

/// Where encoded bytes go: into the buffer, or only into a count.
trait Sink: Sized {
    fn bytes(&mut self, bytes: &[u8]);

    fn varint(&mut self, mut value: u64) {
        let mut bytes = [0; 10];
        let mut len = 0;
        while value >= 0x80 {
            bytes[len] = value as u8 | 0x80;
            value >>= 7;
            len += 1;
        }
        bytes[len] = value as u8;
        self.bytes(&bytes[..=len]);
    }

    fn key(&mut self, number: u32, wire_type: u32) {
        self.varint(u64::from(number << 3 | wire_type));
    }

    fn text(&mut self, number: u32, text: &str) {
        self.key(number, LENGTH);
        self.varint(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    fn maybe_text(&mut self, number: u32, text: Option<&str>) {
        if let Some(text) = text {
            self.text(number, text);
        }
    }

    fn texts(&mut self, number: u32, texts: &[&str]) {
        for text in texts {
            self.text(number, text);
        }
    }

    /// An int32 field; negatives take ten bytes, as the encoding wants.
    fn int(&mut self, number: u32, value: i64) {
        self.key(number, VARINT);
        self.varint(value as u64);
    }

    fn maybe_int(&mut self, number: u32, value: Option<i64>) {
        if let Some(value) = value {
            self.int(number, value);
        }
    }

    /// Packed, as editions and proto3 have it.
    fn ints(&mut self, number: u32, values: &[i64]) {
        if values.is_empty() {
            return;
        }
        self.key(number, LENGTH);
        self.varint(counted(|sink| values.iter().for_each(|&v| sink.varint(v as u64))) as u64);
        values.iter().for_each(|&value| self.varint(value as u64));
    }

    fn double(&mut self, number: u32, value: f64) {
        self.key(number, FIXED64);
        self.bytes(&value.to_le_bytes());
    }

    fn message<T>(
        &mut self,
        number: u32,
        value: &T,
        write: impl FnOnce(&T, &mut Self),
        count: impl FnOnce(&T) -> usize,
    ) {
        self.key(number, LENGTH);
        self.varint(count(value) as u64);
        write(value, self);
    }
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;

impl Sink for Vec<u8> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

struct Count(usize);

impl Sink for Count {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}
