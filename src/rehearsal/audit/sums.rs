//! What do the entries add up to? For each budget its limit, its lease and its sum of charges;
//! what stands on an account follows from these three.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::words::{CHARGED, DISPUTED, Event, LATE, Notice, Owner};
use super::{Key, Of, Side};

const FAULTS_NAMED: usize = 100;

#[derive(Default)]
pub(super) struct Sums {
    pub entries: u64,
    purses: HashMap<(Of, [u8; 3]), Purse>,
    owners: HashMap<(u64, [u8; 3]), (u64, u64)>,
    /// Of each line, what billable events came to and was not charged.
    disputed: BTreeMap<(u64, [u8; 3]), i128>,
    /// By currency: paid in less paid back, and given less taken.
    paid: BTreeMap<[u8; 3], (i128, i128)>,
    charged: HashSet<u64>,
    keys: HashSet<String>,
    faults: Vec<String>,
    fault_count: u64,
}

#[derive(Clone, Copy, Default)]
struct Purse {
    limited: bool,
    /// The limit; of an advertiser what was paid in.
    limit: i128,
    over: i128,
    since: i64,
    /// Up to where it may be committed, what is spent included.
    lease: i128,
    spent: i128,
}

impl Purse {
    fn excess(&self) -> i128 {
        if self.limited { self.lease - self.limit - self.over } else { 0 }
    }
}

impl Sums {
    pub fn add(&mut self, event: &Event) {
        self.entries += 1;
        match event {
            Event::Notice(notice) => self.notice(notice),
            Event::Opened(lines) => lines.iter().for_each(|line| self.opened(line)),
            Event::Limits { moment, limits } => {
                for &(of, currency, limit, over) in limits {
                    let purse = self.purses.entry((of, currency)).or_default();
                    purse.limited = limit.is_some();
                    purse.over = over.into();
                    purse.since = *moment;
                    if !matches!(of, Of::Advertiser(_)) {
                        purse.limit = limit.unwrap_or(0).into();
                    }
                }
            }
            Event::Leases { moment, leases } => {
                for &(of, currency, ceiling) in leases {
                    self.lease((of, currency), ceiling.into(), *moment);
                }
            }
            Event::Funds { kind, advertiser, currency, nanos, key } => {
                if !self.keys.insert(key.clone()) {
                    self.fault(format!("funds are moved twice under the key {key}"));
                }
                let amount = if *kind == 1 { -i128::from(*nanos) } else { i128::from(*nanos) };
                let (paid, given) = self.paid.entry(*currency).or_default();
                *if *kind == 2 { given } else { paid } += amount;
                let purse = self.purses.entry((Of::Advertiser(*advertiser), *currency));
                purse.or_default().limit += amount;
            }
            Event::Nothing => {}
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let (charged, due) = (i128::from(notice.charged), i128::from(notice.due));
        let bid = notice.bid;
        if charged < 0 || charged > due || (charged != 0 && notice.effect != CHARGED) {
            self.fault(format!("bid {bid:016x} is charged {charged} nanos of {due} due"));
        }
        if matches!(notice.effect, CHARGED | DISPUTED | LATE) {
            *self.disputed.entry((notice.line, notice.currency)).or_default() += due - charged;
        }
        if notice.effect != CHARGED {
            return;
        }
        if !self.charged.insert(bid) {
            self.fault(format!("bid {bid:016x} is charged twice"));
        }
        let owner = self.owners.get(&(notice.line, notice.currency)).copied();
        let said = |own: u64, known: Option<u64>| if own == 0 { known } else { Some(own) };
        let campaign = said(notice.campaign, owner.map(|owner| owner.0));
        let advertiser = said(notice.advertiser, owner.map(|owner| owner.1));
        let budgets = [
            Some(Of::Line(notice.line)),
            Some(Of::LineDay(notice.line, notice.day)),
            campaign.map(Of::Campaign),
            campaign.map(|campaign| Of::CampaignDay(campaign, notice.day)),
            advertiser.map(Of::Advertiser),
        ];
        for of in budgets.into_iter().flatten() {
            if charged == 0 {
                continue;
            }
            let purse = self.purses.entry((of, notice.currency)).or_default();
            purse.spent += charged;
            let beyond = purse.spent > purse.lease;
            purse.lease = purse.lease.max(purse.spent);
            let excess = purse.excess();
            if beyond && excess > 0 && notice.made >= purse.since {
                let key = Key { side: Side::Spent, of, currency: notice.currency };
                self.fault(format!("bid {bid:016x} brings {key} {excess} nanos over its limit"));
            }
        }
    }

    /// What a line spent while nobody had said whose it is counts for its owners from now on.
    fn opened(&mut self, line: &Owner) {
        let (campaign, advertiser) = (line.campaign, line.advertiser);
        let before = self.owners.insert((line.line, line.currency), (campaign, advertiser));
        if let Some(before) = before {
            if before != (campaign, advertiser) {
                self.fault(format!("line {:016x} changes its owner", line.line));
            }
            return;
        }
        let spent = self.purses.get(&(Of::Line(line.line), line.currency)).map_or(0, |p| p.spent);
        if spent != 0 {
            for of in [Of::Campaign(campaign), Of::Advertiser(advertiser)] {
                let purse = self.purses.entry((of, line.currency)).or_default();
                purse.spent += spent;
                purse.lease += spent;
            }
        }
    }

    fn lease(&mut self, (of, currency): (Of, [u8; 3]), ceiling: i128, moment: i64) {
        let purse = self.purses.entry((of, currency)).or_default();
        let raised = ceiling > purse.lease;
        purse.lease = ceiling;
        let (excess, spent) = (purse.excess(), purse.spent);
        let late = moment >= purse.since;
        let key = Key { side: Side::Held, of, currency };
        if raised && excess > 0 && late {
            self.fault(format!("a lease brings {key} {excess} nanos over its limit"));
        }
        if ceiling < spent {
            self.fault(format!("a lease of {ceiling} nanos for {key} is below {spent} spent"));
        }
    }

    pub fn charges(&self) -> u64 {
        self.charged.len() as u64
    }

    pub fn fault(&mut self, text: String) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_NAMED {
            self.faults.push(format!("entry {}: {text}", self.entries));
        }
    }

    pub fn into_faults(self) -> (Vec<String>, u64) {
        (self.faults, self.fault_count)
    }

    /// Every account that is not at nought.
    pub fn balances(&self) -> BTreeMap<Key, i128> {
        let mut all = BTreeMap::new();
        for (&(of, currency), purse) in &self.purses {
            let granted = if matches!(of, Of::Advertiser(_)) { 0 } else { -purse.limit };
            let sides = [
                (Side::Granted, granted),
                (Side::Free, purse.limit - purse.lease),
                (Side::Held, purse.lease - purse.spent),
                (Side::Spent, purse.spent),
            ];
            for (side, nanos) in sides {
                all.insert(Key { side, of, currency }, nanos);
            }
        }
        for (&currency, &(paid, given)) in &self.paid {
            all.insert(Key { side: Side::Bank, of: Of::All, currency }, -paid);
            all.insert(Key { side: Side::WrittenOff, of: Of::All, currency }, -given);
        }
        for (&(line, currency), &nanos) in &self.disputed {
            all.insert(Key { side: Side::Disputed, of: Of::Line(line), currency }, nanos);
            let claimed = Key { side: Side::Claimed, of: Of::All, currency };
            *all.entry(claimed).or_default() -= nanos;
        }
        all.retain(|_, nanos| *nanos != 0);
        all
    }
}
