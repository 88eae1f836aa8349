//! What is asked of every engine, and how Interlude's index answers it.

use std::ops::ControlFlow;
use std::rc::Rc;

use interlude::base::units::ids::LineIx;
use interlude::knowledge::catalog::model::Expr;
use interlude::market::facts::Facts;
use interlude::offer::targeting::{Index, Mask, SearchScratch};

/// Answers the requests that it was made for, by their number.
pub trait Engine {
    /// Appends every line that wants the request, in any order.
    fn all(&mut self, request: usize, out: &mut Vec<LineIx>);
    /// Appends the first so many of them, in order.
    fn top(&mut self, request: usize, most: usize, out: &mut Vec<LineIx>);
}

/// The first so many of what was found, in order, where an engine has no order of its own.
pub fn keep_best(found: &mut Vec<LineIx>, most: usize) {
    if found.len() > most {
        found.select_nth_unstable(most - 1);
        found.truncate(most);
    }
    found.sort_unstable();
}

/// Whether a line has a circle, which no peer can express.
pub fn has_circle(expr: &Expr) -> bool {
    use interlude::knowledge::catalog::model::Test;
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().any(has_circle),
        Expr::Not(inner) => has_circle(inner),
        Expr::Leaf(leaf) => matches!(leaf.test, Test::Within(_) | Test::Outside(_)),
    }
}

/// The index as the bid path uses it.
pub struct Interlude {
    pub index: Index,
    pub requests: Rc<Vec<Facts>>,
    pub asleep: Option<Mask>,
    scratch: SearchScratch,
}

impl Interlude {
    pub fn of(index: Index, requests: Rc<Vec<Facts>>) -> Interlude {
        Interlude { index, requests, asleep: None, scratch: SearchScratch::new() }
    }
}

impl Engine for Interlude {
    fn all(&mut self, request: usize, out: &mut Vec<LineIx>) {
        self.index.all(&self.requests[request], self.asleep.as_ref(), &mut self.scratch, out);
    }

    fn top(&mut self, request: usize, most: usize, out: &mut Vec<LineIx>) {
        let facts = &self.requests[request];
        let visit = &mut |line| {
            out.push(line);
            if out.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        self.index.best_first(facts, self.asleep.as_ref(), &mut self.scratch, visit);
    }
}
