//! What happened? Lines for the operator, on standard error; cold.
//!
//! Lower case, one line an event, never personal data (DESIGN §4, 11). The bid path does not log.

use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use super::lines::Lines;
use super::outlet::{self, Logs};

/// `[log]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,interlude=debug`.
    /// The environment variable `INTERLUDE_LOG` goes before it.
    pub level: String,
    pub format: Format,
    /// How many of a million decisions get a line each.
    pub decisions_ppm: u32,
    /// The most such lines a second; more are counted, not written.
    pub decisions_per_s: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            level: "info".to_owned(),
            format: Format::Text,
            decisions_ppm: 0,
            decisions_per_s: 10,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

#[derive(Debug, Error)]
pub enum LogsUnready {
    #[error("log level {level:?} is not understood: {why}")]
    Level { level: String, why: String },
    #[error("no thread for the log: {0}")]
    Thread(std::io::Error),
}

impl Config {
    /// Whether the level can be understood.
    pub fn check(&self) -> Result<(), LogsUnready> {
        filter(&self.level).map(|_| ())
    }
}

/// Starts the log of the process; a second call changes nothing. What it returns is kept until the
/// process ends.
pub fn install(config: &Config) -> Result<Logs, LogsUnready> {
    let level = std::env::var("INTERLUDE_LOG").unwrap_or_else(|_| config.level.clone());
    let filter = filter(&level)?;
    let logs = outlet::open().map_err(LogsUnready::Thread)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines::to_stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // Only the first of a process may install; the tests of one binary share it.
    let _ = match config.format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(logs)
}

fn filter(level: &str) -> Result<EnvFilter, LogsUnready> {
    EnvFilter::try_new(level)
        .map_err(|why| LogsUnready::Level { level: level.to_owned(), why: why.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked() {
        let of = |level: &str| Config { level: level.to_owned(), ..Config::default() };
        assert!(of("info,interlude=debug").check().is_ok());
        assert!(of("interlude=loud").check().is_err());
    }
}
