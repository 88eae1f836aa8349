//! May a line come in that asks something of listeners? Only where enough of them are known.
//!
//! Asked of every line that a campaign file says anew, before it is served or by
//! `interlude check`; cold. A line that is served already is not asked again: its crowd may have
//! shrunk since, and that is for [`Floor`] to judge, which stops the line alone and no file.

use std::cell::Cell;

use super::answer::Told;
use super::floor::{Floor, asks_of_listeners};
use super::{Config, Reach, Reading, Sample};
use crate::base::units::ids::LineId;
use crate::knowledge::audience::Audience;
use crate::knowledge::catalog::model::{Catalog, Expr};
use crate::knowledge::catalog::{Complaint, Headcount};

/// Judges the lines of one reading of the files.
pub struct Gate<'g> {
    config: &'g Config,
    counted: Option<Counted<'g>>,
    served: Option<&'g Catalog>,
    uncounted: Cell<usize>,
}

/// Listeners, and a sample of them.
#[derive(Clone, Copy)]
pub struct Counted<'c> {
    pub sample: &'c Sample,
    pub audience: &'c Audience,
    pub reading: &'c Reading<'c>,
}

impl Counted<'_> {
    /// Whether the sample may speak for the listeners: there are some, and it knew most of them.
    fn is_telling(&self) -> bool {
        let (all, known) = (self.audience.len() as u64, self.sample.stats().listeners);
        all > 0 && known >= all - all / 10
    }
}

impl<'g> Gate<'g> {
    /// `served`: the lines that pass unasked as long as they ask the same.
    pub fn new(
        config: &'g Config,
        counted: Option<Counted<'g>>,
        served: Option<&'g Catalog>,
    ) -> Gate<'g> {
        let counted = counted.filter(Counted::is_telling);
        Gate { config, counted, served, uncounted: Cell::new(0) }
    }

    /// What is to be said of the lines that came in uncounted.
    pub fn warning(&self) -> Option<String> {
        warning(self.uncounted.get())
    }

    fn is_served(&self, line: LineId, targeting: &Expr) -> bool {
        let known = self.served.and_then(|served| Some(served.line(served.line_of(line)?)));
        known.is_some_and(|known| known.targeting == *targeting)
    }
}

impl Headcount for Gate<'_> {
    fn complaint(&self, line: LineId, targeting: &Expr) -> Option<Complaint> {
        if !asks_of_listeners(targeting) || self.is_served(line, targeting) {
            return None;
        }
        let Some(Counted { sample, audience, reading }) = self.counted else {
            self.uncounted.set(self.uncounted.get() + 1);
            return None;
        };
        let floor = Floor(self.config.audience_min);
        let reach = floor.verdict(targeting, sample, (audience, reading)).err()?;
        let told = told(reach, self.config.minimum);
        let message = format!(
            "{told} of {} meet what it asks of listeners; {} must (crowd.audience_min)",
            audience.len(),
            floor.0
        );
        let mend = "ask less of the listener, or load those whom it is for first";
        Some(Complaint::mend(message, mend))
    }
}

/// What is to be said where so many lines ask something of listeners and none were counted.
pub fn warning(lines: usize) -> Option<String> {
    let lines = match lines {
        0 => return None,
        1 => "1 line asks".to_owned(),
        many => format!("{many} lines ask"),
    };
    let rest = "something of listeners, who are not loaded: their number is checked at serving";
    Some(format!("{lines} {rest}"))
}

/// With the error of the count: 95 times in 100 the truth lies within.
fn told(reach: Reach, minimum: u64) -> String {
    match Told::of(reach, minimum) {
        Told { fewer_than: Some(minimum), .. } if reach.high < minimum => {
            format!("fewer than {minimum}")
        }
        Told { fewer_than: Some(minimum), high, .. } => {
            format!("most likely fewer than {minimum} (at the very most {high})")
        }
        Told { listeners, low, high, .. } => format!("about {listeners} ({low} to {high})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_told_with_its_error() {
        let told = |listeners, low, high| told(Reach { listeners, low, high }, 300);
        assert_eq!(told(700, 700, 700), "about 700 (700 to 749)");
        assert_eq!(told(700, 610, 805), "about 700 (600 to 849)");
        assert_eq!(told(12, 12, 12), "fewer than 300");
        let wide = "most likely fewer than 300 (at the very most 449)";
        assert_eq!(told(250, 100, 420), wide);
    }

    #[test]
    fn what_was_not_counted_is_said_once() {
        assert_eq!(warning(0), None);
        assert!(warning(1).is_some_and(|told| told.starts_with("1 line asks something")));
        assert!(warning(7).is_some_and(|told| told.starts_with("7 lines ask something")));
    }
}
