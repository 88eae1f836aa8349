//! How many of the sample does an expression reach? Sets of places, a few thousand at a time.
//!
//! Asked for each question; cold, but a person waits. The expression is worked out bottom-up over
//! chunks of places that stay in the first-level cache, each chunk with every column and list
//! that it names. What it will cost is known beforehand: where that is too much, only the first
//! chunks are looked at, which are a smaller sample with a wider interval.

use crate::knowledge::catalog::model::Expr;
use crate::market::vocabulary::ValueId;

use super::interval::reach;
use super::possible::Possible;
use super::sample::{Places, Sample};
use super::{Clause, Crowd};

/// 32,768 places: 4 KiB.
const WORDS: usize = 512;

/// The words that one question may touch; reckoned at 0.1 ns each, this is about 60 ms.
const COST_MAX: usize = 512 << 20;
/// A place of a list costs as much as so many words of a column, and so does a list in a chunk
/// where it has none.
const LISTED_COST: usize = 16;

type Chunk = [u64; WORDS];

impl Sample {
    /// Whom the expression can reach, and each of its clauses alone.
    pub fn count(&self, expr: &Expr) -> Crowd {
        self.count_within(expr, COST_MAX)
    }

    pub(super) fn count_within(&self, expr: &Expr, cost_max: usize) -> Crowd {
        let clauses = Possible::clauses(expr);
        let mut plans: Vec<Plan<'_>> = clauses.iter().map(|clause| self.plan(clause)).collect();
        let all = self.adults.len().div_ceil(WORDS);
        let cost = plans.iter().map(|plan| plan.cost(all)).sum::<usize>() + all;
        let affordable = (all as f64 * cost_max as f64 / cost.max(1) as f64) as usize;
        let chunks = all.min(affordable.max(1));
        let (mut hits, mut of_clauses) = (0, vec![0; plans.len()]);
        for at in 0..chunks {
            let mut whole = self.adults_of(at);
            for (plan, hits) in plans.iter_mut().zip(&mut of_clauses) {
                let mut alone = self.adults_of(at);
                plan.narrow(at, &mut alone);
                *hits += ones(&alone);
                and(&mut whole, &alone);
            }
            hits += ones(&whole);
        }
        let seen = self.places.min(chunks * WORDS * 64) as u64;
        let reach = |hits| reach(hits, seen, self.listeners);
        let clause = |(clause, hits): (&Possible, u64)| Clause {
            reach: reach(hits),
            momentary: clause.is_everybody(),
        };
        Crowd {
            reach: reach(hits),
            clauses: clauses.iter().zip(of_clauses).map(clause).collect(),
            of: self.listeners,
            seen,
            as_of: self.as_of,
        }
    }

    fn adults_of(&self, chunk: usize) -> Chunk {
        let mut adults = [0; WORDS];
        or(&mut adults, part(&self.adults, chunk));
        adults
    }

    fn plan(&self, possible: &Possible) -> Plan<'_> {
        let plans = |parts: &[Possible]| parts.iter().map(|part| self.plan(part)).collect();
        match possible {
            Possible::All(parts) => Plan::All(plans(parts)),
            Possible::Any(parts) => Plan::Any(plans(parts)),
            Possible::HasOneOf(values) => Plan::Has(self.having(values)),
            Possible::HasNoneOf(values) => Plan::HasNot(self.having(values)),
        }
    }

    fn having(&self, values: &[ValueId]) -> Having<'_> {
        let (mut columns, mut lists) = (Vec::new(), Vec::new());
        for places in values.iter().filter_map(|&value| self.places(value)) {
            match places {
                Places::Column(column) => columns.push(column),
                Places::List(list) => lists.push(list),
            }
        }
        Having { columns, lists }
    }
}

/// An expression with the sets that it names.
enum Plan<'s> {
    All(Vec<Plan<'s>>),
    Any(Vec<Plan<'s>>),
    Has(Having<'s>),
    HasNot(Having<'s>),
}

/// Those who have one of some values. Lists lose their places chunk by chunk.
struct Having<'s> {
    columns: Vec<&'s [u64]>,
    lists: Vec<&'s [u32]>,
}

impl Plan<'_> {
    /// The words that it touches over so many chunks.
    fn cost(&self, chunks: usize) -> usize {
        match self {
            Plan::All(parts) | Plan::Any(parts) => {
                parts.iter().map(|part| part.cost(chunks) + chunks * WORDS).sum()
            }
            Plan::Has(having) | Plan::HasNot(having) => {
                let listed: usize = having.lists.iter().map(|list| list.len() + chunks).sum();
                (having.columns.len() + 1) * chunks * WORDS + listed * LISTED_COST
            }
        }
    }

    /// Takes away from `places` whom it does not hold for.
    fn narrow(&mut self, chunk: usize, places: &mut Chunk) {
        match self {
            Plan::All(parts) => parts.iter_mut().for_each(|part| part.narrow(chunk, places)),
            Plan::HasNot(having) => having.take_from(chunk, places),
            Plan::Any(_) | Plan::Has(_) => {
                let mut held = [0; WORDS];
                self.widen(chunk, &mut held);
                and(places, &held);
            }
        }
    }

    /// Adds to `places` whom it holds for.
    fn widen(&mut self, chunk: usize, places: &mut Chunk) {
        match self {
            Plan::Any(parts) => parts.iter_mut().for_each(|part| part.widen(chunk, places)),
            Plan::Has(having) => having.add_to(chunk, places),
            Plan::All(_) | Plan::HasNot(_) => {
                let mut held = [u64::MAX; WORDS];
                self.narrow(chunk, &mut held);
                or(places, &held);
            }
        }
    }
}

impl Having<'_> {
    fn add_to(&mut self, chunk: usize, places: &mut Chunk) {
        for column in &self.columns {
            or(places, part(column, chunk));
        }
        self.each_listed(chunk, |word, bit| places[word] |= bit);
    }

    fn take_from(&mut self, chunk: usize, places: &mut Chunk) {
        for column in &self.columns {
            for (word, column) in places.iter_mut().zip(part(column, chunk)) {
                *word &= !column;
            }
        }
        self.each_listed(chunk, |word, bit| places[word] &= !bit);
    }

    fn each_listed(&mut self, chunk: usize, mut visit: impl FnMut(usize, u64)) {
        let start = (chunk * WORDS * 64) as u32;
        let end = start + (WORDS * 64) as u32;
        for list in &mut self.lists {
            while let [place, rest @ ..] = list
                && *place < end
            {
                let at = (*place - start) as usize;
                visit(at / 64, 1 << (at % 64));
                *list = rest;
            }
        }
    }
}

/// The chunk's part of a column; the last one may be shorter.
fn part(column: &[u64], chunk: usize) -> &[u64] {
    let start = chunk * WORDS;
    &column[start..column.len().min(start + WORDS)]
}

fn or(places: &mut Chunk, more: &[u64]) {
    places.iter_mut().zip(more).for_each(|(word, more)| *word |= more);
}

fn and(places: &mut Chunk, only: &Chunk) {
    places.iter_mut().zip(only).for_each(|(word, only)| *word &= only);
}

fn ones(places: &Chunk) -> u64 {
    places.iter().map(|word| u64::from(word.count_ones())).sum()
}
