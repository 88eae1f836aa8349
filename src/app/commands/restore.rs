//! `interlude restore`: a data folder from a backup, ready to be served.
//!
//! Every file is checked before and the ledger behind; then an entry says that this is a new
//! beginning. Leases that were in force stay held until their tickets have expired. The secret of
//! coins is not restored: a new one makes bid ids that the old server never used.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::backup::{MANIFEST, Manifest, copy_file, empty_folder};
use crate::app::run::DataLock;
use crate::base::journal::{self, Folder, Journal};
use crate::base::units::time::{Clock, WallClock};
use crate::offer::ledger::{Entry, Keep, Ledger, Snapshots, Started};

const AFTER: &str = "\
Examples:
  interlude restore --from backups/2026-11-22 --data data-restored
  interlude audit data-restored";

/// Make a data folder from a backup.
#[derive(clap::Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// What `interlude backup` wrote.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The new data folder: does not exist yet, or is empty.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let ledger = restore(&args.from, &args.data)?;
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

pub fn restore(from: &Path, data: &Path) -> anyhow::Result<Ledger> {
    let manifest = Manifest::verified(from)?;
    empty_folder(data)?;
    let _lock = DataLock::take(data)?;
    for name in manifest.files.keys().filter(|name| *name != MANIFEST) {
        let to = data.join(name);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        copy_file(&from.join(name), &to)?;
    }
    let folder = Folder::from(&data.join("journal"));
    let mut start = Snapshots::new(&data.join("snapshots"), Keep::default()).newest(&folder)?;
    let ledger = &mut start.ledger;
    let config = journal::Config::default();
    let (journal, _) = Journal::open_from(&folder, &config, start.mark, &mut |record| {
        ledger.read(record).map_err(|why| why.to_string())
    })?;
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
