//! What exactly does one conjunction ask? All conjunctions as one flat list of words.
//!
//! Written once by [`compile`](super::compile), read for those slots whose columns cannot say
//! everything; hot, allocates nothing.
//!
//! A conjunction is a header word (clauses, and how many of them the columns do not cover; those
//! stand first) and its clauses; a clause is two header words (dimension, unknown, tests; length)
//! and its tests; a test is a header word (kind, count) and its values, or where its circles are.

use crate::knowledge::catalog::model::{Circle, Expr};
use crate::market::facts::Facts;
use crate::market::vocabulary::{DIMENSIONS, Dimension, ValueId};

use super::naive::{self, Truth};
use super::normal::{Clause, Conjunction};

/// In place of a conjunction's header: an expression too wide to be multiplied out follows.
const WHOLE: u32 = u32::MAX;

const ANY_OF: u32 = 0;
const NONE_OF: u32 = 1;
const WITHIN: u32 = 2;
const OUTSIDE: u32 = 3;

#[derive(Default)]
pub struct Program {
    words: Vec<u32>,
    circles: Vec<Circle>,
    /// Expressions of more than [`Expr::CONJUNCTIONS_MAX`]; the catalog refuses them, but the
    /// index must still answer rightly.
    whole: Vec<Expr>,
}

/// What columns can say of a clause.
pub struct Covered<'p> {
    pub dimension: Dimension,
    pub pass_unknown: bool,
    /// One of these values, by id.
    pub include: Option<&'p [u32]>,
    /// None of these values, by id.
    pub exclude: &'p [u32],
}

impl Program {
    /// Writes a conjunction; returns where it stands and whether columns cover all of it.
    pub fn push(&mut self, conjunction: &Conjunction<'_>) -> (u32, bool) {
        let at = self.words.len() as u32;
        let (uncovered, covered): (Vec<&Clause<'_>>, Vec<&Clause<'_>>) =
            conjunction.clauses.iter().partition(|clause| needs_check(clause));
        let counts = (uncovered.len() + covered.len()) as u32 | (uncovered.len() as u32) << 16;
        self.words.push(counts);
        for clause in uncovered.iter().chain(&covered) {
            self.push_clause(clause);
        }
        (at, uncovered.is_empty())
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
        let mut tests = 0;
        let mut any_of = clause.any_of.iter();
        tests += any_of.next().map_or(0, |set| self.push_values(ANY_OF, set));
        if !clause.none_of.is_empty() {
            tests += self.push_values(NONE_OF, &clause.none_of);
        }
        for set in any_of {
            tests += self.push_values(ANY_OF, set);
        }
        for circles in &clause.within {
            tests += self.push_circles(WITHIN, circles);
        }
        for circles in &clause.outside {
            tests += self.push_circles(OUTSIDE, circles);
        }
        let pass = u32::from(clause.pass_unknown);
        self.words[start] = clause.dimension as u32 | pass << 8 | tests << 9;
        self.words[start + 1] = (self.words.len() - start) as u32;
    }

    fn push_values(&mut self, kind: u32, values: &[ValueId]) -> u32 {
        self.words.push(kind | (values.len() as u32) << 2);
        self.words.extend(values.iter().map(|value| value.0));
        1
    }

    fn push_circles(&mut self, kind: u32, circles: &[Circle]) -> u32 {
        self.words.extend([kind | (circles.len() as u32) << 2, self.circles.len() as u32]);
        self.circles.extend_from_slice(circles);
        1
    }

    /// Whether the clauses that columns do not cover are true.
    pub fn check(&self, at: u32, facts: &Facts) -> bool {
        let header = self.words[at as usize];
        self.holds(at, header >> 16, facts)
    }

    fn holds(&self, at: u32, clauses: u32, facts: &Facts) -> bool {
        let at = at as usize;
        if self.words[at] == WHOLE {
            return naive::truth(&self.whole[self.words[at + 1] as usize], facts) == Truth::True;
        }
        let mut words = &self.words[at + 1..];
        for _ in 0..clauses {
            let (clause, rest) = words.split_at(words[1] as usize);
            let pass_unknown = clause[0] & 1 << 8 != 0;
            let holds = match facts.get(dimension_of(clause)) {
                None => pass_unknown,
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
            let length = if kind <= NONE_OF { len } else { 1 };
            let (operands, rest) = words[1..].split_at(length);
            let holds = match kind {
                ANY_OF => meets(operands, actual),
                NONE_OF => !meets(operands, actual),
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

    /// The clauses of the conjunction at `at`, as far as columns can say them.
    pub fn covered(&self, at: u32) -> impl Iterator<Item = Covered<'_>> {
        let header = self.words[at as usize];
        let clauses = if header == WHOLE { 0 } else { header & 0xffff };
        let mut words = &self.words[at as usize + 1..];
        (0..clauses).map(move |_| {
            let (clause, rest) = words.split_at(words[1] as usize);
            words = rest;
            covered(clause)
        })
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.words.capacity() * size_of::<u32>() + self.circles.capacity() * size_of::<Circle>()
    }

    pub fn shrink(&mut self) {
        self.words.shrink_to_fit();
        self.circles.shrink_to_fit();
    }
}

/// Columns say one inclusion and one exclusion of a dimension; the rest is checked by program.
fn needs_check(clause: &Clause<'_>) -> bool {
    clause.any_of.len() > 1 || !clause.within.is_empty() || !clause.outside.is_empty()
}

fn dimension_of(clause: &[u32]) -> Dimension {
    DIMENSIONS[(clause[0] & 0xff) as usize].dimension
}

fn covered(clause: &[u32]) -> Covered<'_> {
    let mut covered = Covered {
        dimension: dimension_of(clause),
        pass_unknown: clause[0] & 1 << 8 != 0,
        include: None,
        exclude: &[],
    };
    let mut words = &clause[2..];
    // At most these two, and first, by the order in which a clause is written.
    for expected in [ANY_OF, NONE_OF] {
        if let Some(&header) = words.first()
            && header & 3 == expected
        {
            let (values, rest) = words[1..].split_at((header >> 2) as usize);
            if expected == ANY_OF {
                covered.include = Some(values);
            } else {
                covered.exclude = values;
            }
            words = rest;
        }
    }
    covered
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
