//! Decisions in seeded worlds that nobody wrote: `explain`, `replay` and the protobuf of each
//! request must come to what `decide` does, and `explain` calls just its winners winners.
//!
//! `INTERLUDE_LONG=1` decides 10,000 requests in each world.

use std::path::Path;
use std::sync::Arc;

use interlude::base::units::ids::ListenerKey;
use interlude::base::units::money::Currency;
use interlude::base::units::time::Moment;
use interlude::flows::decide::coin::Coin;
use interlude::flows::decide::explain::explain;
use interlude::flows::decide::record::record;
use interlude::flows::decide::replay::{Verdict, replay};
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::world::{Parts, World};
use interlude::flows::decide::{Circumstance, Received, decide};
use interlude::knowledge::audience::{Audience, AudienceBuilder, Profile, parse_line};
use interlude::knowledge::catalog;
use interlude::knowledge::enrich::{listener, place};
use interlude::market::exchange::{Exchange, Rates};
use interlude::market::openrtb::Wire;
use interlude::market::outcome::{Outcome, Refusal};
use interlude::market::ticket::TicketKeys;
use interlude::market::vocabulary::Vocabulary;
use interlude::offer::delivery::{Answers, Ask, Hold, Live, Recorder};
use interlude::offer::ledger::Sample;
use interlude::rehearsal::traffic::{Listeners, Requests, catalogs};
use serde_json::Value;

use super::twins;
use super::world::Scene;

const SEEDS: [u64; 3] = [3, 17, 2026];
const LINES: usize = 250;
const LISTENERS: u32 = 200;
const MOMENT: Moment = Moment::from_unix_s(1_795_435_200);

/// A desk that refuses every seventh line, and every eleventh when it comes to the hold.
#[derive(Clone, Copy)]
struct Moody;

impl Live for Moody {
    fn may_bid(&mut self, ask: &Ask) -> Result<(), Refusal> {
        if ask.line.0 % 7 == 3 { Err(Refusal::Capped) } else { Ok(()) }
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        if hold.line.0 % 11 == 5 { Err(Refusal::BudgetSpent) } else { Ok(()) }
    }
}

fn scene(seed: u64) -> Scene {
    let mut vocabulary = Vocabulary::new();
    let worth = |code, billionths| (Currency::parse(code).unwrap(), billionths);
    let rates = [
        worth("USD", 1_000_000_000),
        worth("EUR", 1_100_000_000),
        worth("GBP", 1_300_000_000),
        worth("JPY", 6_500_000),
    ];
    let rates = Rates::new("random", rates);
    let text = catalogs::campaign_file(seed, LINES);
    let limits = catalog::Limits::default();
    let file = Path::new("made.json");
    let report = catalog::inspect_text(file, &text, &mut vocabulary, &rates, &limits);
    let parts = Parts {
        catalog: Arc::new(report.catalog.unwrap()),
        audience: Arc::new(audience(seed, &mut vocabulary)),
        vocabulary: Arc::new(vocabulary),
        exchanges: vec![Exchange::standard("demo")].into(),
        rates: Arc::new(rates),
        atlas: Arc::new(place::Atlas::open(&place::Config::default()).unwrap()),
        keys: Arc::new(TicketKeys::new(1, [(1, &[7_u8; 32][..])]).unwrap()),
        public_url: "https://ads.example".into(),
        coin: Coin::new(seed),
        listeners: listener::Config::default(),
    };
    let coin = parts.coin;
    Scene { world: World::assemble(parts, None), at: Circumstance { moment: MOMENT, coin } }
}

fn audience(seed: u64, vocabulary: &mut Vocabulary) -> Audience {
    let (listeners, mut builder) = (Listeners::new(seed), AudienceBuilder::default());
    for index in 0..u64::from(LISTENERS) {
        let listener = listeners.at(index);
        let line = parse_line(&listener.json_line(), vocabulary).unwrap();
        let mut bytes = Vec::new();
        line.encode(vocabulary, &mut bytes).unwrap();
        let profile = Profile::checked(&bytes, vocabulary.len()).unwrap();
        builder.add(ListenerKey::of(&listener.id), profile);
    }
    builder.build()
}

/// What is wrong with one request's decision; and whether it bid.
fn check(scene: &Scene, body: &[u8]) -> (Outcome, Vec<String>) {
    let exchange = scene.world.exchange_named("demo").unwrap();
    let received = Received { exchange, wire: Wire::Json, body };
    let (mut scratch, mut answers) = (Scratch::new(), Answers::new());
    let mut live = Recorder::new(Moody, &mut answers);
    let outcome = decide(&received, &scene.world, &mut live, scene.at, &mut scratch);
    let kept = record(&received, &scene.world, scene.at, (outcome, &answers), &scratch);

    let mut faults = Vec::new();
    let mut again = Scratch::new();
    let explained = explain(&received, &scene.world, &mut Moody, scene.at, &mut again);
    if again.reply() != scratch.reply() || explained.outcome != outcome.label() {
        faults.push("explain decides otherwise".to_owned());
    }
    let won = explained.slots.iter().enumerate().flat_map(|(slot, explained)| {
        let won = explained.lines.iter().filter(|line| line.verdict == "won");
        won.map(move |line| (slot as u16, line.ix.0))
    });
    let mut won: Vec<(u16, u32)> = won.collect();
    let bids = scratch.made().winners.iter().map(|w| (w.candidate.slot, w.candidate.line.0));
    let mut bids: Vec<(u16, u32)> = bids.collect();
    won.sort_unstable();
    bids.sort_unstable();
    if won != bids {
        faults.push(format!("explain says {won:?} won, {bids:?} bid"));
    }
    let sample = Sample { request: body, profile: &scratch.made().profile };
    let verdict = replay(&kept, sample, &scene.world, scene.at, &mut again);
    if verdict != Verdict::Equal {
        faults.push(format!("the replay differs: {verdict:?}"));
    }
    let request: Value = serde_json::from_slice(body).unwrap();
    let twin = twins::protobuf(&request);
    let made = (outcome, &scratch);
    faults.extend(twins::differs(&twin, &received, scene, &mut Moody, made));
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
            let body = traffic.json(index, MOMENT);
            let (outcome, faults) = check(&scene, &body);
            let text = String::from_utf8_lossy(&body);
            assert!(faults.is_empty(), "seed {seed}, {index}: {}\n{text}", faults.join("\n"));
            bids += u64::from(outcome == Outcome::Bid);
        }
        assert!(bids * 4 > requests * 3, "seed {seed}: only {bids} of {requests} bid");
    }
}
