//! What becomes of a bid's places? Off the bid path: gathered, won, released, heard, erased.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::record::{Record, What};
use super::rules::CapSet;
use super::{Caps, Meeting, Taken, WAITING_MAX, seconds};
use crate::base::units::ids::{LineId, ListenerMark};
use crate::base::units::time::Moment;
use crate::market::ticket::BidId;

impl Caps {
    /// A bid's hold was gathered: from now on the log knows it.
    pub(in crate::offer::delivery) fn opened(
        &self,
        bid: BidId,
        taken: &Taken,
        (ends, expires): (Moment, Moment),
    ) {
        let made_s = i64::from(taken.made_s);
        let since = |moment: Moment| u32::try_from(rounded_up_s(moment) - made_s).unwrap_or(0);
        let record = Record {
            win_s: if ends < expires { u16::try_from(since(ends)).unwrap_or(0) } else { 0 },
            creative: taken.set.mark_of(taken.creative),
            bid,
            mark: taken.mark,
            line: taken.set.owner.line,
            made_s: taken.made_s,
            life_s: since(expires),
            ..Record::of(What::Hold)
        };
        self.log(record, Some(&taken.set));
    }

    /// Whether the log keeps up; if not, nothing more may be gathered.
    pub(in crate::offer::delivery) fn keeps_up(&self) -> bool {
        self.waiting().records.len() < WAITING_MAX
    }

    /// A win was told. `held`: of a bid whose money is held.
    pub(in crate::offer::delivery) fn won(&self, bid: BidId, held: Option<&Taken>) {
        let made_s = held.map(|taken| taken.made_s).or_else(|| self.lone().won(bid));
        if let Some(made_s) = made_s {
            self.log(Record { bid, made_s, ..Record::of(What::Won) }, None);
        }
    }

    /// A win was told of a bid that nothing is held of. After a stop that was none in order it may
    /// be one that the log was not told of: its places are held from now on.
    pub(in crate::offer::delivery) fn adopt(&self, meeting: &Meeting, now: Moment) {
        let set = self.sets.get(&meeting.line).map(|set| Arc::clone(&set));
        let (Some(set), Some(mark)) = (set, meeting.mark) else { return };
        let closed = now.unix_s() < self.closed_until_s().max(set.closed_until_s());
        let made_s = seconds(meeting.made);
        let taken = Taken { creative: set.named(meeting.creative), set, mark, made_s };
        if closed && self.hold_lone(meeting.bid, taken, (meeting.expires, now)) {
            self.log(Record { bid: meeting.bid, made_s, ..Record::of(What::Won) }, None);
            self.urge();
        }
    }

    /// Takes the places of a bid whatever the caps say, until it ends. `false`: it holds them.
    fn hold_lone(&self, bid: BidId, taken: Taken, (ends, now): (Moment, Moment)) -> bool {
        let ends_s = rounded_up_s(ends);
        let copy = taken.clone();
        let second = self.lone().add(bid, taken, (ends_s, ends_s));
        if second.is_none() {
            self.count(&copy, now.unix_s());
            self.opened(bid, &copy, (ends, ends));
        }
        second.is_none()
    }

    /// A bid will not be heard. `held`: as it was taken out of the open holds.
    pub(in crate::offer::delivery) fn released(&self, bid: BidId, held: Option<Taken>) {
        let lone = || self.lone().remove(bid);
        let Some(taken) = held.or_else(lone) else { return };
        self.give_back(&taken);
        self.log(Record { bid, made_s: taken.made_s, ..Record::of(What::Released) }, None);
    }

    /// A bid was charged, and may yet be heard: its places are held without money.
    pub(in crate::offer::delivery) fn keep(&self, bid: BidId, taken: Taken, expires: Moment) {
        let expires_s = rounded_up_s(expires);
        let second = self.lone().add(bid, taken, (expires_s, expires_s));
        second.inspect(|taken| self.give_back(taken));
    }

    /// An impression, told for the first time. `held`: what its open hold had taken. Where
    /// nothing is held any more it counts again.
    pub(in crate::offer::delivery) fn heard(
        &self,
        meeting: &Meeting,
        held: Option<Taken>,
        now: Moment,
    ) {
        let lone = || self.lone().remove(meeting.bid);
        let taken = held.or_else(lone);
        let Some(mark) = taken.as_ref().map(|taken| taken.mark).or(meeting.mark) else { return };
        let set = self.sets.get(&meeting.line).map(|set| Arc::clone(&set));
        let made_s = seconds(meeting.made);
        let capped = set.is_some() || taken.is_some();
        let unknown = set.is_some() && taken.is_none();
        if let (None, Some(set)) = (taken, &set) {
            let (creative, set) = (set.named(meeting.creative), Arc::clone(set));
            self.count(&Taken { set, mark, made_s, creative }, now.unix_s());
            self.stats.late.fetch_add(1, Ordering::Relaxed);
        }
        if capped || (self.reach && meeting.measured) {
            let Meeting { bid, line, creative, measured, .. } = *meeting;
            let heard = Record { measured, ..Record::of(What::Heard) };
            self.log(Record { creative, bid, mark, line, made_s, ..heard }, set.as_ref());
        }
        if unknown {
            self.urge();
        }
    }

    /// Counts at all windows that have not ended, whatever the caps say.
    pub(super) fn count(&self, taken: &Taken, now_s: i64) {
        for place in taken.places() {
            if !self.table.force(place, now_s) {
                self.stats.crowded_out.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Nothing of this listener is kept from now on. What is counted stays until its windows end:
    /// it names nobody.
    pub fn erase(&self, mark: ListenerMark) {
        self.log(Record { mark, ..Record::of(What::Erased) }, None);
    }

    /// Gives back what has ended; called by the sweeper.
    pub(in crate::offer::delivery) fn sweep(&self, now: Moment) {
        let mut lone = self.lone();
        while let Some(taken) = lone.pop_ended(now.unix_s()) {
            self.give_back(&taken);
        }
    }

    /// From this second on counts are as they should be; until then everybody counts as capped.
    pub(super) fn close_until(&self, unix_s: i64) {
        self.closed_until_s.fetch_max(unix_s, Ordering::AcqRel);
    }

    pub(super) fn closed_until_s(&self) -> i64 {
        self.closed_until_s.load(Ordering::Acquire)
    }

    /// The log takes nothing any more: what happens from now on would be missing after a restart.
    pub(super) fn fail(&self) {
        self.close_until(i64::MAX);
        let mut waiting = self.waiting();
        waiting.logged = false;
        waiting.records = Vec::new();
    }

    /// What is known of a line's caps from now on.
    pub(in crate::offer::delivery) fn stands(
        &self,
        line: LineId,
        set: Option<CapSet>,
    ) -> Option<Arc<CapSet>> {
        let Some(set) = set else {
            self.sets.remove(&line);
            return None;
        };
        let set = Arc::new(set);
        if let Some(before) = self.sets.insert(line, Arc::clone(&set)) {
            set.close_until(before.closed_until_s());
        }
        Some(set)
    }

    /// Drops what is capped of lines that are sold no more.
    pub(in crate::offer::delivery) fn forget(&self) {
        self.sets.retain(|_, set| Arc::strong_count(set) > 1);
    }

    pub(super) fn log(&self, record: Record, of: Option<&Arc<CapSet>>) {
        let mut waiting = self.waiting();
        if !waiting.logged {
            return;
        }
        if waiting.records.len() >= 2 * WAITING_MAX {
            // The log stands still.
            drop(waiting);
            return self.fail();
        }
        if let Some(owner) = of.map(|set| set.owner)
            && waiting.told.insert(owner.line)
        {
            waiting.records.push(Record::line(owner.line, owner.campaign, owner.advertiser));
        }
        waiting.records.push(record);
    }
}

fn rounded_up_s(moment: Moment) -> i64 {
    Moment::from_unix_us(moment.unix_us.saturating_add(999_999)).unix_s()
}
