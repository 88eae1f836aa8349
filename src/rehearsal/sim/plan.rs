//! What do the advertisers order? Accounts, campaigns, lines and budgets of a seed, and how they
//! change while they run. Written as the campaign file that production reads; cold.

use serde_json::{Value, json};

use super::Kind;
use super::summary::LineStory;
use crate::base::stdx::rng::Rng;
use crate::base::units::ids::LineId;

/// What is ordered now.
#[derive(Clone, Debug)]
pub struct Plan {
    pub accounts: Vec<Account>,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub key: String,
    pub currency: &'static str,
    pub zone: &'static str,
    /// What was paid ahead, in nanos; `None`: on account.
    pub prepaid: Option<i64>,
    pub caps: Vec<Cap>,
    pub campaigns: Vec<Campaign>,
}

#[derive(Clone, Debug)]
pub struct Campaign {
    pub key: String,
    pub budget: Budget,
    pub caps: Vec<Cap>,
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub key: String,
    /// Nanos of the account's currency for one impression.
    pub bid: i64,
    pub budget: Budget,
    pub caps: Vec<Cap>,
    pub creative_caps: Vec<Cap>,
    pub shape: &'static str,
    /// How busy the hours of each day are, where it is given.
    pub traffic: Option<[u32; 24]>,
    pub paused: bool,
    /// Unix seconds, the end excluded.
    pub flight: Option<(i64, i64)>,
}

/// Nanos of the account's currency.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Budget {
    pub total: Option<i64>,
    pub daily: Option<i64>,
    pub expected: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cap {
    pub impressions: u16,
    pub per: &'static str,
    pub calendar: bool,
}

/// The zones of the accounts: half hours, quarters, both hemispheres, and none.
pub(super) const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Auckland",
    "Asia/Tokyo",
    "UTC",
];

/// Currencies with what a dollar's worth of them is, as the stage's table of rates has it.
const CURRENCIES: [(&str, f64); 3] = [("USD", 1.0), ("EUR", 1.1), ("GBP", 1.3)];

const PERIODS: [&str; 6] = ["minute", "hour", "day", "week", "month", "flight"];

impl Plan {
    /// The orders of a seed; the first account lives in `zone`.
    pub fn draw(rng: &mut Rng, kind: Kind, zone: &'static str, flight: (i64, i64)) -> Plan {
        let accounts = match kind {
            Kind::Storm => rng.between(2, 4),
            Kind::Season => 3,
            Kind::Delivery(delivery) => return delivery.plan(flight),
        };
        let accounts = (0..accounts).map(|i| Account::draw(rng, kind, i, flight));
        let mut plan = Plan { accounts: accounts.collect() };
        // Of one account at least, the storm's midnight is the end of its day.
        plan.accounts[0].zone = zone;
        plan
    }

    /// The campaign file.
    pub fn text(&self) -> String {
        let accounts: Vec<Value> = self.accounts.iter().map(Account::json).collect();
        json!({ "advertisers": accounts }).to_string()
    }

    fn lines(&self) -> impl Iterator<Item = (&Account, &Campaign, &Line)> {
        self.accounts.iter().flat_map(|account| {
            account.campaigns.iter().flat_map(move |campaign| {
                campaign.lines.iter().map(move |line| (account, campaign, line))
            })
        })
    }

    /// The lines before anything has happened.
    pub fn stories(&self) -> Vec<LineStory> {
        let story = |(account, campaign, line): (&Account, &Campaign, &Line)| LineStory {
            name: account.crid(campaign, line),
            id: LineId::of(&account.key, &campaign.key, &line.key),
            currency: account.currency,
            budget: line.budget.total,
            shape: line.shape,
            points: Vec::new(),
        };
        self.lines().map(story).collect()
    }

    /// What was spent of what was ordered, as the mean over the lines with a total budget.
    pub fn spend_to_budget(&self, spent: &[i64]) -> f64 {
        let parts = self.lines().zip(spent).filter_map(|((_, _, line), &spent)| {
            Some(spent as f64 / line.budget.total.filter(|&total| total > 0)? as f64)
        });
        let parts: Vec<f64> = parts.collect();
        parts.iter().sum::<f64>() / parts.len().max(1) as f64
    }

    /// Somebody changes an order: a budget up or down, a pause, a bid.
    pub fn edit(&mut self, rng: &mut Rng) {
        let a = rng.below(self.accounts.len());
        let account = &mut self.accounts[a];
        let c = rng.below(account.campaigns.len());
        let campaign = &mut account.campaigns[c];
        let l = rng.below(campaign.lines.len());
        let line = &mut campaign.lines[l];
        match rng.below(6) {
            0 => line.paused = !line.paused,
            1 => line.bid = scaled(line.bid, 0.7 + 0.6 * rng.unit()),
            2 => campaign.budget.change(rng),
            _ => line.budget.change(rng),
        }
    }
}

/// The part of an amount, in whole CPM cents: what a person would write.
fn scaled(nanos: i64, by: f64) -> i64 {
    ((nanos as f64 * by / 10_000.0) as i64).max(1) * 10_000
}

impl Budget {
    fn change(&mut self, rng: &mut Rng) {
        // Down to what is surely overspent by then, up to twice as much.
        let by = if rng.chance(0.5) { 0.1 + 0.8 * rng.unit() } else { 1.0 + rng.unit() };
        for amount in [&mut self.total, &mut self.daily].into_iter().flatten() {
            *amount = scaled(*amount, by);
        }
    }

    fn json(self) -> Option<Value> {
        if self.total.is_none() && self.daily.is_none() {
            return None;
        }
        let mut budget = json!({ "mode": if self.expected { "expected" } else { "strict" } });
        for (word, amount) in [("total", self.total), ("daily", self.daily)] {
            if let Some(nanos) = amount {
                budget[word] = json!(decimal(nanos));
            }
        }
        Some(budget)
    }
}

/// Nanos as a decimal of nine places.
fn decimal(nanos: i64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

impl Account {
    fn draw(rng: &mut Rng, kind: Kind, number: usize, flight: (i64, i64)) -> Account {
        let (currency, worth) = CURRENCIES[rng.below(CURRENCIES.len())];
        let key = format!("a{number}");
        let storm = kind == Kind::Storm;
        let campaigns = (0..if storm { rng.between(1, 2) } else { 1 })
            .map(|c| Campaign::draw(rng, kind, (c, worth), flight))
            .collect();
        Account {
            key,
            currency,
            zone: ZONES[rng.below(ZONES.len())],
            prepaid: (storm && rng.chance(0.3)).then(|| scaled(200_000_000, 0.3 + rng.unit())),
            caps: caps(rng, if storm { 0.2 } else { 0.0 }),
            campaigns,
        }
    }

    fn json(&self) -> Value {
        let lines = self.campaigns.iter().flat_map(|c| c.lines.iter().map(move |l| (c, l)));
        let creatives = lines.map(|(campaign, line)| {
            let crid = self.crid(campaign, line);
            let mut creative = json!({
                "crid": crid,
                "duration": 15,
                "language": "en",
                "click_through": "https://brand.example/",
                "renditions": [
                    { "url": "https://cdn.example/spot.mp3", "bitrate": 128 },
                    { "url": "https://cdn.example/spot.ogg", "bitrate": 96 },
                ],
            });
            set_caps(&mut creative, &line.creative_caps);
            creative
        });
        let mut account = json!({
            "key": self.key,
            "domains": [format!("{}.example", self.key)],
            "currency": self.currency,
            "time_zone": self.zone,
            "creatives": creatives.collect::<Vec<_>>(),
            "campaigns": self.campaigns.iter().map(|c| c.json(self)).collect::<Vec<_>>(),
        });
        if self.prepaid.is_some() {
            account["prepaid"] = json!(true);
        }
        set_caps(&mut account, &self.caps);
        account
    }

    /// The creative that only this line plays.
    pub fn crid(&self, campaign: &Campaign, line: &Line) -> String {
        format!("{}.{}.{}", self.key, campaign.key, line.key)
    }
}

impl Campaign {
    fn draw(rng: &mut Rng, kind: Kind, (number, worth): (usize, f64), flight: (i64, i64)) -> Self {
        let storm = kind == Kind::Storm;
        let lines = if storm { rng.between(1, 3) } else { 2 };
        let lines: Vec<Line> =
            (0..lines).map(|l| Line::draw(rng, kind, (l, worth), flight)).collect();
        let mut budget = Budget::default();
        if storm && rng.chance(0.5) {
            let of_lines: i64 = lines.iter().filter_map(|line| line.budget.total).sum();
            let most = scaled(of_lines.max(50_000_000), 0.4 + 0.8 * rng.unit());
            budget.total = rng.chance(0.7).then_some(most);
            budget.daily = rng.chance(0.5).then(|| scaled(most, 0.3 + 0.5 * rng.unit()));
            budget.expected = budget.daily.is_some() && rng.chance(0.4);
        }
        let caps = caps(rng, if storm { 0.2 } else { 0.0 });
        Campaign { key: format!("c{number}"), budget, caps, lines }
    }

    fn json(&self, account: &Account) -> Value {
        let lines = self.lines.iter().map(|line| line.json(account.crid(self, line)));
        let mut campaign = json!({ "key": self.key, "lines": lines.collect::<Vec<_>>() });
        if let Some(budget) = self.budget.json() {
            campaign["budget"] = budget;
        }
        set_caps(&mut campaign, &self.caps);
        campaign
    }
}

impl Line {
    fn draw(rng: &mut Rng, kind: Kind, (number, worth): (usize, f64), flight: (i64, i64)) -> Line {
        // Dollars of CPM, in the account's currency.
        let bid = scaled(1_000_000, (4.0 + 6.0 * rng.unit()) / worth);
        let storm = kind == Kind::Storm;
        let days = (flight.1 - flight.0) as f64 / 86_400.0;
        let impressions = if storm { rng.between(4, 60) as f64 } else { 600.0 * days };
        let most = scaled(bid, impressions);
        let mut budget = Budget { total: Some(most), daily: None, expected: false };
        if storm {
            budget.total = rng.chance(0.85).then_some(most);
            budget.daily = rng.chance(0.5).then(|| scaled(most, 0.2 + 0.6 * rng.unit()));
            budget.expected = budget.daily.is_some() && rng.chance(0.4);
        }
        let shapes = if storm { ["asap", "even", "front"] } else { ["even", "even", "front"] };
        let weights = if storm { 3 } else { 2 };
        Line {
            key: format!("l{number}"),
            bid,
            budget,
            caps: caps(rng, if storm { 0.4 } else { 0.2 }),
            creative_caps: caps(rng, if storm { 0.1 } else { 0.0 }),
            shape: shapes[rng.below(weights)],
            traffic: None,
            paused: storm && rng.chance(0.05),
            flight: (!storm || rng.chance(0.5)).then_some(flight),
        }
    }

    fn json(&self, crid: String) -> Value {
        let mut line = json!({
            "key": self.key,
            "bid_cpm": format!("{}.{:06}", self.bid / 1_000_000, self.bid % 1_000_000),
            "paused": self.paused,
            "pacing": { "shape": self.shape },
            "creatives": [crid],
        });
        if let Some(budget) = self.budget.json() {
            line["budget"] = budget;
        }
        if let Some(hours) = &self.traffic {
            line["pacing"]["traffic"] = json!(hours.repeat(7));
        }
        if let Some((start, end)) = self.flight {
            line["flight"] = json!({ "start": instant(start), "end": instant(end) });
        }
        set_caps(&mut line, &self.caps);
        line
    }
}

fn instant(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s).map_or_else(|_| String::new(), |at| at.to_string())
}

/// With a chance, one or two caps of distinct windows.
fn caps(rng: &mut Rng, chance: f64) -> Vec<Cap> {
    if !rng.chance(chance) {
        return Vec::new();
    }
    let mut caps: Vec<Cap> = Vec::new();
    for _ in 0..rng.between(1, 2) {
        let per = PERIODS[rng.below(PERIODS.len())];
        if caps.iter().all(|cap| cap.per != per) {
            let calendar = per != "flight" && per != "minute" && rng.chance(0.5);
            caps.push(Cap { impressions: rng.between(1, 3) as u16, per, calendar });
        }
    }
    caps
}

fn set_caps(owner: &mut Value, caps: &[Cap]) {
    if caps.is_empty() {
        return;
    }
    let caps = caps.iter().map(|cap| match cap.per {
        "flight" => json!({ "impressions": cap.impressions, "per": cap.per }),
        per => json!({
            "impressions": cap.impressions,
            "per": per,
            "window": if cap.calendar { "calendar" } else { "rolling" },
        }),
    });
    owner["caps"] = json!(caps.collect::<Vec<_>>());
}
