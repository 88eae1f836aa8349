//! What do a million lines want, and what do listeners bring? A seeded world of any size.
//!
//! For the benches and tests of `targeting` (cold). Every line and every request is a function of
//! the seed and its number, so that a world of any size is drawn one line at a time. The base is
//! the population of the kernel's reference measurements: lines of one to six clauses with Zipf
//! values, 15 % either of two conjunctions, 20 % with an exclusion, log-normal prices with a mild
//! preference for narrow lines, about one line in a hundred true. On top of it comes all else that
//! an expression may say; docs/generators.md has the shares and what they come to. Values are ids
//! without words.

mod draw;
mod shares;

pub mod adversaries;

pub mod edits;

use crate::base::stdx::rng::{Rng, Zipf};
use crate::knowledge::catalog::model::Expr;
use crate::market::facts::Facts;
use crate::rehearsal::traffic::series;

use draw::Draw;
use shares::{OFFSETS, SHARES};

/// Draws lines and requests of one population; the seed tells everything.
pub struct Population {
    seed: u64,
    /// How popular each dimension's values are, with lines and with requests.
    wanted: Vec<Zipf>,
    brought: Vec<Zipf>,
}

impl Population {
    pub fn new(seed: u64) -> Population {
        Population {
            seed,
            wanted: SHARES.iter().map(|share| Zipf::new(share.values, share.wanted)).collect(),
            brought: SHARES.iter().map(|share| Zipf::new(share.values, share.brought)).collect(),
        }
    }

    /// The length of the vocabulary.
    pub const fn values() -> usize {
        OFFSETS[SHARES.len()]
    }

    /// The targeting of the first so many lines, the best price first; drawn as they are taken.
    pub fn lines(&self, count: usize) -> impl Iterator<Item = Expr> + '_ {
        self.by(count, &|index| self.price(index))
    }

    /// The first so many lines, those with the greatest price first, of equals the first.
    fn by(&self, count: usize, price: &dyn Fn(u64) -> f64) -> impl Iterator<Item = Expr> + use<'_> {
        let mut order: Vec<(f64, u64)> = (0..count as u64).map(|i| (price(i), i)).collect();
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.into_iter().map(|(_, index)| self.line(index))
    }

    fn line(&self, index: u64) -> Expr {
        Draw { rng: self.of_line(index), popularity: &self.wanted }.line()
    }

    fn price(&self, index: u64) -> f64 {
        let clauses = draw::clauses(&mut self.of_line(index));
        let noise = series(self.seed, "price", index).normal();
        (1.0 + 0.6 * noise).exp() * (1.0 + 0.08 * clauses as f64)
    }

    fn of_line(&self, index: u64) -> Rng {
        series(self.seed, "line", index)
    }

    /// The facts of a request. What its listener's profile would tell is unknown for one in ten.
    pub fn request(&self, index: u64, facts: &mut Facts) {
        let rng = series(self.seed, "request", index);
        Draw { rng, popularity: &self.brought }.request(facts);
    }
}

#[cfg(test)]
mod tests;
