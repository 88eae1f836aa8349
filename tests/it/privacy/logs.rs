//! What a request says of a person is in no line of the log, at its most talkative, and in no
//! metric; nor is the token of the API.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Command;

use serde_json::{Value, json};

use crate::api::exchange;
use crate::doors::client::{Client, get, post};
use crate::serve::{command, folder};

const CANARY: &str = "canary-5d1e";

fn requests() -> Vec<Vec<u8>> {
    let body = json!({"id": CANARY, "imp": [{"id": "1", "audio": {"mimes": ["audio/mpeg"]}}],
        "app": {"id": "music"}, "regs": {"gpp": CANARY, "us_privacy": CANARY},
        "user": {"id": CANARY, "buyeruid": CANARY, "consent": CANARY, "keywords": CANARY,
            "eids": [{"source": CANARY, "uids": [{"id": CANARY}]}]},
        "device": {"ip": "203.0.113.77", "ifa": CANARY, "ua": CANARY,
            "geo": {"country": "USA", "zip": CANARY, "lat": 12.345_678, "lon": 87.654_321}}});
    let text = body.to_string();
    let forged = text.replace(CANARY, &format!("{CANARY}\\r\\nERROR {CANARY}\\u2028\\u001b[2J"));
    let cut = text[..text.len() - 9].to_owned();
    let long = text.replace(CANARY, &CANARY.repeat(3_000));
    [text, forged, cut, long].map(String::into_bytes).to_vec()
}

#[test]
fn no_line_and_no_metric_names_a_person() {
    for (level, lines) in [("error", false), ("warn", false), ("info", true), ("debug", true)] {
        at_level(level, lines);
    }
    at_level("trace", true);
}

/// A whole life of a server at one level; `lines`: its log says how it ends.
fn at_level(level: &str, lines: bool) {
    let folder = folder();
    let mut server = command(folder.path());
    let mut server = server.env("INTERLUDE_LOG", level).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let address = |key: &str| ready[key].as_str().unwrap().parse().unwrap();
    for kind in ["application/json", "application/x-protobuf"] {
        for body in requests() {
            let kind = format!("Content-Type: {kind}\r\nConnection: close\r\n");
            let reply = Client::connect(address("bid")).ask(&post("/bid/demo", &kind, &body));
            assert!([200, 204, 400].contains(&reply.status), "{reply:?}");
        }
    }
    let token = std::fs::read_to_string(folder.path().join("data/admin.token")).unwrap();
    let upload = format!("{{\"id\":\"{CANARY}\",\"segments\":{{\"mood\":[\"{CANARY}\"]}}\n");
    let head = format!(
        "POST /api/v1/audience HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: \
         Bearer {}\r\nContent-Length: {}\r\n\r\n",
        token.trim(),
        upload.len()
    );
    assert_eq!(exchange(address("admin"), &head, upload.as_bytes()).status, 400);
    let mut client = Client::connect(address("admin"));
    client.send(&get("/metrics", "Connection: close\r\n"));
    let metrics = client.reply().unwrap().text().to_owned();
    let pid = server.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    server.wait().unwrap();
    let mut log = String::new();
    server.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(log.contains("drained"), lines, "{level}: {log}");
    for canary in [CANARY, "203.0.113.77", "12.345678", "87.654321", token.trim()] {
        assert!(!log.contains(canary), "{canary}: {log}");
        assert!(!metrics.contains(canary), "{canary}: {metrics}");
    }
}
