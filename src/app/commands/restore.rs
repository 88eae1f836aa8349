//! `interlude restore`: a data folder from a backup, ready to be served.
//!
//! Every file is checked before and the ledger behind; then an entry says that this is a new
//! beginning. Leases that were in force stay held until their tickets have expired. The secret of
//! coins is not restored: a new one makes bid ids that the old server never used.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::backup::{MANIFEST, Manifest, Parts, copy_file, empty_folder, is_archive, unpack};
use super::books::Books;
use super::place::Place;
use crate::app::config::Config;
use crate::app::run::DataLock;
use crate::base::journal::{Folder, Journal};
use crate::base::units::time::{Clock, WallClock};
use crate::offer::ledger::{Entry, Ledger, Snapshots, Started};

const AFTER: &str = "\
Examples:
  interlude restore --from backups/2026-11-22 --data data-restored
  interlude restore --from backups/2026-11-22.tar --data data-restored
  interlude restore --from backups/2026-11-22.tar --config my.toml --data /var/lib/interlude
  interlude audit data-restored";

/// Make a data folder from a backup.
#[derive(clap::Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// What `interlude backup` wrote.
    #[arg(long, value_name = "DIR|FILE.tar")]
    pub from: PathBuf,
    /// The data folder is a new one: it does not exist yet, or is empty.
    #[command(flatten)]
    pub place: Place,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (data, config) = args.place.settle()?;
    let ledger = match is_archive(&args.from) && args.from.is_file() {
        false => restore(&config, &args.from, &data)?,
        true => {
            let parts = Parts::beside(&data)?;
            unpack(&args.from, parts.path())?;
            restore(&config, parts.path(), &data)?
        }
    };
    let (version, epoch) = (ledger.version(), ledger.run().epoch);
    let mut out = io::stdout().lock();
    if args.json {
        let entries = version.entries;
        let told = serde_json::json!({
            "entries": entries, "version": version.to_string(), "epoch": epoch,
        });
        writeln!(out, "{told}")?;
    } else {
        writeln!(out, "{} entries, version {version}, epoch {epoch}", version.entries)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn restore(config: &Config, from: &Path, data: &Path) -> anyhow::Result<Ledger> {
    let manifest = Manifest::verified(from)?;
    empty_folder(data)?;
    let _lock = DataLock::take(data)?;
    let books = Books::of(config, data);
    for name in manifest.files.keys().filter(|name| *name != MANIFEST) {
        let to = place_of(name, &books, data);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        copy_file(&from.join(name), &to)?;
    }
    let folder = Folder::from(&books.journal);
    let mut start = Snapshots::new(&books.snapshots, config.ledger.keep()).newest(&folder)?;
    let ledger = &mut start.ledger;
    let mut read = |record: &[u8]| ledger.read(record).map_err(|why| why.to_string());
    let (journal, _) = Journal::open_from(&folder, &config.notice.journal, start.mark, &mut read)?;
    let found = ledger.version().to_string();
    anyhow::ensure!(
        found == manifest.version,
        "the journal comes to version {found}, the backup says {}",
        manifest.version
    );
    let started = Entry::Started(Started {
        moment: WallClock.now(),
        epoch: ledger.run().epoch + 1,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        restored: true,
    });
    journal.append_blocking(&started.to_bytes())?;
    ledger.apply(&started)?;
    Ok(start.ledger)
}

/// Where a file of a backup goes: its folders have their default names there.
fn place_of(name: &str, books: &Books, data: &Path) -> PathBuf {
    let Books { journal, snapshots, caps } = books;
    let known = [("journal/", journal), ("snapshots/", snapshots), ("caps/", caps)];
    let within = known.iter().find_map(|(folder, to)| Some(to.join(name.strip_prefix(folder)?)));
    within.unwrap_or_else(|| data.join(name))
}
