//! What is too much, too slow or ambiguous is refused; what is just within is not.

use std::time::{Duration, Instant};

use interlude::doors::receive::Config;

use super::client::{Client, get, post};
use super::{Server, sum};

/// Times short enough to be waited for.
fn hasty() -> Config {
    Config {
        head_timeout_ms: 300,
        idle_timeout_ms: 1_500,
        body_timeout_ms: 200,
        write_timeout_ms: 300,
        ..Config::default()
    }
}

#[test]
fn a_hundred_headers_pass_and_one_more_does_not() {
    let server = Server::start(Config::default());
    let with = |count: usize| {
        // Host and Content-Length are two of them.
        let headers: String = (2..count).map(|ix| format!("X-{ix}: 1\r\n")).collect();
        Client::connect(server.address).ask(&post("/bid/demo", &headers, b"yes"))
    };
    assert_eq!(with(100).status, 200);
    assert_eq!(with(101).status, 431);
}

#[test]
fn a_head_of_sixteen_kilobytes_passes_and_one_of_seventeen_does_not() {
    let server = Server::start(Config::default());
    let with = |bytes: usize| {
        let empty = post("/bid/demo", "X: \r\n", b"yes").len() - 3;
        let headers = format!("X: {}\r\n", "a".repeat(bytes - empty));
        let request = post("/bid/demo", &headers, b"yes");
        assert_eq!(request.len() - 3, bytes);
        let mut client = Client::connect(server.address);
        let _ = client.try_send(&request);
        client.reply().unwrap().status
    };
    assert_eq!(with(16 << 10), 200);
    assert_eq!(with(17 << 10), 431);
    assert_eq!(with(60 << 10), 431);
}

#[test]
fn a_body_is_taken_up_to_its_bound() {
    let server = Server::start(Config::default());
    let most = vec![b'x'; 256 << 10];
    assert_eq!(Client::connect(server.address).bid(&most).body, most);
    let mut client = Client::connect(server.address);
    let _ = client.try_send(&post("/bid/demo", "", &vec![b'x'; (256 << 10) + 1]));
    let reply = client.reply().unwrap();
    assert_eq!((reply.status, reply.body.len()), (400, 0));
    assert_eq!(reply.header("connection"), Some("close"));
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 1 << 16], b"\r\n"].concat();
    let head = b"POST /bid/demo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = Client::connect(server.address);
    let _ = client.try_send(&[head.as_slice(), &chunk.repeat(5), b"0\r\n\r\n"].concat());
    assert_eq!(client.reply().unwrap().status, 400);
    let mut client = Client::connect(server.address);
    client.send(&[head.as_slice(), &chunk.repeat(4), b"0\r\n\r\n"].concat());
    assert_eq!(client.reply().unwrap().body.len(), 256 << 10);
    let text = server.registry.render();
    assert_eq!(sum(&text, "interlude_bid_requests_total"), 4);
    assert_eq!(sum(&text, "interlude_bid_outcomes_total"), 4);
}

#[test]
fn one_host_and_one_framing_or_none_of_it() {
    let server = Server::start(Config::default());
    for (head, wanted) in [
        ("Host: a\r\nContent-Length: 3\r\n", 200),
        ("Content-Length: 3\r\n", 400),
        ("Host: a\r\nHost: a\r\nContent-Length: 3\r\n", 400),
        ("Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400),
        ("Host: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n", 400),
        ("Host: a\r\nContent-Length: +3\r\n", 400),
        ("Host: a\r\nTransfer-Encoding: xchunked\r\n", 400),
        ("Host: a\r\nTransfer-Encoding: chunked, identity\r\n", 400),
        ("Host : a\r\nContent-Length: 3\r\n", 400),
        ("Host: a\r\nX: a\r\n b\r\nContent-Length: 3\r\n", 400),
        ("Host: a\nContent-Length: 3\r\n", 400),
    ] {
        let mut client = Client::connect(server.address);
        client.send(format!("POST /bid/demo HTTP/1.1\r\n{head}\r\nyes").as_bytes());
        let reply = client.reply().unwrap();
        assert_eq!(reply.status, wanted, "{head:?}");
        if wanted == 400 {
            assert!(client.closed_within(Duration::from_secs(5)), "{head:?}");
        }
    }
}

#[test]
fn a_slow_head_is_cut_and_an_idle_connection_is_not() {
    let server = Server::start(hasty());
    let mut slow = Client::connect(server.address);
    let started = Instant::now();
    // A byte every now and then does not help: the whole head has one deadline.
    let mut cut = None;
    for byte in get("/health/live", "").iter().take(20) {
        if slow.try_send(&[*byte]).is_err() || slow.closed_within(Duration::from_millis(50)) {
            cut = Some(started.elapsed());
            break;
        }
    }
    let cut = cut.expect("a head that trickles is cut");
    assert!(cut >= Duration::from_millis(250) && cut < Duration::from_millis(900), "{cut:?}");

    // Twice as long as a head may take, a connection that has sent none still stands …
    let mut idle = Client::connect(server.address);
    assert!(!idle.closed_within(Duration::from_millis(600)));
    assert_eq!(idle.bid(b"yes").status, 200);
    // … between requests, too; and goes when the idle time is over.
    assert!(!idle.closed_within(Duration::from_millis(600)));
    assert_eq!(idle.bid(b"yes").status, 200);
    assert!(idle.closed_within(Duration::from_secs(5)));

    // A partial head behind a whole request counts from its own first byte.
    let mut partial = Client::connect(server.address);
    partial.send(&[post("/bid/demo", "", b"yes"), b"POST /bid".to_vec()].concat());
    assert_eq!(partial.reply().unwrap().status, 200);
    assert!(partial.closed_within(Duration::from_millis(1_200)));
    assert!(server.metric("interlude_bid_cut_connections_total{reason=\"timeout\"}") >= 2);
}

#[test]
fn a_slow_body_is_refused_in_time() {
    let server = Server::start(hasty());
    let mut client = Client::connect(server.address);
    let request = post("/bid/demo", "", b"yes");
    client.send(&request[..request.len() - 1]);
    let started = Instant::now();
    let reply = client.reply().unwrap();
    assert_eq!((reply.status, reply.header("connection")), (400, Some("close")));
    assert!(started.elapsed() < Duration::from_millis(900));
    assert!(client.closed_within(Duration::from_secs(5)));
    assert_eq!(server.ended("malformed", "bad_http"), 1);
}

#[test]
fn connections_beyond_the_bound_wait_for_a_place() {
    let server = Server::start(Config { connections_max: 2, ..Config::default() });
    let mut first = Client::connect(server.address);
    let mut second = Client::connect(server.address);
    assert_eq!(first.bid(b"yes").status, 200);
    assert_eq!(second.bid(b"yes").status, 200);
    let mut third = Client::connect(server.address);
    third.send(&post("/bid/demo", "", b"yes"));
    assert!(!third.closed_within(Duration::from_millis(100)));
    assert_eq!(server.metric("interlude_bid_connections_total"), 2);
    drop(first);
    let mut third = third;
    assert_eq!(third.reply().unwrap().status, 200);
}

#[test]
fn half_bodies_beyond_their_bound_are_shed_and_whole_requests_answered() {
    let config = Config { bodies_waiting_max: 1, body_timeout_ms: 20_000, ..Config::default() };
    let server = Server::start(config);
    let request = post("/bid/demo", "", b"yes");
    let (most, last) = request.split_at(request.len() - 1);
    let mut holds = Client::connect(server.address);
    holds.send(most);
    while sum(&server.registry.render(), "interlude_bid_requests_total") == 0 {
        std::thread::yield_now();
    }
    let mut crowded = Client::connect(server.address);
    crowded.send(most);
    assert_eq!(crowded.reply().unwrap().status, 204);
    let mut whole = Client::connect(server.address);
    assert_eq!(whole.bid(b"yes").status, 200);
    holds.send(last);
    assert_eq!(holds.reply().unwrap().status, 200);
    // There is a place again, once.
    let mut next = Client::connect(server.address);
    next.send(most);
    while sum(&server.registry.render(), "interlude_bid_requests_total") < 4 {
        std::thread::yield_now();
    }
    next.send(last);
    assert_eq!(next.reply().unwrap().status, 200);
    assert_eq!(server.ended("no_bid", "overloaded"), 1);
}
