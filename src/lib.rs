//! Interlude decides which audio ad fills the pause between two songs.

pub mod base;

pub mod market;

pub mod knowledge;

pub mod offer;

pub mod flows;

pub mod rehearsal;

pub mod doors;

pub mod app;
