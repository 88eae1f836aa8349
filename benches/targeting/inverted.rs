//! An inverted index of roaring bitmaps: for each value the conjunctions that it lets pass.
//!
//! Given: conjunctions numbered in the order of price; for each dimension the set of those that
//! want nothing of it, for each value those that want it and those that keep it out. Dimensions
//! that have one value at a time and few in all are folded to one set a value (wanted or
//! indifferent, less those kept out), and dimensions are taken in the order of how many
//! conjunctions ask about them. What sets cannot say (circles, a second wanted set of one
//! dimension) is decided by the plain evaluator. The first ten are the first of all, since a set
//! operation makes the whole set.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use interlude::base::units::ids::LineIx;
use interlude::knowledge::catalog::model::Expr;
use interlude::market::facts::Facts;
use interlude::market::vocabulary::{Dimension, ValueId};
use interlude::offer::targeting::naive::{Truth, truth};
use interlude::rehearsal::traffic::lines::Population;
use roaring::RoaringBitmap;

use super::conjunctions::{Conjunction, conjunctions};
use super::engines::Engine;

/// Dimensions with more values are not folded.
const FOLDED_VALUES: usize = 200;

pub struct Inverted {
    lines: Rc<Vec<Expr>>,
    requests: Rc<Vec<Facts>>,
    asked: Vec<Asked>,
    /// By value; the unknowns are values too.
    include: Vec<RoaringBitmap>,
    exclude: Vec<RoaringBitmap>,
    /// Each conjunction's line, and whether it is checked.
    slots: Vec<(u32, bool)>,
}

struct Asked {
    dimension: Dimension,
    indifferent: RoaringBitmap,
    folded: bool,
}

/// What is gathered before bitmaps are made of it.
struct Gathered {
    include: Vec<Vec<u32>>,
    exclude: Vec<Vec<u32>>,
    asking: BTreeMap<Dimension, Asking>,
}

/// What conjunctions ask of one dimension.
#[derive(Default)]
struct Asking {
    /// Those that want something.
    wanting: Vec<u32>,
    clauses: usize,
    values: BTreeSet<ValueId>,
}

impl Inverted {
    pub fn new(lines: Rc<Vec<Expr>>, requests: Rc<Vec<Facts>>) -> Inverted {
        let mut slots = Vec::new();
        let mut gathered = Gathered {
            include: vec![Vec::new(); Population::values()],
            exclude: vec![Vec::new(); Population::values()],
            asking: BTreeMap::new(),
        };
        for (line, expr) in lines.iter().enumerate() {
            for conjunction in conjunctions(expr) {
                let checked = gathered.push(slots.len() as u32, &conjunction);
                slots.push((line as u32, checked || conjunction.circles));
            }
        }
        gathered.index(lines, requests, slots)
    }

    fn search(&self, request: usize, most: usize, out: &mut Vec<LineIx>) {
        let facts = &self.requests[request];
        let mut passing: Option<RoaringBitmap> = None;
        for asked in &self.asked {
            let unknown = [ValueId::unknown(asked.dimension)];
            let values = facts.get(asked.dimension).unwrap_or(&unknown);
            let next = match passing {
                None => self.first(asked, values),
                Some(passing) => self.narrowed(asked, values, passing),
            };
            if next.is_empty() {
                return;
            }
            passing = Some(next);
        }
        let mut last = u32::MAX;
        for slot in passing.iter().flatten() {
            let (line, checked) = self.slots[slot as usize];
            let seen = line == last;
            if seen || checked && truth(&self.lines[line as usize], facts) != Truth::True {
                continue;
            }
            out.push(LineIx(line));
            last = line;
            if out.len() == most {
                return;
            }
        }
    }

    fn first(&self, asked: &Asked, values: &[ValueId]) -> RoaringBitmap {
        if let (true, [value]) = (asked.folded, values) {
            return self.include[value.index()].clone();
        }
        let mut passing = asked.indifferent.clone();
        values.iter().for_each(|value| passing |= &self.include[value.index()]);
        self.without(values, passing)
    }

    fn narrowed(
        &self,
        asked: &Asked,
        values: &[ValueId],
        mut passing: RoaringBitmap,
    ) -> RoaringBitmap {
        if let (true, [value]) = (asked.folded, values) {
            passing &= &self.include[value.index()];
            return passing;
        }
        let mut next = &passing & &asked.indifferent;
        for value in values {
            let include = &self.include[value.index()];
            if !include.is_empty() {
                next |= &passing & include;
            }
        }
        self.without(values, next)
    }

    fn without(&self, values: &[ValueId], mut passing: RoaringBitmap) -> RoaringBitmap {
        for value in values {
            let exclude = &self.exclude[value.index()];
            if !exclude.is_empty() {
                passing -= exclude;
            }
        }
        passing
    }
}

impl Gathered {
    /// Returns whether more than one set of a dimension is wanted.
    fn push(&mut self, slot: u32, conjunction: &Conjunction<'_>) -> bool {
        let (mut wants, mut checked) = (Vec::new(), false);
        for clause in &conjunction.clauses {
            let unknown = ValueId::unknown(clause.dimension);
            let more = (clause.include == clause.pass).then_some(unknown);
            let values = clause.values.iter().chain(more.iter());
            let asking = self.asking.entry(clause.dimension).or_default();
            asking.values.extend(values.clone());
            asking.clauses += 1;
            if !clause.include {
                values.for_each(|value| self.exclude[value.index()].push(slot));
            } else if wants.contains(&clause.dimension) {
                checked = true;
            } else {
                wants.push(clause.dimension);
                values.for_each(|value| self.include[value.index()].push(slot));
                asking.wanting.push(slot);
            }
        }
        checked
    }

    fn index(
        self,
        lines: Rc<Vec<Expr>>,
        requests: Rc<Vec<Facts>>,
        slots: Vec<(u32, bool)>,
    ) -> Inverted {
        let set = |mut slots: Vec<u32>| {
            slots.dedup();
            let mut set = RoaringBitmap::from_sorted_iter(slots).expect("in order");
            set.optimize();
            set
        };
        let mut include: Vec<RoaringBitmap> = self.include.into_iter().map(set).collect();
        let exclude: Vec<RoaringBitmap> = self.exclude.into_iter().map(set).collect();
        let every: RoaringBitmap = (0..slots.len() as u32).collect();
        let mut order: Vec<_> = self.asking.into_iter().collect();
        order.sort_by_key(|(_, asking)| std::cmp::Reverse(asking.clauses));
        let mut asked = Vec::new();
        for (dimension, asking) in order {
            let indifferent = &every - &set(asking.wanting);
            let folded = !dimension.row().multi && asking.values.len() <= FOLDED_VALUES;
            if folded {
                // Requests bring values that no line names; those are folded as well.
                let brought = requests.iter().filter_map(|facts| facts.get(dimension)).flatten();
                let mut values = asking.values;
                values.extend(brought);
                values.insert(ValueId::unknown(dimension));
                for value in values {
                    let at = value.index();
                    include[at] = (&include[at] | &indifferent) - &exclude[at];
                    include[at].optimize();
                }
            }
            asked.push(Asked { dimension, indifferent, folded });
        }
        Inverted { lines, requests, asked, include, exclude, slots }
    }
}

impl Engine for Inverted {
    fn all(&mut self, request: usize, out: &mut Vec<LineIx>) {
        self.search(request, usize::MAX, out);
    }

    fn top(&mut self, request: usize, most: usize, out: &mut Vec<LineIx>) {
        self.search(request, most, out);
    }
}
