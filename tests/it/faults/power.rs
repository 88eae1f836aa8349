//! Power cuts: a copy of the file system's image at a random moment is what would be left.
//!
//! `kill -9` leaves what the kernel was given; this does not. The server is held while its image
//! is copied, so that what clients had acknowledged by then is known.

use std::sync::Arc;
use std::time::Duration;

use interlude::base::stdx::rng::Rng;

use super::image::Image;
use super::load::{Book, Load};
use super::{Process, audit, is_long, judge, world};
use crate::doors::client::Client;

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let cuts = if is_long() { 100 } else { 5 };
    let world = world();
    let Some(image) = Image::make(world.path(), "disk", 64) else { return };
    let mut server = Process::start(world.path(), &image.data());
    let book = Arc::new(Book::default());
    let mut rng = Rng::new(0x9017);
    for cut in 0..cuts {
        let load = Load::start(&book, server.bid, 4);
        std::thread::sleep(Duration::from_millis(rng.between(1, 300) as u64));
        server.signal("STOP");
        // Told before, as all that is known by now was.
        let acknowledged = book.acknowledged();
        let copy = image.copy(world.path(), "copy");
        server.signal("CONT");
        load.end();

        let mut again = Process::start(world.path(), &copy.data());
        let mut client = Client::connect(again.bid);
        for notice in acknowledged.iter().rev().take(20) {
            assert!(book.tell(&mut client, notice).unwrap(), "cut {cut}: {notice:?}");
        }
        again.kill();
        judge(&copy.data(), &acknowledged);
        audit(&copy.data());
    }
    server.kill();
    judge(&image.data(), &book.acknowledged());
    assert!(book.acknowledged().len() > cuts, "too few to tell");
}
