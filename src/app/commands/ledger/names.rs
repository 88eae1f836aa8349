//! What are ids called, as far as the journal says? Cold.

use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::Date;

use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::offer::ledger::{Account, BudgetId, Ledger};

/// Budgets without their day, and the keys of the campaign files.
#[derive(Default)]
pub struct Names(BTreeMap<BudgetId, String>);

impl Names {
    pub fn of(ledger: &Ledger) -> Names {
        let mut names = Names::default();
        for record in ledger.lines() {
            if let Some(owner) = record.owner {
                names.learn(record.line, owner, &record.path);
            }
        }
        names
    }

    /// `path`: `advertiser/campaign/line`.
    pub fn learn(
        &mut self,
        line: LineId,
        (campaign, advertiser): (CampaignId, AdvertiserId),
        path: &str,
    ) {
        let mut slashes = path.match_indices('/').map(|(at, _)| at);
        let (first, second) = (slashes.next(), slashes.next());
        let mut name = |id, end: Option<usize>| {
            self.0.insert(id, path[..end.unwrap_or(path.len())].to_owned());
        };
        name(BudgetId::Line(line, None), None);
        name(BudgetId::Campaign(campaign, None), second);
        name(BudgetId::Funds(advertiser), first);
    }

    pub fn line(&self, line: LineId) -> String {
        self.name(BudgetId::Line(line, None))
    }

    /// With the date of its day, in the account's calendar.
    pub fn name(&self, id: BudgetId) -> String {
        let whole = match id {
            BudgetId::Funds(_) => id,
            BudgetId::Campaign(campaign, _) => BudgetId::Campaign(campaign, None),
            BudgetId::Line(line, _) => BudgetId::Line(line, None),
        };
        let name = self.0.get(&whole).cloned().unwrap_or_else(|| whole.to_string());
        match id.day() {
            None => name,
            Some(day) => format!("{name} on {}", date(day)),
        }
    }

    pub fn account(&self, account: Account) -> String {
        match account {
            Account::Disputed(line, currency) => {
                format!("disputed of {} ({currency})", self.line(line))
            }
            other => other.to_string(),
        }
    }
}

fn date(day: i32) -> String {
    let days = Span::new().try_days(day);
    let date = days.and_then(|days| Date::constant(1970, 1, 1).checked_add(days));
    date.map_or_else(|_| format!("day {day}"), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!([0, 20_779, -1].map(date), ["1970-01-01", "2026-11-22", "1969-12-31"]);
        assert_eq!(date(i32::MAX), "day 2147483647");
    }
}
