//! Whatever strangers send, the metrics stay the same series, and none is called after what came.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::doors::client::{Client, get, post};
use crate::serve::{Server, folder};

const CANARY: &str = "canary-b7f2";

/// `INTERLUDE_LONG=1`: 10⁶ values that were never seen before.
fn rounds() -> usize {
    if std::env::var_os("INTERLUDE_LONG").is_some() { 40_000 } else { 1_200 }
}

/// Twenty-five values of the stranger's choice.
fn body(round: usize) -> Vec<u8> {
    let word = |what: &str| format!("{CANARY}-{what}-{round}");
    let segments = format!(
        r#"[{{"name":"{}","segment":[{{"id":"{}","value":"{}"}}]}}]"#,
        word("data"),
        word("segment"),
        word("value")
    );
    let mut text = format!(
        r#"{{"id":"{}","at":{round},"tmax":5000,"cur":["USD","{}"],"bcat":["{}"],"badv":["{}"],
        "imp":[{{"id":"{}","tagid":"{}","bidfloorcur":"{}","audio":{{"mimes":["{}"]}}}}]"#,
        word("request"),
        word("currency"),
        word("category"),
        word("advertiser"),
        word("imp"),
        word("tag"),
        word("floor"),
        word("mime"),
    );
    let _ = write!(
        text,
        r#","app":{{"id":"{}","bundle":"{}","name":"{}","publisher":{{"id":"{}"}},
        "content":{{"genre":"{}","artist":"{}","data":{segments}}}}}"#,
        word("app"),
        word("bundle"),
        word("name"),
        word("publisher"),
        word("genre"),
        word("artist"),
    );
    let _ = write!(
        text,
        r#","user":{{"id":"{}","buyeruid":"{}","consent":"{}","data":{segments}}},
        "device":{{"ip":"2001:db8::{:x}","ua":"{}","os":"{}","make":"{}","language":"{}",
        "geo":{{"country":"{}","city":"{}"}}}},"regs":{{"gpp":"{}","us_privacy":"{}"}}}}"#,
        word("user"),
        word("buyer"),
        word("consent"),
        round % 65_536,
        word("agent"),
        word("os"),
        word("make"),
        word("language"),
        word("country"),
        word("city"),
        word("gpp"),
        word("privacy"),
    );
    text.into_bytes()
}

/// Everything that a stranger may ask of both listeners.
fn attack(server: &Server, rounds: std::ops::Range<usize>) {
    let (mut bids, mut admin) = (server.client(), Client::connect(server.admin));
    for round in rounds {
        let kind = ["application/json", "application/x-protobuf", "text/canary-b7f2"][round % 3];
        let kind = format!("Content-Type: {kind}\r\nX-{CANARY}-{round}: {CANARY}\r\n");
        let reply = bids.ask(&post("/bid/demo", &kind, &body(round)));
        assert!([200, 204, 400, 415].contains(&reply.status), "{reply:?}");
        if round % 8 == 0 {
            let paths = [
                format!("/bid/{CANARY}-{round}"),
                format!("/beacon/impression/{CANARY}-{round}?price={CANARY}"),
                format!("/notice/{CANARY}-{round}/x"),
                format!("/{CANARY}-{round}/{CANARY}"),
            ];
            for path in paths {
                assert!(bids.ask(&post(&path, "", b"{}")).status >= 400);
            }
            let path = format!("/api/v1/listeners/{CANARY}-{round}/export");
            let token = format!("Authorization: Bearer {CANARY}-{round}\r\n");
            assert!(admin.ask(&get(&path, &token)).status >= 400);
            assert!(admin.ask(&get(&format!("/{CANARY}-{round}"), "")).status >= 400);
        }
    }
}

/// Names with labels; the values may differ, and the world's version, of which there is one.
fn series(metrics: &str) -> BTreeSet<&str> {
    let other = ["#", "interlude_world_info{"];
    let lines = metrics.lines().filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !other.iter().any(|start| line.starts_with(start)));
    lines.map(|line| line.rsplit_once(' ').unwrap().0).collect()
}

#[test]
fn strangers_make_no_series() {
    let folder = folder();
    let server = Server::start(folder.path());
    let before = server.metrics();
    attack(&server, 0..rounds());
    let after = server.metrics();
    let (was, is) = (series(&before), series(&after));
    let new: Vec<_> = is.difference(&was).collect();
    assert!(new.is_empty(), "{new:?}");
    assert!(is.len() <= 5_000 && after.len() <= 1 << 20, "{} in {}", is.len(), after.len());
    assert!(!after.contains(CANARY) && !after.contains("2001:db8"), "{after}");
    let (code, log) = server.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(CANARY) && !log.contains("2001:db8"), "{log}");
}
