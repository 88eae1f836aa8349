//! Where the time went: steps in the metrics, the slowest on their page, a line in the log; and
//! nobody is named by any of them.

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

#[test]
fn the_slowest_are_shown_with_their_steps() {
    let folder = folder();
    let config = folder.path().join("interlude.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[server]\n", "[server]\ntime_one_of = 1\n");
    std::fs::write(&config, text + "[log]\ndecisions_ppm = 1000000\n").unwrap();
    let server = Server::start(folder.path());
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

    let token = std::fs::read_to_string(folder.path().join("data/admin.token")).unwrap();
    let page = slow(&server, &format!("Authorization: Bearer {}\r\n", token.trim())).json();
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
