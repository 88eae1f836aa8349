//! `interlude ledger entries`: what does the journal say, entry by entry? In words, or as JSON.
//!
//! Amounts are of one impression, in units of the currency; JSON has them in nanos. Cold.

use std::collections::VecDeque;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::names::Names;
use crate::app::commands::books::Books;
use crate::base::journal;
use crate::base::units::money::{Currency, Money, amount};
use crate::base::units::time::Moment;
use crate::offer::ledger::{
    Entry, Funds, Leases, Limits, NoticeEntry, Opened, Reconciled, Started, Tally,
};

/// Of a long entry so many parts are shown as text.
const SHOWN: usize = 8;

/// Prints the last `last` entries.
pub fn print(books: &Books, last: usize, is_json: bool) -> anyhow::Result<()> {
    let (mut number, mut kept) = (0_u64, VecDeque::new());
    let mut names = Names::default();
    journal::read(&books.journal, &mut |record| {
        let entry = Entry::decode(record).map_err(|why| why.to_string())?;
        number += 1;
        if let Entry::Opened(opened) = &entry {
            for line in &opened.lines {
                names.learn(line.line, (line.campaign, line.advertiser), &line.path);
            }
        }
        kept.push_back((number, entry));
        if kept.len() > last {
            kept.pop_front();
        }
        Ok(())
    })?;
    let mut out = io::stdout().lock();
    for (number, entry) in kept {
        let (at, kind) = (time(entry.moment()), kind(&entry));
        if is_json {
            let mut told = facts(&entry, &names);
            told["number"] = json!(number);
            told["at"] = json!(at);
            told["at_unix_us"] = json!(entry.moment().unix_us);
            told["kind"] = json!(kind);
            writeln!(out, "{told}")?;
        } else {
            writeln!(out, "{number:>9}  {at:<27}  {kind:<10}  {}", words(&entry, &names))?;
        }
    }
    Ok(())
}

fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Notice(_) => "notice",
        Entry::Opened(_) => "opened",
        Entry::Limits(_) => "limits",
        Entry::Leases(_) => "leases",
        Entry::Funds(_) => "funds",
        Entry::Tally(_) => "tally",
        Entry::Reconciled(_) => "reconciled",
        Entry::Started(_) => "started",
        Entry::Stopped(_) => "stopped",
    }
}

/// On one line.
fn words(entry: &Entry, names: &Names) -> String {
    match entry {
        Entry::Notice(notice) => of_notice(notice, names),
        Entry::Opened(Opened { lines, .. }) => some(lines, |line| line.path.clone()),
        Entry::Limits(Limits { limits, .. }) => some(limits, |limit| {
            let name = names.name(limit.budget);
            match limit.nanos {
                None => format!("{name} without limit"),
                Some(nanos) if limit.over == 0 => {
                    format!("{name} {}", money(nanos, limit.currency))
                }
                Some(nanos) => format!(
                    "{name} {} and at most {} more",
                    money(nanos, limit.currency),
                    amount(limit.over)
                ),
            }
        }),
        Entry::Leases(Leases { leases, .. }) => some(leases, |lease| {
            format!("{} to {}", names.name(lease.budget), money(lease.ceiling, lease.currency))
        }),
        Entry::Funds(funds) => of_funds(funds),
        Entry::Tally(Tally { lines, .. }) => some(lines, |line| {
            let mut text =
                format!("{}: {} matched, {} bids", names.line(line.line), line.matched, line.bids);
            for (why, count) in &line.refusals {
                text.push_str(&format!(", {count} {}", why.label()));
            }
            text
        }),
        Entry::Reconciled(reconciled) => of_report(reconciled, names),
        Entry::Started(Started { epoch, program, restored, .. }) => {
            let from = if *restored { ", from a backup" } else { "" };
            format!("start {epoch}, version {program}{from}")
        }
        Entry::Stopped(stopped) => format!("start {} ended in order", stopped.epoch),
    }
}

fn of_notice(notice: &NoticeEntry, names: &Names) -> String {
    let currency = notice.charged.currency;
    let mut text = format!(
        "{} of {}, bid {:016x}: {}",
        notice.kind.label(),
        names.line(notice.line),
        notice.bid.0,
        notice.effect.label()
    );
    if notice.charged.nanos != 0 {
        text.push_str(&format!(" {}", money(notice.charged.nanos, currency)));
    }
    let unpaid = notice.due_nanos - notice.charged.nanos;
    if unpaid != 0 {
        text.push_str(&format!(", {} not paid", money(unpaid, currency)));
    }
    if notice.billable {
        text.push_str(&format!(", price {}", notice.rule.label()));
    }
    if let Some(conflict) = notice.conflict {
        text.push_str(&format!(", {}", conflict.label()));
    }
    if notice.loss >= 0 {
        text.push_str(&format!(", reason {}", notice.loss));
    }
    text
}

fn of_funds(funds: &Funds) -> String {
    let Funds { kind, name, amount, key, author, memo, .. } = funds;
    let memo = if memo.is_empty() { String::new() } else { format!(": {memo}") };
    let sum = money(amount.nanos, amount.currency);
    format!("{} of {sum} for {name}, key {key}, by {author}{memo}", kind.label())
}

fn of_report(reconciled: &Reconciled, names: &Names) -> String {
    let Reconciled { exchange, report, author, lines, .. } = reconciled;
    let lines = some(lines, |line| {
        format!(
            "{} ours {} ({}), theirs {} ({})",
            names.line(line.line),
            line.ours,
            money(line.ours_nanos, line.currency),
            line.theirs,
            money(line.theirs_nanos, line.currency)
        )
    });
    format!("{exchange}, report {report:016x}, by {author}: {lines}")
}

/// The first parts, and how many there are more.
fn some<T>(parts: &[T], text: impl Fn(&T) -> String) -> String {
    let mut shown = parts.iter().take(SHOWN).map(text).collect::<Vec<_>>().join("; ");
    if parts.len() > SHOWN {
        shown.push_str(&format!("; and {} more", parts.len() - SHOWN));
    }
    shown
}

/// All of an entry, by the names of its fields.
fn facts(entry: &Entry, names: &Names) -> Value {
    match entry {
        Entry::Notice(notice) => facts_of_notice(notice, names),
        Entry::Opened(Opened { lines, .. }) => json!({
            "lines": list(lines, |line| json!({
                "line_id": line.line.to_string(), "line": line.path,
                "currency": line.currency.as_str(),
            })),
        }),
        Entry::Limits(Limits { limits, .. }) => json!({
            "limits": list(limits, |limit| json!({
                "budget": names.name(limit.budget), "budget_id": limit.budget.to_string(),
                "currency": limit.currency.as_str(), "nanos": limit.nanos, "over": limit.over,
            })),
        }),
        Entry::Leases(Leases { leases, .. }) => json!({
            "leases": list(leases, |lease| json!({
                "budget": names.name(lease.budget), "budget_id": lease.budget.to_string(),
                "currency": lease.currency.as_str(), "ceiling_nanos": lease.ceiling,
            })),
        }),
        Entry::Funds(Funds { kind, name, amount, key, author, memo, .. }) => json!({
            "movement": kind.label(), "advertiser": name, "nanos": amount.nanos,
            "currency": amount.currency.as_str(), "key": key, "author": author, "memo": memo,
        }),
        Entry::Tally(Tally { hour, lines, .. }) => json!({
            "hour": time(hour.start()),
            "lines": list(lines, |line| {
                let refusals = line.refusals.iter();
                let not_bid: serde_json::Map<String, Value> =
                    refusals.map(|(why, n)| (why.label().to_owned(), json!(n))).collect();
                json!({
                    "line": names.line(line.line), "line_id": line.line.to_string(),
                    "matched": line.matched, "bids": line.bids, "not_bid": not_bid,
                })
            }),
        }),
        Entry::Reconciled(Reconciled { exchange, report, author, lines, .. }) => json!({
            "exchange": exchange, "report": format!("{report:016x}"), "author": author,
            "lines": list(lines, |line| json!({
                "line": names.line(line.line), "line_id": line.line.to_string(),
                "currency": line.currency.as_str(),
                "ours": line.ours, "ours_nanos": line.ours_nanos,
                "theirs": line.theirs, "theirs_nanos": line.theirs_nanos,
            })),
        }),
        Entry::Started(Started { epoch, program, restored, .. }) => {
            json!({ "epoch": epoch, "program": program, "restored": restored })
        }
        Entry::Stopped(stopped) => json!({ "epoch": stopped.epoch }),
    }
}

fn facts_of_notice(notice: &NoticeEntry, names: &Names) -> Value {
    json!({
        "event": notice.kind.label(), "effect": notice.effect.label(),
        "rule": notice.rule.label(), "billable": notice.billable,
        "conflict": notice.conflict.map(|conflict| conflict.label()),
        "bid": format!("{:016x}", notice.bid.0), "line": names.line(notice.line),
        "line_id": notice.line.to_string(), "made": time(notice.made),
        "expires": time(notice.expires), "price_nanos": notice.price.nanos,
        "price_currency": notice.price.currency.as_str(),
        "currency": notice.charged.currency.as_str(), "charged_nanos": notice.charged.nanos,
        "due_nanos": notice.due_nanos, "held_nanos": notice.held_nanos,
        "loss": (notice.loss >= 0).then_some(notice.loss),
        "min_to_win_nanos": (notice.min_to_win >= 0).then_some(notice.min_to_win),
    })
}

fn list<T>(parts: &[T], facts: impl Fn(&T) -> Value) -> Vec<Value> {
    parts.iter().map(facts).collect()
}

fn money(nanos: i64, currency: Currency) -> String {
    let Money { nanos, currency } = Money::new(nanos, currency);
    format!("{} {currency}", amount(nanos))
}

/// In UTC; a moment that no calendar has is told in microseconds.
fn time(moment: Moment) -> String {
    let at = jiff::Timestamp::from_microsecond(moment.unix_us);
    at.map_or_else(|_| format!("{} us", moment.unix_us), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
    use crate::market::notice::Kind;
    use crate::offer::ledger::samples::{Chance, notice};
    use crate::offer::ledger::{BudgetId, Conflict, Effect, Lease, Limit};

    fn names() -> Names {
        let mut names = Names::default();
        names.learn(LineId(7), (CampaignId(8), AdvertiserId(9)), "cafe/always/mornings");
        names
    }

    #[test]
    fn entries_are_told_in_words() {
        let moment = Moment::from_unix_s(1_800_000_000);
        let mut paid = notice(Kind::Impression, Effect::Charged, 4_000_000);
        (paid.due_nanos, paid.billable, paid.line) = (5_000_000, true, LineId(7));
        let told = words(&Entry::Notice(paid), &names());
        let said = "impression of cafe/always/mornings, bid 000000000000004d: charged 0.004 USD, \
                    0.001 USD not paid, price as_told";
        assert_eq!(told, said);
        let mut lost = notice(Kind::Loss, Effect::Counted, 0);
        (lost.due_nanos, lost.billable, lost.loss) = (0, false, 102);
        lost.conflict = Some(Conflict::LossAfterWin);
        let told = words(&Entry::Notice(lost), &Names::default());
        assert!(told.ends_with(": counted, loss_after_win, reason 102"), "{told}");
        let currency = Currency::USD;
        let budget = BudgetId::Campaign(CampaignId(8), Some(20_779));
        let limit = |nanos, over| Limit { budget, currency, nanos, over };
        let limits = vec![limit(Some(5_500_000_000), 0), limit(Some(1), 2), limit(None, 0)];
        let told = words(&Entry::Limits(Limits { moment, limits }), &names());
        let said = "cafe/always on 2026-11-22 5.5 USD; cafe/always on 2026-11-22 0.000000001 USD \
                    and at most 0.000000002 more; cafe/always on 2026-11-22 without limit";
        assert_eq!(told, said);
        let lease = Lease { budget: BudgetId::Funds(AdvertiserId(9)), currency, ceiling: 1_000 };
        let told = words(&Entry::Leases(Leases { moment, leases: vec![lease; 11] }), &names());
        assert!(told.starts_with("cafe to 0.000001 USD; cafe"), "{told}");
        assert!(told.ends_with("; and 3 more"), "{told}");
    }

    /// Of every kind; no field is told in the words of the program's own types.
    #[test]
    fn every_entry_is_told() {
        let (entries, _) = Chance::new(3).journal(400);
        let mut kinds: Vec<&str> = entries.iter().map(kind).collect();
        for entry in &entries {
            let (told, facts) = (words(entry, &names()), facts(entry, &names()));
            assert!(!told.is_empty(), "{entry:?}");
            assert!(!told.contains(['{', '}', '\n']), "{told}");
            assert!(facts.as_object().is_some_and(|facts| !facts.is_empty()), "{facts}");
        }
        kinds.sort_unstable();
        kinds.dedup();
        assert!(kinds.len() >= 8, "{kinds:?}");
    }

    #[test]
    fn moments_are_times_wherever_they_are() {
        assert_eq!(time(Moment::from_unix_us(1_800_000_000_500_000)), "2027-01-15T08:00:00.5Z");
        assert_eq!(time(Moment::from_unix_us(i64::MAX)), "9223372036854775807 us");
    }
}
