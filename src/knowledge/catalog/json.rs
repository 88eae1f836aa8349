//! What does a JSON text say? RFC 8259 → [`Node`]s with positions, within bounds.
//!
//! Called by the loader for `*.json` and for archives; cold. Strings are unescaped by serde_json;
//! what is ours is the position of each value, which serde_json does not tell.

use std::cell::Cell;

use super::node::{Bounds, Entry, Kind, Node, Place, SyntaxFault};

/// The one value of the text.
pub fn read(text: &str, bounds: Bounds) -> Result<Node, SyntaxFault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let counted = Cell::new((0, 0));
    let mut reader =
        Reader { text, at: 0, line: 1, line_start: 0, counted, nodes: 0, depth: 0, bounds };
    reader.space();
    let node = reader.value()?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.fault("something follows the end of the document"));
    }
    Ok(node)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    line_start: usize,
    /// A position already looked at, and the characters of its line before it: documents of one
    /// line are common, and counting each column anew would take quadratic time.
    counted: Cell<(usize, usize)>,
    nodes: usize,
    depth: usize,
    bounds: Bounds,
}

impl Reader<'_> {
    fn place(&self) -> Place {
        let (from, before) = match self.counted.get() {
            (at, before) if (self.line_start..=self.at).contains(&at) => (at, before),
            _ => (self.line_start, 0),
        };
        let before = before + self.text[from..self.at].chars().count();
        self.counted.set((self.at, before));
        Place { line: self.line, column: u32::try_from(before + 1).unwrap_or(u32::MAX) }
    }

    fn fault(&self, message: &str) -> SyntaxFault {
        SyntaxFault { place: self.place(), message: message.to_owned() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.line_start = self.at;
            }
        }
    }

    fn value(&mut self) -> Result<Node, SyntaxFault> {
        let place = self.place();
        self.nodes += 1;
        if self.nodes > self.bounds.nodes {
            return Err(self.bounds.too_many(place));
        }
        match self.peek() {
            Some(b'{') => self.nested(place, Reader::map),
            Some(b'[') => self.nested(place, Reader::list),
            Some(b'"') => Ok(Node::scalar(place, self.string()?, true)),
            Some(_) => self.bare(place),
            None => Err(self.fault("the text ends where a value must stand")),
        }
    }

    fn nested(
        &mut self,
        place: Place,
        read: fn(&mut Self) -> Result<Kind, SyntaxFault>,
    ) -> Result<Node, SyntaxFault> {
        if self.depth >= self.bounds.depth {
            return Err(self.bounds.too_deep(place));
        }
        self.depth += 1;
        self.at += 1;
        self.space();
        let kind = read(self)?;
        self.depth -= 1;
        Ok(Node { place, kind })
    }

    fn map(&mut self) -> Result<Kind, SyntaxFault> {
        let mut map = Vec::new();
        if self.eat(b'}') {
            return Ok(Kind::Map(map));
        }
        loop {
            let place = self.place();
            if self.peek() != Some(b'"') {
                return Err(self.fault("a key in double quotes must stand here"));
            }
            let key = self.string()?;
            self.space();
            if !self.eat(b':') {
                return Err(self.fault("`:` must follow the key"));
            }
            self.space();
            map.push(Entry { key, place, value: self.value()? });
            self.space();
            if self.eat(b'}') {
                return Ok(Kind::Map(map));
            }
            self.comma("`,` or `}` must stand here")?;
        }
    }

    fn list(&mut self) -> Result<Kind, SyntaxFault> {
        let mut list = Vec::new();
        if self.eat(b']') {
            return Ok(Kind::List(list));
        }
        loop {
            list.push(self.value()?);
            self.space();
            if self.eat(b']') {
                return Ok(Kind::List(list));
            }
            self.comma("`,` or `]` must stand here")?;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_it = self.peek() == Some(byte);
        self.at += usize::from(is_it);
        is_it
    }

    fn comma(&mut self, message: &str) -> Result<(), SyntaxFault> {
        if !self.eat(b',') {
            return Err(self.fault(message));
        }
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Result<String, SyntaxFault> {
        let rest = &self.text.as_bytes()[self.at..];
        let mut end = 1;
        loop {
            match rest.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(byte) if *byte >= 0x20 => end += 1,
                _ => return Err(self.fault("a text without its closing quote")),
            }
        }
        let raw = &self.text[self.at..=self.at + end];
        let text = serde_json::from_str(raw).map_err(|_| self.fault("an escape that is none"))?;
        self.at += end + 1;
        Ok(text)
    }

    /// A number, `true`, `false` or `null`, kept as its text.
    fn bare(&mut self, place: Place) -> Result<Node, SyntaxFault> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
        let word = &rest[..end.unwrap_or(rest.len())];
        if serde_json::from_str::<&serde_json::value::RawValue>(word).is_err() {
            return Err(self.fault("no JSON value can start here"));
        }
        self.at += word.len();
        Ok(Node::scalar(place, word, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_yaml_say_the_same() {
        let text = r#"{"a": [1.50, "x\u00e9\ud83d\ude00", true, null, {}], "b": {"c": []}}"#;
        let Kind::Map(map) = read(text, Bounds::default()).unwrap().kind else { panic!() };
        let Kind::List(list) = &map[0].value.kind else { panic!() };
        assert_eq!(list[0], Node::scalar(Place { line: 1, column: 8 }, "1.50", false));
        assert_eq!(list[1].kind, Kind::Scalar { text: "xé😀".into(), quoted: true });
        assert!(list[3].is_null());
        assert_eq!(map[1].place, Place { line: 1, column: 54 });
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for (text, line, column) in [
            ("", 1, 1),
            ("{\"a\" 1}", 1, 6),
            ("{\n \"a\": 1,\n}", 3, 1),
            ("[1 2]", 1, 4),
            ("[1,]", 1, 4),
            ("\"a", 1, 1),
            ("{} {}", 1, 4),
            ("[01]", 1, 2),
            ("[NaN]", 1, 2),
            ("\"\\x\"", 1, 1),
            ("\"\\", 1, 1),
        ] {
            let fault = read(text, Bounds::default()).expect_err(text);
            assert_eq!(fault.place, Place { line, column }, "{text}: {fault:?}");
        }
        assert!(read(&"[".repeat(1_000_000), Bounds::default()).is_err());
    }
}
