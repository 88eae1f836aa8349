//! What is for sale? Campaign files → checked, dense, immutable snapshot.
//!
//! Cold to build, hot to read.

pub mod model;

mod limits;

mod node;

mod yaml;

mod json;

mod tables;

mod values;

mod walk;

mod hours;

mod versions;

mod lexicon;

mod clause;

mod targeting;

mod media;

mod spot;

mod read;

mod archive;

mod load;

mod draft;

mod schema;

pub use archive::{archive, expr as expr_to_json};
pub use draft::{Draft, draft};
pub use limits::Limits;
pub use load::{Report, from_archive, inspect, inspect_text, load};
pub use schema::schema;

#[cfg(test)]
mod fault_tests;
