//! What is written down of a comparison? Corrections that make both sides equal, and that the
//! report was compared.
//!
//! Cold. Every entry is safe to repeat: a correction's key holds the report's hash, and the report
//! is marked as compared at the end.

use std::collections::BTreeMap;

use super::{Compared, Named, corrections};
use crate::base::units::ids::{AdvertiserId, LineId};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::offer::ledger::Ledger;
use crate::offer::ledger::account::Hour;
use crate::offer::ledger::entry::{Entry, Funds, FundsKind, Reconciled, ReconciledLine};

/// Lines that one entry holds: well below the journal's longest record.
const LINES_MAX: usize = 400;

/// Whose report it is, and who books it.
pub struct Booking<'b> {
    pub exchange: &'b str,
    /// Of the report's bytes.
    pub report: u64,
    pub author: &'b str,
    pub moment: Moment,
}

/// Which report this is.
pub fn report_hash(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// The entries that are still to be written, in order; none for a report that was booked.
pub fn entries(compared: &[Compared], ledger: &Ledger, booking: &Booking<'_>) -> Vec<Entry> {
    if ledger.has_report(booking.report) {
        return Vec::new();
    }
    let sums = corrections(compared, ledger).into_iter();
    let funds = sums.map(|((advertiser, currency), nanos)| {
        let Booking { exchange, report, author, moment } = booking;
        Funds {
            kind: FundsKind::Correction,
            moment: *moment,
            advertiser,
            name: name_of(ledger, advertiser),
            amount: Money::new(nanos, currency),
            key: format!("reconcile-{report:016x}-{advertiser}-{currency}"),
            author: (*author).to_owned(),
            memo: format!("{exchange}: report {report:016x}"),
        }
    });
    let funds = funds.filter(|funds| !ledger.has_funds_key(&funds.key)).map(Entry::Funds);
    let lines: Vec<ReconciledLine> = lines(compared);
    let reconciled = lines.chunks(LINES_MAX).map(|lines| {
        Entry::Reconciled(Reconciled {
            moment: booking.moment,
            exchange: booking.exchange.to_owned(),
            report: booking.report,
            author: booking.author.to_owned(),
            lines: lines.to_vec(),
        })
    });
    funds.chain(reconciled).collect()
}

/// The key by which the advertiser's lines are known.
pub fn name_of(ledger: &Ledger, advertiser: AdvertiserId) -> String {
    let mut lines = ledger.lines().iter();
    let line = lines.find(|line| line.owner.is_some_and(|(_, owner)| owner == advertiser));
    let name = line.and_then(|line| line.path.split('/').next());
    name.map_or_else(|| advertiser.to_string(), str::to_owned)
}

/// Both sides by line.
fn lines(compared: &[Compared]) -> Vec<ReconciledLine> {
    let mut lines: BTreeMap<(LineId, Currency), ReconciledLine> = BTreeMap::new();
    for row in compared {
        let (Some(line), Some(currency)) = (row.line, row.currency) else { continue };
        let (from, until) = match row.named {
            Named::Hour(_, hour) => (hour, Hour(hour.0.saturating_add(1))),
            Named::Bid(_) => (Hour::default(), Hour::default()),
        };
        let nought = ReconciledLine {
            line,
            currency,
            from,
            until,
            ours: 0,
            theirs: 0,
            ours_nanos: 0,
            theirs_nanos: 0,
        };
        let sum = lines.entry((line, currency)).or_insert(nought);
        sum.from = sum.from.min(from);
        sum.until = sum.until.max(until);
        sum.ours += row.ours.impressions;
        sum.theirs += row.theirs.impressions;
        sum.ours_nanos = sum.ours_nanos.saturating_add(row.ours.nanos);
        sum.theirs_nanos = sum.theirs_nanos.saturating_add(row.theirs.nanos);
    }
    lines.into_values().collect()
}
