//! The demo as its user starts it: a program, real sockets, its own world.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn once(data: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_interlude"))
        .args(["demo", "--once", "--listeners", "2000", "--data"])
        .arg(data)
        .args(more)
        .output()
        .expect("the binary runs")
}

#[test]
fn two_thousand_requests_are_played_sold_and_explained() {
    let data = tempfile::tempdir().expect("a folder");
    let output = once(data.path(), &["--json"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON on standard output");
    let count = |key: &str| summary[key].as_u64().expect(key);
    assert_eq!(count("requests"), 2_000);
    assert_eq!(count("errors"), 0);
    assert_eq!(count("with_bids") + count("no_bids"), 2_000);
    assert!(count("with_bids") >= 1_700, "{}", count("with_bids"));
    assert!(count("impressions") > 0 && count("impressions") <= count("wins"));
    let reasons = summary["no_bid_reasons"].as_object().expect("reasons");
    let of_reasons: u64 = reasons.values().filter_map(Value::as_u64).sum();
    assert_eq!(of_reasons, count("no_bids"), "{reasons:?}");
    let heard: u64 = list(&summary["lines"], "impressions");
    assert_eq!(heard, count("impressions"), "the books say what the players heard");
    assert_eq!(list(&summary["campaigns"], "impressions"), heard);
    assert!(summary["lines"].as_array().expect("lines").len() >= 40);
    let explained = summary["explanation"]["slots"][0]["lines"].as_array().expect("lines");
    assert!(explained.len() >= 60, "{}", explained.len());
    assert!(data.path().join("campaigns/zing.yaml").exists());

    // A second play finds the world, and reads as text.
    let again = once(data.path(), &[]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let text = String::from_utf8_lossy(&again.stdout);
    for part in ["One decision in full", "<VAST version=", "no bid because", "2,000"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let other = once(data.path(), &["--seed", "2"]);
    assert!(!other.status.success());
    assert!(String::from_utf8_lossy(&other.stderr).contains("holds another world"));
}

fn list(rows: &Value, key: &str) -> u64 {
    rows.as_array().into_iter().flatten().filter_map(|row| row[key].as_u64()).sum()
}
