//! Whose money is it, and where did it go? The entries of the journal, and what they come to.
//!
//! The journal is money's only truth. Its records are [`Entry`]s; everything else here is a pure
//! fold of them: no I/O, no clock, no float. Written by `flows::notice` and `delivery`, read at
//! start, by reports and by tools; warm and cold, never on the bid path.

mod account;
mod bids;
mod budget;
mod bytes;
mod entry;
mod fault;
mod figures;
mod fold;
mod follower;
mod forgotten;
mod questions;
pub mod reconcile;
pub mod report;
mod snapshot;
mod snapshots;
mod transaction;
mod wire;

pub use account::{Account, BudgetId, Day, Hour};
pub use bids::RecentBid;
pub use budget::Budget;
pub use bytes::Cut;
pub use entry::{
    Conflict, Effect, Entry, Funds, FundsKind, Lease, Leases, Limit, Limits, NoticeEntry, Opened,
    OpenedLine, Reconciled, ReconciledLine, Started, Stopped, Tally, TallyLine, rates_mark,
};
pub use fault::LedgerFault;
pub use figures::{Figure, Figures, Keep};
pub use fold::{Breach, Breaches, DAYS_KEPT, Ledger, LineRecord, Run, Version};
pub use follower::{Follower, Following, FundFault};
pub use forgotten::Forgotten;
pub use snapshot::SnapshotFault;
pub use snapshots::{Config, Snapshots, Start};
pub use transaction::{Posting, Transaction};
pub use wire::EntryFault;

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests;
