//! Which lines of one tier pass, in order? Facts → column program → windows of blocks → lines.
//!
//! Called by [`search`](super::search) for every slot of a request, line by line; hot, allocates
//! nothing once its scratch has seen the tier.

use crate::market::facts::{Facts, VALUES_MAX};
use crate::market::vocabulary::{Dimension, ValueId};

use super::block::Block;
use super::lists::{self, Cursor};
use super::simd::{self, Level};
use super::steps::{ABSENT, Plain, Step, Window};
use super::tier::{Kept, Tier};

/// The first window; each further one has twice as many blocks, up to [`PAGE`].
const FIRST_WINDOW: usize = 2;
/// The first, the second and the further pages: what lists are read for at once. What is gathered
/// from them for one dimension is then 16 KiB.
const PAGES: [usize; 3] = [4, 24, PAGE];
const PAGE: usize = 256;

/// What a pass needs beside the tier.
pub struct PassScratch {
    pub level: Level,
    /// The dimensions with one column, those with several, and those that have lists as well.
    plain: Vec<Plain>,
    dense: Vec<Step>,
    sparse: Vec<Step>,
    /// Starts of columns: more whose slots pass, and those whose slots do not.
    more: Vec<u32>,
    less: Vec<u32>,
    /// The lists, and the columns gathered from them, [`PAGE`] blocks each: first that of the
    /// slots that do not pass, then one for each sparse dimension.
    cursors: Vec<Cursor>,
    due: Vec<u32>,
    gathered: Vec<Block>,
    rejects: bool,
    found: Vec<Block>,
    live: Vec<u16>,
    /// The lines of the block under way.
    lines: Box<[u32; simd::LINES_ROOM]>,
}

impl Default for PassScratch {
    // cold: once for each thread
    fn default() -> PassScratch {
        PassScratch {
            level: Level::detect(),
            plain: Vec::with_capacity(Dimension::COUNT),
            dense: Vec::with_capacity(Dimension::COUNT),
            sparse: Vec::with_capacity(Dimension::COUNT),
            more: Vec::with_capacity(VALUES_MAX),
            less: Vec::with_capacity(VALUES_MAX),
            cursors: Vec::with_capacity(2 * VALUES_MAX),
            due: Vec::with_capacity(2 * VALUES_MAX),
            rejects: false,
            gathered: Vec::new(),
            found: vec![Block::NONE; PAGE],
            live: vec![0; PAGE],
            lines: Box::new([0; simd::LINES_ROOM]),
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
    /// This page's first block and the next one's, and whether its lists are gathered.
    page: (usize, usize),
    pages: usize,
    gathered: bool,
    /// This window's first block and the next one's, and how many blocks that will have.
    first: usize,
    next: usize,
    width: usize,
    /// How many blocks of the window are live, and how many of them were read.
    live: usize,
    read: usize,
    /// How many lines the block under way has, and how many of them were given.
    lines: usize,
    given: usize,
    last: u32,
}

impl<'a> Pass<'a> {
    pub fn new(
        tier: &'a Tier,
        barred: &'a [Block],
        facts: &'a Facts,
        scratch: &'a mut PassScratch,
    ) -> Pass<'a> {
        let hopeless = tier.blocks() == 0 || !scratch.prepare(tier, facts);
        Pass {
            tier,
            barred,
            facts,
            scratch,
            page: (0, 0),
            pages: 0,
            gathered: false,
            first: 0,
            next: if hopeless { tier.blocks() } else { 0 },
            width: FIRST_WINDOW,
            live: 0,
            read: 0,
            lines: 0,
            given: 0,
            last: u32::MAX,
        }
    }

    /// The next line that is true, if it stands before `limit`.
    #[inline]
    pub fn next_before(&mut self, limit: u32) -> Option<u32> {
        loop {
            if self.given < self.lines {
                let line = self.scratch.lines[self.given];
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
            while self.barred.get(self.next).is_some_and(Block::is_full) {
                self.next += 1;
            }
            if self.next >= self.tier.blocks() || self.tier.first_line(self.next) >= limit {
                return false;
            }
            self.open();
            self.live = self.narrow();
            self.read = 0;
        }
        let at = usize::from(self.scratch.live[self.read]);
        self.read += 1;
        self.decode(at);
        true
    }

    /// Opens the next window, and the next page when this one is read.
    fn open(&mut self) {
        if self.next >= self.page.1 {
            let width = PAGES[self.pages.min(PAGES.len() - 1)];
            self.page = (self.next, self.tier.blocks().min(self.next + width));
            self.pages += 1;
            self.gathered = false;
            if self.pages == PAGES.len() {
                // It is a long search: what is left of it is worth an order.
                self.scratch.sort(self.tier.slots());
            }
        }
        self.first = self.next;
        self.next = self.page.1.min(self.first + self.width);
        self.width = PAGE.min(self.width * 2);
    }

    /// Finds the slots of this window that pass; returns how many blocks are live. Lists are read
    /// only where columns leave something.
    fn narrow(&mut self) -> usize {
        let (tier, first, scratch) = (self.tier, self.first, &mut *self.scratch);
        let found = &mut scratch.found[..self.next - first];
        let live = simd::open(&self.barred[first..self.next], found, &mut scratch.live);
        let dense = Window {
            columns: &tier.columns,
            gathered: &[],
            rejected: &[],
            plain: &scratch.plain,
            steps: &scratch.dense,
            more: &scratch.more,
            less: &scratch.less,
            first,
        };
        let live = simd::narrow(scratch.level, &dense, found, &mut scratch.live[..live]);
        if live == 0 || scratch.cursors.is_empty() {
            return live;
        }
        if !self.gathered {
            self.gathered = true;
            let width = self.page.1 - self.page.0;
            for column in scratch.gathered.chunks_exact_mut(PAGE).take(1 + scratch.sparse.len()) {
                column[..width].fill(Block::NONE);
            }
            let (cursors, gathered) = (&mut scratch.cursors, &mut scratch.gathered);
            lists::gather(cursors, &mut scratch.due, &tier.lists, self.page, gathered);
        }
        let gathered = &scratch.gathered[first - self.page.0..];
        let rejected = if scratch.rejects { gathered } else { &[] };
        let sparse =
            Window { gathered, rejected, plain: &[], steps: &scratch.sparse, less: &[], ..dense };
        simd::narrow(scratch.level, &sparse, found, &mut scratch.live[..live])
    }

    /// The lines of a block's slots; a line's slots are neighbours, so it is given once.
    fn decode(&mut self, at: usize) {
        self.check(at);
        let (tier, scratch) = (self.tier, &mut *self.scratch);
        let (block, before) = (self.first + at, &tier.before[self.first + at]);
        let (found, starts) = (&scratch.found[at], &tier.starts[block]);
        let lines = &mut scratch.lines;
        let count = simd::lines(scratch.level, found, starts, before.lines, lines);
        self.lines = 0;
        for at in 0..count {
            let line = lines[at];
            lines[self.lines] = line;
            self.lines += usize::from(line != self.last);
            self.last = line;
        }
        self.given = 0;
    }

    /// Takes out the slots of a block whose conjunctions are not true beyond what columns say.
    fn check(&mut self, at: usize) {
        let (tier, found) = (self.tier, &mut self.scratch.found[at]);
        let checks = &tier.checks[self.first + at];
        if !found.meets(checks) {
            return;
        }
        let mut before = tier.before[self.first + at].checked;
        for (found, checks) in found.0.iter_mut().zip(checks.0) {
            let mut left = *found & checks;
            while left != 0 {
                let lowest = left & left.wrapping_neg();
                let index = before + (checks & (lowest - 1)).count_ones();
                if !tier.program.holds(tier.checked[index as usize], self.facts) {
                    *found &= !lowest;
                }
                left &= left - 1;
            }
            before += checks.count_ones();
        }
    }
}

impl PassScratch {
    /// Turns the facts into steps, columns and lists; `false` where no slot can pass.
    fn prepare(&mut self, tier: &Tier, facts: &Facts) -> bool {
        self.clear(tier.dimensions.len());
        for asked in &tier.dimensions {
            let unknown = [ValueId::unknown(asked.dimension)];
            let values = facts.get(asked.dimension).unwrap_or(&unknown);
            let from = self.more.len() as u32;
            let mut step = Step { base: ABSENT, more: (from, from), gathered: ABSENT, passing: 0 };
            for &value in values {
                let postings = tier.postings.get(value);
                match postings.include.kind() {
                    Kept::Nothing => {}
                    Kept::Column { start, slots } => {
                        step.passing += slots;
                        if step.base == ABSENT { step.base = start } else { self.more.push(start) }
                    }
                    Kept::List { start, first } => {
                        step.gathered = ((1 + self.sparse.len()) * PAGE) as u32;
                        let column = step.gathered;
                        self.cursors.push(Cursor { slot: first, at: start, column });
                    }
                }
                match postings.exclude.kind() {
                    Kept::Nothing => {}
                    Kept::Column { start, .. } => self.less.push(start),
                    Kept::List { start, first } => {
                        self.rejects = true;
                        self.cursors.push(Cursor { slot: first, at: start, column: 0 });
                    }
                }
            }
            if asked.indifferent == ABSENT {
                continue;
            }
            if step.base == ABSENT {
                step.base = asked.indifferent;
                step.passing = asked.passing;
            }
            step.more.1 = self.more.len() as u32;
            if step.gathered != ABSENT {
                self.sparse.push(step);
            } else if step.passing == 0 {
                return false;
            } else if step.more.0 == step.more.1 {
                self.plain.push(Plain { start: step.base, passing: step.passing });
            } else {
                self.dense.push(step);
            }
        }
        true
    }

    fn clear(&mut self, dimensions: usize) {
        self.plain.clear();
        self.dense.clear();
        self.sparse.clear();
        self.more.clear();
        self.less.clear();
        self.cursors.clear();
        self.rejects = false;
        if self.gathered.len() < (1 + dimensions) * PAGE {
            self.gathered.resize((1 + dimensions) * PAGE, Block::NONE);
        }
    }

    /// Puts first what costs least for each slot that it takes away.
    fn sort(&mut self, slots: usize) {
        let rank = |step: &Step| {
            let columns = 1 + (step.more.1 - step.more.0) as usize;
            columns * slots / slots.saturating_sub(step.passing as usize).max(1)
        };
        self.plain.sort_unstable_by_key(|plain| plain.passing);
        self.dense.sort_unstable_by_key(rank);
        self.sparse.sort_unstable_by_key(rank);
    }
}
