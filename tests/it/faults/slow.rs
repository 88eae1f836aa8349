//! A slow disk (reliability.md C7): every sync takes a second and a half. Bids do not wait for it;
//! notices do, as many as the journal's queue holds, and the others are told to come again.
//!
//! strace delays the syncs of a server that runs, and lets it go again.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::load::{Book, Told};
use super::{Process, audit, judge, time_bids, until, world};
use crate::doors::client::Client;

const DELAY: Duration = Duration::from_millis(1500);
/// Records that may wait for the journal.
const QUEUE: usize = 12;
/// Notices at once: more than can wait.
const TELLERS: usize = 40;
/// Bids that are timed.
const BIDS: usize = 300;

#[test]
fn a_slow_disk_delays_notices_and_no_bids() {
    if std::env::var_os("INTERLUDE_NO_STRACE").is_some() {
        eprintln!("NOT TESTED: a slow disk (INTERLUDE_NO_STRACE is set)");
        return;
    }
    let world = world();
    let file = world.path().join("interlude.toml");
    let config = std::fs::read_to_string(&file).unwrap() + &format!("queue = {QUEUE}\n");
    std::fs::write(&file, config).unwrap();
    let data = world.path().join("data");
    let mut server = Process::start(world.path(), &data);
    let book = Arc::new(Book::default());
    let mut client = Client::connect(server.bid);
    let mut notices = Vec::new();
    while notices.len() < TELLERS {
        // Of each bid the win: all of them are for themselves.
        notices.extend(book.bid(&mut client).unwrap().into_iter().next());
    }
    // Watched in the same way, as being watched costs something, too.
    let watched = Watched::attach(&server, None);
    let quick = time_bids(&book, &mut client, BIDS);
    drop(watched);
    let watched = Watched::attach(&server, Some(DELAY));
    let last = notices.pop().unwrap();
    let since = Instant::now();
    assert!(book.tell(&mut client, &last).unwrap());
    assert!(since.elapsed() >= DELAY, "acknowledged after {:?}", since.elapsed());

    let tellers: Vec<_> = notices.into_iter().map(|notice| tell(&book, &server, notice)).collect();
    let before = book.no_bids.load(Relaxed);
    let slow = time_bids(&book, &mut client, BIDS);
    assert_eq!(book.no_bids.load(Relaxed), before, "bids wait for the disk");
    let acknowledged =
        tellers.into_iter().map(|teller| teller.join().unwrap()).filter(|told| *told).count();
    let unavailable = book.unavailable.load(Relaxed);
    assert!(acknowledged > 0, "nobody could wait");
    assert!(unavailable > 0, "more wait than the queue holds");
    drop(watched);

    // Quick again: what was told to come again comes.
    let again = until(|| book.come_again(&mut client).unwrap() == 0);
    assert!(again.is_some(), "never taken again");
    server.kill();
    assert_eq!(book.acknowledged().len(), TELLERS);
    judge(&data, &book.acknowledged());
    audit(&data);
    let ratio = |at: usize| slow[at].as_secs_f64() / quick[at].as_secs_f64();
    eprintln!(
        "syncs of {DELAY:?}: {acknowledged} notices waited, {unavailable} are to come again; bids \
         take {:.2} times as long in the median, {:.2} times at 99 %",
        ratio(BIDS / 2),
        ratio(BIDS * 99 / 100),
    );
}

fn tell(book: &Arc<Book>, server: &Process, notice: Told) -> std::thread::JoinHandle<bool> {
    let (book, address) = (Arc::clone(book), server.bid);
    std::thread::spawn(move || book.tell(&mut Client::connect(address), &notice).unwrap())
}

/// A server under strace; let go when it is dropped.
struct Watched(Child);

impl Watched {
    fn attach(server: &Process, delay: Option<Duration>) -> Watched {
        let pid = server.child.id().to_string();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"]);
        if let Some(delay) = delay {
            let micros = delay.as_micros();
            strace.arg("-e").arg(format!("inject=fdatasync,fsync:delay_enter={micros}"));
        }
        let strace = strace.args(["-p", &pid]).stderr(Stdio::null()).spawn().unwrap();
        let watched = Watched(strace);
        let tasks = format!("/proc/{pid}/task");
        let is_watched = |task: std::fs::DirEntry| {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            !status.contains("TracerPid:\t0\n")
        };
        let all = || std::fs::read_dir(&tasks).unwrap().flatten().all(is_watched);
        assert!(until(all).is_some(), "strace cannot watch a process here");
        watched
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // By the signal at which it lets go in order.
        let _ = Command::new("kill").args(["-s", "INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}
