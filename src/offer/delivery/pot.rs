//! Which budget is it, and what does the journal know of it? A purse with its name and its lease.
//! The purse is hot; the rest is moved by the book's background turn and by publications.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::purse::{Purse, UNLIMITED};
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::offer::ledger::{Budget, BudgetId, Lease, Limit};

/// One budget.
#[derive(Debug)]
pub struct Pot {
    pub purse: Purse,
    pub id: BudgetId,
    pub currency: Currency,
    /// Holds take what a bid is likely to cost, not all that it may.
    expected: AtomicBool,
    /// How much charges may go beyond the limit: the declared bound of an expected budget.
    over: AtomicI64,
    /// The smallest lease, beyond what is committed …
    least: AtomicI64,
    /// … and a day's budget, of which a part is leased at first even of a total.
    day: AtomicI64,
    known: Mutex<Known>,
}

/// What the journal says of a budget, and how its leases went.
#[derive(Debug)]
struct Known {
    limit: Option<(Option<i64>, i64)>,
    ceiling: i64,
    /// … or will say, once it has what it was told last.
    told: i64,
    ahead: i64,
    committed: i64,
    looked: Moment,
    /// Without any bid, no look would find another lease to ask for.
    rests: bool,
}

/// Bids that a first lease is good for, at least.
const FIRST_BIDS: i64 = 32;
/// … or this part of the limit, or of a day's where there is one, where that is more.
const FIRST_PART: i64 = 256;
/// How far ahead of its spending a budget is leased.
const AHEAD_MS: i128 = 10_000;
/// The shortest time that a rate is taken from: turns that bids wait for come much sooner.
const RATE_MS: i64 = 500;

impl Pot {
    /// `leased`: bids wait until the journal has granted a lease; else they need none.
    pub fn new(id: BudgetId, currency: Currency, leased: bool) -> Pot {
        let purse = Purse::new();
        purse.set_limit(UNLIMITED);
        if !leased {
            purse.grant(i64::MAX);
        }
        Pot {
            purse,
            id,
            currency,
            expected: AtomicBool::new(false),
            over: AtomicI64::new(0),
            least: AtomicI64::new(0),
            day: AtomicI64::new(UNLIMITED),
            known: Mutex::new(Known {
                limit: None,
                ceiling: 0,
                told: 0,
                ahead: 0,
                committed: 0,
                looked: Moment::default(),
                rests: true,
            }),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a bid of this price takes; `win_ppm`: how likely it is to win, at most.
    pub fn share(&self, price: i64, win_ppm: u32) -> i64 {
        if !self.is_expected() {
            return price;
        }
        let part = i128::from(price) * i128::from(win_ppm.min(1_000_000));
        ((part + 999_999) / 1_000_000) as i64
    }

    pub fn is_expected(&self) -> bool {
        self.expected.load(Ordering::Relaxed)
    }

    pub fn over(&self) -> i64 {
        self.over.load(Ordering::Acquire)
    }

    /// What the catalog says of it. Call alone: see [`Purse`].
    pub fn set_terms(&self, limit: Option<i64>, over: i64, expected: bool) {
        self.expected.store(expected, Ordering::Release);
        self.over.store(over, Ordering::Release);
        self.purse.set_limit(limit.unwrap_or(UNLIMITED));
    }

    /// On each day no more than this may be spent of it.
    pub fn set_day(&self, daily: Option<i64>) {
        self.day.store(daily.unwrap_or(UNLIMITED), Ordering::Release);
    }

    /// A bid that will count against it costs so much.
    pub fn expect_bid(&self, price: i64) {
        self.least.fetch_max(price.saturating_mul(FIRST_BIDS), Ordering::AcqRel);
    }

    /// At start: what the ledger says of it. Call alone.
    pub fn seed(&self, budget: &Budget) {
        self.set_terms(budget.limit(), budget.over, budget.over > 0);
        let leased = if budget.limited { budget.ceiling() } else { budget.spent };
        let unleased = self.purse.ceiling() == i64::MAX;
        self.purse.seed(budget.spent, leased);
        if unleased {
            self.purse.grant(i64::MAX);
        }
        let mut known = self.known();
        known.limit = Some((budget.limit(), budget.over));
        known.ceiling = self.purse.ceiling();
        known.committed = self.purse.committed();
    }

    /// The limit, where the journal says another one.
    pub fn limit_to_tell(&self) -> Option<Limit> {
        let limit = Some(self.purse.limit()).filter(|&limit| limit != UNLIMITED);
        let (over, told) = (self.over(), self.known().limit);
        let news = told.map_or(limit.is_some(), |told| told != (limit, over));
        // What was paid in is told by the entries of funds: here only that it is a limit.
        let funds = matches!(self.id, BudgetId::Funds(_));
        if funds && told.is_some_and(|(told, _)| told.is_some() == limit.is_some()) {
            return None;
        }
        let nanos = if funds { limit.map(|_| 0) } else { limit };
        news.then_some(Limit { budget: self.id, currency: self.currency, nanos, over })
    }

    pub fn limit_told(&self, limit: &Limit) {
        self.known().limit = Some((limit.nanos, limit.over));
    }

    /// The lease it needs from now on, where that is another one; a lower one holds at once, a
    /// higher one when it is [granted](Pot::granted). Call alone.
    pub fn lease(&self, now: Moment) -> Option<Lease> {
        if !self.purse.is_limited() {
            return None;
        }
        let most = self.purse.limit().saturating_add(self.over());
        let committed = self.purse.committed();
        let mut known = self.known();
        known.watch(committed, now);
        known.ahead = known.ahead.max(self.first(most));
        known.rests = known.ahead == self.first(most);
        let room = known.ceiling.saturating_sub(committed);
        let wanted = committed.saturating_add(known.ahead).min(most);
        // A limit may be less than what was spent before it was set.
        let grows = wanted > known.ceiling && wanted > committed;
        if grows && room <= known.ahead / 2 {
            known.rests = false;
            known.told = wanted;
            return Some(self.at(wanted));
        }
        if known.ceiling > most || room > known.ahead.saturating_mul(4) {
            let reached = self.purse.lower(wanted);
            let news = reached != known.ceiling;
            (known.ceiling, known.told) = (reached, reached);
            return news.then(|| self.at(reached));
        }
        None
    }

    /// What the journal may say is leased: what it was told counts before it is granted.
    /// Call alone.
    pub fn leased(&self) -> i64 {
        self.known().told.max(self.purse.ceiling())
    }

    /// Whether the lease is what it would be left at, going by the last look.
    pub fn rests(&self) -> bool {
        !self.purse.is_limited() || self.known().rests
    }

    fn first(&self, limit: i64) -> i64 {
        let most = limit.min(self.day.load(Ordering::Acquire));
        self.least.load(Ordering::Acquire).max(most / FIRST_PART).max(1)
    }

    /// The end of a process in order: nothing is leased but what is held. Call alone.
    pub fn close(&self) -> Option<Lease> {
        if !self.purse.is_limited() {
            return None;
        }
        let reached = self.purse.lower(0);
        let news = self.known().ceiling != reached;
        news.then(|| self.at(reached))
    }

    /// The journal has it. Call alone.
    pub fn granted(&self, ceiling: i64) {
        self.purse.grant(ceiling);
        let mut known = self.known();
        known.ceiling = self.purse.ceiling();
        known.told = known.ceiling;
    }

    fn at(&self, ceiling: i64) -> Lease {
        Lease { budget: self.id, currency: self.currency, ceiling }
    }

    /// Nothing ever happened here that would have to be remembered.
    pub fn is_blank(&self) -> bool {
        self.purse.spent() == 0 && self.purse.committed() == 0
    }
}

impl Known {
    /// Follows the spending: at once when it grows, by an eighth a look when it falls.
    fn watch(&mut self, committed: i64, now: Moment) {
        let passed_ms = (now.unix_us.saturating_sub(self.looked.unix_us)) / 1000;
        let more = i128::from(committed.saturating_sub(self.committed).max(0));
        // A clock that was set tells nothing of a rate, nor does one burst.
        let passed_ms = if (1..=60_000).contains(&passed_ms) { passed_ms } else { 1000 };
        let rate = more * AHEAD_MS / i128::from(passed_ms.max(RATE_MS));
        let rate = i64::try_from(rate).unwrap_or(i64::MAX);
        self.ahead = rate.max(self.ahead - (self.ahead / 8).max(1)).max(0);
        (self.committed, self.looked) = (committed, now);
    }
}
