//! The paths: one straight function each.

pub mod decide;

pub mod notice;

pub mod rights;
