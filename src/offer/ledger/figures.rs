//! What happened to a line's bids, by the hour in which they were made?

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::account::Hour;
use super::entry::{Effect, NoticeEntry, TallyLine};
use crate::base::stdx::labels::labels;
use crate::market::notice::Kind;
use crate::market::outcome::Refusal;

/// Counts and sums of one line in one stretch of time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// By [`Figure`].
    counts: [u64; Figure::ALL.len()],
    /// Charged, in the account's currency.
    pub spent_nanos: i64,
    /// Billable events that were not charged.
    pub disputed_nanos: i64,
    /// Why the line did not bid, by reason.
    refusals: Vec<(Refusal, u64)>,
}

labels! {
    /// What is counted. The order stands in snapshots: append only.
    Figure {
        /// Requests whose facts met the line's targeting.
        Matched = "matched";
        Bids = "bids";
        Wins = "wins";
        Losses = "losses";
        Billings = "billings";
        Impressions = "impressions";
        Starts = "starts";
        FirstQuartiles = "first_quartiles";
        Midpoints = "midpoints";
        ThirdQuartiles = "third_quartiles";
        Completes = "completes";
        Skips = "skips";
        Clicks = "clicks";
        CompanionViews = "companion_views";
        Errors = "errors";
        NotUsed = "not_used";
        /// Billable events that were charged.
        Charged = "charged";
        /// Billable events in time for which no money was left.
        NoFunds = "no_funds";
        /// Billable events after their ticket's expiry.
        Late = "late";
        /// Notices that contradict what was told before; they book nothing.
        Conflicts = "conflicts";
    }
}

impl Figure {
    /// What a notice in time counts as.
    pub const fn of(kind: Kind) -> Option<Figure> {
        Some(match kind {
            Kind::Win => Figure::Wins,
            Kind::Billing => Figure::Billings,
            Kind::Loss => Figure::Losses,
            Kind::Impression => Figure::Impressions,
            Kind::Start => Figure::Starts,
            Kind::FirstQuartile => Figure::FirstQuartiles,
            Kind::Midpoint => Figure::Midpoints,
            Kind::ThirdQuartile => Figure::ThirdQuartiles,
            Kind::Complete => Figure::Completes,
            Kind::Skip => Figure::Skips,
            Kind::Error => Figure::Errors,
            Kind::NotUsed => Figure::NotUsed,
            Kind::Click => Figure::Clicks,
            Kind::CompanionView => Figure::CompanionViews,
            Kind::Mute | Kind::Unmute | Kind::Pause | Kind::Resume => return None,
        })
    }
}

impl Figures {
    pub fn count(&self, figure: Figure) -> u64 {
        self.counts[figure as usize]
    }

    /// Billable events that were not charged, whatever the cause.
    pub fn disputed(&self) -> u64 {
        self.count(Figure::NoFunds) + self.count(Figure::Late)
    }

    /// Why the line did not bid, and how often; in the order of the reasons.
    pub fn refusals(&self) -> &[(Refusal, u64)] {
        &self.refusals
    }

    /// Adds all that another stretch of time has.
    pub fn merge(&mut self, other: &Figures) {
        for (own, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *own = own.saturating_add(*theirs);
        }
        self.spent_nanos = self.spent_nanos.saturating_add(other.spent_nanos);
        self.disputed_nanos = self.disputed_nanos.saturating_add(other.disputed_nanos);
        for &(reason, count) in &other.refusals {
            self.refuse(reason, count);
        }
    }

    pub(super) fn notice(&mut self, notice: &NoticeEntry) {
        let disputed = match notice.effect {
            Effect::Counted => None,
            Effect::Charged => {
                self.add(Figure::Charged, 1);
                self.spent_nanos = self.spent_nanos.saturating_add(notice.charged.nanos);
                None
            }
            Effect::Disputed => Some(Figure::NoFunds),
            Effect::Late if notice.billable => Some(Figure::Late),
            Effect::Conflict => return self.add(Figure::Conflicts, 1),
            Effect::Late | Effect::Test => return,
        };
        if notice.effect != Effect::Late
            && let Some(figure) = Figure::of(notice.kind)
        {
            self.add(figure, 1);
        }
        if let Some(figure) = disputed {
            self.add(figure, 1);
        }
        if disputed.is_some() || notice.effect == Effect::Charged {
            let open = notice.due_nanos - notice.charged.nanos;
            self.disputed_nanos = self.disputed_nanos.saturating_add(open);
        }
    }

    pub(super) fn tally(&mut self, tally: &TallyLine) {
        self.add(Figure::Matched, u64::from(tally.matched));
        self.add(Figure::Bids, u64::from(tally.bids));
        for &(reason, count) in &tally.refusals {
            self.refuse(reason, u64::from(count));
        }
    }

    pub(super) fn counts(&self) -> &[u64; Figure::ALL.len()] {
        &self.counts
    }

    pub(super) fn from_parts(
        counts: [u64; Figure::ALL.len()],
        (spent_nanos, disputed_nanos): (i64, i64),
        refusals: Vec<(Refusal, u64)>,
    ) -> Figures {
        Figures { counts, spent_nanos, disputed_nanos, refusals }
    }

    fn add(&mut self, figure: Figure, n: u64) {
        let count = &mut self.counts[figure as usize];
        *count = count.saturating_add(n);
    }

    fn refuse(&mut self, reason: Refusal, n: u64) {
        match self.refusals.binary_search_by_key(&reason, |&(of, _)| of) {
            Ok(at) => self.refusals[at].1 = self.refusals[at].1.saturating_add(n),
            Err(at) => self.refusals.insert(at, (reason, n)),
        }
    }
}

/// The number of a line in its ledger.
pub(super) type LineSlot = u32;

pub(super) type Cells = HashMap<LineSlot, Figures, RandomState>;

/// How much of the past is kept in detail. What is older is folded, never lost: hours into days,
/// days into the line's total.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keep {
    /// Hours in which anything happened.
    pub hours: usize,
    /// Days, by the clock of the world, that hours were folded into.
    pub days: usize,
    /// Lines × hours and lines × days, each.
    pub cells: usize,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep { hours: 24 * 8, days: 400, cells: 1 << 20 }
    }
}

/// The hours of all lines. The latest ones that there are figures of are kept: a clock that
/// jumped takes one place, and drives nothing out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hours {
    pub hours: BTreeMap<Hour, Cells>,
    /// By the hour in which the day began.
    pub days: BTreeMap<Hour, Cells>,
    pub totals: Cells,
}

impl Hours {
    /// Writes into the cell of a line and hour, and folds what is more than is kept.
    pub fn at(&mut self, place: (LineSlot, Hour), keep: &Keep, with: impl Fn(&mut Figures)) {
        let (slot, hour) = place;
        let cells = self.hours.entry(hour).or_default();
        let before = cells.len();
        with(cells.entry(slot).or_default());
        let is_new = cells.len() > before;
        with(self.totals.entry(slot).or_default());
        if is_new {
            self.fold(keep);
        }
    }

    fn fold(&mut self, keep: &Keep) {
        while self.hours.len() > 1 && is_beyond(&self.hours, keep.hours, keep.cells) {
            let Some((hour, cells)) = self.hours.pop_first() else { break };
            let day = self.days.entry(hour.midnight()).or_default();
            for (slot, figures) in cells {
                day.entry(slot).or_default().merge(&figures);
            }
        }
        while self.days.len() > 1 && is_beyond(&self.days, keep.days, keep.cells) {
            self.days.pop_first();
        }
    }
}

fn is_beyond(stretches: &BTreeMap<Hour, Cells>, most: usize, cells: usize) -> bool {
    stretches.len() > most || stretches.values().map(HashMap::len).sum::<usize>() > cells
}
