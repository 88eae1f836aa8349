//! What do all entries come to? The fold: balances, lines, recent bids and figures.
//!
//! Pure and deterministic: equal entries make equal ledgers, on every machine and in every
//! process; a snapshot goes on where it was taken.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

use super::account::{Account, BudgetId, Day, Hour};
use super::bids::Bids;
use super::budget::Budget;
use super::entry::{Effect, Entry, Limit, NoticeEntry, OpenedLine};
use super::fault::LedgerFault;
use super::figures::{Hours, Keep, LineSlot};
use super::transaction::{Posting, Transaction};
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;

/// Day budgets are kept for this many days, the latest.
pub const DAYS_KEPT: usize = 16;
/// So many breaches are kept by name; all are counted.
const BREACHES_NAMED: usize = 64;

/// Which state of the ledger this is: equal versions have equal contents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Version {
    /// How many entries were folded.
    pub entries: u64,
    /// SHA-256 of the head before and the bytes of the entry, from nought on.
    pub head: [u8; 32],
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.entries)?;
        self.head[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

pub(super) type Budgets = HashMap<(BudgetId, Currency), Budget, RandomState>;

/// Balances, lines, recent bids and figures after so many entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    pub(super) version: Version,
    pub(super) keep: Keep,
    /// Budgets without a day.
    pub(super) standing: Budgets,
    /// Day budgets, the latest days.
    pub(super) days: BTreeMap<Day, Budgets>,
    /// All accounts that are no budget's.
    pub(super) others: BTreeMap<Account, i64>,
    pub(super) lines: Vec<LineRecord>,
    pub(super) slots: HashMap<(LineId, Currency), LineSlot, RandomState>,
    pub(super) bids: Bids,
    pub(super) hours: Hours,
    /// Idempotency keys of funds.
    pub(super) funds_keys: BTreeSet<String>,
    /// Hashes of exchanges' reports that were compared.
    pub(super) reports: BTreeSet<u64>,
    pub(super) run: Run,
    pub(super) breaches: Breaches,
    /// Whether the journal names its lines: then it names all.
    pub(super) opens: bool,
}

/// Who a line is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineRecord {
    pub line: LineId,
    pub currency: Currency,
    pub owner: Option<(CampaignId, AdvertiserId)>,
    /// `advertiser/campaign/line`; empty where it was never opened.
    pub path: String,
}

/// The processes that served from this journal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Run {
    /// Of the last start.
    pub epoch: u64,
    pub started: Moment,
    /// Whether it ended in order.
    pub stopped: bool,
    /// The latest entry's moment.
    pub moment: Moment,
}

/// A budget that was exceeded: what must not be, and is told rather than hidden.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breach {
    /// The number of the entry, from 1.
    pub entry: u64,
    pub budget: BudgetId,
    pub currency: Currency,
    /// By how much it is exceeded.
    pub nanos: i64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Breaches {
    pub count: u64,
    /// The first ones.
    pub named: Vec<Breach>,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger::new(Keep::default())
    }
}

impl Ledger {
    pub fn new(keep: Keep) -> Ledger {
        Ledger {
            version: Version::default(),
            keep,
            standing: HashMap::default(),
            days: BTreeMap::new(),
            others: BTreeMap::new(),
            lines: Vec::new(),
            slots: HashMap::default(),
            bids: Bids::default(),
            hours: Hours::default(),
            funds_keys: BTreeSet::new(),
            reports: BTreeSet::new(),
            run: Run::default(),
            breaches: Breaches::default(),
            opens: false,
        }
    }

    /// Folds one record of the journal.
    pub fn read(&mut self, record: &[u8]) -> Result<(), LedgerFault> {
        let entry = Entry::decode(record)?;
        self.fold(&entry, record)
    }

    /// Folds one entry. A fault leaves everything as it was.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), LedgerFault> {
        self.fold(entry, &entry.to_bytes())
    }

    fn fold(&mut self, entry: &Entry, record: &[u8]) -> Result<(), LedgerFault> {
        self.check(entry)?;
        let transaction = Transaction::of(entry, self)?;
        self.post(&transaction)?;
        self.note_breaches(entry, &transaction);
        self.learn(entry);
        self.count(entry);
        let head = Sha256::new().chain_update(self.version.head).chain_update(record);
        self.version = Version { entries: self.version.entries + 1, head: head.finalize().into() };
        self.run.moment = self.run.moment.max(entry.moment());
        Ok(())
    }

    /// What contradicts the entries before, beyond what accounts can tell.
    fn check(&self, entry: &Entry) -> Result<(), LedgerFault> {
        match entry {
            Entry::Notice(notice) if notice.effect == Effect::Charged => {
                if self.bids.is_charged(notice.bid) {
                    return Err(LedgerFault::ChargedTwice { bid: notice.bid });
                }
                let owner = self.owner(notice.line, notice.charged.currency);
                match (owner, notice.campaign.zip(notice.advertiser)) {
                    (None, Some(_)) if self.opens => {
                        Err(LedgerFault::UnknownLine { line: notice.line })
                    }
                    (Some(known), Some(told)) if known != told => {
                        Err(LedgerFault::OtherOwner { line: notice.line })
                    }
                    _ => Ok(()),
                }
            }
            Entry::Opened(opened) => {
                let differs = |line: &&OpenedLine| {
                    self.owner(line.line, line.currency)
                        .is_some_and(|known| known != (line.campaign, line.advertiser))
                };
                match opened.lines.iter().find(differs) {
                    Some(line) => Err(LedgerFault::OtherOwner { line: line.line }),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// All postings or none.
    fn post(&mut self, transaction: &Transaction) -> Result<(), LedgerFault> {
        let postings = &transaction.postings;
        for (at, posting) in postings.iter().enumerate() {
            if let Err(fault) = self.add(posting) {
                for done in &postings[..at] {
                    *self.balance_mut(done.account) -= sign(done.account) * done.nanos;
                }
                postings.iter().for_each(|posting| self.drop_empty(posting.account));
                return Err(fault);
            }
        }
        Ok(())
    }

    fn add(&mut self, posting: &Posting) -> Result<(), LedgerFault> {
        let account = posting.account;
        let balance = self.balance_mut(account);
        let nanos = sign(account).checked_mul(posting.nanos);
        let after = nanos.and_then(|nanos| balance.checked_add(nanos));
        let after = after.ok_or(LedgerFault::Overflow { account })?;
        if after < 0 && matches!(account, Account::Held(..) | Account::Spent(..)) {
            return Err(LedgerFault::Negative { account, nanos: after });
        }
        *balance = after;
        Ok(())
    }

    /// An account that was only looked at is not there.
    fn drop_empty(&mut self, account: Account) {
        let Some((id, currency)) = account.budget() else {
            if self.others.get(&account) == Some(&0) {
                self.others.remove(&account);
            }
            return;
        };
        let budgets = match id.day() {
            None => &mut self.standing,
            Some(day) => self.days.entry(day).or_default(),
        };
        if budgets.get(&(id, currency)) == Some(&Budget::NONE) {
            budgets.remove(&(id, currency));
        }
        self.days.retain(|_, budgets| !budgets.is_empty());
    }

    fn balance_mut(&mut self, account: Account) -> &mut i64 {
        match account {
            Account::Granted(id, currency) => &mut self.budget_mut(id, currency).granted,
            Account::Free(id, currency) => &mut self.budget_mut(id, currency).free,
            Account::Held(id, currency) => &mut self.budget_mut(id, currency).held,
            Account::Spent(id, currency) => &mut self.budget_mut(id, currency).spent,
            other => self.others.entry(other).or_default(),
        }
    }

    fn budget_mut(&mut self, id: BudgetId, currency: Currency) -> &mut Budget {
        let budgets = match id.day() {
            None => &mut self.standing,
            Some(day) => self.days.entry(day).or_default(),
        };
        budgets.entry((id, currency)).or_insert(Budget::NONE)
    }

    /// A budget of which more is committed than its limit allows, by what this entry did.
    fn note_breaches(&mut self, entry: &Entry, transaction: &Transaction) {
        let made = match entry {
            Entry::Notice(notice) => notice.made,
            Entry::Leases(leases) => leases.moment,
            _ => return,
        };
        for posting in &transaction.postings {
            let Account::Free(id, currency) = posting.account else { continue };
            let Some(budget) = self.budget(id, currency) else { continue };
            if posting.nanos < 0 && budget.is_over() && made >= budget.limited_at {
                let nanos = -budget.over - budget.free;
                let entry = self.version.entries + 1;
                self.breaches.count += 1;
                if self.breaches.named.len() < BREACHES_NAMED {
                    self.breaches.named.push(Breach { entry, budget: id, currency, nanos });
                }
            }
        }
    }

    /// What an entry says beside its postings.
    fn learn(&mut self, entry: &Entry) {
        match entry {
            Entry::Notice(notice) if notice.effect != Effect::Conflict => self.bids.settle(notice),
            Entry::Opened(opened) => {
                self.opens = true;
                opened.lines.iter().for_each(|line| self.open(line));
            }
            Entry::Limits(limits) => {
                limits.limits.iter().for_each(|limit| self.limit(limit, limits.moment));
            }
            Entry::Funds(funds) => {
                self.funds_keys.insert(funds.key.clone());
            }
            Entry::Reconciled(reconciled) => {
                self.reports.insert(reconciled.report);
            }
            Entry::Started(started) => {
                self.run.epoch = started.epoch;
                self.run.started = started.moment;
                self.run.stopped = false;
            }
            Entry::Stopped(_) => self.run.stopped = true,
            _ => {}
        }
        self.bids.sweep(entry.moment());
        while self.days.len() > DAYS_KEPT {
            self.days.pop_first();
        }
    }

    fn open(&mut self, line: &OpenedLine) {
        let slot = self.slot(line.line, line.currency);
        let record = &mut self.lines[slot as usize];
        record.owner = Some((line.campaign, line.advertiser));
        record.path.clone_from(&line.path);
    }

    fn limit(&mut self, limit: &Limit, moment: Moment) {
        let budget = self.budget_mut(limit.budget, limit.currency);
        budget.limited = limit.nanos.is_some();
        budget.over = limit.over;
        budget.limited_at = moment;
    }

    fn count(&mut self, entry: &Entry) {
        match entry {
            Entry::Notice(notice) => self.count_notice(notice),
            Entry::Tally(tally) => {
                for line in &tally.lines {
                    let slot = self.slot(line.line, line.currency);
                    self.hours.at((slot, tally.hour), &self.keep, |cell| cell.tally(line));
                }
            }
            _ => {}
        }
    }

    fn count_notice(&mut self, notice: &NoticeEntry) {
        let slot = self.slot(notice.line, notice.charged.currency);
        self.hours.at((slot, Hour::of(notice.made)), &self.keep, |cell| cell.notice(notice));
    }

    /// The number of a line; a new one where it was never heard of.
    fn slot(&mut self, line: LineId, currency: Currency) -> LineSlot {
        let next = self.lines.len() as LineSlot;
        let slot = *self.slots.entry((line, currency)).or_insert(next);
        if slot == next {
            self.lines.push(LineRecord { line, currency, owner: None, path: String::new() });
        }
        slot
    }
}

/// `Budget::granted` is kept above zero; its account stands below.
const fn sign(account: Account) -> i64 {
    match account {
        Account::Granted(..) => -1,
        _ => 1,
    }
}
