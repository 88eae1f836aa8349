//! Did anybody hear anything more often than was ordered?

use std::collections::HashMap;

use jiff::ToSpan as _;

use super::super::plan::Cap;
use super::{Auditor, Findings, Notice, journal};

/// What a cap counts for: the level, its index, and one listener.
type Counted<'a> = (u8, u32, &'a str);

impl Auditor {
    /// Counts impressions that came in time and whose holds had not rightly ended before, by the
    /// moment of their bids. Each time that the clock was set back begins a new count: before
    /// and after it the same hour is another.
    pub(super) fn check_caps(&self, notices: &[Notice], findings: &mut Findings) {
        let mut heard: HashMap<Counted<'_>, Vec<(u32, i64)>> = HashMap::new();
        let impression = super::number_of("impression");
        let told = |effect: u8| effect == journal::COUNTED || effect == journal::CHARGED;
        for notice in notices.iter().filter(|n| n.event == impression && told(n.effect)) {
            let Some(&number) = self.by_id.get(&notice.bid) else { continue };
            let bid = &self.bids[number as usize];
            let Some(listener) = &bid.listener else { continue };
            if bid.may_have_ended(impression) {
                continue;
            }
            let line = &self.lines[bid.line as usize];
            let levels = [(0, bid.line), (1, bid.line), (2, line.campaign), (3, line.account)];
            for (level, index) in levels {
                let counted = heard.entry((level, index, listener)).or_default();
                // A ticket tells whole seconds.
                counted.push((bid.set_back, bid.moment_us.div_euclid(1_000_000) * 1_000_000));
            }
        }
        let mut heard: Vec<_> = heard.into_iter().collect();
        heard.sort_unstable_by_key(|(counted, _)| *counted);
        for ((level, index, _), mut times) in heard {
            times.sort_unstable();
            let (account, caps) = match level {
                0 | 1 => {
                    let line = &self.lines[index as usize];
                    (line.account, &line.caps[usize::from(level)])
                }
                2 => {
                    let of =
                        |account: &&super::AccountOrder| account.campaign_caps.contains_key(&index);
                    let account = self.accounts.iter().position(|a| of(&a)).unwrap_or(0);
                    (account as u32, &self.accounts[account].campaign_caps[&index])
                }
                _ => (index, &self.accounts[index as usize].caps),
            };
            for cap in caps {
                let most = self.most_within(account, cap, &times);
                if most > usize::from(cap.impressions) {
                    let level = ["line", "creative", "campaign", "account"][usize::from(level)];
                    let (per, capped) = (cap.per, cap.impressions);
                    let at: Vec<i64> = times.iter().map(|(_, at)| at / 1_000_000).collect();
                    findings.fault(format!(
                        "{level} {index}: one listener heard it {most} times in a {per}, capped \
                         at {capped}: bids of {at:?}"
                    ));
                }
            }
        }
    }

    /// The most impressions within one window.
    fn most_within(&self, account: u32, cap: &Cap, times: &[(u32, i64)]) -> usize {
        let mut most = 0;
        for (i, &(set_back, from)) in times.iter().enumerate() {
            let end = match (cap.per, cap.calendar) {
                ("flight", _) => i64::MAX,
                (per, true) => self.end_of(account, per, from).unwrap_or(from),
                (per, false) => from.saturating_add(seconds(per) * 1_000_000),
            };
            let within = |&&(other, at): &&(u32, i64)| other == set_back && at < end;
            most = most.max(times[i..].iter().take_while(within).count());
        }
        most
    }

    /// When the calendar's hour, day, week or month of a moment ends.
    fn end_of(&self, account: u32, per: &str, from_us: i64) -> Option<i64> {
        let zone = &self.accounts[account as usize].zone;
        let at = jiff::Timestamp::from_microsecond(from_us).ok()?.to_zoned(zone.clone());
        let end = match per {
            // Hours are counted from midnight: where a clock is set by half an hour (Lord Howe),
            // those of the rest of that day are not the wall clock's.
            "hour" => {
                let midnight_s = at.start_of_day().ok()?.timestamp().as_second();
                let hours = (from_us.div_euclid(1_000_000) - midnight_s).div_euclid(3600);
                let end_s = midnight_s + (hours + 1) * 3600;
                let next_s = at.end_of_day().ok()?.timestamp().as_second() + 1;
                return Some(end_s.min(next_s) * 1_000_000);
            }
            "day" => at.end_of_day().ok()?,
            "week" => {
                let left = 7 - i64::from(at.weekday().to_monday_one_offset());
                at.checked_add(left.days()).ok()?.end_of_day().ok()?
            }
            _ => at.last_of_month().ok()?.end_of_day().ok()?,
        };
        Some(end.timestamp().as_microsecond())
    }
}

fn seconds(per: &str) -> i64 {
    match per {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        "week" => 7 * 86_400,
        _ => 30 * 86_400,
    }
}
