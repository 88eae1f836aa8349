//! Whose money is it? Campaigns and advertisers, and their budgets; survive swaps, shared by all
//! worlds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arc_swap::ArcSwap;

use super::day::Days;
use super::pot::Pot;
use super::purse::UNLIMITED;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::{AdvertiserId, CampaignId};
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::{Budget, BudgetMode};
use crate::offer::ledger::{BudgetId, Day};

/// The live state of one campaign.
pub struct CampaignState {
    pub id: CampaignId,
    pub total: Pot,
    pub days: Days,
    pub advertiser: Arc<AdvertiserState>,
}

/// The live state of one advertiser's account.
pub struct AdvertiserState {
    pub id: AdvertiserId,
    /// What the advertiser has paid in, where that is the limit.
    pub funds: Pot,
    paid_in: AtomicI64,
    prepaid: AtomicBool,
    calendar: ArcSwap<Calendar>,
}

impl CampaignState {
    pub fn new(
        id: CampaignId,
        currency: Currency,
        advertiser: Arc<AdvertiserState>,
        leased: bool,
    ) -> CampaignState {
        let budget = BudgetId::Campaign(id, None);
        let days = Days::new(budget, currency, leased);
        CampaignState { id, total: Pot::new(budget, currency, leased), days, advertiser }
    }
}

/// What a catalog says of a budget. Call alone.
pub fn set_budget(total: &Pot, days: &Days, budget: &Budget) {
    let expected = budget.mode == BudgetMode::Expected;
    // The declared bound of an expected budget is a hundredth of a day's.
    let over = budget.daily.filter(|_| expected).map_or(0, |daily| daily / 100);
    total.set_day(budget.daily);
    total.set_terms(budget.total, over, expected);
    days.set_terms(budget.daily, over, expected);
}

impl AdvertiserState {
    pub fn new(id: AdvertiserId, currency: Currency, leased: bool) -> AdvertiserState {
        AdvertiserState {
            id,
            funds: Pot::new(BudgetId::Funds(id), currency, leased),
            paid_in: AtomicI64::new(0),
            prepaid: AtomicBool::new(false),
            calendar: ArcSwap::from_pointee(Calendar::utc()),
        }
    }

    pub fn day(&self, moment: Moment) -> Day {
        self.calendar.load().day(moment)
    }

    pub fn calendar(&self) -> Arc<Calendar> {
        self.calendar.load_full()
    }

    /// `true`: the account's days are others than before.
    pub fn set_calendar(&self, calendar: &Arc<Calendar>) -> bool {
        let before = self.calendar.load();
        let other = !Arc::ptr_eq(&before, calendar) && **before != **calendar;
        if other {
            self.calendar.store(Arc::clone(calendar));
        }
        other
    }

    /// Whether what was paid in limits what its lines may spend. Call alone, as all below.
    pub fn set_prepaid(&self, prepaid: bool) {
        self.prepaid.store(prepaid, Ordering::Release);
        self.limit();
    }

    /// What the ledger says was paid in, less what was paid back.
    pub fn seed_funds(&self, paid_in: i64) {
        self.paid_in.store(paid_in, Ordering::Release);
    }

    /// A top-up, or below nought a refund, which is refused when it is not there to be paid back.
    pub fn pay(&self, nanos: i64) -> bool {
        let paid_in = self.paid_in.load(Ordering::Acquire);
        let Some(after) = paid_in.checked_add(nanos) else { return false };
        let prepaid = self.prepaid.load(Ordering::Acquire);
        self.paid_in.store(after, Ordering::Release);
        self.limit();
        // The limit stands first: what bids take meanwhile they take from what is left.
        // What the journal says, or is about to, is leased to bids cannot be paid back either.
        let bound = self.funds.purse.committed().max(self.funds.leased());
        let fits = !prepaid || nanos >= 0 || bound <= after;
        if !fits {
            self.paid_in.store(paid_in, Ordering::Release);
            self.limit();
        }
        fits
    }

    fn limit(&self) {
        let paid_in = self.paid_in.load(Ordering::Acquire);
        let limit = if self.prepaid.load(Ordering::Acquire) { paid_in.max(0) } else { UNLIMITED };
        self.funds.purse.set_limit(limit);
    }
}
