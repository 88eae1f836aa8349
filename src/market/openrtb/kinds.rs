//! How is a value read that may be of any type? The kinds of fields, tolerant as §2.6 demands.
//!
//! Shared by both wires, hot. A value of another type than the field's is converted where its
//! meaning is plain and reads as absent where it is not; it never fails the request. Only what
//! is no JSON or no protobuf at all does.

use std::cell::Cell;
use std::fmt::Write;

use bumpalo::Bump;
use bumpalo::collections::String as Text;

use super::MAX_OBJECTS;
use crate::market::outcome::Malformed;

/// What all readers of one request share.
pub(super) struct Context<'b> {
    pub arena: &'b Bump,
    broken_limit: Cell<Option<Malformed>>,
}

impl<'b> Context<'b> {
    pub fn new(arena: &'b Bump) -> Context<'b> {
        Context { arena, broken_limit: Cell::new(None) }
    }

    /// A list is longer than its bound: it is cut, and the request refused once it has been read.
    pub fn break_limit(&self, fault: Malformed) {
        self.broken_limit.set(Some(fault));
    }

    pub fn limits_kept(&self) -> Result<(), Malformed> {
        self.broken_limit.get().map_or(Ok(()), Err)
    }
}

/// An object with a table of its fields, see [`tables`](super::tables).
pub(super) trait Object<'b>: Default {
    /// How many of them a list may hold, and what more of them mean.
    const BOUND: (usize, Malformed) = (MAX_OBJECTS, Malformed::TooLarge);

    /// Takes the value behind a JSON key.
    fn keyed<V: Value<'b>>(&mut self, key: &str, value: V) -> Result<(), V::Fault>;

    /// Takes the value of a protobuf field.
    fn numbered<V: Value<'b>>(&mut self, number: u32, value: V) -> Result<(), V::Fault>;

    /// Whether an entry of a list says anything at all.
    fn counts(&self) -> bool {
        true
    }
}

/// One value on the wire, to be read as one of the kinds: the words of the tables.
pub(super) trait Value<'b>: Sized {
    type Fault;

    fn context(&self) -> &Context<'b>;

    /// Any value, as far as a scalar field cares.
    fn raw(self) -> Result<Raw<'b>, Self::Fault>;

    fn skip(self) -> Result<(), Self::Fault>;

    /// A list of words; empty ones are left out, a single one is a list of it.
    fn texts(self) -> Result<&'b [&'b str], Self::Fault>;

    /// As [`Value::texts`], and known to have been sent, be it empty.
    fn said_texts(self) -> Result<Option<&'b [&'b str]>, Self::Fault>
    where
        Self: Sized,
    {
        self.texts().map(Some)
    }

    /// A list of numbers; what is none is left out, a single one is a list of it.
    fn ints(self) -> Result<&'b [i64], Self::Fault>;

    /// An object; anything else is absent.
    fn object<T: Object<'b>>(self) -> Result<Option<T>, Self::Fault>;

    /// A list of objects; entries of other types are left out, a single one is a list of it.
    fn objects_mut<T: Object<'b> + Copy + 'b>(self) -> Result<&'b mut [T], Self::Fault>;

    fn objects<T: Object<'b> + Copy + 'b>(self) -> Result<&'b [T], Self::Fault> {
        self.objects_mut().map(|objects| &*objects)
    }

    /// A word; empty reads as absent, a number as its digits.
    fn text(self) -> Result<Option<&'b str>, Self::Fault> {
        let arena = self.context().arena;
        Ok(self.raw()?.text(arena).filter(|text| !text.is_empty()))
    }

    /// A word that is kept although it is empty.
    fn id(self) -> Result<&'b str, Self::Fault> {
        let arena = self.context().arena;
        Ok(self.raw()?.text(arena).unwrap_or_default())
    }

    fn int(self) -> Result<Option<i64>, Self::Fault> {
        Ok(self.raw()?.int())
    }

    fn float(self) -> Result<Option<f64>, Self::Fault> {
        Ok(self.raw()?.float())
    }

    fn flag(self) -> Result<Option<bool>, Self::Fault> {
        Ok(self.raw()?.flag())
    }

    /// A flag that denies something: one that cannot be read denies it too, because only a plain
    /// yes is one. What is empty says nothing.
    fn denial(self) -> Result<Option<bool>, Self::Fault> {
        Ok(match self.raw()? {
            Raw::Null => None,
            Raw::Text(text) if text.trim().is_empty() => None,
            said => Some(said.flag().unwrap_or(true)),
        })
    }

    /// Whether an object stands there; its content is not read.
    fn present(self) -> Result<bool, Self::Fault> {
        Ok(matches!(self.raw()?, Raw::Object))
    }

    /// A list of words that came as numbers.
    fn numerals(self) -> Result<&'b [&'b str], Self::Fault> {
        let arena = self.context().arena;
        let numbers = self.ints()?.iter().map(|&number| Raw::Int(number).text(arena));
        Ok(arena.alloc_slice_fill_iter(numbers.map(Option::unwrap_or_default)))
    }

    /// Keywords with commas between them; a list of them is joined (§3.2.16 `keywords`).
    fn keywords(self) -> Result<Option<&'b str>, Self::Fault> {
        let arena = self.context().arena;
        Ok(match self.texts()? {
            [] => None,
            [one] => Some(one),
            [first, others @ ..] => {
                let mut joined = Text::from_str_in(first, arena);
                for word in others {
                    joined.push(',');
                    joined.push_str(word);
                }
                Some(joined.into_bump_str())
            }
        })
    }

    /// Minutes from UTC. No place is further than 14 hours (840 minutes) from it, and no offset
    /// in seconds but zero is nearer than 1,800: beyond ±1,000 the number was in seconds.
    fn utc_offset(self) -> Result<Option<i64>, Self::Fault> {
        Ok(self.int()?.and_then(|said| {
            let minutes = if said.unsigned_abs() > 1_000 { said / 60 } else { said };
            (minutes.unsigned_abs() <= 1_000).then_some(minutes)
        }))
    }
}

/// A value, as far as a scalar field cares.
#[derive(Clone, Copy)]
pub(super) enum Raw<'b> {
    Null,
    Bool(bool),
    Int(i64),
    Big(u64),
    Float(f64),
    Text(&'b str),
    List,
    Object,
}

impl<'b> Raw<'b> {
    pub fn of_unsigned(value: u64) -> Raw<'b> {
        i64::try_from(value).map_or(Raw::Big(value), Raw::Int)
    }

    pub fn text(self, arena: &'b Bump) -> Option<&'b str> {
        match self {
            Raw::Text(text) => Some(text),
            Raw::Int(value) => Some(arena.alloc_str(itoa::Buffer::new().format(value))),
            Raw::Big(value) => Some(arena.alloc_str(itoa::Buffer::new().format(value))),
            Raw::Float(value) => {
                let mut digits = Text::new_in(arena);
                write!(digits, "{value}").ok()?;
                Some(digits.into_bump_str())
            }
            Raw::Null | Raw::Bool(_) | Raw::List | Raw::Object => None,
        }
    }

    /// Floats lose their fraction; what does not fit is absent.
    pub fn int(self) -> Option<i64> {
        match self {
            Raw::Int(value) => Some(value),
            Raw::Bool(value) => Some(i64::from(value)),
            Raw::Float(value) => whole(value),
            Raw::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| whole(text.parse().ok()?))
            }
            Raw::Null | Raw::Big(_) | Raw::List | Raw::Object => None,
        }
    }

    pub fn float(self) -> Option<f64> {
        match self {
            Raw::Float(value) => Some(value),
            Raw::Int(value) => Some(value as f64),
            Raw::Big(value) => Some(value as f64),
            Raw::Text(text) => text.trim().parse().ok().filter(|value: &f64| value.is_finite()),
            Raw::Null | Raw::Bool(_) | Raw::List | Raw::Object => None,
        }
    }

    /// 0 and 1; more than 1 counts as 1, a negative says nothing.
    pub fn flag(self) -> Option<bool> {
        match self {
            Raw::Bool(value) => Some(value),
            Raw::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Raw::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            other => other.int().filter(|&value| value >= 0).map(|value| value > 0),
        }
    }
}

fn whole(value: f64) -> Option<i64> {
    (value.abs() < 9e15).then_some(value as i64)
}

/// How a field takes what one more occurrence of its key says: the last readable value wins.
pub(super) trait Hear {
    fn hear(&mut self, said: Self);
}

impl<T> Hear for Option<T> {
    fn hear(&mut self, said: Self) {
        if said.is_some() {
            *self = said;
        }
    }
}

impl<T> Hear for &[T] {
    fn hear(&mut self, said: Self) {
        if !said.is_empty() {
            *self = said;
        }
    }
}

impl<T> Hear for &mut [T] {
    fn hear(&mut self, said: Self) {
        if !said.is_empty() {
            *self = said;
        }
    }
}

impl Hear for &str {
    fn hear(&mut self, said: Self) {
        if !said.is_empty() {
            *self = said;
        }
    }
}

impl Hear for bool {
    fn hear(&mut self, said: Self) {
        *self |= said;
    }
}
