//! May this listener hear it once more? Frequency caps: several windows at several levels.
//!
//! ```text
//!  bid ── has_room? ── take ──┐ all windows of line, campaign, advertiser, creative, or none
//!                             ▼
//!  open hold: Taken ──────────┬─ impression ─► the places stay until their windows end
//!   (24 bytes; its places     ├─ loss, expiry ─► given back
//!    are computed again)      └─ charged first, or from before a restart ─► lone, until then
//!                             │
//!  late impression ───────────┴─► counted again, whatever the cap says
//!       │
//!       ▼ off the bid path, synced each second
//!  caps log (log.rs) ── restart.rs ──► the same table     reach.rs ──► who heard how often
//! ```
//! The table answers (hot, lock-free, [`table`]); which words are meant, [`rules`] say. Contextual
//! requests have no listener and no caps. Rules and figures: `docs/caps.md`.

mod config;

mod table;

mod rules;

mod record;

mod lone;

mod take;

mod settle;

mod kept;

mod restart;

mod log;

mod reach;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;

pub use config::Config;
pub use log::{CapsLog, LogFault, Settling};
use lone::Lone;
pub use reach::{CELL_MIN, FREQUENCIES, Reach, heard, heard_by, reach};
use record::Record;
pub use restart::{Rebuilt, Restart, Told};
pub use rules::CapSet;
use rules::CreativeAt;
pub use rules::Level;
use table::{CapTable, Place};

use crate::base::units::ids::{CreativeIx, LineId, ListenerMark};
use crate::base::units::time::Moment;
use crate::market::ticket::BidId;

/// Records that may wait for the log; beyond it no more holds are gathered, so that in the end
/// bids are refused.
const WAITING_MAX: usize = 1 << 20;

/// Buckets that are looked at to say how full the table is.
const SAMPLE: usize = 4096;

/// How long any window but a flight can last, and more.
const MONTH_KEPT_S: i64 = 32 * 86_400;

/// The caps of all worlds.
pub struct Caps {
    table: CapTable,
    /// Of all capped lines, as they were published last.
    sets: DashMap<LineId, Arc<CapSet>>,
    /// Until then everybody counts as capped; unix seconds.
    closed_until_s: AtomicI64,
    lone: Mutex<Lone>,
    waiting: Mutex<Waiting>,
    /// Whether impressions of uncapped lines are logged, too.
    reach: bool,
    stats: Stats,
}

#[derive(Default)]
struct Stats {
    capped: [AtomicU64; Level::ALL.len()],
    closed: AtomicU64,
    no_room: AtomicU64,
    late: AtomicU64,
    crowded_out: AtomicU64,
}

/// What the log has not been given yet.
#[derive(Default)]
struct Waiting {
    /// Nobody takes them where there is no log.
    logged: bool,
    records: Vec<Record>,
    /// How many were ever of bids that the log may not know.
    unknown: u64,
    /// How many of those are on disk.
    unknown_kept: u64,
    /// Lines whose owners the log has been told.
    told: std::collections::HashSet<LineId, foldhash::fast::RandomState>,
}

/// For whom a bid would be made, with which creative, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct CapAsk {
    pub creative: CreativeIx,
    pub mark: ListenerMark,
    pub moment: Moment,
}

impl CapAsk {
    /// `None` where the listener is not known: no cap applies.
    pub fn of(mark: Option<ListenerMark>, creative: CreativeIx, moment: Moment) -> Option<CapAsk> {
        mark.map(|mark| CapAsk { creative, mark, moment })
    }
}

/// The places that one bid has taken; they are computed again when they are given back.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    set: Arc<CapSet>,
    mark: ListenerMark,
    made_s: u32,
    creative: CreativeAt,
}

/// One bid for one listener, as its ticket tells it.
#[derive(Clone, Copy, Debug)]
pub struct Meeting {
    pub bid: BidId,
    pub line: LineId,
    /// As tickets name it.
    pub creative: u32,
    /// `None`: not known, or not permitted.
    pub mark: Option<ListenerMark>,
    /// The mark may be used to measure reach, too.
    pub measured: bool,
    /// When the bid was made.
    pub made: Moment,
    pub expires: Moment,
}

impl Taken {
    fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let places = self.set.places(self.creative, self.mark, i64::from(self.made_s));
        places.map(|(_, place)| place)
    }
}

impl Caps {
    pub(super) fn new(config: &Config) -> Caps {
        Caps {
            table: CapTable::new(config.slots),
            sets: DashMap::new(),
            closed_until_s: AtomicI64::new(i64::MIN),
            lone: Mutex::default(),
            waiting: Mutex::default(),
            reach: config.reach,
            stats: Stats::default(),
        }
    }

    /// What caps did since the start, by name.
    pub fn stats(&self) -> [(&'static str, u64); 8] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let [line, campaign, advertiser, creative] = &self.stats.capped;
        [
            ("capped_by_line", read(line)),
            ("capped_by_campaign", read(campaign)),
            ("capped_by_advertiser", read(advertiser)),
            ("capped_by_creative", read(creative)),
            ("closed", read(&self.stats.closed)),
            ("no_room", read(&self.stats.no_room)),
            ("late", read(&self.stats.late)),
            ("crowded_out", read(&self.stats.crowded_out)),
        ]
    }

    /// For how many seconds more everybody counts as capped.
    pub fn quarantine_s(&self, now: Moment) -> i64 {
        self.closed_until_s().saturating_sub(now.unix_s()).max(0)
    }

    /// What part of the table is in use, in thousandths; from a sample.
    pub fn used_permille(&self, now: Moment) -> u64 {
        let (used, words) = self.table.used(SAMPLE, now.unix_s());
        (used * 1000 / words.max(1)) as u64
    }

    /// Holds without money: charged before they were heard, or from before a restart.
    pub fn lone_holds(&self) -> usize {
        self.lone().len()
    }

    /// Records that the log has not been given yet.
    pub fn waiting_records(&self) -> usize {
        self.waiting().records.len()
    }

    /// Whether something waits that money's journal must not say before the log does: of a bid
    /// that the log may not know. After a crash nobody could tell whose it was.
    pub fn is_urgent(&self) -> bool {
        let waiting = self.waiting();
        waiting.unknown > waiting.unknown_kept
    }

    fn urge(&self) {
        self.waiting().unknown += 1;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A panic under the lock leaves a list that is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lone(&self) -> MutexGuard<'_, Lone> {
        self.lone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(moment: Moment) -> u32 {
    u32::try_from(moment.unix_s().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
