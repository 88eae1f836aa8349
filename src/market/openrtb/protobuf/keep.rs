//! How is protobuf copied, without what may not be kept? Each field as it stood; cold.

use bumpalo::Bump;
use bumpalo::collections::Vec as List;

use super::{Field, Fields, Wire, raw};
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
    let context = Context::new(arena);
    message::<Draft<'b>>(body, &context, copy, Part::Root)?;
    context.limits_kept()
}

fn message<'b, T: Object<'b>>(
    bytes: &'b [u8],
    context: &Context<'b>,
    copy: &mut Copy,
    part: Part,
) -> Result<T, Malformed> {
    let mut object = T::default();
    let mut fields = Fields(bytes);
    let mut seen: u128 = 0;
    while let Some((number, wire)) = fields.next()? {
        let bit = 1_u128.checked_shl(number).unwrap_or(0);
        let first = seen & bit == 0;
        seen |= bit;
        let (fate, part) = copy.keep.numbered(part, number);
        let field = Field { number, wire, rest: fields, first, context };
        object.numbered(number, Copying { field, copy: &mut *copy, fate, part })?;
    }
    Ok(object)
}

/// One field, read and copied.
struct Copying<'m, 'c, 'b> {
    field: Field<'c, 'b>,
    copy: &'m mut Copy,
    fate: Fate,
    /// What it is, if it is a message.
    part: Part,
}

impl<'b> Copying<'_, '_, 'b> {
    fn scalar(&mut self) {
        let Field { number, wire, .. } = self.field;
        match (self.fate, wire) {
            (Fate::Goes, _) => {}
            (Fate::Address, Wire::Bytes(bytes)) => {
                if let Some(net) = std::str::from_utf8(bytes).ok().and_then(net_text) {
                    write(&mut self.copy.bytes, number, Wire::Bytes(net.as_bytes()));
                }
            }
            (Fate::Address, _) => {}
            (fate, wire) => {
                self.copy.takes(fate);
                write(&mut self.copy.bytes, number, wire);
            }
        }
    }

    /// All entries of the list that starts here, as they stood.
    fn list(&mut self) -> Result<(), Malformed> {
        let number = self.field.number;
        if self.field.first && self.copy.takes(self.fate) {
            let bytes = &mut self.copy.bytes;
            self.field.gather(|wire| {
                write(bytes, number, wire);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn one<T: Object<'b>>(
        copy: &mut Copy,
        (number, bytes): (u32, &'b [u8]),
        part: Part,
        context: &Context<'b>,
    ) -> Result<T, Malformed> {
        let outer = std::mem::take(&mut copy.bytes);
        let object = message(bytes, context, copy, part);
        let inner = std::mem::replace(&mut copy.bytes, outer);
        write(&mut copy.bytes, number, Wire::Bytes(&inner));
        object
    }
}

impl<'b> Value<'b> for Copying<'_, '_, 'b> {
    type Fault = Malformed;

    fn context(&self) -> &Context<'b> {
        self.field.context
    }

    fn raw(mut self) -> Result<Raw<'b>, Malformed> {
        self.scalar();
        raw(self.field.wire)
    }

    fn skip(self) -> Result<(), Malformed> {
        Ok(())
    }

    fn int(mut self) -> Result<Option<i64>, Malformed> {
        self.scalar();
        self.field.int()
    }

    fn float(mut self) -> Result<Option<f64>, Malformed> {
        self.scalar();
        self.field.float()
    }

    fn present(self) -> Result<bool, Malformed> {
        let number = self.field.number;
        let present = self.field.present()?;
        if present && self.copy.takes(self.fate) {
            write(&mut self.copy.bytes, number, Wire::Bytes(b""));
        }
        Ok(present)
    }

    fn said_texts(mut self) -> Result<Option<&'b [&'b str]>, Malformed> {
        self.list()?;
        self.field.said_texts()
    }

    fn texts(mut self) -> Result<&'b [&'b str], Malformed> {
        self.list()?;
        self.field.texts()
    }

    fn ints(mut self) -> Result<&'b [i64], Malformed> {
        self.list()?;
        self.field.ints()
    }

    fn object<T: Object<'b>>(self) -> Result<Option<T>, Malformed> {
        let Wire::Bytes(bytes) = self.field.wire else { return Ok(None) };
        if !self.copy.takes(self.fate) {
            return self.field.object();
        }
        let named = (self.field.number, bytes);
        Copying::one(self.copy, named, self.part, self.field.context).map(Some)
    }

    fn objects_mut<T: Object<'b> + std::marker::Copy + 'b>(self) -> Result<&'b mut [T], Malformed> {
        if !self.copy.takes(self.fate) {
            return self.field.objects_mut();
        }
        let Copying { field, copy, part, .. } = self;
        let mut list = List::new_in(field.context.arena);
        field.gather(|wire| {
            let Wire::Bytes(bytes) = wire else { return Ok(()) };
            if list.len() == T::BOUND.0 {
                field.context.break_limit(T::BOUND.1);
                return Ok(());
            }
            let named = (field.number, bytes);
            let object: T = Copying::one(copy, named, part, field.context)?;
            if object.counts() {
                list.push(object);
            }
            Ok(())
        })?;
        Ok(list.into_bump_slice_mut())
    }
}

fn write(out: &mut Vec<u8>, number: u32, wire: Wire<'_>) {
    let kind = match wire {
        Wire::Varint(_) => 0,
        Wire::Fixed64(_) => 1,
        Wire::Bytes(_) => 2,
        // What it held was not read.
        Wire::Fixed32 => return,
    };
    prost::encoding::encode_varint(u64::from(number) << 3 | kind, out);
    match wire {
        Wire::Varint(value) => prost::encoding::encode_varint(value, out),
        Wire::Fixed64(bytes) => out.extend_from_slice(&bytes),
        Wire::Bytes(bytes) => {
            prost::encoding::encode_varint(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Wire::Fixed32 => {}
    }
}
