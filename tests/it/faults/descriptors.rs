//! Out of file descriptors (reliability.md C9): accepting pauses without spinning, who is connected
//! is answered, and it goes on when there are some again.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use super::load::Book;
use super::{Process, until, world};
use crate::doors::client::Client;
use crate::doors::value;

/// What the server may have; some fifty are its own.
const FILES: usize = 100;

#[test]
fn without_descriptors_it_waits_and_goes_on() {
    let world = world();
    let mut shell = Command::new("sh");
    let run = format!("ulimit -n {FILES}; exec \"$0\" \"$@\"");
    shell.args(["-c", &run, env!("CARGO_BIN_EXE_interlude")]);
    let server = Process::spawn(shell, world.path(), &world.path().join("data")).unwrap();
    let book = Book::default();
    let mut client = Client::connect(server.bid);
    book.round(&mut client).unwrap();
    let faults = "interlude_bid_accept_faults_total";
    // For the metrics one descriptor is enough, and kept.
    let mut admin = Client::connect(server.admin);
    let mut told = || admin.ask(&crate::doors::client::get("/metrics", "")).text().to_owned();
    assert_eq!(value(&told(), faults), 0);
    let crowd: Vec<TcpStream> =
        (0..FILES * 2).map(|_| TcpStream::connect(server.bid).unwrap()).collect();
    assert!(until(|| value(&told(), faults) > 0).is_some(), "descriptors never ran out");
    // Half a second of it.
    let (from, cpu) = (value(&told(), faults), server.cpu());
    std::thread::sleep(Duration::from_millis(500));
    let (tried, spent) = (value(&told(), faults) - from, server.cpu() - cpu);
    book.round(&mut client).unwrap();
    drop(crowd);
    let back = until(|| book.round(&mut Client::connect(server.bid)).is_ok());
    assert!(tried <= 50, "spins: {tried} tries in half a second");
    eprintln!(
        "no descriptors: {tried} tries and {:.0} ms of processor time in half a second; a new \
         connection is answered {:?} after there are some",
        spent.as_secs_f64() * 1e3,
        back.unwrap(),
    );
    let log = std::fs::read_to_string(world.path().join("stderr")).unwrap();
    assert!(log.contains("fewer open files (ulimit -n) than connections allowed"), "{log}");
}
