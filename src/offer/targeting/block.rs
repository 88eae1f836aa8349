//! Which of 512 slots? A set of them, as wide as a cache line.
//!
//! What columns, masks and findings are made of; hot.

/// The bits of 512 slots: a cache line, and one AVX-512 register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C, align(64))]
pub struct Block(pub [u64; 8]);

impl Block {
    pub const SLOTS: usize = 512;
    pub const NONE: Block = Block([0; 8]);
    #[cfg(test)]
    pub const ALL: Block = Block([!0; 8]);

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.iter().fold(0, |all, word| all | word) == 0
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.0.iter().fold(!0, |all, word| all & word) == !0
    }

    #[inline]
    pub fn meets(&self, other: &Block) -> bool {
        self.0.iter().zip(other.0).fold(0, |all, (word, other)| all | word & other) != 0
    }

    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub fn set(&mut self, slot: usize) {
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    pub fn clear(&mut self, slot: usize) {
        self.0[slot / 64] &= !(1 << (slot % 64));
    }

    pub fn add(&mut self, other: &Block) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
    }
}
