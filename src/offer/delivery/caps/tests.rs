//! Caps against a naive counter: every window looked at, every refusal justified.

mod log;
mod restarts;

use super::rules::Owner;
use super::*;
use crate::base::stdx::rng::Rng;
use crate::base::units::calendar::{Calendar, Unit};
use crate::base::units::ids::{AdvertiserId, CampaignId};
use crate::knowledge::catalog::model::{Cap, Window};
use crate::market::outcome::Refusal;
use rules::{OfCreative, Rule};

const NOW: i64 = 1_800_000_000;
const DAY: u32 = 86_400;
const WEEK: u32 = 7 * DAY;
const MONTH: u32 = 30 * DAY;

fn long() -> bool {
    std::env::var_os("INTERLUDE_LONG").is_some()
}

fn small() -> Config {
    Config { slots: 1 << 14, ..Config::default() }
}

fn owner(line: u64) -> Owner {
    Owner { line: LineId(line), campaign: CampaignId(line / 2), advertiser: AdvertiserId(1) }
}

fn set(calendar: &Arc<Calendar>, caps: &[Cap]) -> Arc<CapSet> {
    let rules = caps.iter().map(|&cap| Rule::new(Level::Line, 1, cap, NOW + 86_400 * 90));
    Arc::new(CapSet::new(owner(1), calendar, rules.collect(), Vec::new()).unwrap())
}

fn ask(mark: u64, at_s: i64) -> CapAsk {
    let moment = Moment::from_unix_us(at_s * 1_000_000 + 999_999 * (at_s & 1));
    CapAsk { creative: CreativeIx(0), mark: ListenerMark(mark), moment }
}

/// Bids at these seconds that were let through, all of them heard.
fn heard(caps: &[Cap], at: impl Iterator<Item = i64>) -> Vec<i64> {
    let set = set(&Arc::new(Calendar::utc()), caps);
    let all = Caps::new(&small());
    at.filter(|&at_s| all.take(&set, &ask(1, at_s)).is_ok()).collect()
}

fn most_in_any(times: &[i64], window_s: i64) -> usize {
    let within =
        |from: usize| times[from..].iter().take_while(move |&&t| t < times[from] + window_s);
    (0..times.len()).map(|from| within(from).count()).max().unwrap_or(0)
}

fn calendar(impressions: u16, unit: Unit) -> Cap {
    Cap { impressions, window: Window::Calendar(unit) }
}

/// The usual default: 5 a day, 35 a week, 50 a month; a listener who could always be met.
#[test]
fn five_a_day_thirty_five_a_week_and_fifty_a_month() {
    let caps = [Cap::rolling(5, DAY), Cap::rolling(35, WEEK), Cap::rolling(50, MONTH)];
    let times = heard(&caps, (0..120 * 144).map(|n| NOW + n * 600));
    assert_eq!(most_in_any(&times, DAY.into()), 5);
    assert_eq!(most_in_any(&times, WEEK.into()), 35);
    assert_eq!(most_in_any(&times, MONTH.into()), 50);
    // Of four months all but the steps is used.
    assert!(times.len() >= 4 * 50 * 8 / 9, "{}", times.len());
    let caps = [Unit::Day, Unit::Week, Unit::Month];
    let caps: Vec<Cap> = caps.into_iter().zip([5, 35, 50]).map(|(u, n)| calendar(n, u)).collect();
    // From the first of a month.
    let first = Calendar::utc().span(Unit::Month, Moment::from_unix_s(NOW)).from.unix_s();
    let times = heard(&caps, (0..30 * 144).map(|n| first + n * 600));
    assert_eq!(times.len(), 50);
}

/// One listener heard one spot 37 times in three days.
#[test]
fn nobody_hears_a_spot_thirty_seven_times_in_three_days() {
    // Three sessions of four hours, a chance every ten minutes and more.
    let sessions = (0..3).flat_map(|day| (0..37).map(move |n| NOW + day * 86_400 + n * 390));
    let capped = |caps: &[Cap]| heard(caps, sessions.clone()).len();
    assert_eq!(capped(&[Cap::rolling(u16::MAX, DAY)]), 3 * 37);
    assert_eq!(capped(&[calendar(5, Unit::Day)]), 15);
    assert_eq!(capped(&[Cap::rolling(10, 3 * DAY)]), 10);
    assert!(capped(&[Cap::rolling(5, DAY)]) <= 15);
    assert_eq!(capped(&[Cap { impressions: 7, window: Window::Flight }]), 7);
}

/// In no span of the window's length are there more than the cap says, holds that were given
/// back apart; and who is refused had them in a span that is a step longer.
#[test]
fn a_rolling_window_holds_in_every_span_and_is_a_step_too_strict_at_most() {
    let rounds = if long() { 20_000 } else { 400 };
    for round in 0..rounds {
        let mut rng = Rng::new(round);
        let window_s = [60, 61, 3600, DAY, WEEK, MONTH][rng.below(6)];
        let most = 1 + rng.below(12) as u16;
        let set = set(&Arc::new(Calendar::utc()), &[Cap::rolling(most, window_s)]);
        let step_s = i64::from(window_s / if most <= 8 { 64 } else { 8 }).max(1);
        let window_s = i64::from(window_s);
        let all = Caps::new(&small());
        let (mut now_s, mut open) = (NOW + rng.below(1000) as i64, Vec::new());
        let mut counted: Vec<i64> = Vec::new();
        for _ in 0..300 {
            now_s += rng.below(1 + window_s as usize / usize::from(most)) as i64;
            let within = |span_s| counted.iter().filter(|&&t| t > now_s - span_s).count();
            match all.take(&set, &ask(7, now_s)) {
                Ok(taken) => {
                    // A real moment lies up to a second behind the whole one.
                    assert!(within(window_s + 1) < most.into(), "round {round}");
                    counted.push(now_s);
                    if rng.below(3) == 0 {
                        open.push((now_s, taken));
                    }
                }
                Err(_) => {
                    assert!(within(window_s + step_s) >= most.into(), "round {round}");
                }
            }
            if rng.below(4) == 0 && !open.is_empty() {
                let (at, taken) = open.swap_remove(rng.below(open.len()));
                all.give_back(&taken);
                let place = counted.iter().position(|&t| t == at).unwrap();
                counted.remove(place);
            }
        }
    }
}

/// The calendar's windows to the second, over changes of the clock and ends of months.
#[test]
fn a_calendar_window_is_exact() {
    let rounds = if long() { 200 } else { 4 };
    let zones = ["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "UTC", "America/Havana"];
    for (zone, round) in zones.into_iter().flat_map(|zone| (0..rounds).map(move |n| (zone, n))) {
        let days = Arc::new(Calendar::of(zone).unwrap());
        for unit in [Unit::Hour, Unit::Day, Unit::Week, Unit::Month] {
            let mut rng = Rng::new(round);
            let most = 1 + rng.below(9) as u16;
            let set = set(&days, &[calendar(most, unit)]);
            let all = Caps::new(&small());
            // From autumn 2011: Samoa's missing day, changes of the clock, a leap year.
            let mut now_s = 1_317_000_000 + rng.below(1_000_000) as i64;
            let (mut span, mut count) = (days.span(unit, Moment::from_unix_s(now_s)), 0);
            for _ in 0..2000 {
                let length = (span.until.unix_s() - span.from.unix_s()) as usize;
                now_s += match rng.below(10) {
                    0 => (span.until.unix_s() - now_s - 1).max(0),
                    _ => rng.below(length / usize::from(most) / 2 + 2) as i64,
                };
                let moment = Moment::from_unix_s(now_s);
                if !span.contains(moment) {
                    (span, count) = (days.span(unit, moment), 0);
                }
                let taken = all.take(&set, &ask(3, now_s)).is_ok();
                assert_eq!(taken, count < most, "{zone} {unit:?} at {now_s}");
                count += u16::from(taken);
            }
        }
    }
}

#[test]
fn a_bid_takes_all_its_places_or_none() {
    let days = Arc::new(Calendar::utc());
    let tight = set(&days, &[Cap::rolling(9, 60), Cap::rolling(9, DAY), Cap::rolling(1, WEEK)]);
    let loose = set(&days, &[Cap::rolling(9, 60), Cap::rolling(9, DAY)]);
    let all = Caps::new(&small());
    let first = all.take(&tight, &ask(1, NOW)).unwrap();
    for _ in 0..20 {
        assert_eq!(all.take(&tight, &ask(1, NOW)).unwrap_err(), Refusal::Capped);
    }
    // The refused ones have left nothing behind.
    assert_eq!((0..20).filter(|_| all.take(&loose, &ask(1, NOW)).is_ok()).count(), 8);
    all.give_back(&first);
    assert_eq!((0..20).filter(|_| all.take(&loose, &ask(1, NOW)).is_ok()).count(), 1);
}

#[test]
fn levels_count_across_lines_and_creatives_apart() {
    let days = Arc::new(Calendar::utc());
    let of = |line: u64| {
        let owner = owner(line);
        let rule = |level, target, most| Rule::new(level, target, Cap::rolling(most, DAY), 0);
        let creative = |n: u32| OfCreative {
            creative: CreativeIx(n),
            mark: n,
            rules: [rule(Level::Creative, n.into(), 2)].into(),
        };
        let rules = vec![
            rule(Level::Line, line, 3),
            rule(Level::Campaign, owner.campaign.0, 4),
            rule(Level::Advertiser, owner.advertiser.0, 6),
        ];
        Arc::new(CapSet::new(owner, &days, rules, vec![creative(1), creative(2)]).unwrap())
    };
    // Two lines of one campaign, one of another, all of one advertiser.
    let [a, b, c] = [2, 3, 4].map(of);
    let all = Caps::new(&small());
    let met = |set: &Arc<CapSet>, creative| {
        let ask = CapAsk { creative: CreativeIx(creative), ..ask(1, NOW) };
        let room = all.has_room(set, &ask).is_ok();
        assert_eq!(all.take(set, &ask).is_ok(), room);
        room
    };
    assert!(met(&a, 1) && met(&b, 1), "the creative twice, in two lines");
    assert!(!met(&c, 1), "no third time, anywhere");
    assert!(met(&a, 2) && met(&a, 0), "three times the line");
    assert!(!met(&a, 0) && !met(&b, 0), "the campaign has four");
    assert!(met(&c, 2) && met(&c, 0));
    assert!(!met(&c, 0), "the advertiser has six");
    let stats = all.stats();
    let capped: Vec<u64> = stats[..4].iter().map(|(_, n)| *n).collect();
    assert_eq!(capped, [2, 2, 2, 2], "{stats:?}");
}

#[test]
fn of_equal_windows_the_least_cap_counts_and_a_bid_counts_once() {
    let caps = [Cap::rolling(9, DAY), Cap::rolling(2, DAY), Cap::rolling(5, DAY)];
    assert_eq!(heard(&caps, [NOW; 20].into_iter()).len(), 2);
    let caps = [Cap::rolling(9, DAY), Cap::rolling(9, DAY)];
    assert_eq!(heard(&caps, [NOW; 20].into_iter()).len(), 9);
}

#[test]
fn another_cap_on_the_same_window_goes_on_from_what_was_counted() {
    let days = Arc::new(Calendar::utc());
    let [three, five] = [3, 5].map(|n| set(&days, &[calendar(n, Unit::Day)]));
    let all = Caps::new(&small());
    (0..3).for_each(|_| drop(all.take(&three, &ask(1, NOW)).unwrap()));
    assert_eq!((0..9).filter(|_| all.take(&five, &ask(1, NOW)).is_ok()).count(), 2);
    assert!(all.take(&three, &ask(1, NOW)).is_err());
}

/// The clock is set back: what was counted still counts; time goes on where it was.
#[test]
fn a_clock_that_goes_back_opens_nothing() {
    let caps = [Cap::rolling(2, 3600), calendar(3, Unit::Day)];
    let set = set(&Arc::new(Calendar::utc()), &caps);
    let all = Caps::new(&small());
    (0..2).for_each(|_| drop(all.take(&set, &ask(1, NOW)).unwrap()));
    for back in [1, 10, 3599, 7200, 40_000] {
        assert!(all.take(&set, &ask(1, NOW - back)).is_err(), "{back}");
    }
}

#[test]
fn a_flight_counts_until_it_is_over_for_a_month() {
    let end_s = NOW + 86_400 * 90;
    let flight = Cap { impressions: 1, window: Window::Flight };
    let set = set(&Arc::new(Calendar::utc()), &[flight]);
    let all = Caps::new(&small());
    all.take(&set, &ask(1, NOW)).unwrap();
    let kept_s = rules::FLIGHT_KEPT_S;
    assert!(all.take(&set, &ask(1, end_s + kept_s - 1)).is_err());
    assert!(all.has_room(&set, &ask(1, end_s + kept_s)).is_ok());
}
