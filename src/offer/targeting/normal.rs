//! Which plain conjunctions does an expression come to? Negation and disjunction taken apart.
//!
//! Called by [`compile`](super::compile) for each line when a world is built; cold, but there may
//! be a million lines: what most lines are, a conjunction of leaves or a choice of a few, allocates
//! nothing. Only "true" counts in the end (unknown is not eligible), so a conjunction is kept as
//! what makes it true: one [`Clause`] per dimension, and for each whether it holds where the fact
//! is unknown.
//!
//! Kleene's negation leaves unknown unknown, and a leaf that passes when unknown is true there,
//! so its negation is false there: either way a negated leaf is true only where the fact is known.

use std::borrow::Cow;

use crate::knowledge::catalog::model::{Circle, Expr, Leaf, Test};
use crate::market::vocabulary::{Dimension, ValueId};

/// What one conjunction asks of one dimension.
#[derive(Clone, PartialEq, Debug)]
pub struct Clause<'e> {
    pub dimension: Dimension,
    /// Whether it holds where the fact is unknown.
    pub pass_unknown: bool,
    /// A known fact has one of these.
    pub any_of: Option<Cow<'e, [ValueId]>>,
    /// … and one of each of these.
    pub also: Vec<Cow<'e, [ValueId]>>,
    /// A known fact has none of these.
    pub none_of: Cow<'e, [ValueId]>,
    /// A known place lies in one circle of each group.
    pub within: Vec<&'e [Circle]>,
    /// A known place lies in no circle of any group.
    pub outside: Vec<&'e [Circle]>,
}

#[derive(Clone, Copy)]
struct Literal<'e> {
    leaf: &'e Leaf,
    negated: bool,
}

/// Takes expressions apart, one after the other.
#[derive(Default)]
pub struct Normal<'e> {
    literals: Vec<Literal<'e>>,
    clauses: Vec<Clause<'e>>,
    /// The conjunctions of this expression so far, where it may come to several.
    seen: Option<Vec<Vec<Clause<'e>>>>,
}

impl<'e> Normal<'e> {
    /// Visits conjunctions of which at least one is true exactly where `expr` is true, each as
    /// its clauses, by dimension; none where it never is. `false` and no visit when there would be
    /// more than [`Expr::CONJUNCTIONS_MAX`].
    pub fn each(&mut self, expr: &'e Expr, visit: &mut impl FnMut(&[Clause<'e>])) -> bool {
        let count = expr.conjunctions();
        if count > Expr::CONJUNCTIONS_MAX {
            return false;
        }
        self.seen = (count > 1).then(Vec::new);
        self.branch(expr, false, visit);
        true
    }

    fn branch(&mut self, expr: &'e Expr, negated: bool, visit: &mut impl FnMut(&[Clause<'e>])) {
        self.literals.clear();
        if flatten(expr, negated, &mut self.literals) {
            return self.conjunction(visit);
        }
        match expr {
            Expr::Not(inner) => self.branch(inner, !negated, visit),
            Expr::All(parts) | Expr::Any(parts) if !expr.multiplies(negated) => {
                parts.iter().for_each(|part| self.branch(part, negated, visit));
            }
            _ => {
                for literals in multiply_out(expr, negated) {
                    self.literals.clone_from(&literals);
                    self.conjunction(visit);
                }
            }
        }
    }

    /// Visits the conjunction of the literals as one clause per dimension, without what cannot
    /// matter; not at all when it can never be true.
    fn conjunction(&mut self, visit: &mut impl FnMut(&[Clause<'e>])) {
        self.clauses.clear();
        self.literals.sort_by_key(|literal| literal.leaf.dimension);
        for literals in self.literals.chunk_by(|a, b| a.leaf.dimension == b.leaf.dimension) {
            let mut clause = clause(literals[0]);
            if literals.len() > 1 {
                literals[1..].iter().for_each(|&literal| join(&mut clause, self::clause(literal)));
                reduce(&mut clause);
            }
            let impossible = clause.any_of.as_ref().is_some_and(|set| set.is_empty());
            if impossible && !clause.pass_unknown {
                return;
            }
            if !is_trivial(&clause) {
                self.clauses.push(clause);
            }
        }
        if let Some(seen) = &mut self.seen {
            if seen.contains(&self.clauses) {
                return;
            }
            seen.push(self.clauses.clone());
        }
        visit(&self.clauses);
    }
}

/// Collects the literals of an expression that is a conjunction of leaves; `false` where it is
/// none.
fn flatten<'e>(expr: &'e Expr, negated: bool, out: &mut Vec<Literal<'e>>) -> bool {
    match expr {
        Expr::Leaf(leaf) => {
            out.push(Literal { leaf, negated });
            true
        }
        Expr::Not(inner) => flatten(inner, !negated, out),
        Expr::All(parts) | Expr::Any(parts) => {
            expr.multiplies(negated) && parts.iter().all(|part| flatten(part, negated, out))
        }
    }
}

fn multiply_out(expr: &Expr, negated: bool) -> Vec<Vec<Literal<'_>>> {
    match expr {
        Expr::Leaf(leaf) => vec![vec![Literal { leaf, negated }]],
        Expr::Not(inner) => multiply_out(inner, !negated),
        Expr::All(parts) | Expr::Any(parts) => {
            let parts = parts.iter().map(|part| multiply_out(part, negated));
            if expr.multiplies(negated) {
                parts.fold(vec![Vec::new()], |all, part| product(&all, &part))
            } else {
                parts.flatten().collect()
            }
        }
    }
}

fn product<'e>(left: &[Vec<Literal<'e>>], right: &[Vec<Literal<'e>>]) -> Vec<Vec<Literal<'e>>> {
    let pairs = left.iter().flat_map(|l| right.iter().map(move |r| (l, r)));
    pairs.map(|(l, r)| [l.as_slice(), r].concat()).collect()
}

fn clause<'e>(literal: Literal<'e>) -> Clause<'e> {
    let Literal { leaf, negated } = literal;
    let mut clause = Clause {
        dimension: leaf.dimension,
        pass_unknown: leaf.pass_unknown && !negated,
        any_of: None,
        also: Vec::new(),
        none_of: Cow::Borrowed(&[]),
        within: Vec::new(),
        outside: Vec::new(),
    };
    match (&leaf.test, negated) {
        (Test::AnyOf(set), false) | (Test::NoneOf(set), true) => clause.any_of = Some(sorted(set)),
        (Test::NoneOf(set), false) | (Test::AnyOf(set), true) => clause.none_of = sorted(set),
        (Test::Within(circles), false) | (Test::Outside(circles), true) => {
            clause.within = vec![circles];
        }
        (Test::Outside(circles), false) | (Test::Within(circles), true) => {
            clause.outside = vec![circles];
        }
    }
    clause
}

/// The catalog hands on sorted sets; an expression made by hand may not be.
fn sorted(set: &[ValueId]) -> Cow<'_, [ValueId]> {
    if set.is_sorted_by(|a, b| a < b) {
        return Cow::Borrowed(set);
    }
    let mut set = set.to_vec();
    set.sort_unstable();
    set.dedup();
    Cow::Owned(set)
}

fn is_trivial(clause: &Clause<'_>) -> bool {
    clause.pass_unknown
        && clause.any_of.is_none()
        && clause.none_of.is_empty()
        && clause.within.is_empty()
        && clause.outside.is_empty()
}

/// Where the fact is unknown both must pass; where it is known both must hold.
fn join<'e>(kept: &mut Clause<'e>, next: Clause<'e>) {
    kept.pass_unknown &= next.pass_unknown;
    kept.also.extend(next.any_of);
    kept.within.extend(next.within);
    kept.outside.extend(next.outside);
    if kept.none_of.is_empty() {
        kept.none_of = next.none_of;
    } else if !next.none_of.is_empty() {
        kept.none_of = Cow::Owned([&*kept.none_of, &*next.none_of].concat());
        kept.none_of = Cow::Owned(sorted(&kept.none_of).into_owned());
    }
}

/// A wanted value that is unwanted too cannot help; a set that holds another asks nothing more.
fn reduce(clause: &mut Clause<'_>) {
    let unwanted = &clause.none_of;
    let mut sets: Vec<_> = clause.any_of.take().into_iter().chain(clause.also.drain(..)).collect();
    for set in &mut sets {
        if set.iter().any(|value| unwanted.binary_search(value).is_ok()) {
            set.to_mut().retain(|value| unwanted.binary_search(value).is_err());
        }
    }
    sets.sort_by_key(|set| set.len());
    let mut needed: Vec<Cow<'_, [ValueId]>> = Vec::new();
    for set in sets {
        let implied = needed.iter().any(|n| n.iter().all(|v| set.binary_search(v).is_ok()));
        if !implied {
            needed.push(set);
        }
    }
    let mut needed = needed.into_iter();
    clause.any_of = needed.next();
    clause.also = needed.collect();
}
