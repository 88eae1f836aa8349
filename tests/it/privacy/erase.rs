//! An erased listener is in no file of the data folder; the money still adds up.

use std::time::{Duration, Instant};

use serde_json::json;

use interlude::base::units::ids::ListenerKey;
use interlude::offer::records::{self, Keyring, Shut, Stored};

use super::files_with;
use crate::api::{Rig, user};

/// Also as they would stand in a request, a log or a URL.
const ID: &str = "canary-listener-7f3a";
const LINKED: &str = "canary-elsewhere-91c2";
const ARTIST: &str = "Canary Quartet";

fn rig() -> Rig {
    Rig::new("{ taste_genre: jazz }", "erased_s = 0\n[records]\nsample_ppm = 1000000\n")
}

#[test]
fn an_erased_listener_is_in_no_file() {
    let mut rig = rig();
    let line = json!({"id": ID, "ids": {"demo": LINKED},
        "segments": {"taste_genre": "jazz", "taste_artist": ARTIST}});
    rig.upload("/api/v1/audience", &[line]);
    rig.await_bid(&user(LINKED), true);
    let key = ListenerKey::of(ID);
    let mark = rig.running().node().till().keys().marks().listener(key);
    let (key, mark_bytes) = (key.0.to_le_bytes(), mark.0.to_le_bytes());
    rig.restart();
    assert!(!files_with(&rig.data(), &key).is_empty(), "the audience knows him");
    assert!(!files_with(&rig.data(), &mark_bytes).is_empty(), "his samples have a key");
    assert!(opened(&rig, LINKED) > 0, "and are read with it");

    rig.upload("/api/v1/audience", &[json!({"id": ID, "erase": true})]);
    rig.await_bid(&user(LINKED), false);
    let eraser = rig.running().eraser();
    assert!(eraser.forget(mark).unwrap());
    assert!(!eraser.forget(mark).unwrap(), "twice is once");
    // While no link led from it, the other id was somebody of his own.
    let own = ListenerKey::of(LINKED);
    eraser.forget(rig.running().node().till().keys().marks().listener(own)).unwrap();
    let data = rig.data();
    let left = || {
        let wanted = [&key[..], &mark_bytes, ID.as_bytes(), LINKED.as_bytes()];
        wanted.map(|bytes| files_with(&data, bytes)).concat()
    };
    let gone = || {
        let until = Instant::now() + Duration::from_secs(30);
        while !left().is_empty() {
            assert!(Instant::now() < until, "{:?}", left());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    gone();
    assert_eq!(opened(&rig, LINKED), 0);
    assert!(shut(&rig) > 0, "what was sealed is still there, and noise");
    rig.restart();
    // An erasure that the stop came before is carried out.
    gone();
    assert!(!rig.bids(&user(LINKED)));
}

/// Samples in which an id is read, with the keys that there are.
fn opened(rig: &Rig, id: &str) -> usize {
    let (keys, mut room, mut found) = (Keyring::read(&rig.data()).unwrap(), Vec::new(), 0);
    records::read(&rig.data().join("decisions"), &mut |kept| {
        let Some(stored @ Stored::Sealed(_)) = kept.sample else { return };
        if let Ok(sample) = stored.open(&keys, &mut room) {
            found += usize::from(String::from_utf8_lossy(sample.request).contains(id));
        }
    })
    .unwrap();
    found
}

/// Samples whose key is gone.
fn shut(rig: &Rig) -> usize {
    let (keys, mut room, mut found) = (Keyring::read(&rig.data()).unwrap(), Vec::new(), 0);
    records::read(&rig.data().join("decisions"), &mut |kept| {
        let Some(stored) = kept.sample else { return };
        found += usize::from(stored.open(&keys, &mut room).err() == Some(Shut::Erased));
    })
    .unwrap();
    found
}

#[test]
fn without_permission_nothing_of_the_person_is_kept() {
    let mut rig = rig();
    let denied = json!({"buyeruid": ID, "id": ID, "yob": 1977, "gender": "F",
        "keywords": "canary-keyword", "consent": "CANARYconsent",
        "data": [{"id": "1", "segment": [{"value": "canary-segment"}]}],
        "geo": {"lat": 12.345_678, "zip": "canary-zip"},
        "eids": [{"source": "ids.example", "uids": [{"id": "canary-eid"}]}]});
    let _ = rig.bids(&denied);
    rig.restart();
    let canaries = [
        ID,
        "canary-keyword",
        "CANARYconsent",
        "canary-segment",
        "12.345678",
        "canary-zip",
        "canary-eid",
        "192.0.2.1\"",
    ];
    for canary in canaries {
        let found = files_with(&rig.data(), canary.as_bytes());
        assert!(found.is_empty(), "{canary}: {found:?}");
    }
    let net = files_with(&rig.data(), b"192.0.2.0");
    assert!(!net.is_empty(), "the sample is there, with the net");
}
