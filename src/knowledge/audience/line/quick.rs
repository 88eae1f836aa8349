//! The reading of lines that have no fault: straight into a draft, without a tree.
//!
//! Returns `false` for whatever is unusual or wrong, without saying what: a careful reading does.
//! What it does read means exactly what a careful reading would make of it, which a test holds.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::{
    Dimension, Draft, Known, LINKS_MAX, LinkKey, Meaning, Mode, Moment, NewWord,
    PROFILE_DIMENSIONS, SEGMENTS_MAX, Segment, TOP,
};
use super::{key_said, link_said, listener_said, moment_of, moment_said, percent};

pub(super) fn read(text: &str, known: &Known<'_>, draft: &mut Draft) -> bool {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_map(Line { known, draft }).and_then(|()| json.end());
    read.is_ok()
        && draft.segments.len().max(draft.removed.len()) <= SEGMENTS_MAX
        && draft.links.len() <= LINKS_MAX
}

macro_rules! expecting {
    ($what:literal) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str($what)
        }
    };
}

/// The fields of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Key,
    Segments,
    Merge,
    Remove,
    Erase,
    Ids,
    Links,
    Top(Dimension),
}

impl Field {
    fn named(name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::Id,
            "key" => Field::Key,
            "segments" => Field::Segments,
            "merge" => Field::Merge,
            "remove" => Field::Remove,
            "erase" => Field::Erase,
            "ids" => Field::Ids,
            "links" => Field::Links,
            _ => Field::Top(*TOP.iter().find(|dimension| dimension.name() == name)?),
        })
    }

    const fn bit(self) -> u64 {
        1 << match self {
            Field::Id | Field::Key => 0,
            Field::Segments => 1,
            Field::Merge => 2,
            Field::Remove => 3,
            Field::Erase => 4,
            Field::Ids => 5,
            Field::Links => 6,
            Field::Top(dimension) => 7 + dimension.index(),
        }
    }
}

struct Line<'r, 'v> {
    known: &'r Known<'v>,
    draft: &'r mut Draft,
}

impl<'de> Visitor<'de> for Line<'_, '_> {
    type Value = ();

    expecting!("a line");

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Line { known, draft } = self;
        let (mut seen, mut merge, mut erase) = (0, None, false);
        while let Some(field) = map.next_key_seed(Word(Field::named))? {
            if seen & field.bit() != 0 {
                return Err(unusual());
            }
            seen |= field.bit();
            match field {
                Field::Id => draft.key = Some(map.next_value_seed(Word(listener_said))?),
                Field::Key => draft.key = Some(map.next_value_seed(Word(key_said))?),
                Field::Merge => merge = Some(map.next_value::<bool>()?),
                Field::Erase => erase = map.next_value()?,
                Field::Segments => {
                    map.next_value_seed(Dimensions { known, draft, removed: false })?;
                }
                Field::Remove => map.next_value_seed(Dimensions { known, draft, removed: true })?,
                Field::Ids => map.next_value_seed(Ids { draft })?,
                Field::Links => map.next_value_seed(Words(&mut |text: &str| {
                    draft.links.push(LinkKey(key_said(text)?.0));
                    Some(())
                }))?,
                Field::Top(dimension) => {
                    map.next_value_seed(Values { known, draft, dimension })?;
                }
            }
        }
        let removes = seen & Field::Remove.bit() != 0;
        let more = seen & !(Field::Id.bit() | Field::Erase.bit()) != 0;
        let clash = erase && more || removes && merge == Some(false);
        draft.mode = match (erase, removes || merge == Some(true)) {
            (true, _) => Mode::Erase,
            (false, true) => Mode::Merge,
            (false, false) => Mode::Replace,
        };
        if !clash && draft.key.is_some() { Ok(()) } else { Err(unusual()) }
    }
}

#[cold]
fn unusual<E: serde::de::Error>() -> E {
    E::custom("")
}

/// A text that means something; taken without a copy.
struct Word<F>(F);

impl<'de, T, F: FnOnce(&str) -> Option<T>> DeserializeSeed<'de> for Word<F> {
    type Value = T;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        from.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Word<F> {
    type Value = T;

    expecting!("a text");

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).ok_or_else(unusual)
    }
}

/// One text or a list of them.
struct Words<F>(F);

impl<'de, F: FnMut(&str) -> Option<()>> DeserializeSeed<'de> for Words<F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&str) -> Option<()>> Visitor<'de> for Words<F> {
    type Value = ();

    expecting!("a text or a list of texts");

    fn visit_str<E: serde::de::Error>(mut self, text: &str) -> Result<(), E> {
        (self.0)(text).ok_or_else(unusual)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Word(&mut self.0))?.is_some() {}
        Ok(())
    }
}

/// `{"exchange": "their id" | ["their id", …]}`
struct Ids<'r> {
    draft: &'r mut Draft,
}

impl<'de> DeserializeSeed<'de> for Ids<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Ids<'_> {
    type Value = ();

    expecting!("ids by source");

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(source) = map.next_key::<Cow<'de, str>>()? {
            map.next_value_seed(Words(&mut |text: &str| {
                self.draft.links.push(link_said(&source, text).ok()?);
                Some(())
            }))?;
        }
        Ok(())
    }
}

/// `{"mood": ["calm"]}`: what is known, or what is to be removed.
struct Dimensions<'r, 'v> {
    known: &'r Known<'v>,
    draft: &'r mut Draft,
    removed: bool,
}

impl<'de> DeserializeSeed<'de> for Dimensions<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Dimensions<'_, '_> {
    type Value = ();

    expecting!("values by dimension");

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Dimensions { known, draft, removed } = self;
        let mut seen = 0u64;
        let named = |name: &str| PROFILE_DIMENSIONS.into_iter().find(|d| d.name() == name);
        while let Some(dimension) = map.next_key_seed(Word(named))? {
            let bit = 1 << dimension.index();
            if seen & bit != 0 {
                return Err(unusual());
            }
            seen |= bit;
            if !removed {
                map.next_value_seed(Values { known, draft, dimension })?;
                continue;
            }
            map.next_value_seed(Words(&mut |text: &str| {
                let value = known.vocabulary.find(dimension, text);
                draft.removed.extend(value);
                // A word of an open list that nobody has used is in no profile.
                (value.is_some() || !dimension.row().closed).then_some(())
            }))?;
        }
        Ok(())
    }
}

/// One value or a list of them; of one dimension.
struct Values<'r, 'v> {
    known: &'r Known<'v>,
    draft: &'r mut Draft,
    dimension: Dimension,
}

impl Values<'_, '_> {
    fn add(&mut self, text: &str, confidence_pct: u8, expires: Moment) -> Option<()> {
        if !self.draft.may_add(self.dimension) {
            return None;
        }
        match self.known.meaning(self.dimension, text) {
            Meaning::Value(value, latest) => {
                let expires = expires.min(latest);
                self.draft.segments.push(Segment { value, confidence_pct, expires });
            }
            Meaning::New => {
                let (dimension, text) = (self.dimension, text.to_owned());
                self.draft.new.push(NewWord { dimension, text });
            }
            Meaning::Unknown | Meaning::Refused(_) | Meaning::Provider(_) | Meaning::Barred(_) => {
                return None;
            }
        }
        Some(())
    }

    fn object<'de, A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        let (mut word, mut pct, mut expires) = (None, None, None);
        while let Some(name) = map.next_key_seed(Word(Detail::named))? {
            match name {
                Detail::Value if word.is_none() => word = Some(map.next_value::<Cow<'de, str>>()?),
                Detail::Confidence if pct.is_none() => {
                    let share: Option<f64> = map.next_value()?;
                    pct = Some(share.map_or(Some(100), percent).ok_or_else(unusual)?);
                }
                Detail::Expires if expires.is_none() => {
                    expires = Some(map.next_value_seed(Expiry)?);
                }
                _ => return Err(unusual()),
            }
        }
        let word = word.ok_or_else(unusual)?;
        self.add(&word, pct.unwrap_or(100), expires.unwrap_or(Segment::NEVER)).ok_or_else(unusual)
    }
}

impl<'de> DeserializeSeed<'de> for Values<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> DeserializeSeed<'de> for &mut Values<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(Value(self))
    }
}

impl<'de> Visitor<'de> for Values<'_, '_> {
    type Value = ();

    expecting!("values");

    fn visit_str<E: serde::de::Error>(mut self, text: &str) -> Result<(), E> {
        self.add(text, 100, Segment::NEVER).ok_or_else(unusual)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        self.object(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(&mut self)?.is_some() {}
        Ok(())
    }
}

/// One value of a list: what is nothing by itself is nothing in a list, too.
struct Value<'s, 'r, 'v>(&'s mut Values<'r, 'v>);

impl<'de> Visitor<'de> for Value<'_, '_, '_> {
    type Value = ();

    expecting!("a value");

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.0.add(text, 100, Segment::NEVER).ok_or_else(unusual)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.object(map)
    }
}

enum Detail {
    Value,
    Confidence,
    Expires,
}

impl Detail {
    fn named(name: &str) -> Option<Detail> {
        match name {
            "value" => Some(Detail::Value),
            "confidence" => Some(Detail::Confidence),
            "expires" => Some(Detail::Expires),
            _ => None,
        }
    }
}

/// RFC 3339, seconds since 1970, or nothing for never.
struct Expiry;

impl<'de> DeserializeSeed<'de> for Expiry {
    type Value = Moment;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Moment, D::Error> {
        from.deserialize_any(self)
    }
}

impl Visitor<'_> for Expiry {
    type Value = Moment;

    expecting!("a moment");

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Moment, E> {
        moment_said(text).ok_or_else(unusual)
    }

    fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<Moment, E> {
        i64::try_from(seconds).ok().and_then(moment_of).ok_or_else(unusual)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Moment, E> {
        Ok(Segment::NEVER)
    }
}
