//! Whom would this targeting reach? Asked of a server over its admin door, and of its data folder.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Server, folder};
use crate::doors::client::{Client, Reply, post};

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

/// Two lines, of a taste each.
fn write_tastes(folder: &Path, cpm: &str, narrow: &str) {
    let line = |key: &str, cpm: &str, taste: &str| {
        json!({ "key": key, "bid_cpm": cpm, "creatives": ["c"],
            "targeting": { "taste_genre": taste } })
    };
    let file = json!({ "advertiser": {
        "key": "one", "domains": ["one.example"], "currency": "USD",
        "creatives": [{ "crid": "c", "duration": 15, "renditions": [
            { "url": "https://cdn.example/one.mp3", "mime": "audio/mpeg", "bitrate": 128 },
        ] }],
        "campaigns": [{ "key": "all",
            "lines": [line("wide", cpm, "rock"), line("narrow", cpm, narrow)] }],
    } });
    std::fs::write(folder.join("draft"), file.to_string()).unwrap();
    std::fs::rename(folder.join("draft"), folder.join("campaigns/one.yaml")).unwrap();
}

fn await_metric(server: &Server, line: &str) {
    let until = Instant::now() + Duration::from_secs(60);
    while !server.metrics().lines().any(|told| told == line) {
        assert!(Instant::now() < until, "never `{line}`:\n{}", server.metrics());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_bid(server: &Server, listener: &str) -> bool {
    let request = json!({
        "id": listener, "at": 1, "tmax": 5000, "cur": ["USD"], "user": { "buyeruid": listener },
        "imp": [{ "id": "1", "audio": { "mimes": ["audio/mpeg"], "protocols": [7, 14],
            "minduration": 5, "maxduration": 30 } }],
        "app": { "id": "music" }, "device": { "geo": { "country": "USA" } },
    });
    let json = "Content-Type: application/json\r\n";
    server.client().ask(&post("/bid/demo", json, request.to_string().as_bytes())).status == 200
}

#[test]
fn too_few_listeners_are_refused_at_upload_and_again_at_serving() {
    let folder = folder();
    let folder = folder.path();
    import(folder);
    let config = std::fs::read_to_string(folder.join("interlude.toml")).unwrap();
    let config = config
        + "[crowd]\naudience_min = 300\n[records]\nsample_ppm = 1000000\ndrain_ms = 1\n\
           [[exchange]]\nkey = \"demo\"\nregs_default = \"full\"\n";
    std::fs::write(folder.join("interlude.toml"), config).unwrap();
    // What stands at the start is taken: crowds shrink, and that must not keep a server down.
    write_tastes(folder, "8.00", "jazz");
    let server = Server::start(folder);
    await_metric(&server, "interlude_crowd_thin_lines 1");
    assert!(is_bid(&server, "l-1"), "400 like rock");
    assert!(!is_bid(&server, "l-450"), "100 like jazz");
    assert!(server.metrics().contains("interlude_bid_outcomes_total{"));
    let token = std::fs::read_to_string(folder.join("data/admin.token")).unwrap();
    let why = || {
        let request = format!(
            "GET /api/v1/decisions/l-450/why HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {}\r\n\r\n",
            token.trim()
        );
        Client::connect(server.admin).ask(request.as_bytes())
    };
    let until = Instant::now() + Duration::from_secs(20);
    while why().status == 404 {
        assert!(Instant::now() < until, "the decision is not kept");
    }
    let told = why().text().to_owned();
    assert!(told.contains("crowd_too_small") && told.contains("crowd.audience_min"), "{told}");

    // An edit beside it passes; a line that asks for too few anew is refused, with all that is in
    // its file.
    write_tastes(folder, "9.00", "jazz");
    await_metric(&server, "interlude_world_swaps_total 1");
    write_tastes(folder, "9.50", "blues");
    await_metric(&server, "interlude_world_refused_swaps_total 1");
    assert!(is_bid(&server, "l-2"), "what was served still is");
    let (_, log) = server.end();
    let fault = "advertiser.campaigns[0].lines[1].targeting: fewer than 300 of 550 meet what it \
                 asks of listeners; 300 must (crowd.audience_min)";
    assert!(log.contains(fault), "{log}");

    let check = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
        command.arg("check").arg(folder.join("campaigns")).arg("--json").args(args);
        let output = command.arg("--config").arg(folder.join("interlude.toml")).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), told)
    };
    let (code, told) = check(&["--data", folder.join("data").to_str().unwrap()]);
    assert_eq!((code, &told["ok"]), (Some(1), &json!(false)), "{told}");
    assert_eq!(told["faults"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["faults"][0]["path"], "advertiser.campaigns[0].lines[1].targeting");
    let (code, told) = check(&[]);
    assert_eq!((code, &told["faults"]), (Some(0), &json!([])), "{told}");
    let warning = told["warnings"][0]["message"].as_str().unwrap();
    assert!(warning.starts_with("2 lines ask something of listeners"), "{warning}");
}
