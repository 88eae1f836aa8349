//! What is a compiled set of lines made of? The tables that a search reads.
//!
//! Written by [`compile`](super::compile), read by [`pass`](super::pass). Immutable; hot.

use std::ops::Range;

use crate::market::vocabulary::{Dimension, ValueId};

use super::block::Block;
use super::program::Program;

/// The compiled targeting of lines that stand in the order of search.
#[derive(Default)]
pub struct Tier {
    /// Where each line's slots start; one entry more than there are lines.
    pub first_slot: Vec<u32>,
    /// Slots of lines that are never true; they are barred from every search.
    pub never: Vec<u32>,
    /// Which slots are the first of their line, which are checked by program after the columns let
    /// them pass, and how many of either stand before each block.
    pub starts: Vec<Block>,
    pub checks: Vec<Block>,
    pub before: Vec<Before>,
    /// Where the conjunction of each checked slot stands in the program.
    pub checked: Vec<u32>,
    pub program: Program,
    /// The dimensions that some slot asks about.
    pub dimensions: Vec<Asked>,
    pub postings: Table,
    /// All columns, each `stride` blocks long.
    pub columns: Vec<Block>,
    pub stride: usize,
    /// All lists: the slots, ascending, and [`LIST_END`]. The first word belongs to none.
    pub lists: Vec<u32>,
}

/// Stands behind the last slot of a list.
pub const LIST_END: u32 = u32::MAX;

/// How many lines and checked slots begin before a block.
#[derive(Clone, Copy, Default)]
pub struct Before {
    pub lines: u32,
    pub checked: u32,
}

/// A dimension that some slot asks about.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub dimension: Dimension,
    /// The column of the slots that want no value of it, and how many they are;
    /// [`ABSENT`](super::steps::ABSENT) where all are such.
    pub indifferent: u32,
    pub passing: u32,
}

/// The slots that a value lets pass, and those that it keeps out.
#[derive(Clone, Copy, Default)]
pub struct Postings {
    pub include: Set,
    pub exclude: Set,
}

/// Nothing, a column or a list, and what a search wants to know first of it, in eight bytes: a
/// request looks some forty values up, and the table should stay in the second-level cache.
#[derive(Clone, Copy, Default)]
pub struct Set {
    /// Where it starts; a bit tells columns from lists, and nothing starts at 0.
    start: u32,
    /// How many slots a column has, or which is the first of a list.
    pub hint: u32,
}

pub enum Kept {
    Nothing,
    Column { start: u32, slots: u32 },
    List { start: u32, first: u32 },
}

impl Set {
    const COLUMN: u32 = 1 << 31;

    pub fn column(start: usize) -> Set {
        debug_assert!(start < Set::COLUMN as usize);
        Set { start: start as u32 | Set::COLUMN, hint: 0 }
    }

    pub fn list(start: usize) -> Set {
        debug_assert!(0 < start && start < Set::COLUMN as usize);
        Set { start: start as u32, hint: 0 }
    }

    #[inline]
    pub fn kind(self) -> Kept {
        match self.start {
            0 => Kept::Nothing,
            start if start & Set::COLUMN != 0 => {
                Kept::Column { start: start & !Set::COLUMN, slots: self.hint }
            }
            start => Kept::List { start, first: self.hint },
        }
    }
}

/// The postings of every value, by id, in pages: a page that no slot asks about is shared, so that
/// a large vocabulary costs little where few of its words are used.
pub struct Table {
    pages: Vec<u32>,
    postings: Vec<Postings>,
}

impl Default for Table {
    fn default() -> Table {
        Table { pages: Vec::new(), postings: vec![Postings::default(); Table::PAGE] }
    }
}

impl Table {
    const PAGE: usize = 64;

    #[inline]
    pub fn get(&self, value: ValueId) -> Postings {
        let page = self.pages.get(value.index() / Table::PAGE).copied().unwrap_or_default();
        self.postings[page as usize + value.index() % Table::PAGE]
    }

    pub fn entry(&mut self, value: ValueId) -> &mut Postings {
        let page = value.index() / Table::PAGE;
        if page >= self.pages.len() {
            self.pages.resize(page + 1, 0);
        }
        if self.pages[page] == 0 {
            self.pages[page] = self.postings.len() as u32;
            self.postings.resize(self.postings.len() + Table::PAGE, Postings::default());
        }
        &mut self.postings[self.pages[page] as usize + value.index() % Table::PAGE]
    }

    fn bytes(&self) -> usize {
        size_of_val(self.pages.as_slice()) + size_of_val(self.postings.as_slice())
    }

    fn shrink(&mut self) {
        self.pages.shrink_to_fit();
        self.postings.shrink_to_fit();
    }
}

impl Tier {
    pub fn lines(&self) -> usize {
        self.first_slot.len().saturating_sub(1)
    }

    pub fn slots(&self) -> usize {
        self.first_slot.last().map_or(0, |&end| end as usize)
    }

    pub fn blocks(&self) -> usize {
        self.starts.len()
    }

    /// The slots of a line; none where there is no such line.
    pub fn slots_of(&self, line: usize) -> Range<usize> {
        match self.first_slot.get(line..line + 2) {
            Some(&[from, to]) => from as usize..to as usize,
            _ => 0..0,
        }
    }

    /// The line that the first slot of a block belongs to.
    pub fn first_line(&self, block: usize) -> u32 {
        let starts = self.starts[block].0[0] & 1 != 0;
        if starts { self.before[block].lines } else { self.before[block].lines - 1 }
    }

    pub fn shrink(&mut self) {
        self.first_slot.shrink_to_fit();
        self.never.shrink_to_fit();
        self.checked.shrink_to_fit();
        self.program.shrink();
        self.postings.shrink();
    }

    pub fn columns(&self) -> usize {
        self.columns.len() / self.stride.max(1)
    }

    /// Bytes held: by columns, by lists, by the table of values, by line, and by program.
    pub fn bytes(&self) -> [usize; 5] {
        let words = self.first_slot.len() + self.never.len();
        let by_line = words * size_of::<u32>()
            + size_of_val(self.starts.as_slice())
            + size_of_val(self.checks.as_slice())
            + size_of_val(self.before.as_slice());
        [
            size_of_val(self.columns.as_slice()),
            size_of_val(self.lists.as_slice()),
            self.postings.bytes(),
            by_line,
            self.program.bytes() + size_of_val(self.checked.as_slice()),
        ]
    }
}
