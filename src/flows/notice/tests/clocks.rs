//! What happens at the edges of time, and when clocks jump (B4, D1).

use std::collections::BTreeMap;

use super::*;
use crate::base::stdx::rng::Rng;

#[tokio::test]
async fn no_copy_is_charged_at_any_edge() {
    let data = tempfile::tempdir().unwrap();
    let mut house = start(data.path(), 10 * HELD);
    assert!(house.bid(1));
    assert_eq!(tell(&house, Kind::Impression, 1, "4").await, Settled::Counted);
    // Around the expiry, around the end of memory, and back again when it was forgotten.
    for (after_s, expected) in [
        (3599, Settled::Duplicate),
        (3600, Settled::Duplicate),
        (3601, Settled::Duplicate),
        (4199, Settled::Duplicate),
        (4200, Settled::Duplicate),
        (4201, Settled::Late),
        (5, Settled::Duplicate),
        (3600, Settled::Duplicate),
    ] {
        for restarts in [false, true] {
            let now = NOW.plus_s(after_s);
            house.till.sweep(now);
            if restarts {
                drop(house);
                house = start_at(data.path(), 10 * HELD, now);
            }
            let copy = ticket(1, Channel::Player);
            let settled = tell_at(&house, Kind::Impression, copy, "4", now).await;
            let again = restarts && expected == Settled::Late;
            let expected = if again { Settled::Duplicate } else { expected };
            assert_eq!((settled, house.money().0), (expected, HELD), "{after_s} {restarts}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_back_makes_nothing_payable_twice() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    assert!(house.bid(1));
    assert_eq!(tell(&house, Kind::Impression, 1, "4").await, Settled::Counted);
    house.till.sweep(NOW.plus_s(86_400));
    assert_eq!(house.till.remembered(), 0);
    assert_eq!(tell(&house, Kind::Impression, 1, "4").await, Settled::Late);
    assert_eq!(tell(&house, Kind::Impression, 1, "4").await, Settled::Duplicate);
    // A bid that is made after the jump has a later expiry, and is charged.
    let later = Ticket { expires: NOW.plus_s(3601), ..ticket(2, Channel::Player) };
    let settled = tell_at(&house, Kind::Impression, later, "4", NOW.plus_s(6)).await;
    assert_eq!((settled, house.money().0), (Settled::Counted, 2 * HELD));
}

/// While a clock is a day ahead, tomorrow's bids come and are forgotten. Back in today, today's
/// are charged as ever, also after a restart, and tomorrow's are charged no more.
#[tokio::test]
async fn an_excursion_to_tomorrow_leaves_today_payable() {
    const DAY_S: i64 = 86_400;
    let data = tempfile::tempdir().unwrap();
    let mut house = start(data.path(), 100 * HELD);
    let at = |bid: u64, made_s: i64| Ticket {
        made: NOW.plus_s(made_s),
        expires: NOW.plus_s(made_s + 60),
        ..ticket(bid, Channel::Player)
    };
    for step in 0..30 {
        let (made_s, bid) = (DAY_S + 300 * step, 100 + step as u64);
        let moment = NOW.plus_s(made_s + 1);
        house.till.sweep(moment);
        let settled = tell_at(&house, Kind::Impression, at(bid, made_s), "4", moment).await;
        assert_eq!(settled, Settled::Counted);
    }
    let mut spent = 30 * HELD;
    for (bid, restarts) in [(1, false), (2, true)] {
        if restarts {
            drop(house);
            house = start_at(data.path(), 100 * HELD, NOW.plus_s(20));
        }
        let settled = tell_at(&house, Kind::Impression, at(bid, 10), "4", NOW.plus_s(20)).await;
        spent += HELD;
        assert_eq!((settled, house.money().0), (Settled::Counted, spent), "{restarts}");
        let again = tell_at(&house, Kind::Impression, at(100, DAY_S), "4", NOW.plus_s(20)).await;
        assert_ne!(again, Settled::Counted, "{restarts}");
        assert_eq!(house.money().0, spent, "{restarts}");
    }
}

/// Any walk of the clock, with sweeps and restarts: each bid is charged at most once, and exactly
/// once where the clock behaves and its first notice comes in time.
#[tokio::test]
async fn random_clocks_charge_no_bid_twice() {
    let long = std::env::var_os("INTERLUDE_LONG").is_some();
    for seed in 0..if long { 400 } else { 12 } {
        let mut rng = Rng::new(seed);
        let wild = seed % 2 == 1;
        let data = tempfile::tempdir().unwrap();
        let mut house = start(data.path(), 10_000 * HELD);
        let (mut now, mut charged) = (NOW, BTreeMap::new());
        let mut spent = 0;
        for _ in 0..200 {
            let step = if wild && rng.chance(0.1) {
                rng.between(0, 200_000) as i64 - 100_000
            } else {
                rng.between(0, 300) as i64
            };
            now = now.plus_s(step);
            match rng.below(8) {
                0 => house.till.sweep(now),
                1 if rng.chance(0.2) => {
                    drop(house);
                    house = start_at(data.path(), 10_000 * HELD, now);
                }
                _ => {
                    // The bids of this quarter of an hour, or of one before.
                    let made_s = (now.unix_s() / 900 - rng.below(6) as i64) * 900;
                    let bid = made_s as u64 * 4 + rng.below(4) as u64;
                    let made = Moment::from_unix_s(made_s);
                    let expires = made.plus_s(3600);
                    let ticket = Ticket { made, expires, ..ticket(bid, Channel::Player) };
                    if rng.chance(0.2) {
                        // Makes the bid known, perhaps when it had been forgotten.
                        let _ = tell_at(&house, Kind::Complete, ticket, "", now).await;
                        continue;
                    }
                    let settled = tell_at(&house, Kind::Impression, ticket, "4", now).await;
                    let charge = house.money().0 - spent;
                    spent += charge;
                    *charged.entry(bid).or_insert(0) += charge;
                    assert!(charged[&bid] <= HELD, "seed {seed}: {bid} was charged twice");
                    assert_eq!(charge > 0, settled == Settled::Counted, "seed {seed}");
                    let in_time = now <= expires;
                    assert!(wild || !in_time || charged[&bid] == HELD, "seed {seed}: {settled:?}");
                }
            }
        }
        drop(house);
        assert_eq!(start_at(data.path(), 10_000 * HELD, now).money().0, spent, "seed {seed}");
    }
}
