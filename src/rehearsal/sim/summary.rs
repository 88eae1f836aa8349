//! What came of a run? Figures for scripts, a table for people.

use std::fmt;

use serde::Serialize;

use super::auditor::Findings;
use crate::base::units::ids::LineId;

/// The one object that `interlude simulate --json` ends with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub seed: u64,
    pub bids: u64,
    pub wins: u64,
    pub notices_acknowledged: u64,
    pub notices_lost: u64,
    pub charged_twice: u64,
    /// Beyond what was promised: a strict budget, or an expected one with its declared bound.
    pub overspend_nanos: i64,
    pub conservation_error_nanos: i64,
    /// Of all lines with a budget, as a mean; 1 is all of it.
    pub spend_to_budget: f64,
}

/// A run that is over.
pub struct Ran {
    pub summary: Summary,
    pub findings: Findings,
    /// Of everything that happened: equal for equal seeds.
    pub hash: u64,
    pub requests: u64,
    /// … in each hour since the start.
    pub hours: Vec<u64>,
    /// What all bids would have cost, currencies aside.
    pub bid_nanos: i64,
    pub crashes: u64,
    /// The journal at the end: names and bytes.
    pub files: Vec<(String, Vec<u8>)>,
    pub stories: Vec<LineStory>,
    /// When, as a part of the span, and what.
    pub marks: Vec<(f64, Mark)>,
    pub start_s: i64,
    pub span_s: i64,
}

/// One line over time.
#[derive(Clone, Debug)]
pub struct LineStory {
    pub name: String,
    pub id: LineId,
    pub currency: &'static str,
    /// What it may spend over the whole span; `None`: all it can.
    pub budget: Option<i64>,
    pub shape: &'static str,
    /// When, as a part of the span; spent and held by then.
    pub points: Vec<(f64, i64, i64)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    Crash,
    Stop,
    ClockStep,
    Edit,
    /// It failed, or was full.
    Disk,
}

impl Summary {
    pub(super) fn of(seed: u64) -> Summary {
        Summary {
            seed,
            bids: 0,
            wins: 0,
            notices_acknowledged: 0,
            notices_lost: 0,
            charged_twice: 0,
            overspend_nanos: 0,
            conservation_error_nanos: 0,
            spend_to_budget: 0.0,
        }
    }
}

impl Ran {
    /// Every promise was kept.
    pub fn holds(&self) -> bool {
        self.findings.faults.is_empty()
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = &self.summary;
        let rows: [(&str, String); 10] = [
            ("requests", self.requests.to_string()),
            ("bids", s.bids.to_string()),
            ("wins", s.wins.to_string()),
            ("crashes", self.crashes.to_string()),
            ("notices acknowledged", s.notices_acknowledged.to_string()),
            ("notices lost", s.notices_lost.to_string()),
            ("charged twice", s.charged_twice.to_string()),
            ("overspend, nanos", s.overspend_nanos.to_string()),
            ("conservation error, nanos", s.conservation_error_nanos.to_string()),
            ("history", format!("{:016x}", self.hash)),
        ];
        for (what, value) in rows {
            writeln!(f, "  {what:<27}{value:>18}")?;
        }
        writeln!(f, "\n  {:<16}{:>6}{:>16}{:>16}{:>9}", "line", "", "spent", "budget", "part")?;
        for (story, &spent) in self.stories.iter().zip(&self.findings.spent) {
            let money = |nanos: i64| format!("{:.6}", nanos as f64 / 1e9);
            let budget = story.budget.map_or_else(|| "-".to_owned(), money);
            let part = story.budget.filter(|&budget| budget > 0);
            let part = part.map_or_else(String::new, |budget| {
                format!("{:.1} %", 100.0 * spent as f64 / budget as f64)
            });
            let LineStory { name, currency, .. } = story;
            writeln!(f, "  {name:<16}{currency:>6}{:>16}{budget:>16}{part:>9}", money(spent))?;
        }
        for fault in &self.findings.faults {
            writeln!(f, "BROKEN  {fault}")?;
        }
        Ok(())
    }
}
