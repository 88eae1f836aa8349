//! What is configured? One typed value, nested from each room's own `Config`.
//!
//! Read once at start by the commands (cold). Unknown keys are refused; every fault is reported
//! at once with file, line, column, path and mend. `config/interlude.toml` says each key, its
//! default and its why, and a test holds that it says the defaults.

mod otel;
mod read;
mod relations;
mod rows;
mod server;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::app::demo::Demo;
use crate::base::stdx::fault::{Fault, Faults};
use crate::base::telemetry::LogConfig;
use crate::doors::{admin, receive};
use crate::flows::notice;
use crate::knowledge::enrich::{listener, place};
use crate::knowledge::{audience, catalog, crowd};
use crate::market::exchange::{Exchange, Rates};
use crate::market::{privacy, vocabulary};
use crate::offer::{creative, delivery, ledger, records};

pub use otel::Otel;
pub use rows::{ExchangeRow, RatesRow};
pub use server::Server;

/// A server's whole configuration. To nest a room: add its `Config` here under its own section,
/// and its keys to `config/interlude.toml`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub bid: receive::Config,
    pub admin: admin::Config,
    pub log: LogConfig,
    pub otel: Otel,
    pub campaigns: Campaigns,
    pub vocabulary: vocabulary::Config,
    pub creative: creative::Config,
    pub geo: place::Config,
    pub profile: listener::Config,
    pub privacy: privacy::Config,
    pub audience: audience::Config,
    pub crowd: crowd::Config,
    pub delivery: delivery::Config,
    pub notice: notice::Config,
    pub ledger: ledger::Config,
    pub records: records::Config,
    pub rates: RatesRow,
    #[serde(rename = "exchange")]
    pub exchanges: Vec<ExchangeRow>,
    /// A made-up world in the data folder, in place of `campaigns.files`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo: Option<Demo>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            server: Server::default(),
            bid: receive::Config::default(),
            admin: admin::Config::default(),
            log: LogConfig::default(),
            otel: Otel::default(),
            campaigns: Campaigns::default(),
            vocabulary: vocabulary::Config::default(),
            creative: creative::Config::default(),
            geo: place::Config::default(),
            profile: listener::Config::default(),
            privacy: privacy::Config::default(),
            audience: audience::Config::default(),
            crowd: crowd::Config::default(),
            delivery: delivery::Config::default(),
            notice: notice::Config::default(),
            ledger: ledger::Config::default(),
            records: records::Config::default(),
            rates: RatesRow::default(),
            exchanges: vec![ExchangeRow::default()],
            demo: None,
        }
    }
}

/// `[campaigns]`: where the campaign files are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Campaigns {
    /// Files, or folders whose `*.yaml`, `*.yml` and `*.json` are meant; relative to the config.
    pub files: Vec<PathBuf>,
    /// How often they are looked at for a change; 0: only on SIGHUP.
    pub watch_ms: u64,
    pub limits: catalog::Limits,
}

impl Default for Campaigns {
    fn default() -> Self {
        let files = vec![PathBuf::from("campaigns")];
        Campaigns { files, watch_ms: 1_000, limits: catalog::Limits::default() }
    }
}

impl Config {
    /// Reads a file; relative paths in it are made relative to its folder.
    pub fn load(file: &Path) -> Result<Config, Faults> {
        let text = std::fs::read_to_string(file)
            .map_err(|why| Faults::one(Fault::of_file(file, format!("cannot be read: {why}"))))?;
        let mut config = Config::parse(file, &text)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let lone = [
            &mut config.geo.database,
            &mut config.privacy.gvl,
            &mut config.admin.token_file,
            &mut config.bid.tls.certificates,
            &mut config.bid.tls.key,
        ];
        for path in config.campaigns.files.iter_mut().chain(lone.into_iter().flatten()) {
            *path = folder.join(&*path);
        }
        Ok(config)
    }

    /// As [`Config::load`], of a text; `file` is what faults name, paths stay as they stand.
    pub fn parse(file: &Path, text: &str) -> Result<Config, Faults> {
        let document = read::Document::new(file, text);
        let (config, mut faults) = document.read::<Config>();
        if let Some(config) = &config {
            relations::check(config, &document, &mut faults);
        }
        match (config, Faults::check(faults)) {
            (Some(config), Ok(())) => Ok(config),
            (_, Err(faults)) => Err(faults),
            (None, Ok(())) => Err(Faults::one(Fault::of_file(file, "cannot be understood"))),
        }
    }

    /// The exchange table of every world, in the order of the file.
    pub fn exchange_table(&self) -> Vec<Exchange> {
        self.exchanges.iter().map(ExchangeRow::to_exchange).collect()
    }

    pub fn rate_table(&self) -> Rates {
        self.rates.to_rates()
    }
}

#[cfg(test)]
mod tests;
