//! How fast may each budget be spent? Controllers off the bid path, one dial per line on it.
//!
//! Hot: a [`Dial`] is read once a line and decision. Cold: everything that turns it.

mod pace;

pub use pace::{Dial, PPM, Pace};
