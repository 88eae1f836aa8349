//! Has a bid response the fields that OpenRTB requires, and each the type that it says?
//!
//! What the table does not name is let be: extensions and newer versions are no faults. Cold.

use serde_json::Value;

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Whole,
    Number,
    /// 0 or 1.
    Flag,
    Texts,
    Wholes,
    Object,
}

use Kind::{Flag, Number, Object, Text, Texts, Whole, Wholes};

const RESPONSE: [(&str, Kind); 6] = [
    ("id", Text),
    ("bidid", Text),
    ("cur", Text),
    ("customdata", Text),
    ("nbr", Whole),
    ("ext", Object),
];

const SEAT: [(&str, Kind); 3] = [("seat", Text), ("group", Flag), ("ext", Object)];

const BID: [(&str, Kind); 34] = [
    ("id", Text),
    ("impid", Text),
    ("price", Number),
    ("nurl", Text),
    ("burl", Text),
    ("lurl", Text),
    ("adm", Text),
    ("adid", Text),
    ("adomain", Texts),
    ("bundle", Text),
    ("iurl", Text),
    ("cid", Text),
    ("crid", Text),
    ("tactic", Text),
    ("cattax", Whole),
    ("cat", Texts),
    ("attr", Wholes),
    ("apis", Wholes),
    ("api", Whole),
    ("protocol", Whole),
    ("qagmediarating", Whole),
    ("language", Text),
    ("langb", Text),
    ("dealid", Text),
    ("w", Whole),
    ("h", Whole),
    ("wratio", Whole),
    ("hratio", Whole),
    ("exp", Whole),
    ("dur", Whole),
    ("mtype", Whole),
    ("slotinpod", Whole),
    ("ext", Object),
    ("mktobjid", Text),
];

pub fn holds(answer: &Value) -> bool {
    let seats = answer["seatbid"].as_array();
    let fields = |of: &Value, table: &[(&str, Kind)], required: &[&str]| {
        of.is_object()
            && required.iter().all(|key| !of[*key].is_null())
            && table.iter().all(|(key, kind)| of.get(*key).is_none_or(|value| kind.takes(value)))
    };
    fields(answer, &RESPONSE, &["id"])
        && seats.is_some_and(|seats| {
            seats.iter().all(|seat| {
                let bids = seat["bid"].as_array().filter(|bids| !bids.is_empty());
                let bid = |bid: &Value| fields(bid, &BID, &["id", "impid", "price"]);
                fields(seat, &SEAT, &["bid"]) && bids.is_some_and(|bids| bids.iter().all(bid))
            })
        })
}

impl Kind {
    fn takes(self, value: &Value) -> bool {
        let all = |of: Kind| value.as_array().is_some_and(|list| list.iter().all(|v| of.takes(v)));
        match self {
            Text => value.is_string(),
            Whole => value.is_i64() || value.is_u64(),
            Number => value.is_number(),
            Flag => value.as_u64().is_some_and(|flag| flag <= 1),
            Texts => all(Text),
            Wholes => all(Whole),
            Object => value.is_object(),
        }
    }
}
