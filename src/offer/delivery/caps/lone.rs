//! Which places are held without money? Those of bids that were charged before they were heard,
//! and of bids from before a restart, whose money a lease holds. Off the bid path.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::Taken;
use crate::market::ticket::BidId;

#[derive(Default)]
pub(super) struct Lone {
    by_bid: HashMap<BidId, Held, foldhash::fast::RandomState>,
    /// May name holds that are gone or end later by now; `by_bid` is the truth.
    by_end: BinaryHeap<Reverse<(i64, BidId)>>,
}

struct Held {
    taken: Taken,
    ends_s: i64,
    expires_s: i64,
}

impl Lone {
    pub fn len(&self) -> usize {
        self.by_bid.len()
    }

    /// `ends_s`: when it ends unless it is won before. A bid that is there keeps its first hold;
    /// the second comes back.
    pub fn add(
        &mut self,
        bid: BidId,
        taken: Taken,
        (ends_s, expires_s): (i64, i64),
    ) -> Option<Taken> {
        if self.by_bid.contains_key(&bid) {
            return Some(taken);
        }
        self.by_end.push(Reverse((ends_s, bid)));
        self.by_bid.insert(bid, Held { taken, ends_s, expires_s });
        None
    }

    /// When the bid was made, if it is there.
    pub fn won(&mut self, bid: BidId) -> Option<u32> {
        let held = self.by_bid.get_mut(&bid)?;
        if held.ends_s < held.expires_s {
            held.ends_s = held.expires_s;
            self.by_end.push(Reverse((held.ends_s, bid)));
        }
        Some(held.taken.made_s)
    }

    pub fn remove(&mut self, bid: BidId) -> Option<Taken> {
        self.by_bid.remove(&bid).map(|held| held.taken)
    }

    /// Takes out one that has ended.
    pub fn pop_ended(&mut self, now_s: i64) -> Option<Taken> {
        while let Some(&Reverse((ends_s, bid))) = self.by_end.peek() {
            if ends_s > now_s {
                return None;
            }
            self.by_end.pop();
            if self.by_bid.get(&bid).is_some_and(|held| held.ends_s <= now_s) {
                return self.remove(bid);
            }
        }
        None
    }
}
