//! The first ten lines in worlds that were made to be hard.

use std::hint::black_box;
use std::rc::Rc;

use criterion::Criterion;
use interlude::base::units::ids::LineIx;
use interlude::knowledge::catalog::FRESH_MAX;
use interlude::knowledge::catalog::model::Expr;
use interlude::market::facts::Facts;
use interlude::offer::targeting::Index;
use interlude::offer::targeting::naive::{Truth, truth};
use interlude::rehearsal::traffic::lines::Population;
use interlude::rehearsal::traffic::lines::adversaries::Adversary;
use interlude::rehearsal::traffic::lines::edits::edited;

use super::engines::{Engine, Interlude};
use super::table::Table;
use super::{REQUESTS, SEED};

const TOP: usize = 10;
/// How many evaluations of single lines the plain evaluator is given to compare with.
const JUDGED: usize = 4_000_000;

pub fn bench(criterion: &mut Criterion, lines: usize, table: &mut Table) {
    for adversary in Adversary::ALL {
        let build = || world_of(adversary, lines);
        time(criterion, (adversary.name(), lines), table, &build);
    }
    time(criterion, ("edited", lines), table, &|| edited_world(lines));
}

fn time(
    criterion: &mut Criterion,
    (name, lines): (&str, usize),
    table: &mut Table,
    build: &dyn Fn() -> Interlude,
) {
    let (mut world, mut out, mut turn) = (None, Vec::with_capacity(TOP), 0);
    criterion.bench_function(&format!("worst/{name}/{lines}"), |bencher| {
        let world = world.get_or_insert_with(build);
        let mut answer = |request: usize| {
            out.clear();
            world.top(black_box(request), TOP, &mut out);
            black_box(out.len());
        };
        table.measure(("worst", name, lines), &mut answer);
        bencher.iter(|| {
            turn = (turn + 1) % REQUESTS;
            answer(turn);
        });
    });
}

/// The usual population, but as many lines fresh, and as many gone, as a world may have.
fn edited_world(count: usize) -> Interlude {
    let population = Population::new(SEED);
    let lines: Vec<Expr> = population.lines(count).collect();
    let world = edited(&lines, FRESH_MAX.min(count / 10));
    let mut engine = Interlude::of(world.index, requests(&population, None));
    let requests = Rc::clone(&engine.requests);
    for (request, facts) in requests.iter().enumerate().take(JUDGED.div_ceil(count)) {
        let living = world.living.iter();
        let naive = living.filter(|(_, at)| truth(&lines[*at], facts) == Truth::True);
        let mut found = Vec::new();
        engine.top(request, TOP, &mut found);
        let naive = naive.map(|(line, _)| *line).take(TOP);
        assert!(naive.eq(found), "the edited world differs in request {request}");
    }
    engine
}

/// What an adversary's requests are, or those of the population itself.
pub fn requests(population: &Population, of: Option<Adversary>) -> Rc<Vec<Facts>> {
    let requests = (0..REQUESTS as u64).map(|index| {
        let mut facts = Facts::new();
        match of {
            Some(adversary) => adversary.request(population, index, &mut facts),
            None => population.request(index, &mut facts),
        }
        facts
    });
    Rc::new(requests.collect())
}

fn world_of(adversary: Adversary, count: usize) -> Interlude {
    let population = Population::new(SEED);
    let requests = requests(&population, Some(adversary));
    let lines: Vec<Expr> = adversary.lines(&population, count).collect();
    let mut engine = Interlude::of(Index::of(&lines), Rc::clone(&requests));
    let asleep = adversary.asleep(count);
    if asleep > 0 {
        engine.asleep = Some(engine.index.mask((0..asleep as u32).map(LineIx)));
    }
    for (request, facts) in requests.iter().enumerate().take(JUDGED.div_ceil(count)) {
        let awake = (asleep as u32..count as u32).map(LineIx);
        let naive = awake.filter(|line| truth(&lines[line.index()], facts) == Truth::True);
        let mut found = Vec::new();
        engine.top(request, TOP, &mut found);
        assert!(naive.take(TOP).eq(found), "{} differs in request {request}", adversary.name());
    }
    engine
}
