//! Who hoards wins? A supply that wins and wins and does not bill is boxed: no bid goes to it until
//! what it owes has come or has expired.
//!
//! The attack is Xindi (CVE-2015-7266): collect wins, so that budgets stand held, and release
//! the impressions hours later, all at once. Fed by the till with wins and billable events, turned
//! by the sweeper, which hands the boxed supplies on to `decide`; warm, one short lock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use crate::base::units::time::Moment;
use crate::market::marks::SupplyMark;
use crate::market::ticket::{BidId, Ticket};

/// When a supply is boxed. It needs win notices; where none come, holds are short anyway.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoardConfig {
    /// Wins of one app or site that are owed a billable event for longer than `age_s`, from
    /// which on it may be boxed; 0 boxes nobody.
    pub wins: u32,
    /// From the win to the time when its billable event is overdue.
    pub age_s: u32,
    /// Boxed only when so much of its wins is owed, in percent: large supplies always owe some.
    pub share_pct: u32,
    /// Wins that are followed at once, about 80 bytes each; beyond it new ones are not.
    pub followed_max: usize,
}

impl Default for HoardConfig {
    fn default() -> HoardConfig {
        HoardConfig { wins: 1000, age_s: 60, share_pct: 50, followed_max: 1 << 20 }
    }
}

/// Billed wins are counted over so many ages, twice: now and before.
const WINDOW_AGES: i64 = 10;

pub(super) struct Hoard {
    config: HoardConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    owed: HashMap<BidId, Owed, RandomState>,
    /// When the next thing happens to a bid: it is overdue, then it expires.
    by_turn: BinaryHeap<Reverse<(Moment, BidId)>>,
    supplies: HashMap<SupplyMark, Supply, RandomState>,
    /// When the counts of billed wins were last moved on.
    window: Option<Moment>,
    looked: Moment,
    boxed: Vec<SupplyMark>,
    stats: HoardStats,
}

struct Owed {
    supply: SupplyMark,
    overdue: bool,
    expires: Moment,
}

#[derive(Default)]
struct Supply {
    /// Of those below, and of those not overdue yet.
    owed: u32,
    overdue: u32,
    billed: u32,
    billed_before: u32,
}

/// What there is to tell of hoarding.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct HoardStats {
    /// Supplies that are boxed now.
    pub boxed: u64,
    /// How often one was boxed.
    pub boxings: u64,
    /// Wins that are owed a billable event now.
    pub owed: u64,
    /// Wins that were not followed, as too many were.
    pub unfollowed: u64,
}

impl Hoard {
    pub fn new(config: HoardConfig) -> Hoard {
        Hoard { config, state: Mutex::default() }
    }

    /// A win that does not bill by itself.
    pub fn won(&self, ticket: &Ticket, now: Moment) {
        if self.config.wins == 0 {
            return;
        }
        let mut state = self.lock();
        let state = &mut *state;
        if state.owed.len() >= self.config.followed_max {
            state.stats.unfollowed += 1;
            return;
        }
        let owed = Owed { supply: ticket.supply, overdue: false, expires: ticket.expires };
        if state.owed.insert(ticket.bid, owed).is_none() {
            state.supplies.entry(ticket.supply).or_default().owed += 1;
        }
        let due = now.plus_s(i64::from(self.config.age_s)).min(ticket.expires);
        state.by_turn.push(Reverse((due, ticket.bid)));
    }

    /// The billable event of a bid has come.
    pub fn billed(&self, bid: BidId) {
        let mut state = self.lock();
        if let Some(supply) = state.settle(bid) {
            supply.billed += 1;
        }
    }

    /// The ad will not be heard, and this was told: nothing is owed any more.
    pub fn let_go(&self, bid: BidId) {
        self.lock().settle(bid);
    }

    /// Time has passed; looked at once a second. The boxed supplies, ascending, when they are
    /// others than before.
    pub fn turn(&self, now: Moment) -> Option<Vec<SupplyMark>> {
        let mut state = self.lock();
        if (state.looked..state.looked.plus_s(1)).contains(&now) {
            return None;
        }
        state.looked = now;
        state.age(now);
        let window_s = i64::from(self.config.age_s) * WINDOW_AGES;
        if now > state.window.get_or_insert(now).plus_s(window_s) {
            state.window = Some(now);
            state.supplies.retain(|_, supply| supply.moves_on());
        }
        let hoarding = state.supplies.iter().filter(|(_, supply)| self.hoards(supply));
        let mut boxed: Vec<SupplyMark> = hoarding.map(|(&mark, _)| mark).collect();
        boxed.sort_unstable();
        if boxed == state.boxed {
            return None;
        }
        let fresh = boxed.iter().filter(|mark| state.boxed.binary_search(mark).is_err()).count();
        state.stats.boxings += fresh as u64;
        state.boxed.clone_from(&boxed);
        Some(boxed)
    }

    fn hoards(&self, supply: &Supply) -> bool {
        let overdue = u64::from(supply.overdue);
        let all = overdue + u64::from(supply.billed) + u64::from(supply.billed_before);
        self.config.wins > 0
            && supply.overdue >= self.config.wins
            && overdue * 100 >= all * u64::from(self.config.share_pct)
    }

    pub fn stats(&self) -> HoardStats {
        let state = self.lock();
        let (boxed, owed) = (state.boxed.len() as u64, state.owed.len() as u64);
        HoardStats { boxed, owed, ..state.stats }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves counts that are off by one at most; money is elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a bid out; its supply, to count it.
    fn settle(&mut self, bid: BidId) -> Option<&mut Supply> {
        let owed = self.owed.remove(&bid)?;
        let supply = self.supplies.get_mut(&owed.supply)?;
        supply.owed = supply.owed.saturating_sub(1);
        supply.overdue = supply.overdue.saturating_sub(u32::from(owed.overdue));
        Some(supply)
    }

    fn age(&mut self, now: Moment) {
        while let Some(&Reverse((at, bid))) = self.by_turn.peek()
            && at <= now
        {
            self.by_turn.pop();
            let Some(owed) = self.owed.get_mut(&bid) else { continue };
            if owed.expires <= now {
                self.settle(bid);
            } else if !owed.overdue {
                owed.overdue = true;
                self.by_turn.push(Reverse((owed.expires, bid)));
                if let Some(supply) = self.supplies.get_mut(&owed.supply) {
                    supply.overdue += 1;
                }
            }
        }
    }
}

impl Supply {
    /// Begins a new window; `false` when nothing is known any more.
    fn moves_on(&mut self) -> bool {
        self.billed_before = std::mem::take(&mut self.billed);
        self.owed > 0 || self.billed_before > 0
    }
}
