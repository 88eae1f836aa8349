//! What does the door need of the house behind it? Implemented by `app::run`; the door itself
//! knows no decisions, no tickets and no worlds.

use std::future::Future;
use std::path::PathBuf;
use std::time::Instant;

use crate::base::units::redacted::redacted;
use crate::base::units::time::Moment;
use crate::flows::notice::{Kind, Notice, Settlement};
use crate::market::exchange::ExchangeIx;
use crate::market::outcome::Outcome;
use crate::market::ticket::Ticket;

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
#[derive(Clone, Copy)]
pub struct BidCall<'c> {
    pub exchange: ExchangeIx,
    pub format: Format,
    pub body: &'c [u8],
    /// The header `Sec-GPC: 1`: Global Privacy Control.
    pub gpc: bool,
    /// When the head had come in full, by the wall clock: the decision's time.
    pub received: Moment,
    /// The same by the monotonic clock: what deadlines count from.
    pub arrived: Instant,
}

redacted!(BidCall<'_>);

/// One notice, beacon or click, as its URL says it; nothing is verified yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoticeCall {
    pub kind: Kind,
    pub ticket: String,
    /// Of the query, percent-decoded; empty where the key is absent.
    pub price: String,
    pub loss: String,
    pub min_to_win: String,
    pub received: Moment,
}

impl NoticeCall {
    pub fn notice(&self) -> Notice<'_> {
        Notice {
            kind: self.kind,
            ticket: &self.ticket,
            price: &self.price,
            loss: &self.loss,
            min_to_win: &self.min_to_win,
            moment: self.received,
        }
    }
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
    fn settle(&self, call: NoticeCall) -> impl Future<Output = Settlement> + Send;

    /// Where a click goes: found by what the ticket says, never taken from the URL. `query` tells
    /// which creative or companion of the line was clicked.
    fn landing(&self, ticket: &Ticket, query: &str) -> Option<String>;

    /// The file of a hex SHA-256, if the world that is served has it.
    fn media(&self, hash: &str) -> Option<MediaFile>;
}
