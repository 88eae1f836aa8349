//! Which words and names have no place here?

use crate::lists;
use crate::sizes::functions;
use crate::source::{File, Tree, words};

/// Every file of `src` begins with `//!`: what it answers, who calls it, hot or cold.
pub fn headers(tree: &Tree) -> Vec<String> {
    let bare = tree
        .source()
        .filter(|file| !file.text.starts_with("//!") && !file.path.ends_with("/tests.rs"));
    bare.map(|file| format!("{}:1: begin with `//!` and what the file answers", file.path))
        .collect()
}

/// Leftovers, shortcuts and names that say nothing.
pub fn leftovers(tree: &Tree) -> Vec<String> {
    let mut out = Vec::new();
    for file in &tree.rust {
        in_code(file, &mut out);
        let stem = file.path.trim_end_matches(".rs").rsplit('/');
        for part in stem {
            if ["util", "utils", "helper", "helpers", "manager", "common", "misc"].contains(&part) {
                out.push(format!("{}: `{part}` says nothing; name what it does", file.path));
            }
        }
    }
    for file in tree.rust.iter().chain(&tree.other) {
        if file.path.starts_with("tests/tidy/") {
            continue;
        }
        for leftover in ["TODO", "FIXME", "XXX"] {
            // In Rust only what is said about the code; `XXX` is also a currency.
            let said = if file.path.ends_with(".rs") { &file.comments } else { &file.text };
            for at in words(said, leftover) {
                out.push(format!("{}: `{leftover}`: do it, or drop it", file.at(at)));
            }
        }
    }
    out
}

fn in_code(file: &File, out: &mut Vec<String>) {
    for at in words(&file.code, "unsafe") {
        if !lists::UNSAFE.iter().any(|(path, _)| *path == file.path) {
            out.push(format!("{}: `unsafe` belongs to the one SIMD file", file.at(at)));
        }
    }
    for (at, _) in file.code.match_indices("dbg!") {
        out.push(format!("{}: `dbg!` is a leftover; drop it", file.at(at)));
    }
    for banned in ["Manager", "Helper", "Helpers", "Util", "Utils", "Common"] {
        for keyword in ["struct", "enum", "trait", "type"] {
            for at in words(&file.code, keyword) {
                let name: &str = file.code[at + keyword.len()..].trim_start();
                let end = name.bytes().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(0);
                if name[..end].ends_with(banned) {
                    let place = file.at(at);
                    out.push(format!(
                        "{place}: `{}` says nothing; name what it does",
                        &name[..end]
                    ));
                }
            }
        }
    }
}

/// Nothing is learnt of a listener from a bid or a notice (docs/consent.md, `write_profile`): what
/// answers them names nothing that could write a profile.
pub fn learning(tree: &Tree) -> Vec<String> {
    const PATHS: [&str; 4] =
        ["src/flows/decide", "src/flows/notice", "src/knowledge/enrich", "src/doors/receive"];
    const WRITES: [&str; 4] = ["Intake", "DiskStore", "Change", "encode"];
    let mut out = Vec::new();
    let of_paths = |file: &&File| PATHS.iter().any(|path| file.path.starts_with(path));
    for file in tree.source().filter(of_paths) {
        for (name, at) in WRITES.iter().flat_map(|n| words(&file.code, n).map(move |at| (n, at))) {
            if !file.in_tests(at) && file.code.contains("knowledge::audience") {
                out.push(format!("{}: `{name}` writes profiles; bids may not", file.at(at)));
            }
        }
    }
    out
}

/// What awaits, locks, formats or allocates, in files that a request passes through.
///
/// What only start-up or an operator reaches carries `// cold: why`: on the line itself, on its own
/// above it, or above the whole function.
pub fn hot(tree: &Tree) -> Vec<String> {
    const BANNED: [(&str, &str); 10] = [
        (".await", "the path from decode to record is synchronous"),
        (".lock(", "nothing on the bid path waits for another thread"),
        ("format!", "write into the scratch's buffer"),
        (".to_string(", "borrow from the body or the arena"),
        (".to_owned(", "borrow from the body or the arena"),
        ("Box::new", "use the request's arena"),
        ("Vec::new", "use the request's arena or the scratch"),
        ("vec![", "use the request's arena or the scratch"),
        ("String::new", "use the scratch's buffer"),
        ("::now(", "take the Moment that is passed in"),
    ];
    let mut out = Vec::new();
    for file in tree.source().filter(|file| lists::is_hot(&file.path)) {
        let cold: Vec<_> = functions(&file.code)
            .into_iter()
            .filter(|function| file.remarks_above(function.start).contains("cold:"))
            .collect();
        for (word, mend) in BANNED {
            for (at, _) in file.code.match_indices(word) {
                let in_cold = cold.iter().any(|f| (f.start..f.end).contains(&at));
                let excused = in_cold || file.remark(at).contains("cold:") || file.in_tests(at);
                if !excused {
                    let place = file.at(at);
                    out.push(format!(
                        "{place}: `{word}` on the bid path; {mend}, or say `// cold: why`"
                    ));
                }
            }
        }
    }
    out
}

/// Machine paths and package mirrors: a clone must build anywhere.
pub fn origins(tree: &Tree) -> Vec<String> {
    let mut out = Vec::new();
    for file in tree.rust.iter().chain(&tree.other) {
        for path in [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")] {
            for (at, _) in file.text.match_indices(path) {
                let rooted = !file.text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.');
                if rooted {
                    out.push(format!("{}: `{path}` is one machine's path", file.at(at)));
                }
            }
        }
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let mirrored: &[&str] = match name {
            "package-lock.json" | "npm-shrinkwrap.json" => &["\"resolved\""],
            ".npmrc" | "package.json" => &["registry"],
            "config.toml" | "Cargo.toml" => &["replace-with", "[source.", "[registries"],
            _ => &[],
        };
        for word in mirrored {
            for (at, _) in file.text.match_indices(word) {
                out.push(format!(
                    "{}: `{word}` names a package mirror; leave it to the machine's own settings",
                    file.at(at)
                ));
            }
        }
    }
    out
}

#[test]
fn a_cold_remark_excuses_one_line_and_tests_are_exempt() {
    let text = "fn a() {\n    let b = format!(\"x\"); // cold: at start\n    Vec::new();\n}\n\
                /// Once.\n// cold: at start\npub fn d() { Vec::new() }\n\
                #[cfg(test)]\nmod tests {\n    fn c() { Vec::new(); }\n}\n";
    let path = lists::HOT[0].0;
    let path = if path.ends_with('/') { format!("{path}x.rs") } else { path.to_owned() };
    let tree = Tree { rust: vec![File::new(path.clone(), text.to_owned())], other: Vec::new() };
    let findings = hot(&tree);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].starts_with(&format!("{path}:3: `Vec::new`")), "{findings:?}");
}
