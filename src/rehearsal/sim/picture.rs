//! What did the spending look like? Each line's spend against its plan over virtual time, as SVG.

use std::fmt::Write as _;

use super::summary::{LineStory, Mark, Ran};
use super::weather::busyness;

const COLUMNS: usize = 2;
const PANEL_W: f64 = 440.0;
const PANEL_H: f64 = 200.0;
/// Room for the labels of a panel's axes, and between panels.
const LEFT: f64 = 62.0;
const BELOW: f64 = 34.0;
const ABOVE: f64 = 22.0;
const RIGHT: f64 = 12.0;
/// Title and legend.
const HEAD: f64 = 64.0;
/// More lines than this are not drawn.
const PANELS: usize = 12;
/// Points of a line.
const POINTS: usize = 241;

const STYLE: &str = "text{font:11px system-ui,sans-serif;fill:#4a5160}\
    .t{font-weight:600;font-size:12px;fill:#1d222b}.h{font-weight:600;font-size:16px;fill:#1d222b}\
    .a{stroke:#c3c8d1;stroke-width:1;fill:none}.g{stroke:#eceef2;stroke-width:1}\
    .p{stroke:#8a93a3;stroke-width:1.2;stroke-dasharray:5 4;fill:none}\
    .s{stroke:#1668c7;stroke-width:1.8;fill:none}.b{fill:#1668c7;fill-opacity:.18}\
    .c{stroke:#d1372f;stroke-width:1}.q{stroke:#6b7280;stroke-width:1;stroke-dasharray:2 2}\
    .k{stroke:#8b3fc4;stroke-width:1;stroke-dasharray:6 2}\
    .e{stroke:#2c8a4b;stroke-width:1;stroke-dasharray:1 3}\
    .d{stroke:#b8860b;stroke-width:1;stroke-dasharray:4 2}";

/// The whole picture.
pub fn picture(ran: &Ran) -> String {
    let drawn = &ran.stories[..ran.stories.len().min(PANELS)];
    let rows = drawn.len().div_ceil(COLUMNS).max(1);
    let (cell_w, cell_h) = (LEFT + PANEL_W + RIGHT, ABOVE + PANEL_H + BELOW);
    let (width, height) = (cell_w * COLUMNS as f64, HEAD + cell_h * rows as f64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\"><title>Spend against plan, seed {}</title><style>{STYLE}</style>\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        ran.summary.seed
    );
    head(ran, &mut out);
    for (i, story) in drawn.iter().enumerate() {
        let x = LEFT + cell_w * (i % COLUMNS) as f64;
        let y = HEAD + ABOVE + cell_h * (i / COLUMNS) as f64;
        let _ = write!(out, "<g transform=\"translate({x} {y})\">");
        panel(ran, story, &mut out);
        out.push_str("</g>");
    }
    out.push_str("</svg>\n");
    out
}

fn head(ran: &Ran, out: &mut String) {
    let summary = &ran.summary;
    let _ = write!(
        out,
        "<text class=\"h\" x=\"{LEFT}\" y=\"24\">Spend against plan, seed {}: {} bids, {} wins, \
         {} crashes</text>",
        summary.seed, summary.bids, summary.wins, ran.crashes
    );
    let mut x = LEFT;
    for (class, what) in [
        ("s", "spent"),
        ("b", "held beside it"),
        ("p", "plan"),
        ("c", "crash"),
        ("q", "orderly stop"),
        ("k", "clock set"),
        ("e", "order changed"),
        ("d", "disk fault"),
    ] {
        let _ = if class == "b" {
            write!(out, "<rect class=\"b\" x=\"{x}\" y=\"38\" width=\"22\" height=\"10\"/>")
        } else {
            write!(out, "<path class=\"{class}\" d=\"M{x} 43h22\"/>")
        };
        let _ = write!(out, "<text x=\"{}\" y=\"47\">{what}</text>", x + 28.0);
        x += 44.0 + 6.4 * what.len() as f64;
    }
}

fn panel(ran: &Ran, story: &LineStory, out: &mut String) {
    let most = story.points.iter().map(|&(_, spent, held)| spent + held).max().unwrap_or(0);
    let top = nice(most.max(story.budget.unwrap_or(0)).max(1) as f64 / 1e9);
    let at_x = |part: f64| part.clamp(0.0, 1.0) * PANEL_W;
    let at_y = |nanos: f64| PANEL_H - (nanos / 1e9 / top).clamp(0.0, 1.05) * PANEL_H;
    let budget = match story.budget {
        Some(budget) => {
            format!("{} {} {}", decimal(budget as f64 / 1e9), story.currency, story.shape)
        }
        None => format!("no total budget, {}", story.currency),
    };
    let _ = write!(out, "<text class=\"t\" x=\"0\" y=\"-7\">{}: {budget}</text>", story.name);
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let (y, label) = (PANEL_H * (1.0 - share), decimal(top * share));
        let _ = write!(
            out,
            "<path class=\"g\" d=\"M0 {y}h{PANEL_W}\"/>\
             <text x=\"-6\" y=\"{}\" text-anchor=\"end\">{label}</text>",
            y + 4.0
        );
    }
    times(ran, out);
    marks(ran, out);
    if let Some(budget) = story.budget {
        let plan = plan(ran, budget as f64).map(|(part, nanos)| (at_x(part), at_y(nanos)));
        let _ = write!(out, "<path class=\"p\" d=\"{}\"/>", path(plan));
    }
    let spent = || drawn(story).map(|&(at, spent, _)| (at_x(at), at_y(spent as f64)));
    let above = drawn(story).rev();
    let above = above.map(|&(at, spent, held)| (at_x(at), at_y((spent + held) as f64)));
    let _ = write!(
        out,
        "<path class=\"b\" d=\"{}z\"/><path class=\"s\" d=\"{}\"/>\
         <path class=\"a\" d=\"M0 0V{PANEL_H}H{PANEL_W}\"/>",
        path(spent().chain(above)),
        path(spent())
    );
}

/// No more points than a panel has room for.
fn drawn(story: &LineStory) -> impl DoubleEndedIterator<Item = &(f64, i64, i64)> {
    let every = story.points.len().div_ceil(POINTS).max(1);
    story.points.iter().step_by(every)
}

/// Labels of the horizontal axis.
fn times(ran: &Ran, out: &mut String) {
    let (unit_s, unit) = match ran.span_s {
        span if span > 2 * 86_400 => (86_400, "day"),
        span if span > 7200 => (3600, "hour"),
        _ => (60, "minute"),
    };
    let units = (ran.span_s as f64 / unit_s as f64).max(1.0);
    let every = nice(units / 6.0).max(1.0);
    let mut at = 0.0;
    while at <= units {
        let x = at / units * PANEL_W;
        let _ = write!(
            out,
            "<path class=\"a\" d=\"M{x:.1} {PANEL_H}v4\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{at}</text>",
            PANEL_H + 16.0
        );
        at += every;
    }
    let (x, y) = (PANEL_W, PANEL_H + 28.0);
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{unit}</text>");
}

fn marks(ran: &Ran, out: &mut String) {
    for (at, mark) in &ran.marks {
        let class = match mark {
            Mark::Crash => "c",
            Mark::Stop => "q",
            Mark::ClockStep => "k",
            Mark::Edit => "e",
            Mark::Disk => "d",
        };
        let x = at * PANEL_W;
        let _ = write!(out, "<path class=\"{class}\" d=\"M{x:.1} 0v{PANEL_H}\"/>");
    }
}

/// The budget spread as the traffic is.
fn plan(ran: &Ran, budget: f64) -> impl Iterator<Item = (f64, f64)> {
    const STEPS: i64 = 96;
    let busy = |step: i64| busyness(ran.start_s + ran.span_s * step / STEPS);
    let long = ran.span_s > 86_400 / 2;
    let weight = move |step: i64| if long { busy(step) } else { 1.0 };
    let all: f64 = (0..STEPS).map(weight).sum();
    let mut sum = 0.0;
    std::iter::once((0.0, 0.0)).chain((0..STEPS).map(move |step| {
        sum += weight(step);
        ((step + 1) as f64 / STEPS as f64, budget * sum / all)
    }))
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut out = String::new();
    for (i, (x, y)) in points.enumerate() {
        let _ = write!(out, "{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" });
    }
    if out.is_empty() { "M0 0".to_owned() } else { out }
}

/// The next of 1, 2, 2.5, 5 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= value * 0.999_999);
    step.unwrap_or(10.0) * power
}

/// As few digits as tell it.
fn decimal(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, round) in [(0.9, 1.0), (1.1, 2.0), (2.2, 2.5), (41.0, 50.0), (100.0, 100.0)] {
            assert!((nice(value) - round).abs() < 1e-9, "{value}: {}", nice(value));
        }
        assert_eq!(decimal(2.50), "2.5");
        assert_eq!(decimal(0.0), "0");
    }
}
