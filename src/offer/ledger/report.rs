//! What did it come to? The ledger's figures by hour, by day or in all, as far as they are asked
//! for.
//!
//! A pure reading of one ledger, by `interlude report` and the admin port; cold. A figure belongs
//! to the hour in which its ad was decided, so the funnel of an hour is of the same ads. Two
//! reports of one version are equal.

mod ask;
mod grid;
mod table;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::account::Hour;
use super::figures::Figures;
use super::fold::{Ledger, LineRecord, Version};
use crate::base::units::calendar::{Calendar, Unit};
use crate::base::units::ids::{AdvertiserId, LineId};
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;

pub use ask::{AskFault, Asked, OPTIONS, OWN};
pub use grid::{Heard, LISTENERS_MIN, TOLD_AFTER_S};
pub use table::{COLUMNS, Cell, columns, csv, json};

/// What a report is about.
pub struct Question {
    /// `advertiser`, `advertiser/campaign` or `advertiser/campaign/line`; all where nothing is
    /// said.
    pub of: Option<String>,
    /// From this hour on, and before that one.
    pub from: Option<Moment>,
    pub until: Option<Moment>,
    pub by: By,
    pub zones: Zones,
    /// More rows are refused.
    pub rows_max: usize,
}

/// What one row is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    Hour,
    Day,
    /// A line in all.
    Line,
}

impl By {
    pub const ALL: [(&'static str, By); 3] =
        [("hour", By::Hour), ("day", By::Day), ("line", By::Line)];

    pub fn named(name: &str) -> Option<By> {
        By::ALL.iter().find(|(label, _)| *label == name).map(|&(_, by)| by)
    }

    pub const fn label(self) -> &'static str {
        match self {
            By::Hour => "hour",
            By::Day => "day",
            By::Line => "line",
        }
    }
}

/// In whose days figures are summed up.
pub enum Zones {
    One(Arc<Calendar>),
    /// Each account in its own; in UTC those that are not known.
    Own(HashMap<AdvertiserId, Arc<Calendar>>),
}

/// Figures of one state of the ledger.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    pub version: Version,
    /// The latest entry's moment.
    pub moment: Moment,
    pub by: By,
    /// By line, then time.
    pub rows: Vec<Row>,
    pub totals: Vec<(Currency, Figures)>,
    /// By advertiser, all that was ever charged, where that is asked for.
    pub billed: Vec<(String, Currency, Figures)>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    pub line: LineId,
    /// `advertiser/campaign/line`; the id of a line that was never opened.
    pub path: String,
    pub currency: Currency,
    /// What the row is of; `None`: all there ever was.
    pub span: Option<(Moment, Moment)>,
    pub figures: Figures,
    pub reach: Option<Reached>,
}

/// How many listeners, in steps that tell of no group of fewer than fifty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    pub listeners: Option<u64>,
    /// Who heard it once, twice … ten times and more.
    pub frequencies: [Option<u64>; 10],
}

/// The step in which listeners are counted, and the fewest that are told.
pub const LISTENERS_STEP: u64 = 50;

impl Reached {
    /// In whole steps: the difference of two answers tells of nobody, either.
    pub fn coarse(listeners: Option<u64>, frequencies: [Option<u64>; 10]) -> Reached {
        let coarse = |n: Option<u64>| n.map(|n| n / LISTENERS_STEP * LISTENERS_STEP);
        let told = |n: Option<u64>| coarse(n).filter(|&n| n > 0);
        Reached { listeners: told(listeners), frequencies: frequencies.map(told) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("more than {0} rows; ask for fewer lines, a shorter time, or by day")]
pub struct TooManyRows(pub usize);

/// One line in one stretch of time.
type Place = (u32, i64);

/// What comes together there.
type Sum<'l> = (&'l LineRecord, Option<(Moment, Moment)>, Figures);

impl Report {
    /// All there is, to the last event: for our own books.
    pub fn of(ledger: &Ledger, question: &Question) -> Result<Report, TooManyRows> {
        let cells = question.cells(ledger);
        Report::summed(
            ledger,
            question,
            cells.map(|(hour, hours, line, figures)| (hour, hours, line, Cow::Borrowed(figures))),
        )
    }

    /// What may be told: stretches in which enough listeners heard a line, and sums of them. What
    /// advertisers are billed is told in all, to the last event, where the whole time is asked for.
    pub fn told(
        ledger: &Ledger,
        question: &Question,
        heard: &Heard,
    ) -> Result<Report, TooManyRows> {
        let now = ledger.run().moment;
        let mut of_lines: BTreeMap<(LineId, Currency), (&LineRecord, Vec<_>)> = BTreeMap::new();
        for (hour, hours, line, figures) in ledger_cells(ledger) {
            let of_line = of_lines.entry((line.line, line.currency));
            of_line.or_insert_with(|| (line, Vec::new())).1.push((hour, hours, figures));
        }
        let asked = of_lines.into_values().filter(|(line, _)| question.asks_of(&path(line)));
        let cells = asked.flat_map(|(line, mut cells)| {
            cells.sort_by_key(|&(hour, ..)| hour);
            let stretches = grid::stretches(cells.into_iter(), (line.line, heard), now);
            stretches
                .into_iter()
                .map(move |told| (told.hour, told.hours, line, Cow::Owned(told.figures)))
        });
        let cells = cells.filter(|(hour, ..)| question.is_within(hour.start()));
        let mut report = Report::summed(ledger, question, cells)?;
        let of_advertiser = question.of.as_ref().is_none_or(|of| !of.contains('/'));
        if question.from.is_none() && question.until.is_none() && of_advertiser {
            report.billed = billed(ledger, question);
        }
        Ok(report)
    }

    fn summed<'l>(
        ledger: &'l Ledger,
        question: &Question,
        cells: impl Iterator<Item = (Hour, i64, &'l LineRecord, Cow<'l, Figures>)>,
    ) -> Result<Report, TooManyRows> {
        let mut sums: BTreeMap<Place, Sum<'_>> = BTreeMap::new();
        let slots: HashMap<(LineId, Currency), u32> = ledger
            .lines()
            .iter()
            .enumerate()
            .filter(|(_, line)| question.asks_of(&path(line)))
            .map(|(slot, line)| ((line.line, line.currency), slot as u32))
            .collect();
        for (hour, hours, line, figures) in cells {
            let Some(&slot) = slots.get(&(line.line, line.currency)) else { continue };
            let span = question.span(line, hour, hours);
            let place = (slot, span.map_or(0, |(from, _)| from.unix_us));
            let (_, known, sum) =
                sums.entry(place).or_insert_with(|| (line, span, Figures::default()));
            if let (Some(known), Some(span)) = (known, span) {
                known.1 = known.1.max(span.1);
            }
            sum.merge(&figures);
            if sums.len() > question.rows_max {
                return Err(TooManyRows(question.rows_max));
            }
        }
        let row = |(line, span, figures): Sum<'_>| Row {
            line: line.line,
            path: path(line),
            currency: line.currency,
            span,
            figures,
            reach: None,
        };
        let mut rows: Vec<Row> = sums.into_values().map(row).collect();
        rows.sort_by(|a, b| (&a.path, a.currency, a.span).cmp(&(&b.path, b.currency, b.span)));
        let mut totals: BTreeMap<Currency, Figures> = BTreeMap::new();
        for row in &rows {
            totals.entry(row.currency).or_default().merge(&row.figures);
        }
        let totals = totals.into_iter().collect();
        let moment = ledger.run().moment;
        let (version, by, billed) = (ledger.version(), question.by, Vec::new());
        Ok(Report { version, moment, by, rows, totals, billed })
    }
}

impl Question {
    fn asks_of(&self, path: &str) -> bool {
        self.of.as_deref().is_none_or(|of| {
            path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The cells that are asked for, each with how many hours it has. What was folded into days
    /// belongs to the hour in which its day began.
    fn cells<'l>(
        &'l self,
        ledger: &'l Ledger,
    ) -> Box<dyn Iterator<Item = (Hour, i64, &'l LineRecord, &'l Figures)> + 'l> {
        if self.by == By::Line && self.from.is_none() && self.until.is_none() {
            // More than is kept by the hour or by the day.
            let totals = ledger.lines().iter().filter_map(|line| {
                Some((Hour::default(), 0, line, ledger.total(line.line, line.currency)?))
            });
            return Box::new(totals);
        }
        Box::new(ledger_cells(ledger).filter(move |(hour, ..)| self.is_within(hour.start())))
    }

    fn is_within(&self, start: Moment) -> bool {
        self.from.is_none_or(|from| from <= start) && self.until.is_none_or(|until| start < until)
    }

    /// The row's stretch of time.
    fn span(&self, line: &LineRecord, hour: Hour, hours: i64) -> Option<(Moment, Moment)> {
        let start = hour.start();
        match self.by {
            By::Hour => Some((start, start.plus_s(hours * 3600))),
            // Days with few listeners, taken together.
            By::Day if hours > 24 => Some((start, start.plus_s(hours * 3600))),
            By::Day => {
                let utc = || Arc::new(Calendar::utc());
                let calendar = match &self.zones {
                    Zones::One(calendar) => Arc::clone(calendar),
                    Zones::Own(of) => {
                        let known = line.owner.and_then(|(_, advertiser)| of.get(&advertiser));
                        known.map_or_else(utc, Arc::clone)
                    }
                };
                // A day of the world's clock lies in that day of the account of which it has more.
                let span = calendar.span(Unit::Day, start.plus_s(hours * 1800));
                Some((span.from, span.until))
            }
            By::Line => match (self.from, self.until) {
                (None, None) => None,
                (from, until) => Some((
                    from.unwrap_or(Moment::from_unix_s(0)),
                    until.unwrap_or(Moment::from_unix_us(i64::MAX)),
                )),
            },
        }
    }
}

/// Hours, and the days that older ones were folded into, each with how many hours it has.
fn ledger_cells(ledger: &Ledger) -> impl Iterator<Item = (Hour, i64, &LineRecord, &Figures)> {
    let folded = ledger.folded().map(|(hour, line, figures)| (hour, 24, line, figures));
    folded.chain(ledger.hours().map(|(hour, line, figures)| (hour, 1, line, figures)))
}

fn billed(ledger: &Ledger, question: &Question) -> Vec<(String, Currency, Figures)> {
    let mut sums: BTreeMap<(String, Currency), Figures> = BTreeMap::new();
    for line in ledger.lines().iter().filter(|line| question.asks_of(&path(line))) {
        let Some(figures) = ledger.total(line.line, line.currency) else { continue };
        let path = path(line);
        let advertiser = path.split('/').next().unwrap_or_default().to_owned();
        sums.entry((advertiser, line.currency)).or_default().merge(figures);
    }
    sums.into_iter().map(|((advertiser, currency), sum)| (advertiser, currency, sum)).collect()
}

fn path(line: &LineRecord) -> String {
    match line.path.as_str() {
        "" => line.line.to_string(),
        path => path.to_owned(),
    }
}

#[cfg(test)]
mod tests;
