//! Others run on the server's only core (a neighbour gone wild): whoever asks is answered, what is
//! acknowledged is kept, and when the others have gone all is as it was.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use super::load::{Book, Load};
use super::{Process, audit, is_long, judge, time_bids, until, world};
use crate::doors::client::Client;
use crate::serve::adds_up;

/// Threads that never sleep, beside the server.
const OTHERS: usize = 3;

#[test]
fn a_server_that_starves_answers_all_the_same() {
    let bids = if is_long() { 2_000 } else { 200 };
    let world = world();
    let data = world.path().join("data");
    let mut server = Process::start(world.path(), &data);
    let core = some_core();
    for task in fs::read_dir(format!("/proc/{}/task", server.child.id())).unwrap().flatten() {
        let id = task.file_name().to_str().unwrap().parse().unwrap();
        sched_setaffinity(Pid::from_raw(id), &core).unwrap();
    }
    let book = Arc::new(Book::default());
    let mut client = Client::connect(server.bid);
    time_bids(&book, &mut client, bids);
    let quiet = time_bids(&book, &mut client, bids);
    let others = Others::start(core);
    let (load, ran) = (Load::start(&book, server.bid, 4), server.cpu());
    let since = std::time::Instant::now();
    let starved = time_bids(&book, &mut client, bids);
    let enough = book.told.load(Relaxed) + 200;
    assert!(until(|| book.told.load(Relaxed) >= enough).is_some(), "nobody settles");
    let share = (server.cpu() - ran).as_secs_f64() / since.elapsed().as_secs_f64();
    others.end();
    load.end();
    let after = time_bids(&book, &mut client, bids);
    adds_up(&server.metrics());
    let unavailable = book.unavailable.load(Relaxed);
    server.kill();
    judge(&data, &book.once());
    audit(&data);
    let ratio = |times: &[std::time::Duration], percent: usize| {
        let at = times.len() * percent / 100;
        times[at].as_secs_f64() / quiet[at].as_secs_f64()
    };
    eprintln!(
        "{OTHERS} busy threads on its only core, which leave it {share:.2} of it: a bid takes \
         {:.1} times as long in the median, {:.1} times at 99 %; afterwards {:.1} and {:.1} times; \
         {} without a bid, {unavailable} notices to come again, {} acknowledged and kept",
        ratio(&starved, 50),
        ratio(&starved, 99),
        ratio(&after, 50),
        ratio(&after, 99),
        book.no_bids.load(Relaxed),
        book.once().len(),
    );
}

/// One of those that we may run on.
fn some_core() -> CpuSet {
    let all = sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|&core| all.is_set(core)).unwrap();
    let mut core = CpuSet::new();
    core.set(first);
    core
}

struct Others {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Others {
    fn start(core: CpuSet) -> Others {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = |_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                sched_setaffinity(None, &core).unwrap();
                while !stop.load(Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        Others { threads: (0..OTHERS).map(busy).collect(), stop }
    }

    fn end(self) {
        self.stop.store(true, Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}
