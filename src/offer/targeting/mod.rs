//! Which lines want this? The compiled index over all lines' targeting. Hot.
//!
//! `flows::decide` asks for the lines that want a slot, best first, and stops when it has enough;
//! deals ask whether one line does. The order of search is the order of [`LineIx`].

pub mod naive;

use std::ops::ControlFlow;

use crate::base::units::ids::LineIx;
use crate::knowledge::catalog::model::{Expr, Line};
use crate::market::facts::Facts;

/// The most conjunctions that one line's expression may come to; the catalog refuses more.
pub const MAX_CONJUNCTIONS: usize = 64;

/// How many conjunctions `expr` comes to when it is multiplied out, at most.
pub fn conjunctions(expr: &Expr) -> usize {
    fn count(expr: &Expr, negated: bool) -> usize {
        match expr {
            Expr::Leaf(_) => 1,
            Expr::Not(inner) => count(inner, !negated),
            Expr::All(parts) | Expr::Any(parts) => {
                let parts = parts.iter().map(|part| count(part, negated));
                match matches!(expr, Expr::All(_)) != negated {
                    true => parts.fold(1, usize::saturating_mul),
                    false => parts.fold(0, usize::saturating_add),
                }
            }
        }
    }
    count(expr, false)
}

/// What a search needs beside the index; one per worker, reused.
#[derive(Default)]
pub struct SearchScratch {}

pub struct Index {
    lines: Vec<Expr>,
}

impl Index {
    /// Compiles the targeting of `lines`, which stand in the order of search; `values` is the
    /// length of the vocabulary.
    pub fn build(lines: &[Line], values: usize) -> Index {
        let _ = values;
        Index { lines: lines.iter().map(|line| line.targeting.clone()).collect() }
    }

    /// Visits the lines whose targeting is true, best first, until `visit` breaks.
    pub fn best_first(
        &self,
        facts: &Facts,
        _scratch: &mut SearchScratch,
        visit: &mut impl FnMut(LineIx) -> ControlFlow<()>,
    ) {
        for ix in 0..self.lines.len() as u32 {
            if self.matches(LineIx(ix), facts) && visit(LineIx(ix)).is_break() {
                return;
            }
        }
    }

    /// Appends every line whose targeting is true, best first.
    pub fn all(&self, facts: &Facts, scratch: &mut SearchScratch, out: &mut Vec<LineIx>) {
        self.best_first(facts, scratch, &mut |line| {
            out.push(line);
            ControlFlow::Continue(())
        });
    }

    /// Whether the targeting of one line is true.
    pub fn matches(&self, line: LineIx, facts: &Facts) -> bool {
        let expr = self.lines.get(line.index());
        expr.is_some_and(|expr| naive::truth(expr, facts) == naive::Truth::True)
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}
