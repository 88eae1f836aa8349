//! Which events of which bids were settled before? A bounded window, in shards.
//!
//! A shard's lock is held from the question to the moment the entry stands in the journal's
//! queue, so that of two equal notices one is the first, and the other can wait for it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Kind;
use crate::base::units::time::Moment;
use crate::market::ticket::BidId;

const SHARDS: usize = 64;
const _: () = assert!(Kind::ALL.len() <= 32, "kinds are bits of a u32");

pub(super) struct Seen {
    shards: Vec<Mutex<Shard>>,
    shard_max: usize,
}

#[derive(Default)]
pub(super) struct Shard {
    bids: HashMap<BidId, SeenBid, foldhash::fast::RandomState>,
    /// May name bids that are kept longer by now.
    by_end: BinaryHeap<Reverse<(Moment, BidId)>>,
}

struct SeenBid {
    /// Bit `kind`: settled, perhaps not yet on disk.
    settled: u32,
    /// Bit `kind`: on disk.
    durable: u32,
    /// What the billable event told, to notice that another tells otherwise.
    price_nanos: i64,
    until: Moment,
}

/// Where one event of one bid stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    New,
    /// Settled, but perhaps not on disk yet.
    Underway,
    Durable,
}

impl Seen {
    pub fn new(bids_max: usize) -> Seen {
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect();
        Seen { shards, shard_max: bids_max.div_ceil(SHARDS) }
    }

    pub fn shard(&self, bid: BidId) -> MutexGuard<'_, Shard> {
        // Bid ids are hashes already, but nothing here relies on it.
        let spread = bid.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58;
        lock(&self.shards[spread as usize % SHARDS])
    }

    /// Whether one more bid may be remembered; a loss must leave room for money.
    pub fn has_room(&self, shard: &mut Shard, kind: Kind, now: Moment) -> bool {
        let max = match kind {
            Kind::Loss => self.shard_max / 4 * 3,
            _ => self.shard_max,
        };
        if shard.bids.len() >= max {
            shard.forget(now);
        }
        shard.bids.len() < max
    }

    pub fn sweep(&self, now: Moment) {
        for shard in &self.shards {
            lock(shard).forget(now);
        }
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).bids.len()).sum()
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A panic under the lock leaves a map that is whole; money must go on being settled.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    pub fn standing(&self, bid: BidId, kind: Kind) -> Standing {
        let bit = 1u32 << kind as u8;
        match self.bids.get(&bid) {
            Some(seen) if seen.durable & bit != 0 => Standing::Durable,
            Some(seen) if seen.settled & bit != 0 => Standing::Underway,
            _ => Standing::New,
        }
    }

    pub fn knows(&self, bid: BidId) -> bool {
        self.bids.contains_key(&bid)
    }

    /// What the billable event of this bid told.
    pub fn price(&self, bid: BidId) -> Option<i64> {
        self.bids.get(&bid).map(|seen| seen.price_nanos)
    }

    /// Remembers an event until `until`; `price_nanos` when it is the billable one.
    pub fn settled(&mut self, bid: BidId, kind: Kind, until: Moment, price_nanos: Option<i64>) {
        let seen = self.bids.entry(bid).or_insert(SeenBid {
            settled: 0,
            durable: 0,
            price_nanos: 0,
            until: Moment::from_unix_us(i64::MIN),
        });
        seen.settled |= 1 << kind as u8;
        if let Some(nanos) = price_nanos {
            seen.price_nanos = nanos;
        }
        if until > seen.until {
            seen.until = until;
            self.by_end.push(Reverse((until, bid)));
        }
    }

    pub fn durable(&mut self, bid: BidId, kind: Kind) {
        if let Some(seen) = self.bids.get_mut(&bid) {
            seen.durable |= 1 << kind as u8;
        }
    }

    fn forget(&mut self, now: Moment) {
        while let Some(&Reverse((until, bid))) = self.by_end.peek()
            && until < now
        {
            self.by_end.pop();
            if self.bids.get(&bid).is_some_and(|seen| seen.until < now) {
                self.bids.remove(&bid);
            }
        }
    }
}
