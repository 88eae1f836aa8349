//! Decisions in seeded worlds that nobody wrote: `explain`, `replay` and the protobuf of each
//! request must come to what `decide` does, and `explain` calls just its winners winners.
//!
//! `INTERLUDE_LONG=1` decides 10,000 requests in each world.

use interlude::base::units::time::Moment;
use interlude::flows::decide::coin::Coin;
use interlude::flows::decide::explain::explain;
use interlude::flows::decide::record::record;
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Circumstance, Received, decide};
use interlude::market::openrtb::Wire;
use interlude::market::outcome::{Outcome, Refusal};
use interlude::offer::delivery::{Answers, Ask, Hold, Live, Pace, Recorder};
use interlude::rehearsal::traffic::stage::Stage;
use interlude::rehearsal::traffic::{Requests, catalogs};
use serde_json::{Value, json};

use super::world::Scene;
use super::{kept_differs, twins};

const SEEDS: [u64; 3] = [3, 17, 2026];
const LINES: usize = 250;
const LISTENERS: u32 = 200;
const MOMENT: Moment = Moment::from_unix_s(1_795_435_200);

/// A desk that refuses every seventh line, some lines with every third creative, and every
/// eleventh line when it comes to the hold. Of the others, two in three are paced, each in its own
/// way.
#[derive(Clone, Copy)]
struct Moody;

impl Live<'_> for Moody {
    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        let line = ask.line.0;
        let paced = Pace::new(line * 7919 % 1_000_000, 200_000 + line * 104_729 % 900_000);
        match line % 7 {
            3 => Err(Refusal::Capped),
            5 if ask.creative.0.is_multiple_of(3) => Err(Refusal::Capped),
            _ if line.is_multiple_of(3) => Ok(Pace::FULL),
            _ => Ok(paced),
        }
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        if hold.line.0 % 11 == 5 { Err(Refusal::BudgetSpent) } else { Ok(()) }
    }
}

fn scene(seed: u64) -> Scene {
    let text = with_capped_creatives(&with_deals(&catalogs::campaign_file(seed, LINES)));
    let mut parts = Stage::of_text(&text).with_listeners(seed, LISTENERS).parts();
    parts.coin = Coin::new(seed);
    let at = Circumstance { moment: MOMENT, coin: parts.coin };
    Scene { world: World::assemble(parts, None), at }
}

/// Every sixth line bids on one of three deals, half of these openly too.
pub fn with_deals(text: &str) -> String {
    let mut file: Value = serde_json::from_str(text).unwrap();
    let advertisers = file["advertisers"].as_array_mut().unwrap().iter_mut();
    let lines = advertisers.flat_map(|a| a["campaigns"][0]["lines"].as_array_mut().unwrap());
    for (i, line) in lines.enumerate().filter(|(i, _)| i % 6 == 0) {
        line["deals"] = json!([format!("deal-{}", i / 6 % 3)]);
        line["open"] = json!(i % 12 == 0);
    }
    file.to_string()
}

/// Two in three creatives have a cap of their own.
pub fn with_capped_creatives(text: &str) -> String {
    let mut file: Value = serde_json::from_str(text).unwrap();
    let advertisers = file["advertisers"].as_array_mut().unwrap().iter_mut();
    let creatives = advertisers.flat_map(|a| a["creatives"].as_array_mut().unwrap());
    for (_, creative) in creatives.enumerate().filter(|(i, _)| i % 3 != 1) {
        creative["caps"] = json!([{ "impressions": 3, "per": "day" }]);
    }
    file.to_string()
}

/// What the traffic itself has seldom: deals, private auctions, and breaks of both kinds.
pub fn varied(mut request: Value, index: u64) -> Value {
    let deals = json!([
        { "id": "deal-0", "bidfloor": 0.5 },
        { "id": "deal-1", "bidfloor": 1.5, "at": 3 },
        { "id": "deal-2", "durfloors": [{ "mindur": 1, "maxdur": 15, "bidfloor": 2.0 }] },
    ]);
    let imp = &mut request["imp"][0];
    match index % 5 {
        1 => imp["pmp"] = json!({ "deals": deals }),
        2 => imp["pmp"] = json!({ "private_auction": 1, "deals": deals }),
        3 => {
            imp["audio"]["podid"] = json!("break");
            let places = ["1", "2", "3"].map(|id| {
                let mut place = imp.clone();
                place["id"] = json!(id);
                place
            });
            request["imp"] = json!(places);
        }
        4 => {
            imp["audio"]["poddur"] = json!(60);
            imp["audio"]["maxseq"] = json!(1 + index % 4);
        }
        _ => {}
    }
    request
}

/// Deals are offered in the order of their names' numbers.
fn deal_ix(id: &str) -> u16 {
    id.trim_start_matches("deal-").parse().unwrap()
}

/// What is wrong with one request's decision; and whether it bid.
fn check(scene: &Scene, request: &Value) -> (Outcome, Vec<String>) {
    let body = request.to_string();
    let body = body.as_bytes();
    let exchange = scene.world.exchange_named("demo").unwrap();
    let received = Received::new(exchange, Wire::Json, body);
    let (mut scratch, mut answers) = (Scratch::new(), Answers::new());
    let mut live = Recorder::new(Moody, &mut answers);
    let outcome = decide(&received, &scene.world, &mut live, scene.at, &mut scratch);
    let kept = record(&received, &scene.world, scene.at, (outcome, &answers), &scratch);
    // In a stretch a line stands with its spots of both lengths.
    assert!(kept.counts.matched * 2 >= kept.counts.candidates, "{:?}", kept.counts);

    let mut faults = Vec::new();
    let mut again = Scratch::new();
    let explained = explain(&received, &scene.world, &mut Moody, scene.at, &mut again);
    if again.reply() != scratch.reply() || explained.outcome != outcome.label() {
        faults.push("explain decides otherwise".to_owned());
    }
    let won = explained.slots.iter().enumerate().flat_map(|(slot, explained)| {
        let won = explained.lines.iter().filter(|line| line.verdict == "won");
        won.map(move |line| (slot as u16, line.ix.0, line.deal.as_deref().map(deal_ix)))
    });
    let mut won: Vec<(u16, u32, Option<u16>)> = won.collect();
    let bids = scratch
        .made()
        .winners
        .iter()
        .map(|w| (w.candidate.slot, w.candidate.line.0, w.candidate.deal));
    let mut bids: Vec<(u16, u32, Option<u16>)> = bids.collect();
    won.sort_unstable();
    bids.sort_unstable();
    if won != bids {
        faults.push(format!("explain says {won:?} won, {bids:?} bid"));
    }
    faults.extend(kept_differs(&kept, body, scene, &scratch));
    let twin = twins::protobuf(request);
    let made = (outcome, &scratch);
    faults.extend(twins::differs(&twin, &received, scene, Moody, made));
    (outcome, faults)
}

#[test]
fn explain_replay_and_protobuf_agree_in_random_worlds() {
    let long = std::env::var_os("INTERLUDE_LONG").is_some();
    let requests = if long { 10_000 } else { 120 };
    for seed in SEEDS {
        let scene = scene(seed);
        let traffic = Requests::new(seed, LISTENERS);
        let mut bids = 0;
        for index in 0..requests {
            let request = serde_json::from_slice(&traffic.json(index, MOMENT)).unwrap();
            let request = varied(request, index);
            let (outcome, faults) = check(&scene, &request);
            assert!(faults.is_empty(), "seed {seed}, {index}: {}\n{request}", faults.join("\n"));
            bids += u64::from(outcome == Outcome::Bid);
        }
        assert!(bids * 2 > requests, "seed {seed}: only {bids} of {requests} bid");
    }
}
