//! Where the time went: steps in the metrics, the slowest on their page, a line in the log; and
//! nobody is named by any of them.

use serde_json::Value;

use super::{Server, adds_up, folder, request};
use crate::api::exchange;
use crate::doors::client::{Client, get};

/// Stands in each request's id.
const CANARY: &str = "canary-77";

const STEPS: [&str; 7] = ["wait", "decode", "enrich", "match", "auction", "render", "record"];

fn slow(server: &Server, token: &str) -> Value {
    let head = format!(
        "GET /debug/slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: \
         Bearer {token}\r\n\r\n"
    );
    exchange(server.admin, &head, b"").json()
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
    for step in STEPS {
        let count = format!("interlude_bid_step_seconds_count{{step=\"{step}\"}} {asked}\n");
        assert!(metrics.contains(&count), "{count}{metrics}");
    }
    let mut stranger = Client::connect(server.admin);
    stranger.send(&get("/debug/slow", "Connection: close\r\n"));
    assert_eq!(stranger.reply().unwrap().status, 401);

    let token = std::fs::read_to_string(folder.path().join("data/admin.token")).unwrap();
    let page = slow(&server, token.trim());
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
    // The upkeep writes the lines.
    while !server.metrics().contains("interlude_log_decisions_total{fate=\"written\"} 10\n") {
        std::thread::yield_now();
    }
    let (_, log) = server.end();
    assert!(log.contains("decided"), "{log}");
    for text in [page.to_string(), metrics, log] {
        assert!(!text.contains(CANARY) && !text.contains("192.0.2.1"), "{text}");
    }
}
