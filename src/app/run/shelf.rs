//! What of a listener stands on the disk? Caps, decision records, worlds, the trail: read for the
//! listener's rights, by a running server and by commands beside none. Cold.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::foundation::Foundation;
use crate::app::config::Config;
use crate::base::journal::Folder;
use crate::base::units::ids::{LineId, ListenerMark};
use crate::base::units::time::Moment;
use crate::flows::decide::world::World;
use crate::flows::rights::{Fault, Kept, SeeDecision, SeeFound, Wanted};
use crate::knowledge::audience::{self, Act};
use crate::offer::delivery::{Sleep, caps};
use crate::offer::records::{self, DecisionRecord, Slept};

/// A data folder, as far as rights read it.
pub struct Shelf {
    data: PathBuf,
    foundation: Foundation,
    records: records::Config,
    caps: Folder,
    sources: Vec<String>,
    /// The world that was asked for last.
    world: Mutex<Option<World>>,
}

impl Shelf {
    pub fn new(config: &Config, data: &Path, foundation: Foundation) -> Shelf {
        let rows = config.exchange_table();
        let sources = rows.into_iter().flat_map(|row| {
            let key = std::iter::once(row.key);
            key.chain(row.eid_sources)
        });
        Shelf {
            data: data.to_owned(),
            foundation,
            records: config.records.clone(),
            caps: Folder::from(data.join(&config.delivery.caps.dir).as_path()),
            sources: sources.collect(),
            world: Mutex::new(None),
        }
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn records_config(&self) -> &records::Config {
        &self.records
    }

    pub fn foundation(&self) -> &Foundation {
        &self.foundation
    }
}

impl Kept for Shelf {
    fn sources(&self) -> Vec<String> {
        self.sources.clone()
    }

    fn heard(&self, mark: ListenerMark) -> Result<Vec<(LineId, Moment)>, Fault> {
        if !self.caps.path().exists() {
            return Ok(Vec::new());
        }
        caps::heard_by(self.caps.clone(), mark).map_err(Fault::store)
    }

    fn decisions(&self, mark: ListenerMark, visit: SeeDecision<'_>) -> Result<(), Fault> {
        if !self.data.join(&self.records.dir).exists() {
            return Ok(());
        }
        records::of_listener(&self.data, &self.records, mark, visit).map_err(Fault::store)?;
        Ok(())
    }

    fn find(&self, wanted: Wanted<'_>, visit: SeeFound<'_>) -> Result<(), Fault> {
        let folder = self.data.join(&self.records.dir);
        if !folder.exists() {
            return Ok(());
        }
        let keys = records::Keyring::read(&self.data).map_err(Fault::store)?;
        let mut room = Vec::new();
        records::read(&folder, &mut |kept| {
            if !wanted(kept.record) {
                return;
            }
            match kept.sample.map(|sample| sample.open(&keys, &mut room)) {
                Some(Ok(sample)) => visit(kept.record, Ok(sample)),
                Some(Err(_)) => visit(kept.record, Err("sealed; the listener was erased")),
                None => visit(kept.record, Err(UNSAMPLED)),
            }
        })
        .map_err(Fault::store)?;
        Ok(())
    }

    fn world(&self, record: &DecisionRecord) -> Result<(World, Option<Sleep>), Fault> {
        let mut last = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let world = match last.as_ref().filter(|world| world.version == record.world) {
            Some(world) => world.clone(),
            None => {
                let world = self.foundation.served(record.world, &mut None);
                let world = world.map_err(Fault::store)?;
                last.insert(world).clone()
            }
        };
        let epoch = record.answers.asleep;
        let lines = match epoch {
            0 => None,
            _ => Slept::of(&self.data).at(epoch, record.world).map_err(Fault::store)?,
        };
        let sleep = lines.map(|lines| Sleep::new(epoch, lines, &world.index, record.moment));
        Ok((world, sleep))
    }

    fn trail(&self, visit: &mut dyn FnMut(&Act)) -> Result<(), Fault> {
        audience::trail(&self.data, visit).map_err(Fault::store)
    }
}

const UNSAMPLED: &str = "of this decision only the outcome was kept; samples keep the facts, too";
