//! At what pace does every line bid until the next turn? One turn over all paced lines. Cold.
//!
//! Called by the loop that drives money (and by the simulator, in virtual time) at least once a
//! second. It reads purses and counters, turns the controllers of each budget, and sets one dial
//! and one fuse per line. A line bids at the least multiplier of all budgets that it counts
//! against: its own and its campaign's, whole and of the day.
//!
//! What is kept here is a memory of the market, not money: a process that starts anew begins at
//! the slow start with the spend that the ledger knows, so nothing is caught up in a burst.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::account::{Account, Manner, Reading, Stretch, Turned};
use super::breaker::Verdict;
use super::curve::{Curve, Learned, local_s};
use super::levers::{Bought, Levers};
use super::pace::Dial;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::{CampaignId, LineId};
use crate::base::units::money::Currency;
use crate::base::units::time::Moment;

/// Budgets that a line is paced by: its own and its campaign's, whole and of the day.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budgets {
    pub total: Option<Reading>,
    pub day: Option<Reading>,
}

/// One line that is paced, as it stands now.
pub struct Subject<'a> {
    pub line: (LineId, Currency),
    pub campaign: CampaignId,
    pub dial: &'a Dial,
    pub calendar: &'a Calendar,
    /// The shares that the line names; learned where it names none.
    pub curve: Option<Curve>,
    /// 1 even, 2 front.
    pub ahead: f64,
    /// The line's own price, in nanos.
    pub price: i64,
    /// It bids on deals only.
    pub agreed: bool,
    pub own: Budgets,
    pub of_campaign: Budgets,
    pub counts: Counted,
}

/// Counters of one line since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub asked: u64,
    pub wins: u64,
    pub impressions: u64,
    /// All that was ever held of strict budgets and of expected ones, and charged, and what the
    /// impressions would have cost at the line's whole price, in nanos.
    pub taken: i64,
    pub likely: i64,
    pub charged: i64,
    pub unshaded: i64,
}

/// All that was ever held: of strict budgets, and of expected ones.
type Taken = (f64, f64);

/// What a turn did that somebody should hear of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// Breakers that tripped just now, by budget.
    pub tripped: Vec<Watch>,
    pub mended: Vec<Watch>,
    /// Breakers that hold lines back.
    pub open: usize,
    pub lines: usize,
}

/// A budget that a breaker watches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Watch {
    Line(LineId, Currency),
    Campaign(CampaignId, Currency),
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Watch::Line(line, currency) => write!(f, "line {line} in {currency}"),
            Watch::Campaign(campaign, currency) => write!(f, "campaign {campaign} in {currency}"),
        }
    }
}

impl Counted {
    /// Whether anything could have been bought since: every question shows it, and every hold.
    fn was_offered(&self, since: &Counted) -> bool {
        (self.asked, self.taken) != (since.asked, since.taken)
    }

    fn held(&self) -> Taken {
        (self.taken as f64, self.likely as f64)
    }
}

/// The memory of all controllers.
#[derive(Default)]
pub struct Pacer {
    budgets: HashMap<(Watch, bool), Account>,
    lines: HashMap<(LineId, Currency), (Levers, Counted, CampaignId)>,
    traffic: Learned,
    at: Option<Moment>,
    requests: u64,
    cool_down_s: f64,
}

impl Pacer {
    pub fn new(cool_down_s: u32) -> Pacer {
        Pacer { cool_down_s: f64::from(cool_down_s), ..Pacer::default() }
    }

    /// One turn at `now`; `requests`: decisions since the process started.
    pub fn turn(&mut self, now: Moment, requests: u64, subjects: &[Subject<'_>]) -> Turns {
        let before = self.at.unwrap_or(now);
        // A clock that was set back makes no turn; the next one is a short one.
        let dt_s = (now.unix_us - before.unix_us).max(0) as f64 / 1e6;
        self.at = Some(now);
        self.traffic.note(now, dt_s, requests.saturating_sub(self.requests) as f64);
        self.requests = requests;
        let mut turns = Turns { lines: subjects.len(), ..Turns::default() };
        let campaigns = self.campaigns(subjects, (before, now), &mut turns);
        for subject in subjects {
            self.line(subject, (before, now), &campaigns, &mut turns);
        }
        self.forget(subjects);
        turns
    }

    /// Budgets that a breaker holds back, and for how many seconds yet.
    pub fn held_back(&self) -> Vec<(Watch, f64)> {
        let tripped = self.budgets.iter().filter(|(_, account)| account.breaker.is_tripped());
        let mut held: Vec<_> =
            tripped.map(|((watch, _), account)| (*watch, account.breaker.cooling_s())).collect();
        held.sort_unstable_by_key(|(watch, _)| watch.to_string());
        held
    }

    /// By an operator's word: what breakers hold back is bid on again at once; how many there were.
    pub fn mend(&mut self) -> usize {
        let tripped = self.budgets.values_mut().filter(|account| account.breaker.is_tripped());
        tripped.map(|account| account.breaker.mend()).count()
    }

    /// What the traffic has told so far, to be kept over a restart.
    pub fn traffic(&self) -> &Learned {
        &self.traffic
    }

    /// The traffic as a process before this one learned it.
    pub fn remember(&mut self, traffic: Learned) {
        self.traffic = traffic;
    }

    /// The campaigns' controllers, each once; by campaign the hardest λ and whether it is held
    /// back altogether.
    fn campaigns(
        &mut self,
        subjects: &[Subject<'_>],
        span: (Moment, Moment),
        turns: &mut Turns,
    ) -> HashMap<(CampaignId, Currency), (f64, bool)> {
        let mut sums: HashMap<(CampaignId, Currency), (usize, Taken, bool)> = HashMap::new();
        for (i, subject) in subjects.iter().enumerate() {
            let known = self.lines.get(&subject.line).map(|(_, counted, _)| *counted);
            let offered = known.is_none_or(|known| subject.counts.was_offered(&known));
            let none = (i, (0.0, 0.0), false);
            let sum = sums.entry((subject.campaign, subject.line.1)).or_insert(none);
            let (taken, likely) = subject.counts.held();
            sum.1 = (sum.1.0 + taken, sum.1.1 + likely);
            sum.2 |= offered;
        }
        let of = |(key, (i, taken, offered)): (_, (usize, Taken, bool))| {
            let (campaign, currency) = key;
            let subject = &subjects[i];
            let watch = Watch::Campaign(campaign, currency);
            let seen = (watch, &subject.of_campaign, taken, offered);
            let (lambda, _, blown) = self.budgets(subject, seen, span, turns);
            (key, (lambda, blown))
        };
        sums.into_iter().map(of).collect()
    }

    fn line(
        &mut self,
        subject: &Subject<'_>,
        span: (Moment, Moment),
        campaigns: &HashMap<(CampaignId, Currency), (f64, bool)>,
        turns: &mut Turns,
    ) {
        let (line, currency) = subject.line;
        let counted = subject.counts;
        let first = (Levers::new(subject.agreed), counted, subject.campaign);
        let (_, last, _) = self.lines.entry(subject.line).or_insert(first);
        let since = std::mem::replace(last, counted);
        let seen = (
            Watch::Line(line, currency),
            &subject.own,
            counted.held(),
            counted.was_offered(&since),
        );
        let (own, plan, blown) = self.budgets(subject, seen, span, turns);
        let above = campaigns.get(&(subject.campaign, currency)).copied();
        let (of_campaign, blown_above) = above.unwrap_or((0.0, false));
        subject.dial.fuse.set(blown || blown_above);
        let Some((levers, ..)) = self.lines.get_mut(&subject.line) else { return };
        let impressions = counted.impressions.saturating_sub(since.impressions) as f64;
        let wins = counted.wins.saturating_sub(since.wins) as f64;
        let bought = Bought {
            dt_s: (span.1.unix_us - span.0.unix_us).max(0) as f64 / 1e6,
            price: subject.price as f64,
            planned: plan,
            charged: (counted.charged - since.charged).max(0) as f64,
            impressions,
            unshaded: (counted.unshaded - since.unshaded).max(0) as f64,
            won: if counted.wins > 0 { wins } else { impressions },
        };
        subject.dial.turn(levers.turn(own.max(of_campaign), &bought));
    }

    /// Both budgets of a line or a campaign: the hardest λ, its plan, and whether a breaker is
    /// open.
    fn budgets(
        &mut self,
        subject: &Subject<'_>,
        (watch, budgets, taken, offered): (Watch, &Budgets, Taken, bool),
        (before, now): (Moment, Moment),
        turns: &mut Turns,
    ) -> (f64, f64, bool) {
        let (mut hardest, mut least, mut blown) = (0.0_f64, f64::INFINITY, false);
        let paid = self.lines.get(&subject.line).map_or(1.0, |(levers, ..)| levers.paid());
        for (of_day, reading) in [(false, budgets.total), (true, budgets.day)] {
            let Some(reading) = reading.filter(|reading| reading.until > now) else { continue };
            let learned = self.traffic.curve();
            let curve = subject.curve.as_ref().unwrap_or(learned);
            let utc = |moment: Moment| moment.unix_us as f64 / 1e6;
            let local = |moment: Moment| match subject.curve {
                Some(_) => local_s(subject.calendar, moment),
                None => utc(moment),
            };
            let manner = Manner {
                ahead: subject.ahead,
                curve,
                price: subject.price as f64 * paid,
                cool_down_s: self.cool_down_s,
            };
            let stretch = Stretch {
                now,
                dt_s: (now.unix_us - before.unix_us).max(0) as f64 / 1e6,
                local_s: (local(before.max(reading.from)), local(now), local(reading.until)),
            };
            let account = self.budgets.entry((watch, of_day)).or_default();
            let taken = if reading.expected { taken.1 } else { taken.0 };
            let seen = (&reading, taken, offered);
            let Turned { lambda, plan, verdict } = account.turn(seen, &manner, &stretch);
            hardest = hardest.max(lambda);
            least = least.min(plan);
            match verdict {
                Verdict::Tripped => turns.tripped.push(watch),
                Verdict::Mended => turns.mended.push(watch),
                Verdict::Calm | Verdict::Cooling => {}
            }
            blown |= account.breaker.is_tripped();
        }
        turns.open += usize::from(blown);
        (hardest, if least.is_finite() { least } else { 0.0 }, blown)
    }

    /// Lines that are paced no more leave nothing behind.
    fn forget(&mut self, subjects: &[Subject<'_>]) {
        if self.lines.len() <= subjects.len() {
            return;
        }
        let lines: HashSet<_> = subjects.iter().map(|s| s.line).collect();
        let campaign = |s: &Subject<'_>| (s.campaign, s.line.1);
        let campaigns: HashSet<_> = subjects.iter().map(campaign).collect();
        self.lines.retain(|line, _| lines.contains(line));
        self.budgets.retain(|(watch, _), _| match *watch {
            Watch::Line(line, currency) => lines.contains(&(line, currency)),
            Watch::Campaign(campaign, currency) => campaigns.contains(&(campaign, currency)),
        });
    }
}
