//! What must the journal be told, and what may be bid once it knows? The background turns of a
//! book; cold.
//!
//! Every turn is a plain function of the book and the moment. Whoever drives them (a loop of
//! `app::run`, the simulator) writes the entries of a [`Turn`] down in their order and, when they
//! are durable, says so to [`Book::granted`]; one turn at a time.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};

use dashmap::DashMap;

use super::book::Book;
use super::day::Days;
use super::line::{Count, LineState};
use super::pot::Pot;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::AdvertiserId;
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::offer::ledger::{
    BudgetId, Day, Entry, Figure, Hour, Leases, Ledger, Limits, Opened, Tally,
};

/// What is to be written down, in this order, before any of it is used.
#[derive(Default, Debug)]
pub struct Turn {
    pub entries: Vec<Entry>,
}

/// Items of one entry, so that it fits a record; lines have their paths with them.
const ITEMS: usize = 512;
const OPENED: usize = 64;

/// How often a round of the days of all lines begins; they are made two hours ahead.
const WALK_S: i64 = 60;

impl Turn {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn say<T: Clone>(&mut self, items: &[T], entry: impl FnMut(Vec<T>) -> Entry) {
        self.say_by(ITEMS, items, entry);
    }

    fn say_by<T: Clone>(
        &mut self,
        most: usize,
        items: &[T],
        mut entry: impl FnMut(Vec<T>) -> Entry,
    ) {
        self.entries.extend(items.chunks(most).map(|items| entry(items.to_vec())));
    }
}

impl Book {
    /// At start, before the first world: everything is as the journal says. What was leased and
    /// not spent stands as a ghost, until the tickets of bids that may be behind it have expired:
    /// `ticket_life_s` from now.
    pub fn seed(&self, ledger: &Ledger, now: Moment, ticket_life_s: i64) {
        for record in ledger.lines() {
            let state = self.state(record.line, record.currency);
            if let Some((campaign, advertiser)) = record.owner {
                state.join(&self.campaign((campaign, record.currency), advertiser));
            }
            let total = ledger.total(record.line, record.currency);
            for (count, figure) in FIGURES {
                state.seed_count(count, total.map_or(0, |total| total.count(figure)));
            }
        }
        // Where the ledger remembers no more days, neither may the book make them anew.
        let first = ledger.budgets().filter_map(|(id, ..)| id.day()).min();
        for (id, currency, budget) in ledger.budgets() {
            if let BudgetId::Funds(advertiser) = id {
                let state = self.advertiser(advertiser, currency);
                state.seed_funds(budget.free + budget.held + budget.spent);
                state.set_prepaid(budget.limited);
            }
            self.seeded_days((id, currency), now);
            self.with_pot((id, currency), |pot| pot.seed(budget));
        }
        if let Some(first) = first {
            let floor = first.saturating_sub(1);
            self.lines.iter().for_each(|state| state.days.begin_after(floor));
            self.campaigns.iter().for_each(|state| state.days.begin_after(floor));
        }
        self.stir_all();
        self.started.store(now.unix_us, Ordering::Release);
        // Tickets are good to the whole second after their life.
        let until = now.plus_s(ticket_life_s).whole_s_up();
        self.ghosts_until.store(until.unix_us, Ordering::Release);
    }

    /// Sees to it that the day of a budget is there to be seeded.
    fn seeded_days(&self, (id, currency): (BudgetId, Currency), now: Moment) {
        let Some(day) = id.day() else {
            if let BudgetId::Line(line, None) = id {
                self.state(line, currency);
            }
            return;
        };
        // Whichever days an account has, those of UTC are at most one off.
        let today: Day = Calendar::utc().day(now);
        match id {
            BudgetId::Line(line, _) => {
                self.state(line, currency).days.ensure(&Calendar::utc(), day, today);
            }
            BudgetId::Campaign(campaign, _) => {
                if let Some(state) = self.campaigns.get(&(campaign, currency)) {
                    state.days.ensure(&Calendar::utc(), day, today);
                }
            }
            BudgetId::Funds(_) => {}
        }
    }

    /// Makes the days that come, lays ghosts whose time is over, learns how likely bids win, and
    /// finds what the journal must be told: new lines, other limits, other leases. Looks at the
    /// lines that were stirred since the last turn, and in slices at each once in [`WALK_S`].
    pub fn turn(&self, now: Moment) -> Turn {
        self.lay_ghosts(now);
        self.walk(now);
        let stirred = self.take_stirred();
        for state in &stirred {
            state.rate.learn();
            if Book::is_used(state, 1) {
                self.make_days(state, now);
            }
        }
        let mut turn = Turn::default();
        let opened =
            std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner));
        turn.say_by(OPENED, &opened, |lines| Entry::Opened(Opened { moment: now, lines }));
        if self.leased {
            self.lease_all(&stirred, now, &mut turn);
        }
        turn
    }

    /// Makes the days of lines that nothing stirs, where they are part of a world: a slice of all
    /// lines, until each had its turn.
    fn walk(&self, now: Moment) {
        let mut roster = self.roster();
        if roster.is_done() {
            let walked = Moment::from_unix_us(self.walked.load(Ordering::Acquire));
            if (walked..walked.plus_s(WALK_S)).contains(&now) {
                return;
            }
            self.walked.store(now.unix_us, Ordering::Release);
            roster.begin();
        }
        let slice = roster.slice();
        drop(roster);
        for state in slice.iter().filter_map(Weak::upgrade) {
            if Book::is_used(&state, 1) && self.make_days(&state, now) {
                self.stir(&state);
            }
        }
    }

    /// The days of a line and of its campaign; `true`: some are new.
    fn make_days(&self, state: &LineState, now: Moment) -> bool {
        let make = |days: &Days, calendar: &Calendar| {
            // A charge may be about to make a day, too.
            let _alone = days.is_limited().then(|| self.alone());
            days.make(calendar, now) > 0
        };
        let Some(campaign) = state.campaign() else { return make(&state.days, &Calendar::utc()) };
        if !state.days.is_limited() && !campaign.days.is_limited() {
            return false;
        }
        let calendar = campaign.advertiser.calendar();
        make(&state.days, &calendar) | make(&campaign.days, &calendar)
    }

    /// What the journal must be told of the budgets of these lines, and of all funds.
    fn lease_all(&self, stirred: &[Arc<LineState>], now: Moment, turn: &mut Turn) {
        let (mut limits, mut leases) = (Vec::new(), Vec::new());
        let mut look = |pot: &Pot| {
            let _alone = self.alone();
            let (limit, lease) = (pot.limit_to_tell(), pot.lease(now));
            let restless = limit.is_some() || lease.is_some() || !pot.rests();
            limits.extend(limit);
            leases.extend(lease);
            restless
        };
        let mut campaigns = BTreeMap::new();
        for state in stirred {
            let mut restless = look(&state.total);
            state.days.each(|pot| restless |= look(pot));
            if restless {
                self.stir(state);
            }
            if let Some(campaign) = state.campaign() {
                campaigns.entry((campaign.id, state.currency)).or_insert((campaign, state));
            }
        }
        for (campaign, of_it) in campaigns.into_values() {
            let mut restless = look(&campaign.total);
            campaign.days.each(|pot| restless |= look(pot));
            if restless {
                self.stir(of_it);
            }
        }
        for state in states(&self.advertisers) {
            look(&state.funds);
        }
        // Equal books tell equal journals, whatever order their maps are in.
        limits.sort_unstable_by_key(|limit| (limit.budget, limit.currency));
        leases.sort_unstable_by_key(|lease| (lease.budget, lease.currency));
        turn.say(&limits, |limits| Entry::Limits(Limits { moment: now, limits }));
        turn.say(&leases, |leases| Entry::Leases(Leases { moment: now, leases }));
    }

    /// What was counted since the last tally, of bids that were looked at or made.
    pub fn tally_turn(&self, now: Moment) -> Turn {
        self.tally_entries(now, false)
    }

    fn tally_entries(&self, now: Moment, last: bool) -> Turn {
        let mut turn = Turn::default();
        let mut lines: Vec<_> = self.lines.iter().filter_map(|state| state.tally(last)).collect();
        lines.sort_unstable_by_key(|tally| (tally.line, tally.currency));
        turn.say(&lines, |lines| Entry::Tally(Tally { moment: now, hour: Hour::of(now), lines }));
        turn
    }

    /// The end in order, when nothing is bid any more: nothing stays leased but what is held.
    pub fn closing_turn(&self, now: Moment) -> Turn {
        let mut turn = self.tally_entries(now, true);
        let mut leases = Vec::new();
        if self.leased {
            self.each_pot(|pot| {
                let _alone = self.alone();
                leases.extend(pot.close());
            });
        }
        leases.sort_unstable_by_key(|lease| (lease.budget, lease.currency));
        turn.say(&leases, |leases| Entry::Leases(Leases { moment: now, leases }));
        turn
    }

    /// The entries of a turn are durable: bids may use what they grant.
    pub fn granted(&self, turn: &Turn) {
        for entry in &turn.entries {
            match entry {
                Entry::Limits(limits) => limits.limits.iter().for_each(|limit| {
                    self.with_pot((limit.budget, limit.currency), |pot| pot.limit_told(limit));
                }),
                Entry::Leases(leases) => leases.leases.iter().for_each(|lease| {
                    self.with_pot((lease.budget, lease.currency), |pot| {
                        let _alone = self.alone();
                        pot.granted(lease.ceiling);
                    });
                }),
                _ => {}
            }
        }
    }

    fn lay_ghosts(&self, now: Moment) {
        let until = self.ghosts_until.load(Ordering::Acquire);
        if until == i64::MIN || now.unix_us < until {
            return;
        }
        self.ghosts_until.store(i64::MIN, Ordering::Release);
        self.each_pot(|pot| {
            pot.purse.lay_ghost();
        });
        self.stir_all();
    }

    /// Every budget. No shard of the maps is held meanwhile: who looks may wait for a lock.
    fn each_pot(&self, mut visit: impl FnMut(&Pot)) {
        for state in states(&self.lines) {
            visit(&state.total);
            state.days.each(&mut visit);
        }
        for state in states(&self.campaigns) {
            visit(&state.total);
            state.days.each(&mut visit);
        }
        states(&self.advertisers).iter().for_each(|state| visit(&state.funds));
    }

    /// The account's days begin at other moments.
    pub(super) fn moved(&self, account: (AdvertiserId, Currency)) {
        let is_its = |state: &super::owner::CampaignState| {
            (state.advertiser.id, state.total.currency) == account
        };
        for state in self.campaigns.iter().filter(|state| is_its(state)) {
            state.days.move_to(&state.advertiser.calendar());
        }
        for state in self.lines.iter() {
            if let Some(campaign) = state.campaign().filter(|campaign| is_its(campaign)) {
                state.days.move_to(&campaign.advertiser.calendar());
            }
        }
    }
}

fn states<K: Eq + Hash, S>(map: &DashMap<K, Arc<S>>) -> Vec<Arc<S>> {
    map.iter().map(|state| Arc::clone(&state)).collect()
}

/// What of a line's figures goes on after a start.
const FIGURES: [(Count, Figure); 12] = [
    (Count::Bids, Figure::Bids),
    (Count::Wins, Figure::Wins),
    (Count::Losses, Figure::Losses),
    (Count::Impressions, Figure::Impressions),
    (Count::Starts, Figure::Starts),
    (Count::FirstQuartiles, Figure::FirstQuartiles),
    (Count::Midpoints, Figure::Midpoints),
    (Count::ThirdQuartiles, Figure::ThirdQuartiles),
    (Count::Completes, Figure::Completes),
    (Count::Clicks, Figure::Clicks),
    (Count::Errors, Figure::Errors),
    (Count::NotUsed, Figure::NotUsed),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_a_record() {
        let mut turn = Turn::default();
        let line = crate::base::units::ids::LineId(1);
        let leases: Vec<_> = (0..1_100)
            .map(|day| crate::offer::ledger::Lease {
                budget: BudgetId::Line(line, Some(day)),
                currency: Currency::USD,
                ceiling: i64::MAX,
            })
            .collect();
        let moment = Moment::from_unix_s(1);
        turn.say(&leases, |leases| Entry::Leases(Leases { moment, leases }));
        assert_eq!(turn.entries.len(), 3);
        for entry in &turn.entries {
            let mut bytes = Vec::new();
            entry.encode(&mut bytes);
            assert!(bytes.len() < 32 << 10);
        }
    }
}
