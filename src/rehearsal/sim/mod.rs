//! Does the money hold in a bad world? A seeded market in virtual time, with faults, audited.
//!
//! Advertisers order, exchanges sell to us and to rivals, notices come late, twice, forged or
//! never, the process dies and starts again, its clock jumps, its disk fails: all from one seed,
//! on one thread, days in seconds. The process is production's own: `decide` and `settle` over the
//! real book, till and journal ([`house`]). What it promised is checked from the outside by an
//! [`auditor`] that shares no code with the ledger. Asked by `interlude simulate` and by tests;
//! cold.

mod auditor;

mod queue;

mod plan;

mod weather;

mod venue;

mod telling;

mod ground;

mod house;

mod run;

mod delivery;

mod picture;

mod summary;

pub use auditor::Findings;
pub use delivery::{Delivered, Delivery, Trial, deliver};
pub use ground::Ground;
pub use picture::picture;
pub use run::{Progress, run};
pub use summary::{LineStory, Mark, Ran, Summary};

/// Which world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Minutes in which everything goes wrong; small budgets.
    Storm,
    /// Days as they are, with the faults of a bad week.
    Season,
    /// A day without faults, to see how budgets are spent.
    Delivery(Delivery),
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub seed: u64,
    pub kind: Kind,
    pub span_s: i64,
    pub requests: u32,
    pub faults: Faults,
}

/// How bad the world is: chances of each notice, and how often the process is struck.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub lost: f64,
    pub delayed: f64,
    pub doubled: f64,
    pub replayed: f64,
    pub forged: f64,
    pub mispriced: f64,
    /// Won, and never heard.
    pub unheard: f64,
    /// Whether players tell how far they got.
    pub quartiles: bool,
    /// An answer that comes too late to be sent.
    pub slow_answers: f64,
    /// Means of a run.
    pub crashes: f64,
    pub stops: f64,
    pub clock_steps: f64,
    pub swaps: f64,
    /// Money in and back while the process serves.
    pub funds: f64,
    pub disk_faults: f64,
}

impl Faults {
    pub const NONE: Faults = Faults {
        lost: 0.0,
        delayed: 0.0,
        doubled: 0.0,
        replayed: 0.0,
        forged: 0.0,
        mispriced: 0.0,
        unheard: 0.0,
        quartiles: false,
        slow_answers: 0.0,
        crashes: 0.0,
        stops: 0.0,
        clock_steps: 0.0,
        swaps: 0.0,
        funds: 0.0,
        disk_faults: 0.0,
    };

    pub const STORM: Faults = Faults {
        lost: 0.08,
        delayed: 0.15,
        doubled: 0.15,
        replayed: 0.05,
        forged: 0.03,
        mispriced: 0.08,
        unheard: 0.15,
        quartiles: true,
        slow_answers: 0.01,
        crashes: 2.0,
        stops: 0.5,
        clock_steps: 0.7,
        swaps: 2.0,
        funds: 1.5,
        disk_faults: 0.5,
    };

    pub const SEASON: Faults = Faults {
        lost: 0.005,
        delayed: 0.01,
        doubled: 0.01,
        replayed: 0.002,
        forged: 0.001,
        mispriced: 0.002,
        unheard: 0.03,
        quartiles: false,
        slow_answers: 0.001,
        crashes: 2.0,
        stops: 1.0,
        clock_steps: 0.0,
        swaps: 0.0,
        funds: 0.0,
        disk_faults: 0.0,
    };
}

impl Order {
    /// Twenty minutes of everything; the seed chooses around which midnight.
    pub fn storm(seed: u64) -> Order {
        Order { seed, kind: Kind::Storm, span_s: 1200, requests: 400, faults: Faults::STORM }
    }

    /// So many days of a bad week.
    pub fn season(seed: u64, days: u32) -> Order {
        let span_s = i64::from(days) * 86_400;
        let requests = days.saturating_mul(20_000);
        Order { seed, kind: Kind::Season, span_s, requests, faults: Faults::SEASON }
    }
}

/// The simulator itself could not go on: a defect of it or of the start-up, not a broken promise.
#[derive(Debug, thiserror::Error)]
#[error("the simulated world broke: {0}")]
pub struct Broken(String);

impl Broken {
    fn of(why: impl std::fmt::Display) -> Broken {
        Broken(why.to_string())
    }
}
