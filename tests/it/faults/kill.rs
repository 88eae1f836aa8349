//! `kill -9` at random moments under load, again and again over the same folder.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use interlude::base::stdx::rng::Rng;

use super::load::{Book, Load};
use super::{Process, audit, is_long, judge, world};
use crate::doors::client::Client;

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let kills = if is_long() { 200 } else { 20 };
    let world = world();
    let data = world.path().join("data");
    let book = Arc::new(Book::default());
    let mut rng = Rng::new(0x4b11);
    let mut ready = Vec::new();
    for _ in 0..kills {
        let mut server = Process::start(world.path(), &data);
        ready.push(server.ready_in);
        let load = Load::start(&book, server.bid, 4);
        std::thread::sleep(Duration::from_millis(rng.between(1, 250) as u64));
        server.kill();
        load.end();
        judge(&data, &book.acknowledged());
    }
    // What comes again after all that is answered, and charges nobody.
    let server = Process::start(world.path(), &data);
    let mut client = Client::connect(server.bid);
    let acknowledged = book.acknowledged();
    assert!(acknowledged.len() as u64 > kills, "too few to tell: {}", acknowledged.len());
    for notice in acknowledged.iter().step_by(acknowledged.len() / 200 + 1) {
        assert!(book.tell(&mut client, notice).unwrap(), "{notice:?}");
    }
    drop(server);
    judge(&data, &acknowledged);
    audit(&data);
    ready.sort();
    let (median, slowest) = (ready[ready.len() / 2], ready[ready.len() - 1]);
    eprintln!(
        "{kills} kills: {} bids, {} notices acknowledged, ready in {median:?} (median), \
         {slowest:?} (most)",
        book.bids.load(Relaxed),
        acknowledged.len(),
    );
    if is_long() {
        assert!(median < Duration::from_secs(2), "ready only after {median:?}");
    }
}
