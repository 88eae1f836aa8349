//! Which bytes are JSON? A serde `Deserializer` over a text that is in memory; hot.
//!
//! It accepts what serde_json accepts, and the tests hold it to that by reading the same inputs
//! with both. It exists because serde_json keeps a scratch on the heap: for each string with an
//! escape, and for each skipped value that nests. Here unescaped strings and the rare deep nest
//! go to the request's arena. Everything borrows; errors carry no position, for nobody reads it.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::{String as Text, Vec as List};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// This is not JSON.
#[derive(Debug, Clone, Copy)]
pub struct NotJson;

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not JSON")
    }
}

impl std::error::Error for NotJson {}

impl serde::de::Error for NotJson {
    fn custom<T: fmt::Display>(_: T) -> NotJson {
        NotJson
    }
}

type Read<T> = Result<T, NotJson>;

pub struct Parser<'b> {
    text: &'b str,
    at: usize,
    arena: &'b Bump,
}

impl<'b> Parser<'b> {
    pub fn new(text: &'b str, arena: &'b Bump) -> Parser<'b> {
        Parser { text, at: 0, arena }
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
    fn peek(&mut self) -> Read<u8> {
        match self.byte() {
            Some(byte) if byte > b' ' => Ok(byte),
            _ => {
                self.space();
                self.byte().ok_or(NotJson)
            }
        }
    }

    #[inline]
    fn expect(&mut self, wanted: u8) -> Read<()> {
        if self.peek()? != wanted {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Read<()> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(())
    }

    /// A string whose opening quote has been taken.
    #[inline]
    fn string(&mut self) -> Read<&'b str> {
        let start = self.at;
        match self.to_special()? {
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
    fn to_special(&mut self) -> Read<u8> {
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
            let special = self.to_special()?;
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

    fn skip_string(&mut self) -> Read<()> {
        loop {
            let special = self.to_special()?;
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
    fn number(&mut self) -> Read<(&'b str, bool)> {
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

    #[inline]
    fn visit_number<V: Visitor<'b>>(&mut self, visitor: V) -> Read<V::Value> {
        let (text, whole) = self.number()?;
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        if whole && digits.len() <= 18 {
            let value =
                digits.bytes().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
            return match (negative, value) {
                (false, value) => visitor.visit_i64(value),
                (true, 0) => visitor.visit_f64(-0.0),
                (true, value) => visitor.visit_i64(-value),
            };
        }
        if whole && let Ok(value) = text.parse() {
            return visitor.visit_u64(value);
        }
        if whole && let Ok(value) = text.parse() {
            return visitor.visit_i64(value);
        }
        match text.parse() {
            Ok(value) if f64::is_finite(value) => visitor.visit_f64(value),
            _ => Err(NotJson),
        }
    }

    /// Passes over one value of any depth without recursion.
    fn skip_value(&mut self) -> Read<()> {
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

impl<'b> Deserializer<'b> for &mut Parser<'b> {
    type Error = NotJson;

    #[inline]
    fn deserialize_any<V: Visitor<'b>>(self, visitor: V) -> Read<V::Value> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                visitor.visit_borrowed_str(self.string()?)
            }
            b'{' => {
                self.at += 1;
                let mut entries = Entries { parser: self, first: true, open: true };
                let value = visitor.visit_map(&mut entries)?;
                if entries.open { Err(NotJson) } else { Ok(value) }
            }
            b'[' => {
                self.at += 1;
                let mut entries = Entries { parser: self, first: true, open: true };
                let value = visitor.visit_seq(&mut entries)?;
                if entries.open { Err(NotJson) } else { Ok(value) }
            }
            b'n' => {
                self.word("null")?;
                visitor.visit_unit()
            }
            b't' => {
                self.word("true")?;
                visitor.visit_bool(true)
            }
            b'f' => {
                self.word("false")?;
                visitor.visit_bool(false)
            }
            _ => self.visit_number(visitor),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'b>>(self, visitor: V) -> Read<V::Value> {
        self.skip_value()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <W: Visitor<'b>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// The entries of a list or an object whose opening has been taken.
struct Entries<'p, 'b> {
    parser: &'p mut Parser<'b>,
    first: bool,
    open: bool,
}

impl Entries<'_, '_> {
    /// Whether one more entry follows; takes the comma before it, or the end.
    #[inline]
    fn more(&mut self, end: u8) -> Read<bool> {
        match self.parser.peek()? {
            byte if byte == end => {
                self.parser.at += 1;
                self.open = false;
                return Ok(false);
            }
            b',' if !self.first => self.parser.at += 1,
            _ if self.first => {}
            _ => return Err(NotJson),
        }
        self.first = false;
        Ok(true)
    }
}

impl<'b> SeqAccess<'b> for &mut Entries<'_, 'b> {
    type Error = NotJson;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'b>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        if !self.more(b']')? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.parser).map(Some)
    }
}

impl<'b> MapAccess<'b> for &mut Entries<'_, 'b> {
    type Error = NotJson;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'b>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        if !self.more(b'}')? {
            return Ok(None);
        }
        self.parser.expect(b'"')?;
        seed.deserialize(Key(self.parser)).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'b>>(&mut self, seed: V) -> Read<V::Value> {
        self.parser.expect(b':')?;
        seed.deserialize(&mut *self.parser)
    }
}

/// The key of an entry, whose opening quote has been taken.
struct Key<'p, 'b>(&'p mut Parser<'b>);

impl<'b> Deserializer<'b> for Key<'_, 'b> {
    type Error = NotJson;

    #[inline]
    fn deserialize_any<V: Visitor<'b>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_borrowed_str(self.0.string()?)
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'b>>(self, visitor: V) -> Read<V::Value> {
        self.0.skip_string()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <W: Visitor<'b>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}
