//! The whole: configuration, wiring, commands.

pub mod config;

pub mod run;

pub mod commands;
