//! Whom would this targeting reach? Asked of a server over its admin door, and of its data folder.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Server, folder};
use crate::doors::client::{Client, Reply};

/// 400 who like punk, which is rock, 100 who like jazz, and 50 minors who like rock.
fn import(folder: &Path) {
    let mut lines = String::new();
    for n in 0..550 {
        let (age, taste) = match n {
            0..400 => ("25-34", "punk"),
            400..500 => ("45-54", "jazz"),
            _ => ("13-17", "rock"),
        };
        let line =
            json!({ "id": format!("l-{n}"), "age": age, "segments": { "taste_genre": taste } });
        writeln!(lines, "{line}").unwrap();
    }
    let file = folder.join("listeners.jsonl");
    std::fs::write(&file, lines).unwrap();
    let told = audience(folder, &["import", file.to_str().unwrap()]);
    assert_eq!(told["listeners"], 550, "{told}");
}

fn audience(folder: &Path, args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.arg("audience").args(args).arg("--json").arg("--data").arg(folder.join("data"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ask(server: &Server, token: &str, body: &str) -> Reply {
    let request = format!(
        "POST /api/v1/audience/crowd HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Client::connect(server.admin).ask(request.as_bytes())
}

fn wrapped(targeting: &Value) -> String {
    json!({ "targeting": targeting }).to_string()
}

fn answer(server: &Server, token: &str, targeting: &Value) -> Value {
    let reply = ask(server, token, &wrapped(targeting));
    assert_eq!(reply.status, 200, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

#[test]
fn the_server_and_the_folder_tell_the_same_crowd() {
    let folder = folder();
    let folder = folder.path();
    import(folder);
    let server = Server::start(folder);
    let token = std::fs::read_to_string(folder.join("data/admin.token")).unwrap();
    let token = token.trim();
    let words = || std::fs::read(folder.join("data/vocabulary.log")).unwrap_or_default();
    let before = words();
    let everybody = r#"{"targeting": {}}"#;
    let until = Instant::now() + Duration::from_secs(60);
    while ask(&server, token, everybody).status == 503 {
        assert!(Instant::now() < until, "the listeners are not counted");
    }
    for (targeting, listeners) in [
        (json!({}), 500),
        (json!({ "taste_genre": "rock" }), 400),
        (json!({ "taste_genre": "rock", "mood": "calm", "hour_of_week": "mon-fri 6-9" }), 400),
        (json!({ "not": { "all": [{ "age": { "max": 24 } }, { "mood": "calm" }] } }), 500),
        (json!({ "taste_genre": "jazz" }), 0),
        (json!({ "taste_genre": "rock", "taste_artist": "Nobody Yet" }), 0),
    ] {
        let answer = answer(&server, token, &targeting);
        assert_eq!(answer["listeners"], listeners, "{targeting}: {answer}");
        assert_eq!(answer["fewer_than"].is_null(), listeners > 0, "{answer}");
        assert_eq!((&answer["exact"], &answer["of"]), (&json!(true), &json!(550)));
        let mut scanned = audience(folder, &["crowd", "--targeting", &wrapped(&targeting)]);
        scanned["as_of"] = answer["as_of"].clone();
        assert_eq!(answer, scanned, "{targeting}");
    }
    let told = answer(&server, token, &json!({ "taste_genre": "jazz", "mood": "calm" }));
    let clauses = json!([
        { "clause": "mood", "listeners": 500, "low": 500, "high": 549, "momentary": true },
        { "clause": "taste_genre", "listeners": 0, "low": 0, "high": 299, "fewer_than": 300,
          "momentary": false },
    ]);
    assert_eq!(told["clauses"], clauses);
    assert_eq!(words(), before, "a question leaves no words");

    let reply = ask(&server, token, r#"{"targeting": {"taste_gnre": "rock", "mood": "clam"}}"#);
    let told: Value = serde_json::from_slice(&reply.body).unwrap();
    let faults = [&told["faults"][0], &told["faults"][1]].map(|fault| fault["path"].clone());
    assert_eq!(
        (reply.status, faults),
        (422, ["targeting.taste_gnre", "targeting.mood"].map(Value::from))
    );
    assert_eq!(told["faults"][1]["mend"], "did you mean `calm`?");
    assert_eq!(ask(&server, "wrong", everybody).status, 401);
    assert_eq!(ask(&server, token, &" ".repeat(300 << 10)).status, 413);
    assert!(server.metrics().contains("interlude_crowd_sampled 550"));
    server.end();
}
