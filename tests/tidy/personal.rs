//! Can a log print what is personal or secret?

use std::collections::BTreeSet;

use crate::lists;
use crate::source::{File, Tree, closing, is_name, words};

/// Fields that are called after what is personal or secret, wherever they stand.
const NAMES: [&str; 26] = [
    "body",
    "buyeruid",
    "city",
    "consent",
    "eids",
    "email",
    "gender",
    "gpp",
    "ifa",
    "ip",
    "ipv6",
    "keywords",
    "listener",
    "page",
    "phone",
    "pchain",
    "profile",
    "secret",
    "secrets",
    "tid",
    "token",
    "uids",
    "us_privacy",
    "user",
    "yob",
    "zip",
];

/// What may stand in such a field and be printed all the same.
const INNOCENT: [&str; 9] = ["bool", "u8", "u16", "u32", "static", "Config", "Args", "Mark", "Sum"];

/// A type that derives `Debug` has no field that would print a person or a secret: its type is
/// `Redacted`, or one that prints itself as such. What is known to be personal stays redacted.
pub fn findings(tree: &Tree) -> Vec<String> {
    let careful = careful(tree);
    let mut out = Vec::new();
    for (path, types) in lists::PERSONAL {
        for name in *types {
            if !careful.contains(&(*path, *name)) {
                out.push(format!("{path}: `{name}` is personal; write redacted!({name})"));
            }
        }
    }
    let careful: BTreeSet<&str> = careful.into_iter().map(|(_, name)| name).collect();
    let watched = tree.source().filter(|file| {
        !file.path.ends_with("/generated.rs") && !file.path.starts_with("src/rehearsal/")
    });
    for file in watched {
        for (at, name, of) in printed_fields(file) {
            let mut said = of.split(|c: char| !c.is_alphanumeric() && c != '_');
            if !said.any(|word| INNOCENT.contains(&word) || careful.contains(word)) {
                let place = file.at(at);
                out.push(format!(
                    "{place}: `{name}: {of}` would be printed; make it Redacted<{of}>, or the \
                     whole type redacted!"
                ));
            }
        }
    }
    out
}

/// Types whose `Debug` is written by hand or by `redacted!`, with their files; `Redacted` itself.
fn careful(tree: &Tree) -> BTreeSet<(&str, &str)> {
    let mut types = BTreeSet::new();
    for file in tree.source() {
        for (at, call) in file.code.match_indices("redacted!(") {
            let end = closing(&file.code, at + call.len() - 1) - 1;
            let names = file.code[at + call.len()..end].split(',');
            types.extend(names.map(|name| (&*file.path, first_name(name))));
        }
        for (at, word) in file.code.match_indices("Debug for ") {
            types.insert((&*file.path, first_name(&file.code[at + word.len()..])));
        }
    }
    types
}

fn first_name(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text.bytes().position(|byte| !is_name(byte)).unwrap_or(text.len())]
}

/// Fields with such names in types that derive `Debug`: where, the name and its type.
fn printed_fields(file: &File) -> Vec<(usize, &'static str, &str)> {
    let code = &file.code;
    let mut found = Vec::new();
    for (at, derive) in code.match_indices("#[derive(") {
        let end = closing(code, at + derive.len() - 1);
        let derives = words(&code[at..end], "Debug").next().is_some();
        let Some(open) = code[end..].find(['{', ';']).map(|open| end + open) else { continue };
        if !derives || code[open..].starts_with(';') || file.in_tests(at) {
            continue;
        }
        let within = &code[open..closing(code, open)];
        for name in NAMES {
            for field in words(within, name) {
                let Some(of) = within[field + name.len()..].strip_prefix(": ") else { continue };
                let of = of.split_once(['\n', '}']).map_or(of, |(of, _)| of);
                found.push((open + field, name, of.trim_end().trim_end_matches(',')));
            }
        }
    }
    found
}

#[test]
fn a_plain_debug_of_a_person_is_found() {
    let text = "#[derive(Clone, Debug)]\nstruct A<'a> {\n    ip: &'a str,\n    id: u64,\n}\n\
                #[derive(Debug)]\nstruct B {\n    ip: Redacted<u32>,\n    user: Option<User>,\n}\n\
                #[derive(Clone)]\nstruct User {\n    token: String,\n}\nredacted!(User);\n\
                impl<T> fmt::Debug for Redacted<T> {}\n";
    let file = File::new("src/x.rs".to_owned(), text.to_owned());
    let tree = Tree { rust: vec![file], other: Vec::new() };
    let found: Vec<_> =
        findings(&tree).into_iter().filter(|one| one.starts_with("src/x.rs")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("src/x.rs:3: `ip: &'a str`"), "{found:?}");
}
