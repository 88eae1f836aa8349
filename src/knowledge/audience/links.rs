//! Under which other ids is a listener known? An exchange's id, a shared id, a hashed address.
//!
//! A link leads from such an id to the listener's own key. Written by the gathering side (cold),
//! asked by `enrich` once per request (hot).

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::base::units::redacted::redacted;

/// An id of somebody else's: the hash of whose it is and of the id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkKey(pub u128);

impl LinkKey {
    /// `source` is an exchange's key, an `eids` source, or a name such as `email_sha256`; its
    /// case does not matter, the id's does.
    pub fn of(source: &str, id: &str) -> LinkKey {
        // FNV-1a: short names, and lower case without a buffer.
        let seed = source.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x100_0000_01B3)
        });
        LinkKey(xxh3_128_with_seed(id.as_bytes(), seed))
    }
}

redacted!(LinkKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_and_id_both_tell_a_link_apart() {
        let links = [
            LinkKey::of("demo", "a"),
            LinkKey::of("demo", "A"),
            LinkKey::of("other", "a"),
            LinkKey::of("demoa", ""),
            LinkKey::of("", "demoa"),
        ];
        for (n, link) in links.iter().enumerate() {
            assert!(!links[..n].contains(link), "{n}");
        }
        assert_eq!(LinkKey::of("IDs.Example", "a"), LinkKey::of("ids.example", "a"));
        assert_eq!(format!("{:?}", links[0]), "[redacted]");
    }
}
