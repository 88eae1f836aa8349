//! How do the lines of a world become an index? Expressions → slots → columns and lists.
//!
//! Called once per published world, and for the fresh lines of an edit; cold, but proportional.
//! Two passes: the first writes each slot's values to a tape and counts them, the second, when it
//! is known which values are thick, sets each value's bit or appends to its list. Both walk memory
//! mostly forwards, and nothing is allocated for a line of its own.

use crate::knowledge::catalog::model::Expr;
use crate::market::vocabulary::{Dimension, ValueId};

use super::normal::{Clause, Normal};
use super::simd::{ABSENT, Block};
use super::tier::{Asked, CHECK, Checked, Kept, Postings, Set, Tier};

/// A value gets a column when more than one slot in so many has it; below, a list is smaller and
/// costs a search less than a column that is mostly empty.
const SLOTS_PER_POSTING: usize = 256;

/// Up to so many slots every value gets one: it is no longer than what a search reads first.
const SMALL_SLOTS: usize = 4 * Block::SLOTS;

/// Whether a value that so many of all slots have gets a column.
pub fn is_thick(postings: usize, slots: usize) -> bool {
    slots <= SMALL_SLOTS || postings * SLOTS_PER_POSTING > slots
}

impl Tier {
    /// Compiles expressions, which stand in the order of search. `values` is the length of the
    /// vocabulary; each value belongs to one dimension. `thick` says of how many postings among
    /// how many slots a column is made.
    pub fn build<'e>(
        expressions: impl IntoIterator<Item = &'e Expr>,
        values: usize,
        thick: fn(usize, usize) -> bool,
    ) -> Tier {
        let mut draft = Draft::new(values);
        let mut normal = Normal::default();
        for expr in expressions {
            draft.push_line(expr, &mut normal);
        }
        draft.place(thick);
        draft.fill();
        draft.tier.shrink();
        draft.tier
    }
}

/// A tier whose postings are still on a tape.
struct Draft {
    tier: Tier,
    tape: Tape,
    /// The values that some slot asks about; until they are placed, the sets of
    /// [`Tier::postings`] hold how many slots do.
    used: Vec<(u32, Dimension)>,
    /// How many slots want a value of each dimension, and whether one wants none of some.
    including: [u32; Dimension::COUNT],
    excluding: [bool; Dimension::COUNT],
}

impl Draft {
    fn new(values: usize) -> Draft {
        let postings = vec![Postings::default(); values.max(Dimension::COUNT)];
        let tier = Tier { first_slot: vec![0], postings, ..Tier::default() };
        let (including, excluding) = ([0; Dimension::COUNT], [false; Dimension::COUNT]);
        Draft { tier, tape: Tape::default(), used: Vec::new(), including, excluding }
    }

    fn push_line<'e>(&mut self, expr: &'e Expr, normal: &mut Normal<'e>) {
        let line = self.tier.lines() as u32;
        debug_assert!(line < CHECK, "line numbers leave room for the mark");
        if !normal.each(expr, &mut |clauses| self.push_slot(line, clauses)) {
            let at = self.tier.program.push_whole(expr);
            self.tape.start_slot();
            self.push_checked(line, at);
        }
        self.tier.first_slot.push(self.tier.slots.len() as u32);
    }

    fn push_slot(&mut self, line: u32, clauses: &[Clause<'_>]) {
        self.tape.start_slot();
        for clause in clauses {
            self.push_clause(clause);
        }
        match self.tier.program.push(clauses) {
            Some(at) => self.push_checked(line, at),
            None => self.tier.slots.push(line),
        }
    }

    fn push_checked(&mut self, line: u32, at: u32) {
        self.tier.slots.push(self.tier.checked.len() as u32 | CHECK);
        self.tier.checked.push(Checked { line, at });
    }

    /// Posts a slot under its values. Unknown is a value like others: included where a wanted
    /// value may be unknown, excluded where nothing is wanted but it must be known.
    fn push_clause(&mut self, clause: &Clause<'_>) {
        let dimension = clause.dimension;
        let unknown = ValueId::unknown(dimension);
        if let Some(values) = &clause.any_of {
            self.including[dimension.index()] += 1;
            self.tape.push(dimension as u32 | Tape::DIMENSION);
            values.iter().for_each(|&value| self.include(value, dimension));
            if clause.pass_unknown {
                self.include(unknown, dimension);
            }
        } else if !clause.pass_unknown {
            self.exclude(unknown, dimension);
        }
        clause.none_of.iter().for_each(|&value| self.exclude(value, dimension));
    }

    fn include(&mut self, value: ValueId, dimension: Dimension) {
        self.tape.push(value.0);
        self.count(value, dimension).include.0 += 1;
    }

    fn exclude(&mut self, value: ValueId, dimension: Dimension) {
        self.excluding[dimension.index()] = true;
        self.tape.push(value.0 | Tape::EXCLUDE);
        self.count(value, dimension).exclude.0 += 1;
    }

    fn count(&mut self, value: ValueId, dimension: Dimension) -> &mut Postings {
        // The vocabulary may have grown since it was measured.
        if value.index() >= self.tier.postings.len() {
            self.tier.postings.resize(value.index() + 1, Postings::default());
        }
        let counts = &mut self.tier.postings[value.index()];
        if counts.include.0 == 0 && counts.exclude.0 == 0 {
            self.used.push((value.0, dimension));
        }
        counts
    }

    /// Gives every dimension and every value its place among the columns or the lists.
    fn place(&mut self, thick: fn(usize, usize) -> bool) {
        let tier = &mut self.tier;
        let slots = tier.slots.len();
        tier.stride = padded(tier.blocks());
        let mut room = Room { slots, thick, stride: tier.stride, columns: 0, lists: 1 };
        let mut expected = [(0.0, 0.0); Dimension::COUNT];
        self.used.sort_unstable_by_key(|&(value, _)| value);
        for &(value, dimension) in &self.used {
            let postings = &mut tier.postings[value as usize];
            let count = f64::from(postings.include.0);
            let (total, squares) = &mut expected[dimension.index()];
            *total += count;
            *squares += count * count;
            postings.include = room.place(postings.include.0);
            postings.exclude = room.place(postings.exclude.0);
        }
        let mut order: Vec<(f64, Asked)> = Vec::new();
        for dimension in Dimension::all() {
            let including = self.including[dimension.index()];
            if including > 0 {
                // The share of slots that the dimension lets pass, if requests have its values as
                // often as slots ask for them: what puts the dimensions in order.
                let (total, squares) = expected[dimension.index()];
                let passing = (slots - including as usize) as f64 + squares / total.max(1.0);
                let indifferent = room.column() as u32;
                order.push((passing, Asked { dimension, indifferent }));
            } else if self.excluding[dimension.index()] {
                order.push((slots as f64, Asked { dimension, indifferent: ABSENT }));
            }
        }
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        tier.dimensions = order.into_iter().map(|(_, asked)| asked).collect();
        tier.columns = vec![Block::NONE; room.columns];
        tier.lists = vec![0; room.lists];
    }

    /// Plays the tape: sets the bits of the columns and appends to the lists.
    fn fill(&mut self) {
        let tier = &mut self.tier;
        let mut indifferent = [ABSENT; Dimension::COUNT];
        for asked in tier.dimensions.iter().filter(|asked| asked.indifferent != ABSENT) {
            indifferent[asked.dimension.index()] = asked.indifferent;
            let column = &mut tier.columns[asked.indifferent as usize..][..tier.stride];
            (0..tier.slots.len()).step_by(64).for_each(|slot| {
                let left = (tier.slots.len() - slot).min(64);
                column[slot / Block::SLOTS].0[slot % Block::SLOTS / 64] = !0 >> (64 - left);
            });
        }
        let mut slot = usize::MAX;
        for word in self.tape.words() {
            let value = (word & Tape::VALUE) as usize;
            let set = match word & !Tape::VALUE {
                Tape::SLOT => {
                    slot = slot.wrapping_add(1);
                    continue;
                }
                Tape::DIMENSION => {
                    let column = &mut tier.columns[indifferent[value] as usize..];
                    column[slot / Block::SLOTS].clear(slot % Block::SLOTS);
                    continue;
                }
                Tape::EXCLUDE => tier.postings[value].exclude,
                _ => tier.postings[value].include,
            };
            match set.kind() {
                Kept::Nothing => {}
                Kept::Column(start) => {
                    let block = start as usize + slot / Block::SLOTS;
                    tier.columns[block].set(slot % Block::SLOTS);
                }
                Kept::List(start) => {
                    let start = start as usize;
                    tier.lists[start] += 1;
                    let last = start + tier.lists[start] as usize;
                    tier.lists[last] = slot as u32;
                }
            }
        }
        self.fold(&indifferent);
    }

    /// Adds the indifferent slots to the columns of wanted values, so that one read says all.
    fn fold(&mut self, indifferent: &[u32]) {
        let tier = &mut self.tier;
        for &(value, dimension) in &self.used {
            if let Kept::Column(start) = tier.postings[value as usize].include.kind() {
                let base = indifferent[dimension.index()] as usize;
                for at in 0..tier.stride {
                    let more = tier.columns[base + at];
                    tier.columns[start as usize + at].add(&more);
                }
            }
        }
    }
}

/// What room the columns and the lists take so far.
struct Room {
    slots: usize,
    thick: fn(usize, usize) -> bool,
    stride: usize,
    columns: usize,
    lists: usize,
}

impl Room {
    fn place(&mut self, postings: u32) -> Set {
        let postings = postings as usize;
        if postings == 0 {
            return Set::default();
        }
        if (self.thick)(postings, self.slots) {
            return Set::column(self.column());
        }
        let start = self.lists;
        self.lists += 1 + postings;
        Set::list(start)
    }

    fn column(&mut self) -> usize {
        let start = self.columns;
        self.columns += self.stride;
        start
    }
}

/// Columns whose starts lie a multiple of 4 KiB apart would all fall into one set of the
/// first-level cache; an odd number of lines spreads them.
fn padded(blocks: usize) -> usize {
    if blocks >= 16 { blocks | 1 } else { blocks.max(1) }
}

/// What all slots ask, one behind the other: the start of a slot, a dimension of which it wants a
/// value, a value that it wants, a value that it does not want.
#[derive(Default)]
struct Tape {
    /// In pieces, so that what is written need not be moved for what follows.
    full: Vec<Vec<u32>>,
    under_way: Vec<u32>,
}

impl Tape {
    const VALUE: u32 = (1 << 30) - 1;
    const DIMENSION: u32 = 1 << 30;
    const EXCLUDE: u32 = 2 << 30;
    const SLOT: u32 = 3 << 30;

    const PIECE: usize = 1 << 20;

    fn start_slot(&mut self) {
        if self.under_way.len() >= Tape::PIECE {
            let next = Vec::with_capacity(Tape::PIECE + Block::SLOTS);
            self.full.push(std::mem::replace(&mut self.under_way, next));
        }
        self.under_way.push(Tape::SLOT);
    }

    fn push(&mut self, word: u32) {
        self.under_way.push(word);
    }

    fn words(&self) -> impl Iterator<Item = u32> {
        self.full.iter().chain([&self.under_way]).flatten().copied()
    }
}
