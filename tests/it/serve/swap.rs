//! The world changes under load, and nobody notices but by the answers.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use interlude::rehearsal::traffic::catalogs;

use super::{Server, adds_up, folder, request, write_line};
use crate::doors::client::{Client, post};
use crate::doors::value;

#[path = "../../../benches/load/marked.rs"]
mod marked;

/// The winner's price, or nothing.
fn price(client: &mut Client, id: &str) -> Option<String> {
    let reply = client.ask(&request(id));
    assert!([200, 204].contains(&reply.status), "{reply:?}");
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).ok()?;
    Some(answer["seatbid"][0]["bid"][0]["price"].to_string())
}

fn swaps(server: &Server) -> u64 {
    value(&server.metrics(), "interlude_world_swaps_total")
}

fn refused(server: &Server) -> u64 {
    value(&server.metrics(), "interlude_world_refused_swaps_total")
}

#[test]
fn swaps_under_load_lose_nothing() {
    let folder = folder();
    let server = Server::start(folder.path());
    let ended = AtomicBool::new(false);
    let asked: u64 = thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|number| {
                let (ended, bid) = (&ended, server.bid);
                scope.spawn(move || {
                    let mut client = Client::connect(bid);
                    let mut asked = 0_u64;
                    while !ended.load(Relaxed) {
                        price(&mut client, &format!("{number}-{asked}"));
                        asked += 1;
                    }
                    asked
                })
            })
            .collect();
        for round in 0..8_u64 {
            if round % 2 == 0 {
                write_line(folder.path(), "one", &format!("8.0{round}"));
            } else {
                server.signal("HUP");
            }
            while swaps(&server) <= round {
                thread::yield_now();
            }
        }
        ended.store(true, Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    assert!(asked > 0);
    assert_eq!(adds_up(&server.metrics()), asked);
}

/// The bench `load` does the same with 100,000 lines at four fifths of capacity.
#[test]
fn every_answer_is_of_one_version_and_old_worlds_go() {
    let (lines, versions) =
        if std::env::var_os("INTERLUDE_LONG").is_some() { (20_000, 60) } else { (2_000, 20) };
    let folder = folder();
    let config =
        "[server]\nlinger_ms = 1\n[campaigns]\nwatch_ms = 0\n[[exchange]]\nkey = \"two\"\n";
    std::fs::write(folder.path().join("interlude.toml"), config).unwrap();
    for (i, text) in catalogs::campaign_files(7, lines, 20).iter().enumerate() {
        std::fs::write(folder.path().join(format!("campaigns/{i}.json")), text).unwrap();
    }
    write_marked(folder.path(), 0);
    let server = Server::start(folder.path());
    let (ended, newest) = (AtomicBool::new(false), AtomicU64::new(0));
    let before_kb = server.resident_kb();
    let mut most_kb = 0;
    let (asked, two_bids) = thread::scope(|scope| {
        let auditors: Vec<_> =
            (0..3).map(|_| scope.spawn(|| audit(&server, (&ended, &newest)))).collect();
        'swaps: for version in 1..=versions {
            write_marked(folder.path(), version);
            server.signal("HUP");
            while newest.load(Relaxed) < version {
                if auditors.iter().any(thread::ScopedJoinHandle::is_finished) {
                    break 'swaps;
                }
                thread::yield_now();
            }
            most_kb = most_kb.max(server.resident_kb());
        }
        ended.store(true, Relaxed);
        let told = auditors.into_iter().map(|auditor| auditor.join().unwrap());
        told.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    assert_eq!(adds_up(&server.metrics()), asked);
    assert!(two_bids > versions, "too few answers of several lines to tell: {two_bids}");
    let ratio = most_kb as f64 / before_kb as f64;
    eprintln!(
        "{versions} swaps of {lines} lines: {asked} answers, each of one version; memory \
         {ratio:.2} times that of the first world"
    );
    assert!(ratio < 2.2, "{most_kb} KB of {before_kb}");
}

/// Whole or not at all.
fn write_marked(folder: &Path, version: u64) {
    let draft = folder.join("marked");
    std::fs::write(&draft, marked::marked(version)).unwrap();
    std::fs::rename(draft, folder.join("campaigns/marked.json")).unwrap();
}

/// Asks until it is ended; how many answers there were, and how many with several bids.
fn audit(server: &Server, (ended, newest): (&AtomicBool, &AtomicU64)) -> (u64, u64) {
    let (mut client, mut asked, mut several) = (server.client(), 0, 0);
    while !ended.load(Relaxed) {
        let known = newest.load(Relaxed);
        let reply = client.ask(&post("/bid/two", "", marked::request(asked).as_bytes()));
        assert_eq!(reply.status, 200, "{reply:?}");
        let version = marked::version_of(&reply.body);
        let version = version.unwrap_or_else(|| panic!("of several versions: {reply:?}"));
        assert!(version >= known, "a world that was gone is back: {version} after {known}");
        newest.fetch_max(version, Relaxed);
        asked += 1;
        let bids = reply.text().matches("\"price\"").count();
        several += u64::from(bids > 1);
    }
    (asked, several)
}

#[test]
fn a_file_with_a_fault_changes_nothing() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = server.client();
    assert_eq!(price(&mut client, "before").as_deref(), Some("8"));
    std::fs::write(folder.path().join("campaigns/two.yaml"), "advertiser: [\n").unwrap();
    while refused(&server) == 0 {
        thread::yield_now();
    }
    assert_eq!(price(&mut client, "meanwhile").as_deref(), Some("8"));
    std::fs::remove_file(folder.path().join("campaigns/two.yaml")).unwrap();
    write_line(folder.path(), "one", "7.5");
    while price(&mut client, "after").as_deref() != Some("7.5") {
        thread::yield_now();
    }
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("two.yaml:"), "{log}");
}
