//! Where does the demo world come from? Made into the data folder on first start.
//!
//! Called by `app::run` when the config has a `[demo]` section, before anything is loaded; cold.
//! What it makes are ordinary campaign files, media and an ordinary audience store, so that
//! everything else works as on any other server, and they may be edited.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::knowledge::audience::{self, Import, ImportFault, Stand, Text};
use crate::market::vocabulary;
use crate::rehearsal::traffic::{ListenerLines, world};

/// `[demo]`: a made-up world instead of campaign files of one's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Demo {
    /// Equal seeds make equal worlds, listeners and requests.
    pub seed: u64,
    /// How many listeners have profiles.
    pub listeners: u32,
}

impl Default for Demo {
    fn default() -> Demo {
        Demo { seed: 1, listeners: 100_000 }
    }
}

/// What the world is made with, beside its own config.
pub struct Making<'m> {
    pub data: &'m Path,
    pub vocabulary: &'m vocabulary::Config,
    pub audience: &'m audience::Config,
}

#[derive(Debug, Error)]
pub enum DemoFault {
    #[error("{}: {source}", .path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path} holds another world ({found}); choose another folder, or remove it")]
    Another { path: String, found: String },
    #[error(transparent)]
    Store(#[from] audience::StoreFault),
    #[error(transparent)]
    Import(#[from] ImportFault),
    #[error("no thread for the listeners: {0}")]
    Thread(std::io::Error),
    #[error("the made-up listeners have {0} bad lines: a defect of this program")]
    BadListeners(u64),
}

impl Demo {
    /// The folder of the campaign files, to be read in place of the configured ones.
    pub fn campaigns(data: &Path) -> PathBuf {
        data.join("campaigns")
    }

    /// Makes what is not there yet. `progress`: listeners imported so far, of how many.
    pub fn make(
        &self,
        making: &Making<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), DemoFault> {
        let note = making.data.join("demo-world");
        let wanted = format!("seed {}, {} listeners\n", self.seed, self.listeners);
        match std::fs::read_to_string(&note) {
            Ok(found) if found == wanted => return Ok(()),
            Ok(found) => {
                let found = found.trim().to_owned();
                return Err(DemoFault::Another { path: making.data.display().to_string(), found });
            }
            Err(_) => {}
        }
        tracing::info!(seed = self.seed, listeners = self.listeners, "making the demo world");
        let folder = Demo::campaigns(making.data);
        for file in world(self.seed) {
            write(&folder.join(&file.path), &file.bytes)?;
        }
        self.listeners(making, progress)?;
        // Last: a folder that was made by half is made again.
        write(&note, wanted.as_bytes())
    }

    fn listeners(
        &self,
        making: &Making<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), DemoFault> {
        let stand = Stand::open(making.data, making.vocabulary, making.audience)?;
        let intake = stand.alone(making.audience).map_err(DemoFault::Thread)?;
        let import = Import { intake: &intake, config: making.audience };
        let mut lines = BufReader::new(ListenerLines::new(self.seed, self.listeners));
        let mut done = 0;
        let report = import.run(Text {
            file: Path::new("demo listeners"),
            source: &mut lines,
            progress: &mut |_| {
                done += 1;
                progress(done, u64::from(self.listeners));
            },
        })?;
        if report.bad_lines > 0 { Err(DemoFault::BadListeners(report.bad_lines)) } else { Ok(()) }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DemoFault> {
    let fault = |source| DemoFault::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fault)?;
    }
    std::fs::write(path, bytes).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_made_once_and_another_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let making = Making {
            data: folder.path(),
            vocabulary: &Default::default(),
            audience: &Default::default(),
        };
        let demo = Demo { seed: 3, listeners: 300 };
        let mut last = (0, 0);
        demo.make(&making, &mut |done, of| last = (done, of)).unwrap();
        assert_eq!(last, (300, 300));
        assert!(Demo::campaigns(folder.path()).join("media/zing-30s-128k.mp3").exists());

        let edited = Demo::campaigns(folder.path()).join("zing.yaml");
        std::fs::write(&edited, "# mine\n").unwrap();
        demo.make(&making, &mut |_, _| panic!("it is there")).unwrap();
        assert_eq!(std::fs::read_to_string(&edited).unwrap(), "# mine\n");

        let other = Demo { seed: 4, ..demo }.make(&making, &mut |_, _| {});
        assert!(matches!(other, Err(DemoFault::Another { .. })));
    }
}
