//! Requests that are made to cost much (reliability.md F4, F6, F7, F8): each is answered as it
//! should be, and ten times as much of it costs ten times as much, not a hundred.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::load::Book;
use super::{Process, is_long, world};
use crate::doors::client::{Client, post};
use crate::serve::adds_up;

/// A body of some size, and the answers that are right.
struct Attack {
    name: &'static str,
    headers: &'static str,
    body: fn(usize) -> Vec<u8>,
    /// Units of one body, the larger of the two sizes; the other is a tenth.
    most: usize,
    answers: &'static [u16],
}

const PLAIN: &str = "Content-Type: application/json\r\n";
const GZIP: &str = "Content-Type: application/json\r\nContent-Encoding: gzip\r\n";

const ATTACKS: &[Attack] = &[
    Attack {
        name: "a string",
        headers: PLAIN,
        body: |n| format!(r#"{{"id":"{}","imp":[]}}"#, "a".repeat(n)).into(),
        most: 250_000,
        answers: &[204, 400],
    },
    Attack {
        name: "escapes",
        headers: PLAIN,
        body: |n| request(&format!(r#""keywords":"{}""#, r"\u00e9".repeat(n))),
        most: 40_000,
        answers: &[200, 204, 400],
    },
    Attack {
        name: "imps",
        headers: PLAIN,
        body: |n| format!(r#"{{"id":"1","imp":[{}]}}"#, repeated(n, imp)).into(),
        most: 4_000,
        answers: &[204, 400],
    },
    Attack {
        name: "open brackets",
        headers: PLAIN,
        body: |n| "[".repeat(n).into(),
        most: 260_000,
        answers: &[400],
    },
    Attack {
        name: "an unknown field, nested",
        headers: PLAIN,
        body: |n| request(&format!(r#""x":{}{}"#, "[".repeat(n), "]".repeat(n))),
        most: 100_000,
        answers: &[200, 204, 400],
    },
    Attack {
        name: "ext, nested",
        headers: PLAIN,
        body: |n| request(&format!(r#""ext":{}1{}"#, r#"{"a":"#.repeat(n), "}".repeat(n))),
        most: 40_000,
        answers: &[200, 204, 400],
    },
    Attack {
        name: "unknown keys",
        headers: PLAIN,
        body: |n| request(&repeated(n, |i| format!(r#""k{i}":{i}"#))),
        most: 15_000,
        answers: &[200, 204, 400],
    },
    Attack {
        name: "one key again and again",
        headers: PLAIN,
        body: |n| request(&repeated(n, |_| r#""badv":["a"]"#.to_owned())),
        most: 15_000,
        answers: &[200, 204, 400],
    },
    Attack {
        name: "blocked domains",
        headers: PLAIN,
        body: |n| {
            request(&format!(r#""badv":[{}]"#, repeated(n, |i| format!(r#""d{i}.example""#))))
        },
        most: 12_000,
        answers: &[200, 204, 400],
    },
    Attack {
        name: "segments",
        headers: PLAIN,
        body: |n| {
            let segments = repeated(n, |i| format!(r#"{{"id":"s{i}"}}"#));
            let user = format!(r#""user":{{"data":[{{"id":"x","segment":[{segments}]}}]}}"#);
            request(&user)
        },
        most: 12_000,
        answers: &[200, 204, 400],
    },
    Attack {
        name: "ids of a listener",
        headers: PLAIN,
        body: |n| {
            let ids = repeated(n, |i| format!(r#"{{"source":"s{i}","uids":[{{"id":"{i}"}}]}}"#));
            request(&format!(r#""user":{{"eids":[{ids}]}}"#))
        },
        most: 5_000,
        answers: &[200, 204, 400],
    },
    Attack {
        name: "a gzip bomb",
        headers: GZIP,
        body: |n| gzip(&vec![b' '; n * 1000]),
        most: 10_000,
        answers: &[400],
    },
    Attack {
        name: "gzip members",
        headers: GZIP,
        body: |n| gzip(b"").repeat(n),
        most: 12_000,
        answers: &[400],
    },
    Attack {
        name: "digits",
        headers: PLAIN,
        body: |n| request(&format!(r#""tmax":1{}"#, "0".repeat(n))),
        most: 200_000,
        answers: &[200, 204, 400],
    },
];

#[test]
fn garbage_is_answered_and_costs_what_it_weighs() {
    let times = if is_long() { 200 } else { 5 };
    let world = world();
    let server = Process::start(world.path(), &world.path().join("data"));
    let book = Book::default();
    let mut good = Client::connect(server.bid);
    book.round(&mut good).unwrap();
    let before = server.resident_kb();
    let mut wrong = Vec::new();
    for attack in ATTACKS {
        let few = cost(&server, attack, attack.most / 10, times, &mut wrong);
        let many = cost(&server, attack, attack.most, times, &mut wrong);
        eprintln!(
            "{}: {:.0} us of processor time for {}, {:.0} us for {}: {:.1} times",
            attack.name,
            few.as_secs_f64() * 1e6,
            attack.most / 10,
            many.as_secs_f64() * 1e6,
            attack.most,
            many.as_secs_f64() / few.as_secs_f64(),
        );
        // Nobody else notices.
        book.round(&mut good).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    adds_up(&server.metrics());
    let grown = server.resident_kb().saturating_sub(before);
    eprintln!("{} kinds of garbage, {} requests: {grown} KB more", ATTACKS.len(), times * 2);
}

/// Of one request, in processor time of the server.
fn cost(
    server: &Process,
    attack: &Attack,
    size: usize,
    times: u32,
    wrong: &mut Vec<String>,
) -> Duration {
    let bytes = post("/bid/demo", attack.headers, &(attack.body)(size));
    let since = server.cpu();
    for _ in 0..times {
        let mut client = Client::connect(server.bid);
        // Refused before all is sent, where it says how large it is.
        let _ = client.try_send(&bytes);
        let status = client.reply().map(|reply| reply.status).unwrap_or(0);
        if !attack.answers.contains(&status) {
            wrong.push(format!("{} of {size}: {status}", attack.name));
        }
    }
    (server.cpu() - since) / times
}

/// Two hundred kilobytes of head are refused before they are kept.
#[test]
fn a_head_of_any_size_is_refused() {
    let world = world();
    let server = Process::start(world.path(), &world.path().join("data"));
    let count = if is_long() { 10_000 } else { 300 };
    let before = server.resident_kb();
    let one = format!("GET /health/live HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(200 << 10));
    let many: String = (0..20_000).map(|i| format!("X-{i}: 1\r\n")).collect();
    let many = format!("GET /health/live HTTP/1.1\r\nHost: a\r\n{many}");
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(200 << 10));
    for nth in 0..count {
        let head = [&one, &many, &long][nth % 3];
        let mut client = Client::connect(server.bid);
        let _ = client.try_send(head.as_bytes());
        // The answer may be lost where it crosses what is still sent.
        let answer = client.reply().map(|reply| reply.status);
        assert!(matches!(answer, Ok(431 | 414 | 400) | Err(_)), "{answer:?}");
        assert!(client.closed_within(Duration::from_secs(20)));
    }
    let mut client = Client::connect(server.bid);
    Book::default().round(&mut client).unwrap();
    let grown = server.resident_kb().saturating_sub(before);
    eprintln!("{count} heads of 200 KB: refused; {grown} KB more");
}

/// Who goes away in the middle leaves nothing behind.
#[test]
fn who_leaves_in_the_middle_leaves_nothing() {
    let world = world();
    let server = Process::start(world.path(), &world.path().join("data"));
    let count = if is_long() { 5_000 } else { 200 };
    let bytes = post("/bid/demo", PLAIN, &request(r#""x":1"#));
    for nth in 0..count {
        let cut = 1 + nth * 7 % (bytes.len() - 1);
        let stream = std::net::TcpStream::connect(server.bid).unwrap();
        (&stream).write_all(&bytes[..cut]).unwrap();
        match nth % 3 {
            // FIN of our side alone, FIN, RST.
            0 => stream.shutdown(std::net::Shutdown::Write).unwrap(),
            1 => {}
            _ => socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap(),
        }
    }
    assert!(super::until(|| server.connections() == 0).is_some(), "connections are left over");
    let told = server.metrics();
    let received = adds_up(&told);
    eprintln!("{count} clients left in the middle: {received} requests begun, all ended");
}

/// With an audio slot, as [`crate::serve::request`], and more.
fn request(more: &str) -> Vec<u8> {
    format!(r#"{{"id":"1","imp":[{}],"app":{{"id":"music"}},{more}}}"#, imp(1)).into()
}

fn imp(nth: usize) -> String {
    format!(r#"{{"id":"{nth}","audio":{{"mimes":["audio/mpeg"],"minduration":5}}}}"#)
}

fn repeated(n: usize, one: impl Fn(usize) -> String) -> String {
    (0..n).map(one).collect::<Vec<_>>().join(",")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}
