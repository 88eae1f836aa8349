//! Is there a place at every window? One bid, asked and taken. Hot, lock-free, allocation-free.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::rules::{CapSet, Level};
use super::table::NotTaken;
use super::{CapAsk, Caps, Taken, seconds};
use crate::market::outcome::Refusal;

impl Caps {
    /// Whether all caps have room for one more; takes nothing. Hot.
    pub(in crate::offer::delivery) fn has_room(
        &self,
        set: &CapSet,
        ask: &CapAsk,
    ) -> Result<(), Refusal> {
        let now_s = ask.moment.unix_s();
        self.is_open(set, now_s)?;
        for (level, key, most) in set.keys(set.at(ask.creative), ask.mark) {
            if !self.table.has_room((key, most), now_s) {
                return Err(self.capped(level));
            }
        }
        Ok(())
    }

    /// Takes a place at all windows, or nothing. Hot.
    pub(in crate::offer::delivery) fn take(
        &self,
        set: &Arc<CapSet>,
        ask: &CapAsk,
    ) -> Result<Taken, Refusal> {
        let now_s = ask.moment.unix_s();
        self.is_open(set, now_s)?;
        let creative = set.at(ask.creative);
        for (n, (level, place)) in set.places(creative, ask.mark, now_s).enumerate() {
            let Err(why) = self.table.take(place, now_s) else { continue };
            let before = set.places(creative, ask.mark, now_s).take(n);
            before.for_each(|(_, place)| self.table.release(place));
            if why == NotTaken::NoRoom {
                self.stats.no_room.fetch_add(1, Ordering::Relaxed);
            }
            return Err(self.capped(level));
        }
        let made_s = seconds(ask.moment);
        Ok(Taken { set: Arc::clone(set), mark: ask.mark, made_s, creative })
    }

    fn is_open(&self, set: &CapSet, now_s: i64) -> Result<(), Refusal> {
        let closed_until_s = self.closed_until_s.load(Ordering::Acquire);
        if now_s < closed_until_s.max(set.closed_until_s()) {
            self.stats.closed.fetch_add(1, Ordering::Relaxed);
            return Err(Refusal::Capped);
        }
        Ok(())
    }

    fn capped(&self, level: Level) -> Refusal {
        self.stats.capped[level as usize].fetch_add(1, Ordering::Relaxed);
        Refusal::Capped
    }

    /// Gives the places of a bid back: it was not made after all, or has expired.
    pub(in crate::offer::delivery) fn give_back(&self, taken: &Taken) {
        taken.places().for_each(|place| self.table.release(place));
    }
}
