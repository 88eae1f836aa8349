//! Which caps does a line have, and where in the table does a bid of it count? Made when a world
//! is published (cold), asked for each bid (hot).
//!
//! Windows are of the moments at which ads are decided, in whole seconds. A bid counts
//! - in a *calendar* window until the hour, day, week or month of the account's zone ends: exact;
//! - in a *rolling* window of `w` seconds until `w` has passed since the end of the step that it
//!   was made in. A step is 1/64 of the window for caps up to 8 and 1/8 for larger ones, at least
//!   a second: in no span of `w` seconds are there more than the cap says, and a place comes back
//!   at most a step late;
//! - in a *flight* until the line's flight has been over for [`FLIGHT_KEPT_S`], so that it may be
//!   prolonged by so much; on other levels for as long as anything of them is sold.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use super::table::{End, Place};
use crate::base::units::calendar::{Calendar, Unit};
use crate::base::units::ids::{AdvertiserId, CampaignId, CreativeIx, LineId, ListenerMark};
use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::{Cap, Catalog, Line, Window};
use crate::market::ticket::creative_mark;

/// A flight may be prolonged by so much without its counts being lost.
pub(super) const FLIGHT_KEPT_S: i64 = 31 * 86_400;

/// For caps up to this the steps of rolling windows are fine.
const FEW: u16 = 8;
const FINE: u32 = 64;
const COARSE: u32 = 8;

/// How long a month can be, and an hour more.
const MONTH_S: i64 = (31 * 24 + 1) * 3600;

/// What a cap is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Level {
    Line = 0,
    Campaign = 1,
    Advertiser = 2,
    Creative = 3,
}

impl Level {
    pub const ALL: [Level; 4] = [Level::Line, Level::Campaign, Level::Advertiser, Level::Creative];

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Level::Line => "line",
            Level::Campaign => "campaign",
            Level::Advertiser => "advertiser",
            Level::Creative => "creative",
        }
    }
}

/// Whose a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Owner {
    pub line: LineId,
    pub campaign: CampaignId,
    pub advertiser: AdvertiserId,
}

/// One cap of one target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rule {
    pub level: Level,
    most: u16,
    span: Span,
    /// Of level, target and window: what a listener's mark is mixed with.
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Span {
    Rolling {
        seconds: u32,
        step: u32,
    },
    Calendar(Unit),
    /// Until this second.
    Until(i64),
}

impl Rule {
    /// `flight_end_s`: of a line; `i64::MAX` on other levels, whose lines come and go.
    pub fn new(level: Level, target: u64, cap: Cap, flight_end_s: i64) -> Rule {
        let (kind, size, span) = match cap.window {
            Window::Rolling { seconds } => {
                let seconds = seconds.max(1);
                let steps = if cap.impressions <= FEW { FINE } else { COARSE };
                (0, seconds, Span::Rolling { seconds, step: (seconds / steps).max(1) })
            }
            Window::Calendar(unit) => (1, unit as u32, Span::Calendar(unit)),
            Window::Flight => (2, 0, Span::Until(flight_end_s.saturating_add(FLIGHT_KEPT_S))),
        };
        let mut bytes = [level as u8, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[2..10].copy_from_slice(&target.to_le_bytes());
        bytes[10..].copy_from_slice(&size.to_le_bytes());
        Rule { level, most: cap.impressions, span, seed: xxh3_64(&bytes) }
    }

    /// What the counts of a listener are found by.
    fn key(&self, mark: ListenerMark) -> u64 {
        mix(self.seed ^ mark.0)
    }

    /// Where a bid made at this second counts for a listener.
    fn place(&self, ends: &Ends, mark: ListenerMark, made_s: i64) -> Place {
        let end_s = match self.span {
            Span::Rolling { seconds, step } => {
                let step = i64::from(step);
                (made_s.div_euclid(step) + 1) * step + i64::from(seconds)
            }
            Span::Calendar(unit) => ends.until_s(unit, made_s),
            Span::Until(end_s) => end_s,
        };
        Place { key: self.key(mark), end: End::at(end_s, made_s), most: self.most }
    }

    /// How long a bid counts at most, behind the second at which it was made.
    fn longest_s(&self, made_s: i64) -> i64 {
        match self.span {
            Span::Rolling { seconds, step } => i64::from(seconds) + i64::from(step),
            Span::Calendar(_) => MONTH_S,
            Span::Until(end_s) => end_s.saturating_sub(made_s),
        }
    }

    /// The same window at the same level of the same target.
    fn counts_as(&self, other: &Rule) -> bool {
        self.seed == other.seed
    }
}

/// All that one line's bids count for.
#[derive(Debug)]
pub struct CapSet {
    pub(super) owner: Owner,
    ends: Ends,
    rules: Box<[Rule]>,
    /// Those of its creatives that have caps.
    creatives: Box<[OfCreative]>,
    /// Until then nobody may be bid for: holds or impressions are missing. Unix seconds.
    closed_until_s: AtomicI64,
}

#[derive(Clone, Debug)]
pub(super) struct OfCreative {
    pub creative: CreativeIx,
    /// As tickets and the log name it.
    pub mark: u32,
    pub rules: Box<[Rule]>,
}

/// A place among a set's creatives; most have no caps of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CreativeAt(Option<u16>);

impl CapSet {
    /// What is capped of a line; without a catalog the line's own caps, in UTC.
    pub fn for_line(line: &Line, catalog: Option<&Catalog>) -> Option<CapSet> {
        let rules = |level, target: u64, caps: &[Cap], end_s| -> Vec<Rule> {
            caps.iter().map(|&cap| Rule::new(level, target, cap, end_s)).collect()
        };
        let mut own = rules(Level::Line, line.id.0, &line.caps, line.flight.end.unix_s());
        let Some(catalog) = catalog else {
            let (campaign, advertiser) = (CampaignId(0), AdvertiserId(0));
            let owner = Owner { line: line.id, campaign, advertiser };
            return CapSet::new(owner, &Arc::new(Calendar::utc()), own, Vec::new());
        };
        let (campaign, advertiser) =
            (catalog.campaign(line.campaign), catalog.advertiser(line.advertiser));
        let forever = i64::MAX;
        own.extend(rules(Level::Campaign, campaign.id.0, &campaign.caps, forever));
        own.extend(rules(Level::Advertiser, advertiser.id.0, &advertiser.caps, forever));
        let capped = line.creatives.iter().map(|&ix| (ix, catalog.creative(ix)));
        let creatives = capped.filter(|(_, creative)| !creative.caps.is_empty());
        let creatives = creatives.map(|(ix, creative)| {
            let mark = creative_mark(&creative.crid);
            let target = advertiser.id.0.rotate_left(32) ^ u64::from(mark);
            let rules = rules(Level::Creative, target, &creative.caps, forever);
            OfCreative { creative: ix, mark, rules: strictest(rules) }
        });
        let owner = Owner { line: line.id, campaign: campaign.id, advertiser: advertiser.id };
        CapSet::new(owner, &advertiser.calendar, own, creatives.collect())
    }

    /// `None` where nothing is capped.
    pub(super) fn new(
        owner: Owner,
        calendar: &Arc<Calendar>,
        rules: Vec<Rule>,
        mut creatives: Vec<OfCreative>,
    ) -> Option<CapSet> {
        creatives.retain(|creative| !creative.rules.is_empty());
        creatives.truncate(usize::from(u16::MAX));
        if rules.is_empty() && creatives.is_empty() {
            return None;
        }
        Some(CapSet {
            owner,
            ends: Ends::of(calendar),
            rules: strictest(rules),
            creatives: creatives.into(),
            closed_until_s: AtomicI64::new(i64::MIN),
        })
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(super) fn creatives(&self) -> &[OfCreative] {
        &self.creatives
    }

    pub(super) fn calendar(&self) -> &Arc<Calendar> {
        &self.ends.calendar
    }

    pub(super) fn at(&self, creative: CreativeIx) -> CreativeAt {
        self.position(|of| of.creative == creative)
    }

    /// By the mark that its tickets carry.
    pub(super) fn named(&self, mark: u32) -> CreativeAt {
        self.position(|of| of.mark == mark)
    }

    fn position(&self, is: impl Fn(&OfCreative) -> bool) -> CreativeAt {
        CreativeAt(self.creatives.iter().position(is).map(|at| at as u16))
    }

    pub(super) fn mark_of(&self, at: CreativeAt) -> u32 {
        self.of_creative(at).map_or(0, |of| of.mark)
    }

    fn of_creative(&self, at: CreativeAt) -> Option<&OfCreative> {
        self.creatives.get(usize::from(at.0?))
    }

    /// What is asked whether there is room: each window's level, key and cap. Cheaper than places:
    /// no end is needed.
    pub(super) fn keys(
        &self,
        at: CreativeAt,
        mark: ListenerMark,
    ) -> impl Iterator<Item = (Level, u64, u16)> + '_ {
        let own = self.of_creative(at).map_or(&[][..], |of| &of.rules);
        let rules = self.rules.iter().chain(own);
        rules.map(move |rule| (rule.level, rule.key(mark), rule.most))
    }

    /// Every place that a bid takes, with the level that it is of.
    pub(super) fn places(
        &self,
        at: CreativeAt,
        mark: ListenerMark,
        made_s: i64,
    ) -> impl Iterator<Item = (Level, Place)> + '_ {
        let own = self.of_creative(at).map_or(&[][..], |of| &of.rules);
        let rules = self.rules.iter().chain(own);
        rules.map(move |rule| (rule.level, rule.place(&self.ends, mark, made_s)))
    }

    /// How long an impression of this second counts somewhere.
    pub(super) fn longest_s(&self, made_s: i64) -> i64 {
        let own = self.creatives.iter().flat_map(|of| &of.rules);
        self.rules.iter().chain(own).map(|rule| rule.longest_s(made_s)).max().unwrap_or(0)
    }

    pub(super) fn close_until(&self, unix_s: i64) {
        self.closed_until_s.fetch_max(unix_s, Ordering::AcqRel);
    }

    pub(super) fn closed_until_s(&self) -> i64 {
        self.closed_until_s.load(Ordering::Acquire)
    }
}

/// When calendar windows end: a calendar, and of each unit the window that was asked for last.
#[derive(Debug)]
struct Ends {
    calendar: Arc<Calendar>,
    /// First second and end, 32 bits each; both nought where there is none.
    last: [AtomicU64; 4],
}

impl Ends {
    fn of(calendar: &Arc<Calendar>) -> Ends {
        Ends { calendar: Arc::clone(calendar), last: Default::default() }
    }

    /// The end of the window that a second belongs to.
    fn until_s(&self, unit: Unit, second: i64) -> i64 {
        let last = &self.last[unit as usize];
        let known = last.load(Ordering::Relaxed);
        let (from_s, until_s) = ((known >> 32) as i64, (known & u64::from(u32::MAX)) as i64);
        if (from_s..until_s).contains(&second) {
            return until_s;
        }
        let span = self.calendar.span(unit, Moment::from_unix_s(second));
        let (from_s, until_s) = (span.from.unix_s(), span.until.unix_s());
        if let (Ok(from_s), Ok(until_s)) = (u32::try_from(from_s), u32::try_from(until_s)) {
            last.store(u64::from(from_s) << 32 | u64::from(until_s), Ordering::Relaxed);
        }
        until_s
    }
}

/// Of rules that count alike only the one that lets least through: a bid counts once for each.
fn strictest(mut rules: Vec<Rule>) -> Box<[Rule]> {
    rules.sort_by_key(|rule| rule.most);
    let mut kept: Vec<Rule> = Vec::with_capacity(rules.len());
    for rule in rules {
        if !kept.iter().any(|other| other.counts_as(&rule)) {
            kept.push(rule);
        }
    }
    kept.into()
}

/// The finaliser of SplitMix64; marks are keyed hashes, so nobody can choose where they fall.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
