//! How do the lines of a world become an index? Expressions → slots → columns and lists.
//!
//! Called once per published world, and for the fresh lines of an edit; cold, but proportional.
//! Two passes: the first writes each slot's values to a tape and counts them, the second, when it
//! is known which values are thick, sets each value's bit or appends to its list. Both walk memory
//! mostly forwards, and nothing is allocated for a line of its own.

use crate::knowledge::catalog::model::Expr;
use crate::market::vocabulary::{Dimension, ValueId};

use super::block::Block;
use super::normal::{Clause, Normal};
use super::steps::ABSENT;
use super::tier::{Asked, Before, Kept, LIST_END, Postings, Set, Tier};

/// A value gets a column when more than one slot in so many has it; below, a list is smaller and
/// costs a search less than a column that is mostly empty.
const SLOTS_PER_POSTING: usize = 224;

/// Up to so many slots every value gets one: it is no longer than what a search reads first.
const SMALL_SLOTS: usize = 4 * Block::SLOTS;

/// Whether a value that so many of all slots have gets a column.
pub fn is_thick(postings: usize, slots: usize) -> bool {
    slots <= SMALL_SLOTS || postings * SLOTS_PER_POSTING > slots
}

impl Tier {
    /// Compiles expressions, which stand in the order of search; each value belongs to one
    /// dimension. `thick` says of how many postings among how many slots a column is made.
    pub fn build<'e>(
        expressions: impl IntoIterator<Item = &'e Expr>,
        thick: fn(usize, usize) -> bool,
    ) -> Tier {
        let mut draft = Draft::new();
        let mut normal = Normal::default();
        for expr in expressions {
            draft.push_line(expr, &mut normal);
        }
        draft.mark();
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
    used: Vec<(ValueId, Dimension)>,
    /// How many slots want a value of each dimension, and whether one wants none of some.
    including: [u32; Dimension::COUNT],
    excluding: [bool; Dimension::COUNT],
    /// How many slots there are, and which are checked by program.
    slots: u32,
    checks: Vec<u32>,
}

impl Draft {
    fn new() -> Draft {
        Draft {
            tier: Tier { first_slot: vec![0], ..Tier::default() },
            tape: Tape::default(),
            used: Vec::new(),
            including: [0; Dimension::COUNT],
            excluding: [false; Dimension::COUNT],
            slots: 0,
            checks: Vec::new(),
        }
    }

    fn push_line<'e>(&mut self, expr: &'e Expr, normal: &mut Normal<'e>) {
        let first = self.slots;
        if !normal.each(expr, &mut |clauses| self.push_slot(clauses)) {
            let at = self.tier.program.push_whole(expr);
            self.start_slot(Some(at));
        }
        if self.slots == first {
            // A line has a slot, so that counting starts counts lines.
            self.tier.never.push(first);
            self.start_slot(None);
        }
        self.tier.first_slot.push(self.slots);
    }

    fn push_slot(&mut self, clauses: &[Clause<'_>]) {
        let check = self.tier.program.push(clauses);
        self.start_slot(check);
        for clause in clauses {
            self.push_clause(clause);
        }
    }

    fn start_slot(&mut self, check: Option<u32>) {
        self.tape.start_slot();
        if let Some(at) = check {
            self.tier.checked.push(at);
            self.checks.push(self.slots);
        }
        self.slots += 1;
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
        self.count(value, dimension).include.hint += 1;
    }

    fn exclude(&mut self, value: ValueId, dimension: Dimension) {
        self.excluding[dimension.index()] = true;
        self.tape.push(value.0 | Tape::EXCLUDE);
        self.count(value, dimension).exclude.hint += 1;
    }

    fn count(&mut self, value: ValueId, dimension: Dimension) -> &mut Postings {
        let counts = self.tier.postings.entry(value);
        if counts.include.hint == 0 && counts.exclude.hint == 0 {
            self.used.push((value, dimension));
        }
        counts
    }

    /// Gives every dimension and every value its place among the columns or the lists.
    fn place(&mut self, thick: fn(usize, usize) -> bool) {
        let tier = &mut self.tier;
        let slots = self.slots as usize;
        tier.stride = padded(slots.div_ceil(Block::SLOTS));
        let mut room = Room { slots, thick, stride: tier.stride, columns: 0, lists: 1 };
        self.used.sort_unstable_by_key(|&(value, _)| value);
        for &(value, _) in &self.used {
            let postings = tier.postings.entry(value);
            postings.include = room.place(postings.include.hint);
            postings.exclude = room.place(postings.exclude.hint);
        }
        for dimension in Dimension::all() {
            let including = self.including[dimension.index()];
            if including > 0 {
                let (indifferent, passing) = (room.column() as u32, slots as u32 - including);
                tier.dimensions.push(Asked { dimension, indifferent, passing });
            } else if self.excluding[dimension.index()] {
                let passing = slots as u32;
                tier.dimensions.push(Asked { dimension, indifferent: ABSENT, passing });
            }
        }
        tier.columns = vec![Block::NONE; room.columns];
        tier.lists = vec![0; room.lists];
    }

    /// Marks the slots that start a line and those that are checked, and counts both.
    fn mark(&mut self) {
        let tier = &mut self.tier;
        let blocks = (self.slots as usize).div_ceil(Block::SLOTS);
        tier.starts = vec![Block::NONE; blocks];
        tier.checks = vec![Block::NONE; blocks];
        let starts = &tier.first_slot[..tier.first_slot.len() - 1];
        starts.iter().for_each(|&slot| set(&mut tier.starts, slot as usize));
        self.checks.iter().for_each(|&slot| set(&mut tier.checks, slot as usize));
        let mut before = Before::default();
        for (starts, checks) in tier.starts.iter().zip(&tier.checks) {
            tier.before.push(before);
            before.lines += starts.count();
            before.checked += checks.count();
        }
    }

    /// Plays the tape: sets the bits of the columns and appends to the lists.
    fn fill(&mut self) {
        let tier = &mut self.tier;
        let mut indifferent = [ABSENT; Dimension::COUNT];
        for asked in tier.dimensions.iter().filter(|asked| asked.indifferent != ABSENT) {
            indifferent[asked.dimension.index()] = asked.indifferent;
            let column = &mut tier.columns[asked.indifferent as usize..][..tier.stride];
            (0..self.slots as usize).step_by(64).for_each(|slot| {
                let left = (self.slots as usize - slot).min(64);
                column[slot / Block::SLOTS].0[slot % Block::SLOTS / 64] = !0 >> (64 - left);
            });
        }
        let mut slot = usize::MAX;
        for word in self.tape.words() {
            let value = word & Tape::VALUE;
            match word & !Tape::VALUE {
                Tape::SLOT => slot = slot.wrapping_add(1),
                Tape::DIMENSION => {
                    let column = &mut tier.columns[indifferent[value as usize] as usize..];
                    column[slot / Block::SLOTS].clear(slot % Block::SLOTS);
                }
                Tape::EXCLUDE => {
                    let set = &mut tier.postings.entry(ValueId(value)).exclude;
                    add(set, slot, &mut tier.columns, &mut tier.lists);
                }
                _ => {
                    let set = &mut tier.postings.entry(ValueId(value)).include;
                    add(set, slot, &mut tier.columns, &mut tier.lists);
                }
            }
        }
        self.finish(&indifferent);
    }

    /// Adds the indifferent slots to the columns of wanted values, so that one read says all; ends
    /// the lists.
    fn finish(&mut self, indifferent: &[u32]) {
        let tier = &mut self.tier;
        for &(value, dimension) in &self.used {
            let postings = tier.postings.entry(value);
            for set in [&mut postings.include, &mut postings.exclude] {
                if let Kept::List { start, first: count } = set.kind() {
                    tier.lists[(start + count) as usize] = LIST_END;
                    set.hint = tier.lists[start as usize];
                }
            }
            if let Kept::Column { start, .. } = postings.include.kind() {
                let base = indifferent[dimension.index()] as usize;
                for at in 0..tier.stride {
                    let more = tier.columns[base + at];
                    tier.columns[start as usize + at].add(&more);
                }
                let asked = tier.dimensions.iter().find(|asked| asked.dimension == dimension);
                postings.include.hint += asked.map_or(0, |asked| asked.passing);
            }
        }
    }
}

fn set(column: &mut [Block], slot: usize) {
    column[slot / Block::SLOTS].set(slot % Block::SLOTS);
}

/// Adds a slot to a set, whose hint counts what it has.
fn add(to: &mut Set, slot: usize, columns: &mut [Block], lists: &mut [u32]) {
    match to.kind() {
        Kept::Nothing => {}
        Kept::Column { start, .. } => {
            set(&mut columns[start as usize..], slot);
        }
        Kept::List { start, first: count } => lists[(start + count) as usize] = slot as u32,
    }
    to.hint += 1;
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
