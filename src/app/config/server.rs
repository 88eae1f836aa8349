//! How does a server live? Its data folder, its threads, its end.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[server]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Everything that the server keeps. `--data` goes before it.
    pub data: PathBuf,
    /// Threads of the bid path; 0 is one for each core.
    pub workers: usize,
    /// After SIGTERM: how long readiness fails while connections are still taken and answered.
    pub linger_ms: u64,
    /// After the linger: how long requests in flight may take to end.
    pub drain_ms: u64,
    /// One decision of so many is timed step by step; 1: each, 0: none.
    pub time_one_of: u32,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            data: PathBuf::from("data"),
            workers: 0,
            linger_ms: 1_000,
            drain_ms: 5_000,
            time_one_of: 8,
        }
    }
}
