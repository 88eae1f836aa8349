//! What do notices tell, and under which rule did their price fall? Words of the money path whose
//! numbers stand in the journal. Used by the doors, `flows::notice` and the ledger; warm.

use crate::base::stdx::labels::labels;
use crate::market::ticket::Channel;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $channel:ident;)*) => {
        labels! {
            /// What a notice tells, by its name in URLs and metrics. The number stands in the
            /// journal: append only.
            Kind { $($(#[$doc])* $variant = $name;)* }
        }

        impl Kind {
            /// Whose tickets tell it.
            pub const fn channel(self) -> Channel {
                match self { $(Kind::$variant => Channel::$channel),* }
            }
        }
    };
}

kinds! {
    Win = "win", Exchange;
    Billing = "billing", Exchange;
    Loss = "loss", Exchange;
    Impression = "impression", Player;
    Start = "start", Player;
    FirstQuartile = "firstQuartile", Player;
    Midpoint = "midpoint", Player;
    ThirdQuartile = "thirdQuartile", Player;
    Complete = "complete", Player;
    Mute = "mute", Player;
    Unmute = "unmute", Player;
    Pause = "pause", Player;
    Resume = "resume", Player;
    Skip = "skip", Player;
    Error = "error", Player;
    NotUsed = "notUsed", Player;
    Click = "click", Player;
    /// A companion was shown.
    CompanionView = "creativeView", Player;
}

impl Kind {
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.label() == name)
    }

    /// Whether it shows that the bid was won: all but a loss, an ad that was not used, and an
    /// error, which may be that of a player that tries again.
    pub const fn shows_win(self) -> bool {
        !matches!(self, Kind::Loss | Kind::NotUsed | Kind::Error)
    }
}

labels! {
    /// Which rule a price fell under. The number stands in the journal: append only.
    PriceRule {
        /// From nought to the signed price: charged as told.
        AsTold = "as_told";
        /// Above the signed price, which is charged.
        Above = "above";
        Missing = "missing";
        Unexpanded = "unexpanded";
        /// Encrypted without a key of ours, negative, or no number at all.
        Unreadable = "unreadable";
        /// Books nothing.
        Audit = "audit";
        /// It told none that counts; the price that the win had told.
        AsWon = "as_won";
        /// A player's, of an exchange whose row does not trust it; the signed price.
        Ignored = "ignored";
        /// Encrypted with our keys, but not for this bid by its time; the signed price.
        Stale = "stale";
        /// Where prices come encrypted, one that our keys do not open; the signed price.
        Undeciphered = "undeciphered";
    }
}
