//! A backup in one file: the files of its folder as a tar archive, the manifest at its end. Cold.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use tar::{Archive, Builder, EntryType, HeaderMode};

use super::{MANIFEST, Manifest, empty_folder};

/// Whether a path is meant to be one file.
pub fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("tar"))
}

/// A folder beside a path for what is made on the way; it goes when this is dropped.
pub struct Parts(PathBuf);

impl Parts {
    pub fn beside(path: &Path) -> anyhow::Result<Parts> {
        let folder = with_suffix(path, ".parts");
        empty_folder(&folder).context("if it is of a command that was cut short, remove it")?;
        Ok(Parts(folder))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        // What stays is refused by its name the next time.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes one file of a backup's folder: whole, durable, for nobody else to read, or not at all.
pub fn pack(folder: &Path, manifest: &Manifest, to: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(!to.exists(), "{} is there: name a new file", to.display());
    let partial = with_suffix(to, ".partial");
    let written = write(folder, manifest, &partial);
    let written = written.and_then(|()| fs::rename(&partial, to));
    written.inspect_err(|_| drop(fs::remove_file(&partial)))?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

fn write(folder: &Path, manifest: &Manifest, to: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    let mut builder = Builder::new(BufWriter::with_capacity(1 << 20, file));
    builder.mode(HeaderMode::Deterministic);
    for name in manifest.files.keys().map(String::as_str).chain([MANIFEST]) {
        builder.append_path_with_name(folder.join(name), name)?;
    }
    let file = builder.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()
}

/// The folder of a backup again; what is in it is not judged here.
pub fn unpack(from: &Path, folder: &Path) -> anyhow::Result<()> {
    let file = File::open(from).with_context(|| format!("{}: no backup", from.display()))?;
    let mut archive = Archive::new(io::BufReader::with_capacity(1 << 20, file));
    let damaged = || format!("{} is damaged, or no archive", from.display());
    for entry in archive.entries()? {
        let mut entry = entry.with_context(damaged)?;
        let name = entry.path().with_context(damaged)?.into_owned();
        let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        let is_file = matches!(entry.header().entry_type(), EntryType::Regular);
        anyhow::ensure!(plain && is_file, "{} is not of a backup", name.display());
        let to = folder.join(&name);
        fs::create_dir_all(to.parent().unwrap_or(folder))?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to)?;
        io::copy(&mut entry, &mut file).with_context(damaged)?;
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
