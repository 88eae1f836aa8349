//! The purse alone: what it grants, what it refuses, and 64 threads at once.

use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;

use super::{Purse, UNLIMITED};

fn purse(limit: i64, ceiling: i64) -> Purse {
    let purse = Purse::new();
    purse.set_limit(limit);
    purse.grant(ceiling);
    purse
}

#[test]
fn holds_heed_limit_and_lease() {
    let purse = purse(100, 30);
    assert!(purse.take(30));
    assert!(!purse.take(1), "beyond the lease");
    assert!(purse.could_pay(70) && !purse.could_pay(71));
    purse.grant(200);
    assert!(purse.take(70));
    assert!(!purse.take(1), "beyond the limit");
    assert!(!purse.take(-1));
    assert_eq!((purse.committed(), purse.held(), purse.spent()), (100, 100, 0));
    purse.spend(30, 10);
    purse.give_back(70);
    assert_eq!((purse.committed(), purse.held(), purse.spent()), (10, 0, 10));
}

#[test]
fn a_lowered_limit_stops_holds_and_lets_charges_through() {
    let purse = purse(100, 100);
    assert!(purse.take(60));
    purse.set_limit(20);
    assert!(!purse.take(0) && !purse.take(1));
    purse.spend(60, 50);
    assert_eq!((purse.committed(), purse.spent()), (50, 50));
    assert!(!purse.stretch(1, 0));
    purse.set_limit(51);
    assert!(purse.take(1) && !purse.take(1));
}

#[test]
fn a_charge_without_a_hold_finds_lease_and_limit() {
    let purse = purse(100, 20);
    assert!(purse.take(10));
    assert!(purse.stretch(10, 0) && !purse.stretch(1, 0), "within the lease");
    purse.grant(105);
    assert!(purse.stretch(80, 0) && !purse.stretch(1, 0), "within the limit");
    assert!(purse.stretch(4, 4), "a declared bound beyond the limit");
    assert!(!purse.stretch(1, 4));
    assert!(!purse.take(0), "holds never go there");
    purse.set_limit(50);
    assert!(!purse.stretch(1, 4));
}

#[test]
fn a_ceiling_is_lowered_as_far_as_it_is_free() {
    let purse = purse(100, 80);
    assert!(purse.take(30));
    assert_eq!(purse.lower(90), 80, "never raised");
    assert_eq!(purse.lower(50), 50);
    assert_eq!(purse.lower(10), 30, "what is held stays leased");
    assert!(!purse.take(1));
    purse.give_back(30);
    assert_eq!(purse.lower(0), 0);
    purse.grant(100);
    assert!(purse.take(100));
    purse.set_limit(40);
    assert_eq!(purse.lower(0), 100, "holds of a lowered budget stay leased");
}

#[test]
fn after_a_crash_the_lease_stands_as_a_ghost() {
    let purse = Purse::new();
    purse.set_limit(100);
    purse.seed(20, 50);
    assert_eq!((purse.committed(), purse.ghost(), purse.held()), (50, 30, 30));
    assert!(!purse.take(1), "the old lease is not used again");
    purse.grant(100);
    assert!(purse.take(50) && !purse.take(1));
    assert_eq!(purse.draw(20), 20);
    purse.spend(20, 5);
    assert_eq!(purse.draw(20), 10);
    purse.redraw(10);
    assert_eq!(purse.lay_ghost(), 10);
    assert_eq!((purse.draw(1), purse.committed(), purse.spent()), (0, 75, 25));
}

#[test]
fn a_purse_without_a_limit_still_counts() {
    let purse = purse(UNLIMITED, 0);
    assert!(!purse.is_limited() && purse.could_pay(i64::MAX));
    purse.grant(UNLIMITED);
    assert!(purse.stretch(70, 0));
    purse.spend(70, 70);
    purse.set_limit(100);
    assert!(purse.take(30) && !purse.take(1));
}

/// 64 threads on what 1,000 impressions cost, while the lease is raised and lowered beside them.
#[test]
fn sixty_four_threads_never_take_more_than_there_is() {
    const PRICE: i64 = 4_000_000;
    for round in 0..20 {
        let purse = purse(1_000 * PRICE, 0);
        let (inside, granted) = (AtomicI64::new(0), AtomicI64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..64 {
                let (purse, inside, granted) = (&purse, &inside, &granted);
                scope.spawn(move || {
                    let mut misses = 0;
                    while misses < 50 {
                        if !purse.take(PRICE) {
                            misses += 1;
                            std::thread::yield_now();
                            continue;
                        }
                        assert!(inside.fetch_add(1, Ordering::AcqRel) < 1_000);
                        if (thread + round) % 3 == 0 {
                            inside.fetch_sub(1, Ordering::AcqRel);
                            purse.give_back(PRICE);
                            misses += 1;
                        } else {
                            granted.fetch_add(1, Ordering::AcqRel);
                        }
                    }
                });
            }
            for step in 1..=100 {
                purse.grant(step * 10 * PRICE);
                if step % 4 == 0 {
                    purse.lower((step * 10 - 25) * PRICE);
                    purse.grant(step * 10 * PRICE);
                }
            }
        });
        while purse.take(PRICE) {
            granted.fetch_add(1, Ordering::AcqRel);
        }
        assert_eq!(granted.load(Ordering::Acquire), 1_000, "all of it can be granted");
        assert_eq!(purse.committed(), 1_000 * PRICE);
    }
}

proptest! {
    /// Against plain arithmetic: what is granted, refused, and left.
    #[test]
    fn a_purse_is_plain_arithmetic(steps in prop::collection::vec((0..9u8, 0..200i64), 0..80)) {
        let purse = Purse::new();
        let (mut limit, mut ceiling, mut spent, mut held) = (0i64, 0i64, 0i64, 0i64);
        for (step, nanos) in steps {
            let committed = spent + held;
            match step {
                0..=2 => {
                    let fits = committed + nanos <= limit.min(ceiling);
                    prop_assert_eq!(purse.take(nanos), fits);
                    held += if fits { nanos } else { 0 };
                }
                3 => {
                    let part = nanos.min(held);
                    purse.give_back(part);
                    held -= part;
                }
                4 => {
                    let part = nanos.min(held);
                    purse.spend(part, part / 2);
                    (held, spent) = (held - part, spent + part / 2);
                }
                5 => {
                    limit = nanos * 3;
                    purse.set_limit(limit);
                }
                6 => {
                    ceiling = ceiling.max(nanos * 3);
                    purse.grant(nanos * 3);
                }
                7 => {
                    ceiling = ceiling.min(nanos.max(committed));
                    prop_assert_eq!(purse.lower(nanos), ceiling);
                }
                _ => {
                    let fits = committed + nanos <= ceiling.min(limit + 10);
                    prop_assert_eq!(purse.stretch(nanos, 10), fits);
                    held += if fits { nanos } else { 0 };
                }
            }
            prop_assert_eq!((purse.spent(), purse.held()), (spent, held));
            prop_assert_eq!(purse.could_pay(7), spent + held + 7 <= limit);
        }
    }
}
