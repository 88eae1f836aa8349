//! Which words can targeting use? Dimensions and their values, with ids that never change.
//!
//! Filled by `catalog` and `audience` when they load (cold), asked by `enrich` for each value of
//! a request (hot, allocates nothing).

mod dimension;

pub use dimension::{DIMENSIONS, Dimension, DimensionRow, Source};

/// A value of a dimension. Ids are dense over all dimensions, stable, and only ever appended,
/// so that a profile written under one vocabulary reads right under every later one.
///
/// The first [`Dimension::COUNT`] ids are the dimensions' "unknown"; see [`ValueId::unknown`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ValueId(pub u32);

impl ValueId {
    pub const fn unknown(dimension: Dimension) -> ValueId {
        ValueId(dimension as u32)
    }

    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
