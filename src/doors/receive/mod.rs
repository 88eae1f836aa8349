//! What exchanges, players and load balancers reach: bids, notices, beacons, clicks, media, health.
//!
//! Started by `app::run`; hot. Knows HTTP and nothing of decisions: what a request means, it asks
//! through the [`House`] that `app::run` gives it.

mod limits;

mod house;

mod route;

pub mod gzip;

mod scan;

mod wire;

mod reply;

mod body;

mod meters;

mod overload;

mod bid;

mod notice;

mod media;

mod service;

mod tls;

mod peers;

mod opening;

mod listen;

use std::sync::Arc;

use crate::base::telemetry::Registry;
use crate::base::units::time::Clock;
use crate::doors::readiness::Readiness;

pub use house::{BidCall, Format, House, MediaFile, NoticeCall};
pub use limits::Config;
pub use listen::{Door, bind, listen};
pub use meters::Meters;
pub use overload::{Config as OverloadConfig, Probe, watch};
pub use route::query_value;
pub use tls::{Config as TlsConfig, Tls, TlsFault};

use body::Waiting;
use meters::{CUTS, HANDSHAKE, PEER};
use overload::Overload;

/// One bid listener: its bounds, its instruments and the house behind it.
pub struct Doors<H> {
    pub house: H,
    pub config: Config,
    pub meters: Meters,
    pub readiness: Arc<Readiness>,
    pub clock: Arc<dyn Clock>,
    pub overload: Arc<Overload>,
    pub tls: Option<Arc<Tls>>,
    waiting: Waiting,
}

impl<H: House> Doors<H> {
    /// `exchanges`: the keys and weights of the config, in the order of their index.
    pub fn new(
        house: H,
        config: Config,
        exchanges: &[(&str, u32)],
        registry: &Registry,
        shared: (Arc<Readiness>, Arc<dyn Clock>),
    ) -> Doors<H> {
        let keys: Vec<&str> = exchanges.iter().map(|(key, _)| *key).collect();
        let weights: Vec<u32> = exchanges.iter().map(|(_, weight)| *weight).collect();
        let meters = Meters::new(registry, &keys);
        let overload = Arc::new(Overload::new(&config.overload, &weights, registry));
        let waiting = Waiting::new(config.bodies_waiting_max);
        let (readiness, clock) = shared;
        Doors { house, config, meters, readiness, clock, overload, tls: None, waiting }
    }
}

impl<H> Doors<H> {
    /// As they are, and TLS before them where there is any.
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Doors<H> {
        Doors { tls, ..self }
    }
}
