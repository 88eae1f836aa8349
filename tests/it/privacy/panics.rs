//! A defect is answered, counted and told of without a word of what it was about; the process
//! goes on serving.

use std::process::Command;

use bumpalo::Bump;
use interlude::base::telemetry::{LogConfig, install_logs, install_panics};
use interlude::base::units::ids::ListenerKey;
use interlude::doors::receive::Config;
use interlude::market::openrtb::{Wire, decode};
use serde_json::json;

use crate::doors::Server;
use crate::doors::client::{Client, get, post};

const CANARY: &str = "canary-8c41";

/// Serves requests that its house cannot bear, in a process of its own.
#[test]
#[ignore = "the process of `a_defect_quotes_nobody`"]
fn the_door_of_a_defective_house() {
    let _logs = install_logs(&LogConfig::default()).unwrap();
    install_panics();
    let server = Server::start(Config::default());
    let defect = format!("defect {CANARY}");
    let mut client = Client::connect(server.address);
    let path = format!("/notice/win/defect-{CANARY}");
    for _ in 0..3 {
        assert_eq!(client.bid(defect.as_bytes()).status, 204);
        assert_eq!(client.bid(b"yes").body, b"yes", "the connection goes on");
        assert_eq!(client.ask(&get(&path, "")).status, 503, "nothing was acknowledged");
        assert_eq!(client.ask(&post(&path, "", b"")).status, 503);
    }
    assert_eq!(server.ended("no_bid", "internal"), 3);
    assert_eq!(server.metric("interlude_process_panics_total"), 9);
    assert!(!server.registry.render().contains(CANARY));
    // What a line of the log would print of a person, if one were written.
    let user = json!({"id": CANARY, "buyeruid": CANARY, "consent": CANARY, "yob": 1961,
        "eids": [{"source": CANARY, "uids": [{"id": CANARY}]}]});
    let device = json!({"ip": "203.0.113.77", "ifa": CANARY, "ua": CANARY,
        "geo": {"lat": 12.345_678, "lon": 87.654_321, "zip": CANARY}});
    let regs = json!({"gpp": CANARY, "us_privacy": CANARY});
    let body = json!({"id": "r", "imp": [{"id": "1", "audio": {"mimes": ["audio/mpeg"]}}],
        "site": {"id": "s", "page": CANARY}, "user": user, "device": device, "regs": regs});
    let (body, arena) = (body.to_string(), Bump::new());
    let request = decode(Wire::Json, body.as_bytes(), &arena).unwrap();
    tracing::error!(?request, key = ?ListenerKey::of(CANARY), "told");
    let quote = |quoted: Result<(), _>| quoted.expect("nobody");
    assert!(std::panic::catch_unwind(|| quote(Err(request.user))).is_err());
}

#[test]
fn a_defect_quotes_nobody() {
    let told = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("privacy::panics::the_door_of_a_defective_house")
        .env("INTERLUDE_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    let log = [told.stdout, told.stderr].concat();
    let log = String::from_utf8_lossy(&log);
    assert!(told.status.success() && log.contains("1 passed"), "{log}");
    assert_eq!(log.matches("withheld").count(), 10, "{log}");
    assert!(log.contains("user: Some([redacted])"), "{log}");
    for canary in [CANARY, "203.0.113.77", "12.345678", "87.654321", "1961"] {
        assert!(!log.contains(canary), "{canary}: {log}");
    }
}
