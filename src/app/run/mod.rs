//! Wiring, named background loops, start order, drain.

mod limits;

pub use limits::Config;
