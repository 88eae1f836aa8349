//! May this file import that one? Only what is declared above it.

use crate::source::{File, Tree, closing, is_name, words};

/// The wings of `lib.rs` and the rooms of each wing, in the order of their declarations.
struct House {
    wings: Vec<(String, Vec<String>)>,
}

pub fn findings(tree: &Tree) -> Vec<String> {
    let house = House::read(tree);
    let mut findings = Vec::new();
    for file in tree.source() {
        let Some(home) = module_of(&file.path) else { continue };
        for (at, path) in paths(file, &home) {
            if let Some(wrong) = house.breach(&home, &path) {
                findings.push(format!("{}: {wrong}", file.at(at)));
            }
        }
    }
    let root = tree.find("src/lib.rs").expect("src/lib.rs stands");
    for at in words(&root.code, "use") {
        findings.push(format!("{}: lib.rs re-exports nothing; import from the room", root.at(at)));
    }
    findings
}

impl House {
    fn read(tree: &Tree) -> House {
        let root = tree.find("src/lib.rs").expect("src/lib.rs stands");
        let wings = declared(&root.code);
        assert!(wings.len() >= 8, "lib.rs declares the wings, found {wings:?}");
        let rooms = |wing: &String| {
            let file = tree.find(&format!("src/{wing}/mod.rs"));
            file.map(|file| declared(&file.code)).unwrap_or_default()
        };
        House { wings: wings.iter().map(|wing| (wing.clone(), rooms(wing))).collect() }
    }

    fn wing(&self, name: &str) -> Option<usize> {
        self.wings.iter().position(|(wing, _)| wing == name)
    }

    /// What is wrong with a file of module `home` naming `path`.
    fn breach(&self, home: &[String], path: &[String]) -> Option<String> {
        let from = self.wing(home.first()?)?;
        let to = self.wing(path.first()?)?;
        let (wing, rooms) = &self.wings[from];
        if to > from {
            return Some(format!(
                "`{wing}` may not import `crate::{}`: the wing `{}` stands below it in lib.rs; \
                 move the noun up or the caller down",
                path.join("::"),
                path[0]
            ));
        }
        if to < from {
            return None;
        }
        let room = |name: Option<&String>| rooms.iter().position(|room| Some(room) == name);
        let (own, other) = (room(home.get(1)), room(path.get(1)));
        match (own, other) {
            (Some(own), Some(other)) if other > own => Some(format!(
                "`{wing}::{}` may not import `{wing}::{}`, which stands below it in {wing}/mod.rs; \
                 move the noun up or the caller down",
                rooms[own], rooms[other]
            )),
            (Some(_), None) if path.len() == 1 => {
                Some(format!("name the room of `crate::{wing}` that is meant"))
            }
            _ => None,
        }
    }
}

/// `mod x;` and `pub mod x;` at the top level, in order.
fn declared(code: &str) -> Vec<String> {
    words(code, "mod")
        .filter_map(|at| {
            let name = name_at(code, at + 3)?;
            let end = at + 3 + code[at + 3..].find([';', '{'])?;
            code[end..].starts_with(';').then_some(name)
        })
        .collect()
}

fn name_at(code: &str, at: usize) -> Option<String> {
    let rest = code[at..].trim_start();
    let end = rest.bytes().position(|b| !is_name(b)).unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].to_owned())
}

/// `src/offer/auction/rank.rs` → `[offer, auction, rank]`; `None` for roots.
fn module_of(path: &str) -> Option<Vec<String>> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let inner = inner.strip_suffix("/mod").unwrap_or(inner);
    (inner != "lib" && inner != "main").then(|| inner.split('/').map(str::to_owned).collect())
}

/// Every `crate::…` and `super::…` path of the code, resolved to the crate's root.
fn paths(file: &File, home: &[String]) -> Vec<(usize, Vec<String>)> {
    let code = &file.code;
    let mut found = Vec::new();
    for at in words(code, "crate") {
        if code[at + 5..].starts_with("::") {
            branches(code, at + 7, &[], &mut found);
        }
    }
    for at in words(code, "super") {
        let continues = code[..at].ends_with("super::") || code[..at].ends_with("self::");
        if continues || !code[at + 5..].starts_with("::") {
            continue;
        }
        let mut base = home.to_vec();
        base.extend(inline_modules(code, at));
        let mut next = at;
        while code[next..].starts_with("super::") {
            base.pop();
            next += 7;
        }
        branches(code, next, &base, &mut found);
    }
    found
}

/// Follows a path or a tree of them: `a::b`, `{a, b::{c, d}}`.
fn branches(code: &str, at: usize, base: &[String], out: &mut Vec<(usize, Vec<String>)>) {
    let at = at + (code[at..].len() - code[at..].trim_start().len());
    if code[at..].starts_with('{') {
        let end = closing(code, at) - 1;
        let mut start = at + 1;
        while start < end {
            branches(code, start, base, out);
            start = next_branch(code, start, end);
        }
        return;
    }
    let Some(name) = name_at(code, at) else {
        return out.push((at, base.to_vec()));
    };
    let mut path = base.to_vec();
    let end = at + name.len();
    path.push(name);
    if code[end..].starts_with("::") && !code[end + 2..].starts_with('<') {
        branches(code, end + 2, &path, out);
    } else {
        out.push((at, path));
    }
}

/// Behind the next comma at this level of a tree of paths.
fn next_branch(code: &str, start: usize, end: usize) -> usize {
    let mut at = start;
    while at < end {
        match code.as_bytes()[at] {
            b',' => return at + 1,
            b'{' => at = closing(code, at),
            _ => at += 1,
        }
    }
    end
}

/// The modules opened in braces around `at`, outermost first.
fn inline_modules(code: &str, at: usize) -> Vec<String> {
    words(code, "mod")
        .take_while(|&start| start < at)
        .filter_map(|start| {
            let name = name_at(code, start + 3)?;
            let open = start + 3 + code[start + 3..].find([';', '{'])?;
            let around = code[open..].starts_with('{') && (open..closing(code, open)).contains(&at);
            around.then_some(name)
        })
        .collect()
}

#[test]
fn paths_are_followed_through_trees_and_supers() {
    let text = "use crate::{a::b, c::{d, e::*}};\nfn f() { super::x::y::<T>(); }\n\
                mod tests { use super::*; use super::super::z; }";
    let file = File::new("src/w/room/part.rs".into(), text.into());
    let home = module_of(&file.path).expect("a module");
    let mut found: Vec<String> =
        paths(&file, &home).into_iter().map(|(_, path)| path.join("::")).collect();
    found.sort();
    assert_eq!(found, ["a::b", "c::d", "c::e", "w::room::part", "w::room::x::y", "w::room::z"],);
}

#[test]
fn a_breach_is_found_and_its_reverse_is_not() {
    let rooms = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let house = House {
        wings: vec![("base".into(), rooms(&["units"])), ("market".into(), rooms(&["a", "b"]))],
    };
    let breach = |home: &str, path: &str| {
        let parts = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
        house.breach(&parts(home), &parts(path)).is_some()
    };
    assert!(breach("base::units", "market::a"));
    assert!(breach("market::a", "market::b::c"));
    assert!(!breach("market::b", "market::a::c"));
    assert!(!breach("market::a", "base::units"));
}
