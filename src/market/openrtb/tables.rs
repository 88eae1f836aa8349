//! Which key or number is which field? One table for each object of the request.
//!
//! A row is `"key" / number => field: kind`; the kinds are the methods of [`Value`], and one
//! table reads both wires, so that they cannot drift apart. A `from` row reads an object
//! of which a few fields are kept elsewhere: the `ext` places of 2.5, whose values count only
//! where the 2.6 field says nothing. What has no row is skipped unread. A key without a number
//! exists in JSON only, a number without a key in protobuf only.

mod context;

use super::kinds::{Hear, Object, Value};
use super::request::*;
use super::{Draft, MAX_IMPS, RequestExt};
use crate::market::outcome::Malformed;

macro_rules! table {
    (
        $object:ty {
            $($key:literal $(/ $number:literal)? => $field:ident : $kind:ident,)*
            $(from $nested:literal $(/ $at:literal)? =>
                |$this:ident, $part:ident : $of:ident| $fold:block)*
            $(+ $only:literal => $to:ident : $as:ident,)*
        }
        $($more:item)*
    ) => {
        impl<'b> Object<'b> for $object {
            fn keyed<V: Value<'b>>(&mut self, key: &str, value: V) -> Result<(), V::Fault> {
                match key {
                    $($key => self.$field.hear(value.$kind()?),)*
                    $($nested => {
                        let $this = self;
                        if let Some($part) = value.object::<$of>()? $fold
                    })*
                    _ => value.skip()?,
                }
                Ok(())
            }

            fn numbered<V: Value<'b>>(&mut self, number: u32, value: V) -> Result<(), V::Fault> {
                match number {
                    $($($number => self.$field.hear(value.$kind()?),)?)*
                    $($($at => {
                        let $this = self;
                        if let Some($part) = value.object::<$of>()? $fold
                    })?)*
                    $($only => self.$to.hear(value.$as()?),)*
                    _ => value.skip()?,
                }
                Ok(())
            }

            $($more)*
        }
    };
}
use table;

/// The imps stand apart, because the strict rules still change them.
impl<'b> Object<'b> for Draft<'b> {
    fn keyed<V: Value<'b>>(&mut self, key: &str, value: V) -> Result<(), V::Fault> {
        match key {
            "imp" => self.imps.hear(value.objects_mut()?),
            "ext" => self.ext.hear(value.object()?),
            _ => self.request.keyed(key, value)?,
        }
        Ok(())
    }

    fn numbered<V: Value<'b>>(&mut self, number: u32, value: V) -> Result<(), V::Fault> {
        match number {
            2 => self.imps.hear(value.objects_mut()?),
            _ => self.request.numbered(number, value)?,
        }
        Ok(())
    }
}

table! {
    Request<'b> {
        "id" / 1 => id: id,
        "site" / 3 => site: object,
        "app" / 4 => app: object,
        "dooh" / 22 => dooh: present,
        "device" / 5 => device: object,
        "user" / 6 => user: object,
        "test" / 15 => test: flag,
        "at" / 7 => at: int,
        "tmax" / 8 => tmax: int,
        "wseat" / 9 => wseat: texts,
        "bseat" / 17 => bseat: texts,
        "allimps" / 10 => allimps: flag,
        "cur" / 11 => cur: texts,
        "wlang" / 18 => wlang: texts,
        "wlangb" / 20 => wlangb: texts,
        "acat" / 23 => acat: texts,
        "bcat" / 12 => bcat: texts,
        "cattax" / 21 => cattax: int,
        "badv" / 13 => badv: texts,
        "bapp" / 16 => bapp: texts,
        "source" / 19 => source: object,
        "regs" / 14 => regs: object,
    }
}

table! {
    RequestExt<'b> {
        "schain" => schain: object,
    }
}

table! {
    Source<'b> {
        "fd" / 1 => fd: flag,
        "tid" / 2 => tid: text,
        "pchain" / 3 => pchain: text,
        "schain" / 4 => schain: object,
        from "ext" / 99 => |source, ext: SourceExt| {
            source.schain = source.schain.or(ext.schain);
            source.omidpn = source.omidpn.or(ext.omidpn);
            source.omidpv = source.omidpv.or(ext.omidpv);
        }
    }
}

/// `source.ext`: the supply chain of 2.5, and the OMID partner.
#[derive(Default, Clone, Copy)]
struct SourceExt<'b> {
    schain: Option<SupplyChain<'b>>,
    omidpn: Option<&'b str>,
    omidpv: Option<&'b str>,
}

table! {
    SourceExt<'b> {
        "schain" / 1 => schain: object,
        "omidpn" / 2 => omidpn: text,
        "omidpv" / 3 => omidpv: text,
    }
}

table! {
    SupplyChain<'b> {
        "complete" / 1 => complete: flag,
        "ver" / 3 => ver: text,
        "nodes" / 2 => nodes: objects,
    }
}

table! {
    SupplyChainNode<'b> {
        "asi" / 1 => asi: text,
        "sid" / 2 => sid: text,
        "rid" / 3 => rid: text,
        "hp" / 6 => hp: flag,
    }
}

table! {
    Imp<'b> {
        "id" / 1 => id: id,
        "audio" / 15 => audio: object,
        "banner" / 2 => other_media: present,
        "video" / 3 => other_media: present,
        "native" / 13 => other_media: present,
        "pmp" / 11 => pmp: object,
        "displaymanager" / 4 => displaymanager: text,
        "instl" / 6 => instl: flag,
        "tagid" / 7 => tagid: text,
        "bidfloor" / 8 => bidfloor: float,
        "bidfloorcur" / 9 => bidfloorcur: text,
        "secure" / 12 => secure: flag,
        "rwdd" / 18 => rwdd: flag,
        "ssai" / 19 => ssai: int,
        "exp" / 14 => exp: int,
        from "qty" / 20 => |imp, qty: Qty| {
            imp.qty_multiplier = qty.multiplier;
        }
        from "ext" / 99 => |imp, ext: ImpExt| {
            imp.gpid = imp.gpid.or(ext.gpid);
        }
    }
    const BOUND: (usize, Malformed) = (MAX_IMPS, Malformed::TooManyImps);
}

/// `imp.ext`
#[derive(Default, Clone, Copy)]
struct ImpExt<'b> {
    gpid: Option<&'b str>,
}

table! {
    ImpExt<'b> {
        "gpid" / 1 => gpid: text,
    }
}

/// §3.2.31
#[derive(Default, Clone, Copy)]
struct Qty {
    multiplier: Option<f64>,
}

table! {
    Qty {
        "multiplier" / 1 => multiplier: float,
    }
}

table! {
    Audio<'b> {
        "mimes" / 1 => mimes: said_texts,
        "minduration" / 2 => minduration: int,
        "maxduration" / 3 => maxduration: int,
        "rqddurs" / 26 => rqddurs: ints,
        "maxextended" / 8 => maxextended: int,
        "poddur" / 25 => poddur: int,
        "maxseq" / 21 => maxseq: int,
        "podid" / 27 => podid: text,
        "podseq" / 28 => podseq: int,
        "slotinpod" / 29 => slotinpod: int,
        "sequence" / 6 => sequence: int,
        "mincpmpersec" / 30 => mincpmpersec: float,
        "durfloors" / 31 => durfloors: objects,
        "protocols" / 4 => protocols: ints,
        "startdelay" / 5 => startdelay: int,
        "battr" / 7 => battr: ints,
        "minbitrate" / 9 => minbitrate: int,
        "maxbitrate" / 10 => maxbitrate: int,
        "delivery" / 11 => delivery: ints,
        "companionad" / 12 => companionad: objects,
        "companiontype" / 20 => companiontype: ints,
        "api" / 13 => api: ints,
        "feed" / 22 => feed: int,
        "stitched" / 23 => stitched: flag,
        "nvol" / 24 => nvol: int,
    }
}

table! {
    DurFloor {
        "mindur" / 1 => mindur: int,
        "maxdur" / 2 => maxdur: int,
        "bidfloor" / 3 => bidfloor: float,
    }
}

table! {
    Banner<'b> {
        "id" / 3 => id: text,
        "w" / 1 => w: int,
        "h" / 2 => h: int,
        "format" / 15 => format: objects,
        "btype" / 5 => btype: ints,
        "battr" / 6 => battr: ints,
        "mimes" / 7 => mimes: texts,
        "api" / 10 => api: ints,
        "vcm" / 16 => vcm: flag,
    }
}

table! {
    Format {
        "w" / 1 => w: int,
        "h" / 2 => h: int,
    }
}

table! {
    Pmp<'b> {
        "private_auction" / 1 => private_auction: flag,
        "deals" / 2 => deals: objects,
    }
}

table! {
    Deal<'b> {
        "id" / 1 => id: id,
        "bidfloor" / 2 => bidfloor: float,
        "bidfloorcur" / 3 => bidfloorcur: text,
        "at" / 6 => at: int,
        "wseat" / 4 => wseat: texts,
        "wadomain" / 5 => wadomain: texts,
        "guar" / 7 => guar: flag,
        "mincpmpersec" / 8 => mincpmpersec: float,
        "durfloors" / 9 => durfloors: objects,
    }
    /// Without an id there is nothing to bid on; real exchanges send such deals.
    fn counts(&self) -> bool {
        !self.id.is_empty()
    }
}
