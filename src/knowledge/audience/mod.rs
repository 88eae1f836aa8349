//! Who is listening? Compact profiles in memory, the store beneath them, and what fills it.
//!
//! The bid path reads an [`Audience`] (hot): a few [`Generation`]s, newest first. Import, load and
//! stats are for start-up and the command line (cold).

mod profile;

mod links;

mod suppression;

mod acts;

mod change;

mod record;

mod table;

mod filling;

mod generation;

#[cfg(test)]
pub mod spy;

#[expect(clippy::module_inception, reason = "the room's noun")]
mod audience;

mod merge;

mod gather;

pub mod snapshot;

mod retention;

mod provider;

mod config;

mod store;

mod disk;

mod intake;

mod line;

mod link_line;

mod export;

mod import;

mod stats;

pub use acts::{ACTS, Act, Acts, DEEDS, Deed, Said, refused, trail};
pub use audience::{Audience, Bytes, Purpose};
pub use change::{Change, ChangeFault};
pub use config::{BATCH_MAX, Config};
pub use disk::{DiskStore, FOLDER, Found, read};
pub use export::export;
pub use gather::Gather;
pub use generation::{Entry, Generation, GenerationBuilder};
pub use import::{Import, ImportFault, Report, Text};
pub use intake::{Failed, Intake, Publish, Receipt, Refused, Stand};
pub use line::{
    HASHED, Known, LineFault, LineReader, NewWord, link_said, moment_said, read_growing,
};
pub use link_line::read_link;
pub use links::LinkKey;
pub use merge::{GENERATIONS_MAX, Merge, Past, RATIO};
pub use profile::{BYTES_MAX, Profile, ProfileFault, SEGMENTS_MAX, Segment, encode, minor_ages};
pub use provider::{
    LegalBasis, PROVIDED, Provider, ProviderFault, ProviderRow, Providers,
    faults as provider_faults,
};
pub use retention::Retention;
pub use stats::{DimensionStats, Expiry, ProviderStats, Stats};
pub use store::{Settling, Store, StoreFault, Visitor};
pub use suppression::Suppression;

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
