//! `interlude backup`: the money of a data folder and the listeners' no, while a server may be
//! writing it.
//!
//! What is copied, and in this order, so that nothing in it is older than what refers to it: the
//! newest snapshots, the journal up to its last whole batch, the log of caps, the vocabulary, the
//! keys, what listeners have refused and who was erased: whoever is erased while the rest is copied
//! is known to be. The manifest, with the checksum of every file, comes last: without it there is
//! no backup.

mod archive;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::books::Books;
use super::place::Place;
use crate::app::config::Config;
use crate::base::journal::{self, Folder};
use crate::doors::admin;
use crate::knowledge::audience::ACTS;
use crate::market::vocabulary;

pub use archive::{Parts, is_archive, unpack};

const AFTER: &str = "\
The backup is a folder, or one file where the name ends in .tar, that `interlude restore` turns into
a data folder again. It holds keys: keep it as safe as the data folder. What listeners have refused
is in it, and what caps count, under keyed marks; their profiles are not (`interlude audience
export`), nor are decision records with their keys, nor campaign files.

Examples:
  interlude backup --data data --to backups/2026-11-22
  interlude backup --data data --to backups/2026-11-22.tar
  interlude backup --config my.toml --to backups/today.tar
  interlude backup --data data --to backups/2026-11-22 --json";

/// Copy the money of a data folder; a server may go on writing it.
#[derive(clap::Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// A folder that does not exist yet, or is empty; or a new file, NAME.tar.
    #[arg(long, value_name = "DIR|FILE.tar")]
    to: PathBuf,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;
/// How often a folder is listed again when a file goes away while it is copied.
const TRIES: u32 = 8;

/// What a backup holds.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub format: u32,
    pub program: String,
    /// The ledger's version at its end.
    pub entries: u64,
    pub version: String,
    /// By path, with `/`.
    pub files: BTreeMap<String, Sum>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Eq)]
pub struct Sum {
    pub bytes: u64,
    pub sha256: String,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (data, config) = args.place.settle()?;
    let manifest = match archive::is_archive(&args.to) {
        false => backup(&config, &data, &args.to)?,
        true => backup_in_one(&config, &data, &args.to)?,
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &manifest)?;
        writeln!(out)?;
    } else {
        let bytes: u64 = manifest.files.values().map(|sum| sum.bytes).sum();
        let (files, entries, version) = (manifest.files.len(), manifest.entries, &manifest.version);
        writeln!(out, "{files} files, {bytes} bytes: {entries} entries, version {version}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// As [`backup`], as one file; its parts stand beside it meanwhile.
fn backup_in_one(config: &Config, data: &Path, to: &Path) -> anyhow::Result<Manifest> {
    anyhow::ensure!(!to.exists(), "{} is there: name a new file", to.display());
    let parts = Parts::beside(to)?;
    let manifest = backup(config, data, parts.path())?;
    archive::pack(parts.path(), &manifest, to)?;
    Ok(manifest)
}

/// Whatever folders are called in `data`, those of a backup have their default names.
pub fn backup(config: &Config, data: &Path, to: &Path) -> anyhow::Result<Manifest> {
    let from = Books::of(config, data);
    let has_journal = from.journal.is_dir();
    anyhow::ensure!(has_journal, "{} is no folder of a journal", from.journal.display());
    empty_folder(to)?;
    let copies = Books::of(&Config::default(), to);
    // Of snapshots, one that goes away while it is copied was one too old.
    copy_folder(&from.snapshots, &copies.snapshots, "ils")?;
    copy_folder(&from.journal, &copies.journal, "ilj")?;
    trim(&copies.journal)?;
    copy_tree(&from.caps, &copies.caps)?;
    for name in [vocabulary::FILE, "ticket.key", "mark.key", admin::TOKEN_FILE] {
        match copy_file(&data.join(name), &to.join(name)) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            copied => copied.with_context(|| name.to_owned())?,
        }
    }
    copy_folder(&data.join(ACTS), &to.join(ACTS), "ilj")?;
    trim(&to.join(ACTS))?;
    let version = copies.ledger(config)?.version();
    let mut files = BTreeMap::new();
    sums(to, "", &mut files)?;
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        entries: version.entries,
        version: version.to_string(),
        files,
    };
    let text = serde_json::to_vec_pretty(&manifest)?;
    Folder::from(to).replace(MANIFEST, &text)?;
    Ok(manifest)
}

impl Manifest {
    /// The manifest of a backup, each file of which is as it was.
    pub fn verified(from: &Path) -> anyhow::Result<Manifest> {
        let path = from.join(MANIFEST);
        let text = fs::read(&path).with_context(|| format!("{}: no backup", path.display()))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .with_context(|| format!("{} cannot be understood", path.display()))?;
        let format = manifest.format;
        anyhow::ensure!(format == FORMAT, "a backup of format {format}: use the newer program");
        let mut files = BTreeMap::new();
        sums(from, "", &mut files)?;
        for (name, sum) in &manifest.files {
            let found = files.remove(name);
            anyhow::ensure!(found.as_ref() == Some(sum), "{name} is not what was backed up");
        }
        files.remove(MANIFEST);
        if let Some((name, _)) = files.first_key_value() {
            anyhow::bail!("{name} is not of this backup");
        }
        Ok(manifest)
    }
}

/// Makes a folder for nobody else to look into; one that has something in it is refused.
pub fn empty_folder(dir: &Path) -> anyhow::Result<()> {
    let there = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    anyhow::ensure!(!there, "{} is not empty: name a new folder", dir.display());
    make_folder(dir)?;
    Ok(())
}

fn make_folder(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Every file of one kind. Files may be added meanwhile; when one goes away, all begins again.
fn copy_folder(from: &Path, to: &Path, kind: &str) -> anyhow::Result<()> {
    let mut tries = 0;
    loop {
        make_folder(to)?;
        match copy_kind(from, to, kind) {
            Err(why) if why.kind() == io::ErrorKind::NotFound && tries < TRIES => {
                tries += 1;
                fs::remove_dir_all(to)?;
            }
            copied => return copied.with_context(|| from.display().to_string()),
        }
    }
}

fn copy_kind(from: &Path, to: &Path, kind: &str) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(from)? {
        paths.push(entry?.path());
    }
    // Oldest first: what is begun while we copy stands behind what we have.
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == kind)) {
        copy_file(path, &to.join(path.file_name().unwrap_or_default()))?;
    }
    File::open(to)?.sync_all()
}

/// A folder with all in it but locks and what is being written.
fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut tries = 0;
    loop {
        match copy_all(from, to) {
            Err(why) if why.kind() == io::ErrorKind::NotFound && tries < TRIES => {
                tries += 1;
                fs::remove_dir_all(to)?;
            }
            copied => return copied.with_context(|| from.display().to_string()),
        }
    }
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    make_folder(to)?;
    let mut paths = Vec::new();
    for entry in fs::read_dir(from)? {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default();
        let passing = path.extension().is_some_and(|e| e == "new" || e == "tmp");
        if path.is_dir() {
            copy_all(&path, &to.join(name))?;
        } else if name != "LOCK" && !passing {
            copy_file(&path, &to.join(name))?;
        }
    }
    File::open(to)?.sync_all()
}

/// A file as long as it is now, durably, for nobody else to read.
pub fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let source = File::open(from)?;
    let bytes = source.metadata()?.len();
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source.take(bytes), &mut copy)?;
    copy.sync_all()
}

/// Cuts off what was being written when the journal was copied.
fn trim(journal: &Path) -> anyhow::Result<()> {
    let opened = journal::read(journal, &mut |_| Ok(()))?;
    if let Some(torn) = opened.trimmed {
        let file = OpenOptions::new().write(true).open(&torn.file)?;
        file.set_len(torn.offset)?;
        file.sync_all()?;
        if torn.offset == 0 {
            fs::remove_file(&torn.file)?;
        }
    }
    Ok(())
}

fn sums(dir: &Path, within: &str, files: &mut BTreeMap<String, Sum>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_str().context("a name that is no text")?.to_owned();
        let path = format!("{within}{name}");
        if entry.file_type()?.is_dir() {
            sums(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, sum(&entry.path())?);
        }
    }
    Ok(())
}

fn sum(path: &Path) -> io::Result<Sum> {
    let (mut file, mut hash, mut bytes) = (File::open(path)?, Sha256::new(), 0);
    let mut piece = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut piece)?;
        if n == 0 {
            let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok(Sum { bytes, sha256 });
        }
        hash.update(&piece[..n]);
        bytes += n as u64;
    }
}

#[cfg(test)]
mod tests;
