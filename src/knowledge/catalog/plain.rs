//! What is the least that an advertiser, a campaign, a line, a creative says? All defaults.
//!
//! For tests, benches and rehearsals, which change what they are about with `..`; cold.

use std::sync::Arc;

use crate::base::units::calendar::Calendar;
use crate::base::units::ids::{AdvertiserId, AdvertiserIx, CampaignId, CampaignIx, LineId};
use crate::base::units::money::{Currency, Money};

use super::model::{Advertiser, Budget, Campaign, Creative, Expr, Flight, Line, Pacing};

impl Advertiser {
    /// An account in UTC that blocks and declares nothing.
    pub fn plain(key: &str, currency: Currency) -> Advertiser {
        Advertiser {
            id: AdvertiserId::of(key),
            key: key.to_owned(),
            name: key.to_owned(),
            domains: Vec::new(),
            seat: key.to_owned(),
            currency,
            calendar: Arc::new(Calendar::utc()),
            prepaid: false,
            caps: Vec::new(),
            categories: Vec::new(),
            ad_products: Vec::new(),
            bundle: None,
            dsa_behalf: None,
            dsa_paid: None,
        }
    }
}

impl Campaign {
    /// A campaign of the first advertiser, without any limit.
    pub fn plain(advertiser: &str, key: &str) -> Campaign {
        Campaign {
            id: CampaignId::of(advertiser, key),
            key: key.to_owned(),
            name: key.to_owned(),
            advertiser: AdvertiserIx(0),
            budget: Budget::NONE,
            caps: Vec::new(),
        }
    }
}

impl Line {
    /// A line of the first campaign that always bids on everything, without any limit.
    pub fn plain(id: LineId, bid: Money) -> Line {
        Line {
            id,
            key: String::new(),
            name: String::new(),
            campaign: CampaignIx(0),
            advertiser: AdvertiserIx(0),
            bid,
            price_bound: bid.nanos,
            flight: Flight::ALWAYS,
            budget: Budget::NONE,
            pacing: Pacing::default(),
            caps: Vec::new(),
            targeting: Expr::All(Vec::new()),
            deals: Vec::new(),
            open: true,
            creatives: Vec::new(),
            paused: false,
        }
    }
}

impl Creative {
    /// A spot without media.
    pub fn plain(crid: &str, duration_ms: u32) -> Creative {
        Creative {
            crid: crid.to_owned(),
            title: crid.to_owned(),
            duration_ms,
            renditions: Vec::new(),
            mezzanine: None,
            companions: Vec::new(),
            click_through: None,
            click_trackers: Vec::new(),
            trackers: Vec::new(),
            attr: Vec::new(),
            apis: Vec::new(),
            verifications: Vec::new(),
            language: None,
            universal_ad_id: None,
            nvol: None,
            qagmediarating: None,
            caps: Vec::new(),
        }
    }
}
