//! How is JSON read? Once over the body, straight into the borrowed request; hot.
//!
//! [`tables`](super::tables) says which key is which field of which kind, this file reads each
//! kind from any serde `Deserializer`, and [`read`] names the one that is used: the seam.

pub(super) mod keep;
mod lists;
mod parser;
mod text;

use std::fmt;
use std::marker::PhantomData;

use bumpalo::Bump;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use lists::{Objects, Scalars};

use super::Draft;
use super::kinds::{Context, Object, Raw, Value};
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
pub(super) fn root<'b, D: Deserializer<'b>>(
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
        self.map.next_value_seed(Scalars::new(self.context))
    }

    /// A string of several numbers with commas between them is several.
    fn ints(self) -> Result<&'b [i64], A::Error> {
        self.map.next_value_seed(Scalars::new(self.context))
    }

    fn object<T: Object<'b>>(self) -> Result<Option<T>, A::Error> {
        self.map.next_value_seed(OneObject::new(self.context))
    }

    fn objects_mut<T: Object<'b> + Copy + 'b>(self) -> Result<&'b mut [T], A::Error> {
        self.map.next_value_seed(Objects::new(self.context))
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

use scalars_are;

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
