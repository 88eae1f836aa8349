//! What does a source file say once its comments and strings are put aside?

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A text file of the repository, by its path from the root.
pub struct File {
    pub path: String,
    pub text: String,
    /// `text` with comments, string contents and character literals blanked, line for line.
    pub code: String,
    /// `text` with everything but comments blanked.
    pub comments: String,
    line_starts: Vec<usize>,
    /// Byte ranges that only tests see.
    tests: Vec<Range<usize>>,
}

pub struct Tree {
    pub rust: Vec<File>,
    /// Everything else that is text.
    pub other: Vec<File>,
}

const ROOTS: [&str; 10] =
    ["src", "tests", "benches", "fuzz", "config", "proto", "docs", "examples", ".ci", ".github"];
const SKIPPED: [&str; 5] = ["node_modules", "target", ".git", "fixtures", "corpus"];

impl Tree {
    pub fn read() -> Tree {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut paths = Vec::new();
        for name in ROOTS {
            walk(&root.join(name), &mut paths);
        }
        for entry in fs::read_dir(root).expect("the repository's root can be read").flatten() {
            if entry.path().is_file() {
                paths.push(entry.path());
            }
        }
        paths.sort();
        let mut tree = Tree { rust: Vec::new(), other: Vec::new() };
        for path in paths {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let name = path.strip_prefix(root).expect("walked from the root").to_string_lossy();
            let file = File::new(name.replace('\\', "/"), text);
            if file.path.ends_with(".rs") { &mut tree.rust } else { &mut tree.other }.push(file);
        }
        tree
    }

    pub fn source(&self) -> impl Iterator<Item = &File> {
        self.rust.iter().filter(|file| file.path.starts_with("src/"))
    }

    pub fn find(&self, path: &str) -> Option<&File> {
        self.rust.iter().find(|file| file.path == path)
    }
}

fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if !path.is_dir() {
            out.push(path);
        } else if !SKIPPED.iter().any(|skipped| path.ends_with(skipped)) {
            walk(&path, out);
        }
    }
}

impl File {
    pub fn new(path: String, text: String) -> File {
        let rust = path.ends_with(".rs");
        let (code, comments) = if rust { split(&text) } else { (text.clone(), String::new()) };
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let tests = if rust { test_ranges(&path, &code) } else { Vec::new() };
        File { path, text, code, comments, line_starts, tests }
    }

    /// Line number from 1 of a byte offset.
    pub fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at)
    }

    pub fn at(&self, offset: usize) -> String {
        format!("{}:{}", self.path, self.line(offset))
    }

    pub fn in_tests(&self, at: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&at))
    }

    /// Where the tests at the end of the file begin; the length of the file without any.
    pub fn tests_start(&self) -> usize {
        self.tests.iter().map(|range| range.start).next_back().unwrap_or(self.text.len())
    }

    /// The comment on the line of `at`, or on its own on the line above.
    pub fn remark(&self, at: usize) -> &str {
        let line = self.line(at) - 1;
        let own = self.comments[self.span(line)].trim();
        let above = self.span(line.saturating_sub(1));
        if own.is_empty() && self.code[above.clone()].trim().is_empty() {
            return self.comments[above].trim();
        }
        own
    }

    /// The comments that stand right above the item at `at`, its attributes skipped.
    pub fn remarks_above(&self, at: usize) -> String {
        let first = self.line(at) - 1;
        let above = (0..first).rev().map(|line| self.span(line)).take_while(|span| {
            let code = self.code[span.clone()].trim();
            let comment = self.comments[span.clone()].trim();
            code.starts_with('#') || (code.is_empty() && !comment.is_empty())
        });
        above.map(|span| self.comments[span].trim().to_owned()).collect()
    }

    fn span(&self, line: usize) -> Range<usize> {
        let end = self.line_starts.get(line + 1).copied().unwrap_or(self.text.len());
        self.line_starts[line]..end
    }
}

/// Where `word` stands on its own, not as a part of a longer name.
pub fn words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].bytes().next_back();
        let after = text[at + word.len()..].bytes().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

pub fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The offset just behind the bracket that closes the one at `open`; the end where none does.
pub fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Items behind `#[cfg(test)]`; the whole file where it is itself a test.
fn test_ranges(path: &str, code: &str) -> Vec<Range<usize>> {
    let of_tests = path.ends_with("/tests.rs") || path.contains("/tests/");
    if of_tests || !path.starts_with("src/") {
        return std::iter::once(0..code.len()).collect();
    }
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, _) in code.match_indices("#[cfg(test)]") {
        if ranges.last().is_some_and(|last| last.contains(&at)) {
            continue;
        }
        let end = code[at..].find(['{', ';']).map_or(code.len(), |brace| at + brace);
        let end = if code[end..].starts_with('{') { closing(code, end) } else { end + 1 };
        ranges.push(at..end);
    }
    ranges
}

/// Code without comments and literals, and comments without code; both as long as `text`.
fn split(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let (mut code, mut comments) = (bytes.to_vec(), bytes.to_vec());
    let mut at = 0;
    while at < bytes.len() {
        let (end, is_comment) = literal_or_comment(bytes, at);
        let blanked = if end == at { at..at + 1 } else { at..end };
        for i in blanked.clone() {
            if bytes[i] == b'\n' {
                continue;
            }
            if end == at || !is_comment {
                comments[i] = b' ';
            }
            if end > at {
                code[i] = b' ';
            }
        }
        at = blanked.end;
    }
    (String::from_utf8_lossy(&code).into_owned(), String::from_utf8_lossy(&comments).into_owned())
}

/// The end of the literal or comment that begins at `at`, or `at` itself; and whether it is a
/// comment.
fn literal_or_comment(bytes: &[u8], at: usize) -> (usize, bool) {
    let rest = &bytes[at..];
    let inside_name = at > 0 && is_name(bytes[at - 1]);
    match rest[0] {
        b'/' if rest.starts_with(b"//") => {
            (at + rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()), true)
        }
        b'/' if rest.starts_with(b"/*") => (at + block_comment(rest), true),
        b'"' => (at + quoted(rest), false),
        b'\'' => (at + character(rest), false),
        b'b' | b'c' | b'r' if !inside_name => (at + prefixed(rest), false),
        _ => (at, false),
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i < rest.len() {
        if rest[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if rest[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8]) -> usize {
    let mut i = 1;
    while i < rest.len() {
        match rest[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    rest.len()
}

/// A character literal's length; 0 for a lifetime or a label.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        let closing = rest.iter().skip(3).position(|&b| b == b'\'');
        return closing.map_or(rest.len(), |i| i + 4);
    }
    let Some(first) = rest.get(1) else { return 0 };
    let width = match first {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
}

/// `b"…"`, `c"…"`, `b'…'`, `r#"…"#`, `br#"…"#`: the length, or 0 when it is a plain name.
fn prefixed(rest: &[u8]) -> usize {
    let letters = rest.iter().take_while(|b| b"bcr".contains(b)).count();
    let after = &rest[letters..];
    if letters > 2 || after.is_empty() {
        return 0;
    }
    let raw = rest[..letters].contains(&b'r');
    match after[0] {
        b'"' if !raw => letters + quoted(after),
        b'\'' if rest[0] == b'b' && letters == 1 => letters + character(after),
        b'"' | b'#' if raw => {
            let hashes = after.iter().take_while(|&&b| b == b'#').count();
            if after.get(hashes) != Some(&b'"') {
                return 0;
            }
            let end: Vec<u8> =
                std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let body = &after[hashes + 1..];
            let length = body.windows(end.len()).position(|w| w == end).unwrap_or(body.len());
            (letters + hashes + 1 + length + end.len()).min(rest.len())
        }
        _ => 0,
    }
}

#[test]
fn literals_and_comments_are_told_from_code() {
    let text = concat!(
        r##"let a: &'static str = "fn { \" }"; // fn b() {"##,
        "\n",
        r##"let c = '{'; let d = '\''; let e = r#"} " fn"#; /* { /* } */ { */ "##,
        r##"let f = b'}'; r#fn::g('λ', b"{");"##,
    );
    let (code, comments) = split(text);
    assert_eq!(code.len(), text.len());
    assert_eq!(code.matches(['{', '}']).count(), 0, "{code}");
    assert_eq!(words(&code, "fn").count(), 1, "{code}");
    assert!(code.contains("&'static str"), "{code}");
    assert!(comments.contains("// fn b() {") && !comments.contains("let"), "{comments}");
}
