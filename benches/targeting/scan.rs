//! The plain scan: every line's conjunctions one after another, in the order of price.
//!
//! Given: each conjunction as a flat row of words, its clauses by how often these requests pass
//! them, the rarest first, and in each the values by how often they are brought; a request as one
//! bit for each value, set and cleared within the timing. The first ten end the scan.

use std::rc::Rc;

use interlude::base::units::ids::LineIx;
use interlude::knowledge::catalog::model::Expr;
use interlude::market::facts::Facts;
use interlude::market::vocabulary::{Dimension, ValueId};
use interlude::offer::targeting::naive::{Truth, truth};
use interlude::rehearsal::traffic::lines::Population;

use super::conjunctions::{Clause, Conjunction, conjunctions};
use super::engines::Engine;

const EXCLUDES: u32 = 1 << 31;
const CIRCLES: u32 = 1 << 31;

pub struct Scan {
    lines: Rc<Vec<Expr>>,
    requests: Rc<Vec<Facts>>,
    /// A line, the number of clauses and where they start.
    conjunctions: Vec<(u32, u32, u32)>,
    /// Each clause: how many values, then the values; the unknown is one of them.
    words: Vec<u32>,
    /// One bit for each value of the request at hand.
    brought: Vec<u64>,
}

impl Scan {
    pub fn new(lines: Rc<Vec<Expr>>, requests: Rc<Vec<Facts>>) -> Scan {
        let often = often(&requests);
        let mut scan = Scan {
            lines: Rc::clone(&lines),
            requests,
            conjunctions: Vec::new(),
            words: Vec::new(),
            brought: vec![0; Population::values().div_ceil(64)],
        };
        for (line, expr) in lines.iter().enumerate() {
            for conjunction in conjunctions(expr) {
                scan.push(line as u32, &conjunction, &often);
            }
        }
        scan
    }

    fn push(&mut self, line: u32, conjunction: &Conjunction<'_>, often: &[f64]) {
        let start = self.words.len() as u32;
        let mut clauses: Vec<(f64, u32, Vec<ValueId>)> =
            conjunction.clauses.iter().map(|clause| compiled(clause, often)).collect();
        clauses.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, excludes, values) in &clauses {
            self.words.push(values.len() as u32 | excludes);
            self.words.extend(values.iter().map(|value| value.0));
        }
        let circles = if conjunction.circles { CIRCLES } else { 0 };
        self.conjunctions.push((line, clauses.len() as u32 | circles, start));
    }

    fn search(&mut self, request: usize, most: usize, out: &mut Vec<LineIx>) {
        let facts = &self.requests[request];
        each_value(facts, |value| self.brought[value / 64] |= 1 << (value % 64));
        let mut last = u32::MAX;
        for &(line, clauses, start) in &self.conjunctions {
            if line == last || !passes(&self.words[start as usize..], clauses, &self.brought) {
                continue;
            }
            let checked = clauses & CIRCLES != 0;
            if checked && truth(&self.lines[line as usize], facts) != Truth::True {
                continue;
            }
            out.push(LineIx(line));
            last = line;
            if out.len() == most {
                break;
            }
        }
        each_value(facts, |value| self.brought[value / 64] = 0);
    }
}

#[inline]
fn passes(mut words: &[u32], clauses: u32, brought: &[u64]) -> bool {
    for _ in 0..clauses & !CIRCLES {
        let count = (words[0] & !EXCLUDES) as usize;
        let has = |value: &u32| brought[(value / 64) as usize] >> (value % 64) & 1 != 0;
        if words[1..=count].iter().any(has) == (words[0] & EXCLUDES != 0) {
            return false;
        }
        words = &words[1 + count..];
    }
    true
}

/// The share of requests that pass, whether it excludes, and its values.
fn compiled(clause: &Clause<'_>, often: &[f64]) -> (f64, u32, Vec<ValueId>) {
    let mut values = clause.values.to_vec();
    if clause.include == clause.pass {
        values.push(ValueId::unknown(clause.dimension));
    }
    values.sort_by(|a, b| often[b.index()].total_cmp(&often[a.index()]));
    let some: f64 = values.iter().map(|value| often[value.index()]).sum();
    if clause.include { (some, 0, values) } else { (1.0 - some, EXCLUDES, values) }
}

/// The share of requests that bring each value.
pub fn often(requests: &[Facts]) -> Vec<f64> {
    let mut often = vec![0.0; Population::values()];
    for facts in requests {
        each_value(facts, |value| often[value] += 1.0 / requests.len() as f64);
    }
    often
}

fn each_value(facts: &Facts, mut visit: impl FnMut(usize)) {
    for dimension in Dimension::all() {
        match facts.get(dimension) {
            Some(values) => values.iter().for_each(|value| visit(value.index())),
            None => visit(ValueId::unknown(dimension).index()),
        }
    }
}

impl Engine for Scan {
    fn all(&mut self, request: usize, out: &mut Vec<LineIx>) {
        self.search(request, usize::MAX, out);
    }

    fn top(&mut self, request: usize, most: usize, out: &mut Vec<LineIx>) {
        self.search(request, most, out);
    }
}
