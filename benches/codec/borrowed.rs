//! The request as plain derived structs that borrow: what a JSON parser costs when it does no more
//! than parse. Fields as in the product's own types, without their tolerance.

#![allow(dead_code, reason = "the fields are filled, and that is what is measured")]

use std::fmt;

use serde::Deserialize as Derive;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A word without escapes; `Cow` would not borrow inside an `Option`.
#[derive(Debug, Default, Clone, Copy)]
pub struct Str<'a>(pub &'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Str<'a>, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Str<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string without escapes")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(text))
            }
        }
        parser.deserialize_str(Borrow)
    }
}

#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct BidRequest<'a> {
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow)]
    pub imp: Vec<Imp<'a>>,
    #[serde(borrow)]
    pub app: Option<Site<'a>>,
    #[serde(borrow)]
    pub site: Option<Site<'a>>,
    #[serde(borrow)]
    pub device: Option<Device<'a>>,
    #[serde(borrow)]
    pub user: Option<User<'a>>,
    pub test: Option<i32>,
    pub at: Option<i32>,
    pub tmax: Option<i32>,
    #[serde(borrow)]
    pub wseat: Vec<Str<'a>>,
    pub allimps: Option<i32>,
    #[serde(borrow)]
    pub cur: Vec<Str<'a>>,
    #[serde(borrow)]
    pub bcat: Vec<Str<'a>>,
    #[serde(borrow)]
    pub badv: Vec<Str<'a>>,
    #[serde(borrow)]
    pub bapp: Vec<Str<'a>>,
    #[serde(borrow)]
    pub source: Option<Source<'a>>,
    #[serde(borrow)]
    pub regs: Option<Regs<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Imp<'a> {
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow)]
    pub audio: Option<Audio<'a>>,
    #[serde(borrow)]
    pub tagid: Option<Str<'a>>,
    pub bidfloor: Option<f64>,
    #[serde(borrow)]
    pub bidfloorcur: Option<Str<'a>>,
    pub secure: Option<i32>,
    pub exp: Option<i32>,
    pub rwdd: Option<i32>,
    pub ssai: Option<i32>,
    pub instl: Option<i32>,
    #[serde(borrow)]
    pub pmp: Option<Pmp<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Audio<'a> {
    #[serde(borrow)]
    pub mimes: Vec<Str<'a>>,
    pub minduration: Option<i32>,
    pub maxduration: Option<i32>,
    pub protocols: Vec<i32>,
    pub startdelay: Option<i32>,
    pub sequence: Option<i32>,
    pub battr: Vec<i32>,
    pub maxextended: Option<i32>,
    pub minbitrate: Option<i32>,
    pub maxbitrate: Option<i32>,
    pub delivery: Vec<i32>,
    pub api: Vec<i32>,
    pub feed: Option<i32>,
    pub stitched: Option<i32>,
    pub nvol: Option<i32>,
    pub companiontype: Vec<i32>,
    #[serde(borrow)]
    pub companionad: Vec<Banner<'a>>,
    #[serde(borrow)]
    pub podid: Option<Str<'a>>,
    pub slotinpod: Option<i32>,
    pub rqddurs: Vec<i32>,
    pub poddur: Option<i32>,
    pub maxseq: Option<i32>,
    pub mincpmpersec: Option<f64>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Banner<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    pub w: Option<i32>,
    pub h: Option<i32>,
    pub pos: Option<i32>,
    #[serde(borrow)]
    pub mimes: Vec<Str<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Pmp<'a> {
    pub private_auction: Option<i32>,
    #[serde(borrow)]
    pub deals: Vec<Deal<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Deal<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    pub bidfloor: Option<f64>,
    #[serde(borrow)]
    pub bidfloorcur: Option<Str<'a>>,
    pub at: Option<i32>,
    #[serde(borrow)]
    pub wseat: Vec<Str<'a>>,
    #[serde(borrow)]
    pub wadomain: Vec<Str<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Site<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
    #[serde(borrow)]
    pub bundle: Option<Str<'a>>,
    #[serde(borrow)]
    pub domain: Option<Str<'a>>,
    #[serde(borrow)]
    pub storeurl: Option<Str<'a>>,
    #[serde(borrow)]
    pub cat: Vec<Str<'a>>,
    #[serde(borrow)]
    pub sectioncat: Vec<Str<'a>>,
    #[serde(borrow)]
    pub pagecat: Vec<Str<'a>>,
    #[serde(borrow)]
    pub ver: Option<Str<'a>>,
    #[serde(borrow)]
    pub page: Option<Str<'a>>,
    #[serde(rename = "ref")]
    #[serde(borrow)]
    pub ref_: Option<Str<'a>>,
    pub privacypolicy: Option<i32>,
    pub paid: Option<i32>,
    #[serde(borrow)]
    pub publisher: Option<Publisher<'a>>,
    #[serde(borrow)]
    pub content: Option<Content<'a>>,
    #[serde(borrow)]
    pub keywords: Option<Str<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Publisher<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
    #[serde(borrow)]
    pub cat: Vec<Str<'a>>,
    #[serde(borrow)]
    pub domain: Option<Str<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Content<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    pub episode: Option<i32>,
    #[serde(borrow)]
    pub title: Option<Str<'a>>,
    #[serde(borrow)]
    pub series: Option<Str<'a>>,
    #[serde(borrow)]
    pub season: Option<Str<'a>>,
    #[serde(borrow)]
    pub artist: Option<Str<'a>>,
    #[serde(borrow)]
    pub genre: Option<Str<'a>>,
    #[serde(borrow)]
    pub album: Option<Str<'a>>,
    #[serde(borrow)]
    pub isrc: Option<Str<'a>>,
    #[serde(borrow)]
    pub producer: Option<Publisher<'a>>,
    #[serde(borrow)]
    pub url: Option<Str<'a>>,
    #[serde(borrow)]
    pub cat: Vec<Str<'a>>,
    pub prodq: Option<i32>,
    pub context: Option<i32>,
    #[serde(borrow)]
    pub contentrating: Option<Str<'a>>,
    #[serde(borrow)]
    pub keywords: Option<Str<'a>>,
    pub livestream: Option<i32>,
    pub len: Option<i32>,
    #[serde(borrow)]
    pub language: Option<Str<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Device<'a> {
    #[serde(borrow)]
    pub ua: Option<Str<'a>>,
    #[serde(borrow)]
    pub ip: Option<Str<'a>>,
    #[serde(borrow)]
    pub ipv6: Option<Str<'a>>,
    pub devicetype: Option<i32>,
    #[serde(borrow)]
    pub make: Option<Str<'a>>,
    #[serde(borrow)]
    pub model: Option<Str<'a>>,
    #[serde(borrow)]
    pub os: Option<Str<'a>>,
    #[serde(borrow)]
    pub osv: Option<Str<'a>>,
    #[serde(borrow)]
    pub hwv: Option<Str<'a>>,
    pub h: Option<i32>,
    pub w: Option<i32>,
    pub ppi: Option<i32>,
    pub pxratio: Option<f64>,
    pub js: Option<i32>,
    #[serde(borrow)]
    pub language: Option<Str<'a>>,
    #[serde(borrow)]
    pub carrier: Option<Str<'a>>,
    #[serde(borrow)]
    pub mccmnc: Option<Str<'a>>,
    pub connectiontype: Option<i32>,
    #[serde(borrow)]
    pub ifa: Option<Str<'a>>,
    pub lmt: Option<i32>,
    pub dnt: Option<i32>,
    #[serde(borrow)]
    pub geo: Option<Geo<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Geo<'a> {
    pub lat: Option<f64>,
    pub lon: Option<f64>,
    #[serde(rename = "type")]
    pub type_: Option<i32>,
    pub accuracy: Option<i32>,
    #[serde(borrow)]
    pub country: Option<Str<'a>>,
    #[serde(borrow)]
    pub region: Option<Str<'a>>,
    #[serde(borrow)]
    pub metro: Option<Str<'a>>,
    #[serde(borrow)]
    pub city: Option<Str<'a>>,
    #[serde(borrow)]
    pub zip: Option<Str<'a>>,
    pub utcoffset: Option<i32>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct User<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    #[serde(borrow)]
    pub buyeruid: Option<Str<'a>>,
    pub yob: Option<i32>,
    #[serde(borrow)]
    pub gender: Option<Str<'a>>,
    #[serde(borrow)]
    pub keywords: Option<Str<'a>>,
    #[serde(borrow)]
    pub geo: Option<Geo<'a>>,
    #[serde(borrow)]
    pub data: Vec<Data<'a>>,
    #[serde(borrow)]
    pub ext: Option<UserExt<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct UserExt<'a> {
    #[serde(borrow)]
    pub consent: Option<Str<'a>>,
    #[serde(borrow)]
    pub eids: Vec<Eid<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Eid<'a> {
    #[serde(borrow)]
    pub source: Option<Str<'a>>,
    #[serde(borrow)]
    pub uids: Vec<Uid<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Uid<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    pub atype: Option<i32>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Data<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
    #[serde(borrow)]
    pub segment: Vec<Segment<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Segment<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
    #[serde(borrow)]
    pub value: Option<Str<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Source<'a> {
    pub fd: Option<i32>,
    #[serde(borrow)]
    pub tid: Option<Str<'a>>,
    #[serde(borrow)]
    pub pchain: Option<Str<'a>>,
    #[serde(borrow)]
    pub ext: Option<SourceExt<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct SourceExt<'a> {
    #[serde(borrow)]
    pub schain: Option<SChain<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct SChain<'a> {
    #[serde(borrow)]
    pub ver: Option<Str<'a>>,
    pub complete: Option<i32>,
    #[serde(borrow)]
    pub nodes: Vec<Node<'a>>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Node<'a> {
    #[serde(borrow)]
    pub asi: Option<Str<'a>>,
    #[serde(borrow)]
    pub sid: Option<Str<'a>>,
    #[serde(borrow)]
    pub rid: Option<Str<'a>>,
    pub hp: Option<i32>,
}
#[derive(Debug, Default, Derive)]
#[serde(default)]
pub struct Regs<'a> {
    pub coppa: Option<i32>,
    pub gdpr: Option<i32>,
    #[serde(borrow)]
    pub us_privacy: Option<Str<'a>>,
    #[serde(borrow)]
    pub gpp: Option<Str<'a>>,
    pub gpp_sid: Vec<i32>,
}
