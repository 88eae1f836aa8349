//! How is JSON copied, without what may not be kept? Each value as it was read; cold.

use std::fmt;
use std::marker::PhantomData;

use bumpalo::Bump;
use bumpalo::collections::Vec as List;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::lists::Scalars;
use super::parser::Parser;
use super::{Key, RawSeed, scalars_are, skip_list};
use crate::market::openrtb::Draft;
use crate::market::openrtb::keep::{Copy, Fate, Part, net_text};
use crate::market::openrtb::kinds::{Context, Object, Raw, Value};
use crate::market::outcome::Malformed;

/// Copies a request's body behind what stands in `copy`.
pub(in crate::market::openrtb) fn copy<'b>(
    body: &'b [u8],
    arena: &'b Bump,
    copy: &mut Copy,
) -> Result<(), Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed::Unparseable)?;
    let (context, mut parser) = (Context::new(arena), Parser::new(text, arena));
    let place = Place { key: None, part: Part::Root };
    let root = One::<Draft<'b>> { context: &context, copy, place, of: PhantomData };
    let root = root.deserialize(&mut parser).map_err(|_| Malformed::Unparseable)?;
    parser.end().map_err(|_| Malformed::Unparseable)?;
    context.limits_kept()?;
    root.map(drop).ok_or(Malformed::Unparseable)
}

/// Where a value is written: behind a key, or as the next of a list; and what it is, if an object.
#[derive(Clone, Copy)]
struct Place<'k> {
    key: Option<&'k str>,
    part: Part,
}

/// The value behind a key, read and copied.
struct Behind<'m, 'c, 'b, A> {
    map: &'m mut A,
    context: &'c Context<'b>,
    copy: &'m mut Copy,
    place: Place<'m>,
    fate: Fate,
}

impl<'b, A: MapAccess<'b>> Behind<'_, '_, 'b, A> {
    fn write<T>(self, list: &[T], entry: impl Fn(&T, &mut Vec<u8>)) {
        if !self.copy.takes(self.fate) {
            return;
        }
        begin(self.copy, self.place);
        let bytes = &mut self.copy.bytes;
        bytes.push(b'[');
        for (at, value) in list.iter().enumerate() {
            if at > 0 {
                bytes.push(b',');
            }
            entry(value, bytes);
        }
        bytes.push(b']');
    }
}

impl<'b, A: MapAccess<'b>> Value<'b> for Behind<'_, '_, 'b, A> {
    type Fault = A::Error;

    fn context(&self) -> &Context<'b> {
        self.context
    }

    fn raw(self) -> Result<Raw<'b>, A::Error> {
        let raw = self.map.next_value_seed(RawSeed(self.context))?;
        match (self.fate, raw) {
            (Fate::Goes, _) => {}
            (Fate::Address, Raw::Text(text)) => {
                if let Some(net) = net_text(text) {
                    begin(self.copy, self.place);
                    quoted(&net, &mut self.copy.bytes);
                }
            }
            (Fate::Address, _) => {}
            (fate, raw) => {
                self.copy.takes(fate);
                begin(self.copy, self.place);
                scalar(raw, &mut self.copy.bytes);
            }
        }
        Ok(raw)
    }

    fn skip(self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }

    fn texts(self) -> Result<&'b [&'b str], A::Error> {
        let list: &'b [&'b str] = self.map.next_value_seed(Scalars::new(self.context))?;
        self.write(list, |text, bytes| quoted(text, bytes));
        Ok(list)
    }

    fn ints(self) -> Result<&'b [i64], A::Error> {
        let list: &'b [i64] = self.map.next_value_seed(Scalars::new(self.context))?;
        self.write(list, |&number, bytes| scalar(Raw::Int(number), bytes));
        Ok(list)
    }

    fn object<T: Object<'b>>(self) -> Result<Option<T>, A::Error> {
        if !self.copy.takes(self.fate) {
            return self.map.next_value_seed(super::OneObject::new(self.context));
        }
        let Behind { map, context, copy, place, .. } = self;
        map.next_value_seed(One { context, copy, place, of: PhantomData })
    }

    fn objects_mut<T: Object<'b> + std::marker::Copy + 'b>(self) -> Result<&'b mut [T], A::Error> {
        if !self.copy.takes(self.fate) {
            return self.map.next_value_seed(super::Objects::new(self.context));
        }
        let Behind { map, context, copy, place, .. } = self;
        map.next_value_seed(Many::<T> { context, copy, place, of: PhantomData })
    }
}

/// The comma before a value, and its key.
fn begin(copy: &mut Copy, place: Place<'_>) {
    if !matches!(copy.bytes.last(), None | Some(b'{' | b'[' | b':')) {
        copy.bytes.push(b',');
    }
    if let Some(key) = place.key {
        quoted(key, &mut copy.bytes);
        copy.bytes.push(b':');
    }
}

fn quoted(text: &str, bytes: &mut Vec<u8>) {
    // Writing a text to memory cannot fail.
    let _ = serde_json::to_writer(bytes, text);
}

fn scalar(raw: Raw<'_>, bytes: &mut Vec<u8>) {
    match raw {
        Raw::Null => bytes.extend_from_slice(b"null"),
        Raw::Bool(true) => bytes.extend_from_slice(b"true"),
        Raw::Bool(false) => bytes.extend_from_slice(b"false"),
        Raw::Int(value) => bytes.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        Raw::Big(value) => bytes.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        // Always with a point or an exponent, so that it is read as a float again.
        // cold: the writer's thread
        Raw::Float(value) => bytes.extend_from_slice(format!("{value:?}").as_bytes()),
        Raw::Text(text) => quoted(text, bytes),
        Raw::List => bytes.extend_from_slice(b"[]"),
        Raw::Object => bytes.extend_from_slice(b"{}"),
    }
}

/// An object, read and copied; anything else is absent and leaves nothing.
struct One<'p, 'c, 'b, T> {
    context: &'c Context<'b>,
    copy: &'p mut Copy,
    place: Place<'p>,
    of: PhantomData<T>,
}

impl<'b, T: Object<'b>> DeserializeSeed<'b> for One<'_, '_, 'b, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'b>>(self, parser: D) -> Result<Option<T>, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'b, T: Object<'b>> Visitor<'b> for One<'_, '_, 'b, T> {
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
        let One { context, copy, place, .. } = self;
        begin(copy, place);
        copy.bytes.push(b'{');
        let mut object = T::default();
        while let Some(key) = map.next_key_seed(Key(context))? {
            let (fate, part) = copy.keep.keyed(place.part, key);
            let place = Place { key: Some(key), part };
            let copy = &mut *copy;
            object.keyed(key, Behind { map: &mut map, context, copy, place, fate })?;
        }
        copy.bytes.push(b'}');
        Ok(Some(object))
    }
}

/// A list of objects, read and copied; a single one is a list of it.
struct Many<'p, 'c, 'b, T> {
    context: &'c Context<'b>,
    copy: &'p mut Copy,
    place: Place<'p>,
    of: PhantomData<T>,
}

impl<'b, T: Object<'b> + std::marker::Copy + 'b> DeserializeSeed<'b> for Many<'_, '_, 'b, T> {
    type Value = &'b mut [T];

    fn deserialize<D: Deserializer<'b>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'b, T: Object<'b> + std::marker::Copy + 'b> Visitor<'b> for Many<'_, '_, 'b, T> {
    type Value = &'b mut [T];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    scalars_are!(&mut []);

    fn visit_seq<A: SeqAccess<'b>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let Many { context, copy, place, .. } = self;
        begin(copy, place);
        copy.bytes.push(b'[');
        let mut list = List::new_in(context.arena);
        let (bound, fault) = T::BOUND;
        let place = Place { key: None, part: place.part };
        loop {
            let one = One::<T> { context, copy: &mut *copy, place, of: PhantomData };
            match seq.next_element_seed(one)? {
                None => break,
                Some(None) => {}
                Some(Some(_)) if list.len() == bound => context.break_limit(fault),
                Some(Some(object)) if object.counts() => list.push(object),
                Some(Some(_)) => {}
            }
        }
        copy.bytes.push(b']');
        Ok(list.into_bump_slice_mut())
    }

    fn visit_map<A: MapAccess<'b>>(self, map: A) -> Result<Self::Value, A::Error> {
        let Many { context, copy, place, .. } = self;
        let one = One::<T> { context, copy, place, of: PhantomData };
        match one.visit_map(map)? {
            Some(object) if object.counts() => Ok(context.arena.alloc_slice_copy(&[object])),
            _ => Ok(&mut []),
        }
    }
}
