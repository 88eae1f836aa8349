//! How is JSON read? Once over the body, straight into the borrowed request; hot.
//!
//! [`tables`](super::tables) says which key is which field of which kind, this file reads each
//! kind from any serde `Deserializer`, and [`read`] names the one that is used: the seam.

mod parser;

use std::fmt;
use std::marker::PhantomData;

use bumpalo::Bump;
use bumpalo::collections::Vec as List;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::kinds::{Context, Object, Raw, Value};
use super::{Draft, MAX_LIST};
use crate::market::outcome::Malformed;

/// Reads a body that must be one JSON object in UTF-8 and nothing after it.
pub(super) fn read<'b>(body: &'b [u8], arena: &'b Bump) -> Result<Draft<'b>, Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed::Unparseable)?;
    let mut parser = parser::Parser::new(text, arena);
    let draft = root(&mut parser, arena)?;
    parser.end().map_err(|_| Malformed::Unparseable)?;
    draft.ok_or(Malformed::Unparseable)
}

/// The request by any parser; `None` where another value than an object stands.
fn root<'b, D: Deserializer<'b>>(
    parser: D,
    arena: &'b Bump,
) -> Result<Option<Draft<'b>>, Malformed> {
    let context = Context::new(arena);
    let draft = OneObject::new(&context).deserialize(parser);
    let draft = draft.map_err(|_| Malformed::Unparseable)?;
    context.limits_kept()?;
    Ok(draft)
}

/// The value behind a key of an object that is being read.
struct Behind<'m, 'c, 'b, A> {
    map: &'m mut A,
    context: &'c Context<'b>,
}

impl<'b, A: MapAccess<'b>> Value<'b> for Behind<'_, '_, 'b, A> {
    type Fault = A::Error;

    fn context(&self) -> &Context<'b> {
        self.context
    }

    fn raw(self) -> Result<Raw<'b>, A::Error> {
        self.map.next_value_seed(RawSeed(self.context))
    }

    fn skip(self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }

    fn texts(self) -> Result<&'b [&'b str], A::Error> {
        self.map.next_value_seed(Scalars { context: self.context, of: PhantomData })
    }

    /// A string of several numbers with commas between them is several.
    fn ints(self) -> Result<&'b [i64], A::Error> {
        self.map.next_value_seed(Scalars { context: self.context, of: PhantomData })
    }

    fn object<T: Object<'b>>(self) -> Result<Option<T>, A::Error> {
        self.map.next_value_seed(OneObject::new(self.context))
    }

    fn objects_mut<T: Object<'b> + Copy + 'b>(self) -> Result<&'b mut [T], A::Error> {
        self.map.next_value_seed(Objects { context: self.context, of: PhantomData })
    }
}

/// Reads any value as a [`Raw`].
struct RawSeed<'c, 'b>(&'c Context<'b>);

impl<'b> DeserializeSeed<'b> for RawSeed<'_, 'b> {
    type Value = Raw<'b>;

    fn deserialize<D: Deserializer<'b>>(self, parser: D) -> Result<Raw<'b>, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'b> Visitor<'b> for RawSeed<'_, 'b> {
    type Value = Raw<'b>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw<'b>, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw<'b>, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw<'b>, E> {
        Ok(Raw::of_unsigned(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw<'b>, E> {
        Ok(Raw::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'b str) -> Result<Raw<'b>, E> {
        Ok(Raw::Text(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw<'b>, E> {
        Ok(Raw::Text(self.0.arena.alloc_str(text)))
    }

    fn visit_unit<E>(self) -> Result<Raw<'b>, E> {
        Ok(Raw::Null)
    }

    fn visit_seq<A: SeqAccess<'b>>(self, seq: A) -> Result<Raw<'b>, A::Error> {
        skip_list(seq)?;
        Ok(Raw::List)
    }

    fn visit_map<A: MapAccess<'b>>(self, map: A) -> Result<Raw<'b>, A::Error> {
        skip_object(map)?;
        Ok(Raw::Object)
    }
}

fn skip_list<'b, A: SeqAccess<'b>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_object<'b, A: MapAccess<'b>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// A key; escaped ones are copied to the arena.
struct Key<'c, 'b>(&'c Context<'b>);

impl<'b> DeserializeSeed<'b> for Key<'_, 'b> {
    type Value = &'b str;

    fn deserialize<D: Deserializer<'b>>(self, parser: D) -> Result<&'b str, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<'b> Visitor<'b> for Key<'_, 'b> {
    type Value = &'b str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'b str) -> Result<&'b str, E> {
        Ok(key)
    }

    fn visit_str<E>(self, key: &str) -> Result<&'b str, E> {
        Ok(self.0.arena.alloc_str(key))
    }
}

macro_rules! scalars_are {
    ($value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

/// An object; anything else is absent.
struct OneObject<'c, 'b, T> {
    context: &'c Context<'b>,
    of: PhantomData<T>,
}

impl<'c, 'b, T> OneObject<'c, 'b, T> {
    fn new(context: &'c Context<'b>) -> Self {
        OneObject { context, of: PhantomData }
    }
}

impl<'b, T: Object<'b>> DeserializeSeed<'b> for OneObject<'_, 'b, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'b>>(self, parser: D) -> Result<Option<T>, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'b, T: Object<'b>> Visitor<'b> for OneObject<'_, 'b, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    scalars_are!(None);

    fn visit_seq<A: SeqAccess<'b>>(self, seq: A) -> Result<Option<T>, A::Error> {
        skip_list(seq)?;
        Ok(None)
    }

    fn visit_map<A: MapAccess<'b>>(self, mut map: A) -> Result<Option<T>, A::Error> {
        let mut object = T::default();
        while let Some(key) = map.next_key_seed(Key(self.context))? {
            object.keyed(key, Behind { map: &mut map, context: self.context })?;
        }
        Ok(Some(object))
    }
}

/// A list of objects; a single one is a list of it, entries of other types are left out.
struct Objects<'c, 'b, T> {
    context: &'c Context<'b>,
    of: PhantomData<T>,
}

impl<'b, T: Object<'b> + Copy + 'b> DeserializeSeed<'b> for Objects<'_, 'b, T> {
    type Value = &'b mut [T];

    fn deserialize<D: Deserializer<'b>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'b, T: Object<'b> + Copy + 'b> Visitor<'b> for Objects<'_, 'b, T> {
    type Value = &'b mut [T];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    scalars_are!(&mut []);

    fn visit_seq<A: SeqAccess<'b>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = List::new_in(self.context.arena);
        let (bound, fault) = T::BOUND;
        while let Some(object) = seq.next_element_seed(OneObject::<T>::new(self.context))? {
            match object {
                Some(_) if list.len() == bound => self.context.break_limit(fault),
                Some(object) if object.counts() => list.push(object),
                _ => {}
            }
        }
        Ok(list.into_bump_slice_mut())
    }

    fn visit_map<A: MapAccess<'b>>(self, map: A) -> Result<Self::Value, A::Error> {
        let object = OneObject::<T>::new(self.context).visit_map(map)?;
        match object {
            Some(object) if object.counts() => Ok(self.context.arena.alloc_slice_copy(&[object])),
            _ => Ok(&mut []),
        }
    }
}

/// What a list of scalars may hold.
trait Scalar<'b>: Copy + Default {
    fn of(raw: Raw<'b>, context: &Context<'b>) -> Option<Self>;

    /// The entries of a list that came as one scalar.
    fn alone(raw: Raw<'b>, context: &Context<'b>) -> &'b [Self] {
        let one = Self::of(raw, context);
        one.map_or(&[], |one| context.arena.alloc_slice_copy(&[one]))
    }
}

impl<'b> Scalar<'b> for &'b str {
    fn of(raw: Raw<'b>, context: &Context<'b>) -> Option<&'b str> {
        raw.text(context.arena).filter(|text| !text.is_empty())
    }
}

impl<'b> Scalar<'b> for i64 {
    fn of(raw: Raw<'b>, _: &Context<'b>) -> Option<i64> {
        raw.int()
    }

    fn alone(raw: Raw<'b>, context: &Context<'b>) -> &'b [i64] {
        let Raw::Text(text) = raw else {
            return context.arena.alloc_slice_copy(raw.int().as_slice());
        };
        let mut list = List::new_in(context.arena);
        list.extend(text.split(',').take(MAX_LIST).filter_map(|part| Raw::Text(part).int()));
        list.into_bump_slice()
    }
}

/// A list of scalars; a single one is a list of it, what cannot be read is left out.
struct Scalars<'c, 'b, T> {
    context: &'c Context<'b>,
    of: PhantomData<T>,
}

impl<'b, T: Scalar<'b> + 'b> DeserializeSeed<'b> for Scalars<'_, 'b, T> {
    type Value = &'b [T];

    fn deserialize<D: Deserializer<'b>>(self, parser: D) -> Result<&'b [T], D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'b, T: Scalar<'b> + 'b> Visitor<'b> for Scalars<'_, 'b, T> {
    type Value = &'b [T];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    /// Most lists are short: they gather on the stack and go to the arena in their exact size.
    fn visit_seq<A: SeqAccess<'b>>(self, mut seq: A) -> Result<&'b [T], A::Error> {
        const SHORT: usize = 16;
        let mut short = [T::default(); SHORT];
        let mut len = 0;
        while let Some(raw) = seq.next_element_seed(RawSeed(self.context))? {
            let Some(value) = T::of(raw, self.context) else { continue };
            short[len] = value;
            len += 1;
            if len == SHORT {
                return long_list(self.context, &short, seq);
            }
        }
        Ok(self.context.arena.alloc_slice_copy(&short[..len]))
    }

    fn visit_map<A: MapAccess<'b>>(self, map: A) -> Result<&'b [T], A::Error> {
        skip_object(map)?;
        Ok(&[])
    }

    fn visit_bool<E>(self, value: bool) -> Result<&'b [T], E> {
        Ok(T::alone(Raw::Bool(value), self.context))
    }

    fn visit_i64<E>(self, value: i64) -> Result<&'b [T], E> {
        Ok(T::alone(Raw::Int(value), self.context))
    }

    fn visit_u64<E>(self, value: u64) -> Result<&'b [T], E> {
        Ok(T::alone(Raw::of_unsigned(value), self.context))
    }

    fn visit_f64<E>(self, value: f64) -> Result<&'b [T], E> {
        Ok(T::alone(Raw::Float(value), self.context))
    }

    fn visit_borrowed_str<E>(self, text: &'b str) -> Result<&'b [T], E> {
        Ok(T::alone(Raw::Text(text), self.context))
    }

    fn visit_str<E>(self, text: &str) -> Result<&'b [T], E> {
        Ok(T::alone(Raw::Text(self.context.arena.alloc_str(text)), self.context))
    }

    fn visit_unit<E>(self) -> Result<&'b [T], E> {
        Ok(&[])
    }
}

/// Lists such as `badv`, which may have thousands of entries.
fn long_list<'b, T: Scalar<'b> + 'b, A: SeqAccess<'b>>(
    context: &Context<'b>,
    head: &[T],
    mut seq: A,
) -> Result<&'b [T], A::Error> {
    let mut list = List::with_capacity_in(4 * head.len(), context.arena);
    list.extend_from_slice_copy(head);
    while let Some(raw) = seq.next_element_seed(RawSeed(context))? {
        match T::of(raw, context) {
            Some(_) if list.len() == MAX_LIST => {
                context.break_limit(Malformed::TooLarge);
            }
            Some(value) => list.push(value),
            None => {}
        }
    }
    Ok(list.into_bump_slice())
}
