//! Which slots pass, in order? Facts → column program → windows of blocks → lines, best first.
//!
//! Called by `flows::decide` for every slot of a request; hot, allocates nothing once its scratch
//! has seen the index. The caller takes lines one by one and stops when it has enough.

use std::ops::ControlFlow;

use crate::base::units::ids::LineIx;
use crate::market::facts::{Facts, VALUES_MAX};
use crate::market::vocabulary::ValueId;

use super::simd::{self, ABSENT, Block, Step, Window};
use super::{CHECK, Index, Kept};

/// The first window; each further one has four times as many blocks, up to [`WINDOW`].
const FIRST_WINDOW: usize = 4;
/// The widest window: what is gathered from lists for one dimension is then 16 KiB.
const WINDOW: usize = 256;

/// What a search needs beside the index; one per worker, reused.
pub struct SearchScratch {
    steps: Vec<Step>,
    more: Vec<u32>,
    less: Vec<u32>,
    /// Lists whose slots pass.
    gather: Vec<Cursor>,
    /// Lists whose slots do not pass.
    reject: Vec<Cursor>,
    /// Columns gathered from lists, [`WINDOW`] blocks each; empty between windows.
    gathered: Vec<Block>,
    found: Vec<Block>,
    live: Vec<u16>,
}

/// How far a list has been read.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    /// The first entry of this window, the next to read, and the end, in [`Index::lists`].
    from: u32,
    next: u32,
    end: u32,
    /// Where its column starts in [`SearchScratch::gathered`].
    column: u32,
}

impl Default for SearchScratch {
    // cold: once for each thread
    fn default() -> SearchScratch {
        SearchScratch {
            steps: Vec::new(),
            more: Vec::with_capacity(VALUES_MAX),
            less: Vec::with_capacity(VALUES_MAX),
            gather: Vec::with_capacity(VALUES_MAX),
            reject: Vec::with_capacity(VALUES_MAX),
            gathered: Vec::new(),
            found: vec![Block::NONE; WINDOW],
            live: vec![0; WINDOW],
        }
    }
}

impl Index {
    /// Visits the lines whose targeting is true, best first, until `visit` breaks.
    pub fn best_first(
        &self,
        facts: &Facts,
        scratch: &mut SearchScratch,
        visit: &mut impl FnMut(LineIx) -> ControlFlow<()>,
    ) {
        self.search(FIRST_WINDOW, facts, scratch, visit);
    }

    /// Appends every line whose targeting is true, best first.
    pub fn all(&self, facts: &Facts, scratch: &mut SearchScratch, out: &mut Vec<LineIx>) {
        self.search(WINDOW, facts, scratch, &mut |line| {
            out.push(line);
            ControlFlow::Continue(())
        });
    }

    fn search(
        &self,
        mut width: usize,
        facts: &Facts,
        scratch: &mut SearchScratch,
        visit: &mut impl FnMut(LineIx) -> ControlFlow<()>,
    ) {
        self.compile(facts, scratch);
        let mut visitor = Visitor { facts, visit, last: None };
        let mut first = 0;
        while first < self.blocks() {
            let end = self.blocks().min(first + width);
            let count = self.narrow(first, end, scratch);
            for &at in &scratch.live[..count] {
                let block = &scratch.found[usize::from(at)];
                let slot = (first + usize::from(at)) * Block::SLOTS;
                if self.emit(block, slot, &mut visitor).is_break() {
                    return;
                }
            }
            first = end;
            width = WINDOW.min(width * 4);
        }
    }

    /// Turns the facts into steps, columns and lists.
    fn compile(&self, facts: &Facts, scratch: &mut SearchScratch) {
        scratch.clear(self.dimensions.len());
        for asked in &self.dimensions {
            let unknown = [ValueId::unknown(asked.dimension)];
            let values = facts.get(asked.dimension).unwrap_or(&unknown);
            let (mut base, mut gathered) = (ABSENT, ABSENT);
            let from = scratch.more.len() as u32;
            for value in values {
                let Some(postings) = self.postings.get(value.index()) else { continue };
                match postings.include.kind() {
                    Kept::Nothing => {}
                    Kept::Column(start) if base == ABSENT => base = start,
                    Kept::Column(start) => scratch.more.push(start),
                    Kept::List(start) => {
                        gathered = (scratch.steps.len() * WINDOW) as u32;
                        scratch.gather.push(self.cursor(start, gathered));
                    }
                }
                match postings.exclude.kind() {
                    Kept::Nothing => {}
                    Kept::Column(start) => scratch.less.push(start),
                    Kept::List(start) => scratch.reject.push(self.cursor(start, ABSENT)),
                }
            }
            if base == ABSENT {
                base = asked.indifferent;
            }
            if base != ABSENT {
                let more = (from, scratch.more.len() as u32);
                scratch.steps.push(Step { base, more, gathered });
            }
        }
    }

    fn cursor(&self, start: u32, column: u32) -> Cursor {
        let from = start + 1;
        Cursor { from, next: from, end: from + self.lists[start as usize], column }
    }

    /// Finds the slots that pass in the blocks from `first` to `end`; returns how many blocks are
    /// live. What was gathered is swept before a line is visited, so that the scratch is clean
    /// however the visit ends.
    fn narrow(&self, first: usize, end: usize, scratch: &mut SearchScratch) -> usize {
        scratch.gather(&self.lists, first, end);
        let window = Window {
            columns: &self.columns,
            gathered: &scratch.gathered,
            steps: &scratch.steps,
            more: &scratch.more,
            less: &scratch.less,
            first,
        };
        let found = &mut scratch.found[..end - first];
        let count = simd::narrow(self.level, &window, found, &mut scratch.live);
        scratch.sweep(&self.lists, first, end);
        if count > 0 {
            scratch.reject(&self.lists, first, end);
        }
        count
    }

    /// Visits the lines of a block's slots; a line's slots are neighbours, so it is visited once.
    #[inline]
    fn emit<V: FnMut(LineIx) -> ControlFlow<()>>(
        &self,
        block: &Block,
        first: usize,
        visitor: &mut Visitor<'_, V>,
    ) -> ControlFlow<()> {
        for (at, mut word) in block.0.into_iter().enumerate() {
            while word != 0 {
                let slot = first + at * 64 + word.trailing_zeros() as usize;
                word &= word - 1;
                // Beyond the last slot a column that nothing narrowed still has bits.
                let Some(&entry) = self.slots.get(slot) else { return ControlFlow::Continue(()) };
                let line = entry & !CHECK;
                let seen = visitor.last == Some(line);
                let checked = entry != line;
                if seen || checked && !self.program.check(self.conjunctions[slot], visitor.facts) {
                    continue;
                }
                visitor.last = Some(line);
                (visitor.visit)(LineIx(line))?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Who is told of the lines, and which was told last.
struct Visitor<'a, V> {
    facts: &'a Facts,
    visit: &'a mut V,
    last: Option<u32>,
}

impl SearchScratch {
    pub fn new() -> SearchScratch {
        SearchScratch::default()
    }

    fn clear(&mut self, dimensions: usize) {
        self.steps.clear();
        self.more.clear();
        self.less.clear();
        self.gather.clear();
        self.reject.clear();
        self.steps.reserve(dimensions);
        if self.gathered.len() < dimensions * WINDOW {
            self.gathered.resize(dimensions * WINDOW, Block::NONE);
        }
    }

    /// Sets the bits of the lists' slots in this window.
    fn gather(&mut self, lists: &[u32], first: usize, end: usize) {
        let (first, limit) = (first * Block::SLOTS, end * Block::SLOTS);
        for cursor in &mut self.gather {
            let column = &mut self.gathered[cursor.column as usize..][..WINDOW];
            cursor.from = cursor.next;
            let rest = &lists[cursor.next as usize..cursor.end as usize];
            let slots = rest.iter().map(|&slot| slot as usize).take_while(|&slot| slot < limit);
            for slot in slots {
                let at = slot - first;
                column[at / Block::SLOTS].0[at % Block::SLOTS / 64] |= 1 << (at % 64);
                cursor.next += 1;
            }
        }
    }

    /// Takes the gathered bits out again: whole columns, or one by one where that is less work.
    fn sweep(&mut self, lists: &[u32], first: usize, end: usize) {
        let gathered = self.steps.iter().filter(|step| step.gathered != ABSENT);
        let blocks = gathered.clone().count() * (end - first);
        let bits: u32 = self.gather.iter().map(|cursor| cursor.next - cursor.from).sum();
        if blocks <= 4 * self.gather.len() + bits as usize {
            for step in gathered {
                self.gathered[step.gathered as usize..][..end - first].fill(Block::NONE);
            }
            return;
        }
        for cursor in &self.gather {
            let column = &mut self.gathered[cursor.column as usize..][..WINDOW];
            for &slot in &lists[cursor.from as usize..cursor.next as usize] {
                let at = slot as usize - first * Block::SLOTS;
                column[at / Block::SLOTS].0[at % Block::SLOTS / 64] = 0;
            }
        }
    }

    /// Takes the slots of the rejecting lists out of what was found.
    fn reject(&mut self, lists: &[u32], first: usize, end: usize) {
        let (first, limit) = (first * Block::SLOTS, end * Block::SLOTS);
        for cursor in &mut self.reject {
            let rest = &lists[cursor.next as usize..cursor.end as usize];
            let slots = rest.iter().map(|&slot| slot as usize).take_while(|&slot| slot < limit);
            for slot in slots {
                cursor.next += 1;
                // A window without a live block was not read.
                if let Some(at) = slot.checked_sub(first) {
                    let block = &mut self.found[at / Block::SLOTS];
                    block.0[at % Block::SLOTS / 64] &= !(1 << (at % 64));
                }
            }
        }
    }
}
