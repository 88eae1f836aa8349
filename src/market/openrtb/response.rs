//! What do we answer? The bid response as borrowed types, written as JSON or protobuf.
//!
//! Built by `decide`, hot: both writers append to a reused buffer and allocate nothing while it
//! has room. Names are OpenRTB 2.6's (§4.2). An empty list and a `None` are not written.

mod json;
mod protobuf;

use crate::base::units::money::Currency;

/// §4.2.1
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// The request's id.
    pub id: &'a str,
    pub bidid: Option<&'a str>,
    pub cur: Currency,
    pub seatbid: &'a [SeatBid<'a>],
    /// Why there is no bid; beside bids it has no meaning.
    pub nbr: Option<i64>,
}

/// §4.2.2
#[derive(Debug, Default, Clone, Copy)]
pub struct SeatBid<'a> {
    pub seat: &'a str,
    /// All of the bids or none (a road-block).
    pub group: bool,
    pub bid: &'a [Bid<'a>],
}

/// §4.2.3, the fields that an audio bid may set.
#[derive(Debug, Default, Clone, Copy)]
pub struct Bid<'a> {
    pub id: &'a str,
    pub impid: &'a str,
    /// Nanos per impression, which is the same integer as CPM micros; written as the exact
    /// decimal CPM in JSON and as the nearest double in protobuf.
    pub price_nanos: i64,
    pub adm: &'a str,
    pub nurl: Option<&'a str>,
    pub burl: Option<&'a str>,
    pub lurl: Option<&'a str>,
    pub adid: Option<&'a str>,
    pub adomain: &'a [&'a str],
    pub bundle: Option<&'a str>,
    pub iurl: Option<&'a str>,
    pub cid: Option<&'a str>,
    pub crid: Option<&'a str>,
    pub tactic: Option<&'a str>,
    pub cattax: Option<i64>,
    pub cat: &'a [&'a str],
    pub attr: &'a [i64],
    pub apis: &'a [i64],
    /// AdCOM creative subtype: the VAST version of `adm`.
    pub protocol: Option<i64>,
    pub qagmediarating: Option<i64>,
    /// ISO 639-1; `langb` instead where the request speaks BCP 47.
    pub language: Option<&'a str>,
    pub langb: Option<&'a str>,
    pub dealid: Option<&'a str>,
    /// Seconds that we are willing to wait between auction and impression.
    pub exp: Option<i64>,
    /// Seconds of spot.
    pub dur: Option<i64>,
    /// 3 is audio.
    pub mtype: Option<i64>,
    /// Only in a dynamic pod, and only when the ad must stand first or last.
    pub slotinpod: Option<i64>,
    /// `ext.dsa`, where the request demands it.
    pub dsa: Option<DsaReply<'a>>,
}

/// `bid.ext.dsa`: who is behind the ad and who paid (DSA transparency extension).
#[derive(Debug, Default, Clone, Copy)]
pub struct DsaReply<'a> {
    pub behalf: Option<&'a str>,
    pub paid: Option<&'a str>,
    pub transparency: &'a [Transparency<'a>],
    pub adrender: Option<i64>,
}

/// Who used which personal data for it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Transparency<'a> {
    pub domain: &'a str,
    pub dsaparams: &'a [i64],
}

/// Appends the response as JSON to `out`.
pub fn write_json(response: &Response<'_>, out: &mut Vec<u8>) {
    json::response(response, out);
}

/// Appends the response as an OpenRTB 2.6 protobuf message to `out`.
pub fn write_protobuf(response: &Response<'_>, out: &mut Vec<u8>) {
    protobuf::response(response, out);
}

#[cfg(test)]
mod tests;
