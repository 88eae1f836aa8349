//! Which lines of one tier pass, in order? Facts → column program → windows of blocks → lines.
//!
//! Called by [`search`](super::search) for every slot of a request, line by line; hot, allocates
//! nothing once its scratch has seen the tier.

use crate::market::facts::{Facts, VALUES_MAX};
use crate::market::vocabulary::ValueId;

use super::simd::{self, ABSENT, Block, Level, Step, Window};
use super::tier::{CHECK, Kept, Tier};

/// The first window; each further one has four times as many blocks, up to [`WINDOW`].
pub const FIRST_WINDOW: usize = 4;
/// The widest window: what is gathered from lists for one dimension is then 16 KiB.
pub const WINDOW: usize = 256;

/// What a pass needs beside the tier.
pub struct PassScratch {
    pub level: Level,
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
    /// The lines of the block under way.
    lines: Vec<u32>,
}

/// How far a list has been read.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    /// The first entry of this window, the next to read, and the end, in [`Tier::lists`].
    from: u32,
    next: u32,
    end: u32,
    /// Where its column starts in [`PassScratch::gathered`].
    column: u32,
}

impl Default for PassScratch {
    // cold: once for each thread
    fn default() -> PassScratch {
        PassScratch {
            level: Level::detect(),
            steps: Vec::new(),
            more: Vec::with_capacity(VALUES_MAX),
            less: Vec::with_capacity(VALUES_MAX),
            gather: Vec::with_capacity(VALUES_MAX),
            reject: Vec::with_capacity(VALUES_MAX),
            gathered: Vec::new(),
            found: vec![Block::NONE; WINDOW],
            live: vec![0; WINDOW],
            lines: Vec::with_capacity(Block::SLOTS),
        }
    }
}

/// A search of one tier under way.
pub struct Pass<'a> {
    tier: &'a Tier,
    /// The slots that are passed over; see [`Mask`](super::Mask).
    barred: &'a [Block],
    facts: &'a Facts,
    scratch: &'a mut PassScratch,
    /// This window's first block and the next one's, and how many blocks that will have.
    first: usize,
    next: usize,
    width: usize,
    /// How many blocks of the window are live, and how many of them were read.
    live: usize,
    read: usize,
    /// How many lines of the block under way were given.
    given: usize,
    last: Option<u32>,
}

impl<'a> Pass<'a> {
    /// `width` is the number of blocks in the first window.
    pub fn new(
        tier: &'a Tier,
        barred: &'a [Block],
        facts: &'a Facts,
        width: usize,
        scratch: &'a mut PassScratch,
    ) -> Pass<'a> {
        if tier.blocks() > 0 {
            tier.compile(facts, scratch);
        }
        scratch.lines.clear();
        Pass {
            tier,
            barred,
            facts,
            scratch,
            first: 0,
            next: 0,
            width,
            live: 0,
            read: 0,
            given: 0,
            last: None,
        }
    }

    /// The next line that is true, if it stands before `limit`.
    #[inline]
    pub fn next_before(&mut self, limit: u32) -> Option<u32> {
        loop {
            if let Some(&line) = self.scratch.lines.get(self.given) {
                let before = line < limit;
                self.given += usize::from(before);
                return before.then_some(line);
            }
            if !self.fill(limit) {
                return None;
            }
        }
    }

    /// Reads the next live block; `false` when none is left that can have a line before `limit`.
    fn fill(&mut self, limit: u32) -> bool {
        while self.read == self.live {
            let blocks = self.tier.blocks();
            if self.next >= blocks || self.tier.line_of(self.next * Block::SLOTS) >= limit {
                return false;
            }
            self.first = self.next;
            self.next = blocks.min(self.first + self.width);
            self.width = WINDOW.min(self.width * 4);
            self.live = self.tier.narrow(self.first, self.next, self.barred, self.scratch);
            self.read = 0;
        }
        let at = usize::from(self.scratch.live[self.read]);
        self.read += 1;
        self.given = 0;
        self.decode(at);
        true
    }

    /// The lines of a block's slots; a line's slots are neighbours, so it is given once.
    fn decode(&mut self, at: usize) {
        let lines = &mut self.scratch.lines;
        lines.clear();
        let first = (self.first + at) * Block::SLOTS;
        for (at, mut word) in self.scratch.found[at].0.into_iter().enumerate() {
            while word != 0 {
                let slot = first + at * 64 + word.trailing_zeros() as usize;
                word &= word - 1;
                let entry = self.tier.slots[slot];
                let line = self.tier.line_of(slot);
                let seen = self.last == Some(line);
                if seen || entry & CHECK != 0 && !self.tier.check(entry & !CHECK, self.facts) {
                    continue;
                }
                self.last = Some(line);
                lines.push(line);
            }
        }
    }
}

impl Tier {
    fn check(&self, checked: u32, facts: &Facts) -> bool {
        self.program.holds(self.checked[checked as usize].at, facts)
    }

    /// Turns the facts into steps, columns and lists.
    fn compile(&self, facts: &Facts, scratch: &mut PassScratch) {
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
    /// live. What was gathered is swept at once, so that the scratch is clean however a search
    /// ends.
    fn narrow(
        &self,
        first: usize,
        end: usize,
        barred: &[Block],
        scratch: &mut PassScratch,
    ) -> usize {
        scratch.gather(&self.lists, first, end);
        let window = Window {
            columns: &self.columns,
            barred,
            gathered: &scratch.gathered,
            steps: &scratch.steps,
            more: &scratch.more,
            less: &scratch.less,
            first,
        };
        let found = &mut scratch.found[..end - first];
        let count = simd::narrow(scratch.level, &window, found, &mut scratch.live);
        scratch.sweep(&self.lists, first, end);
        if count > 0 {
            scratch.reject(&self.lists, first, end);
        }
        count
    }
}

impl PassScratch {
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
