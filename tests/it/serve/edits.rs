//! Small edits while a server serves: seen by requests, made again by the program, freed after.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread;

use interlude::app::config::Config;
use interlude::app::run::Running;
use interlude::knowledge::catalog::Kind;
use interlude::knowledge::catalog::model::Line;
use serde_json::{Value, json};

use super::asleep::replay;
use super::{Server, folder, request};
use crate::doors::value;

const LINES: usize = 40;

/// Lines of falling price, each on a deal or two as well; `changed` ones cost more than they did.
fn write(folder: &Path, changed: &[(usize, &str)]) {
    let line = |i: usize| {
        let price = changed.iter().find(|(ix, _)| *ix == i).map(|(_, price)| *price);
        let cpm = price.map_or(format!("{}.5", LINES - i), str::to_owned);
        json!({ "key": format!("line-{i}"), "bid_cpm": cpm, "creatives": ["c"] })
    };
    let file = json!({ "advertiser": {
        "key": "one", "domains": ["one.example"], "currency": "USD",
        "creatives": [{ "crid": "c", "duration": 15, "renditions": [
            { "url": "https://cdn.example/one.mp3", "mime": "audio/mpeg", "bitrate": 128 },
        ] }],
        "campaigns": [{ "key": "all", "lines": (0..LINES).map(line).collect::<Vec<_>>() }],
    } });
    std::fs::write(folder.join("draft"), file.to_string()).unwrap();
    std::fs::rename(folder.join("draft"), folder.join("campaigns/one.yaml")).unwrap();
}

/// The best price that a request gets.
fn best(server: &Server, id: &str) -> f64 {
    let reply = server.client().ask(&request(id));
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    let bids = answer["seatbid"].as_array().unwrap().iter();
    let bids = bids.flat_map(|seat| seat["bid"].as_array().unwrap());
    bids.map(|bid| bid["price"].as_f64().unwrap()).fold(0.0, f64::max)
}

fn builds(server: &Server, kind: &str) -> u64 {
    value(&server.metrics(), &format!("interlude_world_builds_total{{kind=\"{kind}\"}}"))
}

#[test]
fn decisions_over_edits_are_made_again_alike() {
    let folder = folder();
    let config = std::fs::read_to_string(folder.path().join("interlude.toml")).unwrap();
    let config = config + "[records]\nsample_ppm = 1000000\n";
    std::fs::write(folder.path().join("interlude.toml"), config).unwrap();
    let mut asked = 0_u64;
    for start in 0..2 {
        write(folder.path(), &[]);
        let server = Server::start(folder.path());
        let mut ask = |wanted: f64| {
            for _ in 0..3 {
                let price = best(&server, &format!("{start}-{asked}"));
                assert!((price - wanted).abs() < 1e-9, "{price}, not {wanted}");
                asked += 1;
            }
        };
        ask(40.5);
        for (edit, (changed, wanted)) in [
            (&[(9, "50")][..], 50.0),
            (&[(9, "50"), (20, "60")], 60.0),
            (&[(9, "50"), (0, "0.5")], 50.0),
            (&[(0, "0.5")], 39.5),
        ]
        .into_iter()
        .enumerate()
        {
            write(folder.path(), changed);
            while builds(&server, "edit") <= edit as u64 {
                thread::yield_now();
            }
            ask(wanted);
        }
        // More than half of the lines: every place anew.
        let prices: Vec<_> = (0..30).map(|ix| (ix, "70")).collect();
        write(folder.path(), &prices);
        while builds(&server, "full") == 0 {
            thread::yield_now();
        }
        ask(70.0);
        assert_eq!(server.end().0, Some(0));
    }
    let report = replay(folder.path());
    assert_eq!(report["equal"], asked, "{report:#}");
    assert_eq!(report["differing"], 0, "{report:#}");

    // Two whole worlds and what differs from one of them: small files that name it.
    let kept = std::fs::read_dir(folder.path().join("data/worlds")).unwrap();
    let mut kept: Vec<_> =
        kept.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    kept.sort_by_key(String::len);
    let whole: Vec<&str> = kept[..2].iter().map(|name| name.trim_end_matches(".json")).collect();
    assert_eq!(kept.len(), 6, "{kept:?}");
    assert!(kept[2..].iter().all(|name| whole.iter().any(|base| name.contains(base))), "{kept:?}");
}

/// What is to be gone when nobody decides in a world any more.
struct Traces {
    lines: Weak<dyn Send + Sync>,
    index: Weak<dyn Send + Sync>,
    desk: Weak<dyn Send + Sync>,
}

impl Traces {
    fn of(running: &Running) -> Traces {
        let standing = running.node().standing();
        let published = &standing.published;
        let weak = |part: Arc<dyn Send + Sync>| Arc::downgrade(&part);
        Traces {
            lines: weak(published.world.catalog.clone()),
            index: weak(published.world.index.clone()),
            desk: weak(published.desk.clone()),
        }
    }

    fn left(&self) -> usize {
        [&self.lines, &self.index, &self.desk].iter().filter(|part| part.strong_count() > 0).count()
    }
}

#[test]
fn an_old_world_is_gone_when_nobody_decides_in_it() {
    let folder = folder();
    write(folder.path(), &[]);
    let running = in_process(folder.path());
    let all: Vec<_> = (0..30).map(|ix| (ix, "70")).collect();
    for (changed, kind) in [
        (&[(9, "50")][..], Kind::Edit),
        (&[(9, "55")], Kind::Edit),
        (&all, Kind::Full),
        (&[], Kind::Full),
    ] {
        let (old, version) =
            (Traces::of(&running), running.node().standing().built.summary.version);
        write(folder.path(), changed);
        // As a request in flight would.
        let in_flight = running.node().standing();
        thread::scope(|scope| {
            let reload = scope.spawn(|| running.reload().unwrap());
            while running.node().standing().built.summary.version == version {
                thread::yield_now();
            }
            assert_eq!(old.left(), 3, "it is still decided in");
            let line: &Line = &in_flight.published.world.catalog.base_lines()[0];
            assert!(!line.key.is_empty());
            drop(in_flight);
            assert_eq!(reload.join().unwrap().kind, kind);
        });
        assert_eq!(old.left(), 0, "{kind:?}");
    }
    assert!(running.stop());
}

fn in_process(folder: &Path) -> Running {
    let mut config = Config::load(&folder.join("interlude.toml")).unwrap();
    config.campaigns.watch_ms = 0;
    config.campaigns.files = vec![folder.join("campaigns/one.yaml")];
    config.bid.listen = "127.0.0.1:0".parse().unwrap();
    config.admin.listen = "127.0.0.1:0".parse().unwrap();
    Running::start(config, &folder.join("data")).unwrap()
}

/// Publishes the listeners that there are; true when what stood before is freed at once.
fn listeners_pass(running: &Running) -> bool {
    let old = Arc::downgrade(&running.node().standing());
    let parts = running.node().standing().published.world.clone();
    running.node().publish_listeners(parts.audience.clone(), parts.vocabulary.clone());
    old.strong_count() == 0
}

#[test]
fn listeners_do_not_wait_for_a_build() {
    let folder = folder();
    write(folder.path(), &[]);
    let slow = folder.path().join("campaigns/one.yaml");
    let running = in_process(folder.path());
    let text = std::fs::read(&slow).unwrap();
    // A file whose reader waits until it is written.
    std::fs::remove_file(&slow).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&slow).status().unwrap().success());
    thread::scope(|scope| {
        let reload = scope.spawn(|| running.reload());
        let mut under_way = std::fs::File::options().write(true).open(&slow).unwrap();
        assert!(listeners_pass(&running));
        std::io::Write::write_all(&mut under_way, &text).unwrap();
        drop(under_way);
        assert_eq!(reload.join().unwrap().unwrap().kind, Kind::Same);
    });
    assert!(running.stop());
}

#[test]
fn listeners_do_not_wait_for_who_decides_in_an_older_world() {
    let folder = folder();
    write(folder.path(), &[]);
    let running = in_process(folder.path());
    let in_flight = running.node().standing();
    write(folder.path(), &[(9, "50")]);
    thread::scope(|scope| {
        let reload = scope.spawn(|| running.reload());
        while Arc::ptr_eq(&running.node().standing(), &in_flight) {
            thread::yield_now();
        }
        // More than once: who waits for the first goes on before the others.
        assert!((0..100).all(|_| listeners_pass(&running)));
        assert!(!reload.is_finished(), "it waits for the one in flight");
        drop(in_flight);
        assert_eq!(reload.join().unwrap().unwrap().kind, Kind::Edit);
    });
    assert!(running.stop());
}
