//! What does the door need of the house behind it? Implemented by `app::run`; the door itself
//! knows no decisions, no tickets and no worlds.

use std::future::Future;
use std::path::PathBuf;
use std::time::Instant;

use crate::base::units::time::Moment;
use crate::knowledge::catalog::model::PlayerEvent;
use crate::market::exchange::ExchangeIx;
use crate::market::outcome::Outcome;
use crate::offer::creative::beacon_name;

/// The form of a bid request, which is also that of its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Json,
    /// `application/x-protobuf`
    Protobuf,
    /// `application/octet-stream`: protobuf under the name that Google gives it.
    OctetStream,
}

impl Format {
    pub const fn is_protobuf(self) -> bool {
        !matches!(self, Format::Json)
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Protobuf => "application/x-protobuf",
            Format::OctetStream => "application/octet-stream",
        }
    }
}

/// One bid request, inflated.
#[derive(Clone, Copy, Debug)]
pub struct BidCall<'c> {
    pub exchange: ExchangeIx,
    pub format: Format,
    pub body: &'c [u8],
    /// When the head had come in full, by the wall clock: the decision's time.
    pub received: Moment,
    /// The same by the monotonic clock: what deadlines count from.
    pub arrived: Instant,
}

/// One notice, beacon or click, as its URL says it; nothing is verified yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoticeCall {
    pub kind: NoticeKind,
    pub ticket: String,
    /// Of the query, percent-decoded; `None` where the key is absent.
    pub price: Option<String>,
    pub loss: Option<String>,
    pub min_to_win: Option<String>,
    pub received: Moment,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NoticeKind {
    Win,
    Billing,
    Loss,
    /// `/beacon/{event}/{ticket}`: what the player reports.
    Beacon(PlayerEvent),
    Click,
}

/// What a player may report; [`beacon_name`] is the word in the path.
pub const BEACONS: [PlayerEvent; 13] = [
    PlayerEvent::Impression,
    PlayerEvent::Start,
    PlayerEvent::FirstQuartile,
    PlayerEvent::Midpoint,
    PlayerEvent::ThirdQuartile,
    PlayerEvent::Complete,
    PlayerEvent::Mute,
    PlayerEvent::Unmute,
    PlayerEvent::Pause,
    PlayerEvent::Resume,
    PlayerEvent::Skip,
    PlayerEvent::Error,
    PlayerEvent::NotUsed,
];

impl NoticeKind {
    /// The metric label.
    pub fn label(self) -> &'static str {
        match self {
            NoticeKind::Win => "win",
            NoticeKind::Billing => "billing",
            NoticeKind::Loss => "loss",
            NoticeKind::Beacon(event) => beacon_name(event),
            NoticeKind::Click => "click",
        }
    }
}

/// What became of a notice, as far as the caller is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acknowledged {
    /// Durable, or known from before: the caller may forget it.
    Taken,
    /// No ticket of ours, or not for this use: trying again will not help.
    Refused,
    /// Could not be made durable: to be tried again.
    Unready,
}

/// A file that we host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaFile {
    pub path: PathBuf,
    pub mime: String,
}

pub trait House: Send + Sync + 'static {
    /// The exchange of a path segment.
    fn exchange(&self, key: &str) -> Option<ExchangeIx>;

    /// Decides and writes the answer into the empty `reply`; synchronous, never waits.
    fn bid(&self, call: &BidCall<'_>, reply: &mut Vec<u8>) -> Outcome;

    /// Returns when the notice is durable.
    fn settle(&self, call: NoticeCall) -> impl Future<Output = Acknowledged> + Send;

    /// Where a click goes: found by the ticket, never taken from the URL. `query` says which
    /// creative or companion of the line was clicked.
    fn landing(&self, ticket: &str, query: &str) -> Option<String>;

    /// The file of a hex SHA-256, if the world that is served has it.
    fn media(&self, hash: &str) -> Option<MediaFile>;
}
