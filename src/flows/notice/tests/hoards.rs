//! Supplies that win and do not bill (B5, B6).

use super::*;
use crate::flows::notice::hoard::HoardConfig;

const XINDI: SupplyMark = SupplyMark(666);
const HONEST: SupplyMark = SupplyMark(1);

fn watching() -> Config {
    let hoard = HoardConfig { wins: 10, age_s: 60, share_pct: 50, followed_max: 100 };
    Config { hoard, ..Config::default() }
}

fn of(supply: SupplyMark, bid: u64, channel: Channel) -> Ticket {
    Ticket { supply, ..ticket(bid, channel) }
}

impl House {
    async fn tell_of(&self, kind: Kind, supply: SupplyMark, bid: u64, after_s: i64) -> Settled {
        let ticket = of(supply, bid, kind.channel());
        tell_at(self, kind, ticket, "4", NOW.plus_s(after_s)).await
    }

    fn is_boxed(&self, supply: SupplyMark) -> bool {
        self.desk.live().is_boxed(supply)
    }
}

#[tokio::test]
async fn hoarded_wins_are_charged_within_what_is_held() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 50 * HELD);
    let mut bids = 0;
    while house.bid(bids) {
        assert_eq!(tell(&house, Kind::Win, bids, "4").await, Settled::Counted);
        bids += 1;
    }
    assert_eq!(bids, 50);
    house.till.sweep(NOW.plus_s(3599));
    for bid in 0..bids {
        let ticket = ticket(bid, Channel::Player);
        let settled = tell_at(&house, Kind::Impression, ticket, "4", NOW.plus_s(3599)).await;
        assert_eq!(settled, Settled::Counted);
    }
    assert_eq!(house.money(), (50 * HELD, 0));
}

#[tokio::test]
async fn who_hoards_is_boxed_in_time_and_alone_and_let_out_again() {
    let data = tempfile::tempdir().unwrap();
    let house = start_with(&watching(), data.path(), 100 * HELD, NOW);
    for bid in 0..10 {
        assert!(house.bid(bid));
        assert_eq!(house.tell_of(Kind::Win, XINDI, bid, 0).await, Settled::Counted);
    }
    for bid in 10..30 {
        assert_eq!(house.tell_of(Kind::Win, HONEST, bid, 0).await, Settled::Counted);
        assert_eq!(house.tell_of(Kind::Impression, HONEST, bid, 1).await, Settled::Counted);
    }
    assert_eq!(house.till.hoarding().owed, 10);
    house.till.sweep(NOW.plus_s(59));
    assert!(!house.is_boxed(XINDI), "nothing is overdue yet");
    house.till.sweep(NOW.plus_s(60));
    assert!(house.is_boxed(XINDI) && !house.is_boxed(HONEST));
    let stats = house.till.hoarding();
    assert_eq!((stats.boxed, stats.boxings, stats.unfollowed), (1, 1, 0));
    // One that is billed, one that will not be heard: below the bound again.
    assert_eq!(house.tell_of(Kind::Impression, XINDI, 0, 61).await, Settled::Counted);
    house.till.sweep(NOW.plus_s(61));
    assert!(!house.is_boxed(XINDI));
    assert_eq!(house.till.hoarding().boxed, 0);
    for bid in 30..32 {
        assert_eq!(house.tell_of(Kind::Win, XINDI, bid, 62).await, Settled::Counted);
    }
    house.till.sweep(NOW.plus_s(122));
    assert!(house.is_boxed(XINDI));
    assert_eq!(house.tell_of(Kind::NotUsed, XINDI, 1, 123).await, Settled::Counted);
    assert_eq!(house.tell_of(Kind::Loss, XINDI, 2, 123).await, Settled::Counted);
    house.till.sweep(NOW.plus_s(124));
    assert!(!house.is_boxed(XINDI));
    assert_eq!((house.till.hoarding().boxings, house.till.hoarding().owed), (2, 9));
    // What has expired is owed no longer.
    house.till.sweep(NOW.plus_s(3600));
    assert_eq!(house.till.hoarding().owed, 0);
}

#[tokio::test]
async fn a_box_opens_by_itself_when_its_tickets_have_expired() {
    let data = tempfile::tempdir().unwrap();
    let house = start_with(&watching(), data.path(), 100 * HELD, NOW);
    for bid in 0..12 {
        assert_eq!(house.tell_of(Kind::Win, XINDI, bid, 0).await, Settled::Counted);
        // Told twice, owed once.
        assert_eq!(house.tell_of(Kind::Win, XINDI, bid, 1).await, Settled::Duplicate);
    }
    assert_eq!(house.till.hoarding().owed, 12);
    for (after_s, boxed) in [(60, true), (3599, true), (3600, false)] {
        house.till.sweep(NOW.plus_s(after_s));
        assert_eq!(house.is_boxed(XINDI), boxed, "after {after_s}");
    }
    // It may begin anew.
    for bid in 20..30 {
        assert_eq!(house.tell_of(Kind::Win, XINDI, bid, 3500).await, Settled::Counted);
    }
    house.till.sweep(NOW.plus_s(3560));
    assert!(house.is_boxed(XINDI));
}

#[tokio::test]
async fn a_large_supply_may_owe_its_share() {
    let data = tempfile::tempdir().unwrap();
    let house = start_with(&watching(), data.path(), 1000 * HELD, NOW);
    for bid in 0..40 {
        assert_eq!(house.tell_of(Kind::Win, HONEST, bid, 0).await, Settled::Counted);
    }
    for bid in 20..40 {
        assert_eq!(house.tell_of(Kind::Impression, HONEST, bid, 1).await, Settled::Counted);
    }
    house.till.sweep(NOW.plus_s(61));
    assert!(house.is_boxed(HONEST), "20 of 40 is a half");
    assert_eq!(house.tell_of(Kind::Impression, HONEST, 0, 61).await, Settled::Counted);
    house.till.sweep(NOW.plus_s(62));
    assert!(!house.is_boxed(HONEST), "19 of 40 is less");
    // What was billed is forgotten after one window, at most two.
    house.till.sweep(NOW.plus_s(62 + 601));
    assert!(!house.is_boxed(HONEST));
    house.till.sweep(NOW.plus_s(62 + 1202));
    assert!(house.is_boxed(HONEST));
}

#[tokio::test]
async fn what_bills_by_winning_or_is_a_test_owes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let house = start_with(&watching(), data.path(), 1000 * HELD, NOW);
    for bid in 0..20 {
        let ticket = of(XINDI, bid, Channel::Exchange);
        let wins = Ticket { billable: BillableEvent::Win, ..ticket };
        let test = Ticket { bid: BidId(100 + bid), test: true, ..ticket };
        let late = Ticket { bid: BidId(200 + bid), expires: NOW.plus_s(-1), ..ticket };
        for ticket in [wins, test, late] {
            assert!(tell_at(&house, Kind::Win, ticket, "4", NOW).await.acknowledged());
        }
    }
    assert_eq!(house.till.hoarding().owed, 0);
    house.till.sweep(NOW.plus_s(60));
    assert!(!house.is_boxed(XINDI));
}

#[tokio::test]
async fn more_wins_than_can_be_followed_are_counted() {
    let data = tempfile::tempdir().unwrap();
    let house = start_with(&watching(), data.path(), 1000 * HELD, NOW);
    for bid in 0..103 {
        assert_eq!(house.tell_of(Kind::Win, XINDI, bid, 0).await, Settled::Counted);
    }
    let stats = house.till.hoarding();
    assert_eq!((stats.owed, stats.unfollowed), (100, 3));
    let mut off = watching();
    off.hoard.wins = 0;
    let data = tempfile::tempdir().unwrap();
    let house = start_with(&off, data.path(), 1000 * HELD, NOW);
    assert_eq!(house.tell_of(Kind::Win, XINDI, 1, 0).await, Settled::Counted);
    house.till.sweep(NOW.plus_s(60));
    assert!(house.till.hoarding().owed == 0 && !house.is_boxed(XINDI), "nobody is boxed");
}
