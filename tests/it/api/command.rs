//! `interlude audience` beside and against a running server.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{Rig, read, user};

fn interlude(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.env_remove("INTERLUDE_SERVER").env_remove("INTERLUDE_TOKEN_FILE");
    command.arg("audience").args(args).stdin(Stdio::null()).output().unwrap()
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    text(&output.stdout) + &text(&output.stderr)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn listeners_go_to_a_running_server_and_come_back() {
    let rig = Rig::new("{ taste_genre: jazz }", "");
    let data = rig.data();
    let (data, url) = (path(&data), format!("http://{}", rig.running().admin_address()));
    let file = rig.folder.path().join("listeners.jsonl");
    let text = "{\"id\":\"l1\",\"segments\":{\"taste_genre\":[{\"value\":\"jazz\",\
                \"confidence\":0.8,\"expires\":\"2099-01-01T00:00:00Z\"}],\"mood\":\"calm\"},\
                \"ids\":{\"demo\":\"d1\"}}\n{\"id\":\"l2\",\"segments\":{\"mood\":\"clam\"}}\n";
    std::fs::write(&file, text).unwrap();

    let offline = interlude(&["import", path(&file), "--data", data]);
    assert!(!offline.status.success());
    assert!(told(&offline).contains("--server"), "{}", told(&offline));

    let sent = interlude(&["import", path(&file), "--server", &url, "--data", data]);
    assert_eq!(sent.status.code(), Some(1), "a line has a fault");
    let said = told(&sent);
    assert!(said.contains("1 listeners imported, 1 lines with faults left out"), "{said}");
    let fault =
        "listeners.jsonl:2:31: segments.mood: unknown mood \"clam\"; did you mean \"calm\"?";
    assert!(said.contains(fault), "{said}");
    rig.await_bid(&user("d1"), true);

    let links = rig.folder.path().join("links.jsonl");
    std::fs::write(&links, "{\"source\":\"demo\",\"id\":\"d2\",\"listener\":\"l1\"}\n").unwrap();
    let sent = interlude(&["link", path(&links), "--server", &url, "--data", data, "--json"]);
    let report: Value = serde_json::from_slice(&sent.stdout).unwrap();
    assert_eq!((&report["listeners"], &report["bad_lines"]), (&1.into(), &0.into()));
    rig.await_bid(&user("d2"), true);

    let out = rig.folder.path().join("everybody.jsonl");
    let got = interlude(&["export", "--server", &url, "--data", data, "--out", path(&out)]);
    assert!(got.status.success(), "{}", told(&got));
    let beside = interlude(&["export", "--data", data]);
    assert_eq!(String::from_utf8(beside.stdout).unwrap(), read(&out), "the disk says the same");

    // Elsewhere, from the export alone.
    let other = rig.folder.path().join("other");
    let config = rig.folder.path().join("interlude.toml");
    let taken = interlude(&["import", path(&out), "--data", path(&other)]);
    assert!(taken.status.success(), "{}", told(&taken));
    let again = interlude(&["export", "--data", path(&other)]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), read(&out));
    let offline = interlude(&["link", path(&links), "--data", path(&other)]);
    assert!(told(&offline).contains("1 links imported"), "{}", told(&offline));
    let stats = interlude(&["stats", "--data", path(&other), "--config", path(&config), "--json"]);
    let stats: Value = serde_json::from_slice(&stats.stdout).unwrap();
    assert_eq!((&stats["listeners"], &stats["segments"]), (&1.into(), &2.into()));
}

#[test]
fn what_keeps_a_command_from_the_server_is_told() {
    let rig = Rig::new("{}", "");
    let file = rig.folder.path().join("l.jsonl");
    std::fs::write(&file, "{\"id\":\"a\"}\n").unwrap();
    let data = rig.data();
    let url = format!("http://{}", rig.running().admin_address());
    let wrong = rig.folder.path().join("wrong.token");
    std::fs::write(&wrong, "not-the-token-but-long-enough-to-be-one\n").unwrap();
    for (args, mend) in [
        (vec!["--server", &url, "--token-file", path(&wrong)], "401"),
        (vec!["--server", &url, "--token-file", "/nowhere"], "--token-file"),
        (vec!["--server", "https://localhost", "--data", path(&data)], "tunnel"),
        (vec!["--server", "http://127.0.0.1:1", "--data", path(&data)], "127.0.0.1:1"),
    ] {
        let all = [vec!["import", path(&file)], args].concat();
        let output = interlude(&all);
        assert!(!output.status.success());
        assert!(told(&output).contains(mend), "{}", told(&output));
    }
    // From the standard input, packed by whoever sends it.
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.args(["audience", "import", "-", "--server", &url, "--data", path(&data)]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"id\":\"a\"}\n{\"id\":\"b\"}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(told(&output).contains("2 listeners imported"), "{}", told(&output));
}
