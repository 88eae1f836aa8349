//! Where the time went: steps in the metrics, the slowest on their page, a line in the log; and
//! nobody is named by any of them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Server, adds_up, folder, request};
use crate::api::exchange;
use crate::doors::client::Reply;
use crate::doors::{sum, value};
use crate::faults::until;

/// Stands in each request's id.
const CANARY: &str = "canary-77";

const STEPS: [&str; 7] = ["wait", "decode", "enrich", "match", "auction", "render", "record"];

/// The page of the slowest, asked for with another header.
fn slow(server: &Server, header: &str) -> Reply {
    let head = "GET /debug/slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    exchange(server.admin, &format!("{head}{header}\r\n"), b"")
}

/// A server that times every decision, with more of a config.
fn timed(folder: &Path, more: &str) -> Server {
    let config = folder.join("interlude.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[server]\n", "[server]\ntime_one_of = 1\n");
    std::fs::write(&config, text + more).unwrap();
    Server::start(folder)
}

/// The decisions on the page of the slowest.
fn slowest(server: &Server, folder: &Path) -> Value {
    let token = std::fs::read_to_string(folder.join("data/admin.token")).unwrap();
    slow(server, &format!("Authorization: Bearer {}\r\n", token.trim())).json()
}

/// What `interlude replay` says of one decision; `None`: it knows none of that name.
fn replay(folder: &Path, decision: &str) -> Option<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.arg("replay").arg(folder.join("data/decisions"));
    command.args(["--json", "--decision", decision, "--config"]).arg(folder.join("interlude.toml"));
    let output = command.arg("--data").arg(folder.join("data")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    if told.contains("no record of that decision") {
        assert_eq!(output.status.code(), Some(1));
        return None;
    }
    assert!(output.status.success(), "{told}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_slow_decision_is_made_again_from_its_record() {
    let folder = folder();
    for (sample_ppm, kept) in [(1_000_000, "equal"), (0, "not_sampled")] {
        let config = folder.path().join("interlude.toml");
        std::fs::write(&config, "[server]\nlinger_ms = 0\n").unwrap();
        let records = format!("[records]\nsample_ppm = {sample_ppm}\n");
        let server = timed(folder.path(), &records);
        for i in 0..5 {
            server.client().ask(&request(&format!("{kept}-{i}")));
        }
        let page = slowest(&server, folder.path());
        assert_eq!(server.end().0, Some(0));
        let told = page["decisions"].as_array().unwrap();
        assert_eq!(told.len(), 5, "{page}");
        for one in told {
            let id = one["decision"].as_str().unwrap();
            // As a trace names it, too.
            for id in [id.to_owned(), format!("{id}{}", one["request_hash"].as_str().unwrap())] {
                let report = replay(folder.path(), &id).unwrap();
                assert_eq!((&report["records"], &report[kept]), (&1.into(), &1.into()), "{report}");
            }
        }
    }
    assert_eq!(replay(folder.path(), "0123456789abcdef"), None);
}

#[test]
fn the_slowest_are_shown_with_their_steps() {
    let folder = folder();
    let server = timed(folder.path(), "[log]\ndecisions_ppm = 1000000\ndecisions_per_s = 1\n");
    let asked = 40;
    for i in 0..asked {
        server.client().ask(&request(&format!("{CANARY}-{i}")));
    }
    let metrics = server.metrics();
    assert_eq!(adds_up(&metrics), asked);
    let of_bids = r#"interlude_bid_outcomes_total{exchange="demo",outcome="bid",reason="bid"}"#;
    let bids = value(&metrics, of_bids);
    for step in STEPS {
        // Only a bid is rendered.
        let times = if step == "render" { bids } else { asked };
        let count = format!("interlude_bid_step_seconds_count{{step=\"{step}\"}} {times}\n");
        assert!(times > 0 && metrics.contains(&count), "{count}{metrics}");
    }
    assert_eq!(slow(&server, "").status, 401);

    let page = slowest(&server, folder.path());
    let told = page["decisions"].as_array().unwrap();
    assert_eq!(told.len(), 32, "{page}");
    let total = |one: &Value| one["total_us"].as_f64().unwrap();
    assert!(told.is_sorted_by(|a, b| total(a) >= total(b)), "{page}");
    for one in told {
        assert_eq!(one["exchange"], "demo");
        let version = format!("version=\"{}\"", one["world"].as_str().unwrap());
        assert!(metrics.contains(&version), "{version}");
        let steps = STEPS.map(|step| one["steps_us"][step].as_f64().unwrap());
        assert!((steps.iter().sum::<f64>() - total(one)).abs() < 0.1, "{one}");
    }
    // The upkeep writes the lines, as many as one second allows, or two.
    let lines = || sum(&server.metrics(), "interlude_log_decisions_total");
    assert!(until(|| lines() == asked).is_some(), "{}", lines());
    let written = value(&server.metrics(), "interlude_log_decisions_total{fate=\"written\"}");
    assert!((1..asked).contains(&written), "{written}");
    let (_, log) = server.end();
    assert!(log.contains("decided"), "{log}");
    for text in [page.to_string(), metrics, log] {
        assert!(!text.contains(CANARY) && !text.contains("192.0.2.1"), "{text}");
    }
}
