//! What is a compiled set of lines made of? The tables that a search reads.
//!
//! Written by [`compile`](super::compile), read by [`pass`](super::pass). Immutable; hot.

use std::ops::Range;

use crate::market::vocabulary::Dimension;

use super::program::Program;
use super::simd::Block;

/// The compiled targeting of lines that stand in the order of search.
#[derive(Default)]
pub struct Tier {
    /// Where each line's slots start; one entry more than there are lines.
    pub first_slot: Vec<u32>,
    /// Each slot's line; where columns do not say everything, [`CHECK`] and a place in `checked`.
    pub slots: Vec<u32>,
    pub checked: Vec<Checked>,
    pub program: Program,
    /// The dimensions that some slot asks about, the most selective first.
    pub dimensions: Vec<Asked>,
    /// By value id; the unknowns stand first.
    pub postings: Vec<Postings>,
    /// All columns, each `stride` blocks long.
    pub columns: Vec<Block>,
    pub stride: usize,
    /// All lists: their length, then the slots, ascending. The first word belongs to none.
    pub lists: Vec<u32>,
}

pub const CHECK: u32 = 1 << 31;

/// A slot whose conjunction is checked after the columns let it pass.
#[derive(Clone, Copy)]
pub struct Checked {
    pub line: u32,
    /// Where its conjunction stands in the program.
    pub at: u32,
}

/// A dimension that some slot asks about.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub dimension: Dimension,
    /// The column of the slots that want no value of it; [`simd::ABSENT`](super::simd::ABSENT)
    /// where all are such.
    pub indifferent: u32,
}

/// The slots that a value lets pass, and those that it keeps out.
#[derive(Clone, Copy, Default)]
pub struct Postings {
    pub include: Set,
    pub exclude: Set,
}

/// Nothing, the start of a column, or the start of a list, in one word: a request looks some forty
/// values up, and at eight bytes a value the whole table stays in the second-level cache.
#[derive(Clone, Copy, Default)]
pub struct Set(pub u32);

pub enum Kept {
    Nothing,
    Column(u32),
    List(u32),
}

impl Set {
    const COLUMN: u32 = 1 << 31;

    pub fn column(start: usize) -> Set {
        debug_assert!(start < Set::COLUMN as usize);
        Set(start as u32 | Set::COLUMN)
    }

    pub fn list(start: usize) -> Set {
        debug_assert!(0 < start && start < Set::COLUMN as usize);
        Set(start as u32)
    }

    #[inline]
    pub fn kind(self) -> Kept {
        match self.0 {
            0 => Kept::Nothing,
            start if start & Set::COLUMN != 0 => Kept::Column(start & !Set::COLUMN),
            start => Kept::List(start),
        }
    }
}

impl Tier {
    pub fn lines(&self) -> usize {
        self.first_slot.len().saturating_sub(1)
    }

    pub fn blocks(&self) -> usize {
        self.slots.len().div_ceil(Block::SLOTS)
    }

    /// The slots of a line; none where there is no such line.
    pub fn slots_of(&self, line: usize) -> Range<usize> {
        match self.first_slot.get(line..line + 2) {
            Some(&[from, to]) => from as usize..to as usize,
            _ => 0..0,
        }
    }

    #[inline]
    pub fn line_of(&self, slot: usize) -> u32 {
        let entry = self.slots[slot];
        if entry & CHECK == 0 { entry } else { self.checked[(entry & !CHECK) as usize].line }
    }

    pub fn shrink(&mut self) {
        self.first_slot.shrink_to_fit();
        self.slots.shrink_to_fit();
        self.checked.shrink_to_fit();
        self.program.shrink();
    }

    pub fn columns(&self) -> usize {
        self.columns.len() / self.stride.max(1)
    }

    pub fn bytes(&self) -> usize {
        let words = self.first_slot.len() + self.slots.len() + self.lists.len();
        words * size_of::<u32>()
            + self.program.bytes()
            + size_of_val(self.checked.as_slice())
            + size_of_val(self.dimensions.as_slice())
            + size_of_val(self.postings.as_slice())
            + size_of_val(self.columns.as_slice())
    }
}
