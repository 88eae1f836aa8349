//! The money path: *verify → dedupe → settle → journal → acknowledge*, one straight function.
//!
//! Called by the doors for every notice, beacon and click; warm, not hot. Nothing is acknowledged
//! before it is in the journal and on disk; a notice that comes twice is answered the same and
//! counted once, also while the first is still being written and after a restart.
//!
//! The rules, each with a counter ([`Till::rules`], [`Till::answers`], [`Till::conflicts`],
//! [`Till::hoarding`]); `docs/notices.md` has all of them in one table:
//! - One event of a bid is billable (the ticket says which); all others only count.
//! - A price counts that the exchange told, encrypted where its row says so; a player's only where
//!   the row trusts it. Above the signed bid: the signed price. None that counts (missing, an
//!   unexpanded macro, unreadable …): the price that the win told, else the signed one, as what
//!   was bid is all that is known. Nought charges nought.
//! - Told again and otherwise: the first stands; the other is recorded as a conflict.
//! - `AUDIT` books nothing and leaves the event open for the real notice.
//! - Charges are in the account's currency: the held amount times price ÷ signed price, rounded
//!   up, never above what was held; so the rate is that of the bid, and no rate is needed later.
//! - The hold has ended (late win, restart): charged if the budget still has it, else disputed.
//! - The ticket has expired: recorded, a billable event as disputed, never charged.
//! - `test: 1`: recorded, books and counts nothing.
//! - A supply that hoards wins gets no bids until they have come or expired.

mod case;
mod hoard;
mod keys;
mod price;
mod seen;
mod meeting;
mod sweep;
mod till;
mod upkeep;

pub use hoard::{HoardConfig, HoardStats};
pub use keys::{KeyFault, Secret, TicketConfig, TicketKeyConfig, ticket_keys};
pub use sweep::Sweeper;
pub use till::{OpenFault, OpenedTill, Terms, Till};
pub use upkeep::{Step, Upkeep};

pub use crate::market::notice::{Kind, PriceRule};

use crate::base::stdx::labels::labels;
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::PlayerEvent;
use crate::market::ticket::{Ticket, TicketFault};

/// Settles one notice. Returns when the answer may be given.
pub async fn settle(till: &Till, notice: &Notice<'_>) -> Settlement {
    let verdict = till.verify(notice);
    let (ticket, late) = match verdict {
        Ok(ticket) => (ticket, false),
        Err(TicketFault::Expired(ticket)) => (ticket, true),
        Err(fault) => return till.refused(notice.kind, fault),
    };
    let entered = till.enter(notice, &ticket, late);
    let settled = match entered.durable {
        None => entered.settled,
        Some(durable) => match durable.await {
            Ok(()) => {
                till.is_durable(ticket.bid, notice.kind);
                entered.settled
            }
            Err(_) => Settled::Unavailable,
        },
    };
    till.answered(notice.kind, settled);
    Settlement { settled, ticket: Some(ticket) }
}

/// What came in, as text, and when.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    pub kind: Kind,
    pub ticket: &'a str,
    /// The value of `price`, percent-decoded; empty where there is none.
    pub price: &'a str,
    /// The value of `loss`: AdCOM loss reason.
    pub loss: &'a str,
    /// The value of `min`: the price to win or tie.
    pub min_to_win: &'a str,
    pub moment: Moment,
}

/// The answer, and what the ticket said when it was genuine (expired ones too): a click is
/// led on by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Settlement {
    pub settled: Settled,
    pub ticket: Option<Ticket>,
}

labels! {
    /// How a notice ended.
    Settled {
        Counted = "counted";
        /// The same event of the same bid was settled before.
        Duplicate = "duplicate";
        /// The ticket has expired: recorded, not charged.
        Late = "late";
        /// Billable, in time, but no money is left: recorded, not charged.
        Disputed = "disputed";
        /// An audit of the URL; nothing is booked.
        Audit = "audit";
        Malformed = "malformed";
        UnknownKey = "unknown_key";
        Forged = "forged";
        WrongChannel = "wrong_channel";
        /// Cannot be made durable now; the sender should try again (503).
        Unavailable = "unavailable";
    }
}

impl Settled {
    /// Answered 2xx: the sender need not come again.
    pub const fn acknowledged(self) -> bool {
        matches!(
            self,
            Settled::Counted
                | Settled::Duplicate
                | Settled::Late
                | Settled::Disputed
                | Settled::Audit
        )
    }
}

impl Kind {
    /// The beacon of a VAST event.
    pub const fn of(event: PlayerEvent) -> Kind {
        match event {
            PlayerEvent::Impression => Kind::Impression,
            PlayerEvent::Start => Kind::Start,
            PlayerEvent::FirstQuartile => Kind::FirstQuartile,
            PlayerEvent::Midpoint => Kind::Midpoint,
            PlayerEvent::ThirdQuartile => Kind::ThirdQuartile,
            PlayerEvent::Complete => Kind::Complete,
            PlayerEvent::Mute => Kind::Mute,
            PlayerEvent::Unmute => Kind::Unmute,
            PlayerEvent::Pause => Kind::Pause,
            PlayerEvent::Resume => Kind::Resume,
            PlayerEvent::Skip => Kind::Skip,
            PlayerEvent::Error => Kind::Error,
            PlayerEvent::NotUsed => Kind::NotUsed,
        }
    }
}

/// Limits of the money path.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the journal is, relative to the data folder.
    pub dir: String,
    pub journal: crate::base::journal::Config,
    /// Bids whose notices are remembered, so that none counts twice. When three quarters are in
    /// use losses, and when all are every first notice, is answered 503.
    pub seen_max: usize,
    /// How long after its ticket's expiry a bid's notices are remembered.
    pub late_keep_s: u32,
    pub tickets: TicketConfig,
    pub hoard: HoardConfig,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            dir: "journal".to_owned(),
            journal: crate::base::journal::Config::default(),
            seen_max: 1 << 22,
            late_keep_s: 600,
            tickets: TicketConfig::default(),
            hoard: HoardConfig::default(),
        }
    }
}

impl Config {
    /// Each relation between bounds that does not hold.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut faults = self.journal.faults();
        if !(1024..=1 << 28).contains(&self.seen_max) {
            faults.push("notice.seen_max: from 1024 to 268435456");
        }
        if self.hoard.share_pct > 100 {
            faults.push("notice.hoard.share_pct: at most 100");
        }
        if !(1..=86_400).contains(&self.hoard.age_s) {
            faults.push("notice.hoard.age_s: from 1 to 86400");
        }
        faults
    }
}

#[cfg(test)]
mod tests;
