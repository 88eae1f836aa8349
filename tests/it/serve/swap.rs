//! The world changes under load, and nobody notices but by the answers.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use super::{Server, adds_up, folder, request, write_line};
use crate::doors::client::Client;
use crate::doors::value;

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
