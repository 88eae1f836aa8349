//! How is it going? Counters, gauges, latencies and logs.
//!
//! Each room declares its own instruments with these (at start-up) and holds the handles:
//! counting is one atomic addition, without lock, allocation or name (hot). The admin door renders
//! them (cold). Nothing here knows what is counted.
//!
//! Names: `interlude_<noun>_<unit>_total` for counters, `interlude_<noun>_<unit>` for gauges and
//! latencies, lower case. Label values come from closed sets (reasons, the config's exchanges),
//! never from a request.

mod latency;
mod outlet;

mod lines;
mod logs;
mod panics;
mod partition;
mod registry;
mod slowest;

pub use latency::Latency;
pub use logs::{Config as LogConfig, Format as LogFormat, LogsUnready, install as install_logs};
pub use metrics::{Counter, Gauge};
pub use outlet::{Logs, lost as lost_log_lines};
pub use panics::install as install_panics;
pub use partition::{Partition, PartitionNames, Verdict};
pub use registry::{Info, Labels, Registry};
pub use slowest::Slowest;
