//! How do the lines of a world become an index? Expressions → slots → columns and lists.
//!
//! Called once per published world; cold, but proportional: about a second for a million lines.

use crate::knowledge::catalog::model::Expr;
use crate::market::vocabulary::{Dimension, ValueId};

use super::normal::normal_form;
use super::program::Covered;
use super::simd::{ABSENT, Block};
use super::tier::{Asked, CHECK, Checked, Postings, Set, Tier};

/// A value gets a column when more than one slot in so many has it; below, a list is smaller by
/// far and costs a search less than a column that is mostly empty.
const SLOTS_PER_POSTING: usize = 512;

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
        let mut tier = Tier { first_slot: vec![0], lists: vec![0], ..Tier::default() };
        let mut conjunctions = Vec::new();
        for (line, expr) in expressions.into_iter().enumerate() {
            tier.push_line(line as u32, expr, &mut conjunctions);
        }
        tier.stride = padded(tier.blocks());
        let include = Sets::gather(&tier, &conjunctions, values, false);
        let exclude = Sets::gather(&tier, &conjunctions, values, true);
        tier.place_columns(&conjunctions, &include, &exclude, thick);
        tier.shrink();
        tier
    }

    fn push_line(&mut self, line: u32, expr: &Expr, conjunctions: &mut Vec<u32>) {
        debug_assert!(line < CHECK, "line numbers leave room for the mark");
        let mut slot = |at, covered| {
            conjunctions.push(at);
            if covered {
                self.slots.push(line);
            } else {
                self.slots.push(self.checked.len() as u32 | CHECK);
                self.checked.push(Checked { line, at });
            }
        };
        match normal_form(expr) {
            Some(forms) => {
                for conjunction in &forms {
                    let (at, covered) = self.program.push(conjunction);
                    slot(at, covered);
                }
            }
            None => slot(self.program.push_whole(expr), false),
        }
        self.first_slot.push(self.slots.len() as u32);
    }

    fn place_columns(
        &mut self,
        conjunctions: &[u32],
        include: &Sets,
        exclude: &Sets,
        thick: fn(usize, usize) -> bool,
    ) {
        let values = include.len().max(exclude.len());
        self.postings = vec![Postings::default(); values];
        let mut order: Vec<(f64, Asked)> = Vec::new();
        for dimension in Dimension::all() {
            if include.asks(dimension) {
                let indifferent = self.push_indifferent(conjunctions, dimension);
                order.push((self.survivors(dimension, include), Asked { dimension, indifferent }));
            } else if exclude.asks(dimension) {
                order.push((1.0, Asked { dimension, indifferent: ABSENT }));
            }
        }
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.dimensions = order.into_iter().map(|(_, asked)| asked).collect();
        let mut base = [ABSENT; Dimension::COUNT];
        for asked in &self.dimensions {
            base[asked.dimension.index()] = asked.indifferent;
        }
        for value in 0..values {
            let base = include.dimension(value).map_or(ABSENT, |d| base[d.index()]);
            self.postings[value] = Postings {
                include: self.place(include.slots(value), base, thick),
                exclude: self.place(exclude.slots(value), ABSENT, thick),
            };
        }
    }

    /// The column of the slots that want no value of `dimension`.
    fn push_indifferent(&mut self, conjunctions: &[u32], dimension: Dimension) -> u32 {
        let start = self.columns.len();
        self.columns.resize(start + self.stride, Block::NONE);
        let column = &mut self.columns[start..];
        for slot in 0..self.slots.len() {
            let mut clauses = self.program.covered(conjunctions[slot]);
            if !clauses.any(|clause| clause.dimension == dimension && clause.include.is_some()) {
                set_bit(column, slot as u32);
            }
        }
        start as u32
    }

    /// The share of slots that the dimension lets pass, if requests have its values as often as
    /// slots ask for them: what puts the dimensions in order.
    fn survivors(&self, dimension: Dimension, include: &Sets) -> f64 {
        let total = include.total(dimension) as f64;
        let squares: f64 = include.counts(dimension).map(|n| (n as f64).powi(2)).sum();
        let slots = self.slots.len() as f64;
        let indifferent = slots - include.asking(dimension) as f64;
        (indifferent + squares / total.max(1.0)) / slots.max(1.0)
    }

    /// A column holds the indifferent slots of its dimension as well (`base`), so that one read
    /// says all.
    fn place(&mut self, slots: &[u32], base: u32, thick: fn(usize, usize) -> bool) -> Set {
        if slots.is_empty() {
            return Set::default();
        }
        if !thick(slots.len(), self.slots.len()) {
            let start = self.lists.len();
            self.lists.push(slots.len() as u32);
            self.lists.extend_from_slice(slots);
            return Set::list(start);
        }
        let start = self.columns.len();
        if base == ABSENT {
            self.columns.resize(start + self.stride, Block::NONE);
        } else {
            let base = base as usize;
            self.columns.extend_from_within(base..base + self.stride);
        }
        for &slot in slots {
            set_bit(&mut self.columns[start..], slot);
        }
        Set::column(start)
    }

    fn shrink(&mut self) {
        self.first_slot.shrink_to_fit();
        self.slots.shrink_to_fit();
        self.checked.shrink_to_fit();
        self.columns.shrink_to_fit();
        self.lists.shrink_to_fit();
        self.program.shrink();
    }
}

/// Columns whose starts lie a multiple of 4 KiB apart would all fall into one set of the
/// first-level cache; an odd number of lines spreads them.
fn padded(blocks: usize) -> usize {
    if blocks >= 16 { blocks | 1 } else { blocks.max(1) }
}

fn set_bit(column: &mut [Block], slot: u32) {
    column[slot as usize / Block::SLOTS].set(slot as usize % Block::SLOTS);
}

/// The slots of every value, ascending, side by side.
struct Sets {
    /// Where each value's slots start; one entry more than there are values.
    starts: Vec<u32>,
    slots: Vec<u32>,
    /// Each value's dimension, where it has slots.
    dimensions: Vec<Option<Dimension>>,
    /// How many slots ask about each dimension.
    asking: [u32; Dimension::COUNT],
}

impl Sets {
    fn gather(tier: &Tier, conjunctions: &[u32], values: usize, excluding: bool) -> Sets {
        let mut sets = Sets {
            starts: vec![0; values.max(Dimension::COUNT) + 1],
            slots: Vec::new(),
            dimensions: vec![None; values.max(Dimension::COUNT)],
            asking: [0; Dimension::COUNT],
        };
        each_clause(tier, conjunctions, |_, clause| sets.count(clause, excluding));
        let mut total = 0;
        for start in &mut sets.starts {
            total += std::mem::replace(start, total);
        }
        sets.slots = vec![0; total as usize];
        let mut next = sets.starts.clone();
        each_clause(tier, conjunctions, |slot, clause| {
            each_value(clause, excluding, |value| {
                sets.slots[next[value] as usize] = slot;
                next[value] += 1;
            });
        });
        sets
    }

    fn count(&mut self, clause: &Covered<'_>, excluding: bool) {
        let mut asks = !excluding && clause.include.is_some();
        each_value(clause, excluding, |value| {
            asks = true;
            // The vocabulary may have grown since it was measured.
            if value >= self.dimensions.len() {
                self.starts.resize(value + 2, 0);
                self.dimensions.resize(value + 1, None);
            }
            self.starts[value] += 1;
            let known = self.dimensions[value].replace(clause.dimension);
            debug_assert!(
                known.is_none_or(|d| d == clause.dimension),
                "{value} has two dimensions"
            );
        });
        self.asking[clause.dimension.index()] += u32::from(asks);
    }

    fn len(&self) -> usize {
        self.dimensions.len()
    }

    fn slots(&self, value: usize) -> &[u32] {
        if value >= self.len() {
            return &[];
        }
        &self.slots[self.starts[value] as usize..self.starts[value + 1] as usize]
    }

    fn dimension(&self, value: usize) -> Option<Dimension> {
        self.dimensions.get(value).copied().flatten()
    }

    fn asks(&self, dimension: Dimension) -> bool {
        self.asking(dimension) > 0
    }

    fn asking(&self, dimension: Dimension) -> u32 {
        self.asking[dimension.index()]
    }

    fn counts(&self, dimension: Dimension) -> impl Iterator<Item = usize> {
        let values = (0..self.len()).filter(move |&v| self.dimensions[v] == Some(dimension));
        values.map(|value| self.slots(value).len())
    }

    fn total(&self, dimension: Dimension) -> usize {
        self.counts(dimension).sum()
    }
}

fn each_clause(tier: &Tier, conjunctions: &[u32], mut visit: impl FnMut(u32, &Covered<'_>)) {
    for (slot, &at) in conjunctions.iter().enumerate() {
        tier.program.covered(at).for_each(|clause| visit(slot as u32, &clause));
    }
}

/// The values under which a clause's slot is posted. Unknown is a value like others: included
/// where a wanted value may be unknown, excluded where nothing is wanted but it must be known.
fn each_value(clause: &Covered<'_>, excluding: bool, mut visit: impl FnMut(usize)) {
    let unknown = ValueId::unknown(clause.dimension).index();
    if excluding {
        clause.exclude.iter().for_each(|&value| visit(value as usize));
        if clause.include.is_none() && !clause.pass_unknown {
            visit(unknown);
        }
    } else if let Some(values) = clause.include {
        values.iter().for_each(|&value| visit(value as usize));
        if clause.pass_unknown {
            visit(unknown);
        }
    }
}
