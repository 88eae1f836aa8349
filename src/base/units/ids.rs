//! Who is meant? Dense ids inside a world (`…Ix`), stable ids outside (`…Id`, `…Key`).
//!
//! A dense id is an index into the columns of one [`World`](crate::flows::decide::world::World) and
//! means nothing outside it. A stable id is a hash of the name that the advertiser wrote, so it
//! survives every swap and fits a ticket; the catalog refuses two names with one hash.

use std::fmt;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::redacted::redacted;

macro_rules! dense {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u32);

        impl $name {
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

dense!(
    /// A line item inside one world; ordered by price bound, best first.
    LineIx,
    /// A campaign inside one world.
    CampaignIx,
    /// An advertiser inside one world.
    AdvertiserIx,
    /// A creative inside one world.
    CreativeIx
);

macro_rules! stable {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }
    )*};
}

stable!(
    /// An advertiser outside the process: the hash of its key.
    AdvertiserId;
    /// A campaign outside the process: the hash of `advertiser/campaign`.
    CampaignId;
    /// A line item outside the process: the hash of `advertiser/campaign/line`.
    LineId;
);

impl AdvertiserId {
    pub fn of(advertiser: &str) -> AdvertiserId {
        AdvertiserId(xxh3_64(advertiser.as_bytes()))
    }
}

impl CampaignId {
    pub fn of(advertiser: &str, campaign: &str) -> CampaignId {
        CampaignId(xxh3_64(format!("{advertiser}/{campaign}").as_bytes()))
    }
}

impl LineId {
    pub fn of(advertiser: &str, campaign: &str, line: &str) -> LineId {
        LineId(xxh3_64(format!("{advertiser}/{campaign}/{line}").as_bytes()))
    }
}

/// A listener: the hash of the id under which the profile is kept. Never printed in full.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerKey(pub u128);

impl ListenerKey {
    pub fn of(id: &str) -> ListenerKey {
        ListenerKey(xxh3_128(id.as_bytes()))
    }
}

/// A listener as caps and reach know it: a keyed hash of the [`ListenerKey`], of no use without
/// the deployment's secret. Never printed in full.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerMark(pub u64);

redacted!(ListenerKey, ListenerMark);
