//! The end: readiness fails first, then nobody who was let in is left without an answer.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use interlude::doors::receive::Config;

use super::Server;
use super::client::{Client, get, post};

#[test]
fn readiness_fails_before_the_door_closes() {
    let mut server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    assert_eq!(client.ask(&get("/health/ready", "")).text(), "ready");
    server.linger();
    let reply = client.ask(&get("/health/ready", ""));
    assert_eq!((reply.status, reply.text()), (503, "draining"));
    assert_eq!(reply.header("connection"), Some("close"));
    let mut late = Client::connect(server.address);
    assert_eq!(late.bid(b"yes").status, 200);
    assert!(server.close(Duration::from_secs(5)));
    assert!(std::net::TcpStream::connect(server.address).is_err());
}

#[test]
fn a_request_in_flight_is_answered() {
    let mut server = Server::start(Config::default());
    let mut client = Client::connect(server.address);
    client.send(&post("/bid/demo", "", b"slow"));
    while super::sum(&server.registry.render(), "interlude_bid_requests_total") == 0 {
        thread::yield_now();
    }
    let asked = thread::spawn(move || client.reply().unwrap().body);
    assert!(server.close(Duration::from_secs(5)));
    assert_eq!(asked.join().unwrap(), b"slow");
}

#[test]
fn a_drain_under_load_loses_nothing() {
    let mut server = Server::start(Config::default());
    let (address, draining) = (server.address, AtomicBool::new(false));
    let answered = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    // Until the server says that the connection ends, or refuses a new one.
                    while !draining.load(Relaxed) {
                        let mut client = Client::connect(address);
                        loop {
                            let reply = client.bid(b"yes");
                            assert_eq!(reply.status, 200);
                            count += 1;
                            if reply.header("connection") == Some("close") {
                                break;
                            }
                        }
                    }
                    count
                })
            })
            .collect();
        while super::sum(&server.registry.render(), "interlude_bid_requests_total") < 500 {
            thread::yield_now();
        }
        draining.store(true, Relaxed);
        server.linger();
        let answered: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
        assert!(server.close(Duration::from_secs(5)));
        answered
    });
    let text = server.registry.render();
    assert_eq!(super::sum(&text, "interlude_bid_requests_total"), answered);
    assert_eq!(super::sum(&text, "interlude_bid_outcomes_total"), answered);
}
