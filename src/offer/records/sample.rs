//! What of a sampled decision is kept, and how is it read back? Cut to what is permitted; the
//! personal part sealed. On the writer's thread and in tools; cold.
//!
//! ```text
//! open     1 · request                                            nothing personal is in it
//! sealed   2 · key's number u64 · nonce 24 · tag 16 · (request's length u32 · request · profile)
//! ```
//! The request is what was read of it ([`openrtb::keep`]): without the listener's permission no
//! id, nothing of the person, no precise place, no string of consent; addresses always cut to
//! their net. Sealing is XChaCha20-Poly1305, and binds the sample to its record's bytes.

use bumpalo::Bump;
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce};

use super::record::{DecisionRecord, RecordFault};
use super::vault::{KeyId, Keyring, SealKey};
use crate::base::units::ids::ListenerMark;
use crate::base::units::redacted::redacted;
use crate::market::openrtb::{self, Keep, Wire};
use crate::market::outcome::Malformed;
use crate::market::privacy::Grant;

const NONE: u8 = 0;
const CLEAR: u8 = 1;
const SEALED: u8 = 2;
const NONCE: usize = 24;
const TAG: usize = 16;

/// The bytes that a sampled decision keeps, so that it can be made again.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    /// The body, inflated, or what was kept of it.
    pub request: &'a [u8],
    /// The listener's profile as it was; empty where none was read.
    pub profile: &'a [u8],
}

/// What may be kept of a sample.
pub struct Cut {
    /// Request and profile, one behind the other.
    bytes: Vec<u8>,
    split: usize,
    /// Something of a person is in it: it is kept sealed or not at all.
    pub personal: bool,
}

redacted!(Sample<'_>, Cut);

impl Cut {
    /// `listener`: who was known and permitted. What is no request is not kept.
    pub fn of(
        record: &DecisionRecord,
        sample: Sample<'_>,
        listener: Option<ListenerMark>,
        arena: &Bump,
    ) -> Result<Cut, Malformed> {
        let permissions = record.permissions();
        let may = |grant| permissions.is_some_and(|permissions| permissions.may(grant));
        let known = listener.is_some();
        let keep = Keep {
            ids: known && may(Grant::UseId),
            person: may(Grant::ReadProfile),
            place: may(Grant::PrecisePlace),
            consent: known,
        };
        let wire = if record.wire & 1 == 1 { Wire::Protobuf } else { Wire::Json };
        let mut bytes = Vec::with_capacity(sample.request.len() + sample.profile.len());
        let personal = openrtb::keep((wire, sample.request), keep, arena, &mut bytes)?;
        let split = bytes.len();
        bytes.extend_from_slice(sample.profile);
        Ok(Cut { bytes, split, personal: personal || !sample.profile.is_empty() })
    }

    pub fn sample(&self) -> Sample<'_> {
        let (request, profile) = self.bytes.split_at(self.split);
        Sample { request, profile }
    }

    /// Appends it as nobody's.
    pub(super) fn clear(&self, out: &mut Vec<u8>) {
        out.push(CLEAR);
        out.extend_from_slice(&self.bytes);
    }

    /// Appends it sealed, behind the record's bytes, which are all of `out`. `false`: it is too
    /// long for the cipher, and nothing was appended.
    pub(super) fn seal(&self, key: &SealKey, nonce: &[u8; NONCE], out: &mut Vec<u8>) -> bool {
        let mut text = (self.split as u32).to_le_bytes().to_vec();
        text.extend_from_slice(&self.bytes);
        let cipher = XChaCha20Poly1305::new(&key.key.into());
        let sealed =
            cipher.encrypt_inout_detached(&XNonce::from(*nonce), out, (&mut text[..]).into());
        let Ok(tag) = sealed else { return false };
        out.push(SEALED);
        out.extend_from_slice(&key.id.0.to_le_bytes());
        out.extend_from_slice(nonce);
        out.extend_from_slice(&tag);
        out.extend_from_slice(&text);
        true
    }
}

/// Appends that no sample is kept.
pub(super) fn none(out: &mut Vec<u8>) {
    out.push(NONE);
}

/// A sample as it was read back.
#[derive(Clone, Copy, Debug)]
pub enum Stored<'b> {
    /// Nothing personal is in it.
    Clear(Sample<'b>),
    Sealed(Sealed<'b>),
}

/// What only its key opens.
#[derive(Clone, Copy)]
pub struct Sealed<'b> {
    pub key: KeyId,
    nonce: [u8; NONCE],
    tag: [u8; TAG],
    text: &'b [u8],
    record: &'b [u8],
}

redacted!(Sealed<'_>);

/// Why a sealed sample cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Shut {
    #[error("sealed; the listener was erased")]
    Erased,
    #[error("sealed, and not with the key that is kept under its number")]
    Damaged,
}

impl<'b> Stored<'b> {
    /// What stands behind a record; `record`: the record's bytes.
    pub(super) fn read(
        record: &'b [u8],
        rest: &'b [u8],
    ) -> Result<Option<Stored<'b>>, RecordFault> {
        match rest {
            [NONE] => Ok(None),
            [CLEAR, request @ ..] => Ok(Some(Stored::Clear(Sample { request, profile: &[] }))),
            [SEALED, rest @ ..] => {
                let (key, rest) = rest.split_first_chunk().ok_or(RecordFault::Short)?;
                let (nonce, rest) = rest.split_first_chunk().ok_or(RecordFault::Short)?;
                let (tag, text) = rest.split_first_chunk().ok_or(RecordFault::Short)?;
                let key = KeyId(u64::from_le_bytes(*key));
                let (nonce, tag) = (*nonce, *tag);
                Ok(Some(Stored::Sealed(Sealed { key, nonce, tag, text, record })))
            }
            _ => Err(RecordFault::Value("sample")),
        }
    }

    /// Opens it into `room`, where it is sealed.
    pub fn open<'r>(&self, keys: &Keyring, room: &'r mut Vec<u8>) -> Result<Sample<'r>, Shut>
    where
        'b: 'r,
    {
        match self {
            Stored::Clear(sample) => Ok(*sample),
            Stored::Sealed(sealed) => sealed.open(keys, room),
        }
    }
}

impl Sealed<'_> {
    fn open<'r>(&self, keys: &Keyring, room: &'r mut Vec<u8>) -> Result<Sample<'r>, Shut> {
        let key = keys.key(self.key).ok_or(Shut::Erased)?;
        room.clear();
        room.extend_from_slice(self.text);
        let cipher = XChaCha20Poly1305::new(&(*key).into());
        let (nonce, tag) = (XNonce::from(self.nonce), Tag::from(self.tag));
        let opened =
            cipher.decrypt_inout_detached(&nonce, self.record, (&mut room[..]).into(), &tag);
        opened.map_err(|_| Shut::Damaged)?;
        let (split, bytes) = room.split_first_chunk::<4>().ok_or(Shut::Damaged)?;
        let split = u32::from_le_bytes(*split) as usize;
        let (request, profile) = bytes.split_at_checked(split).ok_or(Shut::Damaged)?;
        Ok(Sample { request, profile })
    }
}

#[cfg(test)]
mod tests;
