//! Every path has one meaning, and everything received is counted under one end.

use interlude::doors::receive::Config;

use super::client::{Client, get, post};
use super::{HASH, Server, Told, media_file, sum};

#[test]
fn what_is_not_there_is_404_and_what_is_not_done_is_405() {
    let server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    for path in ["/", "/bid", "/bid/demo/x", "/notice/won/t", "/beacon/begin/t", "/metrics"] {
        assert_eq!(client.ask(&get(path, "")).status, 404, "{path}");
        assert_eq!(client.ask(&post(path, "", b"x")).status, 404, "{path}");
    }
    assert_eq!(client.ask(&post("/bid/other", "", b"x")).status, 404);
    let media = format!("/media/{HASH}");
    assert_eq!(client.ask(&get(&media, "")).status, 404);
    for (method, path, allowed) in [
        ("GET", "/bid/demo", "POST"),
        ("PUT", "/notice/win/t", "GET, POST"),
        ("PUT", "/click/t", "GET, POST"),
        ("DELETE", media.as_str(), "GET, HEAD"),
        ("POST", "/health/live", "GET, HEAD"),
    ] {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let reply = client.ask(request.as_bytes());
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allowed)), "{path}");
    }
}

#[test]
fn notices_are_taken_by_get_and_post_again_and_again() {
    let server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    for _ in 0..2 {
        for path in ["/notice/win/a?price=1.5", "/notice/billing/a?price=%24%7BX%7D"] {
            assert_eq!(client.ask(&get(path, "")).status, 204);
            assert_eq!(client.ask(&post(path, "", b"{\"any\":1}")).status, 204);
        }
        assert_eq!(client.ask(&get("/beacon/complete/a", "")).status, 204);
    }
    assert_eq!(server.settled(), ["billing a ${X}", "complete a ", "win a 1.5"]);
    let pixel = client.ask(&get("/beacon/impression/a", "Accept: image/webp,*/*\r\n"));
    assert_eq!((pixel.status, pixel.header("content-type")), (200, Some("image/gif")));
    assert!(pixel.body.starts_with(b"GIF89a") && pixel.body.len() == 43);
    assert_eq!(pixel.header("cache-control"), Some("no-store"));
    assert_eq!(client.ask(&get("/notice/win/forged", "")).status, 404);
    assert_eq!(client.ask(&get("/notice/win/broken", "")).status, 503);
    let text = server.registry.render();
    assert_eq!(sum(&text, "interlude_notice_requests_total"), 13);
    assert_eq!(sum(&text, "interlude_notice_outcomes_total"), 13);
}

#[test]
fn a_click_leads_where_the_ticket_says() {
    let server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    let reply = client.ask(&get("/click/good?crid=1", ""));
    assert_eq!(reply.status, 302);
    assert_eq!(reply.header("location"), Some("https://shop.example/a?6"));
    let posted = client.ask(&post("/click/good?crid=1", "", b"x=1"));
    assert_eq!((posted.status, posted.header("location")), (303, reply.header("location")));
    assert_eq!(client.ask(&get("/click/forged", "")).status, 404);
}

#[test]
fn media_comes_whole_and_in_parts() {
    let contents: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
    let (_folder, file) = media_file(&contents);
    let server = Server::with(Config::default(), Told { media: Some(file), ..Told::default() });
    let mut client = Client::connect(server.address);
    let path = format!("/media/{HASH}");
    let whole = client.ask(&get(&path, ""));
    assert_eq!((whole.status, &whole.body), (200, &contents));
    assert_eq!(whole.header("content-type"), Some("audio/mpeg"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert_eq!(whole.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let etag = whole.header("etag").unwrap().to_owned();

    let part = client.ask(&get(&path, "Range: bytes=100000-100009\r\n"));
    assert_eq!((part.status, &part.body[..]), (206, &contents[100_000..100_010]));
    assert_eq!(part.header("content-range"), Some("bytes 100000-100009/200000"));
    let tail = client.ask(&get(&path, "Range: bytes=-3\r\n"));
    assert_eq!((tail.status, &tail.body[..]), (206, &contents[199_997..]));
    let none = client.ask(&get(&path, "Range: bytes=200000-\r\n"));
    assert_eq!((none.status, none.header("content-range")), (416, Some("bytes */200000")));
    let same = client.ask(&get(&path, &format!("If-None-Match: {etag}\r\n")));
    assert_eq!((same.status, same.body.len()), (304, 0));

    client.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    client.send(&get("/health/live", ""));
    let head = client.head_reply().unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, Some("200000")));
    assert_eq!(client.reply().unwrap().text(), "live");
}

#[test]
fn requests_may_be_sent_ahead() {
    let server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    let requests: Vec<u8> =
        (0..50).flat_map(|i| post("/bid/demo", "", format!("r{i}").as_bytes())).collect();
    client.send(&requests);
    for i in 0..50 {
        assert_eq!(client.reply().unwrap().text(), format!("r{i}"));
    }
}

#[test]
fn what_was_received_is_what_has_ended() {
    let server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    for body in ["yes", "no", "", "panic", "nbr", "no"] {
        client.bid(body.as_bytes());
    }
    client.ask(&post("/bid/nobody", "", b"x"));
    let request = post("/bid/demo", "", b"yes");
    let mut gone = Client::connect(server.address);
    gone.send(&request[..request.len() - 1]);
    // It is received before it is gone: the answer to a later request says so.
    let received = || sum(&server.registry.render(), "interlude_bid_requests_total");
    while received() < 8 {
        std::thread::yield_now();
    }
    drop(gone);
    let ended = || sum(&server.registry.render(), "interlude_bid_outcomes_total");
    while ended() < 8 {
        std::thread::yield_now();
    }
    assert_eq!(server.ended("bid", "bid"), 1);
    assert_eq!(server.ended("no_bid", "no_line_targets"), 3);
    assert_eq!(server.ended("no_bid", "internal"), 1);
    assert_eq!(server.ended("malformed", "unparseable"), 1);
    assert_eq!(server.ended("malformed", "bad_http"), 1);
}
