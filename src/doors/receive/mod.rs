//! What exchanges, players and load balancers reach: bids, notices, beacons, clicks, media, health.
//!
//! Started by `app::run`; hot. Knows HTTP and nothing of decisions: what a request means, it asks
//! through the House that `app::run` gives it.

mod limits;

pub use limits::Config;
