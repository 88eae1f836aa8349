//! How does a bidder stand a load? Requests at times of their own, whatever it does meanwhile.
//!
//! Open loop: when a request is due is settled before the first one is sent, and its latency
//! counts from then. A bidder that stalls is charged for everything that waited meanwhile, which a
//! client that waits for each answer before it asks again would never see. Used by
//! `interlude load`, against any OpenRTB bidder; cold. Connections, time and requests are bounded
//! by the [`Plan`].

mod arrivals;

mod http;

mod client;

mod lanes;

mod shots;

mod verdict;

mod exchange;

mod server;

mod figures;

mod run;

mod search;

pub mod report;

pub use arrivals::Profile;
pub use client::{Client, Target, TargetFault};
pub use exchange::Returns;
pub use figures::{Counts, Figures, Generator, Second};
pub use http::Reply;
pub use run::{Plan, run};
pub use search::{Bar, Search, Step};
pub use shots::Shots;
pub use verdict::Wrong;
