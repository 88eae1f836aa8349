//! A new process takes the place of the old one under load, again and again: nobody is refused or
//! reset, and what was acknowledged is charged once (reliability.md G3).

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use super::load::Book;
use super::{Process, audit, is_long, judge, until, world};
use crate::doors::client::{Client, get};
use crate::doors::value;

/// What clients met that must not be.
#[derive(Default)]
struct Met {
    refused: AtomicU64,
    reset: AtomicU64,
    /// From a request to its answer, the slowest.
    slowest_us: AtomicU64,
    /// Connections that were made.
    made: AtomicU64,
}

impl Met {
    fn connect(&self, address: SocketAddr) -> Client {
        self.made.fetch_add(1, Relaxed);
        loop {
            match Client::try_connect(address) {
                Ok(client) => return client,
                Err(_) => self.refused.fetch_add(1, Relaxed),
            };
        }
    }

    /// A bid and its notices; where the server says that the connection ends, on a new one.
    fn round(&self, book: &Book, address: SocketAddr, client: &mut Client) {
        let since = Instant::now();
        let mut notices = Vec::new();
        match book.bid(client) {
            Ok(told) => notices = told,
            failed => self.asked(failed.map(drop)),
        }
        self.slowest_us.fetch_max(since.elapsed().as_micros() as u64, Relaxed);
        for notice in notices {
            if client.ends() {
                *client = self.connect(address);
            }
            self.asked(book.tell(client, &notice).map(drop));
        }
        if client.ends() {
            *client = self.connect(address);
        }
    }

    fn asked(&self, answer: io::Result<()>) {
        if let Err(why) = answer {
            eprintln!("not answered: {why}");
            self.reset.fetch_add(1, Relaxed);
        }
    }

    /// Until some more has been acknowledged.
    fn wait(&self, book: &Book) {
        let enough = book.told.load(Relaxed) + 200;
        assert!(until(|| book.told.load(Relaxed) >= enough).is_some(), "nobody answers");
    }
}

fn upgrades(count: usize) {
    let world = world();
    let data = world.path().join("data");
    let mut server = Process::start(world.path(), &data);
    let (bid, admin) = (server.bid, server.admin);
    let (book, met) = (Arc::new(Book::default()), Met::default());
    let ended = AtomicBool::new(false);
    let (mut gaps, mut takes) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = met.connect(bid);
                while !ended.load(Relaxed) {
                    met.round(&book, bid, &mut client);
                }
            });
        }
        // Somebody who comes anew for each request.
        scope.spawn(|| {
            while !ended.load(Relaxed) {
                let mut client = met.connect(bid);
                met.asked(client.try_send(&get("/health/live", "Connection: close\r\n")));
                met.asked(client.reply().map(drop));
            }
        });
        for _ in 0..count {
            met.wait(&book);
            let heir = Process::take_over(world.path(), &data).unwrap();
            let mut old = std::mem::replace(&mut server, heir);
            assert_eq!((server.bid, server.admin), (bid, admin), "the sockets are handed on");
            takes.push(server.ready_in);
            gaps.push(gap_ms(world.path()));
            assert_eq!(old.child.wait().unwrap().code(), Some(0));
        }
        met.wait(&book);
        ended.store(true, Relaxed);
    });
    while book.come_again(&mut Client::connect(bid)).unwrap() > 0 {}
    server.signal("TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    judge(&data, &book.once());
    audit(&data);
    gaps.sort();
    let (refused, reset) = (met.refused.load(Relaxed), met.reset.load(Relaxed));
    eprintln!(
        "{count} upgrades under load: {refused} refused, {reset} reset; {} bids, {} no-bids, {} \
         notices acknowledged, each in the journal once, {} told to come again; {} connections; \
         gap {} ms (median), {} ms (most); the slowest answer after {:.0} ms; a start takes {:?}",
        book.bids.load(Relaxed),
        book.no_bids.load(Relaxed),
        book.once().len(),
        book.unavailable.load(Relaxed),
        met.made.load(Relaxed),
        gaps[gaps.len() / 2],
        gaps[gaps.len() - 1],
        met.slowest_us.load(Relaxed) as f64 / 1000.0,
        takes.iter().max().unwrap(),
    );
    assert_eq!((refused, reset), (0, 0));
}

/// How long nobody answered, as the heir says.
fn gap_ms(world: &Path) -> u64 {
    let log = || std::fs::read_to_string(world.join("stderr")).unwrap();
    let told = until(|| log().contains("gap_ms=") && log().ends_with('\n'));
    assert!(told.is_some(), "does not say that it has taken over: {}", log());
    let log = log();
    let told = log.split("gap_ms=").nth(1).unwrap();
    told.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn upgrades_under_load_lose_nobody() {
    upgrades(if is_long() { 20 } else { 3 });
}

#[test]
fn who_could_not_start_takes_nothing_over() {
    let world = world();
    let data = world.path().join("data");
    let mut server = Process::start(world.path(), &data);
    let broken = world.path().join("campaigns/two.yaml");
    std::fs::write(&broken, "advertiser: [\n").unwrap();
    let told = Process::take_over(world.path(), &data).err().unwrap();
    assert!(told.contains("two.yaml"), "{told}");
    // The admin listener is still this one's, and the next one may have it.
    assert!(server.metrics().contains("interlude_bid_requests_total"));
    std::fs::remove_file(&broken).unwrap();
    let next = Process::take_over(world.path(), &data).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(next.metrics().contains("interlude_bid_requests_total"));
}

#[test]
fn an_heir_that_dies_leaves_all_as_it_was() {
    let world = world();
    let data = world.path().join("data");
    let mut server = Process::start(world.path(), &data);
    // Asks for what is known, as an heir does, and leaves.
    let mut heir = UnixStream::connect(data.join("takeover.sock")).unwrap();
    heir.write_all(b"A").unwrap();
    let mut granted = [0];
    heir.read_exact(&mut granted).unwrap();
    assert_eq!(&granted, b"K");
    // Nobody listens for operators now; who asks waits, and is answered when the heir is gone.
    let mut asks = Client::connect(server.admin);
    asks.send(&get("/metrics", "Connection: close\r\n"));
    drop(heir);
    assert!(asks.reply().unwrap().text().contains("interlude_bid_requests_total"));
    // Its campaigns are looked at as before.
    let broken = world.path().join("campaigns/two.yaml");
    std::fs::write(&broken, "advertiser: [\n").unwrap();
    let refused = || value(&server.metrics(), "interlude_world_refused_swaps_total");
    assert!(until(|| refused() > 0).is_some(), "nobody looks at campaigns any more");
    std::fs::remove_file(&broken).unwrap();
    let book = Book::default();
    let mut client = Client::connect(server.bid);
    while book.acknowledged().len() < 9 {
        book.round(&mut client).unwrap();
    }
    let next = Process::take_over(world.path(), &data).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    book.round(&mut Client::connect(next.bid)).unwrap();
    drop(next);
    judge(&data, &book.acknowledged());
}
