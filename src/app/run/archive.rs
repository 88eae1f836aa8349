//! Which worlds were served? The catalog of each, kept beside the decisions made in it.
//!
//! Written when a world is published, read by `interlude replay`; cold. One file a world version
//! in `worlds/` of the data folder. Of an edited world only what differs from its base, whose file
//! stays as long as one that names it. Exchanges and rates are not in it: they are the
//! configuration's, and a world of another configuration has another version.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::foundation::{Archive, BuildFault, Foundation};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::base::stdx::fault::{Fault, Faults};
use crate::base::units::ids::LineIx;
use crate::flows::decide::world::{Parts, World};
use crate::knowledge::catalog::{self, model::Catalog};

/// What a file of `worlds/` holds.
#[derive(Serialize, Deserialize)]
struct Archived {
    /// Stands in every answer; a demo's depends on the port it found.
    public_url: String,
    /// Which lines of the base are gone; [`World::base_version`] stands in the name of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<u32>,
    /// All lines, or those that the base has not.
    catalog: Box<RawValue>,
}

/// How many whole worlds are kept: a day of hourly campaign changes, twice over.
const KEPT: usize = 48;

/// How many edited ones: small, and as many as a day of edits has minutes.
const KEPT_EDITED: usize = 1440;

/// A file of `worlds/`: `VERSION.json`, or `VERSION.BASE.json` of an edited world.
struct Name {
    version: u64,
    base: Option<u64>,
}

impl Name {
    fn of(world: &World) -> Name {
        let edited = world.version != world.base_version;
        Name { version: world.version, base: edited.then_some(world.base_version) }
    }

    fn parse(path: &Path) -> Option<Name> {
        let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        match name.split_once('.') {
            None => Some(Name { version: hex(name)?, base: None }),
            Some((version, base)) => Some(Name { version: hex(version)?, base: Some(hex(base)?) }),
        }
    }

    fn file(&self, folder: &Path) -> PathBuf {
        let Name { version, base } = self;
        folder.join(match base {
            None => format!("{version:016x}.json"),
            Some(base) => format!("{version:016x}.{base:016x}.json"),
        })
    }
}

/// Lets the oldest go, but no base before those that stand on it.
fn prune(folder: &Path) -> io::Result<()> {
    let (mut whole, mut edited) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = Name::parse(&entry.path()) else { continue };
        let list = if name.base.is_some() { &mut edited } else { &mut whole };
        list.push((entry.metadata()?.modified()?, entry.path(), name));
    }
    for list in [&mut whole, &mut edited] {
        list.sort_by(|a, b| (b.0, &b.1).cmp(&(a.0, &a.1)));
    }
    let beyond = edited.split_off(edited.len().min(KEPT_EDITED));
    let bases: HashSet<u64> = edited.iter().filter_map(|(.., name)| name.base).collect();
    let old = whole.into_iter().skip(KEPT).filter(|(.., name)| !bases.contains(&name.version));
    beyond.into_iter().chain(old).try_for_each(|(_, path, _)| fs::remove_file(path))
}

impl Foundation {
    /// Keeps the catalog of a world that is about to be served.
    pub(super) fn keep(&self, world: &World, Archive(bytes): &Archive) -> io::Result<()> {
        // The world before is kept already, and is the newest.
        if bytes.is_empty() {
            return Ok(());
        }
        let folder = self.data().join("worlds");
        fs::create_dir_all(&folder)?;
        let file = Name::of(world).file(&folder);
        // Whole or not at all: a half-written file has another name. Written anew each time, so
        // that a world that comes back is not the oldest.
        let part = file.with_extension("part");
        let catalog = String::from_utf8_lossy(bytes).into_owned();
        let catalog = RawValue::from_string(catalog)?;
        let gone = world.catalog.gone().map(|ix| ix.0).collect();
        let public_url = world.public_url.to_string();
        fs::write(&part, serde_json::to_vec(&Archived { public_url, gone, catalog })?)?;
        fs::rename(&part, &file)?;
        prune(&folder)
    }

    /// The world of a version that was served from this data folder, with nobody listening: a
    /// replay brings the listener along. The result has that version unless the configuration
    /// has changed since. `base` remembers a whole world for those that were edited out of it.
    pub fn served(&self, version: u64, base: &mut Option<World>) -> Result<World, BuildFault> {
        let folder = self.data().join("worlds");
        let names = fs::read_dir(&folder).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| Name::parse(&entry.path()));
        let name = { names }.find(|name| name.version == version);
        let name = name.unwrap_or(Name { version, base: None });
        let archived = read(&folder, &name)?;
        let Some(base_version) = name.base else { return Ok(self.whole(&archived)?) };
        let of_base = match base.take().filter(|world| world.version == base_version) {
            Some(world) => world,
            None => self.whole(&read(&folder, &Name { version: base_version, base: None })?)?,
        };
        let gone: Vec<LineIx> = archived.gone.iter().copied().map(LineIx).collect();
        let bytes = archived.catalog.get().as_bytes();
        let catalog =
            catalog::edited_from_archive(&of_base.catalog, &gone, bytes, &mut self.reading())?;
        let world = self.archived(catalog, &archived, Some(&of_base));
        *base = Some(of_base);
        Ok(world)
    }

    fn whole(&self, archived: &Archived) -> Result<World, Faults> {
        let bytes = archived.catalog.get().as_bytes();
        let catalog = catalog::from_archive(bytes, &mut self.reading())?;
        Ok(self.archived(catalog, archived, None))
    }

    fn archived(&self, catalog: Catalog, archived: &Archived, base: Option<&World>) -> World {
        let parts = self.without_listeners(Arc::new(catalog));
        World::assemble(Parts { public_url: archived.public_url.as_str().into(), ..parts }, base)
    }
}

fn read(folder: &Path, name: &Name) -> Result<Archived, Faults> {
    let file = name.file(folder);
    let fault = |why: String| Faults::one(Fault::of_file(&file, why));
    let bytes = fs::read(&file).map_err(|why| fault(format!("cannot be read: {why}")))?;
    serde_json::from_slice(&bytes).map_err(|why| fault(format!("is no archived world: {why}")))
}
