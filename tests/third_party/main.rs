//! Tests against data that nobody here wrote and that is not shipped; `tests/third-party` runs
//! them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot run must fail")]

mod bids;

mod consent;

pub mod wire;

use std::path::PathBuf;

/// A part of the shared data. Without it these tests fail: they were asked for by name.
fn shared(part: &str) -> PathBuf {
    let root = std::env::var_os("INTERLUDE_SHARED").expect("INTERLUDE_SHARED names the data");
    let path = PathBuf::from(root).join(part);
    assert!(path.exists(), "{} is not there", path.display());
    path
}
