//! The tables of what surrounds the offer: where it plays, what plays, who listens, the law.

use super::table;
use crate::market::openrtb::MAX_LIST;
use crate::market::openrtb::kinds::{Hear, Object, Value};
use crate::market::openrtb::request::*;
use crate::market::outcome::Malformed;

table! {
    Site<'b> {
        "id" / 1 => id: text,
        "name" / 2 => name: text,
        "domain" / 3 => domain: text,
        "cat" / 4 => cat: texts,
        "cattax" / 16 => cattax: int,
        "page" / 7 => page: text,
        "publisher" / 11 => publisher: object,
        "content" / 12 => content: object,
        "keywords" / 13 => keywords: keywords,
        "kwarray" / 18 => kwarray: texts,
    }
}

table! {
    App<'b> {
        "id" / 1 => id: text,
        "name" / 2 => name: text,
        "bundle" / 8 => bundle: text,
        "domain" / 3 => domain: text,
        "storeurl" / 16 => storeurl: text,
        "cat" / 4 => cat: texts,
        "cattax" / 17 => cattax: int,
        "publisher" / 11 => publisher: object,
        "content" / 12 => content: object,
        "keywords" / 13 => keywords: keywords,
        "kwarray" / 19 => kwarray: texts,
    }
}

table! {
    Publisher<'b> {
        "id" / 1 => id: text,
        "name" / 2 => name: text,
        "domain" / 4 => domain: text,
    }
}

table! {
    Content<'b> {
        "id" / 1 => id: text,
        "title" / 3 => title: text,
        "series" / 4 => series: text,
        "artist" / 21 => artist: text,
        "album" / 23 => album: text,
        "isrc" / 24 => isrc: text,
        "genre" / 22 => genre: text,
        "gtax" / 33 => gtax: int,
        "genres" / 35 => genres: texts,
        "cat" / 7 => cat: texts,
        "cattax" / 27 => cattax: int,
        "context" / 20 => context: int,
        "contentrating" / 10 => contentrating: text,
        "qagmediarating" / 17 => qagmediarating: int,
        "keywords" / 9 => keywords: keywords,
        "kwarray" / 32 => kwarray: texts,
        "livestream" / 13 => livestream: flag,
        "len" / 16 => len: int,
        "language" / 19 => language: text,
        "langb" / 29 => langb: text,
        "data" / 28 => data: objects,
        from "network" / 30 => |content, network: Named| {
            content.network = content.network.or(network.name);
        }
        from "channel" / 31 => |content, channel: Named| {
            content.channel = content.channel.or(channel.name);
        }
        // openrtb-proto-v2 has the genres as integers here, 2.6 as strings at 35.
        + 34 => genres: numerals,
    }
}

/// `content.network` and `content.channel`, §3.2.23 and §3.2.24.
#[derive(Default, Clone, Copy)]
struct Named<'b> {
    name: Option<&'b str>,
}

table! {
    Named<'b> {
        "name" / 2 => name: text,
    }
}

table! {
    Data<'b> {
        "id" / 1 => id: text,
        "name" / 2 => name: text,
        "segment" / 3 => segment: objects,
        from "ext" / 99 => |data, ext: DataExt| {
            data.segtax = data.segtax.or(ext.segtax);
        }
    }
}

/// `data.ext`. Protobuf has `segtax` at 1 in openrtb-proto-v2 and `cids`, a list of strings, there
/// in 2.6: the wire type tells them apart.
#[derive(Default, Clone, Copy)]
struct DataExt {
    segtax: Option<i64>,
}

table! {
    DataExt {
        "segtax" / 1 => segtax: int,
    }
}

table! {
    Segment<'b> {
        "id" / 1 => id: text,
        "name" / 2 => name: text,
        "value" / 3 => value: text,
    }
    const BOUND: (usize, Malformed) = (MAX_LIST, Malformed::TooLarge);
}

table! {
    Device<'b> {
        "geo" / 4 => geo: object,
        "dnt" / 1 => dnt: denial,
        "lmt" / 23 => lmt: denial,
        "ua" / 2 => ua: text,
        "sua" / 31 => sua: object,
        "ip" / 3 => ip: text,
        "ipv6" / 9 => ipv6: text,
        "devicetype" / 18 => devicetype: int,
        "make" / 12 => make: text,
        "model" / 13 => model: text,
        "os" / 14 => os: text,
        "osv" / 15 => osv: text,
        "language" / 11 => language: text,
        "langb" / 32 => langb: text,
        "connectiontype" / 17 => connectiontype: int,
        "ifa" / 20 => ifa: text,
        from "ext" / 99 => |device, ext: DeviceExt| {
            device.atts = device.atts.or(ext.atts);
            device.ifa_type = device.ifa_type.or(ext.ifa_type);
        }
    }
}

/// `device.ext`
#[derive(Default, Clone, Copy)]
struct DeviceExt<'b> {
    atts: Option<i64>,
    ifa_type: Option<&'b str>,
}

table! {
    DeviceExt<'b> {
        "atts" / 1 => atts: int,
        "ifa_type" / 4 => ifa_type: text,
    }
}

table! {
    Geo<'b> {
        "lat" / 1 => lat: float,
        "lon" / 2 => lon: float,
        "country" / 3 => country: text,
        "region" / 4 => region: text,
        "metro" / 6 => metro: text,
        "city" / 7 => city: text,
        "zip" / 8 => zip: text,
        "type" / 9 => kind: int,
        "accuracy" / 11 => accuracy: int,
        "utcoffset" / 10 => utcoffset: utc_offset,
    }
}

table! {
    UserAgent<'b> {
        "platform" / 2 => platform: object,
        "mobile" / 3 => mobile: flag,
        "model" / 6 => model: text,
    }
}

table! {
    BrandVersion<'b> {
        "brand" / 1 => brand: text,
        "version" / 2 => version: texts,
    }
}

table! {
    User<'b> {
        "id" / 1 => id: text,
        "buyeruid" / 2 => buyeruid: text,
        "yob" / 3 => yob: int,
        "gender" / 4 => gender: text,
        "keywords" / 5 => keywords: keywords,
        "kwarray" / 9 => kwarray: texts,
        "geo" / 7 => geo: object,
        "data" / 8 => data: objects,
        "consent" / 10 => consent: text,
        "eids" / 11 => eids: objects,
        from "ext" / 99 => |user, ext: UserExt| {
            user.consent = user.consent.or(ext.consent);
            if user.eids.is_empty() {
                user.eids = ext.eids;
            }
        }
    }
}

/// `user.ext`: the places of 2.5.
#[derive(Default, Clone, Copy)]
struct UserExt<'b> {
    consent: Option<&'b str>,
    eids: &'b [Eid<'b>],
}

table! {
    UserExt<'b> {
        "consent" / 1 => consent: text,
        "eids" / 2 => eids: objects,
    }
}

table! {
    Eid<'b> {
        "source" / 1 => source: text,
        "uids" / 2 => uids: objects,
    }
}

table! {
    Uid<'b> {
        "id" / 1 => id: text,
        "atype" / 2 => atype: int,
    }
}

table! {
    Regs<'b> {
        "coppa" / 1 => coppa: denial,
        "gdpr" / 4 => gdpr: denial,
        "us_privacy" / 5 => us_privacy: text,
        "gpp" / 2 => gpp: text,
        "gpp_sid" / 3 => gpp_sid: ints,
        from "ext" / 99 => |regs, ext: RegsExt| {
            regs.gdpr_of_ext = ext.gdpr;
            regs.us_privacy_of_ext = ext.us_privacy;
            regs.gpp = regs.gpp.or(ext.gpp);
            if regs.gpp_sid.is_empty() {
                regs.gpp_sid = ext.gpp_sid;
            }
            regs.gpc = regs.gpc.or(ext.gpc);
            regs.dsa = regs.dsa.or(ext.dsa);
        }
    }
}

/// `regs.ext`: the places of 2.5, GPC and DSA.
#[derive(Default, Clone, Copy)]
struct RegsExt<'b> {
    gdpr: Option<bool>,
    us_privacy: Option<&'b str>,
    gpp: Option<&'b str>,
    gpp_sid: &'b [i64],
    gpc: Option<bool>,
    dsa: Option<Dsa>,
}

table! {
    RegsExt<'b> {
        "gdpr" / 1 => gdpr: denial,
        "us_privacy" / 2 => us_privacy: text,
        "gpp" => gpp: text,
        "gpp_sid" => gpp_sid: ints,
        "gpc" / 3 => gpc: denial,
        "dsa" / 4 => dsa: object,
    }
}

table! {
    Dsa {
        "dsarequired" / 1 => dsarequired: int,
        "pubrender" / 2 => pubrender: int,
        "datatopub" / 3 => datatopub: int,
    }
}
