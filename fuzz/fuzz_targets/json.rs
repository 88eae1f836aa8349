//! Bid requests as JSON: do they decode, or fail, without a panic; and is what decodes the same
//! when another parser has read it and written it anew?
//!
//! The reference is `serde_json::Value`. Numbers that are no integers and keys that stand twice are
//! left out: what is written anew would be something else. Run by `tests/fuzz`; the seeds by
//! tests/it/fuzz.rs.
#![cfg_attr(fuzzing, no_main)]

use std::collections::HashSet;
use std::fmt;

use bumpalo::Bump;
use interlude::market::openrtb::{Keep, Wire, decode, keep};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// JSON all the same (RFC 8259), which the reference does not take: half a pair of surrogates,
/// numbers too large for it, more levels than it goes down.
const BEYOND: [&str; 4] = ["hex escape", "surrogate", "out of range", "recursion limit"];

/// All that may be kept.
const ALL: Keep = Keep { ids: true, person: true, place: true, consent: true };

pub fn run(data: &[u8]) {
    let arenas = [Bump::new(), Bump::new(), Bump::new()];
    let ours = decode(Wire::Json, data, &arenas[0]);
    let theirs = serde_json::from_slice::<Value>(data);
    if ours.is_ok() {
        let refused = theirs.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let held = refused.is_empty() || BEYOND.iter().any(|why| refused.contains(why));
        assert!(held, "read what is no JSON: {refused}");
        let once = kept(data);
        assert!(decode(Wire::Json, &once, &arenas[1]).is_ok(), "kept what cannot be read");
        assert_eq!(kept(&once), once, "a copy of the copy is another");
    }
    let plain = serde_json::from_slice::<Plain>(data).is_ok_and(|plain| plain.0);
    if let (Ok(value), true) = (theirs, plain) {
        let written = serde_json::to_vec(&value).expect("JSON");
        let again = decode(Wire::Json, &written, &arenas[2]);
        assert_eq!(ours.is_ok(), again.is_ok(), "{ours:?} {again:?}");
        if let (Ok(ours), Ok(again)) = (ours, again) {
            assert!(ours == again, "another request: {ours:?} {again:?}");
        }
    }
}

fn kept(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    keep((Wire::Json, body), ALL, &Bump::new(), &mut out).expect("it was read before");
    out
}

/// Whether all numbers are integers, and each key stands once in its object.
struct Plain(bool);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Plain, D::Error> {
        from.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain(true))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Plain, E> {
        Ok(Plain(true))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Plain, E> {
        Ok(Plain(true))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Plain, E> {
        Ok(Plain(true))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Plain, E> {
        Ok(Plain(false))
    }

    fn visit_str<E>(self, _: &str) -> Result<Plain, E> {
        Ok(Plain(true))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Plain, A::Error> {
        let mut plain = true;
        while let Some(Plain(item)) = list.next_element()? {
            plain &= item;
        }
        Ok(Plain(plain))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
        let (mut plain, mut keys) = (true, HashSet::new());
        while let Some((key, Plain(value))) = map.next_entry::<String, Plain>()? {
            plain &= value & keys.insert(key);
        }
        Ok(Plain(plain))
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
