//! How long does it take to find the lines that want a request, here and with the peers?
//!
//! Four engines answer the same 512 seeded requests over the same lines (`traffic::lines`, all
//! features: Zipf values of 37 dimensions, alternatives, exclusions, nested negation, long lists,
//! circles, facts that are unknown and leaves that pass there), in one run:
//!
//! - `all/ENGINE/LINES`: every line that wants the request;
//! - `top10/ENGINE/LINES`: the ten with the best price, best first;
//!
//! with ENGINE `interlude`, `a-tree` (the crate, by AdGear's author), `roaring` (an inverted index
//! over the crate's bitmaps) and `scan` (a flat program per line, the most selective clause
//! first), and 1,000, 10,000, 100,000 and 1,000,000 LINES. Before an engine is timed, its answers
//! to all 512 requests must be identical to the others' (same lines; the first ten in the same
//! order), and those of the first requests to the plain evaluator's. What each peer is given
//! stands at the head of its file; none is made to do what it was not built for: requests are
//! turned into its own form beforehand, lines that no peer can express (circles) are candidates
//! that the plain evaluator decides, and where a peer has no order of price it enumerates and
//! keeps the ten best. a-tree is left out at 1,000,000: its build grows with the square of lines
//! and more, and would take hours.
//!
//! - `worst/WORLD/LINES`: the first ten of `interlude` in worlds made to be hard
//!   (`traffic::lines::adversaries`), and in one with as many lines fresh and gone as a world may
//!   have (`edited`), at 100,000 and 1,000,000.
//!
//! criterion's figure is a mean over requests that come in turn. What counts here is the request:
//! before criterion runs, each engine answers every request up to nine times, in turn, and the
//! median time of each is kept; the table at the end has the median, the 99th percentile and the
//! worst of these, and the median of each request's least time, which a busy machine disturbs
//! less. A reading of the clock (about 25 ns) is part of each. One thread.
//!
//! A world is built only where the filter leaves something to do in it, and only one is held at a
//! time. With `--test` 1,000 and 10,000 lines are compared, and the worst cases of 10,000.

#![allow(clippy::expect_used, reason = "a bench that cannot run must fail")]

mod a_tree;
mod conjunctions;
mod engines;
mod inverted;
mod scan;
mod sides;
mod table;
mod worst;

use std::time::Duration;

use criterion::Criterion;

use table::Table;

/// Requests that are answered in turn.
const REQUESTS: usize = 512;
/// The seed of all worlds.
const SEED: u64 = 7;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_200))
        .sample_size(20)
        .configure_from_args();
    let only_tested = std::env::args().any(|arg| arg == "--test");
    let mut table = Table::new(!only_tested);
    let (sizes, hard): (&[usize], &[usize]) = match only_tested {
        true => (&[1_000, 10_000], &[10_000]),
        false => (&[1_000, 10_000, 100_000, 1_000_000], &[100_000, 1_000_000]),
    };
    for &lines in sizes {
        sides::bench(&mut criterion, lines, &mut table);
    }
    for &lines in hard {
        worst::bench(&mut criterion, lines, &mut table);
    }
    criterion.final_summary();
    table.print();
}
