//! Lines of listeners and of links: their answers, and the bids that follow.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::{Rig, unchunked, user};

#[test]
fn only_who_has_the_token_and_means_us_is_let_in() {
    let rig = Rig::new("{}", "");
    let address = rig.running().admin_address();
    let ask = |headers: &str| {
        let head = format!("GET /api/v1 HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        super::exchange(address, &head, b"")
    };
    let token = format!("Authorization: Bearer {}\r\n", rig.token);
    let none = ask("Host: localhost\r\n");
    assert_eq!(none.status, 401);
    assert!(none.has("www-authenticate: bearer"), "{none:?}");
    assert!(none.json()["mend"].is_string(), "{none:?}");
    assert_eq!(ask("Host: localhost\r\nAuthorization: Bearer wrong\r\n").status, 401);
    assert_eq!(ask(&format!("Host: evil.example\r\n{token}")).status, 403);
    let page = "Origin: https://evil.example\r\n";
    assert_eq!(ask(&format!("Host: localhost\r\n{page}{token}")).status, 403);
    let index = ask(&format!("Host: localhost\r\n{token}"));
    assert_eq!((index.status, &index.json()["api"]), (200, &json!("v1")));
    assert!(!index.has("access-control"), "{index:?}");
    assert_eq!(rig.ask("GET", "/api/v1/nothing", "", b"").status, 404);
    assert_eq!(rig.ask("DELETE", "/api/v1/audience", "", b"").status, 405);
    let unknown = super::exchange(
        address,
        "GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"",
    );
    assert_eq!(unknown.status, 401, "nothing is told to strangers");
    for open in ["/health/live", "/health/ready", "/metrics"] {
        let head = format!("GET {open} HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n");
        assert_eq!(super::exchange(address, &head, b"").status, 200, "{open}");
    }
}

#[test]
fn what_is_uploaded_is_answered_line_by_line_and_seen_by_bids() {
    let mut rig = Rig::new("{ taste_genre: jazz }", "");
    assert!(!rig.bids(&user("l1")));
    let body = concat!(
        "{\"id\":\"l1\",\"segments\":{\"taste_genre\":\"jazz\",\"taste_artist\":\"New One\"}}\n",
        "\n",
        "{\"id\":\"l2\",\"segments\":{\"taste_genre\":[\"jaz\"]}}\r\n",
        "no json\n",
        "{\"id\":\"l3\",\"segments\":{\"taste_artist\":[\"\u{1}\"],\"mood\":[\"calm\"]}}\n",
        "{\"id\":\"l4\",\"segments\":{\"mood\":[\"calm\"]}}",
    );
    let reply = rig.post("/api/v1/audience", body);
    assert_eq!(reply.status, 200);
    assert!(reply.has("application/x-ndjson"));
    let lines = reply.lines();
    assert_eq!(lines[0], json!({"line": 1, "ok": true}));
    let fault = json!({"path": "segments.taste_genre[0]", "message": "unknown taste_genre \"jaz\"",
        "mend": "did you mean \"jazz\"?", "column": 39});
    assert_eq!(lines[1], json!({"line": 3, "ok": false, "faults": [fault]}));
    assert_eq!((&lines[2]["line"], &lines[2]["ok"]), (&json!(4), &json!(false)));
    assert_eq!((&lines[3]["line"], &lines[3]["ok"]), (&json!(5), &json!(false)));
    assert_eq!(lines[4], json!({"line": 6, "ok": true}));
    assert_eq!(lines[5], json!({"done": true, "accepted": 2, "refused": 3}));
    assert_eq!(lines.len(), 6);
    rig.await_bid(&user("l1"), true);
    assert!(!rig.bids(&user("l2")));

    let only = rig.post("/api/v1/audience?answers=faults", body).lines();
    assert_eq!(only.len(), 4, "{only:?}");
    let merge = json!({"id": "l4", "merge": true, "segments": {"taste_genre": ["jazz"]}});
    rig.upload("/api/v1/audience", &[merge]);
    rig.await_bid(&user("l4"), true);
    rig.upload("/api/v1/audience", &[json!({"id": "l4", "remove": {"taste_genre": "jazz"}})]);
    rig.await_bid(&user("l4"), false);
    rig.upload("/api/v1/audience", &[json!({"id": "l1", "erase": true})]);
    rig.await_bid(&user("l1"), false);
    rig.upload("/api/v1/audience", &[json!({"id": "l2", "segments": {"taste_genre": "jazz"}})]);
    // What was answered is on the disk.
    rig.restart();
    assert!(rig.bids(&user("l2")) && !rig.bids(&user("l1")));
}

#[test]
fn an_upload_of_nothing_good_is_a_bad_request() {
    let rig = Rig::new("{}", "");
    let empty = rig.post("/api/v1/audience", "\n\n");
    assert_eq!((empty.status, &empty.json()["error"]), (400, &json!("the body has no line")));
    let bad = rig.post("/api/v1/audience", "[]\n{\n");
    assert_eq!(bad.status, 400);
    assert_eq!(bad.lines().len(), 3);
    assert_eq!(bad.last(), json!({"done": true, "accepted": 0, "refused": 2}));
    let option = rig.post("/api/v1/audience?answer=all", "{}");
    assert_eq!(option.json()["mend"], "did you mean \"answers\"?");
}

#[test]
fn links_lead_bids_to_the_listener() {
    let rig = Rig::new(
        "{ taste_genre: jazz }",
        "[[audience.providers]]\nkey=\"x\"\ncpm=\"1\"\ncurrency=\"USD\"\ndimensions=[\"intent\"]\n",
    );
    let line = json!({"id": "ours", "segments": {"taste_genre": "jazz"},
        "ids": {"demo": "theirs-1"}});
    rig.upload("/api/v1/audience", &[line]);
    rig.await_bid(&user("theirs-1"), true);
    assert!(!rig.bids(&user("theirs-2")));
    let links = [
        json!({"source": "demo", "id": "theirs-2", "listener": "ours"}),
        json!({"source": "ids.example", "id": "shared", "listener": "ours"}),
    ];
    rig.upload("/api/v1/audience/links", &links);
    rig.await_bid(&user("theirs-2"), true);
    let eid = json!({"eids": [{"source": "ids.example", "uids": [{"id": "shared"}]}]});
    rig.await_bid(&eid, true);
    let unlink = json!({"source": "demo", "id": "theirs-2", "unlink": true});
    rig.upload("/api/v1/audience/links", &[unlink]);
    rig.await_bid(&user("theirs-2"), false);
    let bad = rig.post("/api/v1/audience/links", "{\"source\":\"demo\",\"id\":\"a\"}\n");
    assert_eq!((bad.status, bad.lines()[0]["ok"].clone()), (400, json!(false)));
}

#[test]
fn third_parties_are_taken_who_are_registered() {
    let provider = "[[audience.providers]]\nkey = \"acme\"\ncpm = \"1.25\"\ncurrency = \"USD\"\n\
                    dimensions = [\"interest\"]\nmax_age_days = 30\n";
    let rig = Rig::new("{ interest: \"acme:auto\" }", provider);
    let line = json!({"id": "l1", "segments": {"interest": "acme:auto"}});
    rig.upload("/api/v1/audience", &[line]);
    rig.await_bid(&user("l1"), true);
    let other = r#"{"id":"l2","segments":{"interest":"acne:auto"}}"#;
    let refused = rig.post("/api/v1/audience", other).lines();
    assert_eq!(refused[0]["faults"][0]["mend"], "did you mean \"acme\"?");
}

/// A client that leaves: what was acknowledged to it stays, also over a restart.
#[test]
fn a_client_that_leaves_takes_nothing_with_it() {
    let mut rig = Rig::new("{ taste_genre: jazz }", "");
    let mut stream = TcpStream::connect(rig.running().admin_address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = rig.head("POST", "/api/v1/audience", "Transfer-Encoding: chunked\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let line = "{\"id\":\"l1\",\"segments\":{\"taste_genre\":\"jazz\"}}\n";
    stream.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes()).unwrap();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("\"ok\":true") {
        let mut piece = [0; 1024];
        let len = stream.read(&mut piece).unwrap();
        assert!(len > 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..len]);
    }
    let end = read.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    assert_eq!(unchunked(&read[end + 4..]), b"{\"line\":1,\"ok\":true}\n");
    // Half a line, and gone.
    stream.write_all(b"10\r\n{\"id\":\"l2\",").unwrap();
    drop(stream);
    rig.await_bid(&user("l1"), true);
    rig.restart();
    assert!(rig.bids(&user("l1")));
    assert_eq!(rig.listeners(), 1);
}
