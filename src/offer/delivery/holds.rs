//! Which bids may still be charged? Open holds by bid, and in the order they end. Off the bid path.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::caps::Taken;
use super::line::{LineState, Shares};
use crate::base::units::ids::LineId;
use crate::base::units::time::Moment;
use crate::market::ticket::BidId;

/// Money and the caps' places that one bid has taken.
pub(super) struct OpenHold {
    pub bid: BidId,
    pub state: Arc<LineState>,
    pub shares: Shares,
    /// Of the line's caps; none once it was heard.
    pub places: Option<Taken>,
    /// When it ends: the end of the win window, or `expires` once it is won.
    pub ends: Moment,
    pub expires: Moment,
    pub won: bool,
}

#[derive(Default)]
pub(super) struct OpenHolds {
    by_bid: HashMap<BidId, OpenHold, foldhash::fast::RandomState>,
    /// May name holds that are gone or end later by now; `by_bid` is the truth.
    by_end: BinaryHeap<Reverse<(Moment, BidId)>>,
}

impl OpenHolds {
    pub fn len(&self) -> usize {
        self.by_bid.len()
    }

    pub fn has(&self, bid: BidId) -> bool {
        self.by_bid.contains_key(&bid)
    }

    /// Adds a hold. A bid that is there already keeps its first hold, to its later end; the
    /// second comes back, to be released: one ticket can be charged but once.
    pub fn add(&mut self, hold: OpenHold) -> Option<OpenHold> {
        if let Some(first) = self.by_bid.get_mut(&hold.bid) {
            first.expires = first.expires.max(hold.expires);
            if hold.ends > first.ends {
                first.ends = hold.ends;
                self.by_end.push(Reverse((first.ends, first.bid)));
            }
            return Some(hold);
        }
        self.by_end.push(Reverse((hold.ends, hold.bid)));
        self.by_bid.insert(hold.bid, hold);
        None
    }

    /// The hold of a bid, if it is there and of this line.
    pub fn get(&self, bid: BidId, line: LineId) -> Option<&OpenHold> {
        self.by_bid.get(&bid).filter(|hold| hold.state.line == line)
    }

    pub fn remove(&mut self, bid: BidId, line: LineId) -> Option<OpenHold> {
        self.get(bid, line)?;
        self.by_bid.remove(&bid)
    }

    /// Takes the caps' places out of a hold: they are an impression's now.
    pub fn take_places(&mut self, bid: BidId, line: LineId) -> Option<Taken> {
        let hold = self.by_bid.get_mut(&bid).filter(|hold| hold.state.line == line);
        hold.and_then(|hold| hold.places.take())
    }

    /// Lets a won hold live until its ticket expires.
    pub fn won(&mut self, bid: BidId, line: LineId) -> bool {
        let hold = self.by_bid.get_mut(&bid).filter(|hold| hold.state.line == line);
        let Some(hold) = hold else { return false };
        hold.won = true;
        if hold.ends < hold.expires {
            hold.ends = hold.expires;
            self.by_end.push(Reverse((hold.ends, bid)));
        }
        true
    }

    /// Takes out one hold that has ended by `now`.
    pub fn pop_ended(&mut self, now: Moment) -> Option<OpenHold> {
        while let Some(&Reverse((end, bid))) = self.by_end.peek() {
            if end > now {
                return None;
            }
            self.by_end.pop();
            if self.by_bid.get(&bid).is_some_and(|hold| hold.ends <= now) {
                return self.by_bid.remove(&bid);
            }
        }
        None
    }
}
