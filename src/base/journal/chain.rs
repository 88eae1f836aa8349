//! What binds each batch to all before it? A chain of SHA-256 over the records.
//!
//! The link of a batch is the hash of the link before it and of each record with its length
//! (`u32`, little endian) in front. Whoever changes, drops or reorders records has to change every
//! link behind them; who knows a later one, as a snapshot or a backup does, sees it.

use sha2::{Digest as _, Sha256};

/// The head of a chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Link(pub [u8; 32]);

impl Link {
    /// Before the first batch.
    pub const GENESIS: Link = Link([0; 32]);
    pub(super) const BYTES: usize = 32;

    pub(super) fn of(bytes: &[u8]) -> Option<Link> {
        Some(Link(bytes.try_into().ok()?))
    }

    /// The link of a batch behind this one.
    pub fn then<'r>(self, records: impl IntoIterator<Item = &'r [u8]>) -> Link {
        let mut links = Links::behind(self);
        records.into_iter().for_each(|record| links.record(record));
        links.end()
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({self})")
    }
}

/// A batch being hashed.
pub(super) struct Links(Sha256);

impl Links {
    pub fn behind(before: Link) -> Links {
        Links(Sha256::new_with_prefix(before.0))
    }

    pub fn record(&mut self, record: &[u8]) {
        self.0.update((record.len() as u32).to_le_bytes());
        self.0.update(record);
    }

    pub fn end(self) -> Link {
        Link(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_what_any_tool_computes() {
        // printf '%064d' 0 | xxd -r -p > b; printf '\3\0\0\0abc' >> b; sha256sum b
        let link = Link::GENESIS.then([&b"abc"[..]]);
        assert_eq!(link.to_string(), EXPECTED);
        assert_ne!(Link::GENESIS.then([&b"ab"[..], b"c"]), link, "lengths are hashed too");
        assert_ne!(link.then([&b"abc"[..]]), link);
    }

    const EXPECTED: &str = "cdcff7d6120f089313b37e9a2b84e2d188741022a8f41c742fb83e00b7cde177";
}
