//! What the demo's world answers to its own traffic, in every version and to every kind of slot.

use interlude::base::units::time::Moment;
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Circumstance, Received, decide};
use interlude::market::format::VastVersion;
use interlude::market::openrtb::Wire;
use interlude::market::outcome::Outcome;
use interlude::rehearsal::traffic::stage::{Granting, Stage};
use interlude::rehearsal::traffic::{self, Requests};
use serde_json::{Value, json};

/// A Monday noon in UTC.
const MOMENT: Moment = Moment::from_unix_s(1_795_435_200);
const REQUESTS: u64 = 600;

/// One bid of an answer.
pub struct Answer {
    pub version: VastVersion,
    pub bid: Value,
    pub vast: String,
}

/// Every bid that the demo's world makes.
pub fn answers() -> Vec<Answer> {
    let world = demo();
    let exchange = world.exchange_named("demo").unwrap();
    let requests = Requests::new(5, 1_000);
    let at = Circumstance { moment: MOMENT, coin: world.coin };
    let mut scratch = Scratch::new();
    let mut answers = Vec::new();
    for index in 0..REQUESTS {
        let version = VastVersion::ALL[index as usize % VastVersion::ALL.len()];
        let body = asking(&requests.json(index, MOMENT), version, index);
        let received = Received::new(exchange, Wire::Json, &body);
        if decide(&received, &world, &mut Granting, at, &mut scratch) != Outcome::Bid {
            continue;
        }
        let reply: Value = serde_json::from_slice(scratch.reply()).unwrap();
        for bid in reply["seatbid"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|seat| seat["bid"].as_array().unwrap())
        {
            let vast = bid["adm"].as_str().unwrap().to_owned();
            answers.push(Answer { version, bid: bid.clone(), vast });
        }
    }
    answers
}

/// The request with all that a slot can ask of markup: version, stitching, OMID, companions.
fn asking(body: &[u8], version: VastVersion, index: u64) -> Vec<u8> {
    let mut request: Value = serde_json::from_slice(body).unwrap();
    for imp in request["imp"].as_array_mut().unwrap() {
        let Some(audio) = imp.get_mut("audio").and_then(Value::as_object_mut) else { continue };
        audio.insert("protocols".to_owned(), json!([version.protocol()]));
        if index.is_multiple_of(3) {
            audio.insert("companionad".to_owned(), json!([{ "id": "1", "w": 300, "h": 250 }]));
        }
        if index.is_multiple_of(4) {
            audio.insert("api".to_owned(), json!([7]));
        }
        if index.is_multiple_of(5) {
            audio.insert("stitched".to_owned(), json!(1));
        }
    }
    serde_json::to_vec(&request).unwrap()
}

fn demo() -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut campaigns = Vec::new();
    for file in traffic::world(5) {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, file.bytes).unwrap();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            campaigns.push(path);
        }
    }
    World::assemble(Stage::of_files(&campaigns).parts(), None)
}
