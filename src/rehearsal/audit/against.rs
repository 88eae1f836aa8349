//! Does the ledger say what the audit says? The one file here that knows both. Cold.

use std::collections::{BTreeMap, BTreeSet};

use super::{Audit, Key, Of, Side};
use crate::offer::ledger::{Account, BudgetId, DAYS_KEPT, Ledger};

/// Where a ledger says otherwise than the audit, in words; `of` names the ledger.
pub fn differences(of: &str, audited: &Audit, ledger: &Ledger) -> Vec<String> {
    let mut differences = Vec::new();
    let version = ledger.version();
    if (version.entries, version.head) != (audited.entries, audited.head) {
        let (theirs, ours) = (version.entries, audited.entries);
        differences.push(format!("{of}: {theirs} entries where the audit read {ours}"));
    }
    let kept: BTreeMap<Key, i128> = ledger
        .accounts()
        .into_iter()
        .map(|(account, nanos)| (key(account), nanos.into()))
        .collect();
    let days: BTreeSet<i32> = ledger.budgets().filter_map(|(id, _, _)| id.day()).collect();
    let since = if days.len() < DAYS_KEPT { None } else { days.first().copied() };
    // A ledger keeps the latest days only.
    let dropped = |key: &Key| key.of.day().is_some_and(|day| since.is_some_and(|s| day < s));
    let keys: BTreeSet<&Key> = kept.keys().chain(audited.balances.keys()).collect();
    for key in keys {
        let (theirs, ours) = (kept.get(key).copied(), audited.balances.get(key).copied());
        if theirs != ours && !(theirs.is_none() && dropped(key)) {
            let (theirs, ours) = (theirs.unwrap_or(0), ours.unwrap_or(0));
            differences.push(format!("{of}: {key} is {theirs} nanos, the journal says {ours}"));
        }
    }
    differences
}

fn key(account: Account) -> Key {
    let (side, of) = match account {
        Account::Bank(_) => (Side::Bank, Of::All),
        Account::WrittenOff(_) => (Side::WrittenOff, Of::All),
        Account::Claimed(_) => (Side::Claimed, Of::All),
        Account::Disputed(line, _) => (Side::Disputed, Of::Line(line.0)),
        Account::Granted(id, _) => (Side::Granted, of(id)),
        Account::Free(id, _) => (Side::Free, of(id)),
        Account::Held(id, _) => (Side::Held, of(id)),
        Account::Spent(id, _) => (Side::Spent, of(id)),
    };
    Key { side, of, currency: account.currency().bytes() }
}

const fn of(budget: BudgetId) -> Of {
    match budget {
        BudgetId::Funds(advertiser) => Of::Advertiser(advertiser.0),
        BudgetId::Campaign(campaign, None) => Of::Campaign(campaign.0),
        BudgetId::Campaign(campaign, Some(day)) => Of::CampaignDay(campaign.0, day),
        BudgetId::Line(line, None) => Of::Line(line.0),
        BudgetId::Line(line, Some(day)) => Of::LineDay(line.0, day),
    }
}
