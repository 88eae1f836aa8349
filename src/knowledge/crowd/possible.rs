//! Whom can an expression ever be true for? What is left of it when the moment may be anything.
//!
//! Made for each question; cold. Only "true" counts, so negation is pushed down to the leaves,
//! and each leaf becomes a plain set of values that a listener has one of, or none of. "Unknown"
//! is a value like others ([`ValueId::unknown`]), which those have of whom a fact is not known.
//!
//! A momentary leaf can be true, and so can its negation: whatever it would decide is left open.

use crate::knowledge::catalog::model::{Expr, Leaf, Test};
use crate::market::vocabulary::ValueId;

use super::is_of_the_listener;
use super::person::Person;

#[derive(Clone, PartialEq, Debug)]
pub enum Possible {
    /// Of everybody when empty.
    All(Vec<Possible>),
    /// Of nobody when empty.
    Any(Vec<Possible>),
    /// Sorted, distinct.
    HasOneOf(Vec<ValueId>),
    /// Sorted, distinct.
    HasNoneOf(Vec<ValueId>),
}

const EVERYBODY: Possible = Possible::All(Vec::new());
const NOBODY: Possible = Possible::Any(Vec::new());

impl Possible {
    pub fn of(expr: &Expr) -> Possible {
        possible(expr, false)
    }

    /// The parts that must all hold: those of an `all` of several, else the whole.
    pub fn clauses(expr: &Expr) -> Vec<Possible> {
        match expr {
            Expr::All(parts) if parts.len() > 1 => parts.iter().map(Possible::of).collect(),
            whole => vec![Possible::of(whole)],
        }
    }

    pub fn is_everybody(&self) -> bool {
        *self == EVERYBODY
    }

    pub fn holds(&self, person: &Person) -> bool {
        match self {
            Possible::All(parts) => parts.iter().all(|part| part.holds(person)),
            Possible::Any(parts) => parts.iter().any(|part| part.holds(person)),
            Possible::HasOneOf(values) => person.has_one_of(values),
            Possible::HasNoneOf(values) => !person.has_one_of(values),
        }
    }
}

fn possible(expr: &Expr, negated: bool) -> Possible {
    match expr {
        Expr::Leaf(leaf) => of_leaf(leaf, negated),
        Expr::Not(inner) => possible(inner, !negated),
        Expr::All(parts) | Expr::Any(parts) => {
            let parts = parts.iter().map(|part| possible(part, negated));
            if expr.multiplies(negated) { all(parts) } else { any(parts) }
        }
    }
}

fn all(parts: impl Iterator<Item = Possible>) -> Possible {
    let mut parts: Vec<Possible> = parts.filter(|part| *part != EVERYBODY).collect();
    match parts.len() {
        _ if parts.contains(&NOBODY) => NOBODY,
        1 => parts.remove(0),
        _ => Possible::All(parts),
    }
}

fn any(parts: impl Iterator<Item = Possible>) -> Possible {
    let mut parts: Vec<Possible> = parts.filter(|part| *part != NOBODY).collect();
    match parts.len() {
        _ if parts.contains(&EVERYBODY) => EVERYBODY,
        1 => parts.remove(0),
        _ => Possible::Any(parts),
    }
}

/// Kleene's negation leaves unknown unknown, and a leaf that passes when unknown is true there,
/// so its negation is false there: either way a negated leaf is true only of what is known.
fn of_leaf(leaf: &Leaf, negated: bool) -> Possible {
    let (values, has) = match &leaf.test {
        Test::AnyOf(values) => (values, !negated),
        Test::NoneOf(values) => (values, negated),
        Test::Within(_) | Test::Outside(_) => return EVERYBODY,
    };
    if !is_of_the_listener(leaf.dimension) {
        return EVERYBODY;
    }
    let passes_unknown = leaf.pass_unknown && !negated;
    let mut values = values.clone();
    if passes_unknown == has {
        values.push(ValueId::unknown(leaf.dimension));
    }
    values.sort_unstable();
    values.dedup();
    match (has, values.is_empty()) {
        (true, true) => NOBODY,
        (true, false) => Possible::HasOneOf(values),
        (false, true) => EVERYBODY,
        (false, false) => Possible::HasNoneOf(values),
    }
}
