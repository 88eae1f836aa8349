//! What is on the wire? OpenRTB 2.5 and 2.6 in JSON and protobuf: decode, encode, codes, macros.
//!
//! Called by `decide` (both ways, hot). Knows the standard and nothing of ours. A request is
//! read into borrowed types ([`request`]); everything that the standard lets vary has been
//! evened out there, and the strict rules of [`check`] hold whatever the wire.

pub mod codes;
#[rustfmt::skip]
#[allow(clippy::len_without_is_empty, reason = "`content.len` is a field of the standard")]
pub mod generated;
pub mod macros;
pub mod request;
pub mod response;

mod check;
mod json;
mod keep;
mod kinds;
mod protobuf;
mod tables;

use bumpalo::Bump;

use crate::market::outcome::Malformed;
pub use keep::Keep;
use request::{Imp, Request, SupplyChain};

/// More entries than this in a list of words or numbers refuse the request as too large: to
/// forget a part of `badv` would be worse than not to bid.
pub const MAX_LIST: usize = 10_000;

/// The same for lists of objects (deals, companions, user data …).
pub const MAX_OBJECTS: usize = 1_000;

/// More imps than this refuse the request (DESIGN §8).
pub const MAX_IMPS: usize = 100;

/// The format of a body; the answer is written in the same one (§2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Json,
    Protobuf,
}

/// Reads a bid request. Everything borrows from `body` or from `arena`; nothing is allocated on
/// the heap once the arena is warm.
pub fn decode<'b>(wire: Wire, body: &'b [u8], arena: &'b Bump) -> Result<Request<'b>, Malformed> {
    let draft = match wire {
        Wire::Json => json::read(body, arena)?,
        Wire::Protobuf => protobuf::read(body, arena)?,
    };
    check::strict(draft)
}

/// What may be kept of a request that was read: appends a body of the same format, whose decoding
/// gives the same request less what `keep` leaves out. Says whether anything of the person stands
/// in it. Cold; what is no request is not kept.
pub fn keep(
    (wire, body): (Wire, &[u8]),
    keep: Keep,
    arena: &Bump,
    out: &mut Vec<u8>,
) -> Result<bool, Malformed> {
    // cold: the writer's thread
    let mut copy = keep::Copy { keep, bytes: Vec::new(), personal: false };
    match wire {
        Wire::Json => json::keep::copy(body, arena, &mut copy)?,
        Wire::Protobuf => protobuf::keep::copy(body, arena, &mut copy)?,
    }
    out.append(&mut copy.bytes);
    Ok(copy.personal)
}

/// A request as it was read, before the strict rules.
#[derive(Default)]
struct Draft<'b> {
    request: Request<'b>,
    imps: &'b mut [Imp<'b>],
    ext: Option<RequestExt<'b>>,
}

/// `ext` of the request: the supply chain as OpenRTB ≤ 2.4 has it.
#[derive(Default, Clone, Copy)]
struct RequestExt<'b> {
    schain: Option<SupplyChain<'b>>,
}

#[cfg(test)]
mod tests;
