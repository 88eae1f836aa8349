//! Which candidate wins which slot, at what price? Floors, blocks, pods. Hot, pure.
//!
//! Called by `flows::decide`, which gathers the candidates and takes the holds.

mod blocks;
mod floor;
mod pod;

pub use blocks::allowed;
pub use floor::floor;
pub use pod::{Break, EXACT_PLACES, Entry, Filling, PLACE_CANDIDATES, fill};
