//! Who is listening? Compact profiles in memory, the store beneath them, and what fills it.
//!
//! The bid path reads an [`Audience`] (hot); import, load and stats are for start-up and the
//! command line (cold).

mod profile;

mod generation;

mod store;

mod line;

mod load;

mod import;

mod stats;

pub use generation::{Audience, AudienceBuilder};
pub use import::{Config, Import, ImportFault, Report};
pub use line::{Line, LineFault, parse as parse_line};
pub use load::{LoadFault, load, load_from};
pub use profile::{BYTES_MAX, Profile, ProfileFault, SEGMENTS_MAX, Segment, encode};
pub use stats::{DimensionStats, Expiry, Stats};
pub use store::{FILE, RedbStore, Store, StoreFault, Visitor};

use crate::market::vocabulary::Dimension;

/// What profiles keep: everything of the listener rather than of the moment, the place or the
/// device, and the mood and activity that a service may have told.
pub const PROFILE_DIMENSIONS: [Dimension; 15] = [
    Dimension::Age,
    Dimension::Gender,
    Dimension::Language,
    Dimension::HomeCountry,
    Dimension::TasteGenre,
    Dimension::TasteArtist,
    Dimension::TastePlaylist,
    Dimension::Mood,
    Dimension::Activity,
    Dimension::Habit,
    Dimension::Interest,
    Dimension::Lifestyle,
    Dimension::Intent,
    Dimension::List,
    Dimension::Lookalike,
];
