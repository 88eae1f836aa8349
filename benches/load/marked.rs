//! Which version of the world is an answer of? Lines whose price, creative id, media and advertiser
//! say so, and what is asked of them.
//!
//! Of the bench of swaps, and of the test beside it (`tests/it/serve/swap.rs`).

use serde_json::{Value, json};

const MARKED: usize = 8;

/// A campaign file whose lines, of as many advertisers, say of which version they are; they want
/// the exchange *two* only.
pub fn marked(version: u64) -> String {
    let advertiser = |i: usize| {
        let mark = format!("v{version}-{i}");
        json!({
            "key": format!("mark{i}"),
            "domains": [format!("mark{i}.example")],
            "currency": "USD",
            "campaigns": [{ "key": "all", "lines": [{
                "key": "one",
                "bid_cpm": price(version, i),
                "targeting": { "exchange": ["two"] },
                "creatives": [{
                    "crid": mark,
                    "duration": 15,
                    "click_through": format!("https://mark{i}.example/{mark}"),
                    "renditions": [{
                        "url": format!("https://cdn.example/{mark}.mp3"),
                        "mime": "audio/mpeg",
                        "bitrate": 128,
                    }],
                }],
            }] }],
        })
    };
    let advertisers: Vec<Value> = (0..MARKED).map(advertiser).collect();
    json!({ "advertisers": advertisers }).to_string()
}

/// More than any other line pays.
fn price(version: u64, i: usize) -> String {
    format!("{}.{:04}", 70 + i, version % 10_000)
}

/// Two slots, so that one answer is of several lines.
pub fn request(number: u64) -> String {
    let imp = |id: &str| {
        json!({ "id": id, "audio": {
            "mimes": ["audio/mpeg"], "protocols": [7, 14], "minduration": 5, "maxduration": 30,
        }})
    };
    let request = json!({
        "id": format!("audit-{number}"), "at": 1, "tmax": 500, "cur": ["USD"],
        "imp": [imp("1"), imp("2")],
        "app": { "id": "music" },
        "device": { "ip": "192.0.2.1", "geo": { "country": "USA" } },
    });
    request.to_string()
}

/// The one version that all bids are of, by all that they say.
pub fn version_of(answer: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let seats = answer["seatbid"].as_array()?;
    let mut bids = seats.iter().flat_map(|seat| seat["bid"].as_array()).flatten();
    let first = version_of_bid(bids.next()?)?;
    bids.all(|bid| version_of_bid(bid) == Some(first)).then_some(first)
}

fn version_of_bid(bid: &Value) -> Option<u64> {
    let crid = bid["crid"].as_str()?;
    let (version, i) = crid.strip_prefix('v')?.split_once('-')?;
    let (version, i) = (version.parse().ok()?, i.parse().ok()?);
    let asked: f64 = price(version, i).parse().ok()?;
    let media = format!("/{crid}.mp3");
    let agrees = (bid["price"].as_f64()? - asked).abs() < 1e-6
        && bid["adm"].as_str()?.contains(&media)
        && bid["adomain"][0] == format!("mark{i}.example");
    agrees.then_some(version)
}
