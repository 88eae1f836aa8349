//! Do many pacers find the market's equilibrium? The first-price pacing equilibrium is unique and
//! the solution of a convex program, so it is an oracle: a second arithmetic, that knows nothing
//! of controllers, solves the program, and the controllers must come to the same multipliers. They
//! learn the market in the first half of it; the program is solved for the second half and the
//! money that they have left for it.
//!
//! `INTERLUDE_LONG=1` tries twenty markets.

use interlude::base::stdx::rng::Rng;
use interlude::offer::delivery::PPM;
use interlude::offer::delivery::pacing::{Bought, Governor, Levers, Turn};

const BIDDERS: usize = 12;
const ITEMS: usize = 400;
const AUCTIONS: usize = 400_000;

struct Market {
    /// What an item of each type is worth to each bidder, in nanos.
    worth: Vec<[f64; ITEMS]>,
    /// The types in the order in which they come, and how often each does, one in all.
    items: Vec<usize>,
    supply: [f64; ITEMS],
    /// What each may spend on one item that comes, on average.
    budgets: Vec<f64>,
}

fn market(seed: u64) -> Market {
    let mut rng = Rng::new(seed);
    let mut sum = 0.0;
    let upto = [0.0; ITEMS].map(|_: f64| {
        sum += (0.5 * rng.normal()).exp();
        sum
    });
    let item = |rng: &mut Rng| {
        let point = rng.unit() * sum;
        upto.partition_point(|&upto| upto < point).min(ITEMS - 1)
    };
    let items: Vec<usize> = (0..AUCTIONS).map(|_| item(&mut rng)).collect();
    let worth: Vec<[f64; ITEMS]> =
        (0..BIDDERS).map(|_| [0.0; ITEMS].map(|_: f64| 4e6 * (0.7 * rng.normal()).exp())).collect();
    // From a tenth of what it would win with a budget without end, to more than it can spend.
    let budgets = (0..BIDDERS).map(|i| 4e6 / BIDDERS as f64 * (0.3 + 0.4 * i as f64)).collect();
    Market { worth, supply: supply(&items), items, budgets }
}

impl Market {
    /// What comes when half of it has passed, to bidders who have spent so much by then.
    fn second_half(self, paced: &[Paced]) -> Market {
        let items = self.items[AUCTIONS / 2..].to_vec();
        let left = |(budget, paced): (&f64, &Paced)| budget * (1.0 - paced.half) * 2.0;
        let budgets = self.budgets.iter().zip(paced).map(left).collect();
        Market { supply: supply(&items), items, budgets, ..self }
    }
}

fn supply(items: &[usize]) -> [f64; ITEMS] {
    let mut supply = [0.0; ITEMS];
    items.iter().for_each(|&item| supply[item] += 1.0 / items.len() as f64);
    supply
}

/// What one bidder did.
#[derive(Clone, Copy, Default)]
struct Paced {
    /// Its multiplier, on average over the second half.
    multiplier: f64,
    /// What it had spent of its budget when half of the market had passed, and at the end.
    half: f64,
    spent: f64,
}

/// The multipliers of the equilibrium: Eisenberg and Gale's program for buyers who may keep their
/// money, by proportional response.
fn equilibrium(market: &Market) -> Vec<f64> {
    let mut bids: Vec<[f64; ITEMS]> =
        market.budgets.iter().map(|budget| market.supply.map(|part| budget * part * 0.5)).collect();
    let mut kept: Vec<f64> = market.budgets.iter().map(|budget| budget * 0.5).collect();
    let mut utility = vec![0.0; BIDDERS];
    for _ in 0..20_000 {
        let mut prices = [0.0; ITEMS];
        for of_bidder in &bids {
            prices.iter_mut().zip(of_bidder).for_each(|(price, bid)| *price += bid);
        }
        for bidder in 0..BIDDERS {
            let budget = market.budgets[bidder];
            let gains: [f64; ITEMS] = std::array::from_fn(|item| {
                let got = bids[bidder][item] / prices[item].max(1e-300) * market.supply[item];
                market.worth[bidder][item] * got
            });
            utility[bidder] = gains.iter().sum::<f64>() + kept[bidder];
            bids[bidder] = gains.map(|gain| budget * gain / utility[bidder]);
            kept[bidder] *= budget / utility[bidder];
        }
    }
    market
        .budgets
        .iter()
        .zip(&utility)
        .map(|(budget, utility)| (budget / utility).min(1.0))
        .collect()
}

/// What the controllers come to, at 25 auctions a second.
fn paced(market: &Market, seed: u64) -> [Paced; BIDDERS] {
    const A_SECOND: usize = 25;
    let limits: Vec<f64> = market.budgets.iter().map(|budget| budget * AUCTIONS as f64).collect();
    let mut rng = Rng::new(seed);
    let mut governors = [Governor::new(); BIDDERS];
    let mut levers = [Levers::new(false); BIDDERS];
    let mut paces = [interlude::offer::delivery::Pace::new(PPM / 10, PPM); BIDDERS];
    let (mut spent, mut last) = ([0.0; BIDDERS], [(0.0, 0.0); BIDDERS]);
    let (mut wins, mut told) = ([0.0; BIDDERS], [Paced::default(); BIDDERS]);
    let (mut worth, mut worth_before) = ([0.0; BIDDERS], [0.0; BIDDERS]);
    let turns = AUCTIONS / A_SECOND;
    for (turn, items) in market.items.chunks(A_SECOND).enumerate() {
        for &item in items {
            let mut bid = |bidder: usize| {
                let joins = paces[bidder].passes(rng.next_u64());
                let bid = paces[bidder].shade(market.worth[bidder][item] as i64);
                (
                    if joins && spent[bidder] + bid as f64 <= limits[bidder] { bid } else { 0 },
                    bidder,
                )
            };
            let (price, winner) = (0..BIDDERS).map(&mut bid).max().unwrap();
            spent[winner] += price as f64;
            wins[winner] += 1.0;
            worth[winner] += market.worth[winner][item];
        }
        for bidder in 0..BIDDERS {
            let step = Turn {
                dt_s: 1.0,
                limit: limits[bidder],
                spent: spent[bidder],
                share: 1.0 / (turns - turn) as f64,
                ahead: 1.0,
                price: 3e6,
                offered: true,
            };
            let plan = step.plan(spent[bidder]);
            let lambda = governors[bidder].turn(&step);
            let (spent_before, wins_before) = last[bidder];
            let won = wins[bidder] - wins_before;
            let charged = spent[bidder] - spent_before;
            let unshaded = worth[bidder] - worth_before[bidder];
            let impressions = won;
            let bought = Bought {
                dt_s: 1.0,
                price: 8e6,
                planned: plan,
                charged,
                impressions,
                unshaded,
                won,
            };
            worth_before[bidder] = worth[bidder];
            paces[bidder] = levers[bidder].turn(lambda, &bought);
            last[bidder] = (spent[bidder], wins[bidder]);
            let part = spent[bidder] / limits[bidder];
            if turn < turns / 2 {
                told[bidder].half = part;
            } else {
                told[bidder].multiplier += (-lambda).exp() / (turns - turns / 2) as f64;
                told[bidder].spent = part;
            }
        }
    }
    told
}

#[test]
fn pacers_come_to_the_equilibrium_of_each_market() {
    let seeds = if std::env::var_os("INTERLUDE_LONG").is_some() { 20 } else { 3 };
    let mean = (11..11 + seeds).map(apart).sum::<f64>() / seeds as f64;
    assert!(mean <= 0.01, "{mean} from the equilibrium on average of {seeds} markets");
}

/// How far the pacers of one market are from its equilibrium, on average.
fn apart(seed: u64) -> f64 {
    let market = market(seed);
    let found = paced(&market, seed + 1);
    let oracle = equilibrium(&market.second_half(&found));
    let mut apart = 0.0;
    for (&oracle, found) in oracle.iter().zip(&found) {
        apart += (found.multiplier / oracle - 1.0).abs() / BIDDERS as f64;
        // Whoever is held back spends all of it, and evenly.
        let is_even = (0.48..=0.52).contains(&found.half) && (0.99..=1.0).contains(&found.spent);
        assert!(oracle > 0.95 || is_even, "{seed}: {oracle}: {}, {}", found.half, found.spent);
    }
    assert!(oracle.iter().any(|&m| m < 0.5) && oracle.iter().any(|&m| m > 0.8), "{oracle:?}");
    eprintln!("market {seed}: {apart:.4} from the equilibrium");
    apart
}
