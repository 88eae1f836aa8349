//! What can be asked of a ledger? Balances, lines, figures, recent bids.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::account::{Account, BudgetId, Hour};
use super::bids::RecentBid;
use super::budget::Budget;
use super::figures::{Cells, Figures};
use super::fold::{Breaches, Ledger, LineRecord, Run, Version};
use super::forgotten::Forgotten;
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::money::Currency;
use crate::market::ticket::BidId;

impl Ledger {
    pub fn version(&self) -> Version {
        self.version
    }

    pub fn budget(&self, id: BudgetId, currency: Currency) -> Option<&Budget> {
        match id.day() {
            None => self.standing.get(&(id, currency)),
            Some(day) => self.days.get(&day)?.get(&(id, currency)),
        }
    }

    /// All budgets; day budgets of the latest days only.
    pub fn budgets(&self) -> impl Iterator<Item = (BudgetId, Currency, &Budget)> {
        let all = std::iter::once(&self.standing).chain(self.days.values()).flatten();
        all.map(|(&(id, currency), budget)| (id, currency, budget))
    }

    /// Every account with its balance, in order; together they are zero in every currency.
    pub fn accounts(&self) -> Vec<(Account, i64)> {
        let mut all: Vec<(Account, i64)> = self.others.iter().map(|(&a, &n)| (a, n)).collect();
        for (id, currency, budget) in self.budgets() {
            all.push((Account::Granted(id, currency), -budget.granted));
            all.push((Account::Free(id, currency), budget.free));
            all.push((Account::Held(id, currency), budget.held));
            all.push((Account::Spent(id, currency), budget.spent));
        }
        all.retain(|&(_, nanos)| nanos != 0);
        all.sort_unstable();
        all
    }

    pub fn lines(&self) -> &[LineRecord] {
        &self.lines
    }

    pub fn line(&self, line: LineId, currency: Currency) -> Option<&LineRecord> {
        self.slots.get(&(line, currency)).map(|&slot| &self.lines[slot as usize])
    }

    /// The campaign and the advertiser of a line that was opened.
    pub fn owner(&self, line: LineId, currency: Currency) -> Option<(CampaignId, AdvertiserId)> {
        self.line(line, currency)?.owner
    }

    /// Figures by line and hour, hours in order, for as long as they are kept by the hour.
    pub fn hours(&self) -> impl Iterator<Item = (Hour, &LineRecord, &Figures)> {
        self.cells(&self.hours.hours)
    }

    /// Figures by line and day (UTC, the hour it begins with) of what was folded; a day may have
    /// some hours of its own still.
    pub fn folded(&self) -> impl Iterator<Item = (Hour, &LineRecord, &Figures)> {
        self.cells(&self.hours.days)
    }

    fn cells<'l>(
        &'l self,
        stretches: &'l BTreeMap<Hour, Cells>,
    ) -> impl Iterator<Item = (Hour, &'l LineRecord, &'l Figures)> {
        stretches.iter().flat_map(move |(&hour, cells)| {
            let mut of: Vec<_> = cells.iter().collect();
            of.sort_unstable_by_key(|&(&slot, _)| slot);
            of.into_iter().map(move |(&slot, figures)| (hour, &self.lines[slot as usize], figures))
        })
    }

    /// All there ever was of a line.
    pub fn total(&self, line: LineId, currency: Currency) -> Option<&Figures> {
        self.hours.totals.get(self.slots.get(&(line, currency))?)
    }

    /// What was settled of bids whose tickets may still come, in no order.
    pub fn bids(&self) -> impl Iterator<Item = (BidId, &RecentBid)> {
        self.bids.by_id.iter().map(|(&bid, recent)| (bid, recent))
    }

    /// When the tickets of bids expire of which nothing is known any more.
    pub fn forgotten(&self) -> &Forgotten {
        &self.bids.forgotten
    }

    pub fn bid(&self, bid: BidId) -> Option<&RecentBid> {
        self.bids.by_id.get(&bid)
    }

    /// Whether funds were moved under this idempotency key.
    pub fn has_funds_key(&self, key: &str) -> bool {
        self.funds_keys.contains(key)
    }

    /// The first key under which funds were moved that begins so.
    pub fn funds_key(&self, beginning: &str) -> Option<&str> {
        let from = {
            let range = (Bound::Included(beginning), Bound::Unbounded);
            self.funds_keys.range::<str, _>(range).next()?
        };
        from.starts_with(beginning).then_some(from.as_str())
    }

    /// Whether an exchange's report with this hash was compared.
    pub fn has_report(&self, report: u64) -> bool {
        self.reports.contains(&report)
    }

    pub fn run(&self) -> &Run {
        &self.run
    }

    pub fn breaches(&self) -> &Breaches {
        &self.breaches
    }
}
