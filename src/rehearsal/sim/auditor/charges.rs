//! Was each bid charged once, rightly, and within every budget that it counts against?

use std::collections::HashMap;

use jiff::civil::Date;

use super::{Auditor, Findings, Notice, Offered, journal};

/// One budget: of a line, a campaign or an account, in all or for a day.
type Purse = (u8, u32, Option<Date>);

#[derive(Default)]
struct Spent {
    nanos: i64,
    /// The most that it was ever beyond what it might be.
    beyond: i64,
}

impl Auditor {
    pub(super) fn check_charges(&self, notices: &[Notice], findings: &mut Findings) {
        let mut charged: HashMap<u64, u32> = HashMap::new();
        let mut spent: HashMap<Purse, Spent> = HashMap::new();
        let billed = |notice: &&Notice| notice.effect == journal::CHARGED;
        for notice in notices.iter().filter(billed) {
            let Some(&number) = self.by_id.get(&notice.bid) else {
                findings.fault(format!("a charge for bid {:016x}, never made", notice.bid));
                findings.overspend_nanos += notice.charged;
                continue;
            };
            let bid = &self.bids[number as usize];
            let times = charged.entry(notice.bid).or_insert(0);
            *times += 1;
            if *times > 1 {
                findings.charged_twice += 1;
                findings.fault(format!("bid {:016x} was charged {times} times", notice.bid));
            }
            self.check_one(bid, notice, findings);
            self.check_budgets(bid, notice, &mut spent);
            findings.spent[bid.line as usize] += notice.charged;
        }
        let unpaid = |notice: &&Notice| {
            notice.effect == journal::DISPUTED || billed(notice) && notice.charged < notice.due
        };
        for notice in notices.iter().filter(unpaid) {
            self.check_dispute(notice, findings);
        }
        let mut over: Vec<(&Purse, &Spent)> = spent.iter().filter(|(_, s)| s.beyond > 0).collect();
        over.sort_unstable_by_key(|(purse, _)| **purse);
        for ((level, index, day), spent) in over {
            findings.overspend_nanos += spent.beyond;
            let level = ["line", "campaign", "account"][usize::from(*level)];
            let day = day.map_or_else(String::new, |day| format!(" on {day}"));
            let Spent { nanos, beyond } = spent;
            findings.fault(format!("{level} {index}{day}: {nanos} spent, {beyond} too much"));
        }
    }

    /// The charge of one notice against its bid and what was told.
    fn check_one(&self, bid: &Offered, notice: &Notice, findings: &mut Findings) {
        let mut fault = |what: String| {
            findings.fault(format!("the charge of bid {:016x}: {what}", bid.id));
        };
        let account = self.lines[bid.line as usize].account as usize;
        let held = converted(bid.nanos, &bid.currency, self.accounts[account].currency);
        let price = notice.price.clamp(0, bid.nanos);
        let due = up(i128::from(held) * i128::from(price), i128::from(bid.nanos));
        if notice.due != due {
            let told = notice.price;
            fault(format!("{} for a price of {told}, {due} would be right", notice.due));
        }
        if notice.charged > due {
            fault(format!("{} of {due} that were due", notice.charged));
        }
        if notice.event != bid.billable {
            fault(format!("for event {}, which is not its billable one", notice.event));
        }
        if notice.moment_us > bid.expires_us {
            fault(format!("{} us too late", notice.moment_us - bid.expires_us));
        }
        if notice.line != self.lines[bid.line as usize].id.0 {
            fault("to another line".to_owned());
        }
        if let Some(day) = notice.day
            && self.day(self.lines[bid.line as usize].account, bid.moment_us).map(days) != Some(day)
        {
            fault(format!("to day {day}, which is not its own"));
        }
        // A player's notice may go by the price that the win told before.
        let tells = |text: &String| cpm(text).unwrap_or(bid.nanos) == notice.price;
        let told = bid.told.iter().flat_map(|told| &told.prices).any(tells);
        if !told && notice.price != bid.nanos {
            fault(format!("a price of {} that nobody told", notice.price));
        }
    }

    fn check_budgets(&self, bid: &Offered, notice: &Notice, spent: &mut HashMap<Purse, Spent>) {
        let line = &self.lines[bid.line as usize];
        let day = self.day(line.account, bid.moment_us);
        let until = bid.told(notice.event).map_or(bid.seen, |told| told.last_seen);
        let span = (bid.seen, until);
        let campaign = &self.campaigns[line.campaign as usize];
        for (level, index, orders) in [(0, bid.line, &line.orders), (1, line.campaign, campaign)] {
            let tolerance = orders.most(span, |budget| {
                let of = budget.daily.or(budget.total).unwrap_or(0);
                Some(if budget.expected { of / 100 } else { 0 })
            });
            let limits = [
                (None, orders.most(span, |budget| budget.total)),
                (day, orders.most(span, |budget| budget.daily)),
            ];
            for (day, limit) in limits {
                let most = limit.map(|limit| limit.saturating_add(tolerance.unwrap_or(0)));
                spent.entry((level, index, day)).or_default().add(notice.charged, most);
            }
        }
        let funds = &self.accounts[line.account as usize].funds;
        if !funds.is_empty() {
            // What went back before the bid was made was not there for it.
            let from = funds.partition_point(|(seen, _)| *seen <= bid.seen).saturating_sub(1);
            let paid = funds[from..].iter().filter(|(seen, _)| *seen <= until);
            let paid = paid.map(|(_, sum)| *sum);
            let purse = spent.entry((2, line.account, None)).or_default();
            purse.add(notice.charged, Some(paid.max().unwrap_or(0)));
        }
    }

    /// A billable event in time may go unpaid only where its hold had rightly ended, or where
    /// holds are not whole.
    fn check_dispute(&self, notice: &Notice, findings: &mut Findings) {
        let Some(&number) = self.by_id.get(&notice.bid) else { return };
        let bid = &self.bids[number as usize];
        let line = &self.lines[bid.line as usize];
        let until = bid.told(notice.event).map_or(bid.seen, |told| told.last_seen);
        let expected =
            [&line.orders, &self.campaigns[line.campaign as usize]].iter().any(|orders| {
                orders.most((bid.seen, until), |b| Some(i64::from(b.expected))) == Some(1)
            });
        if !expected && !bid.may_have_ended(notice.event) {
            let Offered { id, moment_us, expires_us, win_by_us, .. } = bid;
            let after = |at_us: i64| at_us - moment_us;
            let told: Vec<(u8, i64)> =
                bid.told.iter().map(|told| (told.event, after(told.first_us))).collect();
            findings.fault(format!(
                "bid {id:016x} of line {} was disputed in time, though its hold had not ended: \
                 {} us after it was made, to be won within {:?}, to expire after {}; told {told:?}",
                bid.line,
                after(notice.moment_us),
                win_by_us.map(after),
                after(*expires_us)
            ));
        }
    }
}

impl Spent {
    /// `most`: what may be spent of it by then.
    fn add(&mut self, nanos: i64, most: Option<i64>) {
        self.nanos += nanos;
        if let Some(most) = most {
            self.beyond = self.beyond.max(self.nanos - most);
        }
    }
}

/// Days since 1970.
fn days(date: Date) -> i32 {
    let since = date.since(Date::constant(1970, 1, 1));
    since.map_or(i32::MIN, |span| span.get_days())
}

/// The exchanges' own table of what a unit is worth.
fn billionths(currency: &str) -> i128 {
    match currency {
        "EUR" => 1_100_000_000,
        "GBP" => 1_300_000_000,
        "JPY" => 6_500_000,
        _ => 1_000_000_000,
    }
}

fn converted(nanos: i64, from: &str, to: &str) -> i64 {
    if from == to {
        return nanos;
    }
    up(i128::from(nanos) * billionths(from), billionths(to))
}

fn up(amount: i128, by: i128) -> i64 {
    ((amount + by - 1) / by) as i64
}

/// A price as an exchange writes one: digits, a point, at most six more.
fn cpm(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !digits(whole) || !digits(part) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    Some(whole * 1_000_000 + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_as_they_are_written() {
        for (text, nanos) in [
            ("0", Some(0)),
            ("1.25", Some(1_250_000)),
            ("12.000001", Some(12_000_001)),
            ("-1", None),
            ("1,2", None),
            ("", None),
            ("AUDIT", None),
        ] {
            assert_eq!(cpm(text), nanos, "{text}");
        }
    }

    #[test]
    fn conversion_goes_up() {
        assert_eq!(converted(10, "USD", "USD"), 10);
        assert_eq!(converted(10, "EUR", "USD"), 11);
        assert_eq!(converted(1, "USD", "EUR"), 1);
        assert_eq!(converted(12, "USD", "EUR"), 11);
    }
}
