//! Which worlds were served? The catalog of each, kept beside the decisions made in it.
//!
//! Written when a world is published, read by `interlude replay`; cold. One file a world version
//! in `worlds/` of the data folder; the oldest beyond [`KEPT`] go. Exchanges and rates are not in
//! it: they are the configuration's, and a world of another configuration has another version.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::foundation::{BuildFault, Foundation};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::base::stdx::fault::{Fault, Faults};
use crate::flows::decide::world::World;
use crate::knowledge::catalog;

/// What a file of `worlds/` holds.
#[derive(Serialize, Deserialize)]
struct Archived {
    /// Stands in every answer; a demo's depends on the port it found.
    public_url: String,
    catalog: Box<RawValue>,
}

/// How many worlds are kept: a day of hourly campaign changes, twice over.
const KEPT: usize = 48;

fn file_of(folder: &Path, version: u64) -> PathBuf {
    folder.join(format!("{version:016x}.json"))
}

fn prune(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let beyond = files.len().saturating_sub(KEPT);
    files.iter().take(beyond).try_for_each(|(_, path)| fs::remove_file(path))
}

impl Foundation {
    /// Keeps the catalog of a world that is about to be served.
    pub(super) fn keep(&self, world: &World) -> io::Result<()> {
        let folder = self.data().join("worlds");
        fs::create_dir_all(&folder)?;
        let file = file_of(&folder, world.version);
        // Whole or not at all: a half-written file has another name. Written anew each time, so
        // that a world that comes back is not the oldest.
        let part = file.with_extension("part");
        let catalog = catalog::archive(&world.catalog, &world.vocabulary);
        let catalog = RawValue::from_string(String::from_utf8_lossy(&catalog).into_owned())?;
        let public_url = world.public_url.to_string();
        fs::write(&part, serde_json::to_vec(&Archived { public_url, catalog })?)?;
        fs::rename(&part, &file)?;
        prune(&folder)
    }

    /// The world of a version that was served from this data folder, with nobody listening: a
    /// replay brings the listener along. The result has that version unless the configuration
    /// has changed since.
    pub fn served(&self, version: u64) -> Result<World, BuildFault> {
        let file = file_of(&self.data().join("worlds"), version);
        let fault = |why: String| Faults::one(Fault::of_file(&file, why));
        let bytes = fs::read(&file).map_err(|why| fault(format!("cannot be read: {why}")))?;
        let archived: Archived = serde_json::from_slice(&bytes)
            .map_err(|why| fault(format!("is no archived world: {why}")))?;
        let mut foundation = self.clone();
        foundation.public_url = archived.public_url.into();
        foundation.archived(archived.catalog.get().as_bytes())
    }
}
