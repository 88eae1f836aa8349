//! More comes than can be answered: who is turned away, who is not, and how it ends.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use interlude::doors::receive::{Config, OverloadConfig};

use super::Server;
use super::client::{Client, get, post};

/// Each asks again when it is answered: with a millisecond of work a request, a tenth of a second
/// of queue on two processors.
const FLOOD: usize = 200;

/// For what should take a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_flood_is_left_unread_and_others_are_served() {
    let overload = OverloadConfig { hold_ms: 500, ..OverloadConfig::default() };
    let server = Server::start(Config { overload, ..Config::default() });
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let end = Ends(&over);
        for _ in 0..FLOOD {
            scope.spawn(|| {
                let mut client = Client::connect(server.address);
                while !over.load(Relaxed) {
                    assert!([200, 204].contains(&client.bid(b"work").status));
                }
            });
        }
        wait_for(|| server.metric("interlude_bid_holds_total") > 2 * FLOOD as u64);
        let mut quiet = Client::connect(server.address);
        let mut player = Client::connect(server.address);
        for nth in 0..20 {
            assert_eq!(quiet.ask(&post("/bid/quiet", "", b"yes")).status, 200);
            assert_eq!(player.ask(&get(&format!("/beacon/start/{nth}"), "")).status, 204);
        }
        drop(end);
    });
    assert!(server.ended("no_bid", "overloaded") > 0);
    assert_eq!(server.ended_of("quiet", "no_bid", "overloaded"), 0);
    assert_eq!(server.settled().len(), 20);

    wait_for(|| server.metric("interlude_bid_held_connections") == 0);
    wait_for(|| server.registry.render().contains("\ninterlude_bid_shed_share 0\n"));
    let (mut client, shed) =
        (Client::connect(server.address), server.ended("no_bid", "overloaded"));
    for _ in 0..50 {
        assert_eq!(client.bid(b"yes").status, 200);
    }
    assert_eq!(server.ended("no_bid", "overloaded"), shed);
}

/// The flood ends, too, where what is tried fails meanwhile.
struct Ends<'o>(&'o AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn a_target_of_nought_turns_nobody_away() {
    let overload = OverloadConfig { queue_target_us: 0, ..OverloadConfig::default() };
    let server = Server::start(Config { overload, ..Config::default() });
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let mut client = Client::connect(server.address);
                (0..10).for_each(|_| assert_eq!(client.bid(b"work").status, 204));
            });
        }
    });
    assert_eq!(server.ended("no_bid", "overloaded"), 0);
    assert_eq!(server.metric("interlude_bid_holds_total"), 0);
}

fn wait_for(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it did not come about");
        std::thread::sleep(Duration::from_millis(10));
    }
}
