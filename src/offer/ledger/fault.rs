//! What contradicts a ledger?

use super::account::Account;
use super::wire::EntryFault;
use crate::base::units::ids::LineId;
use crate::base::units::money::Currency;
use crate::market::ticket::BidId;

/// Why an entry cannot follow those before it. Nothing of it was applied.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LedgerFault {
    #[error(transparent)]
    Entry(#[from] EntryFault),
    #[error("bid {:016x} is charged twice", .bid.0)]
    ChargedTwice { bid: BidId },
    #[error("item {at} of the entry speaks of what one before it speaks of")]
    Twice { at: usize },
    #[error("line {line} is charged, but was never opened")]
    UnknownLine { line: LineId },
    #[error("line {line} is said to be of another campaign or advertiser than before")]
    OtherOwner { line: LineId },
    #[error("{account} would stand at {nanos}, below zero")]
    Negative { account: Account, nanos: i64 },
    #[error("{account} would be beyond what 64 bits hold")]
    Overflow { account: Account },
    #[error("the postings in {currency} sum to {sum}, not to zero")]
    Unbalanced { currency: Currency, sum: i128 },
    #[error("{what} of {nanos} nanos: no such amount, or without a key")]
    Amount { what: &'static str, nanos: i64 },
    #[error("funds of {name}: {free} nanos are free, {asked} are asked for")]
    FundsShort { name: String, free: i64, asked: i64 },
    #[error("the key {key} was used before: this movement of funds is booked already")]
    KeyTwice { key: String },
}
