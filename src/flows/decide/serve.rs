//! How is a decision made in production? With the live desk, in time, and on the record.
//!
//! Called by the doors once a request; hot. A decision that came too late or cannot be recorded
//! gives its holds back and is not answered.

use std::sync::Arc;

use crate::base::units::time::Moment;
use crate::flows::decide::laps::{Laps, Timed};
use crate::flows::decide::record::fill_in;
use crate::flows::decide::scratch::Scratch;
use crate::flows::decide::world::World;
use crate::flows::decide::{Circumstance, Received, decide};
use crate::market::exchange::ExchangeIx;
use crate::market::outcome::{NoBid, Outcome};
use crate::market::step::Step;
use crate::offer::delivery::{Desk, Recorder};
use crate::offer::records::{DecisionRecord, RecordRing, Sample, Seen, sampled};

/// A world and the live half that belongs to it, swapped together.
pub struct Published {
    pub world: World,
    pub desk: Arc<Desk>,
}

/// The memory of one worker.
pub struct Worker {
    pub scratch: Scratch,
    /// Started and ended by the caller, who may also leave it alone.
    pub laps: Laps,
    /// Of the decision under way; a decision's answers are written down in it at once.
    record: DecisionRecord,
}

impl Worker {
    pub fn new() -> Worker {
        let record = DecisionRecord::blank(Moment::default(), ExchangeIx(0));
        Worker { scratch: Scratch::new(), laps: Laps::default(), record }
    }
}

impl Default for Worker {
    fn default() -> Worker {
        Worker::new()
    }
}

/// Where records go, and how many of a million keep the request's bytes.
#[derive(Clone, Copy)]
pub struct Records<'a> {
    pub ring: &'a RecordRing,
    pub sample_ppm: u32,
}

/// Decides; the response stands in `worker.scratch.reply()` when the outcome is a bid.
///
/// `spent_us` tells how long ago the request arrived; it is asked once, when the decision stands.
pub fn serve(
    received: &Received<'_>,
    published: &Published,
    records: Records<'_>,
    worker: &mut Worker,
    (at, spent_us): (Circumstance, impl FnOnce() -> i64),
) -> Outcome {
    let Published { world, desk } = published;
    let Worker { scratch, laps, record } = worker;
    let sleep = desk.sleep();
    let asleep = sleep.as_deref().filter(|sleep| sleep.holds_at(at.moment));
    let live = Recorder::new(desk.live_with(asleep), &mut record.answers);
    let mut live = Timed { live, laps: &mut *laps };
    let decided = decide(received, world, &mut live, at, scratch);
    laps.begins(Step::Record);
    let made = scratch.made();
    let late = decided == Outcome::Bid && spent_us() > made.time_us;
    let outcome = if late { Outcome::NoBid(NoBid::DeadlinePassed) } else { decided };

    fill_in(received, world, at, (outcome, scratch), record);
    let sample = Sample { request: received.body, profile: &made.profile };
    let seen = Seen { sample, listener: made.listener };
    let seen = sampled(made.seed, records.sample_ppm).then_some(seen);
    let recorded = records.ring.push(record, seen);
    if late || recorded.is_err() {
        release(published, scratch);
    }
    if recorded.is_err() { Outcome::NoBid(NoBid::RecordFull) } else { outcome }
}

/// Gives back what was held for bids that do not go out; rare, and the one place here that locks.
fn release(published: &Published, scratch: &Scratch) {
    for winner in &scratch.made().winners {
        let line = published.world.catalog.line(winner.candidate.line).id;
        published.desk.book().release(winner.bid, line, true);
    }
}
