//! What is the truth of an expression, worked out as it is written? The plain evaluator.
//!
//! The judge of the compiled index (tests compare the two on random worlds), and the way in
//! which audits and `explain` look at one line. Cold: it walks the tree and every value.

use crate::knowledge::catalog::model::{Circle, Expr, Leaf, Test};
use crate::market::facts::Facts;
use crate::market::vocabulary::ValueId;

/// Kleene's three values, in his order: `and` is the least, `or` is the greatest of two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Truth {
    False,
    Unknown,
    True,
}

impl Truth {
    pub fn negated(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Truth {
        if holds { Truth::True } else { Truth::False }
    }
}

/// The truth of `expr`; a line is eligible only where it is [`Truth::True`] (DESIGN §5).
pub fn truth(expr: &Expr, facts: &Facts) -> Truth {
    match expr {
        Expr::All(parts) => parts.iter().map(|e| truth(e, facts)).min().unwrap_or(Truth::True),
        Expr::Any(parts) => parts.iter().map(|e| truth(e, facts)).max().unwrap_or(Truth::False),
        Expr::Not(inner) => truth(inner, facts).negated(),
        Expr::Leaf(leaf) => leaf_truth(leaf, facts),
    }
}

pub(super) fn leaf_truth(leaf: &Leaf, facts: &Facts) -> Truth {
    match facts.get(leaf.dimension) {
        None if leaf.pass_unknown => Truth::True,
        None => Truth::Unknown,
        Some(actual) => match &leaf.test {
            Test::AnyOf(wanted) => meets(wanted, actual),
            Test::NoneOf(unwanted) => meets(unwanted, actual).negated(),
            Test::Within(circles) => inside(circles, facts),
            Test::Outside(circles) => inside(circles, facts).negated(),
        },
    }
}

fn meets(wanted: &[ValueId], actual: &[ValueId]) -> Truth {
    actual.iter().any(|value| wanted.contains(value)).into()
}

/// A place that is known to be nowhere lies in no circle.
fn inside(circles: &[Circle], facts: &Facts) -> Truth {
    let near = |place| circles.iter().any(|c: &Circle| c.center.distance_m(place) <= c.radius_m);
    facts.place().is_some_and(near).into()
}
