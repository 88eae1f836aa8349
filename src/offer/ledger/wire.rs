//! How does an entry stand in the journal? Little endian, no padding; what is written is read for
//! ever.
//!
//! The first byte is the version: 1 is the notice of old, 88 bytes; 2 is all that is below, whose
//! second byte says which entry it is. `text` is a `u16` length and UTF-8; `list` is a `u32` count
//! and so many items; `currency` is 3 letters; `money` is a currency and `i64` nanos; a moment is
//! `i64` microseconds since 1970, an hour `u32` hours since then, a day `i32` days.
//!
//! ```text
//! 1 notice      kind u8, effect u8, rule u8, billable u8, conflict u8 (0 none, else code + 1),
//!               moment, made, day, bid u64, line u64, campaign u64 (0 none),
//!               advertiser u64 (0 none), creative u32, exchange u16, price money, charged money,
//!               due i64, held i64, expires moment, rates u64, loss i32, min to win i64
//! 2 opened      moment, list of: line u64, campaign u64, advertiser u64, currency, path text
//! 3 limits      moment, list of: budget, currency, limited u8, nanos i64, over i64
//! 4 leases      moment, list of: budget, currency, ceiling i64
//! 5 funds       kind u8, moment, advertiser u64, amount money, name text, key text,
//!               author text, memo text
//! 6 tally       moment, hour, list of: line u64, currency, matched u32, bids u32,
//!               n u8, n times: reason u8, count u32
//! 7 reconciled  moment, exchange text, report u64, author text, list of: line u64, currency,
//!               from hour, until hour, ours u64, theirs u64, ours i64, theirs i64
//! 8 started     moment, epoch u64, program text, restored u8
//! 9 stopped     moment, epoch u64
//! ```
//!
//! `budget` is a kind u8 (0 funds, 1 campaign, 2 a campaign's day, 3 line, 4 a line's day), an id
//! u64 and, for 2 and 4, a day i32.
//!
//! Version 1: version u8, kind u8, effect u8, rule u8, moment, bid u64, line u64, creative u32,
//! exchange u16, price money, charged money, held i64, expires moment, loss i32, min to win i64,
//! billable u8, three of nought. Its `made` is its moment, its day that moment's in UTC, its due
//! what was charged or, where a billable event was disputed, what was held.

mod notice;

use self::notice::{put_notice, take_notice, take_old};
use super::account::{BudgetId, Hour};
use super::bytes::{Cut, Put, Take};
use super::entry::{
    Entry, Funds, FundsKind, Lease, Leases, Limit, Limits, Opened, OpenedLine, Reconciled,
    ReconciledLine, Started, Stopped, Tally, TallyLine,
};
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::market::outcome::Refusal;

const OLD: u8 = 1;
const VERSION: u8 = 2;

/// Why bytes are no entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EntryFault {
    #[error("an entry of version {0}; this program reads 1 and 2: use the newer program")]
    Version(u8),
    #[error("an entry of kind {0}, which this program does not know: use the newer program")]
    Kind(u8),
    #[error("a broken entry: {0}")]
    Cut(#[from] Cut),
}

impl Entry {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.u8(VERSION);
        out.u8(self.tag());
        match self {
            Entry::Notice(entry) => put_notice(entry, out),
            Entry::Opened(entry) => put_opened(entry, out),
            Entry::Limits(entry) => put_limits(entry, out),
            Entry::Leases(entry) => put_leases(entry, out),
            Entry::Funds(entry) => put_funds(entry, out),
            Entry::Tally(entry) => put_tally(entry, out),
            Entry::Reconciled(entry) => put_reconciled(entry, out),
            Entry::Started(entry) => {
                out.moment(entry.moment);
                out.u64(entry.epoch);
                out.text(&entry.program);
                out.u8(u8::from(entry.restored));
            }
            Entry::Stopped(entry) => {
                out.moment(entry.moment);
                out.u64(entry.epoch);
            }
        }
    }

    /// As [`Entry::encode`], into bytes of their own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        self.encode(&mut out);
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Entry, EntryFault> {
        let mut take = Take(bytes);
        match take.u8()? {
            OLD => return Ok(Entry::Notice(take_old(take)?)),
            VERSION => {}
            version => return Err(EntryFault::Version(version)),
        }
        let entry = match take.u8()? {
            1 => Entry::Notice(take_notice(&mut take)?),
            2 => Entry::Opened(take_opened(&mut take)?),
            3 => Entry::Limits(take_limits(&mut take)?),
            4 => Entry::Leases(take_leases(&mut take)?),
            5 => Entry::Funds(take_funds(&mut take)?),
            6 => Entry::Tally(take_tally(&mut take)?),
            7 => Entry::Reconciled(take_reconciled(&mut take)?),
            8 => Entry::Started(Started {
                moment: take.moment()?,
                epoch: take.u64()?,
                program: take.text()?.to_owned(),
                restored: take.flag()?,
            }),
            9 => Entry::Stopped(Stopped { moment: take.moment()?, epoch: take.u64()? }),
            kind => return Err(EntryFault::Kind(kind)),
        };
        take.end()?;
        Ok(entry)
    }

    const fn tag(&self) -> u8 {
        match self {
            Entry::Notice(_) => 1,
            Entry::Opened(_) => 2,
            Entry::Limits(_) => 3,
            Entry::Leases(_) => 4,
            Entry::Funds(_) => 5,
            Entry::Tally(_) => 6,
            Entry::Reconciled(_) => 7,
            Entry::Started(_) => 8,
            Entry::Stopped(_) => 9,
        }
    }
}

fn put_opened(entry: &Opened, out: &mut Vec<u8>) {
    out.moment(entry.moment);
    out.count(entry.lines.len());
    for line in &entry.lines {
        out.u64(line.line.0);
        out.u64(line.campaign.0);
        out.u64(line.advertiser.0);
        out.currency(line.currency);
        out.text(&line.path);
    }
}

fn take_opened(take: &mut Take<'_>) -> Result<Opened, Cut> {
    let moment = take.moment()?;
    let lines = take.each(29, |take| {
        Ok(OpenedLine {
            line: LineId(take.u64()?),
            campaign: CampaignId(take.u64()?),
            advertiser: AdvertiserId(take.u64()?),
            currency: take.currency()?,
            path: take.text()?.to_owned(),
        })
    })?;
    Ok(Opened { moment, lines })
}

fn put_limits(entry: &Limits, out: &mut Vec<u8>) {
    out.moment(entry.moment);
    out.count(entry.limits.len());
    for limit in &entry.limits {
        put_budget(limit.budget, out);
        out.currency(limit.currency);
        out.u8(u8::from(limit.nanos.is_some()));
        out.i64(limit.nanos.unwrap_or(0));
        out.i64(limit.over);
    }
}

fn take_limits(take: &mut Take<'_>) -> Result<Limits, Cut> {
    let moment = take.moment()?;
    let limits = take.each(29, |take| {
        let (budget, currency) = (take_budget(take)?, take.currency()?);
        let (limited, nanos) = (take.flag()?, take.i64()?);
        Ok(Limit { budget, currency, nanos: limited.then_some(nanos), over: take.i64()? })
    })?;
    Ok(Limits { moment, limits })
}

fn put_leases(entry: &Leases, out: &mut Vec<u8>) {
    out.moment(entry.moment);
    out.count(entry.leases.len());
    for lease in &entry.leases {
        put_budget(lease.budget, out);
        out.currency(lease.currency);
        out.i64(lease.ceiling);
    }
}

fn take_leases(take: &mut Take<'_>) -> Result<Leases, Cut> {
    let moment = take.moment()?;
    let leases = take.each(20, |take| {
        let (budget, currency) = (take_budget(take)?, take.currency()?);
        Ok(Lease { budget, currency, ceiling: take.i64()? })
    })?;
    Ok(Leases { moment, leases })
}

pub(super) fn put_budget(budget: BudgetId, out: &mut Vec<u8>) {
    let (kind, id, day) = match budget {
        BudgetId::Funds(AdvertiserId(id)) => (0, id, None),
        BudgetId::Campaign(CampaignId(id), None) => (1, id, None),
        BudgetId::Campaign(CampaignId(id), day) => (2, id, day),
        BudgetId::Line(LineId(id), None) => (3, id, None),
        BudgetId::Line(LineId(id), day) => (4, id, day),
    };
    out.u8(kind);
    out.u64(id);
    if let Some(day) = day {
        out.i32(day);
    }
}

pub(super) fn take_budget(take: &mut Take<'_>) -> Result<BudgetId, Cut> {
    let (kind, id) = (take.u8()?, take.u64()?);
    Ok(match kind {
        0 => BudgetId::Funds(AdvertiserId(id)),
        1 => BudgetId::Campaign(CampaignId(id), None),
        2 => BudgetId::Campaign(CampaignId(id), Some(take.i32()?)),
        3 => BudgetId::Line(LineId(id), None),
        4 => BudgetId::Line(LineId(id), Some(take.i32()?)),
        _ => return Err(Cut::Value("budget")),
    })
}

fn put_funds(entry: &Funds, out: &mut Vec<u8>) {
    out.u8(entry.kind as u8);
    out.moment(entry.moment);
    out.u64(entry.advertiser.0);
    out.money(entry.amount);
    for text in [&entry.name, &entry.key, &entry.author, &entry.memo] {
        out.text(text);
    }
}

fn take_funds(take: &mut Take<'_>) -> Result<Funds, Cut> {
    Ok(Funds {
        kind: FundsKind::from_code(take.u8()?).ok_or(Cut::Value("kind of funds"))?,
        moment: take.moment()?,
        advertiser: AdvertiserId(take.u64()?),
        amount: take.money()?,
        name: take.text()?.to_owned(),
        key: take.text()?.to_owned(),
        author: take.text()?.to_owned(),
        memo: take.text()?.to_owned(),
    })
}

fn put_tally(entry: &Tally, out: &mut Vec<u8>) {
    out.moment(entry.moment);
    out.u32(entry.hour.0);
    out.count(entry.lines.len());
    for line in &entry.lines {
        out.u64(line.line.0);
        out.currency(line.currency);
        out.u32(line.matched);
        out.u32(line.bids);
        out.u8(line.refusals.len() as u8);
        for &(reason, count) in &line.refusals {
            out.u8(reason as u8);
            out.u32(count);
        }
    }
}

fn take_tally(take: &mut Take<'_>) -> Result<Tally, Cut> {
    let (moment, hour) = (take.moment()?, Hour(take.u32()?));
    let lines = take.each(20, |take| {
        let (line, currency) = (LineId(take.u64()?), take.currency()?);
        let (matched, bids) = (take.u32()?, take.u32()?);
        let mut refusals = Vec::new();
        for _ in 0..take.u8()? {
            let reason = Refusal::from_code(take.u8()?).ok_or(Cut::Value("reason"))?;
            refusals.push((reason, take.u32()?));
        }
        Ok(TallyLine { line, currency, matched, bids, refusals })
    })?;
    Ok(Tally { moment, hour, lines })
}

fn put_reconciled(entry: &Reconciled, out: &mut Vec<u8>) {
    out.moment(entry.moment);
    out.text(&entry.exchange);
    out.u64(entry.report);
    out.text(&entry.author);
    out.count(entry.lines.len());
    for line in &entry.lines {
        out.u64(line.line.0);
        out.currency(line.currency);
        out.u32(line.from.0);
        out.u32(line.until.0);
        out.u64(line.ours);
        out.u64(line.theirs);
        out.i64(line.ours_nanos);
        out.i64(line.theirs_nanos);
    }
}

fn take_reconciled(take: &mut Take<'_>) -> Result<Reconciled, Cut> {
    Ok(Reconciled {
        moment: take.moment()?,
        exchange: take.text()?.to_owned(),
        report: take.u64()?,
        author: take.text()?.to_owned(),
        lines: take.each(51, |take| {
            Ok(ReconciledLine {
                line: LineId(take.u64()?),
                currency: take.currency()?,
                from: Hour(take.u32()?),
                until: Hour(take.u32()?),
                ours: take.u64()?,
                theirs: take.u64()?,
                ours_nanos: take.i64()?,
                theirs_nanos: take.i64()?,
            })
        })?,
    })
}

#[cfg(test)]
mod tests;
