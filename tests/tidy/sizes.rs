//! How large may a thing be? Limits, and a ratchet for what is beyond them.

use std::collections::BTreeMap;
use std::fs;

use crate::lists;
use crate::source::{File, Tree, closing, is_name, words};

/// Lines before the tests of a file.
const FILE_LINES: usize = 400;
/// Lines of a whole file, its tests included.
const FILE_LINES_HARD: usize = 700;
const FUNCTION_LINES: usize = 70;
/// Without `self`.
const PARAMETERS: usize = 5;
pub const LINE_WIDTH: usize = 100;

/// A measure beyond its limit: kind and place, as the ratchet writes them.
type Beyond = BTreeMap<(String, String), usize>;

pub fn findings(tree: &Tree) -> Vec<String> {
    let mut beyond = Beyond::new();
    for file in tree.rust.iter().filter(|file| !lists::is_generated(&file.path)) {
        measure(file, &mut beyond);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tidy/ratchet.txt");
    let ratchet = fs::read_to_string(path).expect("tests/tidy/ratchet.txt can be read");
    let mut findings = compare(&beyond, &ratchet);
    for file in tree.rust.iter().filter(|file| !lists::is_generated(&file.path)) {
        for (i, line) in file.text.lines().enumerate() {
            let width = line.chars().count();
            if width > LINE_WIDTH {
                let place = format!("{}:{}", file.path, i + 1);
                findings.push(format!("{place}: {width} columns; break it at {LINE_WIDTH}"));
            }
        }
    }
    findings
}

fn measure(file: &File, beyond: &mut Beyond) {
    let mut note = |kind: &str, place: String, size: usize, limit: usize| {
        if size > limit {
            // Of several functions with one name in a file, the largest counts.
            let known = beyond.entry((kind.to_owned(), place)).or_default();
            *known = size.max(*known);
        }
    };
    let own = file.text[..file.tests_start()].lines().count();
    note("file", file.path.clone(), own, FILE_LINES);
    note("file-hard", file.path.clone(), file.text.lines().count(), FILE_LINES_HARD);
    for function in functions(&file.code) {
        let place = format!("{}::{}", file.path, function.name);
        let lines = file.line(function.end) - file.line(function.start) + 1;
        note("function", place.clone(), lines, FUNCTION_LINES);
        note("parameters", place, function.parameters, PARAMETERS);
    }
}

fn compare(beyond: &Beyond, ratchet: &str) -> Vec<String> {
    let mut listed = Beyond::new();
    for line in ratchet.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [kind, place, size] = words[..] else {
            return vec![format!("ratchet.txt: `{line}` is not `kind place size`")];
        };
        let size = size.parse().unwrap_or(0);
        listed.insert((kind.to_owned(), place.to_owned()), size);
    }
    let mut findings = Vec::new();
    for (key @ (kind, place), &size) in beyond {
        let mend = match kind.as_str() {
            "file" | "file-hard" => "split it by what it answers",
            "function" => "name a part of it and move it below",
            _ => "hand over a struct",
        };
        match listed.get(key) {
            None => findings.push(format!("{place}: {kind} {size} is beyond the limit; {mend}")),
            Some(&was) if size > was => {
                findings.push(format!("{place}: {kind} grew from {was} to {size}; {mend}"));
            }
            Some(&was) if size < was => findings.push(format!(
                "{place}: {kind} shrank from {was} to {size}; write {size} in ratchet.txt"
            )),
            Some(_) => {}
        }
    }
    for (kind, place) in listed.keys().filter(|key| !beyond.contains_key(*key)) {
        findings.push(format!("{place}: {kind} is within its limit; drop it from ratchet.txt"));
    }
    findings
}

pub struct Function {
    name: String,
    pub start: usize,
    pub end: usize,
    parameters: usize,
}

/// Every function with a body or a signature; function pointer types have no name.
pub fn functions(code: &str) -> Vec<Function> {
    words(code, "fn").filter_map(|start| function(code, start)).collect()
}

fn function(code: &str, start: usize) -> Option<Function> {
    let bytes = code.as_bytes();
    let mut at = start + 2;
    while bytes.get(at)?.is_ascii_whitespace() || bytes[at] == b'$' {
        at += 1;
    }
    let name_end = at + bytes[at..].iter().position(|&b| !is_name(b))?;
    if name_end == at {
        return None;
    }
    let name = code[at..name_end].to_owned();
    let open = parameters_start(bytes, name_end)?;
    let close = closing(code, open);
    let mut end = close;
    while end < bytes.len() {
        match bytes[end] {
            b'{' => return finish(name, start, closing(code, end) - 1, &code[open + 1..close - 1]),
            b';' => return finish(name, start, end, &code[open + 1..close - 1]),
            b'(' | b'[' => end = closing(code, end),
            _ => end += 1,
        }
    }
    None
}

fn finish(name: String, start: usize, end: usize, parameters: &str) -> Option<Function> {
    Some(Function { name, start, end, parameters: count_parameters(parameters) })
}

/// Behind the generics, if there are any.
fn parameters_start(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        match *bytes.get(at)? {
            b'(' if depth == 0 => return Some(at),
            b'<' => depth += 1,
            b'>' if bytes[at - 1] != b'-' => depth = depth.checked_sub(1)?,
            b'{' | b'}' | b';' if depth == 0 => return None,
            _ => {}
        }
        at += 1;
    }
}

fn count_parameters(list: &str) -> usize {
    let bytes = list.as_bytes();
    let (mut depth, mut start, mut count) = (0i32, 0, 0);
    let mut take = |part: &str| {
        let part = part.trim();
        let receiver = words(part, "self").next().is_some_and(|at| !part[..at].contains(':'));
        count += usize::from(!part.is_empty() && !receiver);
    };
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b')' | b']' | b'}' | b'>' => depth -= 1,
            b',' if depth == 0 => {
                take(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    take(&list[start..]);
    count
}

#[test]
fn functions_are_measured() {
    let code = concat!(
        "fn a<T: Fn(u8) -> u8>(&mut self, x: &[u8; 3], (y, z): (u8, u8), f: fn(u8, u8),)",
        " -> [u8; 2]\nwhere T: X {\n let c = |a, b, c| { a };\n}\nfn b();\nstruct S { f: fn(u8) }",
    );
    let found = functions(code);
    let names: Vec<&str> = found.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(found[0].parameters, 3);
    assert_eq!(code[found[0].start..=found[0].end].lines().count(), 4);
    assert_eq!(found[1].parameters, 0);
}

#[test]
fn the_ratchet_only_turns_one_way() {
    let key = |place: &str| ("function".to_owned(), place.to_owned());
    let beyond = Beyond::from([(key("a"), 80), (key("b"), 80), (key("c"), 80)]);
    assert!(compare(&beyond, "# why\nfunction a 80\nfunction b 80\nfunction c 80\n").is_empty());
    assert_eq!(compare(&beyond, "function a 79\nfunction b 81\nfunction d 90\n").len(), 4);
}
