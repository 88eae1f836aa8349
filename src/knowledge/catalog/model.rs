//! What is for sale? Advertisers, campaigns, lines and creatives, resolved and dense.
//!
//! The nouns of a [`Catalog`]: read from campaign files (cold), asked by every stage of the bid
//! path (hot), never mutated.

use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

pub use super::stock::{Catalog, Counts};
pub use super::terms::{Budget, BudgetMode, CAPS_MAX, Cap, Pacing, Shape, Unit, Window};

use crate::base::units::calendar::Calendar;
use crate::base::units::ids::{
    AdvertiserId, AdvertiserIx, CampaignId, CampaignIx, CreativeIx, LineId,
};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::facts::Point;
use crate::market::format::AudioMime;
use crate::market::vocabulary::{Dimension, ValueId};

/// A file that Interlude serves at `/media/{hash}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedFile {
    pub path: PathBuf,
    /// By its bytes, for `content-type`.
    pub mime: String,
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Advertiser {
    pub id: AdvertiserId,
    pub key: String,
    pub name: String,
    /// Registrable domains, lower case; the first is the one that is declared (`bid.adomain`).
    pub domains: Vec<String>,
    /// The seat under which its bids go out (`seatbid.seat`).
    pub seat: String,
    /// The account's currency; every budget and price of its lines is in it.
    pub currency: Currency,
    /// The days of the account's zone.
    pub calendar: Arc<Calendar>,
    /// Whether its lines may spend no more than what has been paid in.
    pub prepaid: bool,
    /// For one listener, over all of its lines.
    pub caps: Vec<Cap>,
    /// IAB Content Taxonomy 1.0 codes (`IAB8-5`), what `bcat` blocks by default.
    pub categories: Vec<String>,
    /// Ids of the Ad Product Taxonomy 2.0, for `cattax` 8.
    pub ad_products: Vec<String>,
    /// Store id of the advertised app, if it is one; `bapp` blocks it.
    pub bundle: Option<String>,
    /// Whom its ads are shown for, and who pays: what `bid.ext.dsa` tells. Without the first it
    /// cannot answer where that is required.
    pub dsa_behalf: Option<String>,
    pub dsa_paid: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    pub id: CampaignId,
    pub key: String,
    pub name: String,
    pub advertiser: AdvertiserIx,
    /// Over all of its lines.
    pub budget: Budget,
    /// For one listener, over all of its lines.
    pub caps: Vec<Cap>,
}

#[derive(Debug, Clone)]
pub struct Line {
    pub id: LineId,
    pub key: String,
    pub name: String,
    pub campaign: CampaignIx,
    pub advertiser: AdvertiserIx,
    /// The bid for one impression, in the account's currency.
    pub bid: Money,
    /// `bid` in the world's reference currency times the largest multiplier a score may reach:
    /// what the lines are ordered by.
    pub price_bound: i64,
    pub flight: Flight,
    pub budget: Budget,
    pub pacing: Pacing,
    /// For one listener.
    pub caps: Vec<Cap>,
    pub targeting: Expr,
    /// Deal ids this line holds a token for.
    pub deals: Vec<String>,
    /// Whether it bids in the open market: always for lines without deals, by choice with them.
    pub open: bool,
    pub creatives: Vec<CreativeIx>,
    pub paused: bool,
}

/// From `start` (included) to `end` (excluded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flight {
    pub start: Moment,
    pub end: Moment,
}

impl Flight {
    pub const ALWAYS: Flight =
        Flight { start: Moment::from_unix_us(i64::MIN), end: Moment::from_unix_us(i64::MAX) };

    pub fn contains(self, moment: Moment) -> bool {
        self.start <= moment && moment < self.end
    }
}

/// A targeting expression, names resolved to values (DESIGN §5). Truth is Kleene's.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Expr {
    /// True when empty.
    All(Vec<Expr>),
    /// False when empty.
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Leaf(Leaf),
}

impl Expr {
    /// The most conjunctions that an expression may come to: what targeting multiplies out.
    pub const CONJUNCTIONS_MAX: usize = 64;

    /// How many conjunctions it comes to when it is multiplied out, at most (and at least one).
    pub fn conjunctions(&self) -> usize {
        self.count(false).max(1)
    }

    fn count(&self, negated: bool) -> usize {
        match self {
            Expr::Leaf(_) => 1,
            Expr::Not(inner) => inner.count(!negated),
            Expr::All(parts) | Expr::Any(parts) => {
                let counts = parts.iter().map(|part| part.count(negated));
                if self.multiplies(negated) {
                    counts.fold(1, |product, n| product.saturating_mul(n.max(1)))
                } else {
                    counts.fold(0, usize::saturating_add)
                }
            }
        }
    }

    /// De Morgan: a negated disjunction is a conjunction and the other way round.
    pub const fn multiplies(&self, negated: bool) -> bool {
        matches!(self, Expr::All(_)) != negated
    }
}

#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Leaf {
    pub dimension: Dimension,
    pub test: Test,
    /// What the leaf is when the fact is unknown: `true` makes it true, else it is unknown.
    pub pass_unknown: bool,
}

#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Test {
    /// The fact has at least one of these values; sorted, distinct.
    AnyOf(Vec<ValueId>),
    /// The fact has none of these values; sorted, distinct.
    NoneOf(Vec<ValueId>),
    /// [`Dimension::Radius`]: within at least one circle.
    Within(Vec<Circle>),
    /// [`Dimension::Radius`]: outside all circles.
    Outside(Vec<Circle>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    pub center: Point,
    pub radius_m: f64,
}

impl Hash for Circle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        [self.center.lat, self.center.lon, self.radius_m].map(f64::to_bits).hash(state);
    }
}

/// One spot: the same message in several renditions, with its companions.
#[derive(Debug, Clone, PartialEq)]
pub struct Creative {
    /// `bid.crid`; at most 64 bytes, unique in the catalog.
    pub crid: String,
    pub title: String,
    pub duration_ms: u32,
    pub renditions: Vec<Rendition>,
    /// The untouched master for ad stitching.
    pub mezzanine: Option<Rendition>,
    pub companions: Vec<Companion>,
    pub click_through: Option<String>,
    pub click_trackers: Vec<String>,
    pub trackers: Vec<Tracker>,
    /// AdCOM creative attributes (`bid.attr`).
    pub attr: Vec<i64>,
    /// AdCOM API frameworks that it needs (`bid.apis`): 7 = OMID, with `verifications`.
    pub apis: Vec<i64>,
    pub verifications: Vec<Verification>,
    /// BCP-47 tag of the spoken language, `None` where it has none.
    pub language: Option<String>,
    /// UniversalAdId: registry and value.
    pub universal_ad_id: Option<(String, String)>,
    /// Volume normalisation done (AdCOM), if any.
    pub nvol: Option<i64>,
    /// IQG media rating (AdCOM): 1 all, 2 over 12, 3 mature.
    pub qagmediarating: Option<i64>,
    /// For one listener, over all lines that play it.
    pub caps: Vec<Cap>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rendition {
    pub media: Media,
    pub mime: AudioMime,
    pub bitrate_kbps: u32,
    pub delivery: Delivery,
    /// Bytes, when known.
    pub size: Option<u64>,
}

/// Where the bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// Somebody else's server: the URL as it was given.
    Remote(String),
    /// Ours: the hex SHA-256 of the file, served at `/media/{hash}`.
    Hosted(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Streaming,
    Progressive,
}

impl Delivery {
    /// VAST's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Delivery::Streaming => "streaming",
            Delivery::Progressive => "progressive",
        }
    }

    /// AdCOM "Delivery Methods" code; progressive media may also be downloaded (3).
    pub const fn code(self) -> i64 {
        match self {
            Delivery::Streaming => 1,
            Delivery::Progressive => 2,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Companion {
    pub w: u32,
    pub h: u32,
    pub resource: CompanionResource,
    pub click_through: Option<String>,
    pub trackers: Vec<String>,
    pub alt: Option<String>,
    pub attr: Vec<i64>,
    pub apis: Vec<i64>,
    /// `concurrent` or `end-card` (VAST 4.3 `renderingMode`, OpenRTB `vcm`).
    pub end_card: bool,
}

/// AdCOM companion types 1 static, 2 HTML, 3 iframe.
#[derive(Debug, Clone, PartialEq)]
pub enum CompanionResource {
    Static { media: Media, mime: String },
    Html(String),
    Iframe(String),
}

impl CompanionResource {
    pub const fn code(&self) -> i64 {
        match self {
            CompanionResource::Static { .. } => 1,
            CompanionResource::Html(_) => 2,
            CompanionResource::Iframe(_) => 3,
        }
    }
}

/// A third party's URL to be called on an event of the player.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracker {
    pub event: PlayerEvent,
    pub url: String,
}

/// VAST tracking events that a campaign or Interlude itself listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlayerEvent {
    Impression,
    Start,
    FirstQuartile,
    Midpoint,
    ThirdQuartile,
    Complete,
    Mute,
    Unmute,
    Pause,
    Resume,
    Skip,
    Error,
    /// From VAST 4.3.
    NotUsed,
}

/// An Open Measurement verification (VAST 4.1 `AdVerifications`).
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    pub vendor: String,
    pub script_url: String,
    pub parameters: Option<String>,
}

impl Creative {
    /// All media it names: renditions, the master, companions' images.
    pub fn media(&self) -> impl Iterator<Item = &Media> {
        let images = self.companions.iter().filter_map(|companion| match &companion.resource {
            CompanionResource::Static { media, .. } => Some(media),
            CompanionResource::Html(_) | CompanionResource::Iframe(_) => None,
        });
        let audio = self.renditions.iter().chain(&self.mezzanine);
        audio.map(|rendition| &rendition.media).chain(images)
    }
}
