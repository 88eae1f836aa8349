//! What is for sale? Campaign files → checked, dense, immutable snapshot. Cold to build, hot to read.

pub mod model;
