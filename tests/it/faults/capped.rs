//! Caps over `kill -9`: what a listener heard before counts after, to the last impression. After
//! a kill nobody is bid for until it is sure again who may hear what; then all goes on by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interlude::base::stdx::rng::Rng;

use super::load::{Book, Told};
use super::{Process, audit, is_long, until, world};
use crate::doors::client::{Client, post};

/// Of one line for one listener in a day.
const CAP: usize = 2;
const LISTENERS: usize = 48;
/// Bid for together.
const AT_ONCE: usize = 6;
/// More than `sync_ms`: an impression sooner after its bid than the log is written is beyond
/// what caps promise over a crash.
const WRITTEN: Duration = Duration::from_millis(120);

#[test]
fn what_was_heard_before_a_kill_counts_after_it() {
    let kills = if is_long() { 40 } else { 3 };
    let world = world();
    furnish(world.path());
    let data = world.path().join("data");
    let ears = Arc::new(Ears::default());
    // One has heard all he may, one may hear one more.
    let mut server = Process::start(world.path(), &data);
    let mut client = Client::connect(server.bid);
    for listener in [0, 0, 1] {
        assert_eq!(ears.turn(&mut client, &[listener]), Some(1), "listener {listener}");
    }
    assert_eq!(ears.turn(&mut client, &[0]), Some(0), "his cap is met");
    server.kill();
    server = Process::start(world.path(), &data);
    let mut client = Client::connect(server.bid);
    let opened = until(|| ears.turn(&mut client, &[1]) == Some(1)).expect("closed for ever");
    assert_eq!(ears.turn(&mut client, &[0, 1]), Some(0), "what was heard is forgotten");
    server.kill();

    let mut rng = Rng::new(0xcab5);
    for kill in 0..kills {
        let mut server = Process::start(world.path(), &data);
        let (ears, address, seed) = (Arc::clone(&ears), server.bid, rng.below(1 << 30));
        let before = ears.all();
        let load = {
            let ears = Arc::clone(&ears);
            std::thread::spawn(move || {
                let (mut client, mut rng) = (Client::connect(address), Rng::new(seed as u64));
                loop {
                    let some: Vec<usize> = (0..AT_ONCE).map(|_| rng.below(LISTENERS)).collect();
                    if ears.turn(&mut client, &some).is_none() {
                        return;
                    }
                }
            })
        };
        assert!(until(|| ears.all() > before).is_some(), "kill {kill}: closed for ever");
        std::thread::sleep(Duration::from_millis(rng.between(1, 400) as u64));
        server.kill();
        load.join().unwrap();
    }
    let server = Process::start(world.path(), &data);
    let mut client = Client::connect(server.bid);
    let fresh = until(|| ears.turn(&mut client, &[LISTENERS]) == Some(1));
    assert!(fresh.is_some(), "closed for ever");
    for some in (0..LISTENERS).collect::<Vec<_>>().chunks(2 * AT_ONCE) {
        // Until their caps are met, if they are not.
        while ears.turn(&mut client, some) != Some(0) {}
    }
    drop(server);
    let heard = ears.heard.lock().unwrap();
    assert!(heard.values().all(|&times| times <= CAP), "{heard:?}");
    assert_eq!((heard[&0], heard[&1]), (CAP, CAP));
    audit(&data);
    eprintln!(
        "{} kills: {} impressions by {} listeners, none above {CAP}; open again after {opened:?}",
        kills + 2,
        heard.values().sum::<usize>(),
        heard.len(),
    );
}

/// One line with a cap, an exchange whose tickets live for seconds, a log that is written often.
pub fn furnish(world: &std::path::Path) {
    let file = world.join("campaigns/one.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let cap = format!("          caps: [{{impressions: {CAP}, per: day}}]\n          creatives:\n");
    let text = text.replace("          creatives:\n", &cap).replace("budget: 0.10", "budget: 900");
    std::fs::write(&file, text).unwrap();
    let file = world.join("interlude.toml");
    let more = "[delivery.caps]\nsync_ms = 20\n[[exchange]]\nkey = \"demo\"\nwin_window_s = 1\n\
                ticket_ttl_s = 2\n";
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + more).unwrap();
}

/// What listeners were acknowledged to have heard of the capped line.
#[derive(Default)]
pub struct Ears {
    book: Book,
    heard: Mutex<HashMap<usize, usize>>,
}

impl Ears {
    fn all(&self) -> usize {
        self.heard.lock().unwrap().values().sum()
    }

    /// Bids for listeners, and lets them hear what was bid; how many did. `None`: the server has
    /// gone.
    pub fn turn(&self, client: &mut Client, listeners: &[usize]) -> Option<usize> {
        let mut notices: Vec<(usize, Vec<Told>)> = Vec::new();
        for &listener in listeners {
            notices.push((listener, self.book.bid_of(client, &request(listener)).ok()?));
        }
        notices.retain(|(_, notices)| !notices.is_empty());
        if !notices.is_empty() {
            std::thread::sleep(WRITTEN);
        }
        let mut heard = 0;
        for (listener, notices) in notices {
            // The win and the impression.
            for notice in &notices[..2] {
                self.book.tell(client, notice).ok()?;
            }
            *self.heard.lock().unwrap().entry(listener).or_default() += 1;
            heard += 1;
        }
        Some(heard)
    }
}

fn request(listener: usize) -> Vec<u8> {
    let body = format!(
        r#"{{"id":"r","at":1,"tmax":5000,"cur":["USD"],"imp":[{{"id":"1","bidfloor":8.5,
        "audio":{{"mimes":["audio/mpeg"],"protocols":[7,14],"minduration":5,"maxduration":30}}}}],
        "app":{{"id":"music"}},"regs":{{"coppa":0,"gdpr":0}},"user":{{"buyeruid":"l-{listener}"}},
        "device":{{"ip":"192.0.2.1","geo":{{"country":"USA"}}}}}}"#
    );
    post("/bid/demo", "Content-Type: application/json\r\n", body.as_bytes())
}
