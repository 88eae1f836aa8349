//! What is offered? One audio impression, normalised from the wire.
//!
//! Built by `enrich`, read by `creative`, `auction` and the response; hot. What the exchange may
//! send in ten ways stands here in one.

use crate::base::units::money::{Currency, Money};
use crate::market::format::{AudioMime, MimeSet, VastVersion};
use crate::market::openrtb::request::{Audio, Banner};

#[derive(Debug, Clone, Copy)]
pub struct Slot<'b> {
    /// Position in `request.imp`.
    pub imp: u16,
    /// Echoed as `bid.impid`; may be empty.
    pub impid: &'b str,
    pub tagid: Option<&'b str>,
    pub audio: &'b Audio<'b>,
    pub mimes: MimeSet,
    /// The version the answer is written in.
    pub vast: VastVersion,
    pub durations: Durations<'b>,
    /// Every URL in the markup must be https.
    pub secure: bool,
    /// The service inserts the ad: a mezzanine is needed where the version has one.
    pub stitched: bool,
    pub rewarded: bool,
    /// Seconds between auction and impression that the exchange tells, for the ticket's expiry.
    pub exp_s: Option<i64>,
    pub floors: Floors<'b>,
    /// Only deals may bid.
    pub private: bool,
    pub deals: &'b [DealOffer<'b>],
    pub companions: &'b [Banner<'b>],
    pub pod: Pod<'b>,
}

impl<'b> Slot<'b> {
    /// An imp by itself that takes MP3 of any length for any price, in VAST 4.2.
    pub fn plain(audio: &'b Audio<'b>) -> Slot<'b> {
        let plain = Money::zero(Currency::USD);
        Slot {
            imp: 0,
            impid: "1",
            tagid: None,
            audio,
            mimes: MimeSet::empty().with(AudioMime::Mpeg),
            vast: VastVersion::V4_2,
            durations: Durations::Window { min_ms: 0, max_ms: u32::MAX },
            secure: false,
            stitched: false,
            rewarded: false,
            exp_s: None,
            floors: Floors { plain, per_second: None, by_duration: &[] },
            private: false,
            deals: &[],
            companions: audio.companionad,
            pod: Pod::Single,
        }
    }
}

/// How long the spot may be. Exact lists and windows exclude each other (§3.2.8).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Durations<'b> {
    Exact(&'b [i64]),
    /// Milliseconds, both included; `max_ms` counts the allowed extension.
    Window {
        min_ms: u32,
        max_ms: u32,
    },
}

impl Durations<'_> {
    pub fn takes(&self, duration_ms: u32) -> bool {
        match *self {
            // A player cuts at whole seconds: within half a second it is that duration.
            Durations::Exact(seconds) => seconds
                .iter()
                .any(|&s| s > 0 && (i64::from(duration_ms) - s.saturating_mul(1000)).abs() < 500),
            Durations::Window { min_ms, max_ms } => (min_ms..=max_ms).contains(&duration_ms),
        }
    }
}

/// The floors of one offer, by the precedence of §7.11: by duration or per second where given,
/// else the plain one. All of one offer are in one currency.
#[derive(Debug, Clone, Copy)]
pub struct Floors<'b> {
    /// `bidfloor` as the price of one impression.
    pub plain: Money,
    /// `mincpmpersec` as the price of one impression per second of spot.
    pub per_second: Option<Money>,
    pub by_duration: &'b [crate::market::openrtb::request::DurFloor],
}

impl Floors<'_> {
    /// Whether they tell spots of one length from those of another.
    pub fn are_by_length(&self) -> bool {
        self.per_second.is_some() || !self.by_duration.is_empty()
    }
}

/// A deal of the request that we may bid on.
#[derive(Debug, Clone, Copy)]
pub struct DealOffer<'b> {
    pub id: &'b str,
    pub floors: Floors<'b>,
    /// Whether the deal itself names a floor; where it does not, the imp's hold (§7.11).
    pub own_floor: bool,
    pub price: DealPrice,
    /// `guar`: a bid is expected.
    pub guaranteed: bool,
    pub wseat: &'b [&'b str],
    pub wadomain: &'b [&'b str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DealPrice {
    /// `at` 1 or 2: bid above the floor.
    Auction,
    /// `at` 3: the floor is the agreed price.
    Fixed,
}

/// Where in a pod the slot stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pod<'b> {
    Single,
    /// One of several imps of the same break, each its own place.
    Structured {
        podid: &'b str,
    },
    /// A stretch of `total_ms` for up to `max_ads` ads (`poddur`, `maxseq`).
    Dynamic {
        podid: &'b str,
        total_ms: u32,
        max_ads: u16,
    },
}
