//! What memory does one decision need? All of it, owned by a worker and used again.
//!
//! Made once a worker by the doors, lent to [`decide`](super::decide); sized at start and never
//! freed, so that a warm worker allocates nothing.

use bumpalo::Bump;

use crate::base::units::ids::ListenerMark;
use crate::flows::decide::gather::Pool;
use crate::flows::decide::select::Winner;
use crate::knowledge::enrich::Ruling;
use crate::market::facts::Facts;
use crate::market::outcome::Outcome;
use crate::offer::records::WINNERS_MAX;
use crate::offer::targeting::SearchScratch;

/// Where the arena begins; it grows to the largest request seen and keeps that.
const ARENA_BYTES: usize = 64 * 1024;

#[derive(Default)]
pub struct Scratch {
    pub(super) arena: Bump,
    pub(super) facts: Facts,
    pub(super) search: SearchScratch,
    pub(super) pool: Pool,
    pub(super) markup: Markup,
    /// What the decision came to; valid until the next.
    pub(super) made: Made,
    pub(super) reply: Vec<u8>,
}

/// The VAST documents of the winners, one behind the other.
#[derive(Default)]
pub struct Markup {
    pub text: Vec<u8>,
    /// Where each document ends.
    pub ends: Vec<usize>,
}

impl Markup {
    /// The documents in the order of the winners; one that is not UTF-8 (a defect) is empty.
    pub fn documents(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(&0).chain(&self.ends);
        let spans = starts.zip(&self.ends).map(|(&start, &end)| start..end);
        spans.map(|span| std::str::from_utf8(&self.text[span]).unwrap_or_default())
    }
}

/// What is kept of a decision once its request is gone: what the record needs.
#[derive(Default)]
pub struct Made {
    /// `None` before the first decision.
    pub outcome: Option<Outcome>,
    pub winners: Vec<Winner>,
    /// `request.id`; empty where the request could not be read.
    pub request_id: Vec<u8>,
    pub seed: u64,
    /// Of who was known and permitted.
    pub listener: Option<ListenerMark>,
    /// `None` where it ended before anybody asked.
    pub ruling: Option<Ruling>,
    /// The profile that was read, as it was read.
    pub profile: Vec<u8>,
    /// `tmax` of the request or the exchange's default, less the network's share.
    pub time_us: i64,
    pub test: bool,
    pub slots: u16,
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch {
            arena: Bump::with_capacity(ARENA_BYTES),
            markup: Markup {
                text: Vec::with_capacity(32 * 1024),
                ends: Vec::with_capacity(WINNERS_MAX),
            },
            reply: Vec::with_capacity(64 * 1024),
            made: Made {
                winners: Vec::with_capacity(WINNERS_MAX),
                request_id: Vec::with_capacity(256),
                profile: Vec::with_capacity(4096),
                ..Made::default()
            },
            ..Scratch::default()
        }
    }

    pub fn made(&self) -> &Made {
        &self.made
    }

    /// The VAST of each winner of the last decision.
    pub fn markup(&self) -> impl Iterator<Item = &str> {
        self.markup.documents()
    }

    /// How many candidates the last decision chose from.
    pub fn candidates(&self) -> usize {
        self.pool.candidates.len()
    }

    /// How many lines that targeting let through the last decision considered.
    pub fn considered(&self) -> u32 {
        self.pool.considered
    }

    /// The response body of the last decision, when it was a bid.
    pub fn reply(&self) -> &[u8] {
        &self.reply
    }

    /// The same without a copy: `buffer`, which is kept for the next, changes places with it.
    pub fn hand_over(&mut self, buffer: &mut Vec<u8>) {
        std::mem::swap(&mut self.reply, buffer);
    }

    pub(super) fn begin(&mut self) {
        self.arena.reset();
        self.facts.clear();
        self.pool.clear();
        self.markup.text.clear();
        self.markup.ends.clear();
        self.reply.clear();
        self.made.outcome = None;
        self.made.winners.clear();
        self.made.request_id.clear();
        self.made.profile.clear();
        self.made.seed = 0;
        self.made.listener = None;
        self.made.ruling = None;
        self.made.time_us = 0;
        self.made.test = false;
        self.made.slots = 0;
    }
}
