//! Every form in which a price comes back, and what it charges (B8, B11).

use super::*;

/// `YWJj…`: sealed in the second "abc1", 100 millionths of a CPM.
const OF_100: &str = "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw";
const OF_1900: &str = "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCAWJRxOgA";
const SEALED_AT: Moment = Moment::from_unix_s(0x6162_6331);

async fn tell_of(
    house: &House,
    kind: Kind,
    exchange: ExchangeIx,
    bid: u64,
    price: &str,
) -> Settled {
    let ticket = Ticket { exchange, ..ticket(bid, kind.channel()) };
    tell_at(house, kind, ticket, price, NOW.plus_s(5)).await
}

#[tokio::test]
async fn every_form_of_price_has_its_rule() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 1000 * HELD);
    let thirty = "123456789012345678901234567890";
    let forms = [
        ("4", PriceRule::AsTold, HELD),
        ("1", PriceRule::AsTold, HELD / 4),
        (" 1 ", PriceRule::AsTold, HELD / 4),
        ("1.0000000000000000000000", PriceRule::AsTold, HELD / 4),
        ("0", PriceRule::AsTold, 0),
        ("0.000001", PriceRule::AsTold, 2),
        ("4.000001", PriceRule::Above, HELD),
        ("1000000", PriceRule::Above, HELD),
        ("", PriceRule::Missing, HELD),
        ("  ", PriceRule::Missing, HELD),
        ("${AUCTION_PRICE}", PriceRule::Unexpanded, HELD),
        ("%24%7BAUCTION_PRICE%7D", PriceRule::Unexpanded, HELD),
        ("%2524%257BAUCTION_PRICE%257D", PriceRule::Unexpanded, HELD),
        (OF_100, PriceRule::Unreadable, HELD),
        ("-1", PriceRule::Unreadable, HELD),
        ("-0", PriceRule::Unreadable, HELD),
        ("-0.0", PriceRule::Unreadable, HELD),
        ("NaN", PriceRule::Unreadable, HELD),
        ("inf", PriceRule::Unreadable, HELD),
        ("1e400", PriceRule::Unreadable, HELD),
        (thirty, PriceRule::Unreadable, HELD),
        ("3,5", PriceRule::Unreadable, HELD),
        ("3.5%20", PriceRule::Unreadable, HELD),
        ("0x3", PriceRule::Unreadable, HELD),
    ];
    let mut spent = 0;
    for (bid, (text, rule, charge)) in forms.into_iter().enumerate() {
        let bid = bid as u64;
        assert!(house.bid(bid));
        let before = house.rule(rule);
        assert_eq!(tell(&house, Kind::Impression, bid, text).await, Settled::Counted, "{text}");
        spent += charge;
        assert_eq!(house.money(), (spent, 0), "{text}");
        assert_eq!(house.rule(rule), before + 1, "{text}");
    }
    let judged: u64 = house.till.rules().map(|(_, n)| n).sum();
    assert_eq!(judged, forms.len() as u64);
}

#[tokio::test]
async fn a_player_lowers_no_charge_where_it_is_not_trusted() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 100 * HELD);
    for (bid, price, rule) in [
        (1, "0", PriceRule::Ignored),
        (2, "3.99", PriceRule::Ignored),
        (3, "9", PriceRule::Ignored),
        (4, "", PriceRule::Missing),
        (5, "3,5", PriceRule::Unreadable),
        (6, "${AUCTION_PRICE}", PriceRule::Unexpanded),
    ] {
        assert!(house.bid(bid));
        let (before, spent) = (house.rule(rule), house.money().0);
        let settled = tell_of(&house, Kind::Impression, IGNORED, bid, price).await;
        assert_eq!(settled, Settled::Counted);
        assert_eq!((house.money().0 - spent, house.rule(rule) - before), (HELD, 1), "{price}");
        // Another price of the same player is no conflict: neither counts.
        let settled = tell_of(&house, Kind::Impression, IGNORED, bid, "1").await;
        assert_eq!((settled, house.conflicts()), (Settled::Duplicate, [0, 0, 0]));
    }
    // A row that is not there any more trusts nobody.
    assert!(house.bid(7));
    let settled = tell_of(&house, Kind::Impression, ExchangeIx(9), 7, "0").await;
    assert_eq!((settled, house.money().0), (Settled::Counted, 7 * HELD));
}

#[tokio::test]
async fn the_price_of_the_win_counts_where_the_event_tells_none() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 100 * HELD);
    for (bid, won, price, rule, charge) in [
        (1, "2", "0", PriceRule::AsWon, HELD / 2),
        (2, "2", "", PriceRule::AsWon, HELD / 2),
        (3, "9", "", PriceRule::AsWon, HELD),
        (4, "0", "", PriceRule::AsWon, 0),
        // A win without a price tells nothing.
        (5, "", "1", PriceRule::Ignored, HELD),
        (6, "${AUCTION_PRICE}", "", PriceRule::Missing, HELD),
        (7, "AUDIT", "", PriceRule::Missing, HELD),
    ] {
        assert!(house.bid(bid));
        let spent = house.money().0;
        let _ = tell_of(&house, Kind::Win, IGNORED, bid, won).await;
        let before = house.rule(rule);
        assert_eq!(tell_of(&house, Kind::Impression, IGNORED, bid, price).await, Settled::Counted);
        assert_eq!((house.money().0 - spent, house.rule(rule) - before), (charge, 1), "{bid}");
    }
    // What the event itself tells goes before.
    assert!(house.bid(8));
    let spent = house.money().0;
    let _ = tell(&house, Kind::Win, 8, "2").await;
    let _ = tell(&house, Kind::Impression, 8, "1").await;
    assert_eq!(house.money().0 - spent, HELD / 4);
    // A win that comes after its impression changes nothing.
    assert!(house.bid(9));
    let spent = house.money().0;
    let _ = tell_of(&house, Kind::Impression, IGNORED, 9, "").await;
    let _ = tell_of(&house, Kind::Win, IGNORED, 9, "1").await;
    let again = tell_of(&house, Kind::Impression, IGNORED, 9, "").await;
    assert_eq!((again, house.money().0 - spent), (Settled::Duplicate, HELD));
    assert_eq!(house.conflicts(), [0, 0, 0]);
}

#[tokio::test]
async fn encrypted_prices_are_read_with_the_keys_of_their_exchange() {
    let data = tempfile::tempdir().unwrap();
    let house = start_at(data.path(), 100 * HELD, SEALED_AT);
    let flipped = OF_1900.replace("CAW", "CBW");
    let before_s = [SEALED_AT.plus_s(60), SEALED_AT.plus_s(61)];
    let after_s = [SEALED_AT.plus_s(-3660), SEALED_AT.plus_s(-3661)];
    let signed = SIGNED as u64;
    let share = |nanos: u64| (HELD as u64 * nanos).div_ceil(signed) as i64;
    for (bid, (price, made, rule, charge)) in [
        (OF_100, SEALED_AT, PriceRule::AsTold, share(100)),
        (OF_1900, SEALED_AT, PriceRule::AsTold, share(1900)),
        ("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemC32prpWWw==", SEALED_AT, PriceRule::AsTold, share(2700)),
        // Within the skew of clocks of the life of its ticket, and beyond.
        (OF_100, before_s[0], PriceRule::AsTold, share(100)),
        (OF_100, before_s[1], PriceRule::Stale, HELD),
        (OF_100, after_s[0], PriceRule::AsTold, share(100)),
        (OF_100, after_s[1], PriceRule::Stale, HELD),
        (&flipped, SEALED_AT, PriceRule::Undeciphered, HELD),
        ("1", SEALED_AT, PriceRule::Undeciphered, HELD),
        ("-1", SEALED_AT, PriceRule::Undeciphered, HELD),
        ("", SEALED_AT, PriceRule::Missing, HELD),
        ("${AUCTION_PRICE}", SEALED_AT, PriceRule::Unexpanded, HELD),
    ]
    .into_iter()
    .enumerate()
    {
        let ticket = Ticket {
            exchange: SEALED,
            made,
            expires: made.plus_s(3600),
            ..ticket(bid as u64, Channel::Player)
        };
        let (before, spent) = (house.rule(rule), house.money().0);
        let settled = tell_at(&house, Kind::Impression, ticket, price, made).await;
        assert_eq!(settled, Settled::Counted, "{bid}");
        assert_eq!((house.rule(rule) - before, house.money().0 - spent), (1, charge), "{bid}");
    }
}

#[tokio::test]
async fn an_audit_is_no_event_of_any_kind() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 100 * HELD);
    assert!(house.bid(1));
    for (exchange, price) in [(TRUSTED, "AUDIT"), (IGNORED, "audit"), (SEALED, "AUDIT")] {
        for kind in [Kind::Win, Kind::Impression, Kind::Start] {
            assert_eq!(tell_of(&house, kind, exchange, 1, price).await, Settled::Audit);
        }
    }
    assert_eq!((house.money(), house.rule(PriceRule::Audit)), ((0, HELD), 9));
    assert_eq!((house.tally().wins, house.till.remembered()), (0, 0));
}
