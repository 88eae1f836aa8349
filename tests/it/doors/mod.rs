//! The bid door over real sockets: its limits, its encodings, its routes, its end.
//!
//! The house behind it here is a small one that answers what it is told, so that only the door
//! is under test; `serve` puts the whole server behind the same door.

pub mod client;
mod drain;
mod encodings;
mod limits;
mod overload;
mod routes;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use interlude::base::telemetry::Registry;
use interlude::base::units::ids::LineId;
use interlude::base::units::money::{Currency, Money};
use interlude::base::units::time::{Moment, WallClock};
use interlude::doors::readiness::{Readiness, Stage};
use interlude::doors::receive::{
    BidCall, Config, Door, Doors, House, MediaFile, NoticeCall, Probe, bind, listen,
    watch as watch_load,
};
use interlude::flows::notice::{Settled, Settlement};
use interlude::market::exchange::{BillableEvent, ExchangeIx};
use interlude::market::marks::SupplyMark;
use interlude::market::outcome::{Malformed, NoBid, Outcome};
use interlude::market::ticket::{BidId, Channel, Ticket};
use tokio::sync::watch;

/// Answers by the first word of the body.
#[derive(Default)]
pub struct Told {
    settled: Mutex<HashSet<String>>,
    pub media: Option<MediaFile>,
}

/// The keys and weights of exchanges.
const EXCHANGES: [(&str, u32); 2] = [("demo", 1), ("quiet", 1)];

/// `media` of [`Told`] is served under this.
pub const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

impl House for Told {
    fn exchange(&self, key: &str) -> Option<ExchangeIx> {
        ["demo", "quiet"].iter().position(|known| *known == key).map(|ix| ExchangeIx(ix as u16))
    }

    fn bid(&self, call: &BidCall<'_>, reply: &mut Vec<u8>) -> Outcome {
        match call.body {
            b"no" => Outcome::NoBid(NoBid::NoLineTargets),
            b"nbr" => {
                reply.extend_from_slice(b"{\"nbr\":503}");
                Outcome::NoBid(NoBid::NoLineTargets)
            }
            b"panic" => panic!("as told"),
            // What a defect says may quote the request.
            body if body.starts_with(b"defect") => {
                panic!("{} cannot be cut", String::from_utf8_lossy(body))
            }
            b"slow" => {
                std::thread::sleep(Duration::from_millis(300));
                reply.extend_from_slice(b"slow");
                Outcome::Bid
            }
            b"work" => {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(1) {
                    std::hint::spin_loop();
                }
                Outcome::NoBid(NoBid::NoLineTargets)
            }
            b"" => Outcome::Malformed(Malformed::Unparseable),
            body => {
                reply.extend_from_slice(body);
                Outcome::Bid
            }
        }
    }

    async fn settle(&self, call: NoticeCall) -> Settlement {
        let genuine = Some(ticket());
        let (settled, ticket) = match call.ticket.as_str() {
            text if text.starts_with("defect") => panic!("{text} cannot be cut"),
            "forged" => (Settled::Forged, None),
            "broken" => (Settled::Unavailable, genuine),
            text => {
                let told = format!("{} {text} {}", call.kind.label(), call.price);
                let fresh = self.settled.lock().unwrap().insert(told);
                (if fresh { Settled::Counted } else { Settled::Duplicate }, genuine)
            }
        };
        Settlement { settled, ticket }
    }

    fn landing(&self, ticket: &Ticket, query: &str) -> Option<String> {
        (ticket.line == LineId(7)).then(|| format!("https://shop.example/a?{}", query.len()))
    }

    fn media(&self, hash: &str) -> Option<MediaFile> {
        self.media.clone().filter(|_| hash == HASH)
    }
}

fn ticket() -> Ticket {
    Ticket {
        channel: Channel::Player,
        bid: BidId(1),
        line: LineId(7),
        creative: 0,
        exchange: ExchangeIx(0),
        billable: BillableEvent::Impression,
        price: Money::zero(Currency::USD),
        held: Money::zero(Currency::USD),
        made: Moment::from_unix_s(1),
        expires: Moment::from_unix_s(1),
        listener: None,
        measured: false,
        supply: SupplyMark::default(),
        test: false,
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub doors: Arc<Doors<Told>>,
    pub registry: Arc<Registry>,
    door: watch::Sender<Door>,
    runtime: Option<tokio::runtime::Runtime>,
    ended: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
}

impl Server {
    pub fn start(config: Config) -> Server {
        Server::with(config, Told::default())
    }

    pub fn with(config: Config, house: Told) -> Server {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let registry = Arc::new(Registry::new());
        let readiness = Arc::new(Readiness::default());
        readiness.advance(Stage::Ready);
        let shared = (readiness, Arc::new(WallClock) as _);
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), false).unwrap();
        let address = listener.local_addr().unwrap();
        let doors = Arc::new(Doors::new(house, config, &EXCHANGES, &registry, shared));
        let probe = {
            let _within = runtime.enter();
            Probe::new().unwrap()
        };
        runtime.spawn(watch_load(Arc::clone(&doors.overload), probe));
        let (door, closed) = watch::channel(Door::Open);
        let ended = Some(runtime.spawn(listen(listener, Arc::clone(&doors), closed)));
        Server { address, doors, registry, door, runtime: Some(runtime), ended }
    }

    pub fn settled(&self) -> Vec<String> {
        let mut all: Vec<_> = self.doors.house.settled.lock().unwrap().iter().cloned().collect();
        all.sort();
        all
    }

    /// Readiness fails; connections are still answered.
    pub fn linger(&self) {
        self.doors.readiness.advance(Stage::Draining);
    }

    /// Ends the listener; true when all connections ended in time.
    pub fn close(&mut self, within: Duration) -> bool {
        self.door.send(Door::Closed).unwrap();
        let (runtime, ended) = (self.runtime.take().unwrap(), self.ended.take().unwrap());
        let ended = runtime.block_on(async { tokio::time::timeout(within, ended).await });
        runtime.shutdown_background();
        ended.is_ok()
    }

    /// Bid requests of the exchange that ended so.
    pub fn ended(&self, outcome: &str, reason: &str) -> u64 {
        self.ended_of("demo", outcome, reason)
    }

    /// The same of another exchange.
    pub fn ended_of(&self, exchange: &str, outcome: &str, reason: &str) -> u64 {
        let ended = "interlude_bid_outcomes_total";
        let series =
            format!("{ended}{{exchange=\"{exchange}\",outcome=\"{outcome}\",reason=\"{reason}\"}}");
        self.metric(&series)
    }

    pub fn metric(&self, line: &str) -> u64 {
        value(&self.registry.render(), line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The value of one series.
pub fn value(text: &str, series: &str) -> u64 {
    let line =
        text.lines().find(|line| line.strip_prefix(series).is_some_and(|v| v.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}"))[series.len() + 1..].parse().unwrap()
}

/// The sum of all series of a metric.
pub fn sum(text: &str, metric: &str) -> u64 {
    let of = |line: &&str| line.starts_with(&format!("{metric}{{"));
    text.lines()
        .filter(of)
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// A file that the test may serve; kept until the folder is dropped.
pub fn media_file(contents: &[u8]) -> (tempfile::TempDir, MediaFile) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("spot.mp3");
    std::fs::write(&path, contents).unwrap();
    (folder, MediaFile { path, mime: "audio/mpeg".to_owned() })
}
