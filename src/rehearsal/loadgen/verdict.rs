//! Is this answer one that an exchange could use? Held whole against its request.
//!
//! Asked of a sampled share of the answers, cold: every bid names an impression of the request,
//! reaches its floor in a currency that was asked for, stands on a deal that was offered if on
//! any, and carries VAST whose spots are as long as the slot takes.

use serde_json::Value;

use crate::base::stdx::labels::labels;

labels! {
    /// Why an exchange could not use an answer.
    Wrong {
        NotJson = "not_json";
        OtherId = "other_id";
        NoBid = "no_bid_within";
        UnknownImp = "unknown_imp";
        NoPrice = "no_price";
        OtherCurrency = "other_currency";
        BelowFloor = "below_floor";
        UnknownDeal = "unknown_deal";
        NoVast = "no_vast";
        Duration = "duration";
    }
}

/// What is wrong with the first bid that has something wrong with it.
pub fn wrong(request: &[u8], answer: &[u8]) -> Option<Wrong> {
    let read = |bytes| serde_json::from_slice::<Value>(bytes).ok();
    let (Some(request), Some(answer)) = (read(request), read(answer)) else {
        return Some(Wrong::NotJson);
    };
    if answer["id"] != request["id"] {
        return Some(Wrong::OtherId);
    }
    let cur = answer["cur"].as_str().unwrap_or("USD");
    let asked = list(&request["cur"]).filter_map(Value::as_str).collect::<Vec<_>>();
    if !asked.is_empty() && !asked.contains(&cur) {
        return Some(Wrong::OtherCurrency);
    }
    let mut bids = list(&answer["seatbid"]).flat_map(|seat| list(&seat["bid"])).peekable();
    if bids.peek().is_none() {
        return Some(Wrong::NoBid);
    }
    bids.find_map(|bid| wrong_bid(bid, &request, cur).err())
}

fn wrong_bid(bid: &Value, request: &Value, cur: &str) -> Result<(), Wrong> {
    let imp = list(&request["imp"]).find(|imp| imp["id"] == bid["impid"]);
    let imp = imp.ok_or(Wrong::UnknownImp)?;
    let price = bid["price"].as_f64().filter(|price| *price > 0.0).ok_or(Wrong::NoPrice)?;
    let floor = match bid["dealid"].as_str() {
        None => imp,
        Some(deal) => {
            let deals = list(&imp["pmp"]["deals"]);
            { deals }.find(|offer| offer["id"] == deal).ok_or(Wrong::UnknownDeal)?
        }
    };
    let floor_cur = floor["bidfloorcur"].as_str().unwrap_or("USD");
    // Another currency's floor is for who knows the rate.
    if floor_cur == cur && price < floor["bidfloor"].as_f64().unwrap_or(0.0) {
        return Err(Wrong::BelowFloor);
    }
    let audio = &imp["audio"];
    let is_audio = audio.is_object() && !imp["video"].is_object() && !imp["banner"].is_object();
    if is_audio { vast(bid["adm"].as_str().unwrap_or_default(), audio) } else { Ok(()) }
}

fn vast(adm: &str, audio: &Value) -> Result<(), Wrong> {
    let whole = adm.trim_end().ends_with("</VAST>") && adm.contains("<VAST");
    let says_where = ["<MediaFile", "<VASTAdTagURI"].iter().any(|tag| adm.contains(tag));
    if !whole || !says_where {
        return Err(Wrong::NoVast);
    }
    let (least, most) = (audio["minduration"].as_f64(), audio["maxduration"].as_f64());
    let exact: Vec<f64> = list(&audio["rqddurs"]).filter_map(Value::as_f64).collect();
    let fits = |seconds: f64| match exact.is_empty() {
        true => seconds >= least.unwrap_or(0.0) && seconds <= most.unwrap_or(f64::MAX),
        false => exact.iter().any(|wanted| (seconds - wanted).abs() < 0.5),
    };
    let durations = adm.split("<Duration>").skip(1);
    match { durations }.all(|rest| rest.split('<').next().and_then(seconds).is_some_and(fits)) {
        true => Ok(()),
        false => Err(Wrong::Duration),
    }
}

/// `00:00:15.500`
fn seconds(clock: &str) -> Option<f64> {
    clock.trim().split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(change: impl FnOnce(&mut Value, &mut Value)) -> Option<Wrong> {
        let mut request = json!({
            "id": "r", "cur": ["EUR"],
            "imp": [{ "id": "1", "bidfloor": 2.0, "bidfloorcur": "EUR",
                "audio": { "minduration": 5, "maxduration": 30 },
                "pmp": { "deals": [{ "id": "d", "bidfloor": 4.0, "bidfloorcur": "EUR" }] } }],
        });
        let adm = "<VAST version=\"4.0\"><Duration>00:00:15</Duration><MediaFile/></VAST>";
        let mut answer = json!({
            "id": "r", "cur": "EUR",
            "seatbid": [{ "bid": [{ "id": "b", "impid": "1", "price": 2.5, "adm": adm }] }],
        });
        change(&mut request, &mut answer);
        wrong(request.to_string().as_bytes(), answer.to_string().as_bytes())
    }

    #[test]
    fn each_fault_has_its_name_and_a_good_answer_none() {
        let bid = |key: &'static str, value: Value| {
            judged(move |_, answer| answer["seatbid"][0]["bid"][0][key] = value)
        };
        assert_eq!(judged(|_, _| ()), None);
        assert_eq!(bid("impid", json!("2")), Some(Wrong::UnknownImp));
        assert_eq!(bid("price", json!("2.5")), Some(Wrong::NoPrice));
        assert_eq!(bid("price", json!(1.99)), Some(Wrong::BelowFloor));
        assert_eq!(bid("dealid", json!("d")), Some(Wrong::BelowFloor), "of the deal");
        assert_eq!(bid("dealid", json!("e")), Some(Wrong::UnknownDeal));
        assert_eq!(bid("adm", json!("<VAST><MediaFile/>")), Some(Wrong::NoVast));
        let long = "<VAST><Duration>00:01:15</Duration><MediaFile/></VAST>";
        assert_eq!(bid("adm", json!(long)), Some(Wrong::Duration));
        assert_eq!(judged(|_, answer| answer["id"] = json!("s")), Some(Wrong::OtherId));
        assert_eq!(judged(|_, answer| answer["cur"] = json!("USD")), Some(Wrong::OtherCurrency));
        assert_eq!(judged(|_, answer| answer["seatbid"] = json!([])), Some(Wrong::NoBid));
        assert_eq!(wrong(b"{}", b"{"), Some(Wrong::NotJson));
    }
}
