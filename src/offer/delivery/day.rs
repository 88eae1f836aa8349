//! How much of today's budget is taken? The days of one line or campaign. Hot to ask.
//!
//! A day's pot is made before its day begins, by the book's background turn, and is never reset:
//! whoever comes to a day again, by whatever a clock did, finds what was taken there. Days that
//! nobody spent on are forgotten first; when more than [`KEPT`] are left, the earliest goes, and
//! neither it nor any day before it can be bid on again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU8, Ordering};

use arc_swap::ArcSwapOption;
use smallvec::SmallVec;

use super::pot::Pot;
use super::purse::UNLIMITED;
use crate::base::units::calendar::{Calendar, Span};
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::offer::ledger::{BudgetId, Day};

/// Days of one budget that are remembered.
const KEPT: usize = 8;
/// How long before its midnight a day is made.
const MADE_AHEAD_S: i64 = 2 * 3600;

/// The days of one line or campaign.
pub struct Days {
    whose: BudgetId,
    currency: Currency,
    leased: bool,
    /// Of each day; [`UNLIMITED`]: there is no daily budget, and holds pass by.
    limit: AtomicI64,
    over: AtomicI64,
    expected: AtomicU8,
    least: AtomicI64,
    /// Days up to this one are gone for good.
    floor: AtomicI32,
    kept: ArcSwapOption<KeptDays>,
}

/// Ascending. Three are there as a rule, and lie beside each other and nowhere else.
type KeptDays = SmallVec<[Kept; 4]>;

/// A day that is remembered.
#[derive(Clone)]
struct Kept {
    day: Day,
    span: Span,
    pot: Arc<Pot>,
}

/// There is a daily budget, and none of this moment: nothing may be bid.
#[derive(Clone, Copy, Debug)]
pub struct NoDay;

impl Days {
    pub fn new(whose: BudgetId, currency: Currency, leased: bool) -> Days {
        Days {
            whose,
            currency,
            leased,
            limit: AtomicI64::new(UNLIMITED),
            over: AtomicI64::new(0),
            expected: AtomicU8::new(0),
            least: AtomicI64::new(0),
            floor: AtomicI32::new(Day::MIN),
            kept: ArcSwapOption::empty(),
        }
    }

    /// The day that a bid of this moment counts against; `None` without a daily budget.
    pub fn at(&self, moment: Moment) -> Result<Option<Arc<Pot>>, NoDay> {
        self.with(moment, Arc::clone)
    }

    /// Asks the day of a moment; `None` without a daily budget.
    pub fn with<T>(
        &self,
        moment: Moment,
        ask: impl FnOnce(&Arc<Pot>) -> T,
    ) -> Result<Option<T>, NoDay> {
        if !self.is_limited() {
            return Ok(None);
        }
        let kept = self.kept.load();
        let days = kept.as_deref().map_or(&[][..], SmallVec::as_slice);
        let day = days.iter().rev().find(|kept| kept.span.contains(moment));
        day.map(|kept| Some(ask(&kept.pot))).ok_or(NoDay)
    }

    pub fn is_limited(&self) -> bool {
        self.limit.load(Ordering::Relaxed) != UNLIMITED
    }

    /// The pot of a day that is remembered.
    pub fn of(&self, day: Day) -> Option<Arc<Pot>> {
        let kept = self.kept.load();
        let found = kept.as_deref()?.iter().find(|kept| kept.day == day)?;
        Some(Arc::clone(&found.pot))
    }

    /// Each day that is remembered.
    pub fn each(&self, mut visit: impl FnMut(&Pot)) {
        let kept = self.kept.load_full();
        kept.iter().flat_map(|days| days.iter()).for_each(|kept| visit(&kept.pot));
    }

    /// What the catalog says of each day. Call alone, as all below.
    pub fn set_terms(&self, limit: Option<i64>, over: i64, expected: bool) {
        self.limit.store(limit.unwrap_or(UNLIMITED), Ordering::Release);
        self.over.store(over, Ordering::Release);
        self.expected.store(u8::from(expected), Ordering::Release);
        self.each(|pot| pot.set_terms(limit, over, expected));
    }

    pub fn expect_bid(&self, price: i64) {
        self.least.fetch_max(price, Ordering::AcqRel);
        self.each(|pot| pot.expect_bid(price));
    }

    /// Makes the days around a moment, where there is a daily budget; gives how many are new.
    pub fn make(&self, calendar: &Calendar, now: Moment) -> usize {
        if !self.is_limited() || self.covers(now) && self.covers(now.plus_s(MADE_AHEAD_S)) {
            return 0;
        }
        let (today, next) = (calendar.day(now), calendar.day(now.plus_s(MADE_AHEAD_S)));
        let days = [today, next, today.saturating_sub(1)];
        let made =
            days.iter().filter(|&&day| self.ensure(calendar, day, today).is_some_and(|m| m.1));
        made.count()
    }

    fn covers(&self, moment: Moment) -> bool {
        let kept = self.kept.load();
        kept.as_deref().is_some_and(|days| days.iter().any(|kept| kept.span.contains(moment)))
    }

    /// The pot of a day, a new one where it is not remembered, and whether it is new; `None`: the
    /// day is gone for good. `today` is not forgotten for it.
    pub fn ensure(&self, calendar: &Calendar, day: Day, today: Day) -> Option<(Arc<Pot>, bool)> {
        if let Some(pot) = self.of(day) {
            return Some((pot, false));
        }
        if day <= self.floor.load(Ordering::Acquire) {
            return None;
        }
        let pot = Arc::new(self.pot(day));
        let mut days =
            self.kept.load_full().map_or_else(KeptDays::new, |days| KeptDays::clone(&days));
        days.push(Kept { day, span: calendar.day_span(day), pot: Arc::clone(&pot) });
        days.sort_unstable_by_key(|kept| kept.day);
        while days.len() > KEPT {
            self.forget_one(&mut days, [day, today]);
        }
        let is_kept = days.iter().any(|kept| kept.day == day);
        self.kept.store(Some(Arc::new(days)));
        is_kept.then_some((pot, true))
    }

    /// A day that nobody spent on and that is not needed, else the earliest, for good.
    fn forget_one(&self, days: &mut KeptDays, needed: [Day; 2]) {
        let idle = |kept: &Kept| !needed.contains(&kept.day) && kept.pot.is_blank() && close(kept);
        let gone = days.remove(days.iter().position(idle).unwrap_or(0));
        if !gone.pot.is_blank() || needed.contains(&gone.day) {
            self.floor.fetch_max(gone.day, Ordering::AcqRel);
        }
    }

    fn pot(&self, day: Day) -> Pot {
        let id = match self.whose {
            BudgetId::Campaign(campaign, _) => BudgetId::Campaign(campaign, Some(day)),
            BudgetId::Line(line, _) => BudgetId::Line(line, Some(day)),
            funds @ BudgetId::Funds(_) => funds,
        };
        let pot = Pot::new(id, self.currency, self.leased);
        let limit = Some(self.limit.load(Ordering::Acquire)).filter(|&limit| limit != UNLIMITED);
        let expected = self.expected.load(Ordering::Acquire) != 0;
        pot.set_terms(limit, self.over.load(Ordering::Acquire), expected);
        pot.expect_bid(self.least.load(Ordering::Acquire));
        pot
    }

    /// At start: the journal knows nothing of this day and those before it.
    pub fn begin_after(&self, day: Day) {
        self.floor.fetch_max(day, Ordering::AcqRel);
    }

    /// The account's days begin at other moments from now on; what they are keeps its amounts.
    pub fn move_to(&self, calendar: &Calendar) {
        let Some(days) = self.kept.load_full() else { return };
        let moved =
            days.iter().map(|kept| Kept { span: calendar.day_span(kept.day), ..kept.clone() });
        self.kept.store(Some(Arc::new(moved.collect())));
    }
}

/// Lets nothing more in; `false`: somebody had just come in.
fn close(kept: &Kept) -> bool {
    let limit = kept.pot.purse.limit();
    kept.pot.purse.set_limit(0);
    let closed = kept.pot.is_blank();
    if !closed {
        kept.pot.purse.set_limit(limit);
    }
    closed
}
