//! The ground: what could have been in std, words with units, instruments, the journal.

pub mod stdx;

pub mod units;

pub mod telemetry;

pub mod journal;
