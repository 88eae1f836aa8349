//! Is a line's crowd large enough to be served? Judged by the sample; settled by a scan.
//!
//! Asked in the background for each line that asks anything of the listener, again with every
//! sample; cold. The bid path reads the verdict as one flag of the line.

use crate::knowledge::audience::Audience;
use crate::knowledge::catalog::model::Expr;

use super::possible::Possible;
use super::scan::at_least;
use super::{Reach, Reading, Sample};

/// Whether an expression can be true for some listeners only, whatever the moment.
pub fn asks_of_listeners(expr: &Expr) -> bool {
    !Possible::of(expr).is_everybody()
}

/// The fewest listeners that a line's clauses about them must meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Floor(pub u64);

impl Floor {
    /// Whether the expression reaches enough of them, else what the sample says. Where that does
    /// not settle it, everybody is looked at.
    pub fn verdict(
        self,
        expr: &Expr,
        sample: &Sample,
        (audience, reading): (&Audience, &Reading<'_>),
    ) -> Result<(), Reach> {
        if !asks_of_listeners(expr) {
            return Ok(());
        }
        let reach = sample.count(expr).reach;
        let enough = reach.at_least(self.0);
        match enough.unwrap_or_else(|| at_least(audience, reading, expr, self.0)) {
            true => Ok(()),
            false => Err(reach),
        }
    }
}
