//! What of a request may be kept? The same request in the same format, with only what is read of
//! it, and of the person only what may be.
//!
//! Called by the writer of decision records; cold. The tables that read a request also copy it
//! (`json/keep.rs`, `protobuf/keep.rs`): what has no row in them is not kept either. Decoding the
//! copy gives what decoding the original gave, less what the table here takes out.

use crate::base::units::net::{net_of, said};

/// What of the person may stay. Addresses are always cut to their net; `device.ifa` never stays,
/// nor a page's address or a transaction's id: no decision asks for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Keep {
    /// `user.id`, `user.buyeruid`, `user.eids`.
    pub ids: bool,
    /// What the request says of the person: year, gender, home, segments, keywords.
    pub person: bool,
    /// Where the device is, finer than its region.
    pub place: bool,
    /// Strings of consent.
    pub consent: bool,
}

/// An object of the request in which some fields are personal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Root,
    Site,
    Source,
    Device,
    Geo,
    User,
    UserExt,
    Regs,
    RegsExt,
    Other,
}

#[derive(Clone, Copy)]
enum Row {
    Within(Part),
    Id,
    OfPerson,
    OfPlace,
    OfConsent,
    Address,
    Never,
}

/// Each personal field by its object, key and protobuf number. Of a user nothing stays that has
/// no row.
const ROWS: &[(Part, &str, u32, Row)] = &[
    (Part::Root, "site", 3, Row::Within(Part::Site)),
    (Part::Root, "device", 5, Row::Within(Part::Device)),
    (Part::Root, "user", 6, Row::Within(Part::User)),
    (Part::Root, "regs", 14, Row::Within(Part::Regs)),
    (Part::Root, "source", 19, Row::Within(Part::Source)),
    (Part::Site, "page", 7, Row::Never),
    (Part::Source, "tid", 1, Row::Never),
    (Part::Source, "pchain", 2, Row::Never),
    (Part::Device, "ip", 3, Row::Address),
    (Part::Device, "geo", 4, Row::Within(Part::Geo)),
    (Part::Device, "ipv6", 9, Row::Address),
    (Part::Device, "ifa", 20, Row::Never),
    (Part::Geo, "lat", 1, Row::OfPlace),
    (Part::Geo, "lon", 2, Row::OfPlace),
    (Part::Geo, "metro", 6, Row::OfPlace),
    (Part::Geo, "city", 7, Row::OfPlace),
    (Part::Geo, "zip", 8, Row::OfPlace),
    (Part::User, "id", 1, Row::Id),
    (Part::User, "buyeruid", 2, Row::Id),
    (Part::User, "eids", 11, Row::Id),
    (Part::User, "yob", 3, Row::OfPerson),
    (Part::User, "gender", 4, Row::OfPerson),
    (Part::User, "keywords", 5, Row::OfPerson),
    (Part::User, "kwarray", 9, Row::OfPerson),
    (Part::User, "geo", 7, Row::OfPerson),
    (Part::User, "data", 8, Row::OfPerson),
    (Part::User, "consent", 10, Row::OfConsent),
    (Part::User, "ext", 99, Row::Within(Part::UserExt)),
    (Part::UserExt, "consent", 1, Row::OfConsent),
    (Part::UserExt, "eids", 2, Row::Id),
    (Part::Regs, "gpp", 2, Row::OfConsent),
    (Part::Regs, "us_privacy", 5, Row::OfConsent),
    (Part::Regs, "ext", 99, Row::Within(Part::RegsExt)),
    (Part::RegsExt, "us_privacy", 2, Row::OfConsent),
    (Part::RegsExt, "gpp", 99, Row::OfConsent),
];

/// What becomes of one field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    /// It stays, and makes the copy a personal one.
    Personal,
    Address,
    Goes,
}

impl Keep {
    /// By its key; with the part that it is, if it is an object.
    pub(super) fn keyed(self, part: Part, key: &str) -> (Fate, Part) {
        self.fate(part, ROWS.iter().find(|row| row.0 == part && row.1 == key))
    }

    /// By its number.
    pub(super) fn numbered(self, part: Part, number: u32) -> (Fate, Part) {
        self.fate(part, ROWS.iter().find(|row| row.0 == part && row.2 == number))
    }

    fn fate(self, part: Part, row: Option<&(Part, &str, u32, Row)>) -> (Fate, Part) {
        let may = match row.map(|row| row.3) {
            Some(Row::Within(inside)) => return (Fate::Stays, inside),
            Some(Row::Address) => return (Fate::Address, Part::Other),
            Some(Row::Id) => self.ids,
            Some(Row::OfPerson) => self.person,
            Some(Row::OfPlace) => self.place,
            Some(Row::OfConsent) => self.consent,
            Some(Row::Never) => false,
            None if matches!(part, Part::User | Part::UserExt) => false,
            None => return (Fate::Stays, Part::Other),
        };
        (if may { Fate::Personal } else { Fate::Goes }, Part::Other)
    }
}

/// The copy as it grows.
pub(super) struct Copy {
    pub keep: Keep,
    pub bytes: Vec<u8>,
    /// Something of the person stands in it.
    pub personal: bool,
}

impl Copy {
    /// Whether a field of this fate is written; an address is, once it is cut.
    pub fn takes(&mut self, fate: Fate) -> bool {
        self.personal |= fate == Fate::Personal;
        fate != Fate::Goes
    }
}

/// The net of an address, as text; `None` of what is none.
pub(super) fn net_text(text: &str) -> Option<String> {
    // cold: the writer's thread
    said(text).map(|address| net_of(address).to_string())
}
