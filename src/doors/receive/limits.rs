//! What does the bid door take? Its bounds (DESIGN §8), each with its why in
//! `config/interlude.toml`.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{overload, tls};

/// `[bid]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
    /// Several servers share the address, and the kernel deals connections out between them.
    pub reuse_port: bool,
    /// Connections beyond it wait in the kernel's queue.
    pub connections_max: usize,
    /// Of one address (IPv6: one /64); those beyond it are closed. 0 for no bound.
    pub connections_per_peer_max: usize,
    /// Bid requests whose body did not come with the head; beyond it they are answered 204 unread.
    pub bodies_waiting_max: usize,
    /// Request line and headers together.
    pub head_max_bytes: usize,
    pub headers_max: usize,
    /// From the first byte of a head to its end.
    pub head_timeout_ms: u64,
    /// From a reply to the first byte of the next head.
    pub idle_timeout_ms: u64,
    /// As it comes over the wire.
    pub body_max_bytes: usize,
    /// From the end of the head to the end of the body.
    pub body_timeout_ms: u64,
    /// A gzip body, inflated.
    pub inflated_max_bytes: usize,
    /// Inflated bytes to one byte on the wire.
    pub inflate_ratio_max: usize,
    /// How long a client may leave a reply unread.
    pub write_timeout_ms: u64,
    /// Replies from this size on are compressed for those who accept it.
    pub gzip_min_bytes: usize,
    pub overload: overload::Config,
    pub tls: tls::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            reuse_port: false,
            connections_max: 10_000,
            connections_per_peer_max: 2_500,
            bodies_waiting_max: 4096,
            head_max_bytes: 16 << 10,
            headers_max: 100,
            head_timeout_ms: 5_000,
            idle_timeout_ms: 180_000,
            body_max_bytes: 256 << 10,
            body_timeout_ms: 250,
            inflated_max_bytes: 1 << 20,
            inflate_ratio_max: 50,
            write_timeout_ms: 10_000,
            gzip_min_bytes: 1400,
            overload: overload::Config::default(),
            tls: tls::Config::default(),
        }
    }
}
