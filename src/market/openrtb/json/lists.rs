//! How are lists read, which may be no lists? Into the arena, in their exact size where short; hot.

use std::fmt;
use std::marker::PhantomData;

use bumpalo::collections::Vec as List;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{OneObject, RawSeed, scalars_are, skip_object};
use crate::market::openrtb::MAX_LIST;
use crate::market::openrtb::kinds::{Context, Object, Raw};
use crate::market::outcome::Malformed;

/// A list of objects; a single one is a list of it, entries of other types are left out.
pub struct Objects<'c, 'b, T> {
    context: &'c Context<'b>,
    of: PhantomData<T>,
}

impl<'c, 'b, T> Objects<'c, 'b, T> {
    pub fn new(context: &'c Context<'b>) -> Self {
        Objects { context, of: PhantomData }
    }
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
pub trait Scalar<'b>: Copy + Default {
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
pub struct Scalars<'c, 'b, T> {
    context: &'c Context<'b>,
    of: PhantomData<T>,
}

impl<'c, 'b, T> Scalars<'c, 'b, T> {
    pub fn new(context: &'c Context<'b>) -> Self {
        Scalars { context, of: PhantomData }
    }
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
