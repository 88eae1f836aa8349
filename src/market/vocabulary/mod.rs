//! Which words can targeting use? Dimensions and their values, with ids that never change.
//!
//! Filled by `catalog` and `audience` when they load (cold), asked by `enrich` for each value of
//! a request (hot, allocates nothing).

mod dimension;
mod distress;
mod fold;
mod kind;
mod log;
mod shared;
mod special;
mod store;
mod suppressed;
mod unmask;
mod values;
mod words;

pub use dimension::{DIMENSIONS, Dimension, DimensionRow, Source};
pub use distress::{DISTRESS_DIMENSION, DistressMoment, DistressMoments};
pub use kind::{OptOuts, SIGNAL_KINDS, SignalKind, SignalKindRow};
pub use log::{FILE, LogFault};
pub use shared::Words;
pub use special::{Barred, Category, barred};
pub use store::{InternFault, Vocabulary};
pub use suppressed::Suppressed;
pub use words::{AGE_BANDS, AgeBand};

use serde::{Deserialize, Serialize};

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

/// Bounds of the vocabulary, and what vendors' segments mean.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most values over all dimensions, the closed lists included.
    pub values_max: u32,
    /// Longest text of one value, in bytes; at most 256.
    pub text_max: usize,
    /// Segments of vendors' taxonomies (`segtax` from 500) → values of closed lists.
    pub segments: Vec<SegmentRow>,
    /// Moments of distress that campaigns may ask for, by name; they count for listeners who opted
    /// in to them, and never for minors.
    pub distress: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config { values_max: 1_000_000, text_max: 128, segments: Vec::new(), distress: Vec::new() }
    }
}

/// One vendor segment: `{segtax = 800, id = "12-3", dimension = "activity", value = "running"}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentRow {
    pub segtax: i64,
    pub id: String,
    pub dimension: String,
    pub value: String,
}
