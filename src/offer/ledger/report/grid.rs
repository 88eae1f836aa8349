//! What of a line may be told? Stretches of its time in which enough listeners heard it.
//!
//! A report tells of a line by stretches that do not depend on the question: whole hours, one
//! after the other, until at least [`LISTENERS_MIN`] listeners heard it in them. Every row and
//! every sum is made of whole stretches, so that no difference of any answers tells of fewer
//! listeners. What is left at the end of a day joins the day's last stretch, which is not told
//! before the day is over; a day with too few goes into the next. Hours that are folded into days
//! hence tell nothing new. Cold, a pure function.

use std::collections::{BTreeMap, HashSet};

use super::{Figures, Hour};
use crate::base::units::ids::{LineId, ListenerMark};
use crate::base::units::time::Moment;
use crate::offer::ledger::Figure;

/// Fewer listeners than this are never told of.
pub const LISTENERS_MIN: usize = 50;

/// An hour is told so long after its end: its tickets are over (an hour by default), and nobody
/// can watch a single notice arrive.
pub const TOLD_AFTER_S: i64 = 75 * 60;

/// Impressions of nobody whom we may count: so many of them stand for one listener.
const UNKNOWN_EACH: u64 = 10;

/// Who heard a line, hour by hour, as far as they may be counted.
#[derive(Default)]
pub struct Heard(BTreeMap<(LineId, u32), Vec<ListenerMark>>);

impl Heard {
    pub fn add(&mut self, line: LineId, made: Moment, mark: ListenerMark) {
        self.0.entry((line, Hour::of(made).0)).or_default().push(mark);
    }

    fn within(&self, line: LineId, hour: Hour, hours: i64) -> impl Iterator<Item = ListenerMark> {
        let end = hour.0.saturating_add(u32::try_from(hours).unwrap_or(u32::MAX));
        self.0.range((line, hour.0)..(line, end)).flat_map(|(_, marks)| marks).copied()
    }
}

/// A stretch of a line's time.
#[derive(Clone, PartialEq, Debug)]
pub struct Stretch {
    pub hour: Hour,
    pub hours: i64,
    pub figures: Figures,
}

/// The stretches of one line that may be told. `cells` are its hours and folded days, ascending;
/// `now` is the ledger's.
pub fn stretches<'f>(
    cells: impl Iterator<Item = (Hour, i64, &'f Figures)>,
    (line, heard): (LineId, &Heard),
    now: Moment,
) -> Vec<Stretch> {
    let mut cut = Cut::default();
    for (hour, hours, figures) in cells {
        if end(hour, hours).plus_s(TOLD_AFTER_S) > now {
            break;
        }
        cut.reach(hour.midnight());
        cut.add((hour, hours, figures), heard.within(line, hour, hours));
    }
    let day_s = 86_400;
    let over = |day: Hour| day.start().plus_s(day_s + TOLD_AFTER_S) <= now;
    if cut.day.is_some_and(over) {
        cut.end_day();
    }
    cut.told
}

fn end(hour: Hour, hours: i64) -> Moment {
    hour.start().plus_s(hours * 3600)
}

/// A line's time while it is cut.
#[derive(Default)]
struct Cut {
    told: Vec<Stretch>,
    /// The latest whole stretch of the day: it takes what is left at its end.
    last: Option<Stretch>,
    /// Not enough yet.
    open: Option<Open>,
    day: Option<Hour>,
}

struct Open {
    stretch: Stretch,
    listeners: HashSet<ListenerMark>,
    known: u64,
}

impl Cut {
    fn reach(&mut self, day: Hour) {
        if self.day.is_some_and(|before| before != day) {
            self.end_day();
        }
        self.day = Some(day);
    }

    fn end_day(&mut self) {
        let Some(mut last) = self.last.take() else { return };
        if let Some(open) = self.open.take() {
            last.take(&open.stretch);
        }
        self.told.push(last);
    }

    fn add(
        &mut self,
        (hour, hours, figures): (Hour, i64, &Figures),
        listeners: impl Iterator<Item = ListenerMark>,
    ) {
        let empty = || Open {
            stretch: Stretch { hour, hours, figures: Figures::default() },
            listeners: HashSet::new(),
            known: 0,
        };
        let open = self.open.get_or_insert_with(empty);
        open.stretch.take(&Stretch { hour, hours, figures: figures.clone() });
        for mark in listeners {
            open.known += 1;
            open.listeners.insert(mark);
        }
        if open.are_enough() {
            let stretch = self.open.take().map(|open| open.stretch);
            self.told.extend(std::mem::replace(&mut self.last, stretch));
        }
    }
}

impl Open {
    fn are_enough(&self) -> bool {
        let heard = self.stretch.figures.count(Figure::Impressions);
        let unknown = heard.saturating_sub(self.known) / UNKNOWN_EACH;
        self.listeners.len() as u64 + unknown >= LISTENERS_MIN as u64
    }
}

impl Stretch {
    fn take(&mut self, later: &Stretch) {
        self.hours = i64::from(later.hour.0) + later.hours - i64::from(self.hour.0);
        self.figures.merge(&later.figures);
    }
}

#[cfg(test)]
#[path = "attack_tests.rs"]
mod tests;
