//! Nobody reads the log (reliability.md L4): its pipe fills, lines are lost and counted, bids and
//! notices go on, and the end is in time.

use std::io::Read as _;
use std::process::Command;
use std::time::Instant;

use super::load::Book;
use super::{Process, judge, until, world};
use crate::doors::client::Client;
use crate::doors::value;

#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let world = world();
    let data = world.path().join("data");
    let mut shell = Command::new("sh");
    // What is told of connections that are cut is told at this level.
    let run = "export INTERLUDE_LOG=debug; exec \"$0\" \"$@\"";
    shell.args(["-c", run, env!("CARGO_BIN_EXE_interlude")]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut server = Process::spawn_with(shell, (&[], writer.into()), world.path(), &data).unwrap();
    let lost = "interlude_log_lost_lines";
    let told = until(|| {
        for _ in 0..500 {
            // Each is a line.
            let mut garbage = Client::connect(server.bid);
            let _ = garbage.try_send(b"\0\r\n\r\n");
            let _ = garbage.reply();
        }
        value(&server.metrics(), lost) > 0
    });
    assert!(told.is_some(), "no line was ever lost");
    let book = Book::default();
    let mut client = Client::connect(server.bid);
    while book.acknowledged().len() < 30 {
        book.round(&mut client).unwrap();
    }
    let lines = value(&server.metrics(), lost);
    let since = Instant::now();
    server.signal("TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let ended = since.elapsed();
    drop(server);
    let mut log = Vec::new();
    reader.read_to_end(&mut log).unwrap();
    judge(&data, &book.acknowledged());
    eprintln!(
        "nobody read the log: {lines} lines lost and counted after {} bytes; bids and notices went \
         on, and the end took {ended:?}",
        log.len(),
    );
}
