//! What is for sale? Campaign files → checked, dense, immutable snapshot.
//!
//! Cold to build, hot to read.

pub mod layered;

mod glance;

mod stock;

mod terms;

pub mod model;

mod plain;

mod limits;

mod node;

mod yaml;

mod json;

mod tables;

mod values;

mod walk;

mod zones;

mod hours;

mod versions;

mod lexicon;

mod rails;

mod clause;

mod often;

mod spend;

mod targeting;

mod mark;

mod media;

mod contents;

mod names;

mod spot;

mod reading;

mod read;

mod archive;

mod edit;

mod text;

mod sheets;

mod load;

mod draft;

mod schema;

pub use contents::Contents;
pub use draft::{Draft, draft};
pub use edit::{Edition, FRESH_MAX, Kind};
pub use glance::Glance;
pub use limits::Limits;
pub use load::{Report, edited_from_archive, from_archive, inspect, inspect_text, load};
pub use mark::Mark;
pub use reading::{Headcount, Reading, Tongue};
pub use schema::schema;
pub use sheets::{Read, Sheets};
pub use stock::search_order;
pub use values::Complaint;

#[cfg(test)]
mod fault_tests;
