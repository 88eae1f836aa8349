//! What does a load test look like? One page with pictures, whole in itself.
//!
//! Written by `interlude load --report`; cold. No scripts and nothing from elsewhere: it can be
//! sent, kept, and looked at by day and by night.

mod chart;

use std::fmt::Write as _;

use super::figures::{Figures, Second};
use super::search::Step;
use chart::{Axis, Chart, Line, Scale};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5d6b7a;--line:#d8dee6;--page:#fbfcfd;\
--a:#1769aa;--b:#c2571a;--c:#7a4fb3;--d:#b3263a;--e:#3d8b4f}\
@media(prefers-color-scheme:dark){:root{--ink:#e4e9ef;--soft:#97a4b3;--line:#2d3846;\
--page:#12181f;--a:#5aa9e6;--b:#f0925a;--c:#b48ae8;--d:#f2707f;--e:#79c98b}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);\
max-width:60rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.4rem}h2{font-size:1.05rem;\
margin:2rem 0 .4rem}p{color:var(--soft);margin:.2rem 0 .6rem}svg{width:100%;height:auto}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.15rem .9rem \
.15rem 0;text-align:right;border-bottom:1px solid var(--line)}th{font-weight:600}\
td:first-child,th:first-child{text-align:left}text{font:11px system-ui,sans-serif;\
fill:var(--soft)}.grid{stroke:var(--line)}.a{stroke:var(--a);fill:var(--a)}.b{stroke:var(--b);\
fill:var(--b)}.c{stroke:var(--c);fill:var(--c)}.d{stroke:var(--d);fill:var(--d)}\
.e{stroke:var(--e);fill:var(--e)}.line{fill:none;stroke-width:1.8}.area{stroke:none}";

/// The page; `steps` of a search, or none.
pub fn page(target: &str, figures: &Figures, steps: &[Step]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Load test</title><style>{STYLE}</style>\
         <h1>Load test of {}</h1>",
        escaped(target)
    );
    summary(&mut page, figures);
    let loads = loads(figures, steps);
    if loads.len() > 1 {
        section(
            &mut page,
            "Latency against offered rate",
            "From when each request was due; both axes logarithmic.",
            &against_rate(&loads),
        );
    }
    section(
        &mut page,
        "Latency by percentile",
        "What share of the requests took no longer.",
        &by_percentile(figures),
    );
    section(
        &mut page,
        "Outcomes over time",
        "Of all requests that ended in a second: how.",
        &outcomes(&figures.seconds),
    );
    section(
        &mut page,
        "Offered and answered",
        "A second each; goodput is bids within tmax.",
        &rates(&figures.seconds),
    );
    if let Some(picture) = cpu(&loads, &figures.seconds) {
        let words = "Processor time of the server's process for each answer, notices included.";
        section(&mut page, "CPU per request", words, &picture);
    }
    if !steps.is_empty() {
        table(&mut page, steps);
    }
    page
}

/// A rate and what came of it, in order of rates.
struct Load {
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    p99_9_us: Option<f64>,
    cpu_us: Option<f64>,
}

/// The steps of a search, else the seconds of a test whose rate went up and down.
fn loads(figures: &Figures, steps: &[Step]) -> Vec<Load> {
    let of_step = |step: &Step| Load {
        rate: step.offered_per_s,
        p50_us: step.p50_us as f64,
        p99_us: step.p99_us as f64,
        p99_9_us: Some(step.p99_9_us as f64),
        cpu_us: step.server_cpu_us_per_request,
    };
    let mut loads: Vec<Load> = steps.iter().map(of_step).collect();
    if loads.is_empty() {
        let mut seconds: Vec<&Second> =
            figures.seconds.iter().filter(|s| s.counts.due > 0 && s.p50_us > 0).collect();
        seconds.sort_by_key(|second| second.counts.due);
        // A picture of rates needs rates that differ.
        let spread = seconds.first().zip(seconds.last());
        if spread.is_some_and(|(least, most)| most.counts.due < 2 * least.counts.due) {
            return loads;
        }
        loads = seconds.chunks(seconds.len().div_ceil(12).max(1)).map(of_seconds).collect();
    }
    loads.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    loads
}

fn of_seconds(seconds: &[&Second]) -> Load {
    let mean = |of: &dyn Fn(&Second) -> f64| {
        seconds.iter().map(|second| of(second)).sum::<f64>() / seconds.len() as f64
    };
    let answered = mean(&|second| second.counts.answered() as f64);
    let known = seconds.iter().all(|second| second.server_cpu_us.is_some());
    Load {
        rate: mean(&|second| second.counts.due as f64),
        p50_us: mean(&|second| second.p50_us as f64),
        p99_us: mean(&|second| second.p99_us as f64),
        p99_9_us: None,
        cpu_us: (known && answered > 0.0)
            .then(|| mean(&|second| second.server_cpu_us.unwrap_or(0) as f64) / answered),
    }
}

fn summary(page: &mut String, figures: &Figures) {
    let rows = [
        ("offered a second", figures.offered_per_s),
        ("answered a second", figures.answered_per_s),
        ("bids within tmax a second", figures.goodput_per_s),
        ("answered in time, %", figures.in_time_share * 100.0),
        ("errors", figures.errors as f64),
        ("wrong answers", figures.wrong_answers as f64),
        ("checked whole", figures.checked as f64),
        ("p50, ms", figures.p50_us as f64 / 1e3),
        ("p99, ms", figures.p99_us as f64 / 1e3),
        ("p99.9, ms", figures.p99_9_us as f64 / 1e3),
        ("most, ms", figures.max_us as f64 / 1e3),
    ];
    page.push_str("<table>");
    for (name, figure) in rows {
        let _ = write!(page, "<tr><td>{name}<td>{}", chart::short(figure));
    }
    page.push_str("</table>");
    if figures.generator.was_the_limit {
        page.push_str("<p><b>The generator was late: these figures are in part its own.</b></p>");
    }
}

fn section(page: &mut String, title: &str, words: &str, picture: &str) {
    let _ = write!(page, "<h2>{title}</h2><p>{words}</p>{picture}");
}

fn against_rate(loads: &[Load]) -> String {
    let of = |latency: &dyn Fn(&Load) -> Option<f64>| -> Vec<(f64, f64)> {
        loads.iter().filter_map(|load| Some((load.rate, latency(load)? / 1e3))).collect()
    };
    Chart {
        x: Axis { words: "requests a second", scale: Scale::Log },
        y: Axis { words: "ms", scale: Scale::Log },
        lines: vec![
            Line { name: "p50", class: "a", points: of(&|load| Some(load.p50_us)) },
            Line { name: "p99", class: "b", points: of(&|load| Some(load.p99_us)) },
            Line { name: "p99.9", class: "d", points: of(&|load| load.p99_9_us) },
        ],
        stacked: false,
    }
    .svg()
}

fn by_percentile(figures: &Figures) -> String {
    // Nines are steps of one length: what is beyond the 99th is what this is about.
    let nines = |percent: f64| -(1.0 - percent.min(99.999) / 100.0).log10();
    let points = figures.curve.iter().map(|(percent, us)| (nines(*percent), *us as f64 / 1e3));
    Chart {
        x: Axis { words: "percentile", scale: Scale::Nines },
        y: Axis { words: "ms", scale: Scale::Log },
        lines: vec![Line { name: "latency", class: "a", points: points.collect() }],
        stacked: false,
    }
    .svg()
}

fn outcomes(seconds: &[Second]) -> String {
    let share = |of: &dyn Fn(&Second) -> u64| -> Vec<(f64, f64)> {
        let ended = |second: &Second| second.counts.answered() + second.counts.errors;
        { seconds.iter() }
            .filter(|second| ended(second) > 0)
            .map(|second| (second.at_s as f64, 100.0 * of(second) as f64 / ended(second) as f64))
            .collect()
    };
    let late_bids = |second: &Second| second.counts.bids - second.counts.bids_in_time;
    let no = |second: &Second| {
        second.counts.no_bids - (second.counts.late - late_bids(second)).min(second.counts.no_bids)
    };
    Chart {
        x: Axis { words: "seconds", scale: Scale::Linear },
        y: Axis { words: "%", scale: Scale::Linear },
        lines: vec![
            Line { name: "bids", class: "a", points: share(&|s| s.counts.bids_in_time) },
            Line { name: "no bids", class: "e", points: share(&no) },
            Line { name: "late", class: "b", points: share(&|s| s.counts.late) },
            Line { name: "errors", class: "d", points: share(&|s| s.counts.errors) },
        ],
        stacked: true,
    }
    .svg()
}

fn rates(seconds: &[Second]) -> String {
    let of = |count: &dyn Fn(&Second) -> u64| -> Vec<(f64, f64)> {
        seconds.iter().map(|second| (second.at_s as f64, count(second) as f64)).collect()
    };
    Chart {
        x: Axis { words: "seconds", scale: Scale::Linear },
        y: Axis { words: "a second", scale: Scale::Linear },
        lines: vec![
            Line { name: "offered", class: "c", points: of(&|s| s.counts.due) },
            Line { name: "answered", class: "e", points: of(&|s| s.counts.answered()) },
            Line { name: "goodput", class: "a", points: of(&|s| s.counts.bids_in_time) },
        ],
        stacked: false,
    }
    .svg()
}

fn cpu(loads: &[Load], seconds: &[Second]) -> Option<String> {
    let by_rate: Vec<_> = loads.iter().filter_map(|l| Some((l.rate, l.cpu_us?))).collect();
    let (words, points) = match by_rate.len() > 1 {
        true => ("requests a second", by_rate),
        false => {
            let each = |second: &Second| {
                let answered = second.counts.answered();
                let us = second.server_cpu_us.filter(|_| answered > 0)?;
                Some((second.at_s as f64, us as f64 / answered as f64))
            };
            ("seconds", seconds.iter().filter_map(each).collect())
        }
    };
    (points.len() > 1).then(|| {
        Chart {
            x: Axis { words, scale: Scale::Linear },
            y: Axis { words: "µs", scale: Scale::Linear },
            lines: vec![Line { name: "CPU", class: "c", points }],
            stacked: false,
        }
        .svg()
    })
}

fn table(page: &mut String, steps: &[Step]) {
    page.push_str(
        "<h2>Steps</h2><table><tr><th>offered/s<th>answered/s<th>goodput/s<th>p50, µs<th>p99, µs\
         <th>p99.9, µs<th>",
    );
    for step in steps {
        let ended = step.refused.unwrap_or("stood");
        let _ = write!(
            page,
            "<tr><td>{:.0}<td>{:.0}<td>{:.0}<td>{}<td>{}<td>{}<td>{ended}",
            step.offered_per_s,
            step.answered_per_s,
            step.goodput_per_s,
            step.p50_us,
            step.p99_us,
            step.p99_9_us,
        );
    }
    page.push_str("</table>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
