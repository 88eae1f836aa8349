//! May this line bid, in this world? The book's states in the order of the world's lines. Hot.

use std::sync::Arc;

use super::book::Book;
use super::caps::CapKey;
use super::holds::OpenHold;
use super::line::LineState;
use super::{Ask, Hold, Live};
use crate::base::units::ids::{LineIx, ListenerKey};
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::Cap;
use crate::market::outcome::Refusal;

/// The live half of one world; part of it, and swapped with it.
pub struct Desk {
    book: Arc<Book>,
    lines: Vec<DeskLine>,
}

struct DeskLine {
    state: Arc<LineState>,
    cap: Option<Cap>,
}

impl Desk {
    pub(super) fn new(
        book: Arc<Book>,
        lines: impl Iterator<Item = (Arc<LineState>, Option<Cap>)>,
    ) -> Desk {
        let lines = lines.map(|(state, cap)| DeskLine { state, cap }).collect();
        Desk { book, lines }
    }

    /// The answers of production, for one decision.
    pub fn live(&self) -> DeskLive<'_> {
        DeskLive { desk: self }
    }

    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    pub fn state(&self, line: LineIx) -> Option<&LineState> {
        self.lines.get(line.index()).map(|line| &*line.state)
    }
}

impl DeskLine {
    /// `None` where there is no cap, or no listener whom it could be counted for.
    fn cap_key(&self, listener: Option<ListenerKey>, moment: Moment) -> Option<CapKey> {
        Some(CapKey::new(self.cap?, self.state.line, listener?, moment))
    }
}

/// Answers from the desk of the world at hand.
#[derive(Clone, Copy)]
pub struct DeskLive<'d> {
    desk: &'d Desk,
}

impl Live for DeskLive<'_> {
    fn may_bid(&mut self, ask: &Ask) -> Result<(), Refusal> {
        // A line that this world does not have can have no money.
        let line = self.desk.lines.get(ask.line.index()).ok_or(Refusal::BudgetSpent)?;
        if !line.state.money_left() {
            return Err(Refusal::BudgetSpent);
        }
        match line.cap_key(ask.listener, ask.moment) {
            Some(key) if !self.desk.book.caps().has_room(key) => Err(Refusal::Capped),
            _ => Ok(()),
        }
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        let line = self.desk.lines.get(hold.line.index()).ok_or(Refusal::BudgetSpent)?;
        if hold.price.currency != line.state.currency {
            return Err(Refusal::CurrencyUnsupported);
        }
        let cap = line.cap_key(hold.listener, hold.moment);
        if hold.test {
            return match cap {
                _ if !line.state.fits(hold.price.nanos) => Err(Refusal::BudgetSpent),
                Some(key) if !self.desk.book.caps().has_room(key) => Err(Refusal::Capped),
                _ => Ok(()),
            };
        }
        let ends = hold.win_by.map_or(hold.expires, |win_by| win_by.min(hold.expires));
        let open = OpenHold {
            bid: hold.bid,
            state: Arc::clone(&line.state),
            nanos: hold.price.nanos,
            cap,
            ends,
            expires: hold.expires,
            won: false,
        };
        self.desk.book.take(open, hold.moment)
    }
}
