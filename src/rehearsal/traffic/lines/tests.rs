use std::ops::ControlFlow;

use super::adversaries::Adversary;
use super::edits::edited;
use super::*;
use crate::base::units::ids::LineIx;
use crate::knowledge::catalog::model::Test;
use crate::market::vocabulary::Dimension;
use crate::offer::targeting::naive::{Truth, truth};
use crate::offer::targeting::{Index, SearchScratch};

fn is_true(expr: &Expr, facts: &Facts) -> bool {
    truth(expr, facts) == Truth::True
}

/// `INTERLUDE_LONG=1` has worlds of that many lines.
fn size(short: usize, long: usize) -> usize {
    if std::env::var_os("INTERLUDE_LONG").is_some() { long } else { short }
}

/// The benches' figures hold for this population, so it may not drift: as docs/generators.md
/// states it, within what the sample can tell.
#[test]
fn one_line_in_a_hundred_is_true() {
    let (population, mut facts) = (Population::new(7), Facts::new());
    let lines: Vec<Expr> = population.lines(8_000).collect();
    let (mut shares, mut ranks) = (Vec::new(), Vec::new());
    for index in 0..150 {
        population.request(index, &mut facts);
        let found: Vec<usize> =
            (0..lines.len()).filter(|&line| is_true(&lines[line], &facts)).collect();
        shares.push(found.len() as f64 / lines.len() as f64);
        ranks.push(found.first().copied().unwrap_or(lines.len()));
    }
    shares.sort_by(f64::total_cmp);
    ranks.sort_unstable();
    let middle = shares[shares.len() / 2];
    assert!((0.008..0.014).contains(&middle), "the median request wants {middle}");
    let (rare, often) = (shares[1], shares[shares.len() - 2]);
    assert!((0.002..0.009).contains(&rare), "p1 {rare}");
    assert!((0.018..0.040).contains(&often), "p99 {often}");
    let rank = ranks[ranks.len() / 2];
    assert!((50..200).contains(&rank), "the best match of the median request stands at {rank}");
}

#[test]
fn a_seed_tells_everything_and_a_larger_world_only_adds() {
    let population = Population::new(1);
    let lines: Vec<Expr> = population.lines(500).collect();
    assert_eq!(Population::new(1).lines(500).collect::<Vec<Expr>>(), lines);
    assert_ne!(Population::new(2).lines(500).collect::<Vec<Expr>>(), lines);
    let more: Vec<Expr> = population.lines(1_000).collect();
    let mut rest = more.iter();
    assert!(lines.iter().all(|line| rest.any(|other| other == line)), "in the same order");
}

/// All that an expression may say comes up, and all dimensions do.
#[test]
fn every_feature_comes_up() {
    let lines: Vec<Expr> = Population::new(3).lines(4_000).collect();
    let text = format!("{lines:?}");
    for word in ["Any(", "Not(", "NoneOf", "Within", "Outside", "pass_unknown: true"] {
        assert!(text.contains(word), "no {word}");
    }
    for share in &shares::SHARES {
        assert!(
            text.contains(&format!("dimension: {:?},", share.dimension)),
            "no {:?}",
            share.dimension
        );
    }
    let long = |expr: &Expr| match expr {
        Expr::Leaf(leaf) => matches!(&leaf.test, Test::AnyOf(values) if values.len() >= 40),
        _ => false,
    };
    let has_long = |expr: &&Expr| matches!(expr, Expr::All(parts) if parts.iter().any(long));
    assert!(lines.iter().filter(has_long).count() >= 5, "no long lists");
}

/// Each world is hard in the way that it says, and the index finds in it what the plain
/// evaluator finds.
#[test]
fn adversaries_are_answered_rightly() {
    let (population, count) = (Population::new(5), size(3_000, 100_000));
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    for adversary in Adversary::ALL {
        let lines: Vec<Expr> = adversary.lines(&population, count).collect();
        let index = Index::of(&lines);
        let asleep = adversary.asleep(count);
        let mask = index.mask((0..asleep as u32).map(LineIx));
        let mask = (asleep > 0).then_some(&mask);
        for request in 0..20 {
            adversary.request(&population, request, &mut facts);
            let awake = asleep as u32..count as u32;
            let wanted: Vec<LineIx> =
                awake.map(LineIx).filter(|line| is_true(&lines[line.index()], &facts)).collect();
            let mut found = Vec::new();
            index.all(&facts, mask, &mut scratch, &mut found);
            assert_eq!(found, wanted, "all, {adversary:?}");
            found.clear();
            index.best_first(&facts, mask, &mut scratch, &mut |line| {
                found.push(line);
                if found.len() == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert_eq!(found, wanted[..wanted.len().min(10)], "the best ten, {adversary:?}");
            match adversary {
                Adversary::Few => assert_eq!(wanted.len(), 10),
                Adversary::Nobody => assert_eq!(wanted.len(), 0),
                Adversary::AntiCorrelated => {
                    let first = wanted.first().map_or(count, |line| line.index());
                    assert!(first > count / 20, "the best match stands at {first}");
                }
                Adversary::MostValues => {
                    let known = Dimension::all().filter_map(|dimension| facts.get(dimension));
                    let values: usize = known.map(<[_]>::len).sum();
                    assert!(values > 500, "{values} values");
                }
                _ => {}
            }
        }
    }
}

/// A large world after edits, with every third line asleep.
#[test]
fn edited_worlds_are_answered_rightly() {
    let (population, count) = (Population::new(6), size(3_000, 1_000_000));
    let lines: Vec<Expr> = population.lines(count).collect();
    let world = edited(&lines, size(100, 4_096));
    assert!(world.index.stats().fresh >= 90 && world.index.stats().gone >= 90);
    assert_eq!(world.index.len(), world.living.len());
    let sleeps = |line: &LineIx| line.0.is_multiple_of(3);
    let mask = world.index.mask(world.living.iter().map(|(line, _)| *line).filter(sleeps));
    let (mut facts, mut scratch) = (Facts::new(), SearchScratch::new());
    for request in 0..20 {
        population.request(request, &mut facts);
        for asleep in [None, Some(&mask)] {
            let awake = world.living.iter().filter(|(line, _)| asleep.is_none() || !sleeps(line));
            let wanted = awake.filter(|(_, at)| is_true(&lines[*at], &facts));
            let wanted: Vec<LineIx> = wanted.map(|(line, _)| *line).collect();
            let mut found = Vec::new();
            world.index.all(&facts, asleep, &mut scratch, &mut found);
            assert!(found == wanted, "request {request}: {found:?} is not {wanted:?}");
        }
    }
}
