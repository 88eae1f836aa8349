//! Is the house in order? Module order, sizes, headers and bans, read from the source text.
//!
//! `cargo test --test tidy` takes a fraction of a second and needs nothing but std. Each failure
//! names file and line, the rule, and the mend. Sizes are a ratchet: what is beyond a limit is
//! listed in `tests/tidy/ratchet.txt` with its present size, and may only shrink.

#![allow(clippy::expect_used, reason = "a test that cannot read the repository must fail")]

#[path = "tidy/bans.rs"]
mod bans;
#[path = "tidy/lists.rs"]
mod lists;
#[path = "tidy/order.rs"]
mod order;
#[path = "tidy/personal.rs"]
mod personal;
#[path = "tidy/prose.rs"]
mod prose;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/source.rs"]
mod source;

use source::Tree;

/// Fails with all findings at once: one run shows everything there is to mend.
fn hold(rule: &str, findings: &[String]) {
    let list = findings.join("\n  ");
    assert!(findings.is_empty(), "{rule}: {} finding(s)\n  {list}\n", findings.len());
}

#[test]
fn modules_import_only_what_stands_above() {
    hold("the order of lib.rs and of each wing's mod.rs", &order::findings(&Tree::read()));
}

#[test]
fn sizes_stay_within_limits_or_shrink() {
    hold("sizes (tests/tidy/ratchet.txt)", &sizes::findings(&Tree::read()));
}

#[test]
fn pages_are_wrapped() {
    hold("pages", &prose::findings(&Tree::read()));
}

#[test]
fn every_source_file_says_what_it_answers() {
    hold("headers", &bans::headers(&Tree::read()));
}

#[test]
fn bids_and_notices_write_no_profile() {
    hold("learning", &bans::learning(&Tree::read()));
}

#[test]
fn banned_words_and_names_stay_out() {
    hold("bans", &bans::leftovers(&Tree::read()));
}

#[test]
fn the_hot_path_neither_awaits_locks_nor_allocates() {
    hold("hot path", &bans::hot(&Tree::read()));
}

#[test]
fn no_log_can_print_a_person() {
    hold("personal data (tests/tidy/personal.rs)", &personal::findings(&Tree::read()));
}

#[test]
fn no_file_tells_where_it_was_made() {
    hold("origins", &bans::origins(&Tree::read()));
}

#[test]
fn the_lists_name_files_that_exist() {
    hold("lists (tests/tidy/lists.rs)", &lists::findings(&Tree::read()));
}
