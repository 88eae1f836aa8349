//! The whole server, with a large world of its own.

use std::net::SocketAddr;
use std::path::Path;

use interlude::app::config::{Config, ExchangeRow};
use interlude::app::demo::Demo;
use interlude::app::run::{Running, make_demo};
use interlude::base::units::time::{Clock as _, WallClock};
use interlude::rehearsal::traffic::{Requests, catalogs};

const LINES: usize = 10_000;

pub fn start(data: &Path, listeners: u32, seed: u64) -> Running {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = furnished(data, listeners, seed);
    (config.bid.listen, config.admin.listen) = (anywhere, anywhere);
    config.server.workers = 1;
    config.server.linger_ms = 0;
    let row = |key: &str, open_bids| ExchangeRow {
        key: key.to_owned(),
        open_bids,
        ..ExchangeRow::default()
    };
    config.exchanges = vec![row("one", 1), row("two", 2)];
    write_lines(data, &[catalogs::campaign_file(seed, LINES)]);
    config.campaigns.files = vec![data.join("lines")];
    config.campaigns.watch_ms = 0;
    Running::start(config, data).expect("a server")
}

/// Makes the listeners.
pub fn furnished(data: &Path, listeners: u32, seed: u64) -> Config {
    let mut config = Config { demo: Some(Demo { seed, listeners }), ..Config::default() };
    make_demo(&mut config, data, &mut |_, _| {}).expect("listeners");
    config.demo = None;
    config
}

/// Campaigns, in place of those that are there.
pub fn write_lines(data: &Path, files: &[String]) {
    let campaigns = data.join("lines");
    let _ = std::fs::remove_dir_all(&campaigns);
    std::fs::create_dir(&campaigns).expect("a folder");
    for (i, text) in files.iter().enumerate() {
        std::fs::write(campaigns.join(format!("{i:03}.json")), text).expect("a file");
    }
}

pub fn bodies(seed: u64, listeners: u32, count: u64) -> Vec<Vec<u8>> {
    let requests = Requests::new(seed, listeners);
    let now = WallClock.now();
    (0..count).map(|index| requests.json(index, now)).collect()
}

/// How many listeners there are: `INTERLUDE_LISTENERS`, else few in a short run, else `most`.
pub fn listeners(short: bool, most: u32) -> u32 {
    let asked = std::env::var("INTERLUDE_LISTENERS").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(if short { 5_000 } else { most })
}
