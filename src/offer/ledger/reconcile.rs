//! Does an exchange count as we do? Its own delivery report (CSV) beside what the journal says.
//!
//! By `interlude reconcile` and the admin port; pure, cold. A row names a bid (its id, or a
//! ticket), or a line and an hour; each gets a verdict, and what is ours in the hours of the report
//! and is not in it gets one, too. A bad row refuses the whole report: nothing is half-applied.

mod claims;
mod settle;
mod told;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::account::Hour;
use super::entry::{Effect, Entry};
use super::fold::Ledger;
use crate::base::units::ids::{AdvertiserId, LineId};
use crate::base::units::money::Currency;
use crate::market::exchange::ExchangeIx;
use crate::market::ticket::BidId;

pub use claims::{Bounds, Claim, Columns, Named, RowFault, read};
pub use settle::{Booking, entries, name_of, report_hash};
pub use told::json;

/// What is ours under a name that the report has, or may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    pub impressions: u64,
    pub nanos: i64,
}

/// Charges of one exchange, as the journal has them.
#[derive(Default)]
pub struct Ours {
    exchange: Option<ExchangeIx>,
    bids: HashMap<BidId, Option<(LineId, Currency, Count)>>,
    hours: BTreeMap<(LineId, Hour), (Currency, Count)>,
    /// Of the report, where it has lines and hours.
    span: Option<(Hour, Hour)>,
}

/// How a row compares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    Equal,
    TheirsMore,
    OursMore,
    /// We know of no charge under this name.
    Unknown,
    /// We charged it, and they do not list it.
    NotListed,
}

impl Verdict {
    pub const ALL: [Verdict; 5] = [
        Verdict::Equal,
        Verdict::TheirsMore,
        Verdict::OursMore,
        Verdict::Unknown,
        Verdict::NotListed,
    ];

    pub const fn label(self) -> &'static str {
        match self {
            Verdict::Equal => "equal",
            Verdict::TheirsMore => "theirs_more",
            Verdict::OursMore => "ours_more",
            Verdict::Unknown => "unknown",
            Verdict::NotListed => "not_listed",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compared {
    /// The row of the report; `None`: it is not listed there.
    pub row: Option<u64>,
    pub named: Named,
    pub line: Option<LineId>,
    pub currency: Option<Currency>,
    pub theirs: Count,
    pub ours: Count,
    pub verdict: Verdict,
}

impl Ours {
    /// Looks for what the claims name; [`Ours::entry`] is then to be given the whole journal.
    pub fn sought(exchange: ExchangeIx, claims: &[Claim]) -> Ours {
        let mut ours = Ours { exchange: Some(exchange), ..Ours::default() };
        for claim in claims {
            match claim.named {
                Named::Bid(bid) => {
                    ours.bids.insert(bid, None);
                }
                Named::Hour(_, hour) => {
                    let (from, to) = ours.span.unwrap_or((hour, hour));
                    ours.span = Some((from.min(hour), to.max(hour)));
                }
            }
        }
        ours
    }

    pub fn entry(&mut self, entry: &Entry) {
        let Entry::Notice(notice) = entry else { return };
        if notice.effect != Effect::Charged || Some(notice.exchange) != self.exchange {
            return;
        }
        let (currency, nanos) = (notice.charged.currency, notice.charged.nanos);
        if let Some(found) = self.bids.get_mut(&notice.bid) {
            *found = Some((notice.line, currency, Count { impressions: 1, nanos }));
        }
        let hour = Hour::of(notice.made);
        if self.span.is_some_and(|(from, to)| from <= hour && hour <= to) {
            let (_, count) =
                self.hours.entry((notice.line, hour)).or_insert((currency, Count::default()));
            count.impressions += 1;
            count.nanos = count.nanos.saturating_add(nanos);
        }
    }

    /// A verdict for every row, and for what is ours and is not listed.
    pub fn compare(&self, claims: &[Claim]) -> Vec<Compared> {
        let mut compared: Vec<Compared> = claims.iter().map(|claim| self.verdict(claim)).collect();
        let listed: HashSet<&Named> = claims.iter().map(|claim| &claim.named).collect();
        for (&(line, hour), &(currency, ours)) in &self.hours {
            let named = Named::Hour(line, hour);
            if !listed.contains(&named) {
                compared.push(Compared {
                    row: None,
                    named,
                    line: Some(line),
                    currency: Some(currency),
                    theirs: Count::default(),
                    ours,
                    verdict: Verdict::NotListed,
                });
            }
        }
        compared
    }

    fn verdict(&self, claim: &Claim) -> Compared {
        let known = match claim.named {
            Named::Bid(bid) => self.bids.get(&bid).copied().flatten(),
            Named::Hour(line, hour) => {
                let known = self.hours.get(&(line, hour));
                known.map(|&(currency, count)| (line, currency, count))
            }
        };
        // In another currency nothing can be compared: it is no charge of ours.
        let known = known.filter(|(_, own, _)| claim.currency.is_none_or(|told| told == *own));
        let (line, currency) = (known.map(|(line, ..)| line), known.map(|(_, own, _)| own));
        let ours = known.map_or(Count::default(), |(.., count)| count);
        let theirs =
            Count { impressions: claim.impressions, nanos: claim.nanos.unwrap_or(ours.nanos) };
        let order = theirs.nanos.cmp(&ours.nanos);
        let verdict = match order.then(theirs.impressions.cmp(&ours.impressions)) {
            _ if known.is_none() => Verdict::Unknown,
            std::cmp::Ordering::Equal => Verdict::Equal,
            std::cmp::Ordering::Greater => Verdict::TheirsMore,
            std::cmp::Ordering::Less => Verdict::OursMore,
        };
        let row = Some(claim.row);
        Compared { row, named: claim.named, line, currency, theirs, ours, verdict }
    }
}

/// What corrections make both sides equal: to each advertiser what was charged and is not billed,
/// below nought what is billed and was not charged. What is unknown to us has no account.
pub fn corrections(
    compared: &[Compared],
    ledger: &Ledger,
) -> BTreeMap<(AdvertiserId, Currency), i64> {
    let mut sums = BTreeMap::new();
    for row in compared.iter().filter(|row| row.verdict != Verdict::Unknown) {
        let (Some(line), Some(currency)) = (row.line, row.currency) else { continue };
        let Some((_, advertiser)) = ledger.owner(line, currency) else { continue };
        let sum: &mut i64 = sums.entry((advertiser, currency)).or_default();
        *sum = sum.saturating_add(row.ours.nanos.saturating_sub(row.theirs.nanos));
    }
    sums.retain(|_, nanos| *nanos != 0);
    sums
}

#[cfg(test)]
mod tests;
