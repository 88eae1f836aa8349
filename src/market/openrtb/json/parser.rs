//! How do bytes meet serde? A `Deserializer` over a text that is in memory; hot.
//!
//! It accepts what serde_json accepts, and the tests hold it to that by reading the same inputs
//! with both. It exists because serde_json keeps a scratch on the heap: for each string with an
//! escape, and for each skipped value that nests.

use std::fmt;

use bumpalo::Bump;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::text::{NotJson, Read, Reader};

impl serde::de::Error for NotJson {
    fn custom<T: fmt::Display>(_: T) -> NotJson {
        NotJson
    }
}

/// A JSON text that is read value by value.
pub struct Parser<'b>(Reader<'b>);

impl<'b> Parser<'b> {
    pub fn new(text: &'b str, arena: &'b Bump) -> Parser<'b> {
        Parser(Reader::new(text, arena))
    }

    /// Nothing but white space may follow.
    pub fn end(self) -> Read<()> {
        self.0.end()
    }

    #[inline]
    fn visit_number<V: Visitor<'b>>(&mut self, visitor: V) -> Read<V::Value> {
        let (text, whole) = self.0.number()?;
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
}

impl<'b> Deserializer<'b> for &mut Parser<'b> {
    type Error = NotJson;

    #[inline]
    fn deserialize_any<V: Visitor<'b>>(self, visitor: V) -> Read<V::Value> {
        match self.0.peek()? {
            b'"' => {
                self.0.at += 1;
                visitor.visit_borrowed_str(self.0.string()?)
            }
            b'{' => {
                self.0.at += 1;
                let mut entries = Entries { parser: self, first: true, open: true };
                let value = visitor.visit_map(&mut entries)?;
                if entries.open { Err(NotJson) } else { Ok(value) }
            }
            b'[' => {
                self.0.at += 1;
                let mut entries = Entries { parser: self, first: true, open: true };
                let value = visitor.visit_seq(&mut entries)?;
                if entries.open { Err(NotJson) } else { Ok(value) }
            }
            b'n' => {
                self.0.word("null")?;
                visitor.visit_unit()
            }
            b't' => {
                self.0.word("true")?;
                visitor.visit_bool(true)
            }
            b'f' => {
                self.0.word("false")?;
                visitor.visit_bool(false)
            }
            _ => self.visit_number(visitor),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'b>>(self, visitor: V) -> Read<V::Value> {
        self.0.skip_value()?;
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
        match self.parser.0.peek()? {
            byte if byte == end => {
                self.parser.0.at += 1;
                self.open = false;
                return Ok(false);
            }
            b',' if !self.first => self.parser.0.at += 1,
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
        self.parser.0.expect(b'"')?;
        seed.deserialize(Key(&mut self.parser.0)).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'b>>(&mut self, seed: V) -> Read<V::Value> {
        self.parser.0.expect(b':')?;
        seed.deserialize(&mut *self.parser)
    }
}

/// The key of an entry, whose opening quote has been taken.
struct Key<'p, 'b>(&'p mut Reader<'b>);

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
