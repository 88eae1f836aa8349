//! Which part of a bid's way is it on? The words that times are told in.
//!
//! Said by `flows::decide` as it goes, timed by who serves it; hot.

/// In the order of the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// From the end of the head: its turn, the body, inflating it.
    Wait,
    Decode,
    /// Who listens, what is permitted, profile, place, facts and slots.
    Enrich,
    /// The lines that want this moment and may bid.
    Match,
    /// Whose bids go out, and their holds.
    Auction,
    /// VAST, tickets and the answer's bytes.
    Render,
    Record,
}

impl Step {
    pub const ALL: [Step; 7] = [
        Step::Wait,
        Step::Decode,
        Step::Enrich,
        Step::Match,
        Step::Auction,
        Step::Render,
        Step::Record,
    ];

    /// As metrics and pages call it.
    pub const fn label(self) -> &'static str {
        match self {
            Step::Wait => "wait",
            Step::Decode => "decode",
            Step::Enrich => "enrich",
            Step::Match => "match",
            Step::Auction => "auction",
            Step::Render => "render",
            Step::Record => "record",
        }
    }
}
