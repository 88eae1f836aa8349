//! What has one line spent, and what is held for it? Its own budgets, those above it, its counts.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use super::day::{Days, NoDay};
use super::owner::CampaignState;
use super::pacing::{Dial, Pace};
use super::pot::Pot;
use super::purse::UNLIMITED;
use super::rate::WinRate;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::LineId;
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;
use crate::market::outcome::Refusal;
use crate::offer::ledger::{BudgetId, Day, TallyLine};

/// The live state of one line; survives swaps, shared by all worlds.
///
/// A bid counts against up to five budgets: of the line, its campaign and its advertiser, for
/// ever and for the day. It takes its price from each that has a limit, or from none.
pub struct LineState {
    pub line: LineId,
    /// The account's currency, that all amounts here are in.
    pub currency: Currency,
    /// How it bids now.
    pub dial: Dial,
    pub total: Pot,
    pub days: Days,
    pub rate: WinRate,
    /// Known from the first publication on; a line never changes its campaign.
    campaign: OnceLock<Arc<CampaignState>>,
    counts: [AtomicU64; Count::ALL.len()],
    /// Since the last tally.
    asked: Asked,
    /// Too few listeners meet its clauses about the listener.
    thin: AtomicBool,
    /// A turn will look at it.
    pub(super) stirred: AtomicBool,
}

/// Budgets that a bid may count against.
pub const LEVELS: usize = 5;
const LINE: usize = 0;
const LINE_DAY: usize = 1;
const CAMPAIGN: usize = 2;
const CAMPAIGN_DAY: usize = 3;
const FUNDS: usize = 4;

/// What one bid took of each of its budgets, and which days these were.
#[derive(Default, Debug)]
pub struct Shares {
    pub nanos: [i64; LEVELS],
    /// What it took, or would have taken, of an expected budget.
    pub likely: i64,
    line_day: Option<Arc<Pot>>,
    campaign_day: Option<Arc<Pot>>,
}

/// What is counted of each line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    Bids,
    Wins,
    Losses,
    Impressions,
    Starts,
    FirstQuartiles,
    Midpoints,
    ThirdQuartiles,
    Completes,
    Clicks,
    Errors,
    NotUsed,
    /// Billable events that were not charged: too late, or no funds remained.
    Disputed,
}

impl Count {
    pub const ALL: [Count; 13] = [
        Count::Bids,
        Count::Wins,
        Count::Losses,
        Count::Impressions,
        Count::Starts,
        Count::FirstQuartiles,
        Count::Midpoints,
        Count::ThirdQuartiles,
        Count::Completes,
        Count::Clicks,
        Count::Errors,
        Count::NotUsed,
        Count::Disputed,
    ];
}

impl LineState {
    pub(super) fn new(line: LineId, currency: Currency, leased: bool) -> LineState {
        let id = BudgetId::Line(line, None);
        LineState {
            line,
            currency,
            dial: Dial::new(Pace::FULL),
            total: Pot::new(id, currency, leased),
            days: Days::new(id, currency, leased),
            rate: WinRate::new(),
            campaign: OnceLock::new(),
            counts: [const { AtomicU64::new(0) }; Count::ALL.len()],
            asked: Asked::default(),
            thin: AtomicBool::new(false),
            stirred: AtomicBool::new(false),
        }
    }

    /// Whose line it is, from now on. `true`: that was not known before.
    pub(super) fn join(&self, campaign: &Arc<CampaignState>) -> bool {
        self.campaign.set(Arc::clone(campaign)).is_ok()
    }

    pub fn campaign(&self) -> Option<&Arc<CampaignState>> {
        self.campaign.get()
    }

    /// Says whether its crowd is below the minimum: it does not bid while it is.
    pub fn set_thin(&self, thin: bool) {
        self.thin.store(thin, Ordering::Relaxed);
    }

    pub fn is_thin(&self) -> bool {
        self.thin.load(Ordering::Relaxed)
    }

    /// Takes what a bid of this price takes of each budget, or nothing.
    pub(super) fn take(&self, price: i64, moment: Moment) -> Result<Shares, Refusal> {
        let mut shares = Shares::default();
        if self.take_each(price, moment, &mut shares).is_ok_and(|all| all) {
            return Ok(shares);
        }
        self.give_back(&shares);
        Err(Refusal::BudgetSpent)
    }

    fn take_each(&self, price: i64, moment: Moment, shares: &mut Shares) -> Result<bool, NoDay> {
        let win_ppm = self.rate.upper_ppm();
        let Shares { nanos, likely, line_day, campaign_day } = shares;
        *likely = price;
        let mut take = |level: usize, pot: &Pot| {
            if !pot.purse.is_limited() {
                return true;
            }
            let share = pot.share(price, win_ppm);
            *likely = share.min(*likely);
            let took = pot.purse.take(share);
            nanos[level] = if took { share } else { 0 };
            took
        };
        if price < 0 || !take(LINE, &self.total) {
            return Ok(false);
        }
        *line_day = self.days.at(moment)?;
        if !line_day.as_ref().is_none_or(|day| take(LINE_DAY, day)) {
            return Ok(false);
        }
        let Some(campaign) = self.campaign() else { return Ok(true) };
        if !take(CAMPAIGN, &campaign.total) {
            return Ok(false);
        }
        *campaign_day = campaign.days.at(moment)?;
        let day = campaign_day.as_ref().is_none_or(|day| take(CAMPAIGN_DAY, day));
        Ok(day && take(FUNDS, &campaign.advertiser.funds))
    }

    pub(super) fn give_back(&self, shares: &Shares) {
        for (pot, &nanos) in self.pots(shares).iter().zip(&shares.nanos) {
            if let Some(pot) = pot.filter(|_| nanos > 0) {
                pot.purse.give_back(nanos);
            }
        }
    }

    /// The budgets that a bid counts against, with the days that it took of.
    pub(super) fn pots<'t>(&'t self, shares: &'t Shares) -> [Option<&'t Pot>; LEVELS] {
        let campaign = self.campaign();
        [
            Some(&self.total),
            shares.line_day.as_deref(),
            campaign.map(|campaign| &campaign.total),
            shares.campaign_day.as_deref(),
            campaign.map(|campaign| &campaign.advertiser.funds),
        ]
    }

    /// For a charge: names the days of a bid that took none of them. `false`: a day's budget
    /// cannot be charged any more. Call alone.
    pub(super) fn name_days(&self, shares: &mut Shares, made: Moment) -> bool {
        let campaign = self.campaign();
        let calendar = campaign.map(|campaign| campaign.advertiser.calendar());
        let calendar = calendar.as_deref().unwrap_or(&*UTC);
        let day = calendar.day(made);
        let find = |days: &Days| days.ensure(calendar, day, day).map(|(pot, _)| pot);
        if shares.line_day.is_none() {
            shares.line_day = find(&self.days);
        }
        if let (None, Some(campaign)) = (&shares.campaign_day, campaign) {
            shares.campaign_day = find(&campaign.days);
        }
        let gone = shares.line_day.is_none() && self.days.is_limited();
        let unfound = |campaign: &Arc<CampaignState>| campaign.days.is_limited();
        !gone && (shares.campaign_day.is_some() || !campaign.is_some_and(unfound))
    }

    /// Whether each budget has anything left that may be shares now.
    pub fn money_left(&self, moment: Moment) -> bool {
        self.every(moment, |pot| pot.purse.fits(1))
    }

    /// Whether a bid of this price would fit now; takes nothing.
    pub(super) fn fits(&self, price: i64, moment: Moment) -> bool {
        let win_ppm = self.rate.upper_ppm();
        price >= 0 && self.every(moment, |pot| pot.purse.fits(pot.share(price, win_ppm)))
    }

    /// Whether a bid of this price would fit if leases were as large as limits.
    pub(super) fn could_pay(&self, price: i64, moment: Moment) -> bool {
        let win_ppm = self.rate.upper_ppm();
        self.every(moment, |pot| pot.purse.could_pay(pot.share(price, win_ppm)))
    }

    /// Whether it holds of every budget with a limit.
    fn every(&self, moment: Moment, holds: impl Fn(&Pot) -> bool) -> bool {
        let holds = |pot: &Pot| !pot.purse.is_limited() || holds(pot);
        let on_day = |days: &Days| {
            days.with(moment, |pot| holds(pot)).is_ok_and(|held| held.unwrap_or(true))
        };
        let above = |campaign: &Arc<CampaignState>| {
            holds(&campaign.total) && on_day(&campaign.days) && holds(&campaign.advertiser.funds)
        };
        holds(&self.total) && on_day(&self.days) && self.campaign().is_none_or(above)
    }

    pub fn total(&self) -> Option<i64> {
        Some(self.total.purse.limit()).filter(|&total| total != UNLIMITED)
    }

    pub fn spent(&self) -> i64 {
        self.total.purse.spent()
    }

    /// Exact when nothing is under way; never negative.
    pub fn held(&self) -> i64 {
        if self.total.purse.is_limited() { self.total.purse.held() } else { 0 }
    }

    /// Whether anything was ever spent, or is held.
    pub(super) fn is_committed(&self) -> bool {
        let mut blank = self.total.is_blank();
        self.days.each(|pot| blank &= pot.is_blank());
        !blank
    }

    pub fn count(&self, count: Count) {
        self.counts[count as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back what was counted too early.
    pub(super) fn uncount(&self, count: Count) {
        self.counts[count as usize].fetch_sub(1, Ordering::Relaxed);
    }

    /// At start: what was counted before.
    pub(super) fn seed_count(&self, count: Count, n: u64) {
        self.counts[count as usize].store(n, Ordering::Relaxed);
        if count == Count::Bids {
            self.asked.bids_told.store(n, Ordering::Relaxed);
        }
    }

    pub fn counted(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    /// A decision looked at it: its facts met the targeting, and this kept it from bidding.
    pub fn looked_at(&self, refusal: Option<Refusal>) {
        self.asked.of(refusal).fetch_add(1, Ordering::Relaxed);
    }

    /// A bid that it was to make came to nothing: so did the look at it.
    pub(super) fn refused(&self, refusal: Refusal) {
        self.asked.of(Some(refusal)).fetch_add(1, Ordering::Relaxed);
        self.asked.of(None).fetch_sub(1, Ordering::Relaxed);
    }

    /// What was counted since the last call, if anything was. What a decision under way counts
    /// late waits for the next look at the line, but for the `last` tally.
    pub(super) fn tally(&self, last: bool) -> Option<TallyLine> {
        let bids = self.counted(Count::Bids);
        let told = self.asked.bids_told.load(Ordering::Relaxed);
        if !last && bids <= told && self.asked.looks.iter().all(|n| n.load(Ordering::Relaxed) == 0)
        {
            return None;
        }
        let drain = |count: &AtomicI32| match count.load(Ordering::Relaxed) {
            0 => 0,
            _ => count.swap(0, Ordering::Relaxed),
        };
        self.asked.bids_told.store(bids.max(told), Ordering::Relaxed);
        let bids = bids.saturating_sub(told) as u32;
        let free = drain(self.asked.of(None));
        let refusals =
            Refusal::ALL.iter().map(|&why| (why, drain(self.asked.of(Some(why))) as u32));
        let refusals: Vec<_> = refusals.filter(|&(_, count)| count > 0).collect();
        let all = refusals.iter().fold(i64::from(free), |all, &(_, n)| all + i64::from(n));
        // A bid just refused may have been drained by half.
        self.asked.of(None).fetch_add(all.min(0) as i32, Ordering::Relaxed);
        let matched = all.max(0) as u32;
        let any = matched > 0 || bids > 0 || !refusals.is_empty();
        let (line, currency) = (self.line, self.currency);
        any.then_some(TallyLine { line, currency, matched, bids, refusals })
    }
}

/// The day of a moment for an account, or for one that is not known.
pub(super) fn day_of(calendar: Option<&Calendar>, moment: Moment) -> Day {
    calendar.unwrap_or(&UTC).day(moment)
}

/// The days of lines whose account is not known.
static UTC: LazyLock<Calendar> = LazyLock::new(Calendar::utc);

/// How looks at a line ended: each is one step of one number, for the line may lie in no cache.
struct Asked {
    /// By refusal; behind them those that nothing kept from bidding.
    looks: [AtomicI32; Refusal::ALL.len() + 1],
    /// How many bids were told by the last tally.
    bids_told: AtomicU64,
}

impl Asked {
    fn of(&self, refusal: Option<Refusal>) -> &AtomicI32 {
        &self.looks[refusal.map_or(Refusal::ALL.len(), |refusal| refusal as usize)]
    }
}

impl Default for Asked {
    fn default() -> Asked {
        let looks = [const { AtomicI32::new(0) }; Refusal::ALL.len() + 1];
        Asked { looks, bids_told: AtomicU64::new(0) }
    }
}
