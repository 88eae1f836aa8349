//! What comes again, or contradicts what came before (B1, B2, B3, B14).

use proptest::prelude::*;

use super::*;
use crate::offer::ledger::{Conflict, Effect, Entry, NoticeEntry};

/// What stands in the journal, when it is closed.
fn written(house: House, data: &Path) -> Vec<NoticeEntry> {
    drop(house);
    let mut all = Vec::new();
    let mut visit = |bytes: &[u8]| {
        if let Entry::Notice(entry) = Entry::decode(bytes).map_err(|fault| fault.to_string())? {
            all.push(entry);
        }
        Ok(())
    };
    crate::base::journal::read(&data.join("journal"), &mut visit).unwrap();
    all
}

#[tokio::test]
async fn a_thousand_copies_are_one_charge() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 2 * HELD);
    assert!(house.bid(1) && house.bid(2));
    for kind in [Kind::Win, Kind::Billing, Kind::Impression, Kind::Complete] {
        assert_eq!(tell(&house, kind, 1, "4").await, Settled::Counted);
    }
    for _ in 0..1000 {
        assert_eq!(tell(&house, Kind::Impression, 1, "4").await, Settled::Duplicate);
    }
    assert_eq!((house.money(), house.conflicts()), ((HELD, HELD), [0, 0, 0]));
    let house = {
        let entries = written(house, data.path());
        assert_eq!(entries.len(), 4, "copies are not written");
        assert!(entries.iter().all(|entry| entry.conflict.is_none()));
        start(data.path(), 2 * HELD)
    };
    assert_eq!(tell(&house, Kind::Impression, 1, "4").await, Settled::Duplicate);
    assert_eq!(house.money(), (HELD, 0));
}

#[tokio::test]
async fn a_contradicting_copy_is_recorded_once_and_counted_each_time() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    assert!(house.bid(1) && house.bid(2));
    assert_eq!(tell(&house, Kind::Impression, 1, "2").await, Settled::Counted);
    for price in ["3", "1", "3", "9"] {
        assert_eq!(tell(&house, Kind::Impression, 1, price).await, Settled::Duplicate);
    }
    // Neither the same price nor none contradicts.
    for price in ["2", "2.0", "", "${AUCTION_PRICE}", "x", "AUDIT"] {
        let settled = tell(&house, Kind::Impression, 1, price).await;
        assert!(settled.acknowledged(), "{price}");
    }
    assert_eq!((house.money().0, house.conflicts()), (HELD / 2, [4, 0, 0]));
    // Without a price first, then with one: what was charged is not what is told.
    assert_eq!(tell(&house, Kind::Impression, 2, "").await, Settled::Counted);
    assert_eq!(tell(&house, Kind::Impression, 2, "4").await, Settled::Duplicate);
    assert_eq!(house.conflicts(), [4, 0, 0], "what was signed was told");
    assert_eq!(tell(&house, Kind::Impression, 2, "1").await, Settled::Duplicate);
    assert_eq!(house.conflicts(), [5, 0, 0]);
    assert_eq!(house.tally().impressions, 2);

    let conflicts = written(house, data.path())
        .into_iter()
        .filter(|entry| entry.conflict == Some(Conflict::Price))
        .collect::<Vec<_>>();
    assert_eq!(conflicts.len(), 2);
    for (entry, (bid, nanos)) in conflicts.iter().zip([(1, 3_000_000), (2, 1_000_000)]) {
        assert_eq!((entry.bid, entry.price.nanos), (BidId(bid), nanos));
        assert_eq!((entry.effect, entry.charged.nanos, entry.due_nanos), (Effect::Conflict, 0, 0));
    }
    // A restart neither books it nor forgets who came first.
    let house = start(data.path(), 10 * HELD);
    assert_eq!((house.money().0, house.tally().impressions), (HELD / 2 + HELD, 2));
    assert_eq!(tell(&house, Kind::Impression, 1, "2").await, Settled::Duplicate);
    assert_eq!(house.conflicts(), [0, 0, 0]);
    assert_eq!(tell(&house, Kind::Impression, 1, "3").await, Settled::Duplicate);
    assert_eq!((house.money().0, house.conflicts()), (HELD / 2 + HELD, [1, 0, 0]));
}

#[tokio::test]
async fn wins_and_losses_of_one_bid_contradict_each_other() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    let order = [
        (1, Kind::Win, Kind::Loss, [0, 1, 0]),
        (2, Kind::Loss, Kind::Win, [0, 1, 1]),
        (3, Kind::Loss, Kind::Impression, [0, 1, 2]),
        (4, Kind::Billing, Kind::Loss, [0, 2, 2]),
        (5, Kind::Start, Kind::Loss, [0, 2, 2]),
        (6, Kind::Loss, Kind::Click, [0, 2, 2]),
    ];
    for (bid, first, second, conflicts) in order {
        assert!(house.bid(bid));
        assert_eq!(tell(&house, first, bid, "4").await, Settled::Counted);
        assert_eq!(tell(&house, second, bid, "4").await, Settled::Counted);
        assert_eq!(house.conflicts(), conflicts, "{first:?}, then {second:?}");
    }
    // The loss had given back what was held; the impression is charged from what there is.
    assert_eq!(house.money().0, HELD);
    let of = |entries: &[NoticeEntry], conflict| {
        let found = entries.iter().filter(|entry| entry.conflict == Some(conflict));
        found.map(|entry| (entry.bid.0, entry.kind)).collect::<Vec<_>>()
    };
    let entries = written(house, data.path());
    let after_win = of(&entries, Conflict::LossAfterWin);
    assert_eq!(after_win, [(1, Kind::Loss), (4, Kind::Loss)]);
    let after_loss = of(&entries, Conflict::WinAfterLoss);
    assert_eq!(after_loss, [(2, Kind::Win), (3, Kind::Impression)]);
}

#[tokio::test]
async fn an_entry_says_all_that_its_notice_did() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), HELD);
    assert!(house.bid(1));
    let told = NOW.plus_s(5);
    assert_eq!(tell(&house, Kind::Win, 1, "3").await, Settled::Counted);
    assert_eq!(tell(&house, Kind::Impression, 1, "2").await, Settled::Counted);
    assert_eq!(tell(&house, Kind::Impression, 2, "4").await, Settled::Disputed);
    let late = tell_at(&house, Kind::Impression, ticket(3, Channel::Player), "1", NOW.plus_s(3601));
    assert_eq!(late.await, Settled::Late);
    let test = Ticket { test: true, ..ticket(4, Channel::Player) };
    assert_eq!(tell_at(&house, Kind::Impression, test, "1", told).await, Settled::Counted);
    // A test that comes late is a test.
    let test = Ticket { test: true, ..ticket(5, Channel::Player) };
    let settled = tell_at(&house, Kind::Impression, test, "1", NOW.plus_s(4000)).await;
    assert_eq!((settled, house.tally().disputed), (Settled::Counted, 2));
    let home = Ticket { price: Money::new(5, Currency::USD), ..ticket(6, Channel::Exchange) };
    assert_eq!(tell_at(&house, Kind::Loss, home, "", told).await, Settled::Counted);
    let all = written(house, data.path());
    let expected = [
        (Kind::Win, Effect::Counted, PriceRule::AsTold, 3_000_000, (0, 0), false, 77),
        (
            Kind::Impression,
            Effect::Charged,
            PriceRule::AsTold,
            2_000_000,
            (HELD / 2, HELD / 2),
            true,
            77,
        ),
        (Kind::Impression, Effect::Disputed, PriceRule::AsTold, SIGNED, (0, HELD), true, 77),
        (Kind::Impression, Effect::Late, PriceRule::AsTold, 1_000_000, (0, HELD / 4), true, 77),
        (Kind::Impression, Effect::Test, PriceRule::AsTold, 1_000_000, (0, 0), true, 77),
        (Kind::Impression, Effect::Test, PriceRule::AsTold, 1_000_000, (0, 0), true, 77),
        (Kind::Loss, Effect::Counted, PriceRule::Missing, 5, (0, 0), false, 0),
    ];
    assert_eq!(all.len(), expected.len());
    for (entry, (kind, effect, rule, price, (charged, due), billable, rates)) in
        all.iter().zip(expected)
    {
        assert_eq!((entry.kind, entry.effect, entry.rule), (kind, effect, rule));
        assert_eq!((entry.price.nanos, entry.charged.nanos), (price, charged), "{kind:?}");
        assert_eq!((entry.due_nanos, entry.billable, entry.rates), (due, billable, rates));
        assert_eq!((entry.made, entry.expires), (NOW, NOW.plus_s(3600)));
        assert_eq!((entry.line, entry.creative, entry.exchange), (ID, 9, TRUSTED));
        assert_eq!((entry.held_nanos, entry.charged.currency), (HELD, Currency::USD));
        assert_eq!((entry.loss, entry.min_to_win), (102, 3_500_000));
    }
    assert_eq!((all[0].moment, all[0].bid, all[6].bid), (told, BidId(1), BidId(6)));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..Default::default()
    })]

    /// Quartiles in any order and number: each counts once a bid, and no count ever falls.
    #[test]
    fn player_events_count_once_in_any_order(
        order in proptest::collection::vec((0u64..3, 3usize..9), 1..80)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let data = tempfile::tempdir().unwrap();
            let house = start(data.path(), 10 * HELD);
            assert!((0..3).all(|bid| house.bid(bid)));
            let mut told = std::collections::BTreeSet::new();
            for (bid, kind) in order {
                let kind = Kind::ALL[kind];
                let before = counts(&house);
                let settled = tell(&house, kind, bid, "").await;
                let first = told.insert((bid, kind as u8));
                assert_eq!(settled, if first { Settled::Counted } else { Settled::Duplicate });
                for (at, (before, now)) in before.iter().zip(counts(&house)).enumerate() {
                    let grows = first && at == kind as usize - 3;
                    assert_eq!(now - before, u64::from(grows), "{kind:?}");
                }
            }
        });
    }
}

/// Of the kinds from `Impression` to `Complete`.
fn counts(house: &House) -> [u64; 6] {
    let tally = house.tally();
    [
        tally.impressions,
        tally.starts,
        tally.first_quartiles,
        tally.midpoints,
        tally.third_quartiles,
        tally.completes,
    ]
}
