mod clocks;
mod hoards;
mod prices;
mod repeats;
mod restarts;

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::base::units::ids::{CreativeIx, LineId, LineIx, ListenerMark};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::SetClock;
use crate::knowledge::catalog::model::{Budget, Cap, Line};
use crate::market::cipher::PriceCipher;
use crate::market::exchange::{BillableEvent, Exchange, ExchangeIx, PlayerPrice};
use crate::market::marks::{Marks, SupplyMark};
use crate::market::ticket::{BidId, Channel, TicketKeys};
use crate::offer::delivery::{self, Book, Desk, Hold, LineTally, Live};

const NOW: Moment = Moment::from_unix_s(1_800_000_000);
const ID: LineId = LineId(7);
/// Signed: 4.00 CPM in the exchange's euros, held as 5.00 CPM of the account's dollars.
const SIGNED: i64 = 4_000_000;
const HELD: i64 = 5_000_000;

/// A server's money path over one line, which can be stopped and started again.
struct House {
    till: Arc<Till>,
    desk: Desk,
}

fn marks() -> Marks {
    Marks::new(&[3; 32])
}

fn keys() -> TicketKeys {
    TicketKeys::new(1, [(1, &[7u8; 32][..])], marks()).unwrap()
}

fn line(budget: i64) -> Line {
    Line {
        budget: Budget::total(budget),
        caps: vec![Cap::rolling(1000, 3600)],
        ..Line::plain(ID, Money::new(HELD, Currency::USD))
    }
}

/// Rows of exchanges: a player's price counts; it does not; prices are encrypted, too.
const TRUSTED: ExchangeIx = ExchangeIx(0);
const IGNORED: ExchangeIx = ExchangeIx(1);
const SEALED: ExchangeIx = ExchangeIx(2);
const E_KEY: &str = "skU7Ax_NL5pPAFyKdkfZjZz2-VhIN8bjj1rVFOaJ_5o=";
const I_KEY: &str = "arO23ykdNqUQ5LEoQ0FVmPkBd7xB5CO89PDZlSjpFxo=";

fn terms() -> Terms {
    let trusts = |key| Exchange { player_price: PlayerPrice::Trust, ..Exchange::standard(key) };
    let price_cipher = PriceCipher::google(E_KEY, I_KEY);
    let rows = [
        trusts("trusted"),
        Exchange::standard("ignored"),
        Exchange { price_cipher, ..trusts("sealed") },
    ];
    Terms { keys: keys(), exchanges: rows.into(), rates: 77 }
}

fn start_with(config: &Config, data: &Path, budget: i64, now: Moment) -> House {
    let limits = delivery::Config::small();
    let book = Arc::new(Book::new(&limits));
    let OpenedTill { till, .. } =
        Till::open((config, &Default::default()), data, terms(), Arc::clone(&book), now).unwrap();
    House { till: Arc::new(till), desk: book.desk_of(&[line(budget)]).unwrap() }
}

fn start_at(data: &Path, budget: i64, now: Moment) -> House {
    start_with(&Config::default(), data, budget, now)
}

fn start(data: &Path, budget: i64) -> House {
    start_at(data, budget, NOW)
}

impl House {
    fn bid(&self, bid: u64) -> bool {
        let hold = Hold {
            bid: BidId(bid),
            line: LineIx(0),
            creative: CreativeIx(0),
            listener: Some(ListenerMark(1)),
            price: Money::new(HELD, Currency::USD),
            moment: NOW,
            expires: NOW.plus_s(3600),
            win_by: Some(NOW.plus_s(10)),
            test: false,
        };
        self.desk.live().hold(&hold).is_ok()
    }

    fn tally(&self) -> LineTally {
        self.till.book().tally().remove(0)
    }

    /// Of a price, a loss after a win, a win after a loss.
    fn conflicts(&self) -> [u64; 3] {
        let mut all = self.till.conflicts().map(|(_, n)| n);
        std::array::from_fn(|_| all.next().unwrap())
    }

    fn rule(&self, rule: PriceRule) -> u64 {
        self.till.rules().find(|(other, _)| *other == rule).unwrap().1
    }

    /// Spent, held.
    fn money(&self) -> (i64, i64) {
        let tally = self.tally();
        (tally.spent_nanos, tally.held_nanos)
    }
}

fn ticket(bid: u64, channel: Channel) -> Ticket {
    Ticket {
        channel,
        bid: BidId(bid),
        line: ID,
        creative: 9,
        exchange: TRUSTED,
        billable: BillableEvent::Impression,
        price: Money::new(SIGNED, Currency::EUR),
        held: Money::new(HELD, Currency::USD),
        made: NOW,
        expires: NOW.plus_s(3600),
        listener: None,
        measured: false,
        supply: SupplyMark::default(),
        test: false,
    }
}

async fn tell_at(house: &House, kind: Kind, ticket: Ticket, price: &str, at: Moment) -> Settled {
    let text = keys().sign(&ticket);
    let notice =
        Notice { kind, ticket: text.as_str(), price, loss: "102", min_to_win: "3.5", moment: at };
    settle(&house.till, &notice).await.settled
}

async fn tell(house: &House, kind: Kind, bid: u64, price: &str) -> Settled {
    tell_at(house, kind, ticket(bid, kind.channel()), price, NOW.plus_s(5)).await
}

#[tokio::test]
async fn an_impression_is_charged_once_however_often_it_comes() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 100 * HELD);
    assert!(house.bid(1));
    assert_eq!(tell(&house, Kind::Impression, 1, "2").await, Settled::Counted);
    for _ in 0..50 {
        assert_eq!(tell(&house, Kind::Impression, 1, "2").await, Settled::Duplicate);
    }
    // Half of what was signed is half of what was held.
    assert_eq!(house.money(), (HELD / 2, 0));
    assert_eq!(house.tally().impressions, 1);
    assert_eq!(house.conflicts(), [0, 0, 0]);
    assert_eq!(tell(&house, Kind::Impression, 1, "3").await, Settled::Duplicate);
    assert_eq!((house.money(), house.conflicts()), ((HELD / 2, 0), [1, 0, 0]));
}

#[tokio::test]
async fn a_restart_forgets_neither_money_nor_duplicates() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 2 * HELD);
    assert!(house.bid(1) && house.bid(2) && !house.bid(3));
    let kinds = [Kind::Win, Kind::Impression, Kind::Start, Kind::Midpoint, Kind::Click];
    for kind in kinds {
        assert_eq!(tell(&house, kind, 1, "4").await, Settled::Counted, "{kind:?}");
    }
    assert_eq!(tell(&house, Kind::Loss, 2, "").await, Settled::Counted);
    let before = house.tally();
    drop(house);
    let house = start(data.path(), 2 * HELD);
    let LineTally { bids, .. } = before;
    let after = house.tally();
    assert_eq!(format!("{:?}", LineTally { bids, ..after }), format!("{before:?}"));
    for kind in kinds {
        assert_eq!(tell(&house, kind, 1, "4").await, Settled::Duplicate, "{kind:?}");
    }
    assert_eq!(house.money(), (HELD, 0));
    assert!(house.bid(4) && !house.bid(5), "what was spent still counts");
}

#[tokio::test]
async fn a_notice_of_a_bid_before_the_restart_is_charged_while_funds_remain() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 2 * HELD);
    assert!(house.bid(1) && house.bid(2));
    drop(house);
    let house = start(data.path(), 2 * HELD);
    assert!(house.bid(3));
    assert_eq!(tell(&house, Kind::Impression, 1, "4").await, Settled::Counted);
    assert_eq!(tell(&house, Kind::Impression, 2, "4").await, Settled::Disputed);
    assert_eq!(tell(&house, Kind::Impression, 2, "4").await, Settled::Duplicate);
    assert_eq!(house.money(), (HELD, HELD));
    assert_eq!(house.tally().disputed, 1);
}

#[tokio::test]
async fn an_audit_books_nothing_and_leaves_room_for_the_truth() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    assert!(house.bid(1));
    for _ in 0..3 {
        assert_eq!(tell(&house, Kind::Impression, 1, "AUDIT").await, Settled::Audit);
    }
    assert_eq!(house.money(), (0, HELD));
    assert_eq!(tell(&house, Kind::Impression, 1, "4").await, Settled::Counted);
    assert_eq!(house.money(), (HELD, 0));
}

#[tokio::test]
async fn only_the_billable_event_charges() {
    let all = [Kind::Win, Kind::Billing, Kind::Impression];
    let events = [BillableEvent::Win, BillableEvent::Billing, BillableEvent::Impression];
    for (billable, charging) in events.into_iter().zip(all) {
        let data = tempfile::tempdir().unwrap();
        let house = start(data.path(), 10 * HELD);
        assert!(house.bid(1));
        for kind in all {
            let ticket = Ticket { billable, ..ticket(1, kind.channel()) };
            let before = house.money().0;
            let settled = tell_at(&house, kind, ticket, "4", NOW).await;
            assert_eq!(settled, Settled::Counted);
            let charged = house.money().0 - before;
            assert_eq!(charged, if kind == charging { HELD } else { 0 }, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn late_notices_are_recorded_and_never_charged() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    assert!(house.bid(1));
    let last = NOW.plus_s(3600);
    let tell_then = async |bid, at| {
        tell_at(&house, Kind::Impression, ticket(bid, Channel::Player), "4", at).await
    };
    assert_eq!(tell_then(1, last).await, Settled::Counted);
    assert_eq!(tell_then(2, last.plus_s(1)).await, Settled::Late);
    assert_eq!(tell_then(2, last.plus_s(2)).await, Settled::Duplicate);
    assert_eq!(tell_then(3, last.plus_s(6 * 3600)).await, Settled::Late);
    // A copy of what was charged in time is no dispute.
    assert_eq!(tell_then(1, last.plus_s(30)).await, Settled::Duplicate);
    let tally = house.tally();
    assert_eq!((tally.spent_nanos, tally.impressions, tally.disputed), (HELD, 1, 2));
}

#[tokio::test]
async fn a_win_extends_a_loss_and_not_used_release() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    assert!((1..=4).all(|bid| house.bid(bid)));
    assert_eq!(tell(&house, Kind::Win, 1, "4").await, Settled::Counted);
    assert_eq!(tell(&house, Kind::Loss, 2, "").await, Settled::Counted);
    assert_eq!(house.money(), (0, 3 * HELD));
    house.till.sweep(NOW.plus_s(10));
    assert_eq!(house.money(), (0, HELD), "only the won one is left");
    assert_eq!(tell(&house, Kind::Loss, 1, "").await, Settled::Counted);
    assert_eq!(house.money(), (0, HELD), "a loss does not undo a win");
    assert_eq!(house.conflicts(), [0, 1, 0]);
    assert_eq!(tell(&house, Kind::NotUsed, 1, "").await, Settled::Counted);
    assert_eq!(house.money(), (0, 0));
    let tally = house.tally();
    assert_eq!((tally.wins, tally.losses, tally.not_used), (1, 2, 1));
}

#[tokio::test]
async fn what_is_not_ours_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    assert!(house.bid(1));
    let forged = TicketKeys::new(1, [(1, &[8u8; 32][..])], marks()).unwrap();
    let unknown = TicketKeys::new(2, [(2, &[7u8; 32][..])], marks()).unwrap();
    let player = ticket(1, Channel::Player);
    for (text, expected) in [
        (forged.sign(&player).as_str(), Settled::Forged),
        (unknown.sign(&player).as_str(), Settled::UnknownKey),
        (keys().sign(&ticket(1, Channel::Exchange)).as_str(), Settled::WrongChannel),
        ("", Settled::Malformed),
        ("../../etc/passwd", Settled::Malformed),
    ] {
        let notice = Notice {
            kind: Kind::Impression,
            ticket: text,
            price: "4",
            loss: "",
            min_to_win: "",
            moment: NOW,
        };
        let settlement = settle(&house.till, &notice).await;
        assert_eq!(settlement, Settlement { settled: expected, ticket: None });
        assert!(!expected.acknowledged());
    }
    assert_eq!(house.money(), (0, HELD));
    assert_eq!(house.till.answers().map(|(_, _, n)| n).sum::<u64>(), 5);
}

#[tokio::test]
async fn a_test_books_and_counts_nothing() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    for kind in [Kind::Win, Kind::Impression, Kind::Complete] {
        let ticket = Ticket { test: true, ..ticket(1, kind.channel()) };
        assert_eq!(tell_at(&house, kind, ticket, "4", NOW).await, Settled::Counted);
        assert_eq!(tell_at(&house, kind, ticket, "4", NOW).await, Settled::Duplicate);
    }
    let tally = house.tally();
    assert_eq!((tally.spent_nanos, tally.wins, tally.impressions, tally.completes), (0, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_copies_are_charged_once_and_answered_when_durable() {
    let data = tempfile::tempdir().unwrap();
    let house = Arc::new(start(data.path(), 1000 * HELD));
    assert!((0..20).all(|bid| house.bid(bid)));
    let mut told = tokio::task::JoinSet::new();
    for bid in 0..20 {
        for _ in 0..25 {
            let house = Arc::clone(&house);
            told.spawn(async move { tell(&house, Kind::Impression, bid, "4").await });
        }
    }
    let answers = told.join_all().await;
    let counted = answers.iter().filter(|&&settled| settled == Settled::Counted).count();
    assert_eq!(counted, 20);
    assert!(answers.iter().all(|settled| settled.acknowledged()));
    assert_eq!(house.money(), (20 * HELD, 0));
    drop(house);
    assert_eq!(start(data.path(), 1000 * HELD).money(), (20 * HELD, 0));
}

#[tokio::test]
async fn nothing_is_acknowledged_that_cannot_be_written() {
    let data = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.journal.segment_bytes = 1 << 10;
    let house = start_with(&config, data.path(), 1000 * HELD, NOW);
    // The next segment cannot be made.
    std::fs::create_dir(data.path().join("journal/00000002.ilj")).unwrap();
    let mut acknowledged = 0;
    loop {
        assert!(house.bid(acknowledged) && acknowledged < 100);
        match tell(&house, Kind::Impression, acknowledged, "4").await {
            Settled::Counted => acknowledged += 1,
            Settled::Unavailable => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(house.till.failure().is_some());
    // Neither the one that failed, nor a copy of it, nor any other.
    for bid in [acknowledged, acknowledged + 1] {
        assert_eq!(tell(&house, Kind::Impression, bid, "4").await, Settled::Unavailable);
    }
    drop(house);
    std::fs::remove_dir(data.path().join("journal/00000002.ilj")).unwrap();
    let house = start(data.path(), 1000 * HELD);
    assert_eq!(house.money(), (acknowledged as i64 * HELD, 0));
}

#[tokio::test]
async fn a_full_window_asks_to_come_again_and_keeps_room_for_money() {
    let data = tempfile::tempdir().unwrap();
    let config = Config { seen_max: 1024, ..Config::default() };
    let house = start_with(&config, data.path(), 10_000 * HELD, NOW);
    let mut losses = 0;
    for bid in 0..3000 {
        losses += usize::from(tell(&house, Kind::Loss, bid, "").await == Settled::Counted);
    }
    assert_eq!(losses, house.till.remembered());
    assert!(losses <= 768, "{losses}");
    assert_eq!(tell(&house, Kind::Impression, 9999, "4").await, Settled::Counted);
    let later = NOW.plus_s(3600 + 601);
    house.till.sweep(later);
    assert_eq!(house.till.remembered(), 0);
}

#[tokio::test]
async fn a_genuine_ticket_is_handed_on() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), HELD);
    let ticket = ticket(1, Channel::Player);
    let text = keys().sign(&ticket);
    let mut notice = Notice {
        kind: Kind::Click,
        ticket: text.as_str(),
        price: "",
        loss: "",
        min_to_win: "",
        moment: NOW,
    };
    for expected in [Settled::Counted, Settled::Duplicate] {
        let settlement = settle(&house.till, &notice).await;
        assert_eq!(settlement, Settlement { settled: expected, ticket: Some(ticket) });
    }
    notice.moment = NOW.plus_s(100_000);
    assert_eq!(settle(&house.till, &notice).await.ticket, Some(ticket));
}

#[test]
fn the_sweeper_ends_holds_by_its_clock() {
    let data = tempfile::tempdir().unwrap();
    let house = start(data.path(), 10 * HELD);
    assert!(house.bid(1));
    let clock = Arc::new(SetClock::new(NOW.plus_s(9)));
    let sweeper = Sweeper::start(Arc::clone(&house.till), clock.clone(), 1).unwrap();
    clock.set(NOW.plus_s(10));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while house.money().1 > 0 {
        assert!(std::time::Instant::now() < until, "the sweeper does not sweep");
        std::thread::yield_now();
    }
    drop(sweeper);
}

#[test]
fn a_journal_of_a_newer_version_is_not_opened() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().join("journal");
    let config = crate::base::journal::Config::default();
    let (journal, _) = crate::base::journal::Journal::open(&dir, &config, &mut |_| Ok(())).unwrap();
    journal.append_blocking(&[9; 88]).unwrap();
    drop(journal);
    let book = Arc::new(Book::new(&delivery::Config::small()));
    let opened =
        Till::open((&Config::default(), &Default::default()), data.path(), terms(), book, NOW);
    let text = opened.err().unwrap().to_string();
    assert!(text.contains("version 9"), "{text}");
}
