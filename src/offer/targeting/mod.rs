//! Which lines want this? The compiled index over all lines' targeting. Hot.
//!
//! `flows::decide` asks for the lines that want a slot, best first, and stops when it has enough;
//! deals ask whether one line does ([`is_true`]); `explain` and audits evaluate one line plainly.
//! The order of search is the order of price bounds, best first.
//!
//! How it works (docs/targeting.md has the drawing and the figures). Each line's expression is
//! multiplied out to conjunctions ([`normal`]); each conjunction is a *slot*, a line's slots stand
//! side by side, in line order. For every value there is the set of slots that it lets pass, as a
//! bit column where it is thick and as a sorted list where it is thin ([`compile`]). A search turns
//! a request's facts into one column program, and runs it over blocks of 512 slots in windows of
//! 2 blocks and more ([`pass`], [`simd`]), so that ten lines cost the same among a thousand and
//! among a million. What columns cannot say is checked slot by slot ([`program`]).
//!
//! A few lines change without a new compilation ([`Index::edit`]): the base stays and is shared, a
//! [`Mask`] bars its lines that are gone, and a small *fresh* tier of the same make holds the new
//! ones; a search merges the two ([`search`]). What sleeps is barred by a mask as well.

mod block;
mod compile;
mod explain;
mod lists;
mod mask;
pub mod naive;
mod normal;
mod pass;
mod program;
mod search;
mod simd;
mod steps;
mod tier;

pub use explain::{Actual, FailedClause, FirstFailure, Values, Wanted, explain};
pub use mask::Mask;
pub use search::SearchScratch;

use std::sync::Arc;

use crate::base::units::ids::LineIx;
use crate::knowledge::catalog::model::{Expr, Line};
use crate::market::facts::Facts;

use compile::is_thick;
use naive::{Truth, truth};
use tier::Tier;

/// Whether the targeting of one line is true.
pub fn is_true(targeting: &Expr, facts: &Facts) -> bool {
    truth(targeting, facts) == Truth::True
}

/// The compiled targeting of all lines of one world; immutable.
///
/// Lines of the base are numbered in the order of search; the fresh ones follow them, whatever
/// their place in that order.
pub struct Index {
    base: Arc<Tier>,
    fresh: Tier,
    /// Before which line of the base each fresh line stands; never less than the one before it.
    before: Box<[u32]>,
    /// The lines of the base that are gone, and how many they are.
    gone: Mask,
    gone_lines: usize,
}

/// A line that is not of the base.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'e> {
    pub targeting: &'e Expr,
    /// The line of the base before which it stands in the order of search; behind them all where
    /// there is no such line.
    pub before: LineIx,
}

/// What an index is made of, for metrics and benches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stats {
    /// Lines that a search can find.
    pub lines: usize,
    /// How many of them are fresh.
    pub fresh: usize,
    /// Lines of the base that are gone.
    pub gone: usize,
    pub slots: usize,
    /// Slots that are checked by program after the columns let them pass.
    pub checked: usize,
    pub dimensions: usize,
    pub columns: usize,
    pub bytes: Bytes,
}

/// What an index weighs, by part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bytes {
    pub columns: usize,
    pub lists: usize,
    /// Where each value's columns and lists are.
    pub table: usize,
    /// Where each line's slots are.
    pub lines: usize,
    pub program: usize,
    /// What is gone, and the order of what is fresh.
    pub edits: usize,
}

impl Bytes {
    pub fn total(&self) -> usize {
        self.columns + self.lists + self.table + self.lines + self.program + self.edits
    }
}

impl Index {
    /// Compiles the targeting of `lines`, which stand in the order of search; each value that
    /// they name belongs to one dimension.
    pub fn build(lines: &[Line]) -> Index {
        Index::of(lines.iter().map(|line| &line.targeting))
    }

    /// As [`Index::build`], of the expressions alone.
    pub fn of<'e>(expressions: impl IntoIterator<Item = &'e Expr>) -> Index {
        Index::whole(Tier::build(expressions, is_thick))
    }

    fn whole(base: Tier) -> Index {
        let fresh = Tier::default();
        let gone = Mask::none(&base, &fresh);
        Index { base: Arc::new(base), fresh, before: Box::default(), gone, gone_lines: 0 }
    }

    /// The same base without the lines that are `gone`, and with those that are `fresh`: all that
    /// are, in the order of search, whatever this index was edited to before. Costs what the fresh
    /// lines cost to compile, and a bit for every slot of the base.
    pub fn edit(&self, gone: impl Iterator<Item = LineIx>, fresh: &[Fresh<'_>]) -> Index {
        self.edited(gone, fresh, is_thick)
    }

    fn edited(
        &self,
        gone: impl Iterator<Item = LineIx>,
        fresh: &[Fresh<'_>],
        thick: fn(usize, usize) -> bool,
    ) -> Index {
        debug_assert!(fresh.is_sorted_by_key(|line| line.before), "fresh lines are in order");
        let base = self.base.clone();
        let before = fresh.iter().map(|line| line.before.0).collect();
        let fresh = Tier::build(fresh.iter().map(|line| line.targeting), thick);
        let mut lines: Vec<LineIx> = gone.filter(|line| line.index() < base.lines()).collect();
        lines.sort_unstable();
        lines.dedup();
        let mut gone = Mask::none(&base, &fresh);
        lines.iter().for_each(|&line| gone.bar(&base, &fresh, line));
        Index { base, fresh, before, gone, gone_lines: lines.len() }
    }

    /// Bars `lines` from the searches that the mask is given to.
    pub fn mask(&self, lines: impl Iterator<Item = LineIx>) -> Mask {
        let mut mask = self.gone.clone();
        lines.for_each(|line| mask.bar(&self.base, &self.fresh, line));
        mask
    }

    /// How many lines a search can find.
    pub fn len(&self) -> usize {
        self.base.lines() - self.gone_lines + self.fresh.lines()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn stats(&self) -> Stats {
        let (base, fresh) = (&self.base, &self.fresh);
        let (of_base, of_fresh) = (base.bytes(), fresh.bytes());
        let [columns, lists, table, lines, program] =
            std::array::from_fn(|part| of_base[part] + of_fresh[part]);
        let edits = self.gone.bytes() + size_of_val(&*self.before);
        Stats {
            lines: self.len(),
            fresh: fresh.lines(),
            gone: self.gone_lines,
            slots: base.slots() + fresh.slots(),
            checked: base.checked.len() + fresh.checked.len(),
            dimensions: base.dimensions.len().max(fresh.dimensions.len()),
            columns: base.columns() + fresh.columns(),
            bytes: Bytes { columns, lists, table, lines, program, edits },
        }
    }
}

#[cfg(test)]
mod tests;
