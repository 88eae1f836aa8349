//! Which accounts are there? Budgets, and what each of them has free, held and spent.
//!
//! Every budget is a book of its own: what it was granted is free, held (leased to bids) or spent.

use std::fmt;

use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;

/// A day of an account's calendar (`base/units/calendar.rs`).
pub type Day = i32;

/// What a bid counts against. A day's budget is that of one day of the account's calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BudgetId {
    /// What the advertiser has paid in.
    Funds(AdvertiserId),
    Campaign(CampaignId, Option<Day>),
    Line(LineId, Option<Day>),
}

impl BudgetId {
    pub const fn day(self) -> Option<Day> {
        match self {
            BudgetId::Funds(_) => None,
            BudgetId::Campaign(_, day) | BudgetId::Line(_, day) => day,
        }
    }
}

impl fmt::Display for BudgetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BudgetId::Funds(advertiser) => write!(f, "advertiser {advertiser}")?,
            BudgetId::Campaign(campaign, _) => write!(f, "campaign {campaign}")?,
            BudgetId::Line(line, _) => write!(f, "line {line}")?,
        }
        self.day().map_or(Ok(()), |day| write!(f, " day {day}"))
    }
}

/// Where money can stand. Each is kept in one currency; the postings of a transaction sum to zero
/// in each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Account {
    /// The world outside: where an advertiser's funds come from and go back to.
    Bank(Currency),
    /// What was given and taken by correction.
    WrittenOff(Currency),
    /// What exchanges claim for events that no budget paid.
    Claimed(Currency),
    /// The other side of `Claimed`, for each line.
    Disputed(LineId, Currency),
    /// The limit of a budget, below zero: what it was granted came from here.
    Granted(BudgetId, Currency),
    /// Neither held nor spent. Below zero without a limit, or where a limit was lowered.
    Free(BudgetId, Currency),
    /// Leased to bids: what may be spent without asking again. Never below zero.
    Held(BudgetId, Currency),
    /// Charged.
    Spent(BudgetId, Currency),
}

impl Account {
    pub const fn currency(self) -> Currency {
        match self {
            Account::Bank(currency)
            | Account::WrittenOff(currency)
            | Account::Claimed(currency)
            | Account::Disputed(_, currency)
            | Account::Granted(_, currency)
            | Account::Free(_, currency)
            | Account::Held(_, currency)
            | Account::Spent(_, currency) => currency,
        }
    }
}

impl Account {
    /// The budget that it is part of.
    pub const fn budget(self) -> Option<(BudgetId, Currency)> {
        match self {
            Account::Granted(id, currency)
            | Account::Free(id, currency)
            | Account::Held(id, currency)
            | Account::Spent(id, currency) => Some((id, currency)),
            _ => None,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Bank(_) => write!(f, "bank")?,
            Account::WrittenOff(_) => write!(f, "written off")?,
            Account::Claimed(_) => write!(f, "claimed")?,
            Account::Disputed(line, _) => write!(f, "disputed of line {line}")?,
            Account::Granted(budget, _) => write!(f, "granted of {budget}")?,
            Account::Free(budget, _) => write!(f, "free of {budget}")?,
            Account::Held(budget, _) => write!(f, "held of {budget}")?,
            Account::Spent(budget, _) => write!(f, "spent of {budget}")?,
        }
        write!(f, " ({})", self.currency())
    }
}

/// An hour of the world's clock: hours since 1970-01-01T00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Hour(pub u32);

impl Hour {
    pub fn of(moment: Moment) -> Hour {
        Hour(u32::try_from(moment.unix_s().div_euclid(3600).max(0)).unwrap_or(u32::MAX))
    }

    pub const fn start(self) -> Moment {
        Moment::from_unix_s(self.0 as i64 * 3600)
    }

    /// The hour in which its day (UTC) begins.
    pub const fn midnight(self) -> Hour {
        Hour(self.0 - self.0 % 24)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_begins_on_the_hour_and_its_day_at_midnight() {
        let moment = Moment::from_unix_s(86_400 * 3 + 3600 * 5 + 59);
        assert_eq!(Hour::of(moment), Hour(77));
        assert_eq!(Hour(77).start(), Moment::from_unix_s(77 * 3600));
        assert_eq!((Hour(77).midnight(), Hour(72).midnight()), (Hour(72), Hour(72)));
        assert_eq!(Hour::of(Moment::from_unix_us(-1)), Hour(0));
        assert_eq!(Hour::of(Moment::from_unix_us(i64::MAX)), Hour(2_562_047_788));
    }

    #[test]
    fn a_budget_says_which_it_is() {
        let line = BudgetId::Line(LineId(10), Some(-3));
        assert_eq!(
            (line.day(), line.to_string()),
            (Some(-3), "line 000000000000000a day -3".into())
        );
        let funds = BudgetId::Funds(AdvertiserId(1));
        assert_eq!((funds.day(), funds.to_string()), (None, "advertiser 0000000000000001".into()));
        let campaign = BudgetId::Campaign(CampaignId(2), None);
        assert_eq!(
            (campaign.day(), campaign.to_string()),
            (None, "campaign 0000000000000002".into())
        );
    }

    #[test]
    fn an_account_says_whose_it_is() {
        let (usd, line) = (Currency::USD, BudgetId::Line(LineId(10), None));
        for (account, text) in [
            (Account::Bank(usd), "bank (USD)"),
            (Account::WrittenOff(Currency::EUR), "written off (EUR)"),
            (Account::Claimed(usd), "claimed (USD)"),
            (Account::Disputed(LineId(10), usd), "disputed of line 000000000000000a (USD)"),
            (Account::Granted(line, usd), "granted of line 000000000000000a (USD)"),
            (Account::Free(line, usd), "free of line 000000000000000a (USD)"),
            (Account::Held(line, usd), "held of line 000000000000000a (USD)"),
            (Account::Spent(line, usd), "spent of line 000000000000000a (USD)"),
        ] {
            assert_eq!(account.to_string(), text);
            let of_budget = text.starts_with(['g', 'f', 'h', 's']);
            assert_eq!(account.budget(), of_budget.then_some((line, usd)), "{text}");
        }
        assert_eq!(Account::WrittenOff(Currency::EUR).currency(), Currency::EUR);
    }
}
