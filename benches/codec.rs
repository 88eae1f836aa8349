//! What does the wire cost? One audio request of 1.6 kB in, one answer of 1.4 kB out.
//!
//! Measured: our decode (JSON with all its tolerance and the strict rules; protobuf of the same
//! request), beside sonic-rs and serde_json into plain borrowed structs, which do nothing but
//! parse, and prost into owned messages; then both writers into a reused buffer. Wanted: our
//! JSON at most 1.5 × sonic-rs in the same run.

#[path = "codec/borrowed.rs"]
mod borrowed;

use std::hint::black_box;

use bumpalo::Bump;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use interlude::base::units::money::Currency;
use interlude::market::openrtb::response::{Bid, Response, SeatBid, write_json, write_protobuf};
use interlude::market::openrtb::{Wire, decode, generated};
use prost::Message;

const JSON: &[u8] = include_bytes!("data/audio_request.json");
const PROTOBUF: &[u8] = include_bytes!("data/audio_request.pb");
const MARKUP: &str = include_str!("data/audio_request.json");

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(JSON.len() as u64));
    let mut arena = Bump::with_capacity(1 << 16);
    group.bench_function("json/ours", |b| {
        b.iter(|| {
            arena.reset();
            black_box(decode(Wire::Json, black_box(JSON), &arena)).is_ok()
        });
    });
    group.bench_function("json/sonic-rs, borrowed structs", |b| {
        b.iter(|| sonic_rs::from_slice::<borrowed::BidRequest<'_>>(black_box(JSON)).is_ok());
    });
    group.bench_function("json/serde_json, borrowed structs", |b| {
        b.iter(|| serde_json::from_slice::<borrowed::BidRequest<'_>>(black_box(JSON)).is_ok());
    });
    group.throughput(Throughput::Bytes(PROTOBUF.len() as u64));
    let mut arena = Bump::with_capacity(1 << 16);
    group.bench_function("protobuf/ours", |b| {
        b.iter(|| {
            arena.reset();
            black_box(decode(Wire::Protobuf, black_box(PROTOBUF), &arena)).is_ok()
        });
    });
    group.bench_function("protobuf/prost, owned messages", |b| {
        b.iter(|| generated::BidRequest::decode(black_box(PROTOBUF)).is_ok());
    });
    group.finish();
}

fn write(c: &mut Criterion) {
    let bids = [Bid {
        id: "0",
        impid: "1",
        price_nanos: 4_560_000,
        adm: MARKUP,
        burl: Some("https://ads.example/notice/billing/0123456789?price=${AUCTION_PRICE}"),
        adomain: &["roastery.example"],
        cid: Some("morning"),
        crid: Some("morning-15s"),
        cat: &["IAB8-5"],
        protocol: Some(7),
        dur: Some(15),
        mtype: Some(3),
        ..Bid::default()
    }];
    let seats = [SeatBid { seat: "interlude", group: false, bid: &bids }];
    let answer = Response {
        id: "6f1c0d0e-8f3a-4e5b-9c57-2b6f0d1f4e11",
        bidid: None,
        cur: Currency::USD,
        seatbid: &seats,
        nbr: None,
    };
    let mut out = Vec::with_capacity(1 << 14);
    let mut group = c.benchmark_group("write");
    group.bench_function("json", |b| {
        b.iter(|| {
            out.clear();
            write_json(black_box(&answer), &mut out);
            out.len()
        });
    });
    group.bench_function("protobuf", |b| {
        b.iter(|| {
            out.clear();
            write_protobuf(black_box(&answer), &mut out);
            out.len()
        });
    });
    group.finish();
}

/// A bench of refusals would be quick and wrong.
fn all_decode(_: &mut Criterion) {
    let arena = Bump::new();
    let json = format!("{:?}", decode(Wire::Json, JSON, &arena));
    assert!(json.starts_with("Ok"), "{json}");
    let protobuf = decode(Wire::Protobuf, PROTOBUF, &arena);
    assert!(protobuf.is_ok_and(|request| request.imp[0].audio.is_some()));
    assert!(sonic_rs::from_slice::<borrowed::BidRequest<'_>>(JSON).is_ok());
    assert!(serde_json::from_slice::<borrowed::BidRequest<'_>>(JSON).is_ok());
    assert!(generated::BidRequest::decode(PROTOBUF).is_ok());
}

criterion_group!(benches, all_decode, read, write);
criterion_main!(benches);
