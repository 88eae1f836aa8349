use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::journal::{Disk as _, Journal, MemoryDisk};
use crate::base::units::ids::AdvertiserId;
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::offer::ledger::samples::Chance;
use crate::offer::ledger::{
    BudgetId, Entry, Follower, Following, FundFault, Funds, FundsKind, Lease, Leases, LedgerFault,
};

/// A journal in memory, and snapshots beside it.
struct Place {
    disk: MemoryDisk,
    journal: Folder,
    snapshots: Snapshots,
}

impl Place {
    fn new() -> Place {
        let disk = MemoryDisk::new();
        let on = |dir: &str| Folder::on(Arc::new(disk.clone()), dir);
        let snapshots = Snapshots::new(on("snapshots"), Keep::default());
        let journal = on("journal");
        Place { disk, journal, snapshots }
    }

    fn open(&self, from: Mark, visit: Visit<'_>) -> Journal {
        let config = journal::Config { segment_bytes: 2048, ..journal::Config::default() };
        Journal::stepped(&self.journal, &config, from, visit).unwrap().0
    }

    fn following(&self) -> Following {
        let start = self.snapshots.newest(&self.journal).unwrap();
        Following::on(start, &self.journal, self.snapshots.clone()).unwrap()
    }

    fn segments(&self) -> Vec<u64> {
        self.snapshots.files().unwrap().into_iter().map(|(segment, _)| segment).collect()
    }
}

fn append(journal: &Journal, entries: &[Entry]) {
    for entry in entries {
        let mut durable = journal.append(&entry.to_bytes()).unwrap();
        journal.turn();
        assert_eq!(durable.now(), Some(Ok(())));
    }
}

#[test]
fn a_start_folds_the_newest_snapshot_and_the_rest() {
    let place = Place::new();
    let (entries, whole) = Chance::new(1).journal(120);
    let journal = place.open(Mark::START, &mut |_| Ok(()));
    append(&journal, &entries[..1]);
    let mut following = place.following();
    for some in entries[1..].chunks(7) {
        append(&journal, some);
        following.turn(journal.durable()).unwrap();
    }
    assert_eq!(following.ledger(), &whole);
    let newest = journal::segments(&place.journal).unwrap().last().unwrap().0;
    assert!(newest > 4, "segments are small");
    assert_eq!(place.segments(), [newest - 1, newest], "the last two are kept");

    let (start, read) = place.snapshots.ledger(&place.journal).unwrap();
    assert_eq!((&start.ledger, start.mark.segment), (&whole, newest));
    assert_eq!(read, whole.version().entries - start.entries);
    assert!(start.mark.chain.is_some() && start.passed_over.is_empty());

    // A follower that begins with a folded ledger folds nothing twice, and goes on.
    let mut next = Following::on(start, &place.journal, place.snapshots.clone()).unwrap();
    next.turn(journal.durable()).unwrap();
    assert_eq!(next.ledger(), &whole);
    let (more, _) = Chance::new(2).journal(1);
    append(&journal, &more);
    next.turn(journal.durable()).unwrap();
    assert_eq!(next.ledger().version().entries, 121);
}

#[test]
fn a_ledger_that_is_ahead_of_a_boundary_is_not_kept_under_it() {
    let place = Place::new();
    let (entries, whole) = Chance::new(3).journal(60);
    let mut folded = Ledger::default();
    let journal = place.open(Mark::START, &mut |_| Ok(()));
    append(&journal, &entries);
    for entry in &entries {
        folded.apply(entry).unwrap();
    }
    let start = Start { ledger: folded, mark: Mark::START, entries: 0, passed_over: Vec::new() };
    let mut following = Following::on(start, &place.journal, place.snapshots.clone()).unwrap();
    following.turn(journal.durable()).unwrap();
    assert_eq!(place.segments(), [0u64; 0], "every boundary was passed before");
    assert_eq!(following.ledger(), &whole);
}

#[test]
fn a_damaged_snapshot_is_passed_over_for_the_one_before() {
    let place = Place::new();
    let (entries, whole) = Chance::new(4).journal(90);
    let journal = place.open(Mark::START, &mut |_| Ok(()));
    append(&journal, &entries);
    place.following().turn(journal.durable()).unwrap();
    let files = place.snapshots.files().unwrap();
    let [(before, _), (newest, path)] = &files[..] else { panic!("{files:?}") };

    let spoil = |name: &str, at: usize| {
        let path = place.snapshots.folder.path().join(name);
        let mut bytes = place.disk.read(&path, 0, u64::MAX).unwrap();
        let end = bytes.len();
        bytes[at.min(end - 1)] ^= 1;
        place.snapshots.folder.replace(name, &bytes).unwrap();
    };
    let name = path.file_name().unwrap().to_str().unwrap();
    // The head, the ledger's own bytes, and the last.
    for at in [0, 9, 20, 60, 200, usize::MAX] {
        spoil(name, at);
        let start = place.snapshots.newest(&place.journal).unwrap();
        assert_eq!(start.mark.segment, *before, "spoilt at {at}");
        assert!(start.passed_over[0].contains(name), "{:?}", start.passed_over);
        spoil(name, at);
        let start = place.snapshots.newest(&place.journal).unwrap();
        assert_eq!((start.mark.segment, start.passed_over.len()), (*newest, 0));
    }
    spoil(name, 300);
    let (start, _) = place.snapshots.ledger(&place.journal).unwrap();
    assert_eq!((start.ledger, start.passed_over.len()), (whole.clone(), 1));
    spoil(&format!("{before:08}.ils"), 300);
    let (start, read) = place.snapshots.ledger(&place.journal).unwrap();
    assert_eq!((start.ledger, start.passed_over.len(), read), (whole, 2, 90));
}

#[test]
fn a_snapshot_of_another_journal_is_passed_over() {
    let (one, other) = (Place::new(), Place::new());
    for (place, seed) in [(&one, 5), (&other, 6)] {
        let journal = place.open(Mark::START, &mut |_| Ok(()));
        append(&journal, &Chance::new(seed).journal(90).0);
        place.following().turn(journal.durable()).unwrap();
    }
    let start = one.snapshots.newest(&other.journal).unwrap();
    assert_eq!((start.entries, start.mark, start.passed_over.len()), (0, Mark::START, 2));
}

#[test]
fn a_snapshot_that_cannot_be_written_costs_only_time() {
    let place = Place::new();
    let (entries, whole) = Chance::new(7).journal(60);
    let journal = place.open(Mark::START, &mut |_| Ok(()));
    append(&journal, &entries);
    let mut following = place.following();
    place.disk.limit(Some(place.disk.used()));
    following.turn(journal.durable()).unwrap();
    assert_eq!(following.ledger(), &whole);
    let stats = following.stats();
    assert!(stats.contains(&("snapshots", 0)));
    assert!(stats.iter().any(|&(name, n)| name == "snapshots_failed" && n > 0), "{stats:?}");
}

#[test]
fn a_follower_reads_beside_its_writer_to_the_end() {
    let place = Place::new();
    let (entries, whole) = Chance::new(9).journal(150);
    let journal = Arc::new(place.open(Mark::START, &mut |_| Ok(())));
    append(&journal, &entries[..10]);
    let durable = Arc::clone(&journal);
    let follower =
        Follower::start(place.following(), move || durable.durable(), Duration::from_millis(1));
    let follower = follower.unwrap();
    append(&journal, &entries[10..]);
    while follower.read(|ledger| ledger.version().entries) < 150 {
        assert_eq!(follower.failure(), None);
        std::thread::yield_now();
    }
    assert!(follower.read(|ledger| ledger == &whole));
    assert!(follower.stats().contains(&("entries", 150)));
    drop(follower);
    assert_eq!(place.snapshots.ledger(&place.journal).unwrap().0.ledger, whole);
}

#[test]
fn a_follower_that_cannot_go_on_says_so() {
    let place = Place::new();
    let journal = Arc::new(place.open(Mark::START, &mut |_| Ok(())));
    let (entries, _) = Chance::new(9).journal(5);
    append(&journal, &entries);
    let durable = journal.append(&[9, 9, 9]).unwrap();
    journal.turn();
    drop(durable);
    let told = Arc::clone(&journal);
    let follower =
        Follower::start(place.following(), move || told.durable(), Duration::from_millis(1));
    let follower = follower.unwrap();
    while follower.failure().is_none() {
        std::thread::yield_now();
    }
    assert!(follower.failure().unwrap().contains("version 9"), "{:?}", follower.failure());
    assert_eq!(follower.read(|ledger| ledger.version().entries), 5);
    assert!(follower.stats().contains(&("failed", 1)));
}

#[test]
fn bounds_are_checked() {
    assert_eq!(Config::default().faults(), [""; 0]);
    assert_eq!(Config::default().keep(), Keep::default());
    let wrong = Config { follow_ms: 9, hours: 1, days: 1, cells_max: 1023, ..Config::default() };
    assert_eq!(wrong.faults().len(), 4);
    let wrong = Config {
        follow_ms: 10_001,
        hours: 9601,
        days: 4001,
        cells_max: (1 << 28) + 1,
        ..Config::default()
    };
    assert_eq!(wrong.faults().len(), 4);
}

#[test]
fn funds_of_a_live_server_are_checked_against_all_that_was_written() {
    let place = Place::new();
    let config = journal::Config::default();
    let (journal, _) = Journal::open(&place.journal, &config, &mut |_| Ok(())).unwrap();
    let journal = Arc::new(journal);
    let told = Arc::clone(&journal);
    // Asked so seldom that only the call itself can have folded what is there.
    let every = Duration::from_secs(3600);
    let follower = Follower::start(place.following(), move || told.durable(), every).unwrap();
    let funds = |kind, nanos, key: &str| Funds {
        kind,
        moment: Moment::from_unix_s(1_800_000_000),
        advertiser: AdvertiserId(9),
        name: "cafe".to_owned(),
        amount: Money::new(nanos, Currency::USD),
        key: key.to_owned(),
        author: "anna".to_owned(),
        memo: String::new(),
    };
    let version = follower.fund(&journal, funds(FundsKind::TopUp, 100, "a")).unwrap();
    assert_eq!(version.entries, 1);
    let budget = BudgetId::Funds(AdvertiserId(9));
    let leases = vec![Lease { budget, currency: Currency::USD, ceiling: 60 }];
    let lease = Entry::Leases(Leases { moment: Moment::from_unix_s(1_800_000_001), leases });
    drop(journal.append(&lease.to_bytes()).unwrap());
    let short = follower.fund(&journal, funds(FundsKind::Refund, 41, "b")).unwrap_err();
    assert!(
        matches!(short, FundFault::Ledger(LedgerFault::FundsShort { free: 40, .. })),
        "{short}"
    );
    let twice = follower.fund(&journal, funds(FundsKind::Refund, 1, "a")).unwrap_err();
    assert!(matches!(twice, FundFault::Ledger(LedgerFault::KeyTwice { .. })), "{twice}");
    assert_eq!(follower.fund(&journal, funds(FundsKind::Refund, 40, "b")).unwrap().entries, 3);
    let free = follower.read(|ledger| ledger.budget(budget, Currency::USD).map(|b| b.free));
    assert_eq!(free, Some(0));
    assert_eq!(
        place.snapshots.ledger(&place.journal).unwrap().1,
        3,
        "what is refused is not written"
    );
}
