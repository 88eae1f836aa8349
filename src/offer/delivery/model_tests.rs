//! The book against a model that is nothing but maps and sums: random sequences of publications,
//! holds, wins, losses, charges, expiries, payments, days, turns, crashes and restarts.
//!
//! What the journal gets goes into a ledger, and a restart begins from that ledger alone. Each
//! sequence is named by its seed. CI tries 10,000, `INTERLUDE_LONG=1` a million.

mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tests::small;
use super::*;
use crate::base::stdx::rng::Rng;
use crate::base::units::calendar::Calendar;
use crate::base::units::ids::LineId;
use crate::base::units::money::Currency;
use crate::knowledge::catalog::model::{Advertiser, Budget, Campaign, Line};
use crate::market::exchange::ExchangeIx;
use crate::market::notice::{Kind, PriceRule};
use crate::offer::ledger::{BudgetId, Effect, Entry, Funds, FundsKind, Keep, Ledger, NoticeEntry};

const START: Moment = Moment::from_unix_s(1_800_000_000);
const TICKET_S: i64 = 3600;
const LINES: usize = 3;
const USD: Currency = Currency::USD;

/// One budget as it ought to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    limit: Option<i64>,
    ceiling: i64,
    spent: i64,
    held: i64,
    ghost: i64,
}

struct Bid {
    line: usize,
    made: Moment,
    price: i64,
    expires: Moment,
    won: bool,
    /// What it took of which budget; empty when it holds nothing any more.
    took: BTreeMap<BudgetId, i64>,
    charged: bool,
}

struct Run {
    rng: Rng,
    now: Moment,
    started: Moment,
    ghosts_until: Option<Moment>,
    book: Arc<Book>,
    desk: Desk,
    ledger: Ledger,
    lines: Vec<Line>,
    campaign: Campaign,
    advertiser: Advertiser,
    paid_in: i64,
    model: BTreeMap<BudgetId, Sums>,
    bids: BTreeMap<u64, Bid>,
    /// Charged in all.
    charged: i64,
    next: u64,
}

fn line_id(line: usize) -> LineId {
    LineId(100 + line as u64)
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut rng = Rng::new(seed);
        let zones = ["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"];
        let zone = zones[rng.below(zones.len())];
        let mut advertiser = Advertiser::plain("a", USD);
        advertiser.calendar = Arc::new(Calendar::of(zone).unwrap());
        let campaign = Campaign::plain("a", "c");
        let lines: Vec<Line> =
            (0..LINES).map(|i| Line::plain(line_id(i), Money::new(10, USD))).collect();
        let book = Arc::new(Book::leased(&small()));
        let owners = (std::slice::from_ref(&campaign), std::slice::from_ref(&advertiser));
        let desk = book.desk_owned(&lines, owners.0, owners.1).unwrap();
        let mut run = Run {
            rng,
            now: START,
            started: Moment::from_unix_us(i64::MIN),
            ghosts_until: None,
            book,
            desk,
            ledger: Ledger::new(Keep::default()),
            lines,
            campaign,
            advertiser,
            paid_in: 0,
            model: BTreeMap::new(),
            bids: BTreeMap::new(),
            charged: 0,
            next: 0,
        };
        run.publish();
        run.turn(true);
        run
    }

    fn day(&self, moment: Moment) -> i32 {
        self.advertiser.calendar.day(moment)
    }

    fn budgets(&self, line: usize, moment: Moment) -> [BudgetId; 5] {
        let day = self.day(moment);
        [
            BudgetId::Line(line_id(line), None),
            BudgetId::Line(line_id(line), Some(day)),
            BudgetId::Campaign(self.campaign.id, None),
            BudgetId::Campaign(self.campaign.id, Some(day)),
            BudgetId::Funds(self.advertiser.id),
        ]
    }

    fn budget(&mut self) -> Budget {
        let mut some = |most: usize| match self.rng.below(3) {
            0 => None,
            _ => Some(self.rng.between(0, most) as i64),
        };
        Budget { total: some(600), daily: some(200), ..Budget::NONE }
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0..=37 => self.hold(),
            38..=59 => self.charge(),
            60..=65 => self.release(),
            66..=70 => self.win(),
            71..=80 => {
                let durable = self.rng.chance(0.9);
                self.turn(durable);
            }
            81..=88 => self.pass(),
            89..=91 => {
                // What was bid before a limit came was not bid at its moment.
                self.now = Moment::from_unix_us(self.now.unix_us + 1);
                self.publish();
                self.turn(true);
            }
            92..=95 => self.pay(),
            96 => self.close(),
            _ => self.crash(),
        }
    }

    fn check(&self) {
        for (&id, sums) in &self.model {
            let found = self.book.with_pot((id, USD), |pot| {
                let purse = &pot.purse;
                (purse.spent(), purse.committed() - purse.spent(), purse.ghost())
            });
            let Some(found) = found else {
                // Days that nobody spent on, or of long ago, are not there.
                assert!(id.day().is_some(), "{id:?}");
                continue;
            };
            assert_eq!(found, (sums.spent, sums.held + sums.ghost, sums.ghost), "{id:?} {sums:?}");
            let told = self.ledger.budget(id, USD).map_or(0, |told| told.spent);
            assert_eq!(told, sums.spent, "{id:?} in the ledger");
        }
        let of_lines = |(id, sums): (&BudgetId, &Sums)| match id {
            BudgetId::Line(_, None) => sums.spent,
            _ => 0,
        };
        let lines: i64 = self.model.iter().map(of_lines).sum();
        let campaign = &self.model[&BudgetId::Campaign(self.campaign.id, None)];
        let funds = &self.model[&BudgetId::Funds(self.advertiser.id)];
        assert_eq!((lines, campaign.spent, funds.spent), (self.charged, lines, lines));
        assert_eq!(self.ledger.accounts().iter().map(|(_, nanos)| nanos).sum::<i64>(), 0);
        assert_eq!(self.ledger.breaches().count, 0, "{:?}", self.ledger.breaches());
    }
}

impl Book {
    /// Whether a bid holds anything.
    fn lock_has(&self, bid: BidId) -> bool {
        self.open_with(bid).has(bid)
    }
}

fn play(seed: u64) {
    let mut run = Run::new(seed);
    let steps = run.rng.between(1, 200);
    for _ in 0..steps {
        run.step();
        if run.rng.chance(0.2) {
            run.check();
        }
    }
    run.check();
}

#[test]
fn the_book_is_its_model() {
    let long = std::env::var_os("INTERLUDE_LONG").is_some();
    let short = if cfg!(debug_assertions) { 500 } else { 10_000 };
    let sequences = if long { 1_000_000 } else { short };
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for seed in (thread..sequences).step_by(threads as usize) {
                    let played = std::panic::catch_unwind(|| play(seed));
                    assert!(played.is_ok(), "seed {seed}");
                }
            });
        }
    });
}
