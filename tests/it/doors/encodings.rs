//! gzip both ways, formats and versions.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use interlude::doors::receive::Config;

use super::Server;
use super::client::{Client, post};

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn gzip_is_understood_and_answered() {
    let server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    let plain: String = (0..300).map(|i| format!("{{\"id\":\"{}\"}}", i * 7919)).collect();
    let plain = plain.into_bytes();
    let gzipped = packed(&plain);
    let reply = client.ask(&post("/bid/demo", "Content-Encoding: gzip\r\n", &gzipped));
    assert_eq!((reply.status, reply.header("content-encoding")), (200, None));
    assert_eq!(reply.body, plain);
    let headers = "Content-Encoding: gzip\r\nAccept-Encoding: br, gzip\r\n";
    let reply = client.ask(&post("/bid/demo", headers, &gzipped));
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let mut back = Vec::new();
    flate2::read::GzDecoder::new(&reply.body[..]).read_to_end(&mut back).unwrap();
    assert_eq!(back, plain);
    let reply = client.ask(&post("/bid/demo", "Accept-Encoding: gzip\r\n", b"small"));
    assert_eq!((reply.header("content-encoding"), reply.text()), (None, "small"));
}

#[test]
fn what_inflates_too_much_or_not_at_all_is_refused() {
    let server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    let noise: Vec<u8> =
        (0..900_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let large = noise.repeat(400);
    let two_members = [packed(b"ye"), packed(b"s")].concat();
    let gzip = "Content-Encoding: gzip\r\n";
    for (name, headers, body, wanted) in [
        ("a bomb", gzip, packed(&vec![b' '; 8 << 20]), 400),
        ("beyond a megabyte", gzip, packed(&large), 400),
        ("beyond the ratio", gzip, packed(&vec![b' '; 100 << 10]), 400),
        ("cut short", gzip, packed(&noise)[..100].to_vec(), 400),
        ("no gzip at all", gzip, b"yes".to_vec(), 400),
        ("another encoding", "Content-Encoding: br\r\n", b"yes".to_vec(), 400),
        ("two members", gzip, two_members, 200),
        ("many members", gzip, packed(b"y").repeat(17), 400),
        ("within all bounds", gzip, packed(&noise), 200),
    ] {
        let reply = client.ask(&post("/bid/demo", headers, &body));
        assert_eq!(reply.status, wanted, "{name}");
        assert_eq!(reply.body.is_empty(), wanted == 400, "{name}");
        if reply.header("connection") == Some("close") {
            client = Client::connect(server.address);
        }
    }
    let count = |reason: &str| server.ended("malformed", reason);
    assert_eq!((count("too_large"), count("bad_encoding")), (3, 4));
}

#[test]
fn the_answer_has_the_form_and_version_of_the_request() {
    let server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    for (headers, kind, version) in [
        ("", "application/json", "2.6"),
        ("Content-Type: application/json; charset=utf-8\r\n", "application/json", "2.6"),
        ("Content-Type: application/x-protobuf\r\n", "application/x-protobuf", "2.6"),
        ("Content-Type: application/octet-stream\r\n", "application/octet-stream", "2.6"),
        ("X-OpenRTB-Version: 2.5\r\n", "application/json", "2.5"),
        ("x-openrtb-version: 3.0\r\n", "application/json", "2.6"),
    ] {
        let reply = client.ask(&post("/bid/demo", headers, b"yes"));
        assert_eq!(reply.header("content-type"), Some(kind), "{headers}");
        assert_eq!(reply.header("x-openrtb-version"), Some(version), "{headers}");
    }
    for (body, status) in [("no", 204), ("", 400), ("panic", 204)] {
        let reply = client.bid(body.as_bytes());
        assert_eq!((reply.status, reply.body.len()), (status, 0), "{body}");
        assert_eq!(reply.header("x-openrtb-version"), Some("2.6"));
    }
    let reply = client.bid(b"nbr");
    assert_eq!((reply.status, reply.text()), (200, "{\"nbr\":503}"));
}
