//! Thousands of connections that say nothing, half a head or half a body (reliability.md F3, F4):
//! others are answered as before, and each costs little memory. One address has no more than its
//! share of connections.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use super::load::Book;
use super::{Process, is_long, time_bids, until, world};
use crate::doors::client::{Client, post};
use crate::doors::value;

/// Timed with and without the crowd.
const BIDS: usize = 2_000;

#[test]
fn ten_thousand_half_open_connections_cost_little() {
    let crowd = if is_long() { 10_000 } else { 1_000 };
    want_files(crowd as u64 + 500);
    let world = world();
    let file = world.path().join("interlude.toml");
    // They are all there at once while bids are timed: nobody is cut meanwhile.
    let config = std::fs::read_to_string(&file).unwrap()
        + "[bid]\nconnections_max = 12000\nhead_timeout_ms = 120000\nbody_timeout_ms = 120000\n\
           [bid.overload]\nqueue_target_us = 0\n";
    std::fs::write(&file, config).unwrap();
    let mut server = Process::start(world.path(), &world.path().join("data"));
    let book = Book::default();
    let mut client = Client::connect(server.bid);
    time_bids(&book, &mut client, BIDS);
    let quiet = time_bids(&book, &mut client, BIDS);
    let before = server.resident_kb();
    let ask = post("/bid/demo", "", &[b' '; 64]);
    let head = format!("POST /bid/demo HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(15 << 10));
    let kinds: [(&str, &[u8]); 4] = [
        ("silent", b""),
        ("half a head", &ask[..20]),
        ("15 KB of a head", head.as_bytes()),
        ("half a body", &ask[..ask.len() - 30]),
    ];
    let mut held = Vec::new();
    for (kind, bytes) in kinds {
        let since = server.resident_kb();
        for nth in 0..crowd / kinds.len() {
            held.push(open_from(nth, server.bid, bytes));
        }
        let wanted = held.len() as u64;
        assert!(until(|| server.connections() > wanted).is_some(), "not all were taken");
        let kb = server.resident_kb().saturating_sub(since) as f64;
        eprintln!("{kind}: {:.1} KB each", kb / (crowd / kinds.len()) as f64);
    }
    let each_kb = server.resident_kb().saturating_sub(before) as f64 / held.len() as f64;
    let beside = time_bids(&book, &mut client, BIDS);
    let ratio = |share: usize| {
        let at = BIDS * share / 100;
        beside[at].as_secs_f64() / quiet[at].as_secs_f64()
    };
    eprintln!(
        "{} half-open connections: {each_kb:.1} KB each; a bid takes {:.2} times as long in the \
         median, {:.2} times at 99 %",
        held.len(),
        ratio(50),
        ratio(99),
    );
    drop(held);
    assert!(until(|| server.connections() <= 1).is_some(), "connections are left over");
    server.kill();
}

/// Those that go beyond are closed, counted, and others come in.
#[test]
fn one_address_has_its_share_of_connections() {
    let world = world();
    let file = world.path().join("interlude.toml");
    let config = std::fs::read_to_string(&file).unwrap()
        + "[bid]\nconnections_max = 60\nconnections_per_peer_max = 20\n";
    std::fs::write(&file, config).unwrap();
    let server = Process::start(world.path(), &world.path().join("data"));
    let mut greedy: Vec<TcpStream> = (0..50).map(|_| open_from(0, server.bid, b"")).collect();
    let cut = "interlude_bid_cut_connections_total{reason=\"peer_limit\"}";
    assert!(until(|| value(&server.metrics(), cut) == 30).is_some(), "{}", server.metrics());
    for stream in &mut greedy[20..] {
        let mut byte = [0];
        assert!(matches!(stream.read(&mut byte), Ok(0) | Err(_)), "is closed");
    }
    // From another address there is room.
    let book = Book::default();
    let other = open_from(1, server.bid, &post("/bid/demo", "Connection: close\r\n", b"{}"));
    let mut answer = String::new();
    (&other).read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    // And when one is given back, at the first, too.
    greedy.truncate(19);
    assert!(until(|| server.connections() == 19).is_some());
    let mut client = Client::connect(server.bid);
    book.round(&mut client).unwrap();
    eprintln!("50 connections of one address: 30 closed and counted, others come in");
}

/// A connection that has said so much, from one of eight addresses.
fn open_from(nth: usize, to: SocketAddr, bytes: &[u8]) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2 + (nth % 8) as u8), 0));
    socket.bind(&from.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

fn want_files(files: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|now| now < files) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(files), ..limit }).unwrap();
    }
}
