//! The same flows without the world outside.

pub mod traffic;

pub mod audit;

pub mod sim;

pub mod loadgen;
