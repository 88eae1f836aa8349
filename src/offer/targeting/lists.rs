//! Which slots of a page stand in the lists of a request's thin values?
//!
//! Called by [`pass`](super::pass) once per page; hot. Most lists have no slot in the first page,
//! so a cursor knows its next slot without a look into the list.

use super::block::Block;

/// How far a list has been read.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    /// The next slot, and where it stands in [`Tier::lists`](super::tier::Tier::lists).
    pub slot: u32,
    pub at: u32,
    /// Where the column starts that its slots are gathered in.
    pub column: u32,
}

/// So many slots of each list are taken in turn before lists are read to their end.
const TURNS: usize = 6;

/// Sets the bits of the lists' slots in the blocks from `first` to `end`; those before were passed
/// by. `due` is room for the lists that have such a slot.
///
/// Lists lie far apart: one slot of each is taken at a time, so that their reads wait for memory
/// side by side, and where a list ends need not be foretold. A list ends in `LIST_END`, which is
/// beyond every page.
pub fn gather(
    cursors: &mut [Cursor],
    due: &mut Vec<u32>,
    lists: &[u32],
    (first, end): (usize, usize),
    gathered: &mut [Block],
) {
    let (first, limit) = ((first * Block::SLOTS) as u32, (end * Block::SLOTS) as u32);
    due.resize(due.len().max(cursors.len()), 0);
    let mut count = 0;
    for (index, cursor) in cursors.iter().enumerate() {
        due[count] = index as u32;
        count += usize::from(cursor.slot < limit);
    }
    for _ in 0..TURNS {
        let mut left = 0;
        for turn in 0..count {
            let index = due[turn];
            let cursor = &mut cursors[index as usize];
            if let Some(at) = cursor.slot.checked_sub(first) {
                set(&mut gathered[cursor.column as usize..], at);
            }
            cursor.at += 1;
            cursor.slot = lists[cursor.at as usize];
            due[left] = index;
            left += usize::from(cursor.slot < limit);
        }
        count = left;
    }
    for &index in &due[..count] {
        let cursor = &mut cursors[index as usize];
        let column = &mut gathered[cursor.column as usize..];
        let mut left = &lists[cursor.at as usize..];
        while left[0] < first {
            left = &left[1..];
        }
        while let Some(&slots) = left.first_chunk::<4>()
            && slots.iter().all(|slot| *slot < limit)
        {
            slots.iter().for_each(|slot| set(column, slot - first));
            left = &left[4..];
        }
        while left[0] < limit {
            set(column, left[0] - first);
            left = &left[1..];
        }
        (cursor.at, cursor.slot) = ((lists.len() - left.len()) as u32, left[0]);
    }
}

fn set(column: &mut [Block], at: u32) {
    column[at as usize / Block::SLOTS].set(at as usize % Block::SLOTS);
}

#[cfg(test)]
mod tests {
    use super::super::tier::LIST_END;
    use super::*;
    use crate::base::stdx::rng::Rng;

    #[test]
    fn pages_gather_every_slot_once() {
        const BLOCKS: usize = 12;
        let mut rng = Rng::new(17);
        for round in 0..if cfg!(miri) { 3 } else { 500 } {
            let (mut lists, mut cursors, mut wanted) = (vec![0], Vec::new(), Vec::new());
            for column in (0..1 + rng.below(20)).map(|column| (column % 3 * BLOCKS) as u32) {
                let one_in = [3, 40, 900][rng.below(3)];
                let all = 0..(BLOCKS * Block::SLOTS) as u32;
                let slots: Vec<u32> = all.filter(|_| rng.below(one_in) == 0).collect();
                let Some(&slot) = slots.first() else { continue };
                cursors.push(Cursor { slot, at: lists.len() as u32, column });
                lists.extend(slots.iter().chain([&LIST_END]));
                wanted.push((column as usize, slots));
            }
            let (mut due, mut next) = (Vec::new(), rng.below(4));
            while next < BLOCKS {
                let page = (next, BLOCKS.min(next + 1 + rng.below(6)));
                let mut gathered = vec![Block::NONE; 3 * BLOCKS];
                gather(&mut cursors, &mut due, &lists, page, &mut gathered);
                let mut naive = vec![Block::NONE; 3 * BLOCKS];
                for (column, slots) in &wanted {
                    for slot in slots.iter().map(|&slot| slot as usize) {
                        if (page.0..page.1).contains(&(slot / Block::SLOTS)) {
                            let block = slot / Block::SLOTS - page.0;
                            naive[column + block].set(slot % Block::SLOTS);
                        }
                    }
                }
                assert!(gathered == naive, "round {round}, page {page:?}");
                next = page.1 + rng.below(3);
            }
        }
    }
}
