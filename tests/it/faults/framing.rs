//! Requests that two parsers may read in two ways (reliability.md F11): each is refused and its
//! connection closed, so that nothing behind it is taken for a request; or it has one meaning.

use crate::doors::Server;
use crate::doors::client::Client;
use interlude::doors::receive::Config;

/// What stands behind each shape: a request that must not be answered where the shape is refused.
const SMUGGLED: &str = "GET /health/live HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n";

/// What comes back: the statuses of all answers until the connection ends.
const REFUSED: &[u16] = &[400];
const TAKEN: &[u16] = &[200, 200];

/// The head behind `POST /bid/demo HTTP/1.1`, the body, and what must come of it.
const SHAPES: &[(&str, &str, &str, &[u16])] = &[
    ("one length", "Host: a\r\nContent-Length: 3\r\n\r\n", "yes", TAKEN),
    ("chunked", "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nyes\r\n0\r\n\r\n", TAKEN),
    (
        "length, then chunked",
        "Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\n\r\n",
        REFUSED,
    ),
    (
        "chunked, then length",
        "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "0\r\n\r\n",
        REFUSED,
    ),
    ("two lengths", "Host: a\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\n", "yes", REFUSED),
    ("a list of lengths", "Host: a\r\nContent-Length: 3, 0\r\n\r\n", "yes", REFUSED),
    ("a signed length", "Host: a\r\nContent-Length: +3\r\n\r\n", "yes", REFUSED),
    ("a negative length", "Host: a\r\nContent-Length: -1\r\n\r\n", "yes", REFUSED),
    ("a length in hex", "Host: a\r\nContent-Length: 0x3\r\n\r\n", "yes", REFUSED),
    ("an endless length", "Host: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "", REFUSED),
    ("no length", "Host: a\r\nContent-Length: \r\n\r\n", "yes", REFUSED),
    ("xchunked", "Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n", "0\r\n\r\n", REFUSED),
    ("chunked, identity", "Host: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", "", REFUSED),
    ("obs-fold", "Host: a\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\n", "yes", REFUSED),
    ("folded coding", "Host: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", "0\r\n\r\n", REFUSED),
    ("a space before the colon", "Host: a\r\nContent-Length : 3\r\n\r\n", "yes", REFUSED),
    ("a bare LF", "Host: a\nContent-Length: 3\r\n\r\n", "yes", REFUSED),
    ("bare LFs", "Host: a\nContent-Length: 3\n\n", "yes", REFUSED),
    ("a bare CR", "Host: a\r\nX: a\rContent-Length: 0\r\nContent-Length: 3\r\n\r\n", "", REFUSED),
    ("a NUL", "Host: a\r\nX: a\0b\r\nContent-Length: 3\r\n\r\n", "yes", REFUSED),
    ("no host", "Content-Length: 3\r\n\r\n", "yes", REFUSED),
    ("two hosts", "Host: a\r\nHost: b\r\nContent-Length: 3\r\n\r\n", "yes", REFUSED),
    ("a chunk of no size", "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n\r\n", REFUSED),
    (
        "a chunk in hex with sign",
        "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "+3\r\nyes\r\n0\r\n\r\n",
        REFUSED,
    ),
    (
        "a chunk as large as memory",
        "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "fffffffffffffffff\r\nyes",
        REFUSED,
    ),
    (
        "a chunk longer than it says",
        "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "2\r\nyes\r\n0\r\n\r\n",
        REFUSED,
    ),
    (
        "a bare LF in a chunk's extension",
        "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "3;a\nb\r\nyes\r\n0\r\n\r\n",
        REFUSED,
    ),
];

/// Whole requests: other first lines.
const LINES: &[(&str, &str, &[u16])] = &[
    ("pipelined", "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n", TAKEN),
    ("an absolute URI", "GET http://b/health/live HTTP/1.1\r\nHost: a\r\n\r\n", TAKEN),
    ("a dead route", "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", &[404, 200]),
    ("an unknown method", "BREW /health/live HTTP/1.1\r\nHost: a\r\n\r\n", &[405, 200]),
    ("no version", "GET /health/live\r\nHost: a\r\n\r\n", REFUSED),
    // There is no answer that such a client would understand.
    ("HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]),
    ("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n", REFUSED),
    ("two spaces", "GET  /health/live HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
    (
        "a body of a GET",
        "GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nyes",
        TAKEN,
    ),
];

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let server = Server::start(Config::default());
    let mut wrong = Vec::new();
    let mut judge = |name: &str, bytes: String, wanted: &[u16]| {
        let statuses = answers(&server, &(bytes + SMUGGLED));
        if statuses != wanted {
            wrong.push(format!("{name}: {statuses:?}, not {wanted:?}"));
        }
    };
    for (name, head, body, wanted) in SHAPES {
        judge(name, format!("POST /bid/demo HTTP/1.1\r\n{head}{body}"), wanted);
    }
    for (name, request, wanted) in LINES {
        judge(name, (*request).to_owned(), wanted);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let taken = Client::connect(server.address).bid(b"yes");
    assert_eq!(taken.body, b"yes");
    let count = SHAPES.len() + LINES.len();
    eprintln!("{count} shapes of requests: each has one meaning, or is refused and ends");
}

/// Until the server closes the connection.
fn answers(server: &Server, bytes: &str) -> Vec<u16> {
    let mut client = Client::connect(server.address);
    // It may be closed before all is sent.
    let _ = client.try_send(bytes.as_bytes());
    let mut statuses = Vec::new();
    while let Ok(reply) = client.reply() {
        statuses.push(reply.status);
    }
    statuses
}
