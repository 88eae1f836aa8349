//! Which lines does a search pass over, whatever they want? One bit a slot.
//!
//! Made when a world is published (what is gone) and once a second (what sleeps); read by every
//! search, a block at a time. Hot where it is read.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::units::ids::LineIx;

use super::block::Block;
use super::tier::Tier;

/// Lines that a search passes over. Belongs to the index it was made by.
#[derive(Clone)]
pub struct Mask {
    /// Names the index; another one's bits would stand for other lines.
    of: u64,
    /// Bits beyond the last slot and of lines that are never true are set as well.
    pub(super) base: Box<[Block]>,
    pub(super) fresh: Box<[Block]>,
}

impl Mask {
    /// The first mask of an index of these tiers: bars no line.
    pub(super) fn none(base: &Tier, fresh: &Tier) -> Mask {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let of = NEXT.fetch_add(1, Ordering::Relaxed);
        Mask { of, base: nowhere(base), fresh: nowhere(fresh) }
    }

    /// Bars one more line of the tiers that it was made of.
    pub(super) fn bar(&mut self, base: &Tier, fresh: &Tier, line: LineIx) {
        let (blocks, slots) = match line.index().checked_sub(base.lines()) {
            None => (&mut self.base, base.slots_of(line.index())),
            Some(line) => (&mut self.fresh, fresh.slots_of(line)),
        };
        for slot in slots {
            blocks[slot / Block::SLOTS].set(slot % Block::SLOTS);
        }
    }

    /// Whether both were made by the same index.
    pub(super) fn belongs_with(&self, other: &Mask) -> bool {
        self.of == other.of
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.base) + size_of_val(&*self.fresh)
    }
}

fn nowhere(tier: &Tier) -> Box<[Block]> {
    let mut blocks = vec![Block::NONE; tier.blocks()].into_boxed_slice();
    let beyond = tier.slots()..tier.blocks() * Block::SLOTS;
    for slot in beyond.chain(tier.never.iter().map(|&slot| slot as usize)) {
        blocks[slot / Block::SLOTS].set(slot % Block::SLOTS);
    }
    blocks
}
