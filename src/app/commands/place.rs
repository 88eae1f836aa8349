//! Where is the data folder, and which config holds? Options that commands share; cold.

use std::path::PathBuf;

use crate::app::config::Config;

#[derive(clap::Args, Debug)]
pub struct Place {
    /// The server's config; its data folder, folders' names and limits hold.
    #[arg(long, value_name = "FILE", env = "INTERLUDE_CONFIG")]
    pub config: Option<PathBuf>,
    /// The data folder; goes before the config's.
    #[arg(long, value_name = "DIR", env = "INTERLUDE_DATA")]
    pub data: Option<PathBuf>,
}

impl Place {
    /// The folder and the limits.
    pub fn settle(&self) -> anyhow::Result<(PathBuf, Config)> {
        let config = match &self.config {
            Some(file) => Config::load(file)?,
            None => Config::default(),
        };
        let data = self.data.clone().unwrap_or_else(|| config.server.data.clone());
        Ok((data, config))
    }
}
