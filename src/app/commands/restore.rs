//! `interlude restore`: a data folder from a backup, ready to be served.
//!
//! Every file is checked before and the ledger behind; then an entry says that this is a new
//! beginning. Leases that were in force stay held until their tickets have expired. The secret of
//! coins is not restored: a new one makes bid ids that the old server never used. What listeners
//! have refused holds, and nobody comes back who was erased ([`said`]).

mod said;

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

pub use said::SaidSince;

const AFTER: &str = "\
What listeners have said since the backup was made stands in the folder that is replaced: name it
with --said-in, and their refusals and erasures hold here, too. Who was erased is erased again at
the first start.

Examples:
  interlude restore --from backups/2026-11-22 --data data-restored
  interlude restore --from backups/2026-11-22.tar --data data-restored
  interlude restore --from backups/2026-11-22 --data data-restored --said-in data
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
    /// The data folder that is replaced: what listeners have said there since holds here.
    #[arg(long, value_name = "DIR")]
    pub said_in: Option<PathBuf>,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (data, config) = args.place.settle()?;
    let since = args.said_in.as_deref();
    let (ledger, said) = match is_archive(&args.from) && args.from.is_file() {
        false => restore(&config, (&args.from, since), &data)?,
        true => {
            let parts = Parts::beside(&data)?;
            unpack(&args.from, parts.path())?;
            restore(&config, (parts.path(), since), &data)?
        }
    };
    let (version, epoch) = (ledger.version(), ledger.run().epoch);
    let mut out = io::stdout().lock();
    if args.json {
        let entries = version.entries;
        let told = serde_json::json!({
            "entries": entries, "version": version.to_string(), "epoch": epoch, "said": said,
        });
        writeln!(out, "{told}")?;
    } else {
        writeln!(out, "{} entries, version {version}, epoch {epoch}", version.entries)?;
        writeln!(out, "{said}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `since`: the folder that is replaced, if what listeners said there is to hold.
pub fn restore(
    config: &Config,
    (from, since): (&Path, Option<&Path>),
    data: &Path,
) -> anyhow::Result<(Ledger, SaidSince)> {
    let manifest = Manifest::verified(from)?;
    if let Some(since) = since {
        said::can_be_read(since, from)?;
    }
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
    let said = said::carry(data, since)?;
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
    Ok((start.ledger, said))
}

/// Where a file of a backup goes: its folders have their default names there.
fn place_of(name: &str, books: &Books, data: &Path) -> PathBuf {
    let Books { journal, snapshots, caps } = books;
    let known = [("journal/", journal), ("snapshots/", snapshots), ("caps/", caps)];
    let within = known.iter().find_map(|(folder, to)| Some(to.join(name.strip_prefix(folder)?)));
    within.unwrap_or_else(|| data.join(name))
}
