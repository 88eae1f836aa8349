//! The crate a-tree: expressions as a shared graph of predicates.
//!
//! Given: each line as one expression of its language, nested as it is written. A dimension with
//! one value at a time is an integer attribute (`in`, `not in`, `is null`), one with several an
//! integer list (`one of`, `none of`); its undefined attributes are our unknown, and its third
//! truth value is ours. Whether a list is defined it cannot ask, so each list dimension has a
//! boolean (`knows_…`) for leaves that pass where the fact is unknown. A circle is "the place is
//! known" (`placed`), and the plain evaluator decides the lines that have one. Events are made
//! beforehand. It has no order: the first ten are chosen among all that it found.

use std::fmt::Write;
use std::rc::Rc;

use a_tree::{ATree, AttributeDefinition, Event};
use interlude::base::units::ids::LineIx;
use interlude::knowledge::catalog::model::{Expr, Leaf, Test};
use interlude::market::facts::Facts;
use interlude::market::vocabulary::{Dimension, ValueId};
use interlude::offer::targeting::naive::{Truth, truth};

use super::engines::{Engine, has_circle, keep_best};

pub struct Tree {
    lines: Rc<Vec<Expr>>,
    requests: Rc<Vec<Facts>>,
    tree: ATree<u32>,
    events: Vec<Event>,
    /// Lines that the plain evaluator decides.
    checked: Vec<bool>,
}

impl Tree {
    pub fn new(lines: Rc<Vec<Expr>>, requests: Rc<Vec<Facts>>) -> Tree {
        let mut definitions = vec![AttributeDefinition::boolean("placed")];
        for dimension in Dimension::all() {
            if dimension.row().multi {
                definitions.push(AttributeDefinition::boolean(&knows(dimension)));
                definitions.push(AttributeDefinition::integer_list(dimension.name()));
            } else {
                definitions.push(AttributeDefinition::integer(dimension.name()));
            }
        }
        let mut tree = ATree::new(&definitions).expect("attributes");
        let mut text = String::new();
        for (line, expr) in lines.iter().enumerate() {
            text.clear();
            write_expr(expr, false, &mut text);
            tree.insert(&(line as u32), &text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        }
        let events = requests.iter().map(|facts| event(&tree, facts)).collect();
        let checked = lines.iter().map(has_circle).collect();
        Tree { lines, requests, tree, events, checked }
    }

    fn is_true(&self, line: u32, request: usize) -> bool {
        let line = line as usize;
        !self.checked[line] || truth(&self.lines[line], &self.requests[request]) == Truth::True
    }
}

fn knows(dimension: Dimension) -> String {
    format!("knows_{}", dimension.name())
}

fn write_expr(expr: &Expr, negated: bool, out: &mut String) {
    match expr {
        Expr::Leaf(leaf) => write_leaf(leaf, negated, out),
        Expr::Not(inner) => write_expr(inner, !negated, out),
        Expr::All(parts) | Expr::Any(parts) => {
            assert!(!parts.is_empty(), "the language has no constants");
            let word = if expr.multiplies(negated) { " and " } else { " or " };
            out.push('(');
            for (nth, part) in parts.iter().enumerate() {
                out.push_str(if nth > 0 { word } else { "" });
                write_expr(part, negated, out);
            }
            out.push(')');
        }
    }
}

fn write_leaf(leaf: &Leaf, negated: bool, out: &mut String) {
    let (included, values) = match &leaf.test {
        Test::AnyOf(values) => (!negated, values),
        Test::NoneOf(values) => (negated, values),
        Test::Within(_) | Test::Outside(_) => return out.push_str("placed"),
    };
    let (name, multi) = (leaf.dimension.name(), leaf.dimension.row().multi);
    let operator = match (multi, included) {
        (true, true) => "one of",
        (true, false) => "none of",
        (false, true) => "in",
        (false, false) => "not in",
    };
    let passes = leaf.pass_unknown && !negated;
    match (passes, multi) {
        (true, true) => write!(out, "(not {} or ", knows(leaf.dimension)),
        (true, false) => write!(out, "({name} is null or "),
        (false, _) => Ok(()),
    }
    .expect("a string takes all");
    let values: Vec<String> = values.iter().map(|value| value.0.to_string()).collect();
    write!(out, "{name} {operator} [{}]", values.join(", ")).expect("a string takes all");
    if passes {
        out.push(')');
    }
}

fn event(tree: &ATree<u32>, facts: &Facts) -> Event {
    let mut event = tree.make_event();
    if facts.place().is_some() {
        event.with_boolean("placed", true).expect("an attribute");
    }
    for dimension in Dimension::all().filter(|d| *d != Dimension::Radius) {
        let (name, known) = (dimension.name(), facts.get(dimension));
        let number = |value: &ValueId| i64::from(value.0);
        if dimension.row().multi {
            event.with_boolean(&knows(dimension), known.is_some()).expect("an attribute");
            if let Some(values) = known {
                let values: Vec<i64> = values.iter().map(number).collect();
                event.with_integer_list(name, &values).expect("an attribute");
            }
        } else if let Some([value]) = known {
            event.with_integer(name, number(value)).expect("an attribute");
        } else {
            assert!(known.is_none(), "{name}: {known:?} is no single value");
        }
    }
    event.build().expect("an event")
}

impl Engine for Tree {
    fn all(&mut self, request: usize, out: &mut Vec<LineIx>) {
        let report = self.tree.search(&self.events[request]).expect("an answer");
        let found = report.matches().iter().filter(|line| self.is_true(***line, request));
        out.extend(found.map(|line| LineIx(**line)));
    }

    fn top(&mut self, request: usize, most: usize, out: &mut Vec<LineIx>) {
        self.all(request, out);
        keep_best(out, most);
    }
}
