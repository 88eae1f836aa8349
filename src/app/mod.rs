//! The whole: configuration, wiring, commands.

pub mod demo;

pub mod config;

pub mod run;

pub mod commands;
