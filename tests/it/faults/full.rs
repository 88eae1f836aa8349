//! A full disk: no bids, notices to come again, and all by itself as before once there is room.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::image::Image;
use super::load::Book;
use super::{Process, audit, judge, until, world};
use crate::doors::client::Client;
use crate::doors::value;

#[test]
fn a_full_disk_stops_bids_and_notices_until_there_is_room() {
    let world = world();
    let Some(image) = Image::make(world.path(), "disk", 32) else { return };
    let mut server = Process::start(world.path(), &image.data());
    let book = Arc::new(Book::default());
    let mut client = Client::connect(server.bid);
    let mut waiting = Vec::new();
    for _ in 0..100 {
        waiting.extend(book.bid(&mut client).unwrap());
    }
    // Half of them before, the others while there is no room.
    let later = waiting.split_off(waiting.len() / 2);
    for notice in &waiting {
        assert!(book.tell(&mut client, notice).unwrap());
    }
    let filler = image.at.join("filler");
    fill(&filler);
    let mut later = later.iter().cycle();
    let refused = until(|| !book.tell(&mut client, later.next().unwrap()).unwrap());
    assert!(refused.is_some(), "notices are taken on a full disk");
    let silent = until(|| {
        let before = book.no_bids.load(Relaxed);
        let (bids, full) = (book.bid(&mut client).unwrap(), value(&server.metrics(), FULL));
        bids.is_empty() && book.no_bids.load(Relaxed) > before && full == 1
    });
    assert!(silent.is_some(), "bids on a full disk");
    for _ in 0..20 {
        assert!(book.bid(&mut client).unwrap().is_empty());
        assert!(!book.tell(&mut client, later.next().unwrap()).unwrap());
    }
    std::fs::remove_file(&filler).unwrap();
    let taken = until(|| book.tell(&mut client, later.next().unwrap()).unwrap());
    let bids = until(|| !book.bid(&mut client).unwrap().is_empty());
    let (taken, bids) = (taken.expect("never taken again"), bids.expect("never bids again"));
    assert!(taken + bids < Duration::from_secs(30), "{taken:?}, {bids:?}");
    eprintln!("room again: notices after {taken:?}, bids {bids:?} later");
    for _ in 0..200 {
        assert!(book.tell(&mut client, later.next().unwrap()).unwrap());
    }
    server.kill();
    let mut acknowledged = book.acknowledged();
    acknowledged.dedup_by(|a, b| (a.kind, &a.ticket) == (b.kind, &b.ticket));
    judge(&image.data(), &acknowledged);
    audit(&image.data());
}

const FULL: &str = "interlude_journal_full";

/// Until not a byte more has room.
fn fill(filler: &std::path::Path) {
    let mut file = File::create(filler).unwrap();
    for piece in [1 << 16, 1 << 10, 1] {
        let block = vec![0x5A; piece];
        while file.write_all(&block).and_then(|()| file.sync_data()).is_ok() {}
    }
}
