//! The plain conjunctions of an expression, for the peers that know nothing else.

use interlude::knowledge::catalog::model::{Expr, Leaf, Test};
use interlude::market::vocabulary::{Dimension, ValueId};

/// True where the fact has (`include`) or has not one of the values; where it is unknown, `pass`.
#[derive(Clone, Copy)]
pub struct Clause<'e> {
    pub dimension: Dimension,
    pub include: bool,
    pub values: &'e [ValueId],
    pub pass: bool,
}

/// True where every clause is; with circles, where the line's expression is true as well.
#[derive(Clone, Default)]
pub struct Conjunction<'e> {
    pub clauses: Vec<Clause<'e>>,
    pub circles: bool,
}

pub fn conjunctions(expr: &Expr) -> Vec<Conjunction<'_>> {
    multiply_out(expr, false)
}

fn multiply_out(expr: &Expr, negated: bool) -> Vec<Conjunction<'_>> {
    match expr {
        Expr::Leaf(leaf) => vec![of_leaf(leaf, negated)],
        Expr::Not(inner) => multiply_out(inner, !negated),
        Expr::All(parts) | Expr::Any(parts) => {
            let parts = parts.iter().map(|part| multiply_out(part, negated));
            if !expr.multiplies(negated) {
                return parts.flatten().collect();
            }
            parts.fold(vec![Conjunction::default()], |all, part| {
                let pairs = all.iter().flat_map(|a| part.iter().map(move |b| both(a, b)));
                pairs.collect()
            })
        }
    }
}

fn both<'e>(a: &Conjunction<'e>, b: &Conjunction<'e>) -> Conjunction<'e> {
    let clauses = [a.clauses.as_slice(), &b.clauses].concat();
    Conjunction { clauses, circles: a.circles || b.circles }
}

fn of_leaf(leaf: &Leaf, negated: bool) -> Conjunction<'_> {
    let (include, values) = match &leaf.test {
        Test::AnyOf(values) => (!negated, values),
        Test::NoneOf(values) => (negated, values),
        Test::Within(_) | Test::Outside(_) => {
            return Conjunction { clauses: Vec::new(), circles: true };
        }
    };
    let pass = leaf.pass_unknown && !negated;
    let clause = Clause { dimension: leaf.dimension, include, values, pass };
    Conjunction { clauses: vec![clause], circles: false }
}
