//! The machine stands still for a while, as a suspended one does (reliability.md D4): what was sent
//! meanwhile is answered, and nothing is charged twice or beyond a budget.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::load::{Book, Load};
use super::{Process, audit, is_long, judge, until, world};

#[test]
fn a_server_that_stood_still_goes_on() {
    let still = Duration::from_secs(if is_long() { 60 } else { 2 });
    let world = world();
    let data = world.path().join("data");
    let mut server = Process::start(world.path(), &data);
    let book = Arc::new(Book::default());
    let load = Load::start(&book, server.bid, 4);
    let more = || {
        let enough = book.told.load(Relaxed) + 100;
        assert!(until(|| book.told.load(Relaxed) >= enough).is_some(), "nobody answers");
    };
    more();
    server.signal("STOP");
    let before = book.told.load(Relaxed);
    // How long it stands still is what is tried.
    std::thread::sleep(still);
    let meanwhile = book.told.load(Relaxed) - before;
    server.signal("CONT");
    let since = Instant::now();
    more();
    let back = since.elapsed();
    load.end();
    server.kill();
    judge(&data, &book.once());
    audit(&data);
    eprintln!(
        "stood still for {still:?} ({meanwhile} answers meanwhile); 100 more after {back:?}; {} \
         notices acknowledged, each kept once",
        book.once().len(),
    );
}
