//! Which bytes are JSON? The grammar over a text in memory: strings, numbers, skipped values; hot.
//!
//! Used by the [`parser`](super::parser). Unescaped strings and the rare deep nest go to the
//! request's arena, all else borrows; errors carry no position, for nobody reads it.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::{String as Text, Vec as List};

/// This is not JSON.
#[derive(Debug, Clone, Copy)]
pub struct NotJson;

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not JSON")
    }
}

impl std::error::Error for NotJson {}

pub type Read<T> = Result<T, NotJson>;

/// A place in a text.
pub struct Reader<'b> {
    text: &'b str,
    pub at: usize,
    arena: &'b Bump,
}

impl<'b> Reader<'b> {
    pub fn new(text: &'b str, arena: &'b Bump) -> Reader<'b> {
        Reader { text, at: 0, arena }
    }

    /// Nothing but white space may follow.
    pub fn end(mut self) -> Read<()> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(NotJson) }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    /// The next byte that is no white space, not yet taken.
    #[inline]
    pub fn peek(&mut self) -> Read<u8> {
        match self.byte() {
            Some(byte) if byte > b' ' => Ok(byte),
            _ => {
                self.space();
                self.byte().ok_or(NotJson)
            }
        }
    }

    #[inline]
    pub fn expect(&mut self, wanted: u8) -> Read<()> {
        if self.peek()? != wanted {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    pub fn word(&mut self, word: &str) -> Read<()> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(())
    }

    /// A string whose opening quote has been taken.
    #[inline]
    pub fn string(&mut self) -> Read<&'b str> {
        let start = self.at;
        match self.seek_special()? {
            b'"' => {
                let text = self.text.get(start..self.at).ok_or(NotJson)?;
                self.at += 1;
                Ok(text)
            }
            b'\\' => self.escaped_string(start),
            _ => Err(NotJson),
        }
    }

    /// Moves to the next quote, backslash or control character, eight bytes at a time
    /// (Mycroft: a zero byte is where subtracting one borrows into the top bit).
    #[inline]
    fn seek_special(&mut self) -> Read<u8> {
        const ONES: u64 = u64::MAX / 255;
        let bytes = self.text.as_bytes();
        while let Some(chunk) = bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let control = word.wrapping_sub(ONES * 0x20) & !word;
            let quote = word ^ (ONES * u64::from(b'"'));
            let quote = quote.wrapping_sub(ONES) & !quote;
            let backslash = word ^ (ONES * u64::from(b'\\'));
            let backslash = backslash.wrapping_sub(ONES) & !backslash;
            let special = (control | quote | backslash) & (ONES << 7);
            if special != 0 {
                let within = special.trailing_zeros() / 8;
                self.at += within as usize;
                return Ok(chunk[within as usize & 7]);
            }
            self.at += 8;
        }
        while let Some(byte) = self.byte() {
            if byte < 0x20 || byte == b'"' || byte == b'\\' {
                return Ok(byte);
            }
            self.at += 1;
        }
        Err(NotJson)
    }

    #[cold]
    fn escaped_string(&mut self, mut start: usize) -> Read<&'b str> {
        let mut text = Text::new_in(self.arena);
        loop {
            let special = self.seek_special()?;
            text.push_str(self.text.get(start..self.at).ok_or(NotJson)?);
            self.at += 1;
            match special {
                b'"' => return Ok(text.into_bump_str()),
                b'\\' => text.push(self.escape()?),
                _ => return Err(NotJson),
            }
            start = self.at;
        }
    }

    /// What stands for a character after a backslash. Half a surrogate pair stands for none.
    fn escape(&mut self) -> Read<char> {
        let byte = self.byte().ok_or(NotJson)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex4()?;
                let code = match unit {
                    0xd800..=0xdbff => {
                        self.word("\\u")?;
                        let low = self.hex4()?;
                        if !(0xdc00..=0xdfff).contains(&low) {
                            return Err(NotJson);
                        }
                        0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
                    }
                    unit => unit,
                };
                char::from_u32(code).ok_or(NotJson)?
            }
            _ => return Err(NotJson),
        })
    }

    fn hex4(&mut self) -> Read<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(NotJson)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, &digit| {
            Ok(unit << 4 | char::from(digit).to_digit(16).ok_or(NotJson)?)
        })
    }

    pub fn skip_string(&mut self) -> Read<()> {
        loop {
            let special = self.seek_special()?;
            self.at += 1;
            match special {
                b'"' => return Ok(()),
                b'\\' => {
                    let byte = self.byte().ok_or(NotJson)?;
                    self.at += 1;
                    match byte {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => drop(self.hex4()?),
                        _ => return Err(NotJson),
                    }
                }
                _ => return Err(NotJson),
            }
        }
    }

    /// A number by JSON's grammar: its text, and whether it is whole.
    #[inline]
    pub fn number(&mut self) -> Read<(&'b str, bool)> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(NotJson),
        }
        // After a leading zero a digit is read by nobody and fails as what follows the value.
        let mut whole = true;
        if self.byte() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            whole = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok((self.text.get(start..self.at).ok_or(NotJson)?, whole))
    }

    /// One digit or more.
    #[inline]
    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(NotJson) }
    }

    /// Passes over one value of any depth without recursion.
    pub fn skip_value(&mut self) -> Read<()> {
        let mut open = Nest::new(self.arena);
        loop {
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    if self.peek()? != b'}' {
                        open.push(true);
                        self.skip_key()?;
                        continue;
                    }
                    self.at += 1;
                }
                b'[' => {
                    self.at += 1;
                    if self.peek()? != b']' {
                        open.push(false);
                        continue;
                    }
                    self.at += 1;
                }
                _ => self.skip_scalar()?,
            }
            loop {
                let Some(in_object) = open.top() else { return Ok(()) };
                match (self.peek()?, in_object) {
                    (b',', true) => {
                        self.at += 1;
                        self.skip_key()?;
                        break;
                    }
                    (b',', false) => {
                        self.at += 1;
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return Err(NotJson),
                }
            }
        }
    }

    fn skip_key(&mut self) -> Read<()> {
        self.expect(b'"')?;
        self.skip_string()?;
        self.expect(b':')
    }

    fn skip_scalar(&mut self) -> Read<()> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.skip_string()
            }
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.number().map(drop),
        }
    }
}

/// Which containers are open around a skipped value, a bit for each: 64 here, more in the arena.
struct Nest<'b> {
    bits: u64,
    depth: usize,
    outer: List<'b, u64>,
}

impl<'b> Nest<'b> {
    fn new(arena: &'b Bump) -> Nest<'b> {
        Nest { bits: 0, depth: 0, outer: List::new_in(arena) }
    }

    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.bits >>= 1;
        self.depth -= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    fn top(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.bits & 1 == 1)
    }
}
