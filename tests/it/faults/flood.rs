//! Ten times as many notices as bids (reliability.md B13): bids go on, and what is acknowledged is
//! kept. How much longer a bid takes beside the flood is told, not asserted: it is the machine's.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::load::{Book, Load};
use super::{Process, audit, is_long, judge, until, world};
use crate::doors::client::Client;

/// Who send notices, each the next when the one before is acknowledged.
const CLIENTS: usize = 48;
/// Notices for each bid.
const TIMES: u64 = 10;

#[test]
fn a_flood_of_notices_drowns_neither_bids_nor_itself() {
    let bids = if is_long() { 5_000 } else { 150 };
    let world = world();
    let data = world.path().join("data");
    let mut server = Process::start(world.path(), &data);
    let book = Arc::new(Book::default());
    let mut client = Client::connect(server.bid);
    let quiet = time_bids(&book, &mut client, bids, 0);
    let flood = Load::flood(&book, server.bid, CLIENTS);
    let beside = time_bids(&book, &mut client, bids, TIMES);
    flood.end();
    let notices = book.told.load(Relaxed);
    server.kill();
    judge(&data, &book.once());
    audit(&data);
    let ratio = |share: usize| {
        let at = bids * share / 100;
        beside[at].as_secs_f64() / quiet[at].as_secs_f64()
    };
    eprintln!(
        "{notices} notices beside {bids} bids: a bid takes {:.2} times as long in the median, \
         {:.2} times at 99 %",
        ratio(50),
        ratio(99),
    );
}

/// Ascending. Behind each bid come so many notices.
fn time_bids(book: &Book, client: &mut Client, bids: usize, notices: u64) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..bids {
        let since = Instant::now();
        book.bid(client).unwrap();
        times.push(since.elapsed());
        let enough = book.told.load(Relaxed) + notices;
        // The pause is the same where there is no flood.
        std::thread::sleep(Duration::from_millis(2));
        assert!(until(|| book.told.load(Relaxed) >= enough).is_some(), "the flood dries up");
    }
    times.sort();
    times
}
