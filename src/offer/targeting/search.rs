//! Which lines want this, best first? The base and the fresh tier, merged in the order of search.
//!
//! Called by `flows::decide` for every slot of a request; hot, allocates nothing once its scratch
//! has seen the index. The caller takes lines one by one and stops when it has enough.

use std::ops::ControlFlow;

use crate::base::units::ids::LineIx;
use crate::market::facts::Facts;

use super::pass::{Pass, PassScratch};
use super::{Index, Mask};

/// What a search needs beside the index; one per worker, reused.
#[derive(Default)]
pub struct SearchScratch {
    pub(super) base: PassScratch,
    pub(super) fresh: PassScratch,
}

impl SearchScratch {
    pub fn new() -> SearchScratch {
        SearchScratch::default()
    }
}

impl Index {
    /// Visits the lines whose targeting is true, best first, until `visit` breaks. Those that
    /// are `asleep` are passed over; a mask of another index bars nothing.
    pub fn best_first(
        &self,
        facts: &Facts,
        asleep: Option<&Mask>,
        scratch: &mut SearchScratch,
        visit: &mut impl FnMut(LineIx) -> ControlFlow<()>,
    ) {
        // Why it ended is the visitor's to know.
        let _ = self.search(facts, asleep, scratch, visit);
    }

    /// Appends every line whose targeting is true and that is not `asleep`, best first.
    pub fn all(
        &self,
        facts: &Facts,
        asleep: Option<&Mask>,
        scratch: &mut SearchScratch,
        out: &mut Vec<LineIx>,
    ) {
        let _ = self.search(facts, asleep, scratch, &mut |line| {
            out.push(line);
            ControlFlow::Continue(())
        });
    }

    fn search(
        &self,
        facts: &Facts,
        asleep: Option<&Mask>,
        scratch: &mut SearchScratch,
        visit: &mut impl FnMut(LineIx) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mask = asleep.filter(|mask| mask.belongs_with(&self.gone)).unwrap_or(&self.gone);
        let mut base = Pass::new(&self.base, &mask.base, facts, &mut scratch.base);
        let mut fresh = Pass::new(&self.fresh, &mask.fresh, facts, &mut scratch.fresh);
        loop {
            let next = fresh.next_before(u32::MAX);
            let limit = next.map_or(u32::MAX, |line| self.before[line as usize]);
            while let Some(line) = base.next_before(limit) {
                visit(LineIx(line))?;
            }
            let Some(line) = next else { return ControlFlow::Continue(()) };
            visit(LineIx(self.base.lines() as u32 + line))?;
        }
    }
}
