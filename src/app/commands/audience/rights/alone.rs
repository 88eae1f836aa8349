//! What do rights reach where no server runs? The data folder, held while the command works; cold.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::app::config::Config;
use crate::app::run::{Foundation, Shelf, change};
use crate::base::journal::JournalFault;
use crate::base::units::ids::ListenerMark;
use crate::flows::notice::ticket_keys;
use crate::flows::rights::{Fault, Kept, Stores};
use crate::knowledge::audience::{
    self, Act, Acts, Audience, Change, Providers, Stand, Suppression,
};
use crate::knowledge::catalog::model::Catalog;
use crate::market::vocabulary::{self, Vocabulary};
use crate::offer::records::Vault;

/// A data folder that nobody else writes rights to.
pub struct Alone {
    shelf: Shelf,
    config: Config,
    acts: Acts,
    audience: Arc<Audience>,
    vocabulary: Arc<Vocabulary>,
    suppression: Mutex<Arc<Suppression>>,
    catalog: OnceLock<Option<Arc<Catalog>>>,
    turn: Mutex<()>,
}

impl Alone {
    pub fn open(data: &Path, config: &Config) -> anyhow::Result<Alone> {
        let keys = ticket_keys(&config.notice.tickets, data)?;
        let marks = *keys.marks();
        let (acts, said) = Acts::open(data, marks).map_err(|fault| match fault {
            JournalFault::InUse(_) => anyhow::anyhow!(
                "a server uses {}: ask it, with --server URL (its admin listener)",
                data.display()
            ),
            fault => fault.into(),
        })?;
        let words = || Vocabulary::open(&data.join(vocabulary::FILE), &config.vocabulary);
        let audience = Arc::new(audience::read(data, &words)?);
        let foundation = Foundation::lay(config, data, keys)?;
        Ok(Alone {
            shelf: Shelf::new(config, data, foundation),
            config: config.clone(),
            acts,
            audience,
            vocabulary: Arc::new(words()?),
            suppression: Mutex::new(Arc::new(said.suppression)),
            catalog: OnceLock::new(),
            turn: Mutex::default(),
        })
    }
}

impl Stores for Alone {
    fn kept(&self) -> &dyn Kept {
        &self.shelf
    }

    fn audience(&self) -> Arc<Audience> {
        Arc::clone(&self.audience)
    }

    fn vocabulary(&self) -> Arc<Vocabulary> {
        Arc::clone(&self.vocabulary)
    }

    fn providers(&self) -> Arc<Providers> {
        Arc::new(self.config.audience.providers())
    }

    /// Of the campaign files, where they can be read.
    fn catalog(&self) -> Option<Arc<Catalog>> {
        let built = || self.shelf.foundation().build().ok();
        let catalog = self.catalog.get_or_init(|| Some(Arc::clone(&built()?.world.catalog)));
        catalog.clone()
    }

    fn suppression(&self) -> Arc<Suppression> {
        Arc::clone(&self.suppression.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, act: &Act) -> Result<(), Fault> {
        self.acts.keep(act).map_err(Fault::store)
    }

    fn suppress(&self, suppression: Suppression) {
        *self.suppression.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(suppression);
    }

    fn suppressed_max(&self) -> usize {
        self.config.audience.suppressed_max
    }

    fn change(&self, changes: Vec<Change>) -> Result<(), Fault> {
        let Config { vocabulary, audience, .. } = &self.config;
        let stand = Stand::open(self.shelf.data(), vocabulary, audience).map_err(Fault::store)?;
        change(&stand.alone(audience).map_err(Fault::store)?, changes)
    }

    /// The caps' log is the server's: it takes the listener out at its next start.
    fn forget(&self, mark: ListenerMark) -> Result<bool, Fault> {
        let keys_max = self.shelf.records_config().keys_max;
        let vault = Vault::open(self.shelf.data(), keys_max).map_err(Fault::store)?;
        vault.forget(mark).map_err(Fault::store)?;
        Ok(false)
    }
}
