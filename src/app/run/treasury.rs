//! The money as operators see and move it: the ledger that follows the journal, the world's
//! accounts, and the book, in which what is moved counts at once. Cold.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::node::Node;
use super::tasks::{self, Loop};
use crate::app::config::Config;
use crate::base::journal::{Folder, JournalFault};
use crate::base::telemetry::Registry;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::AdvertiserId;
use crate::base::units::money::{Currency, Money};
use crate::doors::admin::{NotEntered, Treasury};
use crate::flows::notice::Till;
use crate::market::exchange::ExchangeIx;
use crate::offer::ledger::{
    Entry, Follower, Following, FundFault, Funds, FundsKind, Ledger, Snapshots, Version,
};

/// One server's money.
pub struct Vault {
    follower: Arc<Follower>,
    _gauges: Loop,
    node: Arc<Node>,
    till: Arc<Till>,
    journal: Folder,
    caps: Folder,
}

#[derive(Debug, thiserror::Error)]
pub enum VaultFault {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Journal(#[from] JournalFault),
}

impl Vault {
    /// Follows the journal from the newest snapshot on.
    pub fn open(
        config: &Config,
        data: &Path,
        node: &Arc<Node>,
        registry: &Registry,
    ) -> Result<Vault, VaultFault> {
        let journal = Folder::from(data.join(&config.notice.dir).as_path());
        let snapshots =
            Snapshots::new(data.join(&config.ledger.dir).as_path(), config.ledger.keep());
        let start = snapshots.newest(&journal)?;
        let following = Following::on(start, &journal, snapshots)?;
        let till = Arc::clone(node.till());
        let durable = {
            let till = Arc::clone(&till);
            move || till.journal().durable()
        };
        let every = Duration::from_millis(config.ledger.follow_ms.into());
        let follower = Arc::new(Follower::start(following, durable, every)?);
        let gauges = tell(&follower, registry)?;
        let caps = Folder::from(data.join(&config.delivery.caps.dir).as_path());
        Ok(Vault { follower, _gauges: gauges, node: Arc::clone(node), till, journal, caps })
    }

    /// What is taken from funds leaves the book first: no bid may count on it any more.
    fn take(&self, entry: &Entry, funds: &Funds, nanos: i64) -> Result<Version, NotEntered> {
        let taken = Money::new(nanos, funds.amount.currency);
        if !self.till.book().fund(funds.advertiser, taken) {
            let why = "more than what is neither spent nor held by bids";
            return Err(NotEntered::Refused(why.to_owned()));
        }
        self.write(entry).inspect_err(|_| {
            let back = Money::new(-nanos, funds.amount.currency);
            self.till.book().fund(funds.advertiser, back);
        })
    }

    fn write(&self, entry: &Entry) -> Result<Version, NotEntered> {
        self.follower.enter(self.till.journal(), entry).map_err(|fault| match fault {
            FundFault::Ledger(why) => NotEntered::Refused(why.to_string()),
            FundFault::Refused(why) => NotEntered::Unavailable(why.to_string()),
            FundFault::Journal(why) => NotEntered::Unavailable(why.to_string()),
        })
    }
}

/// Sets gauges from the follower's counts, now and then.
fn tell(follower: &Arc<Follower>, registry: &Registry) -> std::io::Result<Loop> {
    let gauges = follower.stats().map(|(of, _)| {
        let help = "The ledger beside the journal: entries folded, breaches of limits, snapshots.";
        registry.gauge("interlude_ledger_stats", help, &[("of", of)])
    });
    let told = Arc::clone(follower);
    tasks::spawn_behind("ledger gauges", Duration::from_secs(1), move || {
        for (gauge, (_, value)) in gauges.iter().zip(told.stats()) {
            gauge.set(value as f64);
        }
    })
}

impl Treasury for Vault {
    fn read(&self, with: &mut dyn FnMut(&Ledger)) {
        self.follower.read(with);
    }

    fn account(&self, key: &str) -> Option<(AdvertiserId, Currency)> {
        let standing = self.node.standing();
        let account = standing.published.world.catalog.advertiser_of(key)?;
        Some((account.id, account.currency))
    }

    fn calendars(&self) -> HashMap<AdvertiserId, Arc<Calendar>> {
        let standing = self.node.standing();
        let accounts = standing.published.world.catalog.advertisers();
        accounts.map(|account| (account.id, Arc::clone(&account.calendar))).collect()
    }

    fn exchange(&self, key: &str) -> Option<ExchangeIx> {
        self.node.standing().published.world.exchange_named(key)
    }

    fn enter(&self, entry: &Entry) -> Result<Version, NotEntered> {
        let Entry::Funds(funds) = entry else { return self.write(entry) };
        let nanos = match funds.kind {
            FundsKind::Refund => -funds.amount.nanos,
            FundsKind::TopUp | FundsKind::Correction => funds.amount.nanos,
        };
        if nanos < 0 {
            return self.take(entry, funds, nanos);
        }
        let version = self.write(entry)?;
        self.till.book().fund(funds.advertiser, Money::new(nanos, funds.amount.currency));
        Ok(version)
    }

    fn breakers(&self) -> Vec<(String, u64)> {
        self.node.paces().held_back()
    }

    fn mend_breakers(&self) -> usize {
        self.node.paces().mend()
    }

    fn folders(&self) -> (Folder, Folder) {
        (self.journal.clone(), self.caps.clone())
    }
}
