//! What has each line done? Its rollup, for metrics and tables; cold.

use super::book::Book;
use super::line::{Count, LineState};
use crate::base::units::ids::LineId;
use crate::base::units::money::Currency;

/// One line's rollup, for metrics and tables.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LineTally {
    pub line: String,
    #[serde(skip)]
    pub id: LineId,
    #[serde(skip)]
    pub currency: Currency,
    pub spent_nanos: i64,
    pub held_nanos: i64,
    pub total_nanos: Option<i64>,
    pub bids: u64,
    pub wins: u64,
    pub losses: u64,
    pub impressions: u64,
    pub starts: u64,
    pub first_quartiles: u64,
    pub midpoints: u64,
    pub third_quartiles: u64,
    pub completes: u64,
    pub clicks: u64,
    pub errors: u64,
    pub not_used: u64,
    pub disputed: u64,
}

impl Book {
    /// All lines with what they did, in the order of their ids.
    pub fn tally(&self) -> Vec<LineTally> {
        let mut tally: Vec<LineTally> = self.lines.iter().map(|s| LineTally::of(&s)).collect();
        tally.sort_unstable_by_key(|line| (line.id, line.currency));
        tally
    }
}

impl LineTally {
    fn of(state: &LineState) -> LineTally {
        LineTally {
            line: state.line.to_string(),
            id: state.line,
            currency: state.currency,
            spent_nanos: state.spent(),
            held_nanos: state.held(),
            total_nanos: state.total(),
            bids: state.counted(Count::Bids),
            wins: state.counted(Count::Wins),
            losses: state.counted(Count::Losses),
            impressions: state.counted(Count::Impressions),
            starts: state.counted(Count::Starts),
            first_quartiles: state.counted(Count::FirstQuartiles),
            midpoints: state.counted(Count::Midpoints),
            third_quartiles: state.counted(Count::ThirdQuartiles),
            completes: state.counted(Count::Completes),
            clicks: state.counted(Count::Clicks),
            errors: state.counted(Count::Errors),
            not_used: state.counted(Count::NotUsed),
            disputed: state.counted(Count::Disputed),
        }
    }
}
