//! Which lines has a world, and whose are they? A book opened for a world that is about to be
//! published: its budgets count from now on. Cold.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::book::Book;
use super::caps::CapSet;
use super::desk::{Desk, DeskLine};
use super::owner::{CampaignState, set_budget};
use crate::base::units::ids::CampaignIx;
use crate::base::units::money::Currency;
use crate::knowledge::catalog::model::{Advertiser, Campaign, Catalog, Line};
use crate::offer::ledger::OpenedLine;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("more than {0} lines; raise delivery.lines_max")]
pub struct TooManyLines(pub usize);

/// The campaign of a line and the account above it; `None`: it stands alone.
type Owners<'o> = &'o dyn Fn(&Line) -> Option<(&'o Campaign, &'o Advertiser)>;

/// What a world says around its lines.
#[derive(Clone, Copy)]
struct Around<'o> {
    owners: Owners<'o>,
    catalog: Option<&'o Catalog>,
}

impl Book {
    /// The view for a world that is about to be published. Shares what it can with the desk of
    /// the world `before`.
    pub fn desk(
        self: &Arc<Book>,
        catalog: &Catalog,
        before: Option<(&Catalog, &Desk)>,
    ) -> Result<Desk, TooManyLines> {
        let owners = |line: &Line| {
            Some((catalog.campaign(line.campaign), catalog.advertiser(line.advertiser)))
        };
        let around = Around { owners: &owners, catalog: Some(catalog) };
        let base = match before.filter(|(other, _)| other.shares_base(catalog)) {
            None => self.desk_lines(catalog.base_lines(), around)?.into(),
            Some((other, desk)) => {
                // What is again as it was in the base had another budget meanwhile.
                let back = other.gone().filter(|&ix| !catalog.is_gone(ix));
                let mut known = HashSet::new();
                back.for_each(|ix| drop(self.desk_line(catalog.line(ix), around, &mut known)));
                desk.base()
            }
        };
        let fresh = self.desk_lines(catalog.fresh_lines(), around)?;
        Ok(Desk::new(Arc::clone(self), (base, catalog.gone().collect()), fresh))
    }

    /// The view of lines that stand in no catalog and have no owner, in `LineIx` order.
    pub fn desk_of(self: &Arc<Book>, lines: &[Line]) -> Result<Desk, TooManyLines> {
        self.desk_for(lines, &|_| None)
    }

    /// As [`Book::desk_of`], of lines whose campaigns and advertisers are these.
    pub fn desk_owned(
        self: &Arc<Book>,
        lines: &[Line],
        campaigns: &[Campaign],
        advertisers: &[Advertiser],
    ) -> Result<Desk, TooManyLines> {
        self.desk_for(lines, &|line| {
            let advertiser = &advertisers[line.advertiser.index()];
            Some((&campaigns[line.campaign.index()], advertiser))
        })
    }

    fn desk_for(
        self: &Arc<Book>,
        lines: &[Line],
        owners: Owners<'_>,
    ) -> Result<Desk, TooManyLines> {
        let around = Around { owners, catalog: None };
        let lines = (self.desk_lines(lines, around)?.into(), Vec::new());
        Ok(Desk::new(Arc::clone(self), lines, Vec::new()))
    }

    fn desk_lines(
        &self,
        lines: &[Line],
        around: Around<'_>,
    ) -> Result<Vec<DeskLine>, TooManyLines> {
        let missing = |line: &&Line| !self.lines.contains_key(&(line.id, line.bid.currency));
        let has_room = || self.lines.len() + lines.iter().filter(missing).count() <= self.lines_max;
        if !has_room() {
            self.forget();
        }
        if !has_room() {
            return Err(TooManyLines(self.lines_max));
        }
        let mut known = HashSet::new();
        Ok(lines.iter().map(|line| self.desk_line(line, around, &mut known)).collect())
    }

    /// Drops the lines of past worlds that have no money taken: but their counts, nothing is lost.
    fn forget(&self) {
        self.lines.retain(|_, state| Book::is_used(state, 0) || state.is_committed());
        self.settle_stirred();
        self.roster().settle();
        self.caps().forget();
    }

    /// `known`: campaigns whose terms were set for this world already.
    fn desk_line(
        &self,
        line: &Line,
        around: Around<'_>,
        known: &mut HashSet<(CampaignIx, Currency)>,
    ) -> DeskLine {
        let state = self.state(line.id, line.bid.currency);
        if let Some(owner) = (around.owners)(line) {
            let key = (line.campaign, state.currency);
            let campaign = self.owned(owner, state.currency, known.insert(key));
            if state.join(&campaign) {
                self.open_line(line, owner);
                // What it spent before anybody said whose it is counts for its owners from now on.
                let _alone = self.alone();
                for pot in [&campaign.total, &campaign.advertiser.funds] {
                    pot.purse.add(state.spent());
                    pot.purse.spend(state.spent(), state.spent());
                }
            }
            campaign.total.expect_bid(line.bid.nanos);
            campaign.days.expect_bid(line.bid.nanos);
            campaign.advertiser.funds.expect_bid(line.bid.nanos);
        }
        {
            let _alone = self.alone();
            set_budget(&state.total, &state.days, &line.budget);
        }
        state.total.expect_bid(line.bid.nanos);
        state.days.expect_bid(line.bid.nanos);
        self.stir(&state);
        let caps = self.caps().stands(line.id, CapSet::for_line(line, around.catalog));
        DeskLine::new(state, caps, line)
    }

    /// The state of a campaign; with the terms that the world gives it where it is `new` there.
    fn owned(
        &self,
        (campaign, advertiser): (&Campaign, &Advertiser),
        currency: Currency,
        new: bool,
    ) -> Arc<CampaignState> {
        let state = self.campaign((campaign.id, currency), advertiser.id);
        if new {
            let moved = state.advertiser.set_calendar(&advertiser.calendar);
            if moved {
                self.moved((advertiser.id, currency));
            }
            let _alone = self.alone();
            set_budget(&state.total, &state.days, &campaign.budget);
            state.advertiser.set_prepaid(advertiser.prepaid);
        }
        state
    }

    fn open_line(&self, line: &Line, (campaign, advertiser): (&Campaign, &Advertiser)) {
        let opened = OpenedLine {
            line: line.id,
            campaign: campaign.id,
            advertiser: advertiser.id,
            currency: line.bid.currency,
            path: format!("{}/{}/{}", advertiser.key, campaign.key, line.key),
        };
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).push(opened);
    }
}
