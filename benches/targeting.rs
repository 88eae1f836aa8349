//! How long does it take to find the lines that want a request?
//!
//! Measured: `Index::best_first` until ten lines are found (`top10/interlude`), `Index::all`
//! (`all/interlude`), and the plain evaluator over the same lines in the same order (`top10/scan`,
//! `all/scan`), among 1,000, 10,000 and 100,000 lines of one seeded population
//! (`rehearsal::traffic::lines`), 512 requests in turn. One thread, facts filled beforehand: no
//! decode, no vocabulary, no profile. Before anything is timed, both are compared on 64 requests.
//!
//! What an index weighs and takes to build is written to the error stream.

use std::hint::black_box;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

use interlude::base::units::ids::LineIx;
use interlude::knowledge::catalog::model::Expr;
use interlude::market::facts::Facts;
use interlude::offer::targeting::naive::{Truth, truth};
use interlude::offer::targeting::{Index, SearchScratch};
use interlude::rehearsal::traffic::lines::Population;

const REQUESTS: usize = 512;
const COMPARED: usize = 64;

fn scan(lines: &[Expr], facts: &Facts, most: usize, out: &mut Vec<LineIx>) {
    let all = lines.iter().enumerate().filter(|(_, expr)| truth(expr, facts) == Truth::True);
    out.extend(all.take(most).map(|(line, _)| LineIx(line as u32)));
}

fn top(index: &Index, facts: &Facts, scratch: &mut SearchScratch, out: &mut Vec<LineIx>) {
    index.best_first(facts, None, scratch, &mut |line| {
        out.push(line);
        if out.len() == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
}

fn targeting(criterion: &mut Criterion) {
    let mut population = Population::new(7);
    let requests: Vec<Facts> = (0..REQUESTS)
        .map(|_| {
            let mut facts = Facts::new();
            population.request(&mut facts);
            facts
        })
        .collect();
    for count in [1_000, 10_000, 100_000] {
        let lines = population.lines(count);
        let start = Instant::now();
        let index = Index::of(&lines, Population::values());
        let built = start.elapsed();
        writeln!(std::io::stderr(), "built in {built:.1?}: {:?}", index.stats()).ok();
        let mut scratch = SearchScratch::new();
        compare(&lines, &index, &requests[..COMPARED], &mut scratch);

        let mut out = Vec::with_capacity(count);
        let mut turn = requests.iter().cycle();
        let mut bench = |name: &str, run: &mut dyn FnMut(&Facts, &mut Vec<LineIx>)| {
            criterion.bench_with_input(BenchmarkId::new(name, count), &count, |bencher, _| {
                bencher.iter(|| {
                    out.clear();
                    if let Some(facts) = turn.next() {
                        run(black_box(facts), &mut out);
                    }
                    black_box(out.len())
                });
            });
        };
        bench("top10/interlude", &mut |facts, out| top(&index, facts, &mut scratch, out));
        bench("all/interlude", &mut |facts, out| index.all(facts, None, &mut scratch, out));
        bench("top10/scan", &mut |facts, out| scan(&lines, facts, 10, out));
        bench("all/scan", &mut |facts, out| scan(&lines, facts, usize::MAX, out));
    }
}

fn compare(lines: &[Expr], index: &Index, requests: &[Facts], scratch: &mut SearchScratch) {
    let (mut found, mut wanted, mut first) = (Vec::new(), Vec::new(), Vec::new());
    for facts in requests {
        found.clear();
        wanted.clear();
        first.clear();
        index.all(facts, None, scratch, &mut found);
        top(index, facts, scratch, &mut first);
        scan(lines, facts, usize::MAX, &mut wanted);
        assert_eq!(found, wanted, "the index and the scan differ");
        assert_eq!(first, wanted[..wanted.len().min(10)], "the first ten differ");
    }
}

criterion_group!(benches, targeting);
criterion_main!(benches);
