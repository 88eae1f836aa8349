//! What does each request cost, and how many times as much as with `interlude`?

use std::io::Write;
use std::time::{Duration, Instant};

/// How long all requests of one engine may be measured.
const BUDGET: Duration = Duration::from_secs(4);
const PASSES: usize = 9;

pub struct Table {
    measures: bool,
    rows: Vec<Row>,
}

struct Row {
    question: String,
    engine: String,
    lines: usize,
    median: f64,
    p99: f64,
    worst: f64,
    least: f64,
}

impl Table {
    pub fn new(measures: bool) -> Table {
        Table { measures, rows: Vec::new() }
    }

    /// Times `answer` for as many of the requests as the budget allows, unless that was done.
    pub fn measure(&mut self, id: (&str, &str, usize), answer: &mut dyn FnMut(usize)) {
        let (question, engine, lines) = id;
        let known = |row: &Row| (&*row.question, &*row.engine, row.lines) == id;
        if !self.measures || self.rows.iter().any(known) {
            return;
        }
        let (mut costs, mut least): (Vec<f64>, Vec<f64>) = costs(answer).into_iter().unzip();
        costs.sort_by(f64::total_cmp);
        least.sort_by(f64::total_cmp);
        let at = |share: f64| costs[((costs.len() - 1) as f64 * share).round() as usize];
        self.rows.push(Row {
            question: question.to_owned(),
            engine: engine.to_owned(),
            lines,
            median: at(0.5),
            p99: at(0.99),
            worst: at(1.0),
            least: least[least.len() / 2],
        });
    }

    pub fn print(&self) {
        if self.rows.is_empty() {
            return;
        }
        let mut out = std::io::stdout().lock();
        let mut say = |text: String| writeln!(out, "{text}").ok();
        let columns = ["median", "p99", "worst", "least", "× interlude"];
        let [median, p99, worst, least, ratio] = columns;
        let id = "\nmicroseconds a request";
        say(format!("{id:32} {median:>10} {p99:>9} {worst:>9} {least:>9} {ratio}"));
        for row in &self.rows {
            let ours = |other: &&Row| {
                other.engine == "interlude"
                    && (&other.question, other.lines) == (&row.question, row.lines)
            };
            let ours = self.rows.iter().find(ours).map(|ours| row.median / ours.median);
            let ratio = ours.map_or(String::new(), |ratio| format!("{ratio:10.2}"));
            let id = format!("{}/{}/{}", row.question, row.engine, row.lines);
            let Row { median, p99, worst, least, .. } = row;
            say(format!("{id:31} {median:10.2} {p99:9.2} {worst:9.2} {least:9.2} {ratio}"));
        }
    }
}

/// The median and the least of each request's times, in microseconds.
fn costs(answer: &mut dyn FnMut(usize)) -> Vec<(f64, f64)> {
    const FEW: usize = 24;
    let start = Instant::now();
    (0..FEW).for_each(&mut *answer);
    let each = start.elapsed().as_secs_f64() / FEW as f64;
    let affordable = BUDGET.as_secs_f64() / each / PASSES as f64;
    let requests = (affordable as usize).clamp(FEW, super::REQUESTS);
    let mut times = vec![Vec::with_capacity(PASSES); requests];
    for _ in 0..PASSES {
        for (request, times) in times.iter_mut().enumerate() {
            let start = Instant::now();
            answer(request);
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        (times[PASSES / 2], times[0])
    };
    times.into_iter().map(median).collect()
}
