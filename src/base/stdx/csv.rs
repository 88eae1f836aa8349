//! How does a table stand in a file of comma-separated values (RFC 4180)? Written and read.
//!
//! For reports, which spreadsheets open, and for exchanges' own; cold. A text that a spreadsheet
//! would take for a formula is written with an apostrophe before it.

use std::borrow::Cow;

/// Adds one cell of text to a row: quoted, formulas made harmless.
pub fn write_text(out: &mut String, text: &str) {
    write_plain(out, &harmless(text));
}

/// Adds one cell of what is ours, such as a number.
pub fn write_plain(out: &mut String, text: &str) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push(',');
    }
    out.push('"');
    for (at, part) in text.split('"').enumerate() {
        if at > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}

/// A text as spreadsheets take for no formula.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let first = text.trim_start_matches(' ').chars().next();
    match first {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '|' | '＝' | '＋' | '－' | '＠') => {
            Cow::Owned(format!("'{text}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// One row, and where it began.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// From 1.
    pub line: u64,
    pub cells: Vec<String>,
}

/// Why a row cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CsvFault {
    #[error("a quote is opened and not closed")]
    Unclosed,
    #[error("text stands behind a closing quote")]
    BehindQuote,
    #[error("a quote stands within a cell that is not quoted")]
    WithinCell,
}

/// Rows of a text, one by one; empty lines are passed over.
pub struct Rows<'t> {
    rest: &'t str,
    line: u64,
    separator: char,
}

impl<'t> Rows<'t> {
    /// Commas, or what stands in the first line and is none: semicolons or tabs.
    pub fn of(text: &'t str) -> Rows<'t> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let head = text.lines().next().unwrap_or_default();
        let other = [';', '\t'].into_iter().find(|&mark| head.contains(mark));
        let separator = other.filter(|_| !head.contains(',')).unwrap_or(',');
        Rows { rest: text, line: 1, separator }
    }

    fn row(&mut self) -> Result<Vec<String>, CsvFault> {
        let mut cells = Vec::new();
        loop {
            let (cell, ended) = self.cell()?;
            cells.push(cell);
            if ended {
                return Ok(cells);
            }
        }
    }

    /// The next cell, and whether it is the last of its row.
    fn cell(&mut self) -> Result<(String, bool), CsvFault> {
        let Some(mut rest) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([self.separator, '\n']).unwrap_or(self.rest.len());
            let text = &self.rest[..end];
            let text = if self.rest[end..].starts_with('\n') || end == self.rest.len() {
                text.strip_suffix('\r').unwrap_or(text)
            } else {
                text
            };
            if text.contains('"') {
                return Err(CsvFault::WithinCell);
            }
            let text = text.to_owned();
            self.rest = &self.rest[end..];
            return Ok((text, self.separated()?));
        };
        let mut text = String::new();
        loop {
            let end = rest.find('"').ok_or(CsvFault::Unclosed)?;
            text.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('"') {
                Some(after) => {
                    text.push('"');
                    rest = after;
                }
                None => break,
            }
        }
        self.line += text.matches('\n').count() as u64;
        self.rest = rest;
        Ok((text, self.separated()?))
    }

    fn separated(&mut self) -> Result<bool, CsvFault> {
        if let Some(after) = self.rest.strip_prefix(self.separator) {
            self.rest = after;
            return Ok(false);
        }
        let after = self.rest.strip_prefix('\r').unwrap_or(self.rest);
        match after.strip_prefix('\n') {
            Some(after) => self.rest = after,
            None if after.is_empty() => self.rest = after,
            None => return Err(CsvFault::BehindQuote),
        }
        self.line += 1;
        Ok(true)
    }
}

/// A fault ends the rows: where the next one would begin is not known.
impl Iterator for Rows<'_> {
    type Item = (u64, Result<Row, CsvFault>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = self.line;
            let read = self.row();
            if read.is_err() {
                self.rest = "";
            }
            match read {
                Ok(cells) if cells.len() == 1 && cells[0].is_empty() => {}
                read => return Some((line, read.map(|cells| Row { line, cells }))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<Vec<String>> {
        Rows::of(text).map(|(_, row)| row.unwrap().cells).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            rows in proptest::collection::vec(proptest::collection::vec("(?s).{0,9}", 2..5), 0..8),
        ) {
            let mut out = String::new();
            for row in &rows {
                row.iter().for_each(|cell| write_text(&mut out, cell));
                out.push_str("\r\n");
            }
            let wanted: Vec<Vec<String>> = rows
                .iter()
                .map(|row| row.iter().map(|cell| harmless(cell).into_owned()).collect())
                .collect();
            // The mark is told from the head, which may be of texts that hold others.
            let mut mine = Rows { rest: &out, line: 1, separator: ',' };
            let back: Vec<Vec<String>> =
                mine.by_ref().map(|(_, row)| row.unwrap().cells).collect();
            prop_assert_eq!(back, wanted);
        }

        #[test]
        fn no_text_makes_it_panic_or_go_on_for_ever(text in "[a\",;\r\n\t]{0,40}") {
            prop_assert!(Rows::of(&text).count() <= text.len() + 1);
        }

        #[test]
        fn no_cell_is_a_formula(text in "[ =+\\-@\t\ra]{0,6}") {
            let told = harmless(&text);
            let first = told.trim_start_matches(' ').chars().next();
            prop_assert!(!first.is_some_and(|c| "=+-@\t\r".contains(c)), "{:?}", told);
        }
    }

    #[test]
    fn other_dialects_are_read() {
        assert_eq!(read("\u{feff}a;b\n1,5;2\n"), [["a", "b"], ["1,5", "2"]]);
        assert_eq!(read("a\tb\r\n\r\n\"x\"\ty"), [["a", "b"], ["x", "y"]]);
        assert_eq!(read("a,b\n,\n"), [["a", "b"], ["", ""]]);
        assert_eq!(read(""), Vec::<Vec<String>>::new());
    }

    #[test]
    fn rows_know_their_line_and_a_fault_ends_them() {
        let text = "a,b\n\"x\ny\",2\n\n3,4\n5,\"6";
        let rows: Vec<_> =
            Rows::of(text).map(|(line, row)| (line, row.map(|r| r.cells[0].clone()))).collect();
        assert_eq!(rows[0], (1, Ok("a".into())));
        assert_eq!(rows[1], (2, Ok("x\ny".into())));
        assert_eq!(rows[2], (5, Ok("3".into())));
        assert_eq!(rows[3], (6, Err(CsvFault::Unclosed)));
        for (text, fault) in
            [("a\"b,c\n", CsvFault::WithinCell), ("\"a\"b\n", CsvFault::BehindQuote)]
        {
            assert_eq!(Rows::of(text).next().unwrap().1, Err(fault), "{text}");
        }
    }
}
