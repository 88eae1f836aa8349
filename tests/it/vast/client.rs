//! `@dailymotion/vast-client`, asked through node.

use std::path::Path;
use std::process::Command;

/// What the client understood of each document; see `tests/vast-client/read.mjs`.
pub fn read(documents: &[String]) -> Vec<serde_json::Value> {
    let client = Path::new(super::ROOT).join("tests/vast-client");
    assert!(
        client.join("node_modules").is_dir(),
        "the client is not installed: npm ci --prefix tests/vast-client, or run tests/run"
    );
    let folder = tempfile::tempdir().unwrap();
    let files = (0..documents.len()).map(|number| folder.path().join(format!("{number}.xml")));
    let files: Vec<_> = files.collect();
    for (file, document) in files.iter().zip(documents) {
        std::fs::write(file, document).unwrap();
    }
    let output = Command::new("node")
        .arg(client.join("read.mjs"))
        .args(&files)
        .output()
        .expect("node is needed: apt-get install nodejs npm, or run tests/run");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "node: {complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}
