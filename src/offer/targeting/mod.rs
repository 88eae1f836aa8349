//! Which lines want this? The compiled index over all lines' targeting. Hot.
//!
//! `flows::decide` asks for the lines that want a slot, best first, and stops when it has enough;
//! deals ask whether one line does; `explain` and audits evaluate one line plainly. The order of
//! search is the order of [`LineIx`], which is the order of price bounds, best first.
//!
//! How it works (measurements in DESIGN's note on the targeting kernel). Each line's expression is
//! multiplied out to conjunctions ([`normal`]); each conjunction is a *slot*, a line's slots stand
//! side by side, in line order. For every value there is the set of slots that it lets pass, as a
//! bit column where it is thick and as a sorted list where it is thin ([`compile`]). A search turns
//! a request's facts into one column program, and runs it over blocks of 512 slots in windows of
//! 4, 16, 64, 256 blocks ([`search`], [`simd`]), so that ten lines cost the same among a thousand
//! and among a million. What columns cannot say is checked slot by slot ([`program`]).

mod compile;
mod explain;
pub mod naive;
mod normal;
mod program;
mod search;
mod simd;

pub use explain::{Actual, FailedClause, FirstFailure, Values, Wanted, explain};
pub use search::SearchScratch;

use crate::base::units::ids::LineIx;
use crate::market::facts::Facts;
use crate::market::vocabulary::Dimension;

use program::Program;
use simd::{Block, Level};

/// The compiled targeting of all lines of one world; immutable.
pub struct Index {
    /// Where each line's slots start; one entry more than there are lines.
    first_slot: Vec<u32>,
    /// Each slot's line, with [`CHECK`] where columns do not say everything.
    slots: Vec<u32>,
    /// Where each slot's conjunction stands in the program.
    conjunctions: Vec<u32>,
    program: Program,
    /// The dimensions that some slot asks about, the most selective first.
    dimensions: Vec<Asked>,
    /// By value id; the unknowns stand first.
    postings: Vec<Postings>,
    /// All columns, each `stride` blocks long.
    columns: Vec<Block>,
    stride: usize,
    /// All lists: their length, then the slots, ascending. The first word belongs to none.
    lists: Vec<u32>,
    level: Level,
}

const CHECK: u32 = 1 << 31;

/// A dimension that some slot asks about.
#[derive(Clone, Copy, Debug)]
struct Asked {
    dimension: Dimension,
    /// The column of the slots that want no value of it; [`simd::ABSENT`] where all are such.
    indifferent: u32,
}

/// The slots that a value lets pass, and those that it keeps out.
#[derive(Clone, Copy, Default)]
struct Postings {
    include: Set,
    exclude: Set,
}

/// Nothing, the start of a column, or the start of a list, in one word: a request looks some forty
/// values up, and at eight bytes a value the whole table stays in the second-level cache.
#[derive(Clone, Copy, Default)]
struct Set(u32);

enum Kept {
    Nothing,
    Column(u32),
    List(u32),
}

impl Set {
    const COLUMN: u32 = 1 << 31;

    fn column(start: usize) -> Set {
        debug_assert!(start < Set::COLUMN as usize);
        Set(start as u32 | Set::COLUMN)
    }

    fn list(start: usize) -> Set {
        debug_assert!(0 < start && start < Set::COLUMN as usize);
        Set(start as u32)
    }

    #[inline]
    fn kind(self) -> Kept {
        match self.0 {
            0 => Kept::Nothing,
            start if start & Set::COLUMN != 0 => Kept::Column(start & !Set::COLUMN),
            start => Kept::List(start),
        }
    }
}

/// What an index is made of, for metrics and benches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stats {
    pub lines: usize,
    pub slots: usize,
    /// Slots that are checked by program after the columns let them pass.
    pub checked: usize,
    pub dimensions: usize,
    pub columns: usize,
    pub bytes: usize,
}

impl Index {
    /// Whether the targeting of one line is true.
    pub fn matches(&self, line: LineIx, facts: &Facts) -> bool {
        let Some(&[from, to]) = self.first_slot.get(line.index()..line.index() + 2) else {
            return false;
        };
        let conjunctions = &self.conjunctions[from as usize..to as usize];
        conjunctions.iter().any(|&at| self.program.is_true(at, facts))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.first_slot.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn stats(&self) -> Stats {
        let words = self.first_slot.len() + self.slots.len() + self.conjunctions.len();
        Stats {
            lines: self.len(),
            slots: self.slots.len(),
            checked: self.slots.iter().filter(|&&slot| slot & CHECK != 0).count(),
            dimensions: self.dimensions.len(),
            columns: self.columns.len() / self.stride,
            bytes: (words + self.lists.len()) * size_of::<u32>()
                + self.program.memory()
                + size_of_val(self.dimensions.as_slice())
                + size_of_val(self.postings.as_slice())
                + size_of_val(self.columns.as_slice()),
        }
    }

    fn blocks(&self) -> usize {
        self.slots.len().div_ceil(Block::SLOTS)
    }
}

#[cfg(test)]
mod tests;
