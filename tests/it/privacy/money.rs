//! An erased listener who was bid for, won, charged and clicked is in no file, nor in a backup or
//! what is restored of one; the money is what it was, to the bit.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use interlude::base::units::ids::ListenerKey;

use super::files_with;
use crate::api::money::heard;
use crate::api::{Rig, user};

const ID: &str = "canary-listener-a01b";
const LINKED: &str = "canary-elsewhere-c77d";
/// Somebody else, who stays.
const OTHER: &str = "somebody-else";

fn interlude(args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    let output = command.env_remove("INTERLUDE_SERVER").args(args).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {err}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Every way in which a file could hold a key or a mark.
fn written(bytes: &[u8]) -> Vec<Vec<u8>> {
    let turned: Vec<u8> = bytes.iter().rev().copied().collect();
    let digits: String = turned.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![bytes.to_vec(), turned, digits.to_uppercase().into_bytes(), digits.into_bytes()]
}

/// The files that name the listener; marks may stay in the rights' journal.
fn found(folder: &Path, names: &[Vec<u8>], marks: &[Vec<u8>]) -> Vec<std::path::PathBuf> {
    let rights = folder.join("rights");
    let mut found: Vec<_> = marks.iter().flat_map(|mark| files_with(folder, mark)).collect();
    found.retain(|file| !file.starts_with(&rights));
    found.extend(names.iter().flat_map(|name| files_with(folder, name)));
    found
}

fn awaited(what: impl Fn() -> Option<String>) {
    let until = Instant::now() + Duration::from_secs(30);
    while let Some(why) = what() {
        assert!(Instant::now() < until, "{why}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Bit-equal, and how many entries.
fn audited(data: &Path) -> u64 {
    let told = interlude(&["audit", "--json", text(data)]);
    assert_eq!(told["bit_equal"], true, "{told}");
    told["entries"].as_u64().unwrap()
}

fn impressions(rig: &Rig, wanted: u64) {
    awaited(|| {
        let told = rig.ask("GET", "/api/v1/report?exact=true", "", b"").json();
        (told["totals"][0]["impressions"] != wanted).then(|| told.to_string())
    });
}

fn gone(rig: &Rig, names: &[Vec<u8>], marks: &[Vec<u8>]) {
    awaited(|| {
        let left = found(&rig.data(), names, marks);
        (!left.is_empty()).then(|| format!("{left:?}"))
    });
}

#[test]
fn who_was_sold_to_can_be_forgotten_and_the_money_stays() {
    let more = "erased_s = 0\n[records]\nsample_ppm = 1000000\ndrain_ms = 1\n";
    let mut rig = Rig::new("{}", more);
    let data = rig.data();
    // Before a link led from it, the id was a listener of its own.
    heard(&rig, LINKED);
    let line = json!({"id": ID, "ids": {"demo": LINKED}, "segments": {"mood": "calm"}});
    rig.upload("/api/v1/audience", &[line, json!({"id": OTHER, "segments": {"mood": "calm"}})]);
    for _ in 0..3 {
        heard(&rig, LINKED);
        heard(&rig, ID);
        heard(&rig, OTHER);
    }
    impressions(&rig, 10);
    let said = rig.ask("PUT", &path("opt-outs"), "", b"{\"opt_out\":[\"place\"]}");
    assert_eq!((said.status, rig.ask("GET", &path("export"), "", b"").status), (200, 200));

    let marks = *rig.running().node().till().keys().marks();
    let of = |id: &str| (ListenerKey::of(id), marks.listener(ListenerKey::of(id)));
    let ((key, mark), (own, own_mark)) = (of(ID), of(LINKED));
    let keys = [key, own].map(|key| written(&key.0.to_le_bytes())).concat();
    let names = [keys, vec![ID.into(), LINKED.into()]].concat();
    let marks = [mark, own_mark].map(|mark| written(&mark.0.to_le_bytes())).concat();
    let other = of(OTHER);
    let caps = |mark: u64| files_with(&data.join("caps"), &mark.to_le_bytes()).len();
    awaited(|| (caps(mark.0) == 0 || caps(own_mark.0) == 0).then(|| "no caps".to_owned()));
    rig.restart();
    assert!(found(&data, &names, &marks).len() >= 3, "audience, keys and caps know them");
    let (before, after) = (rig.folder.path().join("before"), rig.folder.path().join("after.tar"));
    let backup = |to: &Path| {
        let told = interlude(&["backup", "--json", "--data", text(&data), "--to", text(to)]);
        assert!(told["files"]["rights/00000001.ilj"].is_object(), "{told}");
    };
    backup(&before);
    let entries = audited(&data);

    let erased = rig.ask("DELETE", &format!("/api/v1/listeners/demo:{LINKED}"), "", b"");
    assert_eq!((erased.status, &erased.json()["ended"]), (200, &json!(true)), "{erased:?}");
    gone(&rig, &names, &marks);
    assert!(audited(&data) >= entries, "money is only added to");
    impressions(&rig, 10);
    backup(&after);
    rig.restart();
    gone(&rig, &names, &marks);
    impressions(&rig, 10);
    assert!(!files_with(&data, &other.1.0.to_le_bytes()).is_empty(), "others stay");
    rig.running.take().unwrap().stop();
    audited(&data);
    nobody_comes_back(rig, (&before, &after), (&names, &marks));
}

/// A backup from before the erasure, put in the place of the folder, brings nobody back; one from
/// after it never knew.
fn nobody_comes_back(
    mut rig: Rig,
    (before, after): (&Path, &Path),
    (names, marks): (&[Vec<u8>], &[Vec<u8>]),
) {
    let data = rig.data();
    let old = rig.folder.path().join("old");
    std::fs::rename(&data, &old).unwrap();
    let parts = ["restore", "--json", "--from", text(before), "--data", text(&data)];
    let told = interlude(&[&parts[..], &["--said-in", text(&old)]].concat());
    assert_eq!(told["said"]["erased_again"], 2, "{told}");
    assert!(!found(&data, names, marks).is_empty(), "the copy knew of the listener");
    rig.begin();
    gone(&rig, names, marks);
    assert!(rig.bids(&user(OTHER)));
    let said = rig.ask("GET", &path("opt-outs"), "", b"").json();
    assert_eq!(said["opted_out"], json!(["place"]), "the no holds");
    rig.running.take().unwrap().stop();
    audited(&data);

    std::fs::remove_dir_all(&data).unwrap();
    interlude(&["restore", "--json", "--from", text(after), "--data", text(&data)]);
    let left = found(&data, names, marks);
    assert!(left.is_empty(), "{left:?}");
    audited(&data);
}

fn path(what: &str) -> String {
    format!("/api/v1/listeners/{ID}/{what}")
}
