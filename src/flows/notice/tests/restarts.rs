//! What a new process knows of the bids of the one before.

use super::*;
use crate::base::journal::Folder;
use crate::offer::delivery::caps::Told;
use crate::offer::ledger::{Keep, Snapshots};

/// The clock is hours ahead, until a bid that was charged is forgotten by window and ledger; a
/// late notice makes it known again; the clock is set back, and the process starts anew.
#[tokio::test]
async fn a_bid_that_was_forgotten_is_not_charged_after_a_restart() {
    for late_notice in [false, true] {
        let data = tempfile::tempdir().unwrap();
        let house = start(data.path(), 100 * HELD);
        assert_eq!(tell(&house, Kind::Impression, 1, "4").await, Settled::Counted);
        for step in 1..=26 {
            let moment = NOW.plus_s(300 * step);
            house.till.sweep(moment);
            let other = Ticket { expires: moment.plus_s(9000), ..ticket(50, Channel::Player) };
            let other = Ticket { bid: BidId(50 + step as u64), made: moment, ..other };
            assert_eq!(
                tell_at(&house, Kind::Start, other, "", moment).await,
                Settled::Counted,
                "{step}"
            );
        }
        let folder = |name| Folder::from(data.path().join(name).as_path());
        let snapshots = Snapshots::new(folder("none"), Keep::default());
        let (found, _) = snapshots.ledger(&folder("journal")).unwrap();
        assert!(found.ledger.bid(BidId(1)).is_none(), "the ledger has forgotten it");
        if late_notice {
            let start = ticket(1, Channel::Player);
            let settled = tell_at(&house, Kind::Start, start, "", NOW.plus_s(7900)).await;
            assert_eq!(settled, Settled::Late);
        }
        drop(house);
        let house = start(data.path(), 100 * HELD);
        let settled = tell(&house, Kind::Impression, 1, "4").await;
        assert_eq!((settled, house.money().0), (Settled::Late, HELD), "{late_notice}");
    }
}

#[tokio::test]
async fn caps_are_told_when_bids_were_made_and_nothing_of_tests() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    let later = NOW.plus_s(60);
    let test = Ticket { test: true, ..ticket(2, Channel::Player) };
    let over = Ticket { expires: NOW.plus_s(61), ..ticket(4, Channel::Player) };
    for (kind, ticket) in [
        (Kind::Impression, ticket(1, Channel::Player)),
        (Kind::Impression, test),
        (Kind::Start, test),
        (Kind::Win, ticket(3, Channel::Exchange)),
        (Kind::Impression, over),
        (Kind::Loss, ticket(5, Channel::Exchange)),
    ] {
        let settled = tell_at(&house, kind, ticket, "4", later).await;
        assert_eq!(settled, Settled::Counted, "{kind:?}");
    }
    assert!(house.till.take_recent().is_empty());
    drop(house);
    let house = start_at(data.path(), 10 * HELD, NOW.plus_s(62));
    let mut told = house.till.take_recent();
    told.sort_by_key(|told| told.bid);
    let told: Vec<_> = told
        .iter()
        .map(|&Told { bid, line, made, expires, heard }| (bid.0, line, made, expires, heard))
        .collect();
    let expires = NOW.plus_s(3600);
    // The fourth is over by now, but may have been heard of just before the end.
    let over = (4, ID, NOW, NOW.plus_s(61), true);
    assert_eq!(told, [(1, ID, NOW, expires, true), (3, ID, NOW, expires, false), over]);
}

/// What a crash left held is for the bids whose holds were open. One that was never won, and whose
/// place another took, gets what is free, and takes nobody's.
#[tokio::test]
async fn a_bid_whose_hold_had_ended_takes_nothing_of_those_that_were_held() {
    let data = tempfile::tempdir().unwrap();
    let leased = |now: Moment| {
        let book = Arc::new(Book::leased(&delivery::Config::small()));
        let config = (&Config::default(), &Default::default());
        let mut terms = terms();
        let told = |row: &Exchange| Exchange { sends_wins: true, ..row.clone() };
        terms.exchanges = terms.exchanges.iter().map(told).collect();
        let opened = Till::open(config, data.path(), terms, Arc::clone(&book), now).unwrap();
        let till = Arc::new(opened.till);
        let desk = book.desk_of(&[line(2 * HELD)]).unwrap();
        let mut upkeep = Upkeep::new(book, 5);
        let step = || upkeep.step(till.journal(), now);
        std::thread::scope(|plain| plain.spawn(step).join().unwrap()).unwrap();
        House { till, desk }
    };
    let house = leased(NOW);
    let win = |bid| tell_at(&house, Kind::Win, ticket(bid, Channel::Exchange), "4", NOW.plus_s(9));
    assert!(house.bid(1) && house.bid(2) && !house.bid(3));
    assert_eq!(win(2).await, Settled::Counted);
    house.till.sweep(NOW.plus_s(11));
    assert!(house.bid(3), "the first was not won");
    assert_eq!(win(3).await, Settled::Counted);
    drop(house);
    let house = leased(NOW.plus_s(20));
    for (bid, settled) in [(1, Settled::Disputed), (2, Settled::Counted), (3, Settled::Counted)] {
        let heard = ticket(bid, Channel::Player);
        let now = NOW.plus_s(21);
        assert_eq!(tell_at(&house, Kind::Impression, heard, "4", now).await, settled, "{bid}");
    }
    assert_eq!(house.money(), (2 * HELD, 0));
}
