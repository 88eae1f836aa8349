//! What do exchanges and players tell of a bid, when, and how badly? The notices of one bid with
//! the faults of its seed: late, lost, doubled, repriced, replayed, forged, unpriced.

use super::Faults;
use super::venue::{Bid, Hammer, Venue};
use crate::base::stdx::rng::Rng;
use crate::market::exchange::BillableEvent;

/// One notice on its way.
#[derive(Clone, Debug)]
pub struct Telling {
    /// The auditor's number of the bid.
    pub bid: u32,
    /// The event's word in its URL.
    pub event: &'static str,
    pub ticket: String,
    pub price: String,
    pub loss: &'static str,
    pub min: String,
    /// A ticket that nobody signed.
    pub forged: bool,
    /// How often it was tried in vain.
    pub tries: u8,
}

/// Seconds between a bid and the notices of its life.
const WON_S: f64 = 0.3;
const HEARD_S: f64 = 2.0;
const SPOT_S: f64 = 15.0;

/// All notices of one bid with the seconds after the bid at which they come.
pub fn tellings(
    venue: &Venue,
    (bid, number, hammer): (&Bid, u32, Hammer),
    faults: &Faults,
    rng: &mut Rng,
) -> Vec<(f64, Telling)> {
    let mut plan = Plan { venue, bid, number, faults, rng, told: Vec::new() };
    match hammer {
        Hammer::Lost { to_win } => plan.lost(to_win),
        Hammer::Won { cpm } => plan.won(cpm),
    }
    plan.told
}

struct Plan<'a> {
    venue: &'a Venue,
    bid: &'a Bid,
    number: u32,
    faults: &'a Faults,
    rng: &'a mut Rng,
    told: Vec<(f64, Telling)>,
}

impl Plan<'_> {
    fn lost(&mut self, to_win: f64) {
        if self.venue.tells_losses {
            let mut telling = self.telling("loss", String::new());
            telling.loss = "102";
            telling.min = format!("{to_win:.6}");
            self.tell(WON_S, telling);
        }
    }

    fn won(&mut self, cpm: f64) {
        let price = format!("{cpm:.6}");
        if self.venue.row.sends_wins {
            let mut telling = self.telling("win", price.clone());
            telling.min = format!("{:.6}", cpm * 0.9);
            self.tell(WON_S, telling);
        }
        if self.rng.chance(self.faults.unheard) {
            // The listener skipped the break, or the player took another spot.
            if self.rng.chance(0.5) {
                self.player("notUsed", HEARD_S);
            }
            return;
        }
        let heard = HEARD_S + 3.0 * self.rng.unit();
        if self.venue.row.billable == BillableEvent::Billing {
            let telling = self.telling("billing", price);
            self.tell(heard, telling);
        }
        self.player("impression", heard);
        let quartiles =
            [("start", 0.1), ("firstQuartile", 0.25), ("midpoint", 0.5), ("complete", 1.0)];
        let heard_of = if self.rng.chance(0.7) { 4 } else { self.rng.below(4) };
        for &(event, part) in &quartiles[..heard_of] {
            if self.faults.quartiles {
                self.player(event, heard + SPOT_S * part);
            }
        }
        if self.rng.chance(0.02) {
            self.player("click", heard + 5.0);
        }
    }

    fn player(&mut self, event: &'static str, at_s: f64) {
        let telling = self.telling(event, String::new());
        self.tell(at_s, telling);
    }

    fn telling(&mut self, event: &'static str, price: String) -> Telling {
        let ticket = self.bid.ticket(event).unwrap_or_default().to_owned();
        Telling {
            bid: self.number,
            event,
            ticket,
            price,
            loss: "",
            min: String::new(),
            forged: false,
            tries: 0,
        }
    }

    /// Sends a notice through the bad world.
    fn tell(&mut self, at_s: f64, mut telling: Telling) {
        if telling.ticket.is_empty() {
            return;
        }
        let (faults, ttl_s) = (self.faults, f64::from(self.venue.row.ticket_ttl_s));
        self.misprice(&mut telling);
        if self.rng.chance(faults.forged) {
            let forged = self.forge(telling.clone());
            self.told.push((at_s, forged));
        }
        if self.rng.chance(faults.lost) {
            return;
        }
        let mut at_s = at_s * (0.5 + self.rng.unit());
        if self.rng.chance(faults.delayed) {
            // Most of these still within the ticket's life, some at its very end, some hoarded.
            at_s += match self.rng.below(5) {
                0 => ttl_s - at_s + 2.0 * self.rng.unit() - 1.0,
                1 => ttl_s * (1.0 + 2.0 * self.rng.unit()),
                _ => ttl_s * self.rng.unit(),
            };
        }
        self.told.push((at_s, telling.clone()));
        for _ in 0..3 {
            if !self.rng.chance(faults.doubled) {
                break;
            }
            let mut again = telling.clone();
            if self.rng.chance(0.4) {
                again.price = format!("{:.6}", self.bid.nanos() as f64 / 1e6 * self.rng.unit());
            }
            let later = if self.rng.chance(0.5) { 0.001 } else { 20.0 * self.rng.unit() };
            self.told.push((at_s + later, again));
        }
        if self.rng.chance(faults.replayed) {
            let later = ttl_s * (0.5 + 3.0 * self.rng.unit());
            self.told.push((at_s + later, telling));
        }
    }

    fn misprice(&mut self, telling: &mut Telling) {
        let bid = self.bid.nanos() as f64 / 1e6;
        if telling.event == "loss" || !self.rng.chance(self.faults.mispriced) {
            return;
        }
        telling.price = match self.rng.below(9) {
            0 => format!("{:.6}", bid * (1.0 + 3.0 * self.rng.unit())),
            1 => String::new(),
            2 => "${AUCTION_PRICE}".to_owned(),
            3 => "%24%7BAUCTION_PRICE%7D".to_owned(),
            4 => "-1.25".to_owned(),
            5 => "1,250".to_owned(),
            6 => "AUDIT".to_owned(),
            7 => "0".to_owned(),
            _ => "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw".to_owned(),
        };
    }

    /// One bit of the ticket is another's.
    fn forge(&mut self, mut telling: Telling) -> Telling {
        let mut ticket = telling.ticket.into_bytes();
        let at = self.rng.below(ticket.len());
        ticket[at] = if ticket[at] == b'A' { b'B' } else { b'A' };
        telling.ticket = String::from_utf8(ticket).unwrap_or_default();
        telling.forged = true;
        telling
    }
}
