//! Has each fault its name, and a good answer none, whoever has made it?

use serde_json::json;

use super::*;

const ADM: &str = r#"<?xml version="1.0"?><VAST version="4.0"><Ad id="1"><InLine>
    <AdSystem>x</AdSystem><AdTitle>t</AdTitle><Impression>https://a.example/i</Impression>
    <Creatives><Creative><Linear><Duration>00:00:15.500</Duration><MediaFiles>
    <MediaFile delivery="progressive" type="audio/mpeg"><![CDATA[https://a.example/1.mp3]]>
    </MediaFile></MediaFiles></Linear></Creative></Creatives></InLine></Ad></VAST>"#;

fn judged(change: impl FnOnce(&mut Value, &mut Value)) -> Option<Wrong> {
    let mut request = json!({
        "id": "r", "cur": ["EUR"], "bcat": ["IAB7", "IAB8-5"], "badv": ["casino.example"],
        "bseat": ["9"],
        "imp": [{ "id": "1", "bidfloor": 2.0, "bidfloorcur": "EUR",
            "audio": { "minduration": 5, "maxduration": 30, "mimes": ["audio/mp3"], "battr": [8] },
            "pmp": { "deals": [{ "id": "d", "bidfloor": 4.0, "bidfloorcur": "EUR" }] } }],
    });
    let mut answer = json!({
        "id": "r", "cur": "EUR", "future": [1],
        "seatbid": [{ "seat": "1", "bid": [{ "id": "b", "impid": "1", "price": 2.5, "adm": ADM,
            "crid": "c", "mtype": 3, "dur": 15, "cat": ["IAB70", "IAB8"], "ext": { "x": 1 } }] }],
    });
    change(&mut request, &mut answer);
    wrong(request.to_string().as_bytes(), answer.to_string().as_bytes())
}

fn bid(key: &'static str, value: Value) -> Option<Wrong> {
    judged(move |_, answer| answer["seatbid"][0]["bid"][0][key] = value)
}

#[test]
fn each_fault_of_the_response_has_its_name_and_a_good_answer_none() {
    assert_eq!(judged(|_, _| ()), None);
    assert_eq!(wrong(b"{}", b"{"), Some(Wrong::NotJson));
    for bend in [
        |answer: &mut Value| answer["id"] = Value::Null,
        |answer: &mut Value| answer["cur"] = json!(978),
        |answer: &mut Value| answer["seatbid"] = json!({}),
        |answer: &mut Value| answer["seatbid"][0]["bid"] = json!([]),
        |answer: &mut Value| answer["seatbid"][0]["bid"][0]["impid"] = json!(1),
        |answer: &mut Value| answer["seatbid"][0]["bid"][0]["price"] = json!("2.5"),
        |answer: &mut Value| answer["seatbid"][0]["bid"][0]["adomain"] = json!("a.example"),
        |answer: &mut Value| answer["seatbid"][0]["bid"][0]["attr"] = json!(["8"]),
        |answer: &mut Value| answer["seatbid"][0]["bid"][0]["dur"] = json!(15.5),
    ] {
        assert_eq!(judged(|_, answer| bend(answer)), Some(Wrong::Schema));
    }
    assert_eq!(judged(|_, answer| answer["id"] = json!("s")), Some(Wrong::OtherId));
    assert_eq!(judged(|_, answer| answer["cur"] = json!("USD")), Some(Wrong::OtherCurrency));
    assert_eq!(judged(|_, answer| answer["seatbid"] = json!([])), Some(Wrong::NoBid));
    let seat = |answer: &mut Value| answer["seatbid"][0]["seat"] = json!("9");
    assert_eq!(judged(|_, answer| seat(answer)), Some(Wrong::BlockedSeat));
}

#[test]
fn each_fault_of_a_bid_has_its_name() {
    assert_eq!(bid("impid", json!("2")), Some(Wrong::UnknownImp));
    assert_eq!(bid("price", json!(0)), Some(Wrong::NoPrice));
    assert_eq!(bid("price", json!(1.99)), Some(Wrong::BelowFloor));
    assert_eq!(bid("dealid", json!("d")), Some(Wrong::BelowFloor), "of the deal");
    assert_eq!(bid("dealid", json!("e")), Some(Wrong::UnknownDeal));
    let private = |request: &mut Value| request["imp"][0]["pmp"]["private_auction"] = json!(1);
    assert_eq!(judged(|request, _| private(request)), Some(Wrong::PrivateAuction));
    assert_eq!(bid("crid", Value::String(String::new())), Some(Wrong::NoCreative));
    assert_eq!(bid("mtype", json!(2)), Some(Wrong::OtherMarkup));
    assert_eq!(bid("cat", json!(["IAB7-39"])), Some(Wrong::BlockedCategory));
    assert_eq!(bid("cat", json!(["IAB8-5"])), Some(Wrong::BlockedCategory));
    assert_eq!(bid("adomain", json!(["www.casino.example"])), Some(Wrong::BlockedAdvertiser));
    assert_eq!(bid("adomain", json!(["notcasino.example"])), None);
    assert_eq!(bid("attr", json!([1, 8])), Some(Wrong::BlockedAttribute));
    let again = |answer: &mut Value, id: &str, crid: &str| {
        let bids = answer["seatbid"][0]["bid"].as_array_mut().unwrap();
        let mut other = bids[0].clone();
        (other["id"], other["crid"]) = (json!(id), json!(crid));
        bids.push(other);
    };
    assert_eq!(judged(|_, answer| again(answer, "b", "c2")), Some(Wrong::Twice));
    assert_eq!(judged(|_, answer| again(answer, "b2", "c2")), None);
}

#[test]
fn vast_is_read_as_a_player_would() {
    let adm = |from: &str, to: &str| {
        assert!(ADM.contains(from), "{from}");
        bid("adm", json!(ADM.replace(from, to)))
    };
    assert_eq!(adm("</AdTitle>", ""), Some(Wrong::NotXml));
    assert_eq!(adm("https://a.example/i", "https://a.example/i?a&b"), Some(Wrong::NotXml));
    assert_eq!(bid("adm", json!("")), Some(Wrong::NotXml));
    assert_eq!(bid("adm", json!("<VAST version=\"4.0\"/>")), Some(Wrong::NotVast));
    assert_eq!(bid("adm", json!("<DAAST version=\"1.0\"/>")), Some(Wrong::NotVast));
    assert_eq!(adm("<AdTitle>t</AdTitle>", ""), Some(Wrong::NotVast));
    assert_eq!(adm("https://a.example/i", ""), Some(Wrong::NotVast));
    assert_eq!(adm("https://a.example/1.mp3", " "), Some(Wrong::NotVast));
    assert_eq!(adm("audio/mpeg", "audio/ogg"), Some(Wrong::OtherMime));
    assert_eq!(adm("00:00:15.500", "00:01:15"), Some(Wrong::Duration));
    assert_eq!(adm("00:00:15.500", "15"), Some(Wrong::Duration));
    assert_eq!(bid("dur", json!(30)), Some(Wrong::OtherDuration));
    let wrapper = "<VAST version='3.0'><Ad><Wrapper><VASTAdTagURI>https://b.example/v\
                   </VASTAdTagURI></Wrapper></Ad></VAST>";
    assert_eq!(bid("adm", json!(wrapper)), None);
    let later = |_: &mut Value, answer: &mut Value| {
        let bid = &mut answer["seatbid"][0]["bid"][0];
        (bid["adm"], bid["nurl"]) = (json!(""), json!("https://b.example/n"));
    };
    assert_eq!(judged(later), None);
}

#[test]
fn a_dynamic_pod_and_exact_durations_say_what_fits() {
    let audio = |key: &'static str, value: Value| {
        judged(move |request, _| request["imp"][0]["audio"][key] = value)
    };
    assert_eq!(audio("rqddurs", json!([30])), Some(Wrong::Duration));
    assert_eq!(audio("rqddurs", json!([30, 15.5])), None);
    assert_eq!(audio("poddur", json!(10)), Some(Wrong::Duration));
    assert_eq!(audio("poddur", json!(60)), None);
}

/// The spot is 15.5 s long, the price 2.5.
#[test]
fn floors_by_length_go_before_plain_ones() {
    let audio = |key: &'static str, value: Value| {
        judged(move |request, _| request["imp"][0]["audio"][key] = value)
    };
    assert_eq!(audio("mincpmpersec", json!(0.17)), Some(Wrong::BelowFloor), "2.635");
    assert_eq!(audio("mincpmpersec", json!(0.16)), None, "2.48, and no longer 2");
    let range = |from: u64, to: u64, floor: f64| {
        let first = json!({ "mindur": from, "maxdur": to, "bidfloor": floor });
        json!([first, { "mindur": 60 }])
    };
    assert_eq!(audio("durfloors", range(10, 20, 2.6)), Some(Wrong::BelowFloor));
    assert_eq!(audio("durfloors", range(10, 15, 2.6)), None, "15 and a half");
    assert_eq!(audio("durfloors", range(10, 20, 0.1)), None);
    let of_another_length = |request: &mut Value, floor: f64| {
        request["imp"][0]["audio"]["durfloors"] = range(20, 30, 9.0);
        request["imp"][0]["bidfloor"] = json!(floor);
    };
    assert_eq!(judged(|request, _| of_another_length(request, 2.6)), Some(Wrong::BelowFloor));
    assert_eq!(judged(|request, _| of_another_length(request, 2.5)), None);

    let deal = |key: &'static str, value: Value| {
        judged(move |request, answer| {
            answer["seatbid"][0]["bid"][0]["dealid"] = json!("d");
            let deal = &mut request["imp"][0]["pmp"]["deals"][0];
            deal["bidfloor"] = Value::Null;
            deal[key] = value;
        })
    };
    assert_eq!(deal("x", json!(0)), None, "the imp's of 2 holds");
    assert_eq!(deal("bidfloor", json!(2.6)), Some(Wrong::BelowFloor));
    assert_eq!(deal("mincpmpersec", json!(0.17)), Some(Wrong::BelowFloor));
    assert_eq!(deal("durfloors", range(10, 20, 2.6)), Some(Wrong::BelowFloor));
    assert_eq!(deal("durfloors", range(20, 30, 2.6)), None, "the imp's of 2 holds");
}
