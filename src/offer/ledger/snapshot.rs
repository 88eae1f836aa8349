//! How does a ledger survive without its entries? As bytes that go on where it was.
//!
//! What is written is sorted, so that equal ledgers are equal bytes. Layout: magic, then every
//! part in the order of [`Ledger::encode`], then the xxh3 of all before it; damage, another
//! version and what is left over are refused.

use std::collections::HashMap;
use std::hash::Hash;

use xxhash_rust::xxh3::xxh3_128;

use super::account::{Account, Hour};
use super::bids::{Bids, RecentBid};
use super::budget::Budget;
use super::bytes::{Cut, Put, Take};
use super::figures::{Cells, Figure, Figures, Hours, Keep};
use super::fold::{Breach, Breaches, Budgets, Ledger, LineRecord, Run, Version};
use super::forgotten::Forgotten;
use super::wire::{put_budget, take_budget};
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::market::outcome::Refusal;
use crate::market::ticket::BidId;

const MAGIC: &[u8; 8] = b"ILLDGR\x00\x02";
const SUM: usize = 16;

/// Why bytes are no snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SnapshotFault {
    #[error("not a snapshot of this version")]
    Magic,
    #[error("the snapshot's checksum does not hold")]
    Sum,
    #[error("a broken snapshot: {0}")]
    Cut(#[from] Cut),
}

impl Ledger {
    /// Everything that it is, as bytes; equal ledgers are equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 * (self.bids.by_id.len() + self.standing.len()) + 4096);
        out.raw(MAGIC);
        out.u64(self.version.entries);
        out.raw(&self.version.head);
        for bound in [self.keep.hours, self.keep.days, self.keep.cells] {
            out.u64(bound as u64);
        }
        put_run(&self.run, &mut out);
        out.u8(u8::from(self.opens));
        put_budgets(&self.standing, &mut out);
        out.count(self.days.len());
        for (&day, budgets) in &self.days {
            out.i32(day);
            put_budgets(budgets, &mut out);
        }
        out.count(self.others.len());
        for (&account, &nanos) in &self.others {
            put_other(account, &mut out);
            out.i64(nanos);
        }
        out.count(self.lines.len());
        self.lines.iter().for_each(|line| put_line(line, &mut out));
        put_bids(&self.bids, &mut out);
        for stretches in [&self.hours.hours, &self.hours.days] {
            out.count(stretches.len());
            for (&hour, cells) in stretches {
                out.u32(hour.0);
                put_cells(cells, &mut out);
            }
        }
        put_cells(&self.hours.totals, &mut out);
        out.count(self.funds_keys.len());
        self.funds_keys.iter().for_each(|key| out.text(key));
        out.count(self.reports.len());
        self.reports.iter().for_each(|&report| out.u64(report));
        put_breaches(&self.breaches, &mut out);
        let sum = xxh3_128(&out);
        out.raw(&sum.to_le_bytes());
        out
    }

    /// The ledger that was [encoded](Ledger::encode).
    pub fn decode(bytes: &[u8]) -> Result<Ledger, SnapshotFault> {
        let (head, _) = bytes.split_first_chunk::<8>().ok_or(SnapshotFault::Magic)?;
        if head != MAGIC {
            return Err(SnapshotFault::Magic);
        }
        let (body, sum) = bytes.split_last_chunk::<SUM>().ok_or(SnapshotFault::Sum)?;
        if xxh3_128(body).to_le_bytes() != *sum {
            return Err(SnapshotFault::Sum);
        }
        let mut take = Take(&body[MAGIC.len()..]);
        let ledger = take_ledger(&mut take)?;
        take.end()?;
        Ok(ledger)
    }
}

fn take_ledger(take: &mut Take<'_>) -> Result<Ledger, Cut> {
    let version = Version { entries: take.u64()?, head: take.array()? };
    let mut bound = || Ok(usize::try_from(take.u64()?).unwrap_or(usize::MAX));
    let mut ledger = Ledger::new(Keep { hours: bound()?, days: bound()?, cells: bound()? });
    ledger.version = version;
    ledger.run = take_run(take)?;
    ledger.opens = take.flag()?;
    ledger.standing = take_budgets(take)?;
    ledger.days =
        take.each(8, |take| Ok((take.i32()?, take_budgets(take)?)))?.into_iter().collect();
    ledger.others =
        take.each(12, |take| Ok((take_other(take)?, take.i64()?)))?.into_iter().collect();
    ledger.lines = take.each(14, take_line)?;
    let keys = ledger.lines.iter().zip(0..).map(|(line, slot)| ((line.line, line.currency), slot));
    ledger.slots = keys.collect();
    ledger.bids = take_bids(take)?;
    let hours = take_stretches(take)?;
    let days = take_stretches(take)?;
    ledger.hours = Hours { hours, days, totals: take_cells(take)? };
    let slots = ledger.lines.len();
    let all = ledger.hours.hours.values().chain(ledger.hours.days.values());
    if all.chain([&ledger.hours.totals]).flat_map(HashMap::keys).any(|&s| s as usize >= slots) {
        return Err(Cut::Value("line of a cell"));
    }
    let keys = take.each(2, |take| Ok(take.text()?.to_owned()))?;
    ledger.funds_keys = keys.into_iter().collect();
    ledger.reports = take.each(8, Take::u64)?.into_iter().collect();
    ledger.breaches = take_breaches(take)?;
    Ok(ledger)
}

fn put_run(run: &Run, out: &mut Vec<u8>) {
    out.u64(run.epoch);
    out.moment(run.started);
    out.u8(u8::from(run.stopped));
    out.moment(run.moment);
}

fn take_run(take: &mut Take<'_>) -> Result<Run, Cut> {
    Ok(Run {
        epoch: take.u64()?,
        started: take.moment()?,
        stopped: take.flag()?,
        moment: take.moment()?,
    })
}

fn sorted<K: Ord + Copy + Hash, V, S>(map: &HashMap<K, V, S>) -> Vec<(K, &V)> {
    let mut all: Vec<(K, &V)> = map.iter().map(|(&key, value)| (key, value)).collect();
    all.sort_unstable_by_key(|&(key, _)| key);
    all
}

fn put_budgets(budgets: &Budgets, out: &mut Vec<u8>) {
    out.count(budgets.len());
    for ((id, currency), budget) in sorted(budgets) {
        put_budget(id, out);
        out.currency(currency);
        for nanos in [budget.granted, budget.free, budget.held, budget.spent, budget.over] {
            out.i64(nanos);
        }
        out.u8(u8::from(budget.limited));
        out.moment(budget.limited_at);
    }
}

fn take_budgets(take: &mut Take<'_>) -> Result<Budgets, Cut> {
    let all = take.each(61, |take| {
        let key = (take_budget(take)?, take.currency()?);
        let budget = Budget {
            granted: take.i64()?,
            free: take.i64()?,
            held: take.i64()?,
            spent: take.i64()?,
            over: take.i64()?,
            limited: take.flag()?,
            limited_at: take.moment()?,
        };
        Ok((key, budget))
    })?;
    Ok(all.into_iter().collect())
}

/// An account that is no budget's; those are kept with their budgets.
fn put_other(account: Account, out: &mut Vec<u8>) {
    let (kind, line) = match account {
        Account::WrittenOff(_) => (1, None),
        Account::Claimed(_) => (2, None),
        Account::Disputed(line, _) => (3, Some(line)),
        _ => (0, None),
    };
    out.u8(kind);
    out.currency(account.currency());
    if let Some(line) = line {
        out.u64(line.0);
    }
}

fn take_other(take: &mut Take<'_>) -> Result<Account, Cut> {
    let (kind, currency) = (take.u8()?, take.currency()?);
    Ok(match kind {
        0 => Account::Bank(currency),
        1 => Account::WrittenOff(currency),
        2 => Account::Claimed(currency),
        3 => Account::Disputed(LineId(take.u64()?), currency),
        _ => return Err(Cut::Value("account")),
    })
}

fn put_line(line: &LineRecord, out: &mut Vec<u8>) {
    out.u64(line.line.0);
    out.currency(line.currency);
    out.u8(u8::from(line.owner.is_some()));
    if let Some((campaign, advertiser)) = line.owner {
        out.u64(campaign.0);
        out.u64(advertiser.0);
    }
    out.text(&line.path);
}

fn take_line(take: &mut Take<'_>) -> Result<LineRecord, Cut> {
    let (line, currency) = (LineId(take.u64()?), take.currency()?);
    let owner = match take.flag()? {
        true => Some((CampaignId(take.u64()?), AdvertiserId(take.u64()?))),
        false => None,
    };
    Ok(LineRecord { line, currency, owner, path: take.text()?.to_owned() })
}

fn put_bids(bids: &Bids, out: &mut Vec<u8>) {
    out.moment(bids.swept);
    out.count(bids.forgotten.stretches().len());
    for &(first, last) in bids.forgotten.stretches() {
        out.moment(first);
        out.moment(last);
    }
    out.count(bids.by_id.len());
    for (bid, recent) in sorted(&bids.by_id) {
        out.u64(bid.0);
        out.u64(recent.line.0);
        out.u32(recent.kinds);
        out.u8(u8::from(recent.charged));
        out.u8(u8::from(recent.test));
        for price in [recent.billed, recent.won] {
            out.u8(u8::from(price.is_some()));
            if let Some(nanos) = price {
                out.i64(nanos);
            }
        }
        out.u8(u8::from(recent.shown.is_some()));
        if let Some(shown) = recent.shown {
            out.moment(shown);
        }
        out.moment(recent.made);
        out.moment(recent.expires);
        out.moment(recent.last);
    }
}

fn take_bids(take: &mut Take<'_>) -> Result<Bids, Cut> {
    let swept = take.moment()?;
    let stretches = take.each(16, |take| Ok((take.moment()?, take.moment()?)))?;
    let forgotten = Forgotten::of(stretches).ok_or(Cut::Value("stretch of the forgotten"))?;
    let n = take.count(49)?;
    let mut bids = Bids { swept, forgotten, ..Bids::default() };
    bids.by_id.reserve(n);
    for _ in 0..n {
        let bid = BidId(take.u64()?);
        let recent = RecentBid {
            line: LineId(take.u64()?),
            kinds: take.u32()?,
            charged: take.flag()?,
            test: take.flag()?,
            billed: if take.flag()? { Some(take.i64()?) } else { None },
            won: if take.flag()? { Some(take.i64()?) } else { None },
            shown: if take.flag()? { Some(take.moment()?) } else { None },
            made: take.moment()?,
            expires: take.moment()?,
            last: take.moment()?,
        };
        bids.by_id.insert(bid, recent);
    }
    Ok(bids)
}

fn put_cells(cells: &Cells, out: &mut Vec<u8>) {
    out.count(cells.len());
    for (slot, figures) in sorted(cells) {
        out.u32(slot);
        let is_set = figures.counts().iter().zip(0u32..).filter(|&(&count, _)| count > 0);
        out.u32(is_set.fold(0, |mask, (_, bit)| mask | 1 << bit));
        figures.counts().iter().filter(|&&count| count > 0).for_each(|&count| out.u64(count));
        out.i64(figures.spent_nanos);
        out.i64(figures.disputed_nanos);
        out.u8(figures.refusals().len() as u8);
        for &(reason, count) in figures.refusals() {
            out.u8(reason as u8);
            out.u64(count);
        }
    }
}

fn take_cells(take: &mut Take<'_>) -> Result<Cells, Cut> {
    let n = take.count(25)?;
    let mut cells = Cells::default();
    cells.reserve(n);
    for _ in 0..n {
        let (slot, mask) = (take.u32()?, take.u32()?);
        if mask >> Figure::ALL.len() != 0 {
            return Err(Cut::Value("figure"));
        }
        let mut counts = [0; Figure::ALL.len()];
        for (bit, count) in counts.iter_mut().enumerate() {
            if mask & 1 << bit != 0 {
                *count = take.u64()?;
            }
        }
        let sums = (take.i64()?, take.i64()?);
        let mut refusals = Vec::new();
        for _ in 0..take.u8()? {
            let reason = Refusal::from_code(take.u8()?).ok_or(Cut::Value("reason"))?;
            refusals.push((reason, take.u64()?));
        }
        cells.insert(slot, Figures::from_parts(counts, sums, refusals));
    }
    Ok(cells)
}

fn take_stretches(take: &mut Take<'_>) -> Result<std::collections::BTreeMap<Hour, Cells>, Cut> {
    let all = take.each(8, |take| Ok((Hour(take.u32()?), take_cells(take)?)))?;
    Ok(all.into_iter().collect())
}

fn put_breaches(breaches: &Breaches, out: &mut Vec<u8>) {
    out.u64(breaches.count);
    out.count(breaches.named.len());
    for breach in &breaches.named {
        out.u64(breach.entry);
        put_budget(breach.budget, out);
        out.currency(breach.currency);
        out.i64(breach.nanos);
    }
}

fn take_breaches(take: &mut Take<'_>) -> Result<Breaches, Cut> {
    let count = take.u64()?;
    let named = take.each(28, |take| {
        Ok(Breach {
            entry: take.u64()?,
            budget: take_budget(take)?,
            currency: take.currency()?,
            nanos: take.i64()?,
        })
    })?;
    Ok(Breaches { count, named })
}
