//! The append-only, checksummed, group-committed log that money, caps, consent and audit write to.
