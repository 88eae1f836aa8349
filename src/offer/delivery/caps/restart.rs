//! What do listeners have behind them when a process starts? The log's records, back into counts
//! and open holds. Cold.
//!
//! After an orderly stop the log ends with `Closed` and all is as it was: what was heard counts,
//! and what is open is held, lone, until it ends. After any other stop the records of the last
//! `sync_ms` may be missing. Then
//! - everybody counts as capped for as long as a hold may be open that the log does not know: the
//!   longest win window where all exchanges tell wins, else the longest life of a ticket;
//! - what money's journal says was heard or won is taken over for holds that the log knows; for
//!   bids of the last moments that it does not know, all lines that would count them are closed
//!   until the ticket expires; the log is told, so that they are closed after the next start, too;
//! - a win that comes in that time holds places, an impression counts ([`Caps::adopt`]).

use std::collections::HashMap;
use std::sync::Arc;

use super::record::{Record, What};
use super::rules::{CapSet, Level, OfCreative, Owner, Rule};
use super::{Caps, Taken, seconds};
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::time::Moment;
use crate::market::ticket::BidId;

/// Within so long a bid is gathered, so that the log is told of it.
const GATHERED_S: u32 = 5;
/// Bids that are remembered before any are forgotten.
const MANY: usize = 1 << 16;

/// What a restart has to know.
pub struct Restart<'a> {
    pub now: Moment,
    /// The longest life of a ticket.
    pub ticket_life_s: i64,
    /// How long a hold may be open that nobody knows of.
    pub quarantine_s: i64,
    /// What money's journal says of bids whose tickets live, or lived when the process stopped.
    pub told: &'a mut dyn Iterator<Item = Told>,
}

/// One bid of money's journal.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub bid: BidId,
    pub line: LineId,
    pub made: Moment,
    pub expires: Moment,
    pub heard: bool,
}

/// What was found.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Rebuilt {
    pub records: u64,
    pub impressions: u64,
    /// Holds that are open again.
    pub open: usize,
    /// The process before ended in order, or there was none.
    pub orderly: bool,
    /// Bids of the last moments that the log does not know, of capped lines.
    pub unknown: usize,
    /// Until when everybody counts as capped, in unix seconds; nought where nobody does.
    pub closed_until_s: i64,
}

pub(super) struct Rebuilding<'c, 'a> {
    caps: &'c Caps,
    restart: Restart<'a>,
    /// Holds whose tickets lived when the log ended: what was told of them last may be missing.
    open: HashMap<BidId, Open>,
    /// Such bids that the log tells of, and when they were made.
    known: HashMap<BidId, u32>,
    /// How many may be remembered before it is looked for what may go.
    many: usize,
    owners: HashMap<LineId, Owner>,
    gone: Gone,
    /// Bids without their holds, found at a start before.
    missing: Vec<Record>,
    /// What `Closed` said, while nothing stands behind it.
    closed_s: Option<u32>,
    /// The last second that a record tells of.
    last_s: u32,
    rebuilt: Rebuilt,
}

struct Open {
    hold: Record,
    won: bool,
}

pub(super) fn rebuild<'c, 'a>(caps: &'c Caps, restart: Restart<'a>) -> Rebuilding<'c, 'a> {
    Rebuilding {
        caps,
        restart,
        open: HashMap::new(),
        known: HashMap::new(),
        many: MANY,
        owners: HashMap::new(),
        gone: Gone::default(),
        missing: Vec::new(),
        closed_s: None,
        last_s: 0,
        rebuilt: Rebuilt::default(),
    }
}

impl Rebuilding<'_, '_> {
    /// One record of the log, in its order.
    pub fn take(&mut self, record: Record) {
        self.rebuilt.records += 1;
        self.closed_s = None;
        if !matches!(record.what, What::Closed | What::Opened | What::Missing) {
            self.last_s = self.last_s.max(record.made_s);
        }
        match record.what {
            What::Hold => {
                self.known.insert(record.bid, record.made_s);
                self.open.entry(record.bid).or_insert(Open { hold: record, won: false });
            }
            What::Won => {
                self.open.entry(record.bid).and_modify(|open| open.won = true);
            }
            What::Released => drop(self.open.remove(&record.bid)),
            What::Heard => self.heard(&record),
            What::Line => self.owner(&record),
            What::Closed => self.closed_s = Some(record.made_s),
            What::Missing => self.missing.push(record),
            What::Erased | What::Opened => {}
        }
        if self.open.len() + self.known.len() > self.many {
            self.forget();
        }
    }

    fn now_s(&self) -> i64 {
        self.restart.now.unix_s()
    }

    /// Drops what had ended before the last record.
    fn forget(&mut self) {
        // A clock that was ahead for a while ends nothing.
        let (at_s, most_s) = (i64::from(self.last_s).min(self.now_s()), self.restart.ticket_life_s);
        let lived = |made_s: u32, life_s: u32| {
            at_s - i64::from(made_s) <= most_s.max(life_s.into()) + i64::from(GATHERED_S)
        };
        self.open.retain(|_, open| lived(open.hold.made_s, open.hold.life_s));
        self.known.retain(|_, &mut made_s| lived(made_s, 0));
        self.many = 2 * (self.open.len() + self.known.len()).max(MANY);
    }

    fn heard(&mut self, record: &Record) {
        self.open.remove(&record.bid);
        self.known.insert(record.bid, record.made_s);
        self.rebuilt.impressions += 1;
        if let Some(taken) = self.taken(record) {
            self.caps.count(&taken, self.now_s());
        }
    }

    fn owner(&mut self, record: &Record) {
        let campaign = CampaignId(record.bid.0);
        let advertiser = AdvertiserId(record.mark.0);
        self.owners.insert(record.line, Owner { line: record.line, campaign, advertiser });
        // Those that are sold tell their owner themselves.
    }

    /// Where a bid of the log counts now: by the caps as they stand.
    fn taken(&mut self, record: &Record) -> Option<Taken> {
        let set = self.set(record.line)?;
        let creative = set.named(record.creative);
        Some(Taken { set, mark: record.mark, made_s: record.made_s, creative })
    }

    fn set(&mut self, line: LineId) -> Option<Arc<CapSet>> {
        if let Some(set) = self.caps.sets.get(&line) {
            return Some(Arc::clone(&set));
        }
        self.gone.set(self.caps, *self.owners.get(&line)?)
    }

    /// All records were there.
    pub fn end(mut self) -> Rebuilt {
        let now_s = self.now_s();
        let orderly = self.closed_s.is_some() || self.rebuilt.records == 0;
        let mut closed_s = self.closed_s.map_or(0, i64::from);
        if !orderly && self.restart.quarantine_s > 0 {
            // A hold lives to the whole second after its window, and began before the next.
            closed_s = now_s + self.restart.quarantine_s + 1;
        }
        if closed_s > now_s {
            self.caps.close_until(closed_s);
            self.rebuilt.closed_until_s = closed_s;
        }
        self.heed_money(orderly);
        for (bid, Open { hold, won }) in std::mem::take(&mut self.open) {
            let lasts_s = if won || hold.win_s == 0 { hold.life_s } else { hold.win_s.into() };
            let ends_s = i64::from(hold.made_s) + i64::from(lasts_s);
            let expires_s = i64::from(hold.made_s) + i64::from(hold.life_s);
            let Some(taken) = self.taken(&hold).filter(|_| ends_s > now_s) else { continue };
            self.caps.count(&taken, now_s);
            self.caps.lone().add(bid, taken, (ends_s, expires_s));
            self.rebuilt.open += 1;
        }
        Rebuilt { orderly, ..self.rebuilt }
    }

    /// What was acknowledged to an exchange or a player is in money's journal, whatever the log
    /// has lost.
    fn heed_money(&mut self, orderly: bool) {
        while let Some(told) = self.restart.told.next() {
            if let Some(open) = self.open.get_mut(&told.bid) {
                open.won = true;
                if told.heard {
                    // Whether it may be measured, its ticket knew: it counts in caps alone.
                    let heard = Record { what: What::Heard, measured: false, ..open.hold };
                    let record = Record { win_s: 0, life_s: 0, ..heard };
                    self.heard(&record);
                    self.caps.log(record, None);
                }
                continue;
            }
            let recent = seconds(told.made).saturating_add(GATHERED_S) >= self.last_s;
            let over = told.expires.unix_s() < self.now_s();
            if orderly || !recent || over || self.known.contains_key(&told.bid) {
                continue;
            }
            if self.set(told.line).is_none() {
                continue;
            }
            self.rebuilt.unknown += 1;
            let made_s = seconds(told.made);
            let life_s = seconds(told.expires).saturating_sub(made_s).saturating_add(1);
            let bid = Record { bid: told.bid, line: told.line, ..Record::of(What::Missing) };
            self.missing.push(Record { made_s, life_s, ..bid });
            self.caps.log(Record { made_s, life_s, ..bid }, None);
        }
        self.close_for_missing();
    }

    /// Of bids whose holds are missing nobody knows whom they were for.
    fn close_for_missing(&mut self) {
        let mut closed: HashMap<u64, i64> = HashMap::new();
        for bid in std::mem::take(&mut self.missing) {
            let Some(set) = self.set(bid.line) else { continue };
            let end_s = i64::from(bid.made_s) + i64::from(bid.life_s);
            for target in targets(set.owner) {
                let until_s = closed.entry(target).or_default();
                *until_s = end_s.max(*until_s);
            }
        }
        for set in &self.caps.sets {
            for until_s in targets(set.owner).iter().filter_map(|target| closed.get(target)) {
                set.close_until(*until_s);
            }
        }
    }
}

/// Whoever shares one of these may count the other's bids.
fn targets(owner: Owner) -> [u64; 3] {
    [owner.line.0, owner.campaign.0, owner.advertiser.0]
}

/// The caps that bids of lines that are sold no more still count for: those of their campaigns,
/// advertisers and creatives.
#[derive(Default)]
struct Gone {
    /// Gathered once, when the first such line is met.
    shared: Option<Shared>,
    sets: HashMap<LineId, Option<Arc<CapSet>>>,
}

#[derive(Default)]
struct Shared {
    campaigns: HashMap<CampaignId, Vec<Rule>>,
    advertisers: HashMap<AdvertiserId, OfAdvertiser>,
}

struct OfAdvertiser {
    calendar: Arc<Calendar>,
    rules: Vec<Rule>,
    creatives: HashMap<u32, OfCreative>,
}

impl Gone {
    fn set(&mut self, caps: &Caps, owner: Owner) -> Option<Arc<CapSet>> {
        if let Some(set) = self.sets.get(&owner.line) {
            return set.clone();
        }
        let shared = self.shared.get_or_insert_with(|| Shared::of(caps));
        let set = shared.set(owner).map(Arc::new);
        self.sets.insert(owner.line, set.clone());
        set
    }
}

impl Shared {
    fn of(caps: &Caps) -> Shared {
        let mut shared = Shared::default();
        for set in &caps.sets {
            let of_level = |level| set.rules().iter().filter(move |rule| rule.level == level);
            let campaign = || of_level(Level::Campaign).copied().collect();
            shared.campaigns.entry(set.owner.campaign).or_insert_with(campaign);
            let first = || OfAdvertiser {
                calendar: Arc::clone(set.calendar()),
                rules: of_level(Level::Advertiser).copied().collect(),
                creatives: HashMap::new(),
            };
            let of = shared.advertisers.entry(set.owner.advertiser).or_insert_with(first);
            for creative in set.creatives() {
                of.creatives.entry(creative.mark).or_insert_with(|| creative.clone());
            }
        }
        shared
    }

    fn set(&self, owner: Owner) -> Option<CapSet> {
        let of = self.advertisers.get(&owner.advertiser)?;
        let campaign = self.campaigns.get(&owner.campaign);
        let rules = campaign.into_iter().flatten().chain(&of.rules).copied().collect();
        CapSet::new(owner, &of.calendar, rules, of.creatives.values().cloned().collect())
    }
}
