//! What operators reach: health and metrics, on a listener, a thread and a runtime of their own.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// `[admin]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
}

impl Default for Config {
    fn default() -> Self {
        Config { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)) }
    }
}
