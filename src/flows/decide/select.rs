//! Which candidates become bids? Each market's best that its hold is granted for.
//!
//! Called by [`decide`](super::decide) after the candidates are gathered; hot, writes only into
//! scratch. Deal bids are never ranked away by open ones (§7.3); the places of a pod are filled
//! together.

use crate::base::units::time::Moment;
use crate::flows::decide::candidate::{Candidate, Matter};
use crate::flows::decide::gather::Pool;
use crate::market::outcome::{NoBid, Refusal};
use crate::market::slot::{Pod, Slot};
use crate::market::ticket::BidId;
use crate::offer::auction::{Break, EXACT_PLACES, Entry, PLACE_CANDIDATES, fill};
use crate::offer::delivery::{Hold, Live};
use crate::offer::records::WINNERS_MAX;

/// A bid that goes out.
#[derive(Clone, Copy, Debug)]
pub struct Winner {
    pub candidate: Candidate,
    pub bid: BidId,
    pub expires: Moment,
}

/// One decision's selection.
pub struct Select<'a, 'b, L> {
    pub matter: Matter<'a, 'b>,
    pub live: &'a mut L,
    pub pool: &'a mut Pool,
    pub winners: &'a mut Vec<Winner>,
}

impl<'s, L: Live<'s>> Select<'_, '_, L> {
    /// Fills `winners`, which is empty, best slot by slot; `Err` says why there is none.
    pub fn all(&mut self) -> Result<(), NoBid> {
        let slots = self.matter.opportunity.slots;
        for (slot_ix, slot) in slots.iter().enumerate() {
            self.deals(slot_ix as u16, slot);
            match slot.pod {
                Pod::Single => self.open(slot_ix as u16, slots.len() - slot_ix),
                Pod::Dynamic { total_ms, max_ads, .. } => {
                    let places = usize::from(max_ads).min(EXACT_PLACES);
                    self.pod(&[slot_ix as u16; EXACT_PLACES][..places], total_ms, true);
                }
                Pod::Structured { podid } if first_of_pod(slots, slot_ix, podid) => {
                    let (mut places, mut count) = ([0; EXACT_PLACES], 0);
                    let of_pod = |s: &Slot<'_>| s.pod == slot.pod;
                    for (ix, _) in slots.iter().enumerate().filter(|(_, s)| of_pod(s)) {
                        if count < EXACT_PLACES {
                            places[count] = ix as u16;
                            count += 1;
                        }
                    }
                    self.pod(&places[..count], u32::MAX, false);
                }
                Pod::Structured { .. } => {}
            }
        }
        if self.winners.is_empty() { Err(self.pool.furthest.reason()) } else { Ok(()) }
    }

    /// For each deal of the slot, the best candidate that a hold is granted for.
    fn deals(&mut self, slot_ix: u16, slot: &Slot<'_>) {
        for deal_ix in 0..slot.deals.len() as u16 {
            let of_deal = |c: &Candidate| c.slot == slot_ix && c.deal == Some(deal_ix);
            for i in 0..self.pool.candidates.len() {
                let candidate = &self.pool.candidates[i];
                // Bids of one place are a choice for the seller; those of other places are heard.
                let beside =
                    |w: &Winner| w.candidate.slot == slot_ix || self.apart(&w.candidate, candidate);
                if of_deal(candidate) && self.winners.iter().all(beside) && self.take(i) {
                    break;
                }
            }
        }
    }

    /// The best open candidates of a slot that stands alone, as many as the exchange takes and
    /// the answer has room for: the `left` slots from here on share what is left of it, so that
    /// first bids for late slots go before second ones for early slots.
    fn open(&mut self, slot_ix: u16, left: usize) {
        let share = ((WINNERS_MAX - self.winners.len()) / left).max(1);
        let mut wanted = usize::from(self.matter.exchange.open_bids).min(share);
        for i in 0..self.pool.candidates.len() {
            let candidate = &self.pool.candidates[i];
            let of_slot = candidate.slot == slot_ix && candidate.deal.is_none();
            if wanted > 0 && of_slot && self.take(i) {
                wanted -= 1;
            }
        }
    }

    /// Fills the places of one break from its open candidates. A refused hold takes its
    /// candidate out and the break is filled anew around what is already held.
    fn pod(&mut self, places: &[u16], total_ms: u32, interchangeable: bool) {
        let mut lists = [[NO_ENTRY; PLACE_CANDIDATES]; EXACT_PLACES];
        let mut lens = [0; EXACT_PLACES];
        let (mut held, mut held_ms) = ([false; EXACT_PLACES], 0_u32);
        for _ in 0..=PLACE_CANDIDATES {
            for (place, &slot_ix) in places.iter().enumerate() {
                lens[place] =
                    if held[place] { 0 } else { self.entries(slot_ix, &mut lists[place]) };
            }
            let mut open: [&[Entry]; EXACT_PLACES] = [&[]; EXACT_PLACES];
            for place in 0..places.len() {
                open[place] = &lists[place][..lens[place]];
            }
            let total_ms = if total_ms == u32::MAX { total_ms } else { total_ms - held_ms };
            let pod = Break { places: &open[..places.len()], total_ms, interchangeable };
            let filling = fill(pod, &|a, b| self.separate(a.candidate, b.candidate));
            if lens.iter().any(|&len| len > 0) && filling.iter().all(Option::is_none) {
                self.pool.furthest.note(Refusal::PodSeparation);
            }
            let mut refused = false;
            for place in 0..places.len() {
                let Some(pick) = filling[place] else { continue };
                let entry = lists[place][usize::from(pick)];
                if self.take(entry.candidate as usize) {
                    held[place] = true;
                    held_ms = held_ms.saturating_add(entry.duration_ms);
                } else {
                    refused = true;
                }
            }
            if !refused {
                return;
            }
        }
    }

    /// The candidates of a place that agree with every bid the break already has.
    fn entries(&mut self, slot_ix: u16, list: &mut [Entry; PLACE_CANDIDATES]) -> usize {
        let mut len = 0;
        for i in 0..self.pool.candidates.len() {
            let candidate = self.pool.candidates[i];
            if candidate.slot != slot_ix || candidate.deal.is_some() || len == list.len() {
                continue;
            }
            if self.winners.iter().any(|w| !self.apart(&w.candidate, &candidate)) {
                self.pool.furthest.note(Refusal::PodSeparation);
                continue;
            }
            list[len] = Entry {
                value: candidate.price.nanos,
                duration_ms: candidate.duration_ms,
                advertiser: self.matter.world.catalog.line(candidate.line).advertiser.0,
                candidate: i as u32,
            };
            len += 1;
        }
        len
    }

    fn separate(&self, a: u32, b: u32) -> bool {
        self.apart(&self.pool.candidates[a as usize], &self.pool.candidates[b as usize])
    }

    /// Competitive separation: no advertiser and no category twice in one break.
    fn apart(&self, a: &Candidate, b: &Candidate) -> bool {
        if !self.same_break(a.slot, b.slot) {
            return true;
        }
        let catalog = &self.matter.world.catalog;
        let (a, b) = (catalog.line(a.line).advertiser, catalog.line(b.line).advertiser);
        let (of_a, of_b) = (catalog.advertiser(a), catalog.advertiser(b));
        a != b && !of_a.categories.iter().any(|category| of_b.categories.contains(category))
    }

    fn same_break(&self, a: u16, b: u16) -> bool {
        let slots = self.matter.opportunity.slots;
        let podid = |slot: u16| podid(slots[usize::from(slot)].pod);
        a == b || podid(a).is_some_and(|id| podid(b) == Some(id))
    }

    /// Takes the hold for a candidate; refused ones leave the pool.
    fn take(&mut self, i: usize) -> bool {
        let candidate = self.pool.candidates[i];
        if self.winners.len() == WINNERS_MAX || candidate.price.nanos == 0 {
            return false;
        }
        let bid = self.matter.toss.bid(self.winners.len());
        let (moment, exchange) = (self.matter.moment, self.matter.exchange);
        // A ticket tells whole seconds, and its hold lives no shorter, won or not.
        let after = |life_s: u32| moment.plus_s(i64::from(life_s)).whole_s_up();
        let (expires, win_by) = (after(exchange.ticket_ttl_s), after(exchange.win_window_s));
        let held = self.live.hold(&Hold {
            bid,
            line: candidate.line,
            creative: candidate.creative,
            listener: self.matter.mark,
            price: candidate.cost,
            moment,
            expires,
            win_by: exchange.sends_wins.then_some(win_by),
            test: self.matter.opportunity.test,
        });
        match held {
            Ok(()) => {
                self.winners.push(Winner { candidate, bid, expires });
                true
            }
            Err(refusal) => {
                self.pool.refused(candidate.line, refusal);
                self.pool.candidates[i].price.nanos = 0;
                self.pool.candidates[i].slot = u16::MAX;
                false
            }
        }
    }
}

const NO_ENTRY: Entry = Entry { value: 0, duration_ms: 0, advertiser: 0, candidate: 0 };

/// The break that a place belongs to: fixed places and a stretch under one `podid` are one break
/// (§7.6, hybrid pods); a stretch without a `podid` is a break of its own.
fn podid(pod: Pod<'_>) -> Option<&str> {
    match pod {
        Pod::Single => None,
        Pod::Structured { podid } | Pod::Dynamic { podid, .. } => {
            Some(podid).filter(|podid| !podid.is_empty())
        }
    }
}

fn first_of_pod(slots: &[Slot<'_>], slot_ix: usize, podid: &str) -> bool {
    !slots[..slot_ix].iter().any(|s| s.pod == Pod::Structured { podid })
}
