//! Can the pages be read side by side with the code? Lines of Markdown, as wide as those of Rust.

use crate::sizes::LINE_WIDTH;
use crate::source::Tree;

/// Lines of Markdown that are wider, outside tables and code; a word that is wider alone, as a link
/// may be, cannot be broken.
pub fn findings(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for page in tree.other.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, width) in wide(&page.text) {
            let path = &page.path;
            findings.push(format!("{path}:{line}: {width} columns; wrap it at {LINE_WIDTH}"));
        }
    }
    findings
}

/// Numbers and widths of lines that could be broken.
fn wide(text: &str) -> Vec<(usize, usize)> {
    let mut wide = Vec::new();
    let mut is_code = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let width = line.chars().count();
        let is_word = line.split_whitespace().count() < 2;
        if width > LINE_WIDTH && !is_code && !is_word && !line.starts_with('|') {
            wide.push((at + 1, width));
        }
    }
    wide
}

#[test]
fn what_cannot_be_broken_may_be_wide() {
    let long = "x".repeat(99);
    let rows = ["a {}", "| a {}", "```text", "a {}", "```", "  é {}", "é{}", "  {}{}"];
    let text = rows.join("\n").replace("{}", &long);
    assert_eq!(wide(&text), [(1, 101), (6, 103)]);
}
