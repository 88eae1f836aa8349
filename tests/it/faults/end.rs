//! SIGTERM under load (reliability.md G4): every request that came is answered, the process ends
//! with 0, and soon: its linger, and what a request may take.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::load::{Book, Load};
use super::{Process, audit, is_long, judge, until, world};

#[test]
fn a_server_ends_soon_and_in_order() {
    let ends = if is_long() { 20 } else { 3 };
    let world = world();
    let file = world.path().join("interlude.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    // As it is by default.
    std::fs::write(&file, config.replace("linger_ms = 1\n", "linger_ms = 1000\n")).unwrap();
    let data = world.path().join("data");
    let book = Arc::new(Book::default());
    let mut times = Vec::new();
    for _ in 0..ends {
        let mut server = Process::start(world.path(), &data);
        let load = Load::until_closed(&book, server.bid, 8);
        let enough = book.told.load(Relaxed) + 100;
        assert!(until(|| book.told.load(Relaxed) >= enough).is_some());
        let since = Instant::now();
        server.signal("TERM");
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
        times.push(since.elapsed());
        load.end();
        judge(&data, &book.once());
    }
    audit(&data);
    times.sort();
    let over = |time: Duration| time.saturating_sub(Duration::from_secs(1));
    eprintln!(
        "{ends} ends under load: out in {:?} (median), {:?} (most); beyond the linger of 1 s: \
         {:?}; {} notices acknowledged, all kept; exit 0 each time",
        times[times.len() / 2],
        times[times.len() - 1],
        over(times[times.len() - 1]),
        book.once().len(),
    );
}
