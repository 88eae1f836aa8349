//! Was every promise kept? What the clients saw, against what the journal says.
//!
//! Shares no code with the ledger, the book or the till: it keeps from the outside which bids it
//! was offered, which notices were acknowledged and what was ordered when; days come from jiff;
//! the journal's bytes are read by a decoder of its own ([`journal`]). Asked once, at the end.

mod caps;
mod charges;
mod journal;

use journal::EVENTS;
pub use journal::{Books, Notice, read};

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::plan::{Budget, Plan};
use crate::base::units::ids::LineId;

/// What the world outside knows.
#[derive(Default)]
pub struct Auditor {
    /// How many things it has seen; orders them, whatever clocks say.
    seen: u64,
    bids: Vec<Offered>,
    by_id: HashMap<u64, u32>,
    acknowledged: Vec<Acknowledged>,
    lines: Vec<LineOrder>,
    by_crid: HashMap<String, u32>,
    campaigns: Vec<Orders>,
    accounts: Vec<AccountOrder>,
    /// When the process began anew, as numbers of what was seen.
    starts: Vec<u64>,
    /// How often the clock was set back.
    set_back: u32,
}

/// One bid as the exchange got it.
#[derive(Clone, Debug)]
pub struct Offered {
    pub id: u64,
    /// The auditor's number of the line.
    pub line: u32,
    pub nanos: i64,
    pub currency: String,
    /// The process's clock when it bid.
    pub moment_us: i64,
    /// No notice may be charged after this.
    pub expires_us: i64,
    /// When an unwon hold may end; `None`: not before it expires.
    pub win_by_us: Option<i64>,
    pub listener: Option<String>,
    /// The billable event's number.
    pub billable: u8,
    told: Vec<Told>,
    seen: u64,
    set_back: u32,
}

/// One kind of notice of one bid, as it was told.
#[derive(Clone, Debug)]
struct Told {
    event: u8,
    prices: Vec<String>,
    first_us: i64,
    last_us: i64,
    /// When the first that got its 2xx was told: what a crash swallowed is no sign.
    kept_us: Option<i64>,
    /// How often the clock had been set back by then.
    set_back: u32,
    last_seen: u64,
}

#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    bid: u32,
    event: u8,
    how: How,
}

/// What a 2xx said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    Counted,
    Disputed,
    Late,
    Again,
    /// An audit of a URL: promises nothing.
    Audit,
}

/// What was ordered when.
#[derive(Clone, Default, Debug)]
struct Orders(Vec<(u64, Budget)>);

struct LineOrder {
    id: LineId,
    campaign: u32,
    account: u32,
    orders: Orders,
    caps: [Vec<super::plan::Cap>; 2],
}

struct AccountOrder {
    zone: TimeZone,
    currency: &'static str,
    /// Of the account itself and of each campaign.
    caps: Vec<super::plan::Cap>,
    campaign_caps: HashMap<u32, Vec<super::plan::Cap>>,
    /// What was paid ahead, and when; empty: on account.
    funds: Vec<(u64, i64)>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    pub acknowledged: u64,
    /// Acknowledged, but not in the journal.
    pub lost: u64,
    pub charged_twice: u64,
    /// Beyond what was promised: the budget, or an expected budget's declared bound.
    pub overspend_nanos: i64,
    pub conservation_error_nanos: i64,
    /// Spent by line, in the order of the plan.
    pub spent: Vec<i64>,
    /// Every broken promise, in words.
    pub faults: Vec<String>,
}

/// What the process says of a line when all is over.
#[derive(Clone, Copy, Debug)]
pub struct LineBook {
    pub spent: i64,
    pub held: i64,
}

impl Orders {
    fn set(&mut self, seen: u64, budget: Budget) {
        if self.0.last().is_none_or(|(_, known)| *known != budget) {
            self.0.push((seen, budget));
        }
    }

    /// The most that `which` said between two moments; `None`: without limit at some time.
    fn most(&self, (from, to): (u64, u64), which: impl Fn(&Budget) -> Option<i64>) -> Option<i64> {
        let start = self.0.partition_point(|(seen, _)| *seen <= from).saturating_sub(1);
        let in_effect = self.0[start..].iter().take_while(|(seen, _)| *seen <= to);
        in_effect
            .map(|(_, budget)| which(budget))
            .try_fold(i64::MIN, |most, limit| Some(most.max(limit?)))
    }
}

impl Auditor {
    /// What is ordered from now on.
    pub fn orders(&mut self, plan: &Plan) {
        self.seen += 1;
        let seen = self.seen;
        let (mut campaign, mut line) = (0, 0);
        for (a, account) in plan.accounts.iter().enumerate() {
            if self.accounts.len() == a {
                self.accounts.push(AccountOrder {
                    zone: TimeZone::get(account.zone).unwrap_or(TimeZone::UTC),
                    currency: account.currency,
                    caps: account.caps.clone(),
                    campaign_caps: HashMap::new(),
                    funds: Vec::new(),
                });
            }
            for of_campaign in &account.campaigns {
                if self.campaigns.len() == campaign {
                    self.campaigns.push(Orders::default());
                    let caps = of_campaign.caps.clone();
                    self.accounts[a].campaign_caps.insert(campaign as u32, caps);
                }
                self.campaigns[campaign].set(seen, of_campaign.budget);
                for of_line in &of_campaign.lines {
                    if self.lines.len() == line {
                        let crid = account.crid(of_campaign, of_line);
                        self.by_crid.insert(crid, line as u32);
                        self.lines.push(LineOrder {
                            id: LineId::of(&account.key, &of_campaign.key, &of_line.key),
                            campaign: campaign as u32,
                            account: a as u32,
                            orders: Orders::default(),
                            caps: [of_line.caps.clone(), of_line.creative_caps.clone()],
                        });
                    }
                    self.lines[line].orders.set(seen, of_line.budget);
                    line += 1;
                }
                campaign += 1;
            }
        }
    }

    /// Money came in (or, below nought, went back).
    pub fn paid(&mut self, account: usize, nanos: i64) {
        self.seen += 1;
        let before = self.accounts[account].funds.last().map_or(0, |(_, sum)| *sum);
        self.accounts[account].funds.push((self.seen, before + nanos));
    }

    pub fn started(&mut self) {
        self.seen += 1;
        self.starts.push(self.seen);
    }

    pub fn clock_was_set(&mut self, by_us: i64) {
        self.set_back += u32::from(by_us < 0);
    }

    /// The number of the line that plays this creative.
    pub fn line_of(&self, crid: &str) -> Option<u32> {
        self.by_crid.get(crid).copied()
    }

    /// A bid arrived at the exchange; its number.
    pub fn offered(&mut self, mut bid: Offered) -> u32 {
        self.seen += 1;
        (bid.seen, bid.set_back) = (self.seen, self.set_back);
        let number = self.bids.len() as u32;
        self.by_id.insert(bid.id, number);
        self.bids.push(bid);
        number
    }

    /// A notice with a genuine ticket reached the process, when its clock said `moment_us`.
    pub fn told(&mut self, bid: u32, (event, price): (&str, &str), moment_us: i64) {
        self.seen += 1;
        let (event, seen, set_back) = (number_of(event), self.seen, self.set_back);
        let told = &mut self.bids[bid as usize].told;
        let known = match told.iter_mut().find(|told| told.event == event) {
            Some(known) => known,
            None => {
                let (prices, last_seen, first_us) = (Vec::new(), 0, moment_us);
                let (last_us, kept_us) = (moment_us, None);
                told.push(Told { event, prices, first_us, last_us, kept_us, set_back, last_seen });
                told.last_mut().unwrap_or_else(|| unreachable!("it was just pushed"))
            }
        };
        (known.last_seen, known.last_us) = (seen, moment_us);
        if !known.prices.iter().any(|known| known == price) {
            known.prices.push(price.to_owned());
        }
    }

    /// A notice got its 2xx.
    pub fn acknowledged(&mut self, bid: u32, event: &str, how: How) {
        let event = number_of(event);
        self.acknowledged.push(Acknowledged { bid, event, how });
        let told = self.bids[bid as usize].told.iter_mut().find(|told| told.event == event);
        if let Some(told) = told {
            told.kept_us.get_or_insert(told.last_us);
        }
    }

    /// All promises against the journal's notices and what the process says of its lines.
    pub fn audit(&self, books: &Books, book: &dyn Fn(LineId) -> LineBook) -> Findings {
        let notices = &books.notices[..];
        let mut findings = Findings { spent: vec![0; self.lines.len()], ..Findings::default() };
        self.check_acknowledged(notices, &mut findings);
        self.check_charges(notices, &mut findings);
        self.check_caps(notices, &mut findings);
        for (line, &spent) in self.lines.iter().zip(&findings.spent.clone()) {
            let LineBook { spent: booked, held } = book(line.id);
            let error = (booked - spent).abs() + held.abs();
            if error != 0 {
                findings.conservation_error_nanos += error;
                findings.fault(format!(
                    "line {}: the journal charged {spent}, the book says {booked} and still \
                     holds {held}",
                    line.id
                ));
            }
        }
        findings
    }

    fn check_acknowledged(&self, notices: &[Notice], findings: &mut Findings) {
        // What is told again long after its ticket's end may be written down as late once more.
        let mut kept: HashMap<(u64, u8), u8> = HashMap::new();
        for notice in notices.iter().filter(|notice| notice.effect != journal::CONFLICT) {
            let effects = kept.entry((notice.bid, notice.event)).or_insert(0);
            let late = 1 << journal::LATE;
            if *effects & !late != 0 && notice.effect != journal::LATE {
                findings.fault(format!(
                    "{} of bid {:016x} took effect twice",
                    name_of(notice.event),
                    notice.bid
                ));
            }
            *effects |= 1 << notice.effect;
        }
        for acknowledged in &self.acknowledged {
            findings.acknowledged += 1;
            let bid = &self.bids[acknowledged.bid as usize];
            let effects = kept.get(&(bid.id, acknowledged.event));
            let wanted = match acknowledged.how {
                How::Audit => continue,
                How::Again => None,
                How::Counted if acknowledged.event == bid.billable => Some(journal::CHARGED),
                How::Counted => Some(journal::COUNTED),
                How::Disputed => Some(journal::DISPUTED),
                How::Late => Some(journal::LATE),
            };
            let told = || format!("{} of bid {:016x}", name_of(acknowledged.event), bid.id);
            match effects {
                None => {
                    findings.lost += 1;
                    findings.fault(format!(
                        "{} was acknowledged ({:?}) and is not in the journal",
                        told(),
                        acknowledged.how
                    ));
                }
                Some(&effects) if wanted.is_some_and(|wanted| effects & 1 << wanted == 0) => {
                    findings.fault(format!(
                        "{} was acknowledged as {:?}, the journal has effects {effects:b}",
                        told(),
                        acknowledged.how
                    ));
                }
                Some(_) => {}
            }
        }
    }

    fn day(&self, account: u32, moment_us: i64) -> Option<Date> {
        let at = jiff::Timestamp::from_microsecond(moment_us).ok()?;
        Some(at.to_zoned(self.accounts[account as usize].zone.clone()).date())
    }
}

impl Findings {
    fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }
}

impl Offered {
    /// A bid that was just made; the auditor sets the rest.
    pub fn new(id: u64, line: u32, nanos: i64, currency: &str) -> Offered {
        Offered {
            id,
            line,
            nanos,
            currency: currency.to_owned(),
            moment_us: 0,
            expires_us: 0,
            win_by_us: None,
            listener: None,
            billable: 0,
            told: Vec::new(),
            seen: 0,
            set_back: 0,
        }
    }

    fn told(&self, event: u8) -> Option<&Told> {
        self.told.iter().find(|told| told.event == event)
    }

    /// Whether its hold may have ended before `event` first came, by the rules that are public:
    /// no sign of a win within the window, a loss, an ad that was not used, a clock set back.
    fn may_have_ended(&self, event: u8) -> bool {
        const WIN: u8 = 0;
        const LOSS: u8 = 2;
        const NOT_USED: u8 = 15;
        let first = self.told(event).map_or(i64::MAX, |told| told.first_us);
        let told_before = |other: u8| self.told(other).is_some_and(|told| told.first_us <= first);
        let unwon = self.win_by_us.is_some_and(|by| {
            // Told after a clock was set back, it looks earlier than it was.
            let in_time = |told: &Told| {
                let in_time = told.kept_us.is_some_and(|kept_us| kept_us <= by);
                told.event != LOSS && told.set_back == self.set_back && in_time
            };
            // Every sign that it was won counts, the win itself first of all.
            !self.told(WIN).is_some_and(in_time) && !self.told.iter().any(in_time)
        });
        // Before a clock was set back it may have shown any end.
        let set_back = self.told(event).is_some_and(|told| told.set_back != self.set_back);
        set_back || unwon || told_before(LOSS) || told_before(NOT_USED)
    }
}

pub(super) fn number_of(event: &str) -> u8 {
    EVENTS.iter().position(|known| *known == event).map_or(u8::MAX, |at| at as u8)
}

fn name_of(event: u8) -> &'static str {
    EVENTS.get(usize::from(event)).copied().unwrap_or("an unknown event")
}
