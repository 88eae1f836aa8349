//! Which lines are looked at in turn, whatever happens to them? All that a book knows, a slice at a
//! time, so that the upkeep of a million lines holds up no burst that waits for its lease. Cold.

use std::sync::{Arc, Weak};

use super::line::LineState;

/// Lines of one slice: some 25 ms.
const SLICE: usize = 50_000;

/// All lines of a book, in the order in which it came to know them.
#[derive(Default)]
pub(super) struct Roster {
    lines: Vec<Weak<LineState>>,
    /// Of them, how many were looked at in this round.
    seen: usize,
}

impl Roster {
    pub fn add(&mut self, line: &Arc<LineState>) {
        self.lines.push(Arc::downgrade(line));
    }

    /// Whether the round is over.
    pub fn is_done(&self) -> bool {
        self.seen >= self.lines.len()
    }

    /// Begins with the first line again.
    pub fn begin(&mut self) {
        self.seen = 0;
    }

    /// The next lines of the round; some may be gone.
    pub fn slice(&mut self) -> Vec<Weak<LineState>> {
        let from = self.seen.min(self.lines.len());
        let until = self.lines.len().min(from + SLICE);
        self.seen = until;
        self.lines[from..until].to_vec()
    }

    /// Drops those that are gone; the round begins anew.
    pub fn settle(&mut self) {
        self.lines.retain(|line| line.strong_count() > 0);
        self.begin();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::units::ids::LineId;
    use crate::base::units::money::Currency;

    #[test]
    fn a_round_comes_to_every_line_once_and_to_new_ones_too() {
        let line = |n: usize| Arc::new(LineState::new(LineId(n as u64), Currency::USD, false));
        let mut roster = Roster::default();
        assert!(roster.is_done() && roster.slice().is_empty());
        let mut lines: Vec<_> = (0..SLICE + 3).map(line).collect();
        lines.iter().for_each(|line| roster.add(line));
        let ids = |slice: Vec<Weak<LineState>>| -> Vec<u64> {
            slice.iter().filter_map(Weak::upgrade).map(|line| line.line.0).collect()
        };
        assert_eq!(ids(roster.slice()).len(), SLICE);
        assert!(!roster.is_done());
        let late = line(SLICE + 3);
        roster.add(&late);
        let rest: Vec<u64> = (SLICE as u64..SLICE as u64 + 4).collect();
        assert_eq!(ids(roster.slice()), rest);
        assert!(roster.is_done());
        lines.truncate(2);
        roster.settle();
        assert_eq!(ids(roster.slice()), [0, 1, SLICE as u64 + 3]);
        assert!(roster.is_done());
    }
}
