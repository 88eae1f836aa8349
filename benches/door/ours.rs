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
    let mut config = Config::default();
    (config.bid.listen, config.admin.listen) = (anywhere, anywhere);
    config.server.workers = 1;
    config.server.linger_ms = 0;
    let row = |key: &str, open_bids| ExchangeRow {
        key: key.to_owned(),
        open_bids,
        ..ExchangeRow::default()
    };
    config.exchanges = vec![row("one", 1), row("two", 2)];
    config.demo = Some(Demo { seed, listeners });
    make_demo(&mut config, data, &mut |_, _| {}).expect("listeners");
    config.demo = None;
    let campaigns = data.join("lines");
    std::fs::create_dir(&campaigns).expect("a folder");
    std::fs::write(campaigns.join("all.json"), catalogs::campaign_file(seed, LINES))
        .expect("a file");
    config.campaigns.files = vec![campaigns];
    config.campaigns.watch_ms = 0;
    Running::start(config, data).expect("a server")
}

pub fn bodies(seed: u64, listeners: u32, count: u64) -> Vec<Vec<u8>> {
    let requests = Requests::new(seed, listeners);
    let now = WallClock.now();
    (0..count).map(|index| requests.json(index, now)).collect()
}
