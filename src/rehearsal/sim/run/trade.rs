//! What passes between us, exchanges and players: requests, answers, notices and their answers.

use super::super::auditor::{How, Offered};
use super::super::house::comes_again;
use super::super::telling::{Telling, tellings};
use super::super::venue::{Answer, Hammer};
use super::{Event, Run, SECOND_US};
use crate::base::units::time::Moment;
use crate::flows::notice::{Settled, Settlement};
use crate::market::exchange::BillableEvent;

/// A notice is tried again so often.
const TRIES: u8 = 6;

impl Run<'_> {
    pub(super) fn request(&mut self) {
        let wait_us = self.pause_us();
        if self.now_us + wait_us < self.end_us {
            self.queue.plan(self.now_us + wait_us, Event::Request);
        }
        let number = self.asked;
        self.asked += 1;
        let hour = ((self.now_us - self.start_us) / (3600 * SECOND_US)) as usize;
        self.hours.resize(self.hours.len().max(hour + 1), 0);
        self.hours[hour] += 1;
        let body = self.requests.json(number, Moment::from_unix_us(self.now_us));
        let venue = self.rng.below(self.venues.len());
        let late = self.rng.chance(self.order.faults.slow_answers);
        let now = self.clock();
        let answer = self.house.bid(venue as u16, &body, now, late);
        self.history.note(self.now_us, b'r', answer.unwrap_or_default());
        let Some(answer) = answer.and_then(Answer::read) else { return };
        self.sell(venue, &answer, (listener_of(&body), now));
    }

    /// Our answer is in the exchange's auction.
    fn sell(&mut self, venue: usize, answer: &Answer, (listener, now): (Option<String>, Moment)) {
        let venue = &self.venues[venue];
        let hammers = venue.auction(answer, &mut self.rng);
        for (bid, hammer) in answer.bids().zip(hammers) {
            let (Ok(id), Some(line)) =
                (u64::from_str_radix(&bid.id, 16), self.auditor.line_of(&bid.crid))
            else {
                self.faults.push(format!("a bid {} of a creative {}", bid.id, bid.crid));
                continue;
            };
            let row = &venue.row;
            // Tickets tell whole seconds; a part of one is rounded up, of their holds too.
            let second = |after_s: u32| {
                let end_us = now.unix_us + i64::from(after_s) * SECOND_US;
                (end_us + SECOND_US - 1).div_euclid(SECOND_US) * SECOND_US
            };
            let mut offered = Offered::new(id, line, bid.nanos(), answer.currency());
            offered.moment_us = now.unix_us;
            offered.expires_us = second(row.ticket_ttl_s);
            offered.win_by_us = row.sends_wins.then(|| second(row.win_window_s));
            offered.listener = listener.clone();
            offered.billable = billable(row.billable);
            let number = self.auditor.offered(offered);
            self.summary.bids += 1;
            self.bid_nanos = self.bid_nanos.saturating_add(bid.nanos());
            self.summary.wins += u64::from(matches!(hammer, Hammer::Won { .. }));
            let faults = &self.order.faults;
            for (after_s, telling) in tellings(venue, (bid, number, hammer), faults, &mut self.rng)
            {
                let after_us = (after_s.max(0.001) * 1e6) as i64;
                self.queue.plan(self.now_us + after_us, Event::Tell(telling));
            }
        }
    }

    pub(super) fn tell(&mut self, telling: Telling) {
        if !self.house.is_open() {
            return self.again(telling);
        }
        let now = self.clock();
        // Whoever audits an URL tells nothing by it.
        if !telling.forged && telling.price != "AUDIT" {
            self.auditor.told(telling.bid, (telling.event, &telling.price), now.unix_us);
        }
        let answered = self.house.tell(telling, now);
        self.answered(answered);
        self.plan_sync();
    }

    pub(super) fn answered(&mut self, answered: impl IntoIterator<Item = (Telling, Settlement)>) {
        for (telling, settlement) in answered {
            let settled = settlement.settled;
            let id = [telling.bid.to_le_bytes(), [settled as u8, telling.event.len() as u8, 0, 0]];
            self.note(b'n', id.as_flattened());
            if telling.forged {
                if settled.acknowledged() {
                    let ticket = telling.ticket;
                    self.faults.push(format!("a forged ticket was taken: {ticket}"));
                }
                continue;
            }
            let how = match settled {
                Settled::Counted => How::Counted,
                Settled::Duplicate => How::Again,
                Settled::Late => How::Late,
                Settled::Disputed => How::Disputed,
                Settled::Audit => How::Audit,
                settled if comes_again(settled) => {
                    self.again(telling);
                    continue;
                }
                settled => {
                    let what = settled.label();
                    self.faults.push(format!("a genuine {} was {what}", telling.event));
                    continue;
                }
            };
            self.auditor.acknowledged(telling.bid, telling.event, how);
        }
    }

    /// Not acknowledged: most senders come again, later each time.
    pub(super) fn again(&mut self, mut telling: Telling) {
        telling.tries += 1;
        if telling.tries <= TRIES && self.rng.chance(0.85) {
            let wait_s = f64::from(1u32 << telling.tries) * (0.5 + self.rng.unit());
            self.queue.plan(self.now_us + (wait_s * 1e6) as i64, Event::Tell(telling));
        }
    }
}

fn billable(event: BillableEvent) -> u8 {
    match event {
        BillableEvent::Win => 0,
        BillableEvent::Billing => 1,
        BillableEvent::Impression => 3,
    }
}

/// The id by which the exchange says who listens.
fn listener_of(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("\"buyeruid\":\"")?;
    rest.split_once('"').map(|(id, _)| id.to_owned())
}
