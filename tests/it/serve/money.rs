//! Notices through the real door: taken once, kept over a restart.

use super::{Server, folder, request};
use crate::doors::client::{Client, get, post};
use crate::doors::{sum, value};

/// The paths of one bid: its win notice, and the first player's URL of each kind.
fn urls(client: &mut Client, id: &str) -> (String, String, String) {
    let reply = client.ask(&request(id));
    assert_eq!(reply.status, 200);
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let bid = &answer["seatbid"][0]["bid"][0];
    let nurl = bid["nurl"].as_str().unwrap().replace("${AUCTION_PRICE}", "2.5");
    let adm = bid["adm"].as_str().unwrap();
    let player = |kind: &str| {
        let at = adm.find(kind).unwrap_or_else(|| panic!("no {kind} in {adm}"));
        adm[at..].split("]]>").next().unwrap().replace("${AUCTION_PRICE}", "2.5")
    };
    let nurl = nurl[nurl.find("/notice/").unwrap()..].to_owned();
    (nurl, player("/beacon/impression/"), player("/click/"))
}

#[test]
fn notices_count_once_and_survive_a_restart() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = server.client();
    let (win, impression, click) = urls(&mut client, "a");
    for _ in 0..2 {
        assert_eq!(client.ask(&get(&win, "")).status, 204);
        assert_eq!(client.ask(&post(&impression, "", b"")).status, 204);
        let reply = client.ask(&get(&click, ""));
        assert_eq!(reply.header("location"), Some("https://one.example/landing"));
    }
    let forged = win.replace("/win/", "/win/A");
    assert_eq!(client.ask(&get(&forged, "")).status, 404);
    let crossed = win.replace("/notice/win/", "/beacon/impression/");
    assert_eq!(client.ask(&get(&crossed, "")).status, 404);
    let ends = |server: &Server, kind: &str, outcome: &str| {
        let series =
            format!("interlude_notice_outcomes_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}");
        value(&server.metrics(), &series)
    };
    for kind in ["win", "impression", "click"] {
        assert_eq!((ends(&server, kind, "counted"), ends(&server, kind, "duplicate")), (1, 1));
    }
    let text = server.metrics();
    assert_eq!(
        sum(&text, "interlude_notice_requests_total"),
        sum(&text, "interlude_notice_outcomes_total")
    );
    assert_eq!(server.end().0, Some(0));

    let server = Server::start(folder.path());
    assert_eq!(server.client().ask(&get(&impression, "")).status, 204);
    assert_eq!(ends(&server, "impression", "duplicate"), 1, "it was counted before the restart");
    assert_eq!(ends(&server, "impression", "counted"), 0);
}
