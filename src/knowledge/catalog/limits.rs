//! How much may a campaign file hold? The bounds of this room, set in the config.

use serde::{Deserialize, Serialize};

/// Bounds on campaign files; every one is checked while loading and named in its fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest campaign file, in bytes.
    pub file_bytes: u64,
    /// Most values, lists and maps in one file, expanded aliases included.
    pub nodes: usize,
    /// Deepest nesting of lists and maps in a file.
    pub depth: usize,
    /// Most lines over all files.
    pub lines: usize,
    /// Most creatives over all files.
    pub creatives: usize,
    /// Most entries of one list (domains, deals, trackers, values of one clause …).
    pub list: usize,
    /// Most renditions of one creative; at most 32, which is what a slot's fit can name.
    pub renditions: usize,
    /// Most companions of one creative.
    pub companions: usize,
    /// Deepest nesting of `all`, `any` and `not`.
    pub targeting_depth: usize,
    /// Most clauses (leaves) in one line's targeting.
    pub targeting_clauses: usize,
    /// Most ways to be true, when one line's targeting is written out as an `any` of `all`s.
    pub targeting_ways: usize,
    /// Largest hosted media file, in bytes.
    pub media_bytes: u64,
    /// Most faults that are reported at once.
    pub faults: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            file_bytes: 64 << 20,
            nodes: 5_000_000,
            depth: 48,
            lines: 200_000,
            creatives: 100_000,
            list: 1000,
            renditions: 16,
            companions: 16,
            targeting_depth: 8,
            targeting_clauses: 128,
            targeting_ways: 64,
            media_bytes: 32 << 20,
            faults: 200,
        }
    }
}
