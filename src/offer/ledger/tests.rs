//! The fold against what is plain to see; `rehearsal::audit` holds its balances against a second
//! arithmetic.

use std::collections::BTreeMap;

use super::samples::{Chance, notice};
use super::*;
use crate::base::units::ids::{AdvertiserId, CampaignId, LineId};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::notice::Kind;
use crate::market::outcome::Refusal;
use crate::market::ticket::BidId;

const USD: Currency = Currency::USD;
const LINE: BudgetId = BudgetId::Line(LineId(7), None);
const LINE_DAY: BudgetId = BudgetId::Line(LineId(7), Some(20_833));
const CAMPAIGN: BudgetId = BudgetId::Campaign(CampaignId(8), None);
const CAMPAIGN_DAY: BudgetId = BudgetId::Campaign(CampaignId(8), Some(20_833));
const FUNDS: BudgetId = BudgetId::Funds(AdvertiserId(9));
const NOW: Moment = Moment::from_unix_s(1_799_999_000);

/// `INTERLUDE_LONG=1` tries a hundred times as many.
fn rounds(short: u64) -> u64 {
    if std::env::var_os("INTERLUDE_LONG").is_some() { short * 100 } else { short }
}

fn limit(budget: BudgetId, nanos: Option<i64>) -> Entry {
    let limit = Limit { budget, currency: USD, nanos, over: 0 };
    Entry::Limits(Limits { moment: NOW, limits: vec![limit] })
}

fn lease(budget: BudgetId, ceiling: i64) -> Entry {
    let leases = vec![Lease { budget, currency: USD, ceiling }];
    Entry::Leases(Leases { moment: NOW, leases })
}

fn funds(kind: FundsKind, nanos: i64, key: &str) -> Entry {
    Entry::Funds(Funds {
        kind,
        moment: NOW,
        advertiser: AdvertiserId(9),
        name: "cafe".to_owned(),
        amount: Money::new(nanos, USD),
        key: key.to_owned(),
        author: "anna".to_owned(),
        memo: String::new(),
    })
}

fn charge(bid: u64, nanos: i64) -> Entry {
    let entry = notice(Kind::Impression, Effect::Charged, nanos);
    Entry::Notice(NoticeEntry { bid: BidId(bid), ..entry })
}

fn opened() -> Entry {
    let line = OpenedLine {
        line: LineId(7),
        campaign: CampaignId(8),
        advertiser: AdvertiserId(9),
        currency: USD,
        path: "cafe/always/mornings".to_owned(),
    };
    Entry::Opened(Opened { moment: NOW, lines: vec![line] })
}

fn after(entries: &[Entry]) -> Ledger {
    let mut ledger = Ledger::default();
    for entry in entries {
        ledger.apply(entry).unwrap();
    }
    ledger
}

/// Free, held and spent.
fn standing(ledger: &Ledger, budget: BudgetId) -> (i64, i64, i64) {
    ledger.budget(budget, USD).map_or((0, 0, 0), |b| (b.free, b.held, b.spent))
}

/// The fault of an entry, and that it has changed nothing.
fn refused(ledger: &Ledger, entry: &Entry) -> LedgerFault {
    let mut tried = ledger.clone();
    let fault = tried.apply(entry).unwrap_err();
    assert_eq!(&tried, ledger, "a fault leaves everything as it was");
    fault
}

#[test]
fn every_entry_posts_what_the_table_says() {
    let mut ledger = Ledger::default();
    let mut post = |entry: Entry, expected: &[(Account, i64)]| {
        let transaction = Transaction::of(&entry, &ledger).unwrap();
        let found: Vec<_> = transaction.postings.iter().map(|p| (p.account, p.nanos)).collect();
        assert_eq!(found, expected, "{entry:?}");
        ledger.apply(&entry).unwrap();
    };
    let (granted, free, held, spent) = (
        |budget| Account::Granted(budget, USD),
        |budget| Account::Free(budget, USD),
        |budget| Account::Held(budget, USD),
        |budget| Account::Spent(budget, USD),
    );
    let bank = Account::Bank(USD);
    post(opened(), &[]);
    post(limit(LINE, Some(100)), &[(granted(LINE), -100), (free(LINE), 100)]);
    post(limit(LINE, Some(90)), &[(granted(LINE), 10), (free(LINE), -10)]);
    post(lease(LINE, 40), &[(free(LINE), -40), (held(LINE), 40)]);
    post(lease(LINE, 30), &[(free(LINE), 10), (held(LINE), -10)]);
    post(limit(FUNDS, Some(0)), &[]);
    post(funds(FundsKind::TopUp, 70, "a"), &[(bank, -70), (free(FUNDS), 70)]);
    post(funds(FundsKind::Refund, 5, "b"), &[(free(FUNDS), -5), (bank, 5)]);
    let written = Account::WrittenOff(USD);
    post(funds(FundsKind::Correction, 3, "c"), &[(written, -3), (free(FUNDS), 3)]);
    post(funds(FundsKind::Correction, -2, "d"), &[(written, 2), (free(FUNDS), -2)]);
    post(lease(FUNDS, 6), &[(free(FUNDS), -6), (held(FUNDS), 6)]);
    post(
        charge(1, 10),
        &[
            (held(LINE), -10),
            (spent(LINE), 10),
            (free(LINE_DAY), -10),
            (spent(LINE_DAY), 10),
            (free(CAMPAIGN), -10),
            (spent(CAMPAIGN), 10),
            (free(CAMPAIGN_DAY), -10),
            (spent(CAMPAIGN_DAY), 10),
            (held(FUNDS), -6),
            (spent(FUNDS), 6),
            (free(FUNDS), -4),
            (spent(FUNDS), 4),
        ],
    );
    let (claimed, disputed) = (Account::Claimed(USD), Account::Disputed(LineId(7), USD));
    for effect in [Effect::Disputed, Effect::Late] {
        let entry = notice(Kind::Impression, effect, 8);
        post(Entry::Notice(entry), &[(claimed, -8), (disputed, 8)]);
    }
    for effect in [Effect::Test, Effect::Conflict] {
        post(Entry::Notice(notice(Kind::Impression, effect, 8)), &[]);
    }
    post(Entry::Notice(notice(Kind::Win, Effect::Counted, 0)), &[]);
    assert_eq!(standing(&ledger, LINE), (60, 20, 10));
    assert_eq!(standing(&ledger, FUNDS), (56, 0, 10));
    let funds = ledger.budget(FUNDS, USD).unwrap();
    assert_eq!((funds.limit(), funds.ceiling()), (Some(66), 10));
    assert_eq!(ledger.budget(LINE, USD).unwrap().limit(), Some(90));
    assert_eq!(ledger.budget(CAMPAIGN, USD).unwrap().limit(), None);
}

#[test]
fn what_was_charged_in_part_is_disputed_in_part() {
    let mut part = notice(Kind::Impression, Effect::Charged, 10);
    part.charged.nanos = 7;
    let ledger = after(&[Entry::Notice(part)]);
    assert_eq!(standing(&ledger, LINE), (-7, 0, 7));
    let total = ledger.total(LineId(7), USD).unwrap();
    assert_eq!((total.spent_nanos, total.disputed_nanos, total.disputed()), (7, 3, 0));
    assert!(ledger.accounts().contains(&(Account::Disputed(LineId(7), USD), 3)));
}

#[test]
fn what_contradicts_is_refused_and_changes_nothing() {
    let ledger = after(&[opened(), limit(LINE, Some(100)), lease(LINE, 50), charge(1, 10)]);
    assert_eq!(refused(&ledger, &charge(1, 5)), LedgerFault::ChargedTwice { bid: BidId(1) });
    assert!(matches!(
        refused(&ledger, &lease(LINE, 9)),
        LedgerFault::Negative { account: Account::Held(LINE, USD), nanos: -1 }
    ));
    let other = Entry::Notice(NoticeEntry {
        line: LineId(70),
        ..notice(Kind::Impression, Effect::Charged, 1)
    });
    assert_eq!(refused(&ledger, &other), LedgerFault::UnknownLine { line: LineId(70) });
    let moved = Entry::Notice(NoticeEntry {
        campaign: Some(CampaignId(80)),
        ..notice(Kind::Impression, Effect::Charged, 1)
    });
    assert_eq!(refused(&ledger, &moved), LedgerFault::OtherOwner { line: LineId(7) });
    let Entry::Opened(mut lines) = opened() else { unreachable!() };
    lines.lines[0].advertiser = AdvertiserId(90);
    assert_eq!(
        refused(&ledger, &Entry::Opened(lines.clone())),
        LedgerFault::OtherOwner { line: LineId(7) }
    );
    lines.lines[0].line = LineId(71);
    lines.lines.push(lines.lines[0].clone());
    assert_eq!(refused(&ledger, &Entry::Opened(lines)), LedgerFault::Twice { at: 1 });
    for twice in [limit(LINE, None), lease(LINE, 60)] {
        let twice = match twice {
            Entry::Limits(mut all) => {
                all.limits.push(all.limits[0]);
                Entry::Limits(all)
            }
            Entry::Leases(mut all) => {
                all.leases.push(all.leases[0]);
                Entry::Leases(all)
            }
            other => other,
        };
        assert_eq!(refused(&ledger, &twice), LedgerFault::Twice { at: 1 });
    }
    assert_eq!(
        ledger.clone().read(&[3, 1]),
        Err(LedgerFault::Entry(EntryFault::Version(3))),
        "a record of a newer program"
    );
}

#[test]
fn amounts_that_cannot_be_are_refused() {
    let ledger = Ledger::default();
    let paid = |change: fn(&mut NoticeEntry)| {
        let mut entry = notice(Kind::Impression, Effect::Charged, 10);
        change(&mut entry);
        Entry::Notice(entry)
    };
    let wrong = [
        paid(|entry| entry.charged.nanos = 11),
        paid(|entry| entry.charged.nanos = -1),
        paid(|entry| entry.effect = Effect::Disputed),
        paid(|entry| entry.billable = false),
        paid(|entry| (entry.charged.nanos, entry.due_nanos) = (-1, -1)),
        limit(LINE, Some(-1)),
        limit(FUNDS, Some(1)),
        Entry::Limits(Limits {
            moment: NOW,
            limits: vec![Limit { budget: LINE, currency: USD, nanos: None, over: -1 }],
        }),
        funds(FundsKind::TopUp, 0, "a"),
        funds(FundsKind::TopUp, -5, "a"),
        funds(FundsKind::Refund, -5, "a"),
        funds(FundsKind::Correction, 0, "a"),
        funds(FundsKind::Correction, i64::MIN, "a"),
        funds(FundsKind::TopUp, 5, ""),
    ];
    for entry in wrong {
        let fault = refused(&ledger, &entry);
        assert!(matches!(fault, LedgerFault::Amount { .. }), "{entry:?}: {fault}");
    }
    assert!(Ledger::default().apply(&limit(FUNDS, Some(0))).is_ok());
}

#[test]
fn funds_never_go_below_nought_and_a_key_books_once() {
    let paid = after(&[limit(FUNDS, Some(0)), funds(FundsKind::TopUp, 100, "a"), lease(FUNDS, 30)]);
    let short = |free, asked| LedgerFault::FundsShort { name: "cafe".to_owned(), free, asked };
    assert_eq!(refused(&paid, &funds(FundsKind::Refund, 71, "b")), short(70, 71));
    assert_eq!(refused(&paid, &funds(FundsKind::Correction, -71, "b")), short(70, -71));
    let key = LedgerFault::KeyTwice { key: "a".to_owned() };
    assert_eq!(refused(&paid, &funds(FundsKind::TopUp, 1, "a")), key);
    assert!(paid.has_funds_key("a") && !paid.has_funds_key("b"));
    let mut all = paid.clone();
    all.apply(&funds(FundsKind::Refund, 70, "b")).unwrap();
    assert_eq!(standing(&all, FUNDS), (0, 30, 0));
    // Who pays afterwards owes, and may pay back a part of it.
    let mut owes = after(&[charge(1, 50)]);
    owes.apply(&funds(FundsKind::TopUp, 20, "c")).unwrap();
    assert_eq!(standing(&owes, FUNDS), (-30, 0, 50));
    assert_eq!(refused(&owes, &funds(FundsKind::Refund, 1, "d")), short(-30, 1));
}

#[test]
fn amounts_beyond_64_bits_are_refused_not_wrapped() {
    let most = i64::MAX;
    let full = after(&[funds(FundsKind::TopUp, most, "a")]);
    let fault = refused(&full, &funds(FundsKind::TopUp, 1, "b"));
    assert_eq!(fault, LedgerFault::Overflow { account: Account::Free(FUNDS, USD) });
    let spent = after(&[charge(1, most)]);
    let fault = refused(&spent, &charge(2, 2));
    assert!(matches!(fault, LedgerFault::Overflow { .. }), "{fault}");
    let free = Account::Free(LINE, USD);
    let low = after(&[lease(LINE, 5)]);
    assert_eq!(refused(&low, &lease(LINE, i64::MIN)), LedgerFault::Overflow { account: free });
    // A fault half-way through many postings takes back those before it.
    let day = after(&[funds(FundsKind::TopUp, 5, "a"), lease(FUNDS, 5), {
        let entry = notice(Kind::Impression, Effect::Charged, most);
        Entry::Notice(NoticeEntry { advertiser: None, campaign: None, ..entry })
    }]);
    let entry = notice(Kind::Impression, Effect::Charged, 2);
    let next = NoticeEntry { bid: BidId(2), line: LineId(1), day: 1, ..entry };
    let mut fits = day.clone();
    fits.apply(&Entry::Notice(next)).unwrap();
    let clash = NoticeEntry { bid: BidId(3), line: LineId(7), day: 2, ..entry };
    refused(&day, &Entry::Notice(clash));
}

#[test]
fn a_charge_beyond_its_lease_is_told() {
    let strict = [limit(LINE, Some(100)), lease(LINE, 100)];
    let mut ledger = after(&strict);
    ledger.apply(&charge(1, 100)).unwrap();
    assert_eq!(ledger.breaches(), &Breaches::default(), "to the last nano");
    ledger.apply(&charge(2, 3)).unwrap();
    let breach = Breach { entry: 4, budget: LINE, currency: USD, nanos: 3 };
    assert_eq!(ledger.breaches(), &Breaches { count: 1, named: vec![breach] });

    // A lease above the limit, but not above what an expected budget may exceed it by.
    let mut ledger = after(&[limit(LINE, Some(100))]);
    ledger.apply(&lease(LINE, 101)).unwrap();
    assert_eq!(ledger.breaches().count, 1);
    let expected = Limit { budget: LINE, currency: USD, nanos: Some(100), over: 5 };
    let limits = Limits { moment: NOW, limits: vec![expected] };
    let mut ledger = after(&[Entry::Limits(limits), lease(LINE, 105), charge(1, 105)]);
    assert_eq!(ledger.breaches().count, 0);
    ledger.apply(&lease(LINE, 106)).unwrap();
    assert_eq!(ledger.breaches().named[0].nanos, 1);

    // A lowered limit is no breach by itself: what is held may still be charged.
    let mut ledger = after(&[limit(LINE, Some(100)), lease(LINE, 80), limit(LINE, Some(10))]);
    ledger.apply(&charge(1, 80)).unwrap();
    ledger.apply(&lease(LINE, 80)).unwrap();
    assert_eq!((ledger.breaches().count, standing(&ledger, LINE)), (0, (-70, 0, 80)));

    // Nor is the charge of a bid that was made before there was a limit.
    let mut ledger = Ledger::default();
    let late = Limit { budget: LINE, currency: USD, nanos: Some(1), over: 0 };
    let moment = Moment::from_unix_s(1_800_000_001);
    ledger.apply(&Entry::Limits(Limits { moment, limits: vec![late] })).unwrap();
    ledger.apply(&charge(1, 9)).unwrap();
    assert_eq!(ledger.breaches().count, 0);
    let made = Moment::from_unix_s(1_800_000_001);
    let entry = notice(Kind::Impression, Effect::Charged, 9);
    ledger.apply(&Entry::Notice(NoticeEntry { bid: BidId(2), made, ..entry })).unwrap();
    assert_eq!(ledger.breaches().count, 1);
    for bid in 3..100 {
        let entry = NoticeEntry { bid: BidId(bid), made, ..entry };
        ledger.apply(&Entry::Notice(entry)).unwrap();
    }
    assert_eq!((ledger.breaches().count, ledger.breaches().named.len()), (98, 64));
}

#[test]
fn a_line_of_old_counts_for_its_owners_once_they_are_known() {
    let old = NoticeEntry {
        campaign: None,
        advertiser: None,
        ..notice(Kind::Impression, Effect::Charged, 9)
    };
    let mut ledger = after(&[Entry::Notice(old)]);
    assert_eq!((standing(&ledger, LINE), standing(&ledger, CAMPAIGN)), ((-9, 0, 9), (0, 0, 0)));
    ledger.apply(&opened()).unwrap();
    assert_eq!(standing(&ledger, CAMPAIGN), (-9, 0, 9));
    assert_eq!(standing(&ledger, FUNDS), (-9, 0, 9));
    // A second time it is known already; and what follows knows its owners by the line.
    ledger.apply(&opened()).unwrap();
    ledger.apply(&Entry::Notice(NoticeEntry { bid: BidId(2), ..old })).unwrap();
    assert_eq!(standing(&ledger, FUNDS), (-18, 0, 18));
    assert_eq!(standing(&ledger, CAMPAIGN_DAY), (-9, 0, 9));
    assert_eq!(ledger.line(LineId(7), USD).unwrap().path, "cafe/always/mornings");
    assert_eq!(ledger.owner(LineId(7), USD), Some((CampaignId(8), AdvertiserId(9))));
    assert_eq!(ledger.owner(LineId(7), Currency::EUR), None);
}

#[test]
fn runs_and_reports_are_known() {
    let mut ledger = Ledger::default();
    let started = |epoch| {
        let (program, restored) = ("0.1.0".to_owned(), false);
        Entry::Started(Started { moment: NOW, epoch, program, restored })
    };
    ledger.apply(&started(1)).unwrap();
    ledger.apply(&Entry::Stopped(Stopped { moment: NOW.plus_s(5), epoch: 1 })).unwrap();
    let stopped = Run { epoch: 1, started: NOW, stopped: true, moment: NOW.plus_s(5) };
    assert_eq!(ledger.run(), &stopped);
    ledger.apply(&started(2)).unwrap();
    let again = Run { epoch: 2, stopped: false, ..stopped };
    assert_eq!(ledger.run(), &again, "the latest moment stays");
    let (exchange, author, lines) = ("demo".to_owned(), "anna".to_owned(), Vec::new());
    let report = Reconciled { moment: NOW, exchange, report: 5, author, lines };
    ledger.apply(&Entry::Reconciled(report)).unwrap();
    assert!(ledger.has_report(5) && !ledger.has_report(6));
}

#[test]
fn the_version_is_a_chain_over_all_records() {
    let (first, second) = (charge(1, 5), charge(2, 5));
    let one_way = after(&[first.clone(), second.clone()]);
    let other_way = after(&[second, first.clone()]);
    assert_eq!(one_way.version().entries, 2);
    assert_ne!(one_way.version(), other_way.version());
    let mut read = Ledger::default();
    read.read(&first.to_bytes()).unwrap();
    assert_eq!(read.version(), after(&[first]).version());
    assert!(read.version().to_string().starts_with("1-"));
    assert_eq!(read.version().to_string().len(), 18);
}

/// Every account of every currency together, and each budget by itself.
fn assert_conserved(ledger: &Ledger) {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for (account, nanos) in ledger.accounts() {
        *sums.entry(account.currency()).or_default() += i128::from(nanos);
    }
    assert!(sums.values().all(|&sum| sum == 0), "{sums:?}");
    for (id, _, budget) in ledger.budgets() {
        assert!(budget.held >= 0 && budget.spent >= 0, "{id}: {budget:?}");
        if !matches!(id, BudgetId::Funds(_)) {
            assert_eq!(budget.granted, budget.free + budget.held + budget.spent, "{id}");
        }
    }
}

#[test]
fn by_chance_all_is_conserved_and_faults_change_nothing() {
    for seed in 0..rounds(30) {
        let mut chance = Chance::new(seed);
        let (mut ledger, mut faults) = (Ledger::default(), 0);
        for _ in 0..150 {
            let entry = chance.entry(&ledger);
            let before = ledger.clone();
            match Transaction::of(&entry, &ledger) {
                Ok(transaction) => assert_eq!(transaction.unbalanced(), None),
                Err(_) => faults += 1,
            }
            match ledger.apply(&entry) {
                Ok(()) => assert_eq!(ledger.version().entries, before.version().entries + 1),
                Err(_) => assert_eq!(ledger, before, "seed {seed}"),
            }
            assert_conserved(&ledger);
        }
        assert!(faults > 0, "seed {seed} tries nothing that is refused");
    }
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    for seed in 0..rounds(12) {
        let mut chance = Chance::new(1000 + seed);
        let (entries, whole) = chance.journal(400);
        let cut = chance.rng.below(entries.len());
        let bytes = after(&entries[..cut]).encode();
        let mut restored = Ledger::decode(&bytes).unwrap();
        assert_eq!(restored, after(&entries[..cut]), "seed {seed}");
        for entry in &entries[cut..] {
            restored.apply(entry).unwrap();
        }
        assert_eq!(restored, whole, "seed {seed}, cut at {cut}");
        assert_eq!(restored.encode(), whole.encode(), "seed {seed}: equal bytes");
        assert_eq!(restored.version(), whole.version());
    }
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let (_, ledger) = Chance::new(5).journal(12);
    let bytes = ledger.encode();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(Ledger::decode(&bad).is_err(), "a flipped bit in byte {at}");
        assert!(Ledger::decode(&bytes[..at]).is_err(), "cut off at {at}");
    }
    let mut newer = bytes.clone();
    newer[7] += 1;
    assert_eq!(Ledger::decode(&newer), Err(SnapshotFault::Magic));
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(Ledger::decode(&longer), Err(SnapshotFault::Sum));
}

type Counted = BTreeMap<(Hour, LineId, Currency), BTreeMap<&'static str, i64>>;

/// Figures counted again, entry by entry, in the plainest way.
fn counted(entries: &[Entry]) -> Counted {
    let mut cells = Counted::new();
    for entry in entries {
        match entry {
            Entry::Notice(entry) => {
                let key = (Hour::of(entry.made), entry.line, entry.charged.currency);
                let cell = cells.entry(key).or_default();
                let mut add = |label, n| *cell.entry(label).or_default() += n;
                let open = entry.due_nanos - entry.charged.nanos;
                let told =
                    matches!(entry.effect, Effect::Counted | Effect::Charged | Effect::Disputed);
                if let (true, Some(figure)) = (told, Figure::of(entry.kind)) {
                    add(figure.label(), 1);
                }
                match entry.effect {
                    Effect::Charged => {
                        add("charged", 1);
                        add("spent", entry.charged.nanos);
                        add("disputed", open);
                    }
                    Effect::Disputed => {
                        add("no_funds", 1);
                        add("disputed", open);
                    }
                    Effect::Late if entry.billable => {
                        add("late", 1);
                        add("disputed", open);
                    }
                    Effect::Conflict => add("conflicts", 1),
                    _ => {}
                }
            }
            Entry::Tally(tally) => {
                for line in &tally.lines {
                    let cell = cells.entry((tally.hour, line.line, line.currency)).or_default();
                    *cell.entry("matched").or_default() += i64::from(line.matched);
                    *cell.entry("bids").or_default() += i64::from(line.bids);
                    for (reason, n) in &line.refusals {
                        *cell.entry(reason.label()).or_default() += i64::from(*n);
                    }
                }
            }
            _ => {}
        }
    }
    cells
}

#[test]
fn figures_are_those_of_the_hour_of_the_bid() {
    let (entries, ledger) = Chance::new(8).journal(600);
    let cells = counted(&entries);
    let mut found = 0;
    for (hour, line, figures) in ledger.hours() {
        let naive = &cells[&(hour, line.line, line.currency)];
        let of = |label: &str| naive.get(label).copied().unwrap_or(0);
        for &figure in Figure::ALL {
            assert_eq!(figures.count(figure) as i64, of(figure.label()), "{figure:?}");
        }
        assert_eq!((figures.spent_nanos, figures.disputed_nanos), (of("spent"), of("disputed")));
        assert_eq!(figures.disputed() as i64, of("no_funds") + of("late"));
        for reason in [Refusal::Paced, Refusal::Capped] {
            let n = figures.refusals().iter().find(|(of, _)| *of == reason).map_or(0, |r| r.1);
            assert_eq!(n as i64, of(reason.label()));
        }
        assert!(figures.refusals().is_sorted());
        found += 1;
    }
    assert_eq!(found, cells.len());
    // A line's total is the sum of its hours.
    for record in ledger.lines() {
        let mut sum = Figures::default();
        let own = ledger.hours().filter(|(_, line, _)| *line == record);
        own.for_each(|(_, _, figures)| sum.merge(figures));
        let total = ledger.total(record.line, record.currency);
        assert_eq!(total.cloned().unwrap_or_default(), sum, "{record:?}");
    }
}

#[test]
fn old_hours_become_days_and_old_days_only_totals() {
    let keep = Keep { hours: 3, days: 2, cells: 1000 };
    let mut ledger = Ledger::new(keep);
    let start = Hour(24 * 20_000);
    let bids = |n: u64| {
        let made = Hour(start.0 + n as u32 * 8).start();
        let entry = notice(Kind::Win, Effect::Counted, 0);
        Entry::Notice(NoticeEntry { bid: BidId(n), made, ..entry })
    };
    (0..12).for_each(|n| ledger.apply(&bids(n)).unwrap());
    let hours: Vec<u32> = ledger.hours().map(|(hour, ..)| (hour.0 - start.0) / 8).collect();
    assert_eq!(hours, [9, 10, 11]);
    let days: Vec<(u32, u64)> = ledger
        .folded()
        .map(|(day, _, figures)| ((day.0 - start.0) / 24, figures.count(Figure::Wins)))
        .collect();
    assert_eq!(days, [(1, 3), (2, 3)]);
    assert_eq!(ledger.total(LineId(7), USD).unwrap().count(Figure::Wins), 12);
    // What comes late for an hour that was folded goes to its day at once.
    ledger.apply(&bids(7)).unwrap();
    let days: Vec<u64> =
        ledger.folded().map(|(_, _, figures)| figures.count(Figure::Wins)).collect();
    assert_eq!((ledger.hours().count(), days), (3, vec![3, 4]));
    // More lines than cells are kept fold sooner, but the latest hour stays.
    let mut few = Ledger::new(Keep { hours: 9, days: 9, cells: 2 });
    for (line, hour) in [(1, 0), (2, 0), (1, 1), (2, 1), (3, 1), (3, 1)] {
        let entry = notice(Kind::Win, Effect::Counted, 0);
        let made = Hour(start.0 + hour).start();
        few.apply(&Entry::Notice(NoticeEntry { line: LineId(line), made, ..entry })).unwrap();
    }
    let hours: Vec<(u32, u64)> =
        few.hours().map(|(hour, line, _)| (hour.0 - start.0, line.line.0)).collect();
    assert_eq!(hours, [(1, 1), (1, 2), (1, 3)]);
    assert_eq!(few.folded().count(), 2);
}

#[test]
fn day_budgets_are_kept_for_the_latest_days() {
    let mut ledger = Ledger::default();
    for day in (0..40).rev().chain([3]) {
        let entry = notice(Kind::Impression, Effect::Charged, 1);
        let bid = BidId(100 + ledger.version().entries);
        ledger.apply(&Entry::Notice(NoticeEntry { bid, day, ..entry })).unwrap();
    }
    let mut days: Vec<i32> = ledger.budgets().filter_map(|(id, ..)| id.day()).collect();
    days.sort_unstable();
    days.dedup();
    assert_eq!(days, (40 - DAYS_KEPT as i32..40).collect::<Vec<_>>());
    assert_eq!(standing(&ledger, LINE), (-41, 0, 41));
    assert_conserved(&ledger);
}
