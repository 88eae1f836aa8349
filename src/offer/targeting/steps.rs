//! What does a request ask of the slots of a window? Columns, and how to put them together.
//!
//! Written by [`pass`](super::pass) once a request, run by [`simd`](super::simd); hot.

use super::block::Block;

/// No column.
pub const ABSENT: u32 = u32::MAX;

/// What one dimension asks of a slot: its bit in at least one of these columns.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Where the first column starts in [`Window::columns`].
    pub base: u32,
    /// The further columns: these places of [`Window::more`].
    pub more: (u32, u32),
    /// Where the column gathered from sparse lists starts in [`Window::gathered`], or [`ABSENT`].
    pub gathered: u32,
    /// How many slots the columns let pass, at most.
    pub passing: u32,
}

/// A column that a slot must be in.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    pub start: u32,
    /// How many slots are in it.
    pub passing: u32,
}

/// The blocks to look at, and the columns to look in.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    pub columns: &'a [Block],
    /// Columns that were gathered from lists, and the slots of lists that do not pass; both from
    /// the window's first block on.
    pub gathered: &'a [Block],
    pub rejected: &'a [Block],
    /// What is asked of a slot by one column each, and what by several.
    pub plain: &'a [Plain],
    pub steps: &'a [Step],
    /// Starts of columns whose slots pass, as the steps refer to them.
    pub more: &'a [u32],
    /// Starts of columns whose slots do not pass.
    pub less: &'a [u32],
    /// The window's first block.
    pub first: usize,
}
