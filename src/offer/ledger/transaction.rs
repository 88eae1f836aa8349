//! What does an entry do to the accounts? One pure function; each transaction sums to zero in
//! every currency. The table of all entries and their postings is `docs/ledger.md`.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::account::{Account, BudgetId};
use super::budget::Budget;
use super::entry::{Effect, Entry, Funds, FundsKind, Lease, Limit, NoticeEntry, OpenedLine};
use super::fault::LedgerFault;
use super::fold::Ledger;
use crate::base::units::ids::LineId;
use crate::base::units::money::{Currency, Money};

/// So much more stands on an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posting {
    pub account: Account,
    pub nanos: i64,
}

/// The postings of one entry, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Transaction {
    pub postings: Vec<Posting>,
}

impl Transaction {
    /// What the entry does to accounts that stand as in `before`.
    pub fn of(entry: &Entry, before: &Ledger) -> Result<Transaction, LedgerFault> {
        let mut transaction = Transaction::default();
        match entry {
            Entry::Notice(notice) => transaction.notice(notice, before)?,
            Entry::Opened(opened) => {
                once(opened.lines.iter().map(|line| (line.line, line.currency)))?;
                for line in &opened.lines {
                    transaction.adopt(line, before)?;
                }
            }
            Entry::Limits(limits) => {
                once(limits.limits.iter().map(|limit| (limit.budget, limit.currency)))?;
                for limit in &limits.limits {
                    transaction.limit(limit, before)?;
                }
            }
            Entry::Leases(leases) => {
                once(leases.leases.iter().map(|lease| (lease.budget, lease.currency)))?;
                for lease in &leases.leases {
                    transaction.lease(lease, before)?;
                }
            }
            Entry::Funds(funds) => transaction.funds(funds, before)?,
            Entry::Tally(_) | Entry::Reconciled(_) | Entry::Started(_) | Entry::Stopped(_) => {}
        }
        match transaction.unbalanced() {
            None => Ok(transaction),
            Some((currency, sum)) => Err(LedgerFault::Unbalanced { currency, sum }),
        }
    }

    /// The first currency whose postings do not sum to zero, and what they come to.
    pub fn unbalanced(&self) -> Option<(Currency, i128)> {
        let mut sums: Vec<(Currency, i128)> = Vec::new();
        for posting in &self.postings {
            let (currency, nanos) = (posting.account.currency(), i128::from(posting.nanos));
            match sums.iter_mut().find(|(of, _)| *of == currency) {
                Some((_, sum)) => *sum += nanos,
                None => sums.push((currency, nanos)),
            }
        }
        sums.into_iter().find(|&(_, sum)| sum != 0)
    }

    /// From one account to another; nothing where nothing moves.
    fn move_to(&mut self, from: Account, to: Account, nanos: i64) -> Result<(), LedgerFault> {
        if nanos != 0 {
            let taken = nanos.checked_neg().ok_or(LedgerFault::Overflow { account: from })?;
            self.postings.push(Posting { account: from, nanos: taken });
            self.postings.push(Posting { account: to, nanos });
        }
        Ok(())
    }

    /// A charge is spent from every budget that the bid counts against; what a billable event
    /// came to and was not charged is disputed.
    fn notice(&mut self, notice: &NoticeEntry, before: &Ledger) -> Result<(), LedgerFault> {
        let Money { nanos: charged, currency } = notice.charged;
        let is_charge = notice.effect == Effect::Charged;
        let amounts_hold = (0..=notice.due_nanos).contains(&charged)
            && (is_charge || charged == 0)
            && (notice.billable || notice.due_nanos == 0);
        if !amounts_hold {
            return Err(LedgerFault::Amount { what: "charge", nanos: charged });
        }
        if is_charge {
            for budget in before.budgets_of(notice).into_iter().flatten() {
                self.spend(budget, notice.charged, before)?;
            }
        }
        if matches!(notice.effect, Effect::Charged | Effect::Disputed | Effect::Late) {
            let (claimed, disputed) =
                (Account::Claimed(currency), Account::Disputed(notice.line, currency));
            self.move_to(claimed, disputed, notice.due_nanos - charged)?;
        }
        Ok(())
    }

    /// From what is leased, and only beyond it from what is free.
    fn spend(
        &mut self,
        budget: BudgetId,
        money: Money,
        before: &Ledger,
    ) -> Result<(), LedgerFault> {
        let Money { nanos, currency } = money;
        let held = before.budget(budget, currency).map_or(0, |budget| budget.held);
        let leased = nanos.min(held);
        let spent = Account::Spent(budget, currency);
        self.move_to(Account::Held(budget, currency), spent, leased)?;
        self.move_to(Account::Free(budget, currency), spent, nanos - leased)
    }

    /// What a line spent before anybody said whose it is counts for its owners from now on.
    fn adopt(&mut self, line: &OpenedLine, before: &Ledger) -> Result<(), LedgerFault> {
        let nanos = before.unowned(line.line, line.currency);
        for budget in [BudgetId::Campaign(line.campaign, None), BudgetId::Funds(line.advertiser)] {
            let (free, spent) =
                (Account::Free(budget, line.currency), Account::Spent(budget, line.currency));
            self.move_to(free, spent, nanos)?;
        }
        Ok(())
    }

    fn limit(&mut self, limit: &Limit, before: &Ledger) -> Result<(), LedgerFault> {
        let nanos = limit.nanos.unwrap_or(0);
        let is_funds = matches!(limit.budget, BudgetId::Funds(_));
        if nanos < 0 || limit.over < 0 || (is_funds && nanos != 0) {
            return Err(LedgerFault::Amount { what: "limit", nanos });
        }
        let granted = before.budget(limit.budget, limit.currency).map_or(0, |b| b.granted);
        let (from, to) = (
            Account::Granted(limit.budget, limit.currency),
            Account::Free(limit.budget, limit.currency),
        );
        self.move_to(from, to, nanos - granted)
    }

    fn lease(&mut self, lease: &Lease, before: &Ledger) -> Result<(), LedgerFault> {
        let of = before.budget(lease.budget, lease.currency).copied();
        let ceiling = of.unwrap_or(Budget::NONE).ceiling();
        let free = Account::Free(lease.budget, lease.currency);
        let raised = lease.ceiling.checked_sub(ceiling);
        let raised = raised.ok_or(LedgerFault::Overflow { account: free })?;
        self.move_to(free, Account::Held(lease.budget, lease.currency), raised)
    }

    fn funds(&mut self, funds: &Funds, before: &Ledger) -> Result<(), LedgerFault> {
        let Money { nanos, currency } = funds.amount;
        let held_true = match funds.kind {
            FundsKind::TopUp | FundsKind::Refund => nanos > 0,
            FundsKind::Correction => nanos != 0 && nanos != i64::MIN,
        };
        if !held_true || funds.key.is_empty() {
            return Err(LedgerFault::Amount { what: funds.kind.label(), nanos });
        }
        if before.has_funds_key(&funds.key) {
            return Err(LedgerFault::KeyTwice { key: funds.key.clone() });
        }
        let budget = BudgetId::Funds(funds.advertiser);
        let free = before.budget(budget, currency).map_or(0, |budget| budget.free);
        let after = match funds.kind {
            FundsKind::Refund => free.checked_sub(nanos),
            _ => free.checked_add(nanos),
        };
        let own = Account::Free(budget, currency);
        let after = after.ok_or(LedgerFault::Overflow { account: own })?;
        if after < 0 && after < free {
            return Err(LedgerFault::FundsShort { name: funds.name.clone(), free, asked: nanos });
        }
        match funds.kind {
            FundsKind::TopUp => self.move_to(Account::Bank(currency), own, nanos),
            FundsKind::Refund => self.move_to(own, Account::Bank(currency), nanos),
            FundsKind::Correction => self.move_to(Account::WrittenOff(currency), own, nanos),
        }
    }
}

/// What an entry says of many it says of each once: else its order would matter.
fn once<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> Result<(), LedgerFault> {
    let mut seen = HashSet::with_hasher(RandomState::default());
    for (at, key) in keys.enumerate() {
        if !seen.insert(key) {
            return Err(LedgerFault::Twice { at });
        }
    }
    Ok(())
}

impl Ledger {
    /// Every budget that the bid of a notice counts against.
    fn budgets_of(&self, notice: &NoticeEntry) -> [Option<BudgetId>; 5] {
        let (line, day) = (notice.line, notice.day);
        let owner = self.owner(line, notice.charged.currency);
        let campaign = notice.campaign.or(owner.map(|owner| owner.0));
        let advertiser = notice.advertiser.or(owner.map(|owner| owner.1));
        [
            Some(BudgetId::Line(line, None)),
            Some(BudgetId::Line(line, Some(day))),
            campaign.map(|campaign| BudgetId::Campaign(campaign, None)),
            campaign.map(|campaign| BudgetId::Campaign(campaign, Some(day))),
            advertiser.map(BudgetId::Funds),
        ]
    }

    /// What a line spent without a known owner.
    fn unowned(&self, line: LineId, currency: Currency) -> i64 {
        match self.owner(line, currency) {
            Some(_) => 0,
            None => {
                self.budget(BudgetId::Line(line, None), currency).map_or(0, |budget| budget.spent)
            }
        }
    }
}
