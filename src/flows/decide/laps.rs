//! How long did each step take? The stopwatch of a worker, beside a decision and not in it.
//!
//! `decide` says which step begins; who serves it looks at the clock then, for one decision of
//! so many. Replays, rehearsals and decisions that are not timed look at none, and nothing that
//! is decided depends on it. Hot: no lock, no allocation.

use std::time::{Duration, Instant};

use crate::base::units::ids::LineIx;
use crate::base::units::time::Moment;
use crate::flows::decide::scratch::Scratch;
use crate::market::exchange::ExchangeIx;
use crate::market::marks::SupplyMark;
use crate::market::outcome::{Outcome, Refusal};
use crate::market::step::Step;
use crate::offer::delivery::{Ask, Hold, Live, Pace, Sleep};
use crate::offer::records::RequestId;

/// What each step took, in the order of [`Step::ALL`].
pub type Took = [Duration; Step::ALL.len()];

/// What operators are told of one decision: its numbers, and nothing of who listened.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// The coin of its record.
    pub decision: u64,
    /// The hash of its request's id, as its record has it.
    pub request: u64,
    pub moment: Moment,
    pub exchange: ExchangeIx,
    pub world: u64,
    pub outcome: Outcome,
    pub considered: u32,
    pub candidates: u32,
    pub bids: u32,
    /// `None`: it was not timed.
    pub took: Option<Took>,
}

impl Told {
    /// Of the decision that `scratch` was last used for.
    pub fn of(
        scratch: &Scratch,
        outcome: Outcome,
        (moment, exchange, world): (Moment, ExchangeIx, u64),
        took: Option<Took>,
    ) -> Told {
        let made = scratch.made();
        let request = std::str::from_utf8(&made.request_id).map_or(0, |id| RequestId::of(id).hash);
        Told {
            decision: made.seed,
            request,
            moment,
            exchange,
            world,
            outcome,
            considered: scratch.considered(),
            candidates: scratch.candidates() as u32,
            bids: made.winners.len() as u32,
            took,
        }
    }
}

/// A step, since when, and what each took.
pub struct Laps {
    /// `None`: the decision at hand is not timed.
    running: Option<(Step, Instant)>,
    took: Took,
    /// Decisions until the next one that is timed.
    left: u32,
}

impl Default for Laps {
    fn default() -> Laps {
        Laps { running: None, took: [Duration::ZERO; Step::ALL.len()], left: 0 }
    }
}

impl Laps {
    /// A decision begins whose request arrived then; it is timed if it is its turn, which comes
    /// to one of `one_of`, or to none where that is nought.
    pub fn start(&mut self, arrived: Instant, one_of: u32) {
        self.running = None;
        if one_of == 0 {
            return;
        }
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        self.left = one_of - 1;
        let now = Instant::now();
        self.took = Default::default();
        self.took[Step::Wait as usize] = now.saturating_duration_since(arrived);
        self.running = Some((Step::Decode, now));
    }

    pub fn begins(&mut self, step: Step) {
        if let Some((before, since)) = self.running {
            let now = Instant::now();
            self.took[before as usize] += now - since;
            self.running = Some((step, now));
        }
    }

    /// `None`: it was not timed.
    pub fn end(&mut self) -> Option<Took> {
        let (step, since) = self.running.take()?;
        self.took[step as usize] += since.elapsed();
        Some(self.took)
    }
}

/// Another's answers, timed by what is asked of it.
pub struct Timed<'l, L> {
    pub live: L,
    pub laps: &'l mut Laps,
}

impl<'s, L: Live<'s>> Live<'s> for Timed<'_, L> {
    fn asleep(&self) -> Option<&'s Sleep> {
        self.live.asleep()
    }

    fn begins(&mut self, step: Step) {
        self.laps.begins(step);
    }

    fn is_boxed(&mut self, supply: SupplyMark) -> bool {
        self.live.is_boxed(supply)
    }

    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        self.live.may_bid(ask)
    }

    fn looked_at(&mut self, line: LineIx, refusal: Option<Refusal>) {
        self.live.looked_at(line, refusal);
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        self.live.hold(hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_so_many_is_timed() {
        let mut laps = Laps::default();
        for (one_of, wanted) in [(0, 0), (1, 12), (4, 3)] {
            let timed = |_: &i32| {
                laps.start(Instant::now(), one_of);
                laps.begins(Step::Record);
                laps.end().is_some()
            };
            assert_eq!((0..12).filter(timed).count(), wanted, "{one_of}");
            laps = Laps::default();
        }
    }

    #[test]
    fn the_steps_add_up_to_the_whole_wherever_it_ended() {
        let mut laps = Laps::default();
        let arrived = Instant::now();
        laps.start(arrived, 1);
        for step in [Step::Enrich, Step::Match, Step::Record] {
            laps.begins(step);
        }
        let took = laps.end().unwrap();
        let whole = arrived.elapsed();
        assert!(took.iter().sum::<Duration>() <= whole);
        for skipped in [Step::Auction, Step::Render] {
            assert_eq!(took[skipped as usize], Duration::ZERO);
        }
        assert_eq!(laps.end(), None);
    }
}
