//! The answer read back by others: serde_json and prost.

use proptest::prelude::*;
use prost::Message;
use serde_json::Value;

use super::*;
use crate::market::openrtb::generated;

fn full<'a>(words: &'a [&'a str], numbers: &'a [i64], entries: &'a [Transparency<'a>]) -> Bid<'a> {
    let word = words[0];
    Bid {
        id: word,
        impid: words[1],
        price_nanos: 2_430_134,
        adm: words[2],
        nurl: Some(word),
        burl: Some(word),
        lurl: Some(word),
        adid: Some(word),
        adomain: words,
        bundle: Some(word),
        iurl: Some(word),
        cid: Some(word),
        crid: Some(word),
        tactic: Some(word),
        cattax: Some(numbers[0]),
        cat: words,
        attr: numbers,
        apis: numbers,
        protocol: Some(numbers[0]),
        qagmediarating: Some(1),
        language: Some("en"),
        langb: Some("en-GB"),
        dealid: Some(word),
        exp: Some(3600),
        dur: Some(30),
        mtype: Some(3),
        slotinpod: Some(-1),
        dsa: Some(DsaReply {
            behalf: Some(word),
            paid: Some(word),
            transparency: entries,
            adrender: Some(1),
        }),
    }
}

fn with_response(words: &[&str], numbers: &[i64], check: impl FnOnce(&Response<'_>)) {
    let entries = [Transparency { domain: words[0], dsaparams: numbers }];
    let bids = [full(words, numbers, &entries), Bid { id: "2", ..Bid::default() }];
    let seats = [
        SeatBid { seat: words[0], group: true, bid: &bids },
        SeatBid { seat: "s", group: false, bid: &bids[1..] },
    ];
    check(&Response {
        id: words[0],
        bidid: Some(words[1]),
        cur: Currency::EUR,
        seatbid: &seats,
        nbr: Some(2),
    });
}

fn json(response: &Response<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_json(response, &mut out);
    out
}

fn protobuf(response: &Response<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_protobuf(response, &mut out);
    out
}

fn check_bid_json(read: &Value, bid: &Bid<'_>) {
    for (key, value) in [
        ("id", Some(bid.id)),
        ("impid", Some(bid.impid)),
        ("adm", Some(bid.adm).filter(|adm| !adm.is_empty())),
        ("nurl", bid.nurl),
        ("burl", bid.burl),
        ("lurl", bid.lurl),
        ("adid", bid.adid),
        ("bundle", bid.bundle),
        ("iurl", bid.iurl),
        ("cid", bid.cid),
        ("crid", bid.crid),
        ("tactic", bid.tactic),
        ("language", bid.language),
        ("langb", bid.langb),
        ("dealid", bid.dealid),
    ] {
        assert_eq!(read.get(key).and_then(Value::as_str), value, "{key}");
    }
    for (key, value) in [
        ("cattax", bid.cattax),
        ("protocol", bid.protocol),
        ("qagmediarating", bid.qagmediarating),
        ("exp", bid.exp),
        ("dur", bid.dur),
        ("mtype", bid.mtype),
        ("slotinpod", bid.slotinpod),
    ] {
        assert_eq!(read.get(key).and_then(Value::as_i64), value, "{key}");
    }
    assert_eq!(texts(&read["adomain"]), bid.adomain);
    assert_eq!(texts(&read["cat"]), bid.cat);
    assert_eq!(ints(&read["attr"]), bid.attr);
    assert_eq!(ints(&read["apis"]), bid.apis);
    if let Some(dsa) = bid.dsa {
        let read = &read["ext"]["dsa"];
        assert_eq!(read["behalf"].as_str(), dsa.behalf);
        assert_eq!(read["paid"].as_str(), dsa.paid);
        assert_eq!(read["adrender"].as_i64(), dsa.adrender);
        assert_eq!(read["transparency"][0]["domain"].as_str(), Some(dsa.transparency[0].domain));
        assert_eq!(ints(&read["transparency"][0]["dsaparams"]), dsa.transparency[0].dsaparams);
    }
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn ints(list: &Value) -> Vec<i64> {
    list.as_array().map(|list| list.iter().filter_map(Value::as_i64).collect()).unwrap_or_default()
}

fn check_bid_protobuf(read: &generated::Bid, bid: &Bid<'_>) {
    let wide = |values: &[i32]| values.iter().map(|&value| i64::from(value)).collect::<Vec<_>>();
    assert_eq!(read.price, Some(bid.price_nanos as f64 / 1e6));
    for (read, value) in [
        (&read.id, Some(bid.id)),
        (&read.impid, Some(bid.impid)),
        (&read.adm, Some(bid.adm).filter(|adm| !adm.is_empty())),
        (&read.nurl, bid.nurl),
        (&read.burl, bid.burl),
        (&read.lurl, bid.lurl),
        (&read.adid, bid.adid),
        (&read.bundle, bid.bundle),
        (&read.iurl, bid.iurl),
        (&read.cid, bid.cid),
        (&read.crid, bid.crid),
        (&read.tactic, bid.tactic),
        (&read.language, bid.language),
        (&read.langb, bid.langb),
        (&read.dealid, bid.dealid),
    ] {
        assert_eq!(read.as_deref(), value);
    }
    for (read, value) in [
        (read.cattax, bid.cattax),
        (read.protocol, bid.protocol),
        (read.qagmediarating, bid.qagmediarating),
        (read.exp, bid.exp),
        (read.dur, bid.dur),
        (read.mtype, bid.mtype),
        (read.slotinpod, bid.slotinpod),
    ] {
        assert_eq!(read.map(i64::from), value);
    }
    assert_eq!(read.adomain, bid.adomain);
    assert_eq!(read.cat, bid.cat);
    assert_eq!(wide(&read.attr), bid.attr);
    assert_eq!(wide(&read.apis), bid.apis);
    if let Some(dsa) = bid.dsa {
        let read = read.ext.clone().unwrap().dsa.unwrap();
        assert_eq!(read.behalf.as_deref(), dsa.behalf);
        assert_eq!(read.paid.as_deref(), dsa.paid);
        assert_eq!(read.adrender, Some(true));
        assert_eq!(read.transparency[0].domain.as_deref(), Some(dsa.transparency[0].domain));
        assert_eq!(wide(&read.transparency[0].dsaparams), dsa.transparency[0].dsaparams);
    }
}

fn check_both(response: &Response<'_>) {
    let read: Value = serde_json::from_slice(&json(response)).unwrap();
    assert_eq!(read["id"].as_str(), Some(response.id));
    assert_eq!(read["cur"].as_str(), Some(response.cur.as_str()));
    assert_eq!(read.get("bidid").and_then(Value::as_str), response.bidid);
    assert_eq!(read.get("nbr").and_then(Value::as_i64), response.nbr);
    let message = generated::BidResponse::decode(&*protobuf(response)).unwrap();
    assert_eq!(message.id.as_deref(), Some(response.id));
    assert_eq!(message.cur.as_deref(), Some(response.cur.as_str()));
    assert_eq!(message.bidid.as_deref(), response.bidid);
    assert_eq!(message.nbr.map(i64::from), response.nbr);
    assert_eq!(message.seatbid.len(), response.seatbid.len());
    for (at, seat) in response.seatbid.iter().enumerate() {
        assert_eq!(read["seatbid"][at]["seat"].as_str(), Some(seat.seat));
        assert_eq!(read["seatbid"][at].get("group").is_some(), seat.group);
        assert_eq!(message.seatbid[at].seat.as_deref(), Some(seat.seat));
        assert_eq!(message.seatbid[at].group.unwrap_or_default(), seat.group);
        assert_eq!(message.seatbid[at].bid.len(), seat.bid.len());
        for (place, bid) in seat.bid.iter().enumerate() {
            check_bid_json(&read["seatbid"][at]["bid"][place], bid);
            check_bid_protobuf(&message.seatbid[at].bid[place], bid);
        }
    }
}

#[test]
fn an_answer_without_bids_is_short() {
    let none = Response { id: "r", bidid: None, cur: Currency::USD, seatbid: &[], nbr: Some(2) };
    assert_eq!(json(&none), br#"{"id":"r","cur":"USD","nbr":2}"#);
    check_both(&none);
}

#[test]
fn prices_are_exact_decimals() {
    for (nanos, text) in [(2_430_134, "2.430134"), (100_000, "0.1"), (12_000_000, "12")] {
        let bids = [Bid { id: "1", impid: "1", price_nanos: nanos, ..Bid::default() }];
        let seats = [SeatBid { seat: "s", group: false, bid: &bids }];
        let answer =
            Response { id: "r", bidid: None, cur: Currency::USD, seatbid: &seats, nbr: None };
        let written = String::from_utf8(json(&answer)).unwrap();
        assert!(written.contains(&format!("\"price\":{text}}}")), "{written}");
    }
}

#[test]
fn writers_append_and_do_not_grow_a_buffer_with_room() {
    with_response(&["a", "b", "c"], &[1, 2], |response| {
        for write in [write_json, write_protobuf] {
            let mut out = Vec::with_capacity(8192);
            let place = out.as_ptr();
            out.push(b'x');
            write(response, &mut out);
            assert_eq!((out.as_ptr(), out.capacity(), out[0]), (place, 8192, b'x'));
        }
    });
}

proptest! {
    #[test]
    fn whatever_the_words_both_formats_read_back(
        words in prop::collection::vec("(?s).{1,20}|[\\x00-\\x7f]{1,20}", 3..5),
        numbers in prop::collection::vec(any::<i32>(), 1..4),
    ) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let numbers: Vec<i64> = numbers.into_iter().map(i64::from).collect();
        with_response(&words, &numbers, check_both);
    }
}
