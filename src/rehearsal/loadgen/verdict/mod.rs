//! Is this answer one that an exchange could use? Held whole against its request.
//!
//! Asked of a sampled share of the answers, cold: the types and the required fields of OpenRTB,
//! then what the request asked for: impression, floor, currency, deal, what it blocks, and VAST
//! whose spots are as long as the slot takes. Attributes that nobody knows are let be; of another
//! bidder no more is asked than the standard and the request say.

mod floor;
mod schema;
mod vast;

use serde_json::Value;

use crate::base::stdx::labels::labels;

labels! {
    /// Why an exchange could not use an answer.
    Wrong {
        NotJson = "not_json";
        Schema = "schema";
        OtherId = "other_id";
        NoBid = "no_bid_within";
        UnknownImp = "unknown_imp";
        NoPrice = "no_price";
        OtherCurrency = "other_currency";
        BelowFloor = "below_floor";
        UnknownDeal = "unknown_deal";
        PrivateAuction = "open_bid_in_private_auction";
        Twice = "one_id_twice";
        NoCreative = "no_crid";
        OtherMarkup = "other_mtype";
        BlockedCategory = "blocked_category";
        BlockedAdvertiser = "blocked_advertiser";
        BlockedAttribute = "blocked_attribute";
        BlockedSeat = "blocked_seat";
        NotXml = "not_xml";
        NotVast = "not_vast";
        OtherMime = "other_mime";
        Duration = "duration";
        OtherDuration = "other_duration_than_said";
    }
}

/// What is wrong with the first bid that has something wrong with it.
pub fn wrong(request: &[u8], answer: &[u8]) -> Option<Wrong> {
    let read = |bytes| serde_json::from_slice::<Value>(bytes).ok();
    let (Some(request), Some(answer)) = (read(request), read(answer)) else {
        return Some(Wrong::NotJson);
    };
    whole(&request, &answer).err()
}

fn whole(request: &Value, answer: &Value) -> Result<(), Wrong> {
    must(schema::holds(answer), Wrong::Schema)?;
    must(answer["id"] == request["id"], Wrong::OtherId)?;
    let cur = answer["cur"].as_str().unwrap_or("USD");
    let asked = list(&request["cur"]);
    must(asked.is_empty() || asked.iter().any(|code| code == cur), Wrong::OtherCurrency)?;
    let mut ids: Vec<&Value> = Vec::new();
    for seat in list(&answer["seatbid"]) {
        must(seat_is_welcome(request, &seat["seat"]), Wrong::BlockedSeat)?;
        for bid in list(&seat["bid"]) {
            of_bid(bid, request, cur)?;
            // The same spot twice for one place is poor, but no fault: the exchange takes one.
            must(!ids.contains(&&bid["id"]), Wrong::Twice)?;
            ids.push(&bid["id"]);
        }
    }
    must(!ids.is_empty(), Wrong::NoBid)
}

fn of_bid(bid: &Value, request: &Value, cur: &str) -> Result<(), Wrong> {
    let imp = list(&request["imp"]).iter().find(|imp| imp["id"] == bid["impid"]);
    let imp = imp.ok_or(Wrong::UnknownImp)?;
    let price = bid["price"].as_f64().filter(|price| *price > 0.0).ok_or(Wrong::NoPrice)?;
    let deals = list(&imp["pmp"]["deals"]);
    let deal = match bid["dealid"].as_str() {
        None => None,
        Some(id) => Some(deals.iter().find(|deal| deal["id"] == id).ok_or(Wrong::UnknownDeal)?),
    };
    let private = imp["pmp"]["private_auction"] == 1 && !deals.is_empty();
    must(!private || deal.is_some(), Wrong::PrivateAuction)?;
    must(bid["crid"].as_str().is_some_and(|crid| !crid.is_empty()), Wrong::NoCreative)?;
    blocked(bid, request)?;
    let spot_s = of_markup(bid, imp)?;
    let (least, floor_cur) = floor::least(imp, deal, spot_s);
    // Another currency's floor is for who knows the rate.
    must(floor_cur != cur || price >= least - 1e-9, Wrong::BelowFloor)
}

/// How long the spot is, where the place takes audio alone and the markup is here to say it.
fn of_markup(bid: &Value, imp: &Value) -> Result<Option<f64>, Wrong> {
    let audio = &imp["audio"];
    let others = ["video", "banner", "native"].iter().any(|other| imp[*other].is_object());
    if !audio.is_object() || others {
        return Ok(None);
    }
    must(bid["mtype"].is_null() || bid["mtype"] == 3, Wrong::OtherMarkup)?;
    let attributes = list(&bid["attr"]);
    let refused = list(&audio["battr"]);
    must(!attributes.iter().any(|code| refused.contains(code)), Wrong::BlockedAttribute)?;
    vast::fits(bid, audio)
}

fn seat_is_welcome(request: &Value, seat: &Value) -> bool {
    let (only, never) = (list(&request["wseat"]), list(&request["bseat"]));
    (only.is_empty() || only.contains(seat)) && !never.contains(seat)
}

/// What the request does not want to hear of.
fn blocked(bid: &Value, request: &Value) -> Result<(), Wrong> {
    let words = |value| list(value).iter().filter_map(Value::as_str);
    // `IAB7` blocks `IAB7-39` as well.
    let covers = |blocked: &str, own: &str| {
        own.strip_prefix(blocked).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    // Codes of two taxonomies cannot be held against one another.
    let one_taxonomy =
        bid["cattax"].as_u64().unwrap_or(1) == request["cattax"].as_u64().unwrap_or(1);
    let category =
        words(&bid["cat"]).any(|own| words(&request["bcat"]).any(|blocked| covers(blocked, own)));
    must(!(one_taxonomy && category), Wrong::BlockedCategory)?;
    let advertiser = words(&bid["adomain"]).any(|own| {
        words(&request["badv"]).any(|blocked| {
            own.eq_ignore_ascii_case(blocked) || own.ends_with(&format!(".{blocked}"))
        })
    });
    must(!advertiser, Wrong::BlockedAdvertiser)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn must(holds: bool, why: Wrong) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(why) }
}

#[cfg(test)]
mod tests;
