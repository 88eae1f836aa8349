//! The same rights by commands: beside no server, and asked of one.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{canaries, rig};
use crate::api::user;

fn interlude(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.env_remove("INTERLUDE_SERVER").env_remove("INTERLUDE_TOKEN_FILE");
    command.env("USER", "tester");
    command.arg("audience").args(args).stdin(Stdio::null()).output().unwrap()
}

fn good(args: &[&str]) -> String {
    let output = interlude(args);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn rights_need_no_server() {
    let mut rig = rig("{ mood: calm }");
    let (line, words) = canaries("alice");
    rig.upload("/api/v1/audience", &[line]);
    let data = rig.data();
    let data = data.to_str().unwrap();
    let file = rig.folder.path().join("interlude.toml");
    let at = ["--data", data, "--config", file.to_str().unwrap()];
    let with = |args: &[&'static str]| -> Vec<&str> { args.iter().copied().chain(at).collect() };
    let refused = interlude(&with(&["opt-out", "id-alice", "mood"]));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--server URL"));

    let url = format!("http://{}", rig.running().admin_address());
    let asked = |args: &[&'static str]| -> Vec<&str> {
        args.iter().copied().chain(["--data", data, "--server", &url]).collect()
    };
    assert_eq!(good(&asked(&["opt-out", "demo:link-alice", "habits"])), "refused: habits\n");
    assert_eq!(good(&asked(&["opt-in", "demo:link-alice", "habits"])), "refused: nothing\n");
    assert!(good(&asked(&["export", "id-alice"])).contains(&words[0]));
    rig.running.take().unwrap().stop();

    assert_eq!(good(&with(&["opt-out", "id-alice", "mood", "place"])), "refused: mood, place\n");
    assert_eq!(good(&with(&["opt-in", "id-alice", "place"])), "refused: mood\n");
    let told: Value = serde_json::from_str(&good(&with(&["export", "id-alice"]))).unwrap();
    let text = told.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    let page = rig.folder.path().join("me.html");
    let page = page.to_str().unwrap();
    good(&[&["export", "id-alice", "--html", page][..], &at[..]].concat());
    assert!(std::fs::read_to_string(page).unwrap().contains(&words[0]));
    let key = format!("key:{}", told["listener"]["key"].as_str().unwrap());
    let said = good(&[&["opt-outs", &key, "--json"][..], &at[..]].concat());
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["opted_out"][0], "mood");

    let erased = good(&with(&["erase", "id-alice"]));
    assert!(erased.contains("a profile, 2 links; caps are cleared at the next start"), "{erased}");
    let told = good(&with(&["export", "id-alice"]));
    assert!(told.contains("\"known\": false") && !told.contains("canary"), "{told}");
    let deeds = || {
        let trail: Vec<Value> = serde_json::from_str(&good(&with(&["trail", "--json"]))).unwrap();
        trail.iter().map(|act| act["deed"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(!deeds().contains(&"erasure ended".to_owned()));
    assert!(good(&with(&["trail"])).contains("user tester"));
    rig.begin();
    assert_eq!(deeds().last().unwrap(), "erasure ended", "the start ends what was begun");
    assert!(!rig.bids(&user("id-alice")));
}
