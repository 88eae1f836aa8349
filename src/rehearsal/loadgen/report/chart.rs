//! How is a row of figures drawn? Lines or stacked areas over two axes, as SVG. Cold, pure.

use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 34.0;
/// Marks on an axis, about.
const MARKS: f64 = 5.0;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Linear,
    Log,
    /// How many nines: 1 is 90 %, 3 is 99.9 %.
    Nines,
}

pub struct Axis {
    pub words: &'static str,
    pub scale: Scale,
}

pub struct Line {
    pub name: &'static str,
    /// Of the page's style: its colour.
    pub class: &'static str,
    pub points: Vec<(f64, f64)>,
}

pub struct Chart {
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
    /// Areas on top of one another; the lines have the same x.
    pub stacked: bool,
}

/// Where values lie on an axis.
struct Span {
    scale: Scale,
    least: f64,
    most: f64,
}

impl Chart {
    pub fn svg(mut self) -> String {
        let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
        if self.stacked {
            self.pile_up();
        }
        let all = || self.lines.iter().flat_map(|line| line.points.iter().copied());
        let x = Span::of(self.x.scale, all().map(|point| point.0));
        let y = match self.stacked {
            true => Span { scale: self.y.scale, least: 0.0, most: 100.0 },
            false => Span::of(self.y.scale, all().map(|point| point.1)),
        };
        self.grid(&mut out, &x, &y);
        let place = |(at, value): (f64, f64)| {
            (
                LEFT + x.part(at) * (WIDTH - LEFT - RIGHT),
                TOP + (1.0 - y.part(value)) * (HEIGHT - TOP - BOTTOM),
            )
        };
        let base = place((x.least, y.least)).1;
        // The highest area first: the lower ones lie on it.
        for (at, line) in self.lines.iter().enumerate().rev() {
            let points: Vec<(f64, f64)> = line.points.iter().map(|point| place(*point)).collect();
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            let mut path = String::new();
            for (at, (x, y)) in points.iter().enumerate() {
                let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
            }
            let (class, name) = (line.class, line.name);
            if self.stacked {
                let _ = write!(path, "L{:.1} {base:.1}L{:.1} {base:.1}Z", last.0, first.0);
                let _ = write!(out, "<path class=\"{class} area\" d=\"{path}\"/>");
            } else {
                let _ = write!(out, "<path class=\"{class} line\" d=\"{path}\"/>");
            }
            let (legend_x, legend_y) = (WIDTH - RIGHT + 12.0, TOP + 14.0 + 18.0 * at as f64);
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{legend_x}\" y=\"{}\" width=\"10\" height=\"10\"/>\
                 <text x=\"{}\" y=\"{legend_y}\">{name}</text>",
                legend_y - 9.0,
                legend_x + 15.0,
            );
        }
        out.push_str("</svg>");
        out
    }

    fn pile_up(&mut self) {
        let mut height: Vec<f64> = Vec::new();
        for line in &mut self.lines {
            height.resize(line.points.len(), 0.0);
            for (point, height) in line.points.iter_mut().zip(&mut height) {
                *height += point.1;
                point.1 = *height;
            }
        }
    }

    fn grid(&self, out: &mut String, x: &Span, y: &Span) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for mark in y.marks() {
            let at = TOP + (1.0 - y.part(mark)) * (bottom - TOP);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                at + 4.0,
                y.label(mark),
            );
        }
        for mark in x.marks() {
            let at = LEFT + x.part(mark) * (right - LEFT);
            let _ = write!(
                out,
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                bottom + 15.0,
                x.label(mark),
            );
        }
        let _ = write!(
            out,
            "<text x=\"{LEFT}\" y=\"{}\">{}</text><text x=\"{right}\" y=\"{}\" \
             text-anchor=\"end\">{}</text>",
            TOP - 2.0,
            self.y.words,
            HEIGHT - 4.0,
            self.x.words,
        );
    }
}

impl Span {
    fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Span {
        let usable = values.filter(|value| scale != Scale::Log || *value > 0.0);
        let (mut least, mut most) = (f64::MAX, f64::MIN);
        for value in usable {
            (least, most) = (least.min(value), most.max(value));
        }
        if least > most {
            (least, most) = (1.0, 2.0);
        }
        match scale {
            Scale::Linear => least = least.min(0.0),
            Scale::Nines => (least, most) = (0.0, most.max(1.0)),
            Scale::Log => {}
        }
        if most <= least {
            most = least * 2.0 + f64::from(least == 0.0);
        }
        Span { scale, least, most }
    }

    /// From 0, the least, to 1, the most.
    fn part(&self, value: f64) -> f64 {
        let of = |value: f64| match self.scale {
            Scale::Log => value.max(self.least).log10(),
            Scale::Linear | Scale::Nines => value,
        };
        ((of(value) - of(self.least)) / (of(self.most) - of(self.least))).clamp(0.0, 1.0)
    }

    fn marks(&self) -> Vec<f64> {
        let round = |rough: f64| {
            let ten = 10_f64.powf(rough.log10().floor());
            [1.0, 2.0, 5.0, 10.0].map(|step| step * ten).into_iter().find(|step| *step >= rough)
        };
        let candidates: Vec<f64> = match self.scale {
            Scale::Nines => (0..=self.most as u32).map(f64::from).collect(),
            Scale::Linear => {
                let step = round((self.most - self.least) / MARKS).unwrap_or(1.0);
                let first = (self.least / step).ceil() as i64;
                (first..first + 12).map(|at| at as f64 * step).collect()
            }
            Scale::Log => {
                let decades = self.least.log10().floor() as i32..=self.most.log10().ceil() as i32;
                let wide = self.most / self.least > 1e3;
                let steps: &[f64] = if wide { &[1.0] } else { &[1.0, 2.0, 5.0] };
                decades.flat_map(|ten| steps.iter().map(move |s| s * 10_f64.powi(ten))).collect()
            }
        };
        let within = |mark: &f64| (self.least - 1e-9..=self.most + 1e-9).contains(mark);
        candidates.into_iter().filter(within).collect()
    }

    fn label(&self, mark: f64) -> String {
        match self.scale {
            Scale::Linear | Scale::Log => short(mark),
            Scale::Nines => format!("{} %", short(100.0 - 100.0 / 10_f64.powf(mark))),
        }
    }
}

/// No more digits than one reads.
pub fn short(figure: f64) -> String {
    let text = match figure.abs() {
        big if big >= 1e6 => return format!("{}M", short(figure / 1e6)),
        big if big >= 1e4 => return format!("{}k", short(figure / 1e3)),
        big if big >= 100.0 || figure.fract() == 0.0 => format!("{figure:.0}"),
        _ => format!("{figure:.3}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
