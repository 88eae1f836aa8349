//! The process's money beside its bids: funds that come in and go back, and what its ledger says.

use super::{Broken, House};
use crate::base::journal::{self, Journal, Mark, Refused};
use crate::base::units::ids::AdvertiserId;
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::offer::ledger::{Entry, Funds, FundsKind, Keep, Ledger, Snapshots};
use crate::rehearsal::audit::{self, Audit};

impl House {
    /// Money comes in while the process is down; `false`: the disk surely did not take it.
    pub fn pay(&self, (account, key): (&str, String), paid: Money, now: Moment) -> bool {
        let config = &self.notice.journal;
        let opened = Journal::stepped(self.folder("journal"), config, Mark::START, &mut |_| Ok(()));
        let entry = funds((account, key), paid, now);
        let Ok((journal, _)) = opened else { return false };
        let told = journal.append(&entry.to_bytes());
        journal.turn();
        // After a sync that failed it may be there or not: the journal itself will say.
        told.is_ok_and(|mut durable| durable.now() != Some(Err(Refused::Full)))
    }

    /// The ledger's snapshots.
    pub(super) fn snapshots(&self) -> Snapshots {
        Snapshots::new(self.folder("snapshots"), Keep::default())
    }

    /// Money comes in while the process serves, or (below nought) goes back; `false`: it does not.
    pub fn fund(&self, (account, key): (&str, String), money: Money, now: Moment) -> bool {
        let Some(process) = &self.running else { return false };
        let (advertiser, book) = (AdvertiserId::of(account), process.till.book());
        // What goes back leaves the book first, what comes in enters it last.
        if money.nanos < 0 && !book.fund(advertiser, money) {
            return false;
        }
        let journal = process.till.journal();
        let told = journal.append(&funds((account, key), money, now).to_bytes());
        journal.turn();
        let kept = told.is_ok_and(|mut durable| durable.now() == Some(Ok(())));
        match (kept, money.nanos < 0) {
            (true, false) => drop(book.fund(advertiser, money)),
            (false, true) => drop(book.fund(advertiser, Money::new(-money.nanos, money.currency))),
            _ => {}
        }
        kept
    }

    /// Where the ledger, from the newest snapshot on and from the beginning, is not what an
    /// audit of the journal's bytes comes to.
    pub fn differences(&self, audited: &Audit) -> Result<Vec<String>, Broken> {
        let folder = self.folder("journal");
        let (start, _) = self.snapshots().ledger(&folder).map_err(Broken::of)?;
        let mut found = audit::differences("snapshot", audited, &start.ledger);
        let mut whole = Ledger::new(Keep::default());
        let mut fold = |record: &[u8]| whole.read(record).map_err(|why| why.to_string());
        journal::read_on(&folder, Mark::START, &mut fold).map_err(Broken::of)?;
        found.extend(audit::differences("fold", audited, &whole));
        if whole.encode() != start.ledger.encode() {
            found.push("the snapshot goes on otherwise than the ledger".to_owned());
        }
        Ok(found)
    }
}

/// Money that moves by hand: in, or (below nought) back.
fn funds((account, key): (&str, String), money: Money, now: Moment) -> Entry {
    Entry::Funds(Funds {
        kind: if money.nanos < 0 { FundsKind::Refund } else { FundsKind::TopUp },
        moment: now,
        advertiser: AdvertiserId::of(account),
        name: account.to_owned(),
        amount: Money::new(money.nanos.abs(), money.currency),
        key,
        author: "simulator".to_owned(),
        memo: String::new(),
    })
}
