//! Who is listening? Compact profiles in memory, the store beneath them, and what fills it.
//!
//! The bid path reads an [`Audience`] (hot); import, load and stats are for start-up and the
//! command line (cold).

mod profile;

mod generation;

pub use generation::{Audience, AudienceBuilder};
pub use profile::{BYTES_MAX, Profile, ProfileFault, SEGMENTS_MAX, Segment, encode};
