//! The whole: configuration, wiring, commands.

pub mod demo;

pub mod config;

#[cfg(feature = "otel")]
pub mod otel;

pub mod run;

pub mod commands;
