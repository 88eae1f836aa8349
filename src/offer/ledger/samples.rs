//! Entries for tests: one notice, and whole journals by chance.

use super::account::{BudgetId, Day, Hour};
use super::entry::{
    Conflict, Effect, Entry, Funds, FundsKind, Lease, Leases, Limit, Limits, NoticeEntry, Opened,
    OpenedLine, Reconciled, ReconciledLine, Started, Stopped, Tally, TallyLine,
};
use super::fold::Ledger;
use crate::base::stdx::rng::Rng;
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;
use crate::market::notice::{Kind, PriceRule};
use crate::market::outcome::Refusal;
use crate::market::ticket::BidId;

/// A billable notice of bid 77 for line 7 that comes to `due` dollars' nanos.
pub(crate) fn notice(kind: Kind, effect: Effect, due: i64) -> NoticeEntry {
    let charged = if effect == Effect::Charged { due } else { 0 };
    NoticeEntry {
        kind,
        effect,
        rule: PriceRule::AsTold,
        moment: Moment::from_unix_s(1_800_000_030),
        made: Moment::from_unix_s(1_800_000_000),
        day: 20_833,
        bid: BidId(77),
        line: LineId(7),
        campaign: Some(CampaignId(8)),
        advertiser: Some(AdvertiserId(9)),
        creative: 5,
        exchange: ExchangeIx(2),
        price: Money::new(4, Currency::EUR),
        charged: Money::new(charged, Currency::USD),
        due_nanos: due,
        held_nanos: due,
        expires: Moment::from_unix_s(1_800_003_600),
        rates: 3,
        loss: -1,
        min_to_win: -1,
        billable: due != 0,
        conflict: None,
    }
}

/// Entries by chance: two advertisers, four campaigns, eight lines, and all that can happen.
pub(crate) struct Chance {
    pub rng: Rng,
    now: i64,
    bids: u64,
}

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance { rng: Rng::new(seed), now: 1_800_000_000, bids: 0 }
    }

    /// Entries that follow one another without a fault, and the ledger that they make.
    pub fn journal(&mut self, entries: usize) -> (Vec<Entry>, Ledger) {
        let (mut all, mut ledger) = (Vec::new(), Ledger::default());
        while all.len() < entries {
            let entry = self.entry(&ledger);
            if ledger.apply(&entry).is_ok() {
                all.push(entry);
            }
        }
        (all, ledger)
    }

    /// An entry that may follow; one in ten or so must not.
    pub fn entry(&mut self, ledger: &Ledger) -> Entry {
        self.now += self.rng.below(400) as i64;
        let moment = Moment::from_unix_s(self.now);
        match self.rng.below(20) {
            0 => Entry::Opened(Opened { moment, lines: self.lines() }),
            1 | 2 => Entry::Limits(Limits { moment, limits: self.limits() }),
            3..=6 => Entry::Leases(Leases { moment, leases: self.leases(ledger) }),
            7 => Entry::Funds(self.funds(moment)),
            8 => Entry::Tally(self.tally(moment)),
            9 if self.rng.chance(0.3) => Entry::Reconciled(self.reconciled(moment)),
            9 => {
                let epoch = self.rng.next_u64();
                let restored = self.rng.chance(0.5);
                Entry::Started(Started { moment, epoch, program: "1.2.3".to_owned(), restored })
            }
            10 if self.rng.chance(0.2) => Entry::Stopped(Stopped { moment, epoch: 4 }),
            _ => Entry::Notice(self.notice(moment)),
        }
    }

    fn line(&mut self) -> (LineId, CampaignId, AdvertiserId) {
        let line = self.rng.below(8) as u64;
        (LineId(line), CampaignId(100 + line / 2), AdvertiserId(200 + line / 4))
    }

    fn currency(&mut self) -> Currency {
        if self.rng.chance(0.9) { Currency::USD } else { Currency::EUR }
    }

    fn lines(&mut self) -> Vec<OpenedLine> {
        (0..self.rng.between(1, 3))
            .map(|_| {
                let (line, campaign, advertiser) = self.line();
                let currency = self.currency();
                OpenedLine { line, campaign, advertiser, currency, path: format!("a/b/{line}") }
            })
            .collect()
    }

    fn budget(&mut self) -> BudgetId {
        let (line, campaign, advertiser) = self.line();
        let day = self.rng.chance(0.5).then(|| self.day());
        match self.rng.below(5) {
            0 => BudgetId::Funds(advertiser),
            1 | 2 => BudgetId::Campaign(campaign, day),
            _ => BudgetId::Line(line, day),
        }
    }

    fn day(&mut self) -> Day {
        (self.now / 86_400) as Day
    }

    fn limits(&mut self) -> Vec<Limit> {
        (0..self.rng.between(1, 4))
            .map(|_| {
                let budget = self.budget();
                let is_funds = matches!(budget, BudgetId::Funds(_));
                let most = if is_funds { 1 } else { 100_000 };
                let limited = self.rng.chance(0.8);
                Limit {
                    budget,
                    currency: self.currency(),
                    nanos: limited.then(|| self.rng.below(most) as i64),
                    over: if self.rng.chance(0.2) { 500 } else { 0 },
                }
            })
            .collect()
    }

    fn leases(&mut self, ledger: &Ledger) -> Vec<Lease> {
        (0..self.rng.between(1, 4))
            .map(|_| {
                let (budget, currency) = (self.budget(), self.currency());
                let spent = ledger.budget(budget, currency).map_or(0, |budget| budget.spent);
                let ceiling = spent + self.rng.below(5_000) as i64 - 50;
                Lease { budget, currency, ceiling }
            })
            .collect()
    }

    fn funds(&mut self, moment: Moment) -> Funds {
        let kind = *self.rng.pick(FundsKind::ALL).unwrap();
        let sign = if kind == FundsKind::Correction && self.rng.chance(0.5) { -1 } else { 1 };
        let amount = sign * self.rng.below(50_000) as i64;
        Funds {
            kind,
            moment,
            advertiser: self.line().2,
            name: "cafe".to_owned(),
            amount: Money::new(amount, self.currency()),
            key: format!("key-{}", self.rng.below(5000)),
            author: "operator".to_owned(),
            memo: "añadido".to_owned(),
        }
    }

    fn tally(&mut self, moment: Moment) -> Tally {
        let lines = (0..self.rng.between(1, 3))
            .map(|_| TallyLine {
                line: self.line().0,
                currency: self.currency(),
                matched: self.rng.below(1000) as u32,
                bids: self.rng.below(100) as u32,
                refusals: vec![(Refusal::Paced, 3), (Refusal::Capped, self.rng.below(9) as u32)],
            })
            .collect();
        Tally { moment, hour: Hour::of(moment), lines }
    }

    fn reconciled(&mut self, moment: Moment) -> Reconciled {
        let line = ReconciledLine {
            line: self.line().0,
            currency: self.currency(),
            from: Hour(1),
            until: Hour(2),
            ours: 3,
            theirs: 4,
            ours_nanos: 5,
            theirs_nanos: -6,
        };
        let (exchange, author) = ("demo".to_owned(), "o".to_owned());
        Reconciled { moment, exchange, report: self.rng.next_u64(), author, lines: vec![line] }
    }

    fn notice(&mut self, moment: Moment) -> NoticeEntry {
        let (line, campaign, advertiser) = self.line();
        let (is_old, currency) = (self.rng.chance(0.1), self.currency());
        let kind = *self.rng.pick(Kind::ALL).unwrap();
        let billable = self.rng.chance(0.5);
        let effect = match (billable, self.rng.below(10)) {
            (true, 0..6) => Effect::Charged,
            (true, 6) => Effect::Disputed,
            (_, 7) => Effect::Late,
            (_, 8) => Effect::Test,
            (_, 9) => Effect::Conflict,
            _ => Effect::Counted,
        };
        let due = if billable { self.rng.below(3000) as i64 } else { 0 };
        let charged = if effect == Effect::Charged { due } else { 0 };
        // Mostly a bid of its own, sometimes one that was told of before.
        self.bids += u64::from(self.rng.chance(0.8));
        let made = moment.plus_s(-(self.rng.below(3600) as i64));
        NoticeEntry {
            kind,
            effect,
            moment,
            made,
            day: made.unix_s().div_euclid(86_400) as Day,
            bid: BidId(self.bids),
            line,
            campaign: (!is_old).then_some(campaign),
            advertiser: (!is_old).then_some(advertiser),
            charged: Money::new(charged, currency),
            due_nanos: due,
            billable,
            expires: made.plus_s(3600),
            conflict: (effect == Effect::Conflict).then_some(Conflict::Price),
            ..notice(kind, effect, due)
        }
    }
}
