//! What do third parties get for an impression of a line? The fee of what was needed of them.
//!
//! Asked by [`explain`](super), cold; the ledger does not charge it yet. A provider is due its fee
//! once where one of its segments, which the listener has, was needed for the targeting to be
//! true. Where several would each do (`any`, or several values of a clause), the cheapest counts;
//! that a listener does *not* have a segment costs nothing.

use serde::Serialize;

use crate::base::units::money::{Currency, Money, Round};
use crate::flows::decide::world::World;
use crate::knowledge::audience::{PROVIDED, Provider};
use crate::knowledge::catalog::model::{Expr, Leaf, Test};
use crate::market::facts::Facts;
use crate::market::vocabulary::{Dimension, ValueId};
use crate::offer::targeting::naive::{Truth, truth};

/// What is due, and to whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fee {
    /// Keys of providers, ascending.
    pub providers: Vec<String>,
    /// As a CPM; `None` where a currency has no rate.
    pub cpm: Option<String>,
    pub currency: String,
    /// For one impression.
    #[serde(skip)]
    pub nanos: Option<i64>,
}

/// What an impression of a line with this targeting costs before this listener; `None`: nothing,
/// or the targeting is not true.
pub fn fee_of(expr: &Expr, facts: &Facts, world: &World, currency: Currency) -> Option<Fee> {
    let needed = Asked { facts, world, currency }.needed(expr, true)?;
    if needed.0.is_empty() {
        return None;
    }
    let nanos = needed.nanos(world, currency);
    Some(Fee {
        providers: needed.0.iter().map(|provider| provider.key.clone()).collect(),
        cpm: nanos.map(|nanos| cpm(Money::new(nanos, currency))),
        currency: currency.to_string(),
        nanos,
    })
}

/// A segment of a third party that the listener has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Provided {
    pub dimension: &'static str,
    pub value: String,
    pub provider: String,
    pub cpm: String,
    pub currency: String,
    pub legal_basis: &'static str,
}

/// All of them among the facts.
pub fn provided(facts: &Facts, world: &World) -> Vec<Provided> {
    let of = |dimension: Dimension| facts.get(dimension).unwrap_or_default().iter();
    let values = PROVIDED.into_iter().flat_map(of);
    let known = values.filter_map(|&value| {
        let provider = world.providers.of(value, &world.vocabulary)?;
        Some(Provided {
            dimension: world.vocabulary.dimension(value).name(),
            value: world.vocabulary.text(value).to_owned(),
            provider: provider.name.clone(),
            cpm: cpm(provider.fee),
            currency: provider.fee.currency.to_string(),
            legal_basis: provider.legal_basis.word(),
        })
    });
    known.collect()
}

fn cpm(money: Money) -> String {
    let text = money.to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Providers, each once, ascending by key.
#[derive(Clone, Default)]
struct Needed<'w>(Vec<&'w Provider>);

impl<'w> Needed<'w> {
    fn and(mut self, more: Needed<'w>) -> Needed<'w> {
        self.0.extend(more.0);
        self.0.sort_by(|a, b| a.key.cmp(&b.key));
        self.0.dedup_by(|a, b| a.key == b.key);
        self
    }

    fn nanos(&self, world: &World, currency: Currency) -> Option<i64> {
        self.0.iter().try_fold(0i64, |sum, provider| {
            sum.checked_add(world.rates.convert(provider.fee, currency, Round::Up)?.nanos)
        })
    }
}

struct Asked<'a> {
    facts: &'a Facts,
    world: &'a World,
    currency: Currency,
}

impl<'a> Asked<'a> {
    /// Whom it takes for `expr` to be true (or, where `wanted` is false, to be false); `None`
    /// where it is not.
    fn needed(&self, expr: &Expr, wanted: bool) -> Option<Needed<'a>> {
        let holds = if wanted { Truth::True } else { Truth::False };
        if truth(expr, self.facts) != holds {
            return None;
        }
        match (expr, wanted) {
            (Expr::Not(inner), _) => self.needed(inner, !wanted),
            (Expr::All(parts), true) | (Expr::Any(parts), false) => {
                let each = parts.iter().map(|part| self.needed(part, wanted));
                each.into_iter().flatten().reduce(Needed::and).or_else(|| Some(Needed::default()))
            }
            (Expr::All(parts), false) | (Expr::Any(parts), true) => {
                self.cheapest(parts.iter().filter_map(|part| self.needed(part, wanted)))
            }
            (Expr::Leaf(leaf), _) => self.of_leaf(leaf, wanted),
        }
    }

    fn of_leaf(&self, leaf: &Leaf, wanted: bool) -> Option<Needed<'a>> {
        let values: &[ValueId] = match (&leaf.test, wanted) {
            (Test::AnyOf(values), true) | (Test::NoneOf(values), false) => values,
            _ => &[],
        };
        let has = self.facts.get(leaf.dimension).unwrap_or_default();
        let each = values.iter().filter(|value| has.contains(value)).map(|&value| {
            let provider = self.world.providers.of(value, &self.world.vocabulary);
            Needed(provider.into_iter().collect())
        });
        self.cheapest(each).or_else(|| Some(Needed::default()))
    }

    /// What has no rate is dearer than anything that has one.
    fn cheapest(&self, all: impl Iterator<Item = Needed<'a>>) -> Option<Needed<'a>> {
        all.min_by_key(|needed| needed.nanos(self.world, self.currency).unwrap_or(i64::MAX))
    }
}
