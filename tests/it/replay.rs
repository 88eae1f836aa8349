//! Decisions of a server that is gone, made again by the program from what it left on the disk.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Plays of two thousand requests each; every play is a server of its own.
fn plays() -> u64 {
    if std::env::var_os("INTERLUDE_LONG").is_some() { 5 } else { 1 }
}

fn interlude(args: &[&str], data: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.args(args).arg("--data").arg(data).output().expect("the binary runs")
}

fn replay(data: &Path) -> (bool, Value) {
    let records = data.join("decisions");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
    let (records, config) = (records.display().to_string(), config.display().to_string());
    let output = interlude(&["replay", &records, "--config", &config, "--json"], data);
    let told = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}"));
    (output.status.success(), report)
}

#[test]
fn every_recorded_decision_is_made_again_alike() {
    let data = tempfile::tempdir().expect("a folder");
    for _ in 0..plays() {
        let played = interlude(&["demo", "--once", "--json", "--listeners", "2000"], data.path());
        assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    }
    let (alike, report) = replay(data.path());
    assert!(alike, "{report:#}");
    assert_eq!(report["differing"], 0, "{report:#}");
    // The play also explains one decision, and a few may end by the clock.
    let equal = report["equal"].as_u64().expect("a count");
    assert!(equal >= 1_990 * plays(), "{report:#}");

    // Another key than the one that was served with is noticed, decision by decision.
    std::fs::write(data.path().join("coin.key"), "0000000000000001\n").expect("a key");
    let (alike, report) = replay(data.path());
    assert!(!alike);
    // All but those that ended before chance had a say.
    let differing = report["differing"].as_u64().expect("a count");
    assert!(differing >= 1_800 * plays(), "{differing} differ");
    let why = report["differences"][0]["where_not"].to_string();
    assert!(why.contains("coin was"), "{why}");
}
