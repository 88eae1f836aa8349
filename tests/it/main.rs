//! What only the whole can show: tests that put rooms together or ask programs that are not ours.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot run must fail")]

mod consent;
mod crowd;
mod api;
mod decide;
mod demo;
mod doors;
mod faults;
mod fuzz;
mod intake;
mod replay;
mod rights;
mod serve;
mod pacing;
mod privacy;
mod simulate;
mod vast;
mod wire;
