//! The index against the plain evaluator, on seeded random worlds and at every awkward size.
//!
//! `INTERLUDE_LONG=1` compares fifty times as many: more than a million (world, request) pairs.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use crate::base::stdx::rng::Rng;
use crate::base::units::ids::LineIx;
use crate::knowledge::catalog::model::{Circle, Expr, Leaf, Test};
use crate::market::facts::{Facts, Point};
use crate::market::vocabulary::{DIMENSIONS, Dimension, ValueId, Vocabulary};

use super::normal::Normal;
use super::simd::Level;
use super::tier::Tier;
use super::{Fresh, Index, Mask, SearchScratch, explain, is_true};

/// Values of each dimension in the tests' vocabulary, which has no other.
const VALUES_EACH: usize = 6;

fn value(dimension: Dimension, n: usize) -> ValueId {
    ValueId((Dimension::COUNT + dimension.index() * VALUES_EACH + n) as u32)
}

fn leaf(dimension: Dimension, test: Test, pass_unknown: bool) -> Expr {
    Expr::Leaf(Leaf { dimension, test, pass_unknown })
}

fn any_of(dimension: Dimension, values: &[usize]) -> Expr {
    let values = values.iter().map(|&n| value(dimension, n)).collect();
    leaf(dimension, Test::AnyOf(values), false)
}

fn none_of(dimension: Dimension, values: &[usize]) -> Expr {
    let values = values.iter().map(|&n| value(dimension, n)).collect();
    leaf(dimension, Test::NoneOf(values), false)
}

fn point(lat: f64, lon: f64) -> Point {
    Point::new(lat, lon).unwrap()
}

/// Only columns, only lists, and both side by side: by size alone small worlds have no lists.
const DENSITIES: [fn(usize, usize) -> bool; 3] =
    [|_, _| true, |_, _| false, |postings, _| postings % 2 == 0];

/// How random expressions and facts are drawn.
struct Chance {
    rng: Rng,
    /// Dimensions that are asked about: few meet often, all are met in the end.
    dimensions: Vec<Dimension>,
}

impl Chance {
    fn new(seed: u64) -> Chance {
        let mut rng = Rng::new(seed);
        let few = 1 + rng.below(6);
        let mut dimensions: Vec<Dimension> =
            (0..few).map(|_| DIMENSIONS[rng.below(Dimension::COUNT)].dimension).collect();
        if rng.chance(0.2) {
            dimensions = Dimension::all().collect();
        }
        if rng.chance(0.3) {
            dimensions.push(Dimension::Radius);
        }
        Chance { rng, dimensions }
    }

    fn expr(&mut self, depth: usize) -> Expr {
        let branch = |chance: &mut Chance| {
            let parts = chance.rng.below(4);
            (0..parts).map(|_| chance.expr(depth - 1)).collect()
        };
        match if depth == 0 { 3 } else { self.rng.below(5) } {
            0 => Expr::All(branch(self)),
            1 => Expr::Any(branch(self)),
            2 => Expr::Not(Box::new(self.expr(depth - 1))),
            _ => self.leaf(),
        }
    }

    fn leaf(&mut self) -> Expr {
        let dimension = *self.rng.pick(&self.dimensions).unwrap();
        let include = self.rng.chance(0.6);
        let test = if dimension == Dimension::Radius && self.rng.chance(0.9) {
            let circles = (0..self.rng.below(3)).map(|_| self.circle()).collect();
            if include { Test::Within(circles) } else { Test::Outside(circles) }
        } else {
            let mut values = self.values(dimension, 4);
            values.sort_unstable();
            values.dedup();
            if include { Test::AnyOf(values) } else { Test::NoneOf(values) }
        };
        leaf(dimension, test, self.rng.chance(0.3))
    }

    fn values(&mut self, dimension: Dimension, most: usize) -> Vec<ValueId> {
        let values = if self.rng.chance(0.05) { 0 } else { 1 + self.rng.below(most) };
        (0..values).map(|_| value(dimension, self.rng.below(VALUES_EACH))).collect()
    }

    fn circle(&mut self) -> Circle {
        Circle { center: self.point(), radius_m: self.rng.unit() * 300_000.0 }
    }

    fn point(&mut self) -> Point {
        point(45.0 + 4.0 * self.rng.unit(), 5.0 + 6.0 * self.rng.unit())
    }

    fn facts(&mut self, facts: &mut Facts) {
        facts.clear();
        let unknown = self.rng.unit() * 0.5;
        for dimension in Dimension::all() {
            if self.rng.chance(unknown) {
                continue;
            }
            if dimension == Dimension::Radius {
                let place = self.point();
                facts.set_place(place);
            } else {
                let values = self.values(dimension, 3);
                facts.set(dimension, values);
            }
        }
    }
}

/// An index beside what it stands for.
struct Model {
    index: Index,
    /// By [`LineIx`], those that are gone too.
    exprs: Vec<Expr>,
    /// The living lines in the order of search.
    order: Vec<u32>,
}

impl Model {
    fn new(exprs: Vec<Expr>) -> Model {
        let index = Index::of(&exprs);
        Model { index, order: (0..exprs.len() as u32).collect(), exprs }
    }

    fn with(exprs: Vec<Expr>, thick: fn(usize, usize) -> bool) -> Model {
        let index = Index::whole(Tier::build(&exprs, thick));
        Model { index, order: (0..exprs.len() as u32).collect(), exprs }
    }

    fn best(&self, facts: &Facts, asleep: Option<&Mask>, most: usize) -> Vec<u32> {
        best(&self.index, facts, asleep, &mut SearchScratch::new(), most)
    }

    fn find(&self, facts: &Facts, scratch: &mut SearchScratch) -> usize {
        self.check(facts, &[], scratch)
    }

    /// Every way to ask against the plain evaluator; returns how many lines are found.
    fn check(&self, facts: &Facts, asleep: &[u32], scratch: &mut SearchScratch) -> usize {
        let mask = self.index.mask(asleep.iter().map(|&line| LineIx(line)));
        let mask = (!asleep.is_empty()).then_some(&mask);
        let true_lines: HashSet<u32> = (0..self.exprs.len() as u32)
            .filter(|&line| is_true(&self.exprs[line as usize], facts))
            .collect();
        let found = |line: &u32| true_lines.contains(line) && !asleep.contains(line);
        let expected: Vec<u32> = self.order.iter().copied().filter(found).collect();
        for &level in Level::available() {
            scratch.base.level = level;
            scratch.fresh.level = level;
            let best = best(&self.index, facts, mask, scratch, usize::MAX);
            assert_eq!(best, expected, "best first, {level:?}");
            let mut all = vec![LineIx(7)];
            self.index.all(facts, mask, scratch, &mut all);
            let all: Vec<u32> = all[1..].iter().map(|line| line.0).collect();
            assert_eq!(all, expected, "all, {level:?}");
        }
        for most in [1, 10] {
            let first = &expected[..expected.len().min(most)];
            assert_eq!(best(&self.index, facts, mask, scratch, most), first, "the first {most}");
        }
        for (line, expr) in self.exprs.iter().enumerate() {
            let wanted = true_lines.contains(&(line as u32));
            assert_eq!(explain(expr, facts, vocabulary()).is_none(), wanted, "{expr:?}");
        }
        expected.len()
    }
}

fn best(
    index: &Index,
    facts: &Facts,
    asleep: Option<&Mask>,
    scratch: &mut SearchScratch,
    most: usize,
) -> Vec<u32> {
    let mut found = Vec::new();
    index.best_first(facts, asleep, scratch, &mut |line| {
        found.push(line.0);
        if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

/// Only explanations look words up; that these say something else than the tests mean is no matter.
fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::new);
    &VOCABULARY
}

fn long() -> usize {
    if std::env::var_os("INTERLUDE_LONG").is_some() { 50 } else { 1 }
}

#[test]
fn the_index_equals_the_plain_evaluator() {
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    let (mut lines, mut found) = (0, 0);
    for seed in 0..200 * long() as u64 {
        let mut chance = Chance::new(seed);
        let size = chance.rng.below(24);
        let depth = chance.rng.below(5);
        let exprs: Vec<Expr> = (0..size).map(|_| chance.expr(depth)).collect();
        let model = Model::with(exprs, DENSITIES[seed as usize % 3]);
        assert_eq!(model.index.len(), size);
        for _ in 0..100 {
            chance.facts(&mut facts);
            lines += size;
            found += model.find(&facts, &mut scratch);
        }
    }
    let share = found as f64 / lines as f64;
    assert!((0.2..0.8).contains(&share), "worlds that say always the same test little: {share}");
}

#[test]
fn many_lines_are_searched_in_many_windows() {
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    for (seed, size) in [(1, 511), (2, 512), (3, 513), (4, 2_049), (5, 5_000)] {
        let mut chance = Chance::new(seed);
        chance.dimensions = Dimension::all().collect();
        // Conjunctions of several leaves: rare lines, thin lists, empty blocks.
        let leaves = |chance: &mut Chance| (0..3).map(|_| chance.leaf()).collect();
        let exprs: Vec<Expr> = (0..size).map(|_| Expr::All(leaves(&mut chance))).collect();
        for density in DENSITIES {
            let model = Model::with(exprs.clone(), density);
            for _ in 0..4 * long() {
                chance.facts(&mut facts);
                model.find(&facts, &mut scratch);
            }
        }
    }
}

/// Thin lists in every window, among them the last, with a scratch that other indexes used too.
#[test]
fn rare_values_are_found_wherever_they_stand() {
    let size = 40_000;
    let rare = [0, 3, 2_047, 2_048, 9_000, 39_998, 39_999];
    let lines = |line: usize| match rare.contains(&line) {
        true => Expr::All(vec![
            any_of(Dimension::Artist, &[1]),
            none_of(Dimension::List, &[line % VALUES_EACH]),
        ]),
        false => any_of(Dimension::Artist, &[0]),
    };
    let exprs: Vec<Expr> = (0..size).map(lines).collect();
    let model = Model::new(exprs.to_vec());
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    facts.set(Dimension::Artist, [value(Dimension::Artist, 1)]);
    facts.set(Dimension::List, []);
    assert_eq!(model.find(&facts, &mut scratch), rare.len());
    facts.set(Dimension::List, (0..3).map(|n| value(Dimension::List, n)));
    assert_eq!(model.find(&facts, &mut scratch), 2);
    facts.set(Dimension::Artist, []);
    assert_eq!(model.find(&facts, &mut scratch), 0);
}

#[test]
fn empty_worlds_and_empty_expressions() {
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    let none = Model::new(vec![]);
    assert!(none.index.is_empty());
    assert_eq!(none.find(&facts, &mut scratch), 0);
    for (exprs, expected) in [
        (vec![Expr::All(vec![])], 1),
        (vec![Expr::Any(vec![])], 0),
        (vec![Expr::Not(Box::new(Expr::Any(vec![])))], 1),
        (vec![Expr::Not(Box::new(Expr::All(vec![])))], 0),
        (vec![Expr::Any(vec![]), Expr::All(vec![]), Expr::Any(vec![Expr::All(vec![])])], 2),
        (vec![Expr::All(vec![]); 600], 600),
    ] {
        let model = Model::new(exprs.clone());
        assert_eq!(model.find(&facts, &mut scratch), expected, "{exprs:?}");
        facts.set(Dimension::Age, [value(Dimension::Age, 0)]);
        assert_eq!(model.find(&facts, &mut scratch), expected, "{exprs:?}");
    }
}

/// Six pairs to choose from come to 2^6 = 64 conjunctions, seven to more than an index multiplies
/// out; both must be answered, and a line of many is visited once.
#[test]
fn wide_lines_are_visited_once() {
    let either = |d: Dimension| Expr::Any(vec![any_of(d, &[0]), none_of(d, &[1])]);
    let wide = |n: usize| Expr::All(Dimension::all().take(n).map(either).collect());
    assert_eq!(wide(6).conjunctions(), Expr::CONJUNCTIONS_MAX);
    assert_eq!(wide(7).conjunctions(), 2 * Expr::CONJUNCTIONS_MAX);
    assert!(!Normal::default().each(&wide(7), &mut |_| panic!("too wide")));
    let exprs = [wide(6), wide(7), wide(6), Expr::All(vec![])];
    let model = Model::new(exprs.to_vec());
    assert_eq!(model.index.stats().slots, 64 + 1 + 64 + 1);
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    assert_eq!(model.find(&facts, &mut scratch), 1);
    for dimension in Dimension::all().take(7) {
        facts.set(dimension, [value(dimension, 0), value(dimension, 2)]);
    }
    assert_eq!(model.find(&facts, &mut scratch), 4);
}

#[test]
fn contradictions_and_repetitions_are_taken_out() {
    let genre = Dimension::Genre;
    let slots = |expr: &Expr| {
        let mut slots = 0;
        Normal::default().each(expr, &mut |_| slots += 1);
        slots
    };
    let both = |a, b| Expr::All(vec![a, b]);
    assert_eq!(slots(&both(any_of(genre, &[1]), none_of(genre, &[1, 2]))), 0);
    assert_eq!(slots(&both(any_of(genre, &[]), any_of(genre, &[1]))), 0);
    // Several genres may play at once, so wanting two different ones is no contradiction.
    assert_eq!(slots(&both(any_of(genre, &[1]), any_of(genre, &[2]))), 1);
    assert_eq!(slots(&Expr::Any(vec![any_of(genre, &[1]), any_of(genre, &[1])])), 1);
    let narrower = both(any_of(genre, &[1, 2, 3]), any_of(genre, &[2]));
    Normal::default().each(&narrower, &mut |clauses| assert!(clauses[0].also.is_empty()));
    assert_eq!(Index::of(&[narrower]).stats().checked, 0);
}

#[test]
fn unknown_is_not_false() {
    let age = Dimension::Age;
    let wanted = vec![value(age, 0)];
    let leaves = |pass| {
        let any = leaf(age, Test::AnyOf(wanted.clone()), pass);
        let none = leaf(age, Test::NoneOf(wanted.clone()), pass);
        [any.clone(), none.clone(), Expr::Not(Box::new(any)), Expr::Not(Box::new(none))]
    };
    let exprs = [leaves(false), leaves(true)].concat();
    let model = Model::new(exprs.to_vec());
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    model.find(&facts, &mut scratch);
    assert_eq!(model.best(&facts, None, 9), [4, 5], "only what passes when unknown");
    facts.set(age, []);
    model.find(&facts, &mut scratch);
    assert_eq!(model.best(&facts, None, 9), [1, 2, 5, 6], "known to be empty");
    facts.set(age, [value(age, 0)]);
    model.find(&facts, &mut scratch);
    assert_eq!(model.best(&facts, None, 9), [0, 3, 4, 7]);
}

#[test]
fn circles_are_checked_slot_by_slot() {
    let berlin = Circle { center: point(52.52, 13.405), radius_m: 20_000.0 };
    let near = leaf(Dimension::Radius, Test::Within(vec![berlin]), false);
    let far = leaf(Dimension::Radius, Test::Outside(vec![berlin]), true);
    let exprs = [near.clone(), far.clone(), Expr::Not(Box::new(far)), Expr::Any(vec![near])];
    let model = Model::new(exprs.to_vec());
    assert_eq!(model.index.stats().checked, 4);
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    let mut found = |facts: &Facts| {
        model.find(facts, &mut scratch);
        model.best(facts, None, 9)
    };
    assert_eq!(found(&facts), [1], "nowhere");
    facts.set_place(point(52.4, 13.1));
    assert_eq!(found(&facts), [1], "Potsdam");
    facts.set_place(point(52.5, 13.4));
    assert_eq!(found(&facts), [0, 2, 3], "Kreuzberg");
}

/// The vocabulary grows between the build of an index and a request, or before it is measured.
#[test]
fn values_that_came_later_match_nothing_and_break_nothing() {
    let exprs = [any_of(Dimension::App, &[1]), none_of(Dimension::App, &[2])];
    let model = Model::new(exprs.to_vec());
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    facts.set(Dimension::App, [ValueId(1_000_000)]);
    model.find(&facts, &mut scratch);
    assert_eq!(model.best(&facts, None, 9), [1]);
}

/// Lines go and come again and again; each edit says all that differs from the base.
#[test]
fn edited_indexes_equal_the_plain_evaluator() {
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    let mut found = 0;
    for seed in 0..100 * long() as u64 {
        let mut chance = Chance::new(1_000 + seed);
        let depth = chance.rng.below(4);
        let exprs: Vec<Expr> = (0..chance.rng.below(40)).map(|_| chance.expr(depth)).collect();
        let mut model = Model::with(exprs, DENSITIES[seed as usize % 3]);
        let base = model.exprs.len();
        for _ in 0..4 {
            model = edited(model, base, &mut chance, depth);
            assert_eq!(model.index.len(), model.order.len());
            for _ in 0..10 {
                chance.facts(&mut facts);
                let asleep: Vec<u32> =
                    (0..model.exprs.len() as u32).filter(|_| chance.rng.chance(0.2)).collect();
                found += model.check(&facts, &asleep, &mut scratch);
                found += model.find(&facts, &mut scratch);
            }
        }
    }
    assert!(found > 0);
}

/// Takes some lines of the base out and puts some fresh ones in.
fn edited(mut model: Model, base: usize, chance: &mut Chance, depth: usize) -> Model {
    let gone: Vec<u32> = (0..base as u32).filter(|_| chance.rng.chance(0.2)).collect();
    model.exprs.truncate(base);
    let mut before: Vec<u32> =
        (0..chance.rng.below(30)).map(|_| chance.rng.below(base + 2) as u32).collect();
    before.sort_unstable();
    model.exprs.extend(before.iter().map(|_| chance.expr(depth)));
    let fresh: Vec<Fresh<'_>> = before
        .iter()
        .zip(&model.exprs[base..])
        .map(|(&before, targeting)| Fresh { targeting, before: LineIx(before) })
        .collect();
    let thick = DENSITIES[chance.rng.below(3)];
    let lines = gone.iter().map(|&line| LineIx(line));
    model.index = model.index.edited(lines, &fresh, thick);
    let living = (0..base as u32).filter(|line| !gone.contains(line));
    let mut order: Vec<(u32, u32)> = living.map(|line| (2 * line + 1, line)).collect();
    order.extend(before.iter().zip(base as u32..).map(|(&before, line)| (2 * before, line)));
    order.sort_by_key(|&(place, _)| place);
    model.order = order.into_iter().map(|(_, line)| line).collect();
    model
}

/// A mask is made for one index; what it would bar of another is left alone.
#[test]
fn a_mask_of_another_index_bars_nothing() {
    let exprs = vec![Expr::All(vec![]); 3];
    let (one, other) = (Index::of(&exprs), Index::of(&exprs));
    let (facts, mut scratch) = (Facts::new(), SearchScratch::new());
    let mask = one.mask([LineIx(0), LineIx(2), LineIx(9)].into_iter());
    assert_eq!(best(&one, &facts, Some(&mask), &mut scratch, 9), [1]);
    assert_eq!(best(&other, &facts, Some(&mask), &mut scratch, 9), [0, 1, 2]);
    let edited = one.edit([LineIx(1)].into_iter(), &[]);
    assert_eq!(best(&edited, &facts, Some(&mask), &mut scratch, 9), [0, 2]);
    let stats = edited.stats();
    assert_eq!((stats.lines, stats.gone, stats.fresh), (2, 1, 0));
}
