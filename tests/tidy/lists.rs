//! Which files stand under a special rule, and why?

use crate::source::Tree;

/// Files and folders (with `/`) that a request passes through between decode and record.
pub const HOT: &[(&str, &str)] = &[
    ("src/market/facts.rs", "filled for every request"),
    ("src/market/slot.rs", "one for every imp"),
    ("src/flows/decide/mod.rs", "the bid path itself"),
];

/// Parts of hot folders that only start-up or an operator runs.
pub const COLD: &[(&str, &str)] = &[];

/// The files that may say `unsafe`.
pub const UNSAFE: &[(&str, &str)] = &[];

/// Written by a program: exempt from sizes.
const GENERATED: &str = "generated.rs";

pub fn is_hot(path: &str) -> bool {
    let listed = |list: &[(&str, &str)]| {
        list.iter()
            .any(|(entry, _)| *entry == path || entry.ends_with('/') && path.starts_with(entry))
    };
    listed(HOT) && !listed(COLD) && !is_generated(path) && !path.ends_with("/tests.rs")
}

pub fn is_generated(path: &str) -> bool {
    path.rsplit('/').next() == Some(GENERATED)
}

pub fn findings(tree: &Tree) -> Vec<String> {
    let gone = |entry: &&str| !tree.rust.iter().any(|file| file.path.starts_with(*entry));
    let entries = HOT.iter().chain(COLD).chain(UNSAFE).map(|(entry, _)| *entry);
    entries.filter(gone).map(|entry| format!("{entry} is gone; name where it went")).collect()
}
