//! Which slots of a page stand in the lists of a request's thin values?
//!
//! Called by [`pass`](super::pass) once per page; hot. Most lists have no slot in the first page,
//! so a cursor knows its next slot without a look into the list.

use super::block::Block;
use super::tier::LIST_END;

/// How far a list has been read.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    /// The next slot, and where it stands in [`Tier::lists`](super::tier::Tier::lists).
    pub slot: u32,
    pub at: u32,
    /// Where the column starts that its slots are gathered in.
    pub column: u32,
}

/// Sets the bits of the lists' slots in the blocks from `first` to `end`; those before were passed
/// by.
pub fn gather(
    cursors: &mut [Cursor],
    lists: &[u32],
    (first, end): (usize, usize),
    gathered: &mut [Block],
) {
    let (first, limit) = ((first * Block::SLOTS) as u32, (end * Block::SLOTS) as u32);
    for cursor in cursors.iter_mut().filter(|cursor| cursor.slot < limit) {
        let column = &mut gathered[cursor.column as usize..];
        cursor.slot = LIST_END;
        for &slot in &lists[cursor.at as usize..] {
            if slot >= limit {
                cursor.slot = slot;
                break;
            }
            let at = slot.wrapping_sub(first) as usize;
            if let Some(block) = column.get_mut(at / Block::SLOTS) {
                block.set(at % Block::SLOTS);
            }
            cursor.at += 1;
        }
    }
}
