//! What did the exchange send? The bid request as borrowed types: only the fields we read.
//!
//! Made by [`json`](super::json) and [`protobuf`](super::protobuf), read by `privacy` and
//! `enrich`; hot. Names and meanings are OpenRTB 2.6's (§3.2). Strings borrow from the body or,
//! where they had escapes or came from numbers, from the request's arena; so do lists. Presence
//! is explicit: `None` says "not sent", `null`, or "sent as something that cannot be read"
//! (the standard gives absence a meaning, §2.3). Integers that came as floats, strings or
//! booleans have been read as integers; 0/1 flags as `Option<bool>`. An empty string reads as
//! `None`, except in `Request::id` and `Imp::id`.
//! The 2.5 places (`ext.schain`, `user.ext.consent`, `user.ext.eids`, `regs.ext.gdpr`,
//! `regs.ext.us_privacy`, `regs.ext.gpp`…) have been folded into the 2.6 fields.

use crate::base::units::redacted::redacted;

/// §3.2.1
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Request<'b> {
    pub id: &'b str,
    pub imp: &'b [Imp<'b>],
    pub site: Option<Site<'b>>,
    pub app: Option<App<'b>>,
    /// A DOOH screen is offered: nothing of ours plays there.
    pub dooh: bool,
    pub device: Option<Device<'b>>,
    pub user: Option<User<'b>>,
    pub test: Option<bool>,
    pub at: Option<i64>,
    /// Milliseconds, network included.
    pub tmax: Option<i64>,
    pub wseat: &'b [&'b str],
    pub bseat: &'b [&'b str],
    pub allimps: Option<bool>,
    pub cur: &'b [&'b str],
    pub wlang: &'b [&'b str],
    pub wlangb: &'b [&'b str],
    pub acat: &'b [&'b str],
    pub bcat: &'b [&'b str],
    pub cattax: Option<i64>,
    pub badv: &'b [&'b str],
    pub bapp: &'b [&'b str],
    pub source: Option<Source<'b>>,
    pub regs: Option<Regs<'b>>,
}

/// §3.2.2 with the OMID fields of its `ext`.
#[derive(Default, Clone, Copy, PartialEq)]
pub struct Source<'b> {
    pub fd: Option<bool>,
    pub tid: Option<&'b str>,
    pub pchain: Option<&'b str>,
    pub schain: Option<SupplyChain<'b>>,
    pub omidpn: Option<&'b str>,
    pub omidpv: Option<&'b str>,
}

/// §3.2.25
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct SupplyChain<'b> {
    pub complete: Option<bool>,
    pub ver: Option<&'b str>,
    pub nodes: &'b [SupplyChainNode<'b>],
}

/// §3.2.26
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct SupplyChainNode<'b> {
    pub asi: Option<&'b str>,
    pub sid: Option<&'b str>,
    pub rid: Option<&'b str>,
    pub hp: Option<bool>,
}

/// §3.2.3
#[derive(Default, Clone, Copy, PartialEq)]
pub struct Regs<'b> {
    pub coppa: Option<bool>,
    pub gdpr: Option<bool>,
    pub us_privacy: Option<&'b str>,
    /// What the places of 2.5 say, until they are folded into those of 2.6. Stays where the two
    /// strings differ: that is no plain yes.
    pub gdpr_of_ext: Option<bool>,
    pub us_privacy_of_ext: Option<&'b str>,
    pub gpp: Option<&'b str>,
    pub gpp_sid: &'b [i64],
    /// `regs.ext.gpc`
    pub gpc: Option<bool>,
    pub dsa: Option<Dsa>,
}

/// `regs.ext.dsa`
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Dsa {
    pub dsarequired: Option<i64>,
    pub pubrender: Option<i64>,
    pub datatopub: Option<i64>,
}

/// §3.2.4. Which media are offered is all that is kept of those we do not serve.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Imp<'b> {
    pub id: &'b str,
    pub audio: Option<Audio<'b>>,
    /// A banner, video or native object stands in the imp as well.
    pub other_media: bool,
    pub pmp: Option<Pmp<'b>>,
    pub displaymanager: Option<&'b str>,
    pub instl: Option<bool>,
    pub tagid: Option<&'b str>,
    /// CPM; the wire's own number, not yet money.
    pub bidfloor: Option<f64>,
    pub bidfloorcur: Option<&'b str>,
    pub secure: Option<bool>,
    pub rwdd: Option<bool>,
    pub ssai: Option<i64>,
    /// Seconds between auction and impression.
    pub exp: Option<i64>,
    /// `imp.qty.multiplier`
    pub qty_multiplier: Option<f64>,
    /// `imp.ext.gpid`
    pub gpid: Option<&'b str>,
}

/// §3.2.8
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Audio<'b> {
    /// `None` where it was not sent at all, which is another fault than an empty list.
    pub mimes: Option<&'b [&'b str]>,
    pub minduration: Option<i64>,
    pub maxduration: Option<i64>,
    pub rqddurs: &'b [i64],
    pub maxextended: Option<i64>,
    pub poddur: Option<i64>,
    pub maxseq: Option<i64>,
    pub podid: Option<&'b str>,
    pub podseq: Option<i64>,
    pub slotinpod: Option<i64>,
    pub sequence: Option<i64>,
    pub mincpmpersec: Option<f64>,
    pub durfloors: &'b [DurFloor],
    pub protocols: &'b [i64],
    pub startdelay: Option<i64>,
    pub battr: &'b [i64],
    pub minbitrate: Option<i64>,
    pub maxbitrate: Option<i64>,
    pub delivery: &'b [i64],
    pub companionad: &'b [Banner<'b>],
    pub companiontype: &'b [i64],
    pub api: &'b [i64],
    pub feed: Option<i64>,
    pub stitched: Option<bool>,
    pub nvol: Option<i64>,
}

/// §3.2.35
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct DurFloor {
    pub mindur: Option<i64>,
    pub maxdur: Option<i64>,
    pub bidfloor: Option<f64>,
}

/// §3.2.6, as a companion.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Banner<'b> {
    pub id: Option<&'b str>,
    pub w: Option<i64>,
    pub h: Option<i64>,
    pub format: &'b [Format],
    pub btype: &'b [i64],
    pub battr: &'b [i64],
    pub mimes: &'b [&'b str],
    pub api: &'b [i64],
    pub vcm: Option<bool>,
}

/// §3.2.10
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Format {
    pub w: Option<i64>,
    pub h: Option<i64>,
}

/// §3.2.11
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Pmp<'b> {
    pub private_auction: Option<bool>,
    /// Deals without an id have been dropped: there is nothing to bid on.
    pub deals: &'b [Deal<'b>],
}

/// §3.2.12
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Deal<'b> {
    pub id: &'b str,
    pub bidfloor: Option<f64>,
    pub bidfloorcur: Option<&'b str>,
    pub at: Option<i64>,
    pub wseat: &'b [&'b str],
    pub wadomain: &'b [&'b str],
    pub guar: Option<bool>,
    pub mincpmpersec: Option<f64>,
    pub durfloors: &'b [DurFloor],
}

/// §3.2.13
#[derive(Default, Clone, Copy, PartialEq)]
pub struct Site<'b> {
    pub id: Option<&'b str>,
    pub name: Option<&'b str>,
    pub domain: Option<&'b str>,
    pub cat: &'b [&'b str],
    pub cattax: Option<i64>,
    pub page: Option<&'b str>,
    pub publisher: Option<Publisher<'b>>,
    pub content: Option<Content<'b>>,
    pub keywords: Option<&'b str>,
    pub kwarray: &'b [&'b str],
}

/// §3.2.14
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct App<'b> {
    pub id: Option<&'b str>,
    pub name: Option<&'b str>,
    pub bundle: Option<&'b str>,
    pub domain: Option<&'b str>,
    pub storeurl: Option<&'b str>,
    pub cat: &'b [&'b str],
    pub cattax: Option<i64>,
    pub publisher: Option<Publisher<'b>>,
    pub content: Option<Content<'b>>,
    pub keywords: Option<&'b str>,
    pub kwarray: &'b [&'b str],
}

/// §3.2.15
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Publisher<'b> {
    pub id: Option<&'b str>,
    pub name: Option<&'b str>,
    pub domain: Option<&'b str>,
}

/// §3.2.16
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Content<'b> {
    pub id: Option<&'b str>,
    pub title: Option<&'b str>,
    pub series: Option<&'b str>,
    pub artist: Option<&'b str>,
    pub album: Option<&'b str>,
    pub isrc: Option<&'b str>,
    /// Free text.
    pub genre: Option<&'b str>,
    pub gtax: Option<i64>,
    /// Ids of the taxonomy `gtax` (default 9, Content Taxonomy 3.1).
    pub genres: &'b [&'b str],
    pub cat: &'b [&'b str],
    pub cattax: Option<i64>,
    pub context: Option<i64>,
    pub contentrating: Option<&'b str>,
    pub qagmediarating: Option<i64>,
    pub keywords: Option<&'b str>,
    pub kwarray: &'b [&'b str],
    pub livestream: Option<bool>,
    pub len: Option<i64>,
    pub language: Option<&'b str>,
    pub langb: Option<&'b str>,
    pub data: &'b [Data<'b>],
    /// `network.name`, `channel.name`
    pub network: Option<&'b str>,
    pub channel: Option<&'b str>,
}

/// §3.2.21
#[derive(Default, Clone, Copy, PartialEq)]
pub struct Data<'b> {
    pub id: Option<&'b str>,
    pub name: Option<&'b str>,
    /// `data.ext.segtax`: the taxonomy of the segment ids.
    pub segtax: Option<i64>,
    pub segment: &'b [Segment<'b>],
}

/// §3.2.22
#[derive(Default, Clone, Copy, PartialEq)]
pub struct Segment<'b> {
    pub id: Option<&'b str>,
    pub name: Option<&'b str>,
    pub value: Option<&'b str>,
}

/// §3.2.18
#[derive(Default, Clone, Copy, PartialEq)]
pub struct Device<'b> {
    pub geo: Option<Geo<'b>>,
    pub dnt: Option<bool>,
    pub lmt: Option<bool>,
    pub ua: Option<&'b str>,
    pub sua: Option<UserAgent<'b>>,
    pub ip: Option<&'b str>,
    pub ipv6: Option<&'b str>,
    pub devicetype: Option<i64>,
    pub make: Option<&'b str>,
    pub model: Option<&'b str>,
    pub os: Option<&'b str>,
    pub osv: Option<&'b str>,
    pub language: Option<&'b str>,
    pub langb: Option<&'b str>,
    pub connectiontype: Option<i64>,
    pub ifa: Option<&'b str>,
    /// `ext.atts`: iOS App Tracking Transparency status.
    pub atts: Option<i64>,
    pub ifa_type: Option<&'b str>,
}

/// §3.2.19
#[derive(Default, Clone, Copy, PartialEq)]
pub struct Geo<'b> {
    pub lat: Option<f64>,
    pub lon: Option<f64>,
    /// Alpha-3, or alpha-2 from exchanges that send it so.
    pub country: Option<&'b str>,
    pub region: Option<&'b str>,
    pub metro: Option<&'b str>,
    pub city: Option<&'b str>,
    pub zip: Option<&'b str>,
    /// Location type: 1 GPS, 2 IP, 3 said by the user.
    pub kind: Option<i64>,
    /// Metres.
    pub accuracy: Option<i64>,
    /// Minutes; what came in seconds is already minutes.
    pub utcoffset: Option<i64>,
}

/// §3.2.29
#[derive(Default, Clone, Copy, PartialEq)]
pub struct UserAgent<'b> {
    pub platform: Option<BrandVersion<'b>>,
    pub mobile: Option<bool>,
    pub model: Option<&'b str>,
}

/// §3.2.30
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct BrandVersion<'b> {
    pub brand: Option<&'b str>,
    pub version: &'b [&'b str],
}

/// §3.2.20
#[derive(Default, Clone, Copy, PartialEq)]
pub struct User<'b> {
    pub id: Option<&'b str>,
    pub buyeruid: Option<&'b str>,
    pub yob: Option<i64>,
    pub gender: Option<&'b str>,
    pub keywords: Option<&'b str>,
    pub kwarray: &'b [&'b str],
    pub geo: Option<Geo<'b>>,
    pub data: &'b [Data<'b>],
    pub consent: Option<&'b str>,
    pub eids: &'b [Eid<'b>],
}

/// §3.2.27
#[derive(Default, Clone, Copy, PartialEq)]
pub struct Eid<'b> {
    pub source: Option<&'b str>,
    pub uids: &'b [Uid<'b>],
}

/// §3.2.28
#[derive(Default, Clone, Copy, PartialEq)]
pub struct Uid<'b> {
    pub id: Option<&'b str>,
    pub atype: Option<i64>,
}

redacted!(Source<'_>, Regs<'_>, Site<'_>, Data<'_>, Segment<'_>, Device<'_>);
redacted!(Geo<'_>, UserAgent<'_>, User<'_>, Eid<'_>, Uid<'_>);

impl<'b> Request<'b> {
    /// What is playing, wherever it stands.
    pub fn content(&self) -> Option<&Content<'b>> {
        let of_app = self.app.as_ref().and_then(|app| app.content.as_ref());
        of_app.or_else(|| self.site.as_ref().and_then(|site| site.content.as_ref()))
    }

    pub fn publisher(&self) -> Option<&Publisher<'b>> {
        let of_app = self.app.as_ref().and_then(|app| app.publisher.as_ref());
        of_app.or_else(|| self.site.as_ref().and_then(|site| site.publisher.as_ref()))
    }
}
