//! What can be written down? The nouns of the journal; how they stand as bytes is in `wire.rs`.

use super::account::{BudgetId, Day, Hour};
use crate::base::stdx::labels::labels;
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;
use crate::market::notice::{Kind, PriceRule};
use crate::market::outcome::Refusal;
use crate::market::ticket::BidId;

/// One record of the money journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A notice took effect.
    Notice(NoticeEntry),
    /// Lines were published for the first time, or under a new name.
    Opened(Opened),
    /// Budgets got other limits.
    Limits(Limits),
    /// Bids may commit up to these amounts from now on.
    Leases(Leases),
    /// Funds were paid in, paid back or corrected.
    Funds(Funds),
    /// What was counted of bids since the last tally.
    Tally(Tally),
    /// An exchange's own delivery report was compared.
    Reconciled(Reconciled),
    /// A process began to serve from this journal.
    Started(Started),
    /// It ended in order.
    Stopped(Stopped),
}

labels! {
    /// What a notice did. The number stands in the journal: append only.
    Effect {
        Counted = "counted";
        Charged = "charged";
        /// Billable and in time, but the money was gone.
        Disputed = "disputed";
        /// After the ticket's expiry.
        Late = "late";
        /// `test: 1`
        Test = "test";
        /// Told before, and otherwise: the first stands, this one is only recorded.
        Conflict = "conflict";
    }
}

labels! {
    /// What did not fit what was told before. The number stands in the journal: append only.
    Conflict {
        /// The same event with another price.
        Price = "price";
        /// A loss of a bid that had won.
        LossAfterWin = "loss_after_win";
        /// A sign of a win of a bid that had lost.
        WinAfterLoss = "win_after_loss";
    }
}

/// What an entry says of a rate table's id: enough to find it among those that were in use.
pub fn rates_mark(id: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id.as_bytes())
}

/// A notice, and what it did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoticeEntry {
    pub kind: Kind,
    pub effect: Effect,
    pub rule: PriceRule,
    /// When it came.
    pub moment: Moment,
    /// When the bid was made: its hour of the reports.
    pub made: Moment,
    /// The day of the account's calendar in which the bid was made: its day's budgets.
    pub day: Day,
    pub bid: BidId,
    pub line: LineId,
    /// `None` in entries of version 1.
    pub campaign: Option<CampaignId>,
    pub advertiser: Option<AdvertiserId>,
    pub creative: u32,
    pub exchange: ExchangeIx,
    /// What the notice reported, in the currency of the bid; the signed price where it did not.
    pub price: Money,
    /// What was charged, in the account's currency; nought unless it was charged.
    pub charged: Money,
    /// What a billable event came to, in the account's currency; nought for all others. What of
    /// it was not charged is disputed.
    pub due_nanos: i64,
    /// What was held for the bid, in the account's currency.
    pub held_nanos: i64,
    pub expires: Moment,
    /// [`rates_mark`] of the rate table by which the hold was converted; 0 where none was
    /// needed, or it is not known.
    pub rates: u64,
    /// AdCOM loss reason; −1 where none was told.
    pub loss: i32,
    /// Price to win or tie, in the currency of the bid; −1 where none was told.
    pub min_to_win: i64,
    /// This was the billable event of its bid.
    pub billable: bool,
    pub conflict: Option<Conflict>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    pub moment: Moment,
    pub lines: Vec<OpenedLine>,
}

/// Who a line is: what reports print, and whose budgets it counts against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenedLine {
    pub line: LineId,
    pub campaign: CampaignId,
    pub advertiser: AdvertiserId,
    /// The account's.
    pub currency: Currency,
    /// `advertiser/campaign/line`, the keys of the campaign file.
    pub path: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    pub moment: Moment,
    pub limits: Vec<Limit>,
}

/// What a budget may spend. Absolute: says what is, not by how much it changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    pub budget: BudgetId,
    pub currency: Currency,
    /// `None`: without limit. For [`BudgetId::Funds`] `Some(0)` says *prepaid*: what was paid in
    /// is the limit.
    pub nanos: Option<i64>,
    /// How much beyond the limit may be leased: the declared bound of an expected budget; 0 for a
    /// strict one.
    pub over: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leases {
    pub moment: Moment,
    pub leases: Vec<Lease>,
}

/// A budget may be committed up to `ceiling`. Absolute, spent included; lower than before when
/// bids let go of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    pub budget: BudgetId,
    pub currency: Currency,
    pub ceiling: i64,
}

labels! {
    /// How funds moved. The number stands in the journal: append only.
    FundsKind {
        TopUp = "top-up";
        Refund = "refund";
        /// Given (above zero) or taken (below) without a payment.
        Correction = "correction";
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Funds {
    pub kind: FundsKind,
    pub moment: Moment,
    pub advertiser: AdvertiserId,
    /// The advertiser's key in its campaign file.
    pub name: String,
    /// Above zero for top-ups and refunds.
    pub amount: Money,
    /// Idempotency: of two entries with one key the second is refused.
    pub key: String,
    pub author: String,
    pub memo: String,
}

/// Counts since the tally before, for lines that had any.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    pub moment: Moment,
    pub hour: Hour,
    pub lines: Vec<TallyLine>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TallyLine {
    pub line: LineId,
    pub currency: Currency,
    /// Requests whose facts met its targeting.
    pub matched: u32,
    pub bids: u32,
    /// Why it did not bid, each reason at most once.
    pub refusals: Vec<(Refusal, u32)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reconciled {
    pub moment: Moment,
    /// The exchange's key.
    pub exchange: String,
    /// Hash of the report's bytes: the same report is compared once.
    pub report: u64,
    pub author: String,
    pub lines: Vec<ReconciledLine>,
}

/// What both sides count of a line in `from..until`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReconciledLine {
    pub line: LineId,
    pub currency: Currency,
    pub from: Hour,
    pub until: Hour,
    pub ours: u64,
    pub theirs: u64,
    pub ours_nanos: i64,
    pub theirs_nanos: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Started {
    pub moment: Moment,
    /// Counts the starts; part of every bid id, so that ids are not used again.
    pub epoch: u64,
    /// The program's version.
    pub program: String,
    /// The data folder was restored from a backup.
    pub restored: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped {
    pub moment: Moment,
    pub epoch: u64,
}

impl Entry {
    pub fn moment(&self) -> Moment {
        match self {
            Entry::Notice(entry) => entry.moment,
            Entry::Opened(entry) => entry.moment,
            Entry::Limits(entry) => entry.moment,
            Entry::Leases(entry) => entry.moment,
            Entry::Funds(entry) => entry.moment,
            Entry::Tally(entry) => entry.moment,
            Entry::Reconciled(entry) => entry.moment,
            Entry::Started(entry) => entry.moment,
            Entry::Stopped(entry) => entry.moment,
        }
    }
}
