//! Every interleaving of what two or three threads do to one purse: the very file of the house,
//! over loom's atomics.

#![allow(clippy::unwrap_used, reason = "a test that cannot run must fail")]
#![allow(dead_code, reason = "not every model asks everything")]

mod atomics {
    pub use loom::sync::atomic::{AtomicI64, Ordering};
}

#[path = "../src/offer/delivery/purse.rs"]
mod purse;

use loom::sync::{Arc, Mutex};
use loom::thread::{self, JoinHandle};

use purse::Purse;

fn purse(limit: i64, ceiling: i64) -> Arc<Purse> {
    let purse = Purse::new();
    purse.set_limit(limit);
    purse.grant(ceiling);
    Arc::new(purse)
}

fn beside<T: 'static>(
    purse: &Arc<Purse>,
    act: impl FnOnce(&Purse) -> T + 'static,
) -> JoinHandle<T> {
    let purse = Arc::clone(purse);
    thread::spawn(move || act(&purse))
}

/// What a bid does: takes its price, and then is charged or expires.
fn bid(purse: &Purse, price: i64, charge: Option<i64>) -> (i64, bool) {
    let held = purse.take(price);
    match charge {
        Some(charge) if held => purse.spend(price, charge),
        None if held => purse.give_back(price),
        _ => {}
    }
    (if held { charge.unwrap_or(0) } else { 0 }, held)
}

#[test]
fn three_holds_share_one_budget() {
    loom::model(|| {
        let purse = purse(5, 5);
        let others = [beside(&purse, |p| p.take(2)), beside(&purse, |p| p.take(2))];
        let own = purse.take(2);
        let granted = others.into_iter().map(|t| t.join().unwrap());
        let granted = granted.chain([own]).filter(|&granted| granted).count();
        assert_eq!(granted, 2, "neither more than there is, nor less");
        assert_eq!(purse.committed(), 4);
    });
}

#[test]
fn holds_charges_and_expiries_conserve() {
    loom::model(|| {
        let purse = purse(4, 4);
        let charged = beside(&purse, |p| bid(p, 3, Some(2)));
        let expired = beside(&purse, |p| bid(p, 3, None));
        let (spent, _) = charged.join().unwrap();
        expired.join().unwrap();
        assert_eq!((purse.spent(), purse.committed()), (spent, spent));
        assert!(purse.take(4 - spent) && !purse.take(1));
    });
}

#[test]
fn a_lowered_limit_lets_nothing_new_in() {
    loom::model(|| {
        let purse = purse(6, 9);
        let bidder = beside(&purse, |p| (p.take(3), p.take(3)));
        purse.set_limit(2);
        let late = purse.take(1);
        let (first, second) = bidder.join().unwrap();
        let held = 3 * (i64::from(first) + i64::from(second)) + i64::from(late);
        assert_eq!(purse.committed(), held);
        assert!(!late || !first, "who found room for one found none for three");
        assert!(held < 2 || !purse.take(1));
    });
}

#[test]
fn a_lowered_ceiling_is_never_exceeded() {
    loom::model(|| {
        let purse = purse(9, 6);
        let bidders = [beside(&purse, |p| p.take(3)), beside(&purse, |p| p.take(2))];
        // From here on the journal says so.
        let ceiling = purse.lower(1);
        assert!(purse.committed() <= ceiling);
        let granted = bidders.map(|bidder| i64::from(bidder.join().unwrap()));
        assert_eq!(purse.committed(), granted[0] * 3 + granted[1] * 2);
        assert!(purse.committed() <= ceiling);
    });
}

#[test]
fn a_charge_beyond_its_hold_finds_the_limit() {
    loom::model(|| {
        let purse = purse(10, 4);
        assert!(purse.take(4));
        let alone = Arc::new(Mutex::new(()));
        let charge = {
            let alone = Arc::clone(&alone);
            beside(&purse, move |p| {
                let _alone = alone.lock().unwrap();
                p.stretch(5, 1)
            })
        };
        let bidder = beside(&purse, |p| p.take(3));
        {
            let _alone = alone.lock().unwrap();
            purse.grant(8);
        }
        let (charged, held) = (charge.join().unwrap(), bidder.join().unwrap());
        let committed = 4 + 5 * i64::from(charged) + 3 * i64::from(held);
        assert_eq!(purse.committed(), committed);
        assert!(committed <= 11, "never beyond limit and bound");
        assert!(held || !charged || committed == 9, "holds only make room for charges");
    });
}

#[test]
fn a_ghost_is_charged_or_laid_once() {
    loom::model(|| {
        let purse = Purse::new();
        purse.set_limit(10);
        purse.seed(1, 5);
        purse.grant(6);
        let purse = Arc::new(purse);
        let charge = |p: &Purse| {
            let drawn = p.draw(3);
            p.spend(drawn, drawn);
            drawn
        };
        let charges = [beside(&purse, charge), beside(&purse, charge)];
        let laid = purse.lay_ghost();
        let drawn: i64 = charges.map(|charge| charge.join().unwrap()).iter().sum();
        assert_eq!((drawn + laid, purse.ghost()), (4, 0));
        assert_eq!((purse.spent(), purse.committed()), (1 + drawn, 1 + drawn));
    });
}
