//! Which plain conjunctions does an expression come to? Negation and disjunction taken apart.
//!
//! Called by [`compile`](super::compile) for each line when a world is built; cold. Only "true"
//! counts in the end (unknown is not eligible), so a conjunction is kept as what makes it true:
//! one [`Clause`] per dimension, and for each whether it holds where the fact is unknown.
//!
//! Kleene's negation leaves unknown unknown, and a leaf that passes when unknown is true there,
//! so its negation is false there: either way a negated leaf is true only where the fact is known.

use std::borrow::Cow;

use crate::knowledge::catalog::model::{Circle, Expr, Leaf, Test};
use crate::market::vocabulary::{Dimension, ValueId};

/// True where every clause holds; always true without any.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Conjunction<'e> {
    /// By dimension, each once.
    pub clauses: Vec<Clause<'e>>,
}

/// What one conjunction asks of one dimension.
#[derive(Clone, PartialEq, Debug)]
pub struct Clause<'e> {
    pub dimension: Dimension,
    /// Whether it holds where the fact is unknown.
    pub pass_unknown: bool,
    /// A known fact has a value of each set; the smallest set first.
    pub any_of: Vec<Cow<'e, [ValueId]>>,
    /// A known fact has none of these.
    pub none_of: Cow<'e, [ValueId]>,
    /// A known place lies in one circle of each group.
    pub within: Vec<&'e [Circle]>,
    /// A known place lies in no circle of any group.
    pub outside: Vec<&'e [Circle]>,
}

/// The conjunctions of which at least one is true exactly where `expr` is true; none where it
/// never is. `None` when there would be more than [`Expr::CONJUNCTIONS_MAX`].
pub fn normal_form(expr: &Expr) -> Option<Vec<Conjunction<'_>>> {
    if expr.conjunctions() > Expr::CONJUNCTIONS_MAX {
        return None;
    }
    let mut distinct = Vec::new();
    for conjunction in multiply_out(expr, false) {
        if let Some(conjunction) = simplified(conjunction)
            && !distinct.contains(&conjunction)
        {
            distinct.push(conjunction);
        }
    }
    Some(distinct)
}

fn multiply_out(expr: &Expr, negated: bool) -> Vec<Conjunction<'_>> {
    match expr {
        Expr::Leaf(leaf) => vec![Conjunction { clauses: vec![clause(leaf, negated)] }],
        Expr::Not(inner) => multiply_out(inner, !negated),
        Expr::All(parts) | Expr::Any(parts) => {
            let parts = parts.iter().map(|part| multiply_out(part, negated));
            if expr.multiplies(negated) {
                parts.fold(vec![Conjunction::default()], |all, part| product(&all, &part))
            } else {
                parts.flatten().collect()
            }
        }
    }
}

fn product<'e>(left: &[Conjunction<'e>], right: &[Conjunction<'e>]) -> Vec<Conjunction<'e>> {
    let pairs = left.iter().flat_map(|l| right.iter().map(move |r| (l, r)));
    pairs
        .map(|(l, r)| Conjunction { clauses: [l.clauses.as_slice(), &r.clauses].concat() })
        .collect()
}

fn clause(leaf: &Leaf, negated: bool) -> Clause<'_> {
    let mut clause = Clause {
        dimension: leaf.dimension,
        pass_unknown: leaf.pass_unknown && !negated,
        any_of: Vec::new(),
        none_of: Cow::Borrowed(&[]),
        within: Vec::new(),
        outside: Vec::new(),
    };
    match (&leaf.test, negated) {
        (Test::AnyOf(set), false) | (Test::NoneOf(set), true) => clause.any_of = vec![sorted(set)],
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

/// One clause per dimension, without what cannot matter; `None` when it can never be true.
fn simplified(mut conjunction: Conjunction<'_>) -> Option<Conjunction<'_>> {
    conjunction.clauses.sort_by_key(|clause| clause.dimension);
    conjunction.clauses.dedup_by(|next, kept| {
        let same = next.dimension == kept.dimension;
        if same {
            join(kept, next);
        }
        same
    });
    for clause in &mut conjunction.clauses {
        reduce(clause);
        let impossible = clause.any_of.iter().any(|set| set.is_empty());
        if impossible && !clause.pass_unknown {
            return None;
        }
    }
    conjunction.clauses.retain(|clause| !is_trivial(clause));
    Some(conjunction)
}

fn is_trivial(clause: &Clause<'_>) -> bool {
    clause.pass_unknown
        && clause.any_of.is_empty()
        && clause.none_of.is_empty()
        && clause.within.is_empty()
        && clause.outside.is_empty()
}

/// Where the fact is unknown both must pass; where it is known both must hold.
fn join<'e>(kept: &mut Clause<'e>, next: &mut Clause<'e>) {
    kept.pass_unknown &= next.pass_unknown;
    kept.any_of.append(&mut next.any_of);
    kept.within.append(&mut next.within);
    kept.outside.append(&mut next.outside);
    if kept.none_of.is_empty() {
        kept.none_of = std::mem::take(&mut next.none_of);
    } else if !next.none_of.is_empty() {
        kept.none_of = Cow::Owned([&*kept.none_of, &*next.none_of].concat());
        kept.none_of = Cow::Owned(sorted(&kept.none_of).into_owned());
    }
}

/// A wanted value that is unwanted too cannot help; a set that holds another asks nothing more.
fn reduce(clause: &mut Clause<'_>) {
    let unwanted = &clause.none_of;
    for set in &mut clause.any_of {
        if set.iter().any(|value| unwanted.binary_search(value).is_ok()) {
            set.to_mut().retain(|value| unwanted.binary_search(value).is_err());
        }
    }
    clause.any_of.sort_by_key(|set| set.len());
    let mut needed: Vec<Cow<'_, [ValueId]>> = Vec::with_capacity(clause.any_of.len());
    for set in clause.any_of.drain(..) {
        let implied = needed.iter().any(|n| n.iter().all(|v| set.binary_search(v).is_ok()));
        if !implied {
            needed.push(set);
        }
    }
    clause.any_of = needed;
}
