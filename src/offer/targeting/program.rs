//! What does a conjunction ask that columns cannot say? All such clauses as one flat list of words.
//!
//! Written once by [`compile`](super::compile), read for the few slots that have such clauses
//! after their columns let them pass; hot, allocates nothing.
//!
//! A conjunction is a header word (how many clauses) and its clauses; a clause is two header words
//! (dimension, unknown, tests; length) and its tests; a test is a header word (kind, count) and
//! its values, or where its circles are.

use crate::knowledge::catalog::model::{Circle, Expr};
use crate::market::facts::Facts;
use crate::market::vocabulary::{DIMENSIONS, ValueId};

use super::is_true;
use super::normal::Clause;

/// In place of a conjunction's header: an expression too wide to be multiplied out follows.
const WHOLE: u32 = u32::MAX;

const ANY_OF: u32 = 0;
const WITHIN: u32 = 1;
const OUTSIDE: u32 = 2;

#[derive(Default)]
pub struct Program {
    words: Vec<u32>,
    circles: Vec<Circle>,
    /// Expressions of more than [`Expr::CONJUNCTIONS_MAX`]; the catalog refuses them, but the
    /// index must still answer rightly.
    whole: Vec<Expr>,
}

impl Program {
    /// Writes what columns do not say of a conjunction; returns where it stands, `None` where
    /// they say all.
    pub fn push(&mut self, clauses: &[Clause<'_>]) -> Option<u32> {
        let asking = || clauses.iter().filter(|clause| needs_check(clause));
        let count = asking().count() as u32;
        if count == 0 {
            return None;
        }
        let at = self.words.len() as u32;
        self.words.push(count);
        asking().for_each(|clause| self.push_clause(clause));
        Some(at)
    }

    /// Writes an expression as it is.
    pub fn push_whole(&mut self, expr: &Expr) -> u32 {
        let at = self.words.len() as u32;
        self.words.extend([WHOLE, self.whole.len() as u32]);
        self.whole.push(expr.clone());
        at
    }

    fn push_clause(&mut self, clause: &Clause<'_>) {
        let start = self.words.len();
        self.words.extend([0, 0]);
        for set in &clause.also {
            self.words.push(ANY_OF | (set.len() as u32) << 2);
            self.words.extend(set.iter().map(|value| value.0));
        }
        clause.within.iter().for_each(|circles| self.push_circles(WITHIN, circles));
        clause.outside.iter().for_each(|circles| self.push_circles(OUTSIDE, circles));
        let tests = (clause.also.len() + clause.within.len() + clause.outside.len()) as u32;
        let pass = u32::from(clause.pass_unknown);
        self.words[start] = clause.dimension as u32 | pass << 8 | tests << 9;
        self.words[start + 1] = (self.words.len() - start) as u32;
    }

    fn push_circles(&mut self, kind: u32, circles: &[Circle]) {
        self.words.extend([kind | (circles.len() as u32) << 2, self.circles.len() as u32]);
        self.circles.extend_from_slice(circles);
    }

    /// Whether what columns do not say of the conjunction at `at` is true.
    pub fn holds(&self, at: u32, facts: &Facts) -> bool {
        let at = at as usize;
        if self.words[at] == WHOLE {
            return is_true(&self.whole[self.words[at + 1] as usize], facts);
        }
        let mut words = &self.words[at + 1..];
        for _ in 0..self.words[at] {
            let (clause, rest) = words.split_at(words[1] as usize);
            let dimension = DIMENSIONS[(clause[0] & 0xff) as usize].dimension;
            let holds = match facts.get(dimension) {
                None => clause[0] & 1 << 8 != 0,
                Some(actual) => self.tests_hold(clause, actual, facts),
            };
            if !holds {
                return false;
            }
            words = rest;
        }
        true
    }

    fn tests_hold(&self, clause: &[u32], actual: &[ValueId], facts: &Facts) -> bool {
        let mut words = &clause[2..];
        for _ in 0..clause[0] >> 9 {
            let (kind, len) = (words[0] & 3, (words[0] >> 2) as usize);
            let length = if kind == ANY_OF { len } else { 1 };
            let (operands, rest) = words[1..].split_at(length);
            let holds = match kind {
                ANY_OF => meets(operands, actual),
                WITHIN => self.inside(operands, len, facts),
                _ => !self.inside(operands, len, facts),
            };
            if !holds {
                return false;
            }
            words = rest;
        }
        true
    }

    fn inside(&self, operands: &[u32], len: usize, facts: &Facts) -> bool {
        let circles = &self.circles[operands[0] as usize..][..len];
        let near = |place| circles.iter().any(|c| c.center.distance_m(place) <= c.radius_m);
        facts.place().is_some_and(near)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        size_of_val(self.words.as_slice()) + size_of_val(self.circles.as_slice())
    }

    pub fn shrink(&mut self) {
        self.words.shrink_to_fit();
        self.circles.shrink_to_fit();
    }
}

/// Columns say one inclusion and one exclusion of a dimension; the rest is checked by program.
fn needs_check(clause: &Clause<'_>) -> bool {
    !clause.also.is_empty() || !clause.within.is_empty() || !clause.outside.is_empty()
}

/// Whether a fact has one of the wanted values; `wanted` is sorted.
fn meets(wanted: &[u32], actual: &[ValueId]) -> bool {
    const FEW: usize = 8;
    if wanted.len() <= FEW {
        actual.iter().any(|value| wanted.contains(&value.0))
    } else {
        actual.iter().any(|value| wanted.binary_search(&value.0).is_ok())
    }
}
