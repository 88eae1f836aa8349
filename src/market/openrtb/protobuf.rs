//! How is protobuf read? Once over the body, straight into the borrowed request; hot.
//!
//! The tables that read JSON read this as well, by number in place of key. Nothing is decoded
//! into messages first: that would allocate each string and, before any bound could be
//! checked, hundreds of bytes for each empty message of two. A field of another wire type than
//! the standard's is absent. A message that comes twice is not merged; the last one counts.

pub(super) mod keep;

use bumpalo::Bump;
use bumpalo::collections::Vec as List;

use super::kinds::{Context, Object, Raw, Value};
use super::{Draft, MAX_LIST};
use crate::market::outcome::Malformed;

/// Reads a body that must be one `BidRequest`.
pub(super) fn read<'b>(body: &'b [u8], arena: &'b Bump) -> Result<Draft<'b>, Malformed> {
    let context = Context::new(arena);
    let draft = message(body, &context)?;
    context.limits_kept()?;
    Ok(draft)
}

fn message<'b, T: Object<'b>>(bytes: &'b [u8], context: &Context<'b>) -> Result<T, Malformed> {
    let mut object = T::default();
    let mut fields = Fields(bytes);
    let mut seen: u128 = 0;
    while let Some((number, wire)) = fields.next()? {
        let bit = 1_u128.checked_shl(number).unwrap_or(0);
        let first = seen & bit == 0;
        seen |= bit;
        object.numbered(number, Field { number, wire, rest: fields, first, context })?;
    }
    Ok(object)
}

/// The fields of a message, one after the other.
#[derive(Clone, Copy)]
struct Fields<'b>(&'b [u8]);

/// What a field holds, by its wire type.
#[derive(Clone, Copy)]
enum Wire<'b> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'b [u8]),
    Fixed32,
}

impl<'b> Fields<'b> {
    /// Groups (wire types 3 and 4) are refused: no OpenRTB definition ever had one.
    #[inline]
    fn next(&mut self) -> Result<Option<(u32, Wire<'b>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.0)?;
        let number = u32::try_from(key >> 3).map_err(|_| Malformed::Unparseable)?;
        let wire = match key & 7 {
            0 => Wire::Varint(varint(&mut self.0)?),
            1 => Wire::Fixed64(self.chunk()?),
            2 => {
                let len = varint(&mut self.0)?;
                let len = usize::try_from(len).map_err(|_| Malformed::Unparseable)?;
                let (bytes, rest) = self.0.split_at_checked(len).ok_or(Malformed::Unparseable)?;
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            5 => {
                self.chunk::<4>()?;
                Wire::Fixed32
            }
            _ => return Err(Malformed::Unparseable),
        };
        if number == 0 {
            return Err(Malformed::Unparseable);
        }
        Ok(Some((number, wire)))
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (chunk, rest) = self.0.split_first_chunk().ok_or(Malformed::Unparseable)?;
        self.0 = rest;
        Ok(*chunk)
    }
}

/// Most keys, lengths and values are one byte.
#[inline]
fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    match bytes {
        [byte @ 0..0x80, rest @ ..] => {
            let value = u64::from(*byte);
            *bytes = rest;
            Ok(value)
        }
        _ => long_varint(bytes),
    }
}

fn long_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            // The tenth byte has room for one bit.
            if at == 9 && byte > 1 {
                break;
            }
            *bytes = &bytes[at + 1..];
            return Ok(value);
        }
    }
    Err(Malformed::Unparseable)
}

/// One field of a message, with what follows it: entries of a list stand apart on the wire.
struct Field<'c, 'b> {
    number: u32,
    wire: Wire<'b>,
    rest: Fields<'b>,
    /// The first of its number: a list is gathered from here, its later entries are passed over.
    first: bool,
    context: &'c Context<'b>,
}

impl<'b> Field<'_, 'b> {
    /// All entries of the list that starts here, in order.
    fn gather(
        &self,
        mut entry: impl FnMut(Wire<'b>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if !self.first {
            return Ok(());
        }
        entry(self.wire)?;
        let mut rest = self.rest;
        while let Some((number, wire)) = rest.next()? {
            if number == self.number {
                entry(wire)?;
            }
        }
        Ok(())
    }

    fn push<T>(&self, list: &mut List<'b, T>, entry: T, (bound, fault): (usize, Malformed)) {
        if list.len() < bound {
            list.push(entry);
        } else {
            self.context.break_limit(fault);
        }
    }
}

impl<'b> Value<'b> for Field<'_, 'b> {
    type Fault = Malformed;

    fn context(&self) -> &Context<'b> {
        self.context
    }

    fn raw(self) -> Result<Raw<'b>, Malformed> {
        raw(self.wire)
    }

    fn skip(self) -> Result<(), Malformed> {
        Ok(())
    }

    fn int(self) -> Result<Option<i64>, Malformed> {
        Ok(int32(self.wire))
    }

    fn float(self) -> Result<Option<f64>, Malformed> {
        let Wire::Fixed64(bytes) = self.wire else { return Ok(None) };
        let value = f64::from_le_bytes(bytes);
        if value.is_finite() { Ok(Some(value)) } else { Err(Malformed::Unparseable) }
    }

    fn present(self) -> Result<bool, Malformed> {
        Ok(matches!(self.wire, Wire::Bytes(_)))
    }

    /// Protobuf cannot say an empty list; later entries were gathered with the first.
    fn said_texts(self) -> Result<Option<&'b [&'b str]>, Malformed> {
        Ok(Some(self.texts()?).filter(|list| !list.is_empty()))
    }

    fn texts(self) -> Result<&'b [&'b str], Malformed> {
        let mut list = List::new_in(self.context.arena);
        self.gather(|wire| {
            match raw(wire)?.text(self.context.arena) {
                None | Some("") => {}
                Some(text) => self.push(&mut list, text, (MAX_LIST, Malformed::TooLarge)),
            }
            Ok(())
        })?;
        Ok(list.into_bump_slice())
    }

    /// Packed or one by one; encoders may do either.
    fn ints(self) -> Result<&'b [i64], Malformed> {
        let mut list = List::new_in(self.context.arena);
        self.gather(|wire| {
            let Wire::Bytes(mut packed) = wire else {
                if let Some(value) = int32(wire) {
                    self.push(&mut list, value, (MAX_LIST, Malformed::TooLarge));
                }
                return Ok(());
            };
            while !packed.is_empty() {
                let value = varint(&mut packed)? as i32;
                self.push(&mut list, i64::from(value), (MAX_LIST, Malformed::TooLarge));
            }
            Ok(())
        })?;
        Ok(list.into_bump_slice())
    }

    fn object<T: Object<'b>>(self) -> Result<Option<T>, Malformed> {
        let Wire::Bytes(bytes) = self.wire else { return Ok(None) };
        message(bytes, self.context).map(Some)
    }

    fn objects_mut<T: Object<'b> + Copy + 'b>(self) -> Result<&'b mut [T], Malformed> {
        let mut list = List::new_in(self.context.arena);
        self.gather(|wire| {
            let Wire::Bytes(bytes) = wire else { return Ok(()) };
            if list.len() == T::BOUND.0 {
                self.context.break_limit(T::BOUND.1);
                return Ok(());
            }
            let object: T = message(bytes, self.context)?;
            if object.counts() {
                list.push(object);
            }
            Ok(())
        })?;
        Ok(list.into_bump_slice_mut())
    }
}

fn raw(wire: Wire<'_>) -> Result<Raw<'_>, Malformed> {
    Ok(match wire {
        Wire::Varint(value) => Raw::Int(i64::from(value as i32)),
        Wire::Bytes(bytes) => {
            Raw::Text(std::str::from_utf8(bytes).map_err(|_| Malformed::Unparseable)?)
        }
        Wire::Fixed64(_) | Wire::Fixed32 => Raw::Null,
    })
}

/// All integers of OpenRTB are int32: more bits than 32 are cut, as the encoding says.
fn int32(wire: Wire<'_>) -> Option<i64> {
    match wire {
        Wire::Varint(value) => Some(i64::from(value as i32)),
        _ => None,
    }
}
