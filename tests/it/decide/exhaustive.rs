//! The best-first search against one that looks at every line: whatever paces shade bids and
//! whichever creatives are capped, the bids are the best there are.
//!
//! `INTERLUDE_LONG=1` decides 10,000 requests in each world.

use std::cmp::Reverse;

use bumpalo::Bump;
use interlude::base::stdx::rng::Rng;
use interlude::base::units::ids::{CreativeIx, LineIx};
use interlude::base::units::money::Round;
use interlude::base::units::time::Moment;
use interlude::flows::decide::candidate::{Market, Matter, candidate, paced};
use interlude::flows::decide::coin::Coin;
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Received, decide, sources, supply};
use interlude::knowledge::enrich;
use interlude::market::facts::Facts;
use interlude::market::openrtb::{self, Wire};
use interlude::market::outcome::Refusal;
use interlude::market::slot::Pod;
use interlude::offer::auction;
use interlude::offer::delivery::{Ask, Hold, Live, PPM, Pace};
use interlude::offer::targeting::naive::{self, Truth};
use interlude::rehearsal::traffic::stage::Stage;
use interlude::rehearsal::traffic::{Requests, catalogs};

use super::random::with_capped_creatives;
use super::world::Scene;

const LINES: usize = 400;
const LISTENERS: u32 = 200;
const MOMENT: Moment = Moment::from_unix_s(1_795_435_200);

/// Every line at a pace of its own, some held back, some of the creatives capped; all by chance.
#[derive(Clone, Copy)]
struct Desk(u64);

impl Desk {
    fn capped(self, creative: CreativeIx) -> bool {
        Rng::new(self.0 ^ 0x5eed ^ u64::from(creative.0) << 8).chance(0.4)
    }

    fn pace(self, line: LineIx) -> Result<Pace, Refusal> {
        let mut rng = Rng::new(self.0 ^ u64::from(line.0) << 20);
        match rng.below(5) {
            0 => Err(Refusal::BudgetSpent),
            1 => Ok(Pace::FULL),
            // The dearest are shaded most often: bounds tell little of prices.
            _ => {
                let pass = if rng.chance(0.3) { rng.below(PPM as usize) as u32 } else { PPM };
                Ok(Pace::new(rng.between(1_000, PPM as usize) as u32, pass))
            }
        }
    }
}

/// The desk, and which creatives have caps of their own.
struct Asked<'w>(Desk, &'w World);

impl Live<'_> for Asked<'_> {
    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        let pace = self.0.pace(ask.line)?;
        let has_caps = !self.1.catalog.creative(ask.creative).caps.is_empty();
        if has_caps && self.0.capped(ask.creative) { Err(Refusal::Capped) } else { Ok(pace) }
    }

    fn hold(&mut self, _: &Hold) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Line and price of each bid, the best first.
type Bids = Vec<(LineIx, i64)>;

/// The best bids that any line can make, found by looking at each; `None`: the request offers
/// something else than one place in the open market.
fn best(scene: &Scene, received: &Received<'_>, desk: Desk) -> Option<Bids> {
    let world = &scene.world;
    let (arena, mut facts) = (Bump::new(), Facts::new());
    let request = openrtb::decode(received.wire, received.body, &arena).unwrap();
    let exchange = world.exchange(received.exchange);
    let sources = sources(world, received);
    let seen = enrich::opportunity(&request, &sources, scene.at.moment, &arena, &mut facts);
    let opportunity = &seen.ok()?.0;
    let [slot] = opportunity.slots else { return None };
    if slot.pod != Pod::Single || slot.private || !slot.deals.is_empty() {
        return None;
    }
    let toss = scene.at.coin.toss(request.id, received.exchange, scene.at.moment);
    let (mark, supply, moment) = (None, supply(opportunity, world), scene.at.moment);
    let matter = Matter { world, exchange, opportunity, mark, supply, moment, toss };
    let market = Market { slot_ix: 0, slot, deal: None };
    enrich::set_slot(slot, &world.vocabulary, &mut facts);
    let bid = |ix: LineIx| {
        let line = world.catalog.line(ix);
        let mut made = candidate(&matter, &market, ix).ok()?;
        // All its spots are offered for one price: any may reach its own floor.
        made.floor_nanos = 0;
        let made = paced(&matter, made, desk.pace(ix).ok()?).ok()?;
        let may_play = |creative: &CreativeIx| {
            let has_caps = !world.catalog.creative(*creative).caps.is_empty();
            let length = world.catalog.creative(*creative).duration_ms;
            let floor = auction::floor(slot, None, length);
            let floor = world.rates.convert(floor, opportunity.currency, Round::Up).unwrap();
            let is_free = !(has_caps && desk.capped(*creative));
            is_free && slot.durations.takes(length) && floor.nanos <= made.price.nanos
        };
        line.creatives.iter().any(may_play).then_some(())?;
        Some((Reverse(made.price.nanos), made.chance, ix))
    };
    let lines = world
        .catalog
        .lines()
        .filter(|(_, line)| naive::truth(&line.targeting, &facts) == Truth::True);
    let mut bids: Vec<_> = lines.filter_map(|(ix, _)| bid(ix)).collect();
    bids.sort_unstable();
    bids.truncate(usize::from(exchange.open_bids));
    Some(bids.into_iter().map(|(price, _, ix)| (ix, price.0)).collect())
}

#[test]
fn the_search_finds_the_best_of_all_lines_whatever_their_paces() {
    let long = std::env::var_os("INTERLUDE_LONG").is_some();
    let requests = if long { 10_000 } else { 300 };
    for seed in [5, 29] {
        let text = with_capped_creatives(&catalogs::campaign_file(seed, LINES));
        let mut parts = Stage::of_text(&text).with_listeners(seed, LISTENERS).parts();
        parts.coin = Coin::new(seed);
        let at = super::Circumstance { moment: MOMENT, coin: parts.coin };
        let scene = Scene { world: World::assemble(parts, None), at };
        let traffic = Requests::new(seed, LISTENERS);
        let (mut compared, mut shaded, mut scratch) = (0, 0, Scratch::new());
        for index in 0..requests {
            let (body, desk) = (traffic.json(index, MOMENT), Desk(seed << 32 | index));
            let exchange = scene.world.exchange_named("demo").unwrap();
            let received = Received::new(exchange, Wire::Json, &body);
            let Some(best) = best(&scene, &received, desk) else { continue };
            let mut live = Asked(desk, &scene.world);
            let _ = decide(&received, &scene.world, &mut live, scene.at, &mut scratch);
            let winners = &scratch.made().winners;
            let bids = winners.iter().map(|w| (w.candidate.line, w.candidate.price.nanos));
            assert_eq!(bids.collect::<Bids>(), best, "seed {seed}, request {index}");
            for winner in winners {
                let creative = winner.candidate.creative;
                let has_caps = !scene.world.catalog.creative(creative).caps.is_empty();
                assert!(!(has_caps && desk.capped(creative)), "a capped creative is heard");
                shaded += u32::from(winner.candidate.pace.bid_ppm < PPM);
            }
            compared += u32::from(!best.is_empty());
        }
        assert!(compared > 100 && shaded > 100, "{compared} compared, {shaded} shaded");
    }
}
