//! The first ten lines in worlds that were made to be hard.

use std::hint::black_box;
use std::rc::Rc;

use criterion::Criterion;
use interlude::base::units::ids::LineIx;
use interlude::knowledge::catalog::model::Expr;
use interlude::market::facts::Facts;
use interlude::offer::targeting::naive::{Truth, truth};
use interlude::rehearsal::traffic::lines::Population;
use interlude::rehearsal::traffic::lines::adversaries::Adversary;

use super::engines::{Engine, Interlude};
use super::table::Table;
use super::{REQUESTS, SEED};

const TOP: usize = 10;
/// How many evaluations of single lines the plain evaluator is given to compare with.
const JUDGED: usize = 4_000_000;

pub fn bench(criterion: &mut Criterion, lines: usize, table: &mut Table) {
    for adversary in Adversary::ALL {
        let (mut world, mut out, mut turn) = (None, Vec::with_capacity(TOP), 0);
        criterion.bench_function(&format!("worst/{}/{lines}", adversary.name()), |bencher| {
            let world = world.get_or_insert_with(|| world_of(adversary, lines));
            let mut answer = |request: usize| {
                out.clear();
                world.top(black_box(request), TOP, &mut out);
                black_box(out.len());
            };
            table.measure(("worst", adversary.name(), lines), &mut answer);
            bencher.iter(|| {
                turn = (turn + 1) % REQUESTS;
                answer(turn);
            });
        });
    }
}

fn world_of(adversary: Adversary, count: usize) -> Interlude {
    let population = Population::new(SEED);
    let requests = (0..REQUESTS as u64).map(|index| {
        let mut facts = Facts::new();
        adversary.request(&population, index, &mut facts);
        facts
    });
    let requests: Rc<Vec<Facts>> = Rc::new(requests.collect());
    let lines: Vec<Expr> = adversary.lines(&population, count).collect();
    let mut engine = Interlude::new(&lines, Rc::clone(&requests));
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
