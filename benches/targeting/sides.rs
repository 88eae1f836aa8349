//! The four engines side by side over one world, compared before they are timed.

use std::hint::black_box;
use std::io::Write;
use std::rc::Rc;
use std::time::Instant;

use criterion::Criterion;
use interlude::base::units::ids::LineIx;
use interlude::knowledge::catalog::model::Expr;
use interlude::market::facts::Facts;
use interlude::offer::targeting::Index;
use interlude::offer::targeting::naive::{Truth, truth};
use interlude::rehearsal::traffic::lines::Population;

use super::a_tree::Tree;
use super::engines::{Engine, Interlude};
use super::inverted::Inverted;
use super::scan::Scan;
use super::table::Table;
use super::worst::requests;
use super::{REQUESTS, SEED};

const ENGINES: [&str; 4] = ["interlude", "a-tree", "roaring", "scan"];
/// Beyond, a-tree takes hours to build.
const A_TREE_LINES: usize = 100_000;
/// The first ten are asked for.
const TOP: usize = 10;
/// How many evaluations of single lines the plain evaluator is given to compare with.
const JUDGED: usize = 16_000_000;

pub fn bench(criterion: &mut Criterion, lines: usize, table: &mut Table) {
    let mut sides = Sides { lines, world: None, engines: Default::default() };
    for question in ["all", "top10"] {
        for (at, engine) in ENGINES.into_iter().enumerate() {
            if engine == "a-tree" && lines > A_TREE_LINES {
                continue;
            }
            let (mut out, mut turn) = (Vec::with_capacity(lines), 0);
            criterion.bench_function(&format!("{question}/{engine}/{lines}"), |bencher| {
                let engine_of = sides.engine(at);
                let mut answer = |request: usize| {
                    out.clear();
                    match question {
                        "all" => engine_of.all(black_box(request), &mut out),
                        _ => engine_of.top(black_box(request), TOP, &mut out),
                    }
                    black_box(out.len());
                };
                table.measure((question, engine, lines), &mut answer);
                bencher.iter(|| {
                    turn = (turn + 1) % REQUESTS;
                    answer(turn);
                });
            });
        }
    }
}

/// A world and what answers for it, each built when it is first asked for.
struct Sides {
    lines: usize,
    world: Option<World>,
    engines: [Option<Box<dyn Engine>>; ENGINES.len()],
}

struct World {
    lines: Rc<Vec<Expr>>,
    requests: Rc<Vec<Facts>>,
    /// What every engine must find, by request.
    wanted: Vec<Vec<LineIx>>,
}

impl Sides {
    fn engine(&mut self, at: usize) -> &mut dyn Engine {
        let world = self.world.get_or_insert_with(|| World::new(self.lines));
        let engine = self.engines[at].get_or_insert_with(|| {
            let start = Instant::now();
            let mut engine = world.engine(ENGINES[at]);
            let built = start.elapsed();
            let name = ENGINES[at];
            writeln!(std::io::stderr(), "{name} of {} lines built in {built:.2?}", self.lines).ok();
            world.judge(name, engine.as_mut());
            engine
        });
        engine.as_mut()
    }
}

impl World {
    fn new(lines: usize) -> World {
        let population = Population::new(SEED);
        let requests = requests(&population, None);
        let lines: Rc<Vec<Expr>> = Rc::new(population.lines(lines).collect());
        let mut scan = Scan::new(Rc::clone(&lines), Rc::clone(&requests));
        let wanted = (0..REQUESTS).map(|request| {
            let mut wanted = Vec::new();
            scan.all(request, &mut wanted);
            wanted
        });
        let wanted: Vec<Vec<LineIx>> = wanted.collect();
        for (facts, wanted) in requests.iter().zip(&wanted).take(JUDGED / lines.len()) {
            let all = (0..lines.len() as u32).map(LineIx);
            let naive = all.filter(|line| truth(&lines[line.index()], facts) == Truth::True);
            assert!(naive.eq(wanted.iter().copied()), "the scan and the plain evaluator differ");
        }
        describe(&lines, &wanted);
        World { lines, requests, wanted }
    }

    fn engine(&self, name: &str) -> Box<dyn Engine> {
        let (lines, requests) = (Rc::clone(&self.lines), Rc::clone(&self.requests));
        match name {
            "interlude" => {
                let index = Index::of(&*lines);
                writeln!(std::io::stderr(), "{:?}", index.stats()).ok();
                Box::new(Interlude::of(index, requests))
            }
            "a-tree" => Box::new(Tree::new(lines, requests)),
            "roaring" => Box::new(Inverted::new(lines, requests)),
            _ => Box::new(Scan::new(lines, requests)),
        }
    }

    /// Panics where an engine finds anything else than it must.
    fn judge(&self, name: &str, engine: &mut dyn Engine) {
        let mut found = Vec::new();
        for (request, wanted) in self.wanted.iter().enumerate() {
            found.clear();
            engine.all(request, &mut found);
            found.sort_unstable();
            assert!(&found == wanted, "{name} differs in all lines of request {request}");
            found.clear();
            engine.top(request, TOP, &mut found);
            let first = &wanted[..wanted.len().min(TOP)];
            assert!(found == first, "{name} differs in the first ten of request {request}");
        }
    }
}

/// Says how selective the world is.
fn describe(lines: &[Expr], wanted: &[Vec<LineIx>]) {
    let mut shares: Vec<f64> =
        wanted.iter().map(|wanted| 100.0 * wanted.len() as f64 / lines.len() as f64).collect();
    let first = |wanted: &Vec<LineIx>| wanted.first().map_or(lines.len(), |line| line.index());
    let mut ranks: Vec<usize> = wanted.iter().map(first).collect();
    shares.sort_by(f64::total_cmp);
    ranks.sort_unstable();
    let at = |share: f64| ((wanted.len() - 1) as f64 * share).round() as usize;
    let [low, middle, high] = [at(0.01), at(0.5), at(0.99)];
    let (least, median, most) = (shares[low], shares[middle], shares[high]);
    let (early, usual, late) = (ranks[low], ranks[middle], ranks[high]);
    writeln!(
        std::io::stderr(),
        "{} lines, of which a request wants {least:.2} %, {median:.2} %, {most:.2} % (1st, 50th, \
         99th percentile), the best of them at {early}, {usual}, {late}",
        lines.len()
    )
    .ok();
}
