//! What is taken, of all lines? The state that outlives every world. Written by bids without a
//! lock; settled, released and swept off the bid path under one.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_queue::ArrayQueue;
use dashmap::DashMap;

use super::boxes::Boxes;
use super::caps::{CapAsk, CapSet, Caps};
use super::holds::{OpenHold, OpenHolds};
use super::line::{Count, LineState};
use super::owner::{AdvertiserState, CampaignState};
use super::pot::Pot;
use super::roster::Roster;
use super::stir::SHORT_MAX;
use super::{Config, Hold};
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::outcome::Refusal;
use crate::market::ticket::BidId;
use crate::offer::ledger::{BudgetId, Day, OpenedLine};

pub struct Book {
    pub(super) lines: DashMap<(LineId, Currency), Arc<LineState>>,
    pub(super) campaigns: DashMap<(CampaignId, Currency), Arc<CampaignState>>,
    pub(super) advertisers: DashMap<(AdvertiserId, Currency), Arc<AdvertiserState>>,
    pub(super) lines_max: usize,
    /// Whether bids wait for leases.
    pub(super) leased: bool,
    /// Held by whoever moves a purse's bound or charges: see [`super::purse`].
    alone: Mutex<()>,
    /// Lines that the journal does not know yet.
    pub(super) opened: Mutex<Vec<OpenedLine>>,
    /// Bids that were made before this moment may come for a ghost; microseconds.
    pub(super) started: AtomicI64,
    /// When the last of their tickets expires.
    pub(super) ghosts_until: AtomicI64,
    /// Lines for the next turn, and those that the bid path found short of a lease.
    pub(super) stirred: Mutex<Vec<Arc<LineState>>>,
    pub(super) short: ArrayQueue<Arc<LineState>>,
    pub(super) hurry: AtomicBool,
    /// When the round of every line's days began; microseconds.
    pub(super) walked: AtomicI64,
    roster: Mutex<Roster>,
    caps: Caps,
    boxes: Boxes,
    /// Fresh holds, from bids to the next sweep or notice.
    fresh: ArrayQueue<OpenHold>,
    open: Mutex<OpenHolds>,
    holds_max: usize,
    pub(super) stats: Stats,
}

#[derive(Default)]
pub(super) struct Stats {
    pub held: AtomicU64,
    pub charged: AtomicU64,
    pub without_hold: AtomicU64,
    pub from_ghost: AtomicU64,
    pub no_funds: AtomicU64,
    pub released: AtomicU64,
    pub expired: AtomicU64,
    pub doubled: AtomicU64,
    pub queue_full: AtomicU64,
}

/// Whose line it is, and the day of the account in which a bid of it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Owner {
    pub campaign: Option<CampaignId>,
    pub advertiser: Option<AdvertiserId>,
    pub day: Day,
}

impl Book {
    /// Over no journal: bids need no leases. For tests and for commands that decide by
    /// themselves.
    pub fn new(config: &Config) -> Book {
        Book::with_leases(config, false)
    }

    /// Over a journal: nothing is bid before [`Book::granted`] says that its lease is durable.
    pub fn leased(config: &Config) -> Book {
        Book::with_leases(config, true)
    }

    fn with_leases(config: &Config, leased: bool) -> Book {
        Book {
            lines: DashMap::new(),
            campaigns: DashMap::new(),
            advertisers: DashMap::new(),
            lines_max: config.lines_max,
            leased,
            alone: Mutex::new(()),
            opened: Mutex::default(),
            started: AtomicI64::new(i64::MIN),
            ghosts_until: AtomicI64::new(i64::MIN),
            stirred: Mutex::default(),
            short: ArrayQueue::new(SHORT_MAX),
            hurry: AtomicBool::new(false),
            walked: AtomicI64::new(i64::MIN),
            roster: Mutex::default(),
            caps: Caps::new(&config.caps),
            boxes: Boxes::default(),
            fresh: ArrayQueue::new(config.hold_queue),
            open: Mutex::new(OpenHolds::default()),
            holds_max: config.holds_max,
            stats: Stats::default(),
        }
    }

    /// Until it is dropped nobody else moves a bound or charges. Never held over more than one
    /// budget's or one bid's affairs: notices wait for it.
    pub(super) fn alone(&self) -> MutexGuard<'_, ()> {
        // A panic under the lock leaves whole numbers; money must go on being settled.
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of a line in one currency, a new one without any budget if there was none.
    pub fn state(&self, line: LineId, currency: Currency) -> Arc<LineState> {
        if let Some(state) = self.line(line, currency) {
            return state;
        }
        let fresh = || {
            let state = Arc::new(LineState::new(line, currency, self.leased));
            self.roster().add(&state);
            state
        };
        Arc::clone(&self.lines.entry((line, currency)).or_insert_with(fresh))
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        // A panic under the lock leaves a list that is whole.
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn line(&self, line: LineId, currency: Currency) -> Option<Arc<LineState>> {
        self.lines.get(&(line, currency)).map(|state| Arc::clone(&state))
    }

    pub fn advertiser(&self, id: AdvertiserId, currency: Currency) -> Arc<AdvertiserState> {
        let fresh = || Arc::new(AdvertiserState::new(id, currency, self.leased));
        Arc::clone(&self.advertisers.entry((id, currency)).or_insert_with(fresh))
    }

    pub fn campaign(
        &self,
        (id, currency): (CampaignId, Currency),
        advertiser: AdvertiserId,
    ) -> Arc<CampaignState> {
        if let Some(known) = self.campaigns.get(&(id, currency)) {
            return Arc::clone(&known);
        }
        let advertiser = self.advertiser(advertiser, currency);
        let fresh = || Arc::new(CampaignState::new(id, currency, advertiser, self.leased));
        Arc::clone(&self.campaigns.entry((id, currency)).or_insert_with(fresh))
    }

    /// Looks at one budget, if it is known.
    pub fn with_pot<T>(
        &self,
        (id, currency): (BudgetId, Currency),
        look: impl FnOnce(&Pot) -> T,
    ) -> Option<T> {
        match id {
            BudgetId::Funds(advertiser) => {
                let state =
                    self.advertisers.get(&(advertiser, currency)).map(|s| Arc::clone(&s))?;
                Some(look(&state.funds))
            }
            BudgetId::Campaign(campaign, day) => {
                let state = self.campaigns.get(&(campaign, currency)).map(|s| Arc::clone(&s))?;
                match day {
                    None => Some(look(&state.total)),
                    Some(day) => state.days.of(day).map(|pot| look(&pot)),
                }
            }
            BudgetId::Line(line, day) => {
                let state = self.line(line, currency)?;
                match day {
                    None => Some(look(&state.total)),
                    Some(day) => state.days.of(day).map(|pot| look(&pot)),
                }
            }
        }
    }

    pub fn owner(&self, line: LineId, currency: Currency, made: Moment) -> Owner {
        let state = self.line(line, currency);
        let campaign = state.as_ref().and_then(|state| state.campaign());
        match campaign {
            None => Owner { day: super::line::day_of(None, made), ..Owner::default() },
            Some(campaign) => Owner {
                campaign: Some(campaign.id),
                advertiser: Some(campaign.advertiser.id),
                day: campaign.advertiser.day(made),
            },
        }
    }

    /// Funds were paid in, or below nought paid back: at once, while bids are made. `false`: a
    /// refund of what is spent or held already.
    pub fn fund(&self, advertiser: AdvertiserId, amount: Money) -> bool {
        let state = self.advertiser(advertiser, amount.currency);
        let _alone = self.alone();
        state.pay(amount.nanos)
    }

    /// At start, from entries alone: what the journal says this line has spent.
    pub fn restore(&self, line: LineId, spent: Money) {
        let state = self.state(line, spent.currency);
        self.stir(&state);
        let purse = &state.total.purse;
        let _alone = self.alone();
        purse.add(spent.nanos);
        purse.spend(spent.nanos, spent.nanos);
    }

    /// The supplies that get no bids for now.
    pub fn boxes(&self) -> &Boxes {
        &self.boxes
    }

    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// Takes money and the caps' places, or nothing. The hot half: no lock.
    pub(super) fn take(
        &self,
        state: &Arc<LineState>,
        hold: &Hold,
        caps: Option<(&Arc<CapSet>, CapAsk)>,
    ) -> Result<(), Refusal> {
        let shares = state.take(hold.price.nanos, hold.moment)?;
        let places = caps.map(|(set, ask)| self.caps.take(set, &ask)).transpose();
        let places = places.inspect_err(|_| state.give_back(&shares))?;
        state.count(Count::Bids);
        self.stats.held.fetch_add(1, Ordering::Relaxed);
        state.dial.took(hold.price.nanos, shares.likely);
        let ends = hold.win_by.map_or(hold.expires, |win_by| win_by.min(hold.expires));
        let state = Arc::clone(state);
        let (bid, expires) = (hold.bid, hold.expires);
        let open = OpenHold { bid, state, shares, places, ends, expires, won: false };
        self.fresh.push(open).map_err(|hold| {
            self.give_back(&hold);
            hold.state.uncount(Count::Bids);
            self.stats.queue_full.fetch_add(1, Ordering::Relaxed);
            Refusal::HoldsFull
        })
    }

    pub(super) fn give_back(&self, hold: &OpenHold) {
        hold.state.give_back(&hold.shares);
        hold.places.iter().for_each(|places| self.caps.give_back(places));
    }

    /// Gives back what has ended; called every `sweep_ms` by a background loop.
    pub fn sweep(&self, now: Moment) {
        let mut open = self.lock();
        self.gather(&mut open);
        while let Some(hold) = open.pop_ended(now) {
            self.give_back(&hold);
            self.stir(&hold.state);
            hold.state.rate.ended(false);
            self.stats.expired.fetch_add(1, Ordering::Relaxed);
        }
        // What had no room before may have it now.
        self.gather(&mut open);
        drop(open);
        self.caps.sweep(now);
    }

    /// The open holds, this bid's among them if it has one: a notice may outrun the sweeper.
    pub(super) fn open_with(&self, bid: BidId) -> MutexGuard<'_, OpenHolds> {
        let mut open = self.lock();
        if !open.has(bid) {
            self.gather(&mut open);
        }
        open
    }

    fn gather(&self, open: &mut OpenHolds) {
        while open.len() < self.holds_max && self.caps.keeps_up() {
            let Some(hold) = self.fresh.pop() else { return };
            self.stir(&hold.state);
            if let Some(places) = &hold.places {
                self.caps.opened(hold.bid, places, (hold.ends, hold.expires));
            }
            if let Some(second) = open.add(hold) {
                self.give_back(&second);
                self.stats.doubled.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Gathers all holds that there are; `false`: there is no room for some.
    pub(super) fn gather_all(&self) -> bool {
        self.gather(&mut self.lock());
        self.fresh.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, OpenHolds> {
        // A panic under the lock leaves a map that is whole; money must go on being settled.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Open holds and what became of all others, by name: `held` is the sum of `open` to
    /// `queue_full`. Charges whose hold had ended before stand apart.
    pub fn stats(&self) -> [(&'static str, u64); 10] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let open = self.lock().len() + self.fresh.len();
        [
            ("held", read(&self.stats.held)),
            ("open", open as u64),
            ("charged", read(&self.stats.charged)),
            ("released", read(&self.stats.released)),
            ("expired", read(&self.stats.expired)),
            ("doubled", read(&self.stats.doubled)),
            ("queue_full", read(&self.stats.queue_full)),
            ("without_hold", read(&self.stats.without_hold)),
            ("from_ghost", read(&self.stats.from_ghost)),
            ("no_funds", read(&self.stats.no_funds)),
        ]
    }
}
