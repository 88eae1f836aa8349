//! A world whose best lines cannot pay a bid, through the real door, and made again by the program.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Server, folder, request, write_line};
use crate::doors::value;

/// More than a decision may ask of.
const POOR: usize = 120;
const REQUESTS: u64 = 20;

/// One advertiser: lines that could not pay one bid, one that pays two, and one that always does.
fn write_campaign(folder: &Path) {
    let line = |key: String, cpm: &str, more: Value| {
        let mut line = json!({ "key": key, "bid_cpm": cpm, "creatives": ["c"] });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    let poor = (0..POOR).map(|i| line(format!("poor-{i}"), "9.00", json!({ "budget": "0.0089" })));
    let mut lines: Vec<Value> = poor.collect();
    lines.push(line("two".to_owned(), "6.00", json!({ "budget": "0.012" })));
    lines.push(line("always".to_owned(), "5.00", json!({})));
    let file = json!({ "advertiser": {
        "key": "one", "domains": ["one.example"], "currency": "USD",
        "creatives": [{ "crid": "c", "duration": 15, "renditions": [
            { "url": "https://cdn.example/one.mp3", "mime": "audio/mpeg", "bitrate": 128 },
        ] }],
        "campaigns": [{ "key": "all", "lines": lines }],
    } });
    // JSON is YAML, and this file replaces the one that is there.
    std::fs::write(folder.join("campaigns/one.yaml"), file.to_string()).unwrap();
}

/// The prices of the bids that a request gets.
fn prices(server: &Server, id: &str) -> Vec<String> {
    let reply = server.client().ask(&request(id));
    assert_eq!(reply.status, 200, "{id} got no bid");
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    let bids = answer["seatbid"].as_array().unwrap().iter();
    let bids = bids.flat_map(|seat| seat["bid"].as_array().unwrap());
    bids.map(|bid| bid["price"].to_string()).collect()
}

fn awaited(server: &Server, series: &str, wanted: u64) {
    let until = Instant::now() + Duration::from_secs(60);
    while value(&server.metrics(), series) != wanted {
        assert!(Instant::now() < until, "{}", server.metrics());
    }
}

pub fn replay(folder: &Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.arg("replay").arg(folder.join("data/decisions")).arg("--json");
    command.arg("--config").arg(folder.join("interlude.toml"));
    let output = command.arg("--data").arg(folder.join("data")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn lines_without_money_stand_in_nobodys_way_and_replays_know_them() {
    let folder = folder();
    let config = std::fs::read_to_string(folder.path().join("interlude.toml")).unwrap();
    // No hold ends while the test runs, however slowly it does.
    let more = "[delivery]\nsleep_ms = 10\n[records]\nsample_ppm = 1000000\n\
                [[exchange]]\nkey = \"demo\"\nwin_window_s = 3600\n";
    std::fs::write(folder.path().join("interlude.toml"), config + more).unwrap();
    write_campaign(folder.path());
    // What bids held at an end in order is held on after it, until their tickets have expired.
    for (start, first, later) in [(0, ["6", "5"], ["5", ""]), (1, ["7", "5"], ["7", "5"])] {
        let server = Server::start(folder.path());
        let asks = |n: u64, wanted: [&str; 2]| {
            let wanted: Vec<&str> = wanted.into_iter().filter(|price| !price.is_empty()).collect();
            assert_eq!(prices(&server, &format!("{start}-{n}")), wanted, "{start}-{n}");
        };
        // From the very first request on.
        asks(0, first);
        asks(1, first);
        awaited(&server, "interlude_lines_asleep{reason=\"budget_spent\"}", POOR as u64 + 1);
        (2..10).for_each(|n| asks(n, later));
        if start == 0 {
            write_line(folder.path(), "rich", "7.00");
            awaited(&server, "interlude_world_swaps_total", 1);
            // The line that was spent in the middle of it all sleeps in the new world, too.
            (10..REQUESTS).for_each(|n| asks(n, ["7", "5"]));
        } else {
            (10..REQUESTS).for_each(|n| asks(n, later));
        }
        let epochs = if start == 0 { 2 } else { 1 };
        assert!(value(&server.metrics(), "interlude_sleep_epochs_total") >= epochs);
        assert_eq!(server.end().0, Some(0));
    }
    let report = replay(folder.path());
    assert_eq!(report["equal"], 2 * REQUESTS, "{report:#}");
    assert_eq!(report["sleep_forgotten"], 0);

    std::fs::remove_dir_all(folder.path().join("data/asleep")).unwrap();
    let report = replay(folder.path());
    assert_eq!(report["sleep_forgotten"], 2 * REQUESTS, "{report:#}");
    assert_eq!((&report["equal"], &report["differing"]), (&json!(0), &json!(0)));
}
