//! Where does the money of a data folder stand, and how does a command write into it? Cold.
//!
//! Folders are called as the config says. Who writes takes the folder's lock: a server that holds
//! it takes funds and corrections through its admin port.

use std::path::{Path, PathBuf};

use crate::app::config::Config;
use crate::app::run::DataLock;
use crate::base::journal::{self, Folder, Journal};
use crate::offer::ledger::{Entry, Ledger, Snapshots, Start, Transaction};

/// The folders of money.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Books {
    pub journal: PathBuf,
    pub snapshots: PathBuf,
    pub caps: PathBuf,
}

impl Books {
    /// Of a data folder.
    pub fn of(config: &Config, data: &Path) -> Books {
        Books {
            journal: data.join(&config.notice.dir),
            snapshots: data.join(&config.ledger.dir),
            caps: data.join(&config.delivery.caps.dir),
        }
    }

    /// Of a data folder, or of the one in which the folder of a journal is.
    pub fn find(config: &Config, dir: &Path) -> anyhow::Result<Books> {
        let books = Books::of(config, dir);
        if books.journal.is_dir() {
            return Ok(books);
        }
        if journal::segments(dir).is_ok_and(|segments| !segments.is_empty()) {
            let beside = Books::of(config, dir.parent().unwrap_or(dir));
            return Ok(Books { journal: dir.to_owned(), ..beside });
        }
        anyhow::bail!(
            "{} holds no journal ({}): name a data folder, or a journal's; --config says what \
             folders are called",
            dir.display(),
            config.notice.dir
        )
    }

    /// The newest snapshot and what stands behind it; also beside a server.
    pub fn ledger(&self, config: &Config) -> anyhow::Result<Ledger> {
        let snapshots = Snapshots::new(&self.snapshots, config.ledger.keep());
        let (Start { ledger, .. }, _) = snapshots.ledger(&Folder::from(&self.journal))?;
        Ok(ledger)
    }
}

/// Writes entries into the journal of a folder that no server holds; each is checked first, and
/// on disk when this returns. Gives the ledger behind them.
pub fn write(
    config: &Config,
    data: &Path,
    entries: impl FnOnce(&Ledger) -> Vec<Entry>,
) -> anyhow::Result<Ledger> {
    anyhow::ensure!(data.is_dir(), "there is no data folder {}", data.display());
    let _lock = DataLock::take(data)?;
    let books = Books::of(config, data);
    let folder = Folder::from(&books.journal);
    let Start { mut ledger, mark, .. } =
        Snapshots::new(&books.snapshots, config.ledger.keep()).newest(&folder)?;
    let (journal, _) = Journal::open_from(&folder, &config.notice.journal, mark, &mut |record| {
        ledger.read(record).map_err(|why| why.to_string())
    })?;
    for entry in entries(&ledger) {
        Transaction::of(&entry, &ledger)?;
        journal.append_blocking(&entry.to_bytes())?;
        ledger.apply(&entry)?;
    }
    Ok(ledger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::ledger::samples::Chance;

    #[test]
    fn folders_are_called_as_the_config_says() {
        let mut config = Config::default();
        config.notice.dir = "money/log".to_owned();
        config.ledger.dir = "money/states".to_owned();
        let data = tempfile::tempdir().unwrap();
        let data = data.path();
        assert!(Books::find(&config, data).is_err());
        let (entries, ledger) = Chance::new(4).journal(30);
        let written = write(&config, data, |_| entries).unwrap();
        assert_eq!(written.version(), ledger.version());
        let books = Books::find(&config, data).unwrap();
        assert_eq!(books.journal, data.join("money/log"));
        assert_eq!(books.ledger(&config).unwrap().version(), ledger.version());
        let of_journal = Books::find(&config, &books.journal).unwrap();
        assert_eq!(of_journal.journal, books.journal);
        assert!(!data.join("journal").exists());
        let said = Books::find(&Config::default(), data).unwrap_err().to_string();
        assert!(said.contains("--config"), "{said}");
    }
}
