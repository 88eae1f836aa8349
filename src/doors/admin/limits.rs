//! What may operators ask of the admin listener, and how much? Its configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[admin]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
    /// Where the tokens stand that open the API; without it `admin.token` in the data folder, made
    /// at the first start. Behind `rights:` one opens the listener's rights alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Names under which the API is reached. On loopback the machine's own are always taken;
    /// elsewhere an empty list takes any.
    pub hosts: Vec<String>,
    pub upload: Upload,
    pub money: Money,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            token_file: None,
            hosts: Vec::new(),
            upload: Upload::default(),
            money: Money::default(),
        }
    }
}

/// `[admin.upload]`: bounds of one upload of lines.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upload {
    /// As it comes over the wire.
    pub body_max_bytes: u64,
    /// After inflating.
    pub inflated_max_bytes: u64,
    pub lines_max: u64,
    /// The longest line.
    pub line_max_bytes: usize,
    /// Lines that are submitted together.
    pub batch_lines: usize,
    /// Uploads at once.
    pub concurrent_max: usize,
    /// Answers that wait for a client that does not read them yet.
    pub answers_max_bytes: usize,
    /// How long neither a byte may come nor an answer be read.
    pub idle_timeout_ms: u64,
    /// From the head to the last answer.
    pub time_max_s: u64,
}

impl Default for Upload {
    fn default() -> Self {
        Upload {
            body_max_bytes: 4 << 30,
            inflated_max_bytes: 32 << 30,
            lines_max: 50_000_000,
            line_max_bytes: 65_536,
            batch_lines: 1_000,
            concurrent_max: 4,
            answers_max_bytes: 4 << 20,
            idle_timeout_ms: 30_000,
            time_max_s: 7_200,
        }
    }
}

/// `[admin.money]`: bounds of reports, and of exchanges' own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Money {
    /// Rows of one answer.
    pub report_rows_max: usize,
    /// Bytes of an exchange's report.
    pub reconcile_bytes_max: usize,
    /// Rows of it.
    pub reconcile_rows_max: usize,
    /// Faults of it that are told one by one.
    pub reconcile_faults_max: usize,
    /// How long a report or a comparison may take, its wait for the one before included.
    pub time_max_s: u64,
}

impl Default for Money {
    fn default() -> Self {
        Money {
            report_rows_max: 100_000,
            reconcile_bytes_max: 32 << 20,
            reconcile_rows_max: 500_000,
            reconcile_faults_max: 200,
            time_max_s: 60,
        }
    }
}

impl Money {
    /// What is out of its bounds, as `key: what holds`.
    pub fn faults(&self) -> Vec<&'static str> {
        let bounds = [
            (
                (1..=10_000_000).contains(&self.report_rows_max),
                "report_rows_max: between 1 and 10000000",
            ),
            (
                (1..=1 << 30).contains(&self.reconcile_bytes_max),
                "reconcile_bytes_max: between 1 and 1073741824",
            ),
            (
                (1..=10_000_000).contains(&self.reconcile_rows_max),
                "reconcile_rows_max: between 1 and 10000000",
            ),
            (
                (1..=10_000).contains(&self.reconcile_faults_max),
                "reconcile_faults_max: between 1 and 10000",
            ),
            ((1..=3600).contains(&self.time_max_s), "time_max_s: between 1 and 3600"),
        ];
        bounds.into_iter().filter(|(holds, _)| !holds).map(|(_, what)| what).collect()
    }
}

impl Upload {
    /// What is out of its bounds, as `key: what holds`.
    pub fn faults(&self) -> Vec<&'static str> {
        let bounds = [
            (self.body_max_bytes > 0, "body_max_bytes: at least 1"),
            (
                self.inflated_max_bytes >= self.body_max_bytes,
                "inflated_max_bytes: at least body_max_bytes",
            ),
            (self.lines_max > 0, "lines_max: at least 1"),
            (
                (1..=16 << 20).contains(&self.line_max_bytes),
                "line_max_bytes: between 1 and 16777216",
            ),
            ((1..=100_000).contains(&self.batch_lines), "batch_lines: between 1 and 100000"),
            ((1..=64).contains(&self.concurrent_max), "concurrent_max: between 1 and 64"),
            (self.answers_max_bytes >= 1 << 16, "answers_max_bytes: at least 65536"),
            (self.idle_timeout_ms > 0, "idle_timeout_ms: at least 1"),
            (self.time_max_s > 0, "time_max_s: at least 1"),
        ];
        bounds.into_iter().filter(|(holds, _)| !holds).map(|(_, what)| what).collect()
    }
}
