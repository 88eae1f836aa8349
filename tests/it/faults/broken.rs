//! A disk that breaks under the file system (reliability.md C4): the server writes well, and the
//! sync says EIO. Nothing is acknowledged any more, the process ends by itself, and the next start
//! on a mended disk has all that was acknowledged.
//!
//! Real ext4 over a loop device over FUSE over nbdkit, whose writes fail while a file is there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::image::Broken;
use super::load::{Book, Load};
use super::{Process, audit, judge, until, world};
use crate::doors::client::Client;

#[test]
fn a_sync_that_fails_on_a_real_disk_ends_the_server_and_loses_nothing() {
    let world = world();
    let Some(mut disk) = Broken::make(world.path(), 64) else { return };
    let data: PathBuf = disk.data();
    let mut server = Process::start(world.path(), &data);
    let book = Arc::new(Book::default());
    let load = Load::start(&book, server.bid, 4);
    let some = until(|| book.acknowledged().len() > 200);
    assert!(some.is_some(), "no load");
    disk.break_it();
    let since = Instant::now();
    let ended = until(|| server.child.try_wait().unwrap().is_some());
    assert!(ended.is_some(), "goes on over a broken disk");
    let status = server.child.try_wait().unwrap().unwrap();
    assert!(!status.success(), "{status}");
    eprintln!("ended {:?} after the disk broke", since.elapsed());
    load.end();
    disk.mend();
    let acknowledged = book.acknowledged();
    judge(&data, &acknowledged);
    // The next start needs nobody's hand, and knows what came.
    let mut again = Process::start(world.path(), &data);
    let mut client = Client::connect(again.bid);
    for notice in acknowledged.iter().rev().take(50) {
        assert!(book.tell(&mut client, notice).unwrap(), "{notice:?}");
    }
    book.round(&mut client).unwrap();
    again.kill();
    judge(&data, &book.once());
    audit(&data);
}
