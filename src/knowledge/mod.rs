//! What we know, and how a request meets it.

pub mod catalog;

pub mod audience;

pub mod enrich;

pub mod crowd;
