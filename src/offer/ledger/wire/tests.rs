use super::*;
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::Moment;
use crate::market::exchange::ExchangeIx;
use crate::market::notice::{Kind, PriceRule};
use crate::market::ticket::BidId;
use crate::offer::ledger::Ledger;
use crate::offer::ledger::samples::{Chance, notice};
use crate::offer::ledger::{Conflict, Effect, NoticeEntry};

/// `INTERLUDE_LONG=1` tries fifty times as many.
fn rounds() -> u64 {
    if std::env::var_os("INTERLUDE_LONG").is_some() { 50_000 } else { 1_000 }
}

#[test]
fn every_entry_reads_back_and_no_part_of_one_does() {
    let (mut chance, ledger) = (Chance::new(31), Ledger::default());
    let mut tags = [0; 10];
    for _ in 0..rounds() {
        let entry = chance.entry(&ledger);
        let bytes = entry.to_bytes();
        tags[usize::from(bytes[1])] += 1;
        assert_eq!(Entry::decode(&bytes), Ok(entry.clone()));
        assert_eq!(bytes[0], 2);
        for end in 0..bytes.len() {
            assert!(Entry::decode(&bytes[..end]).is_err(), "{entry:?} cut off at {end}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Entry::decode(&longer), Err(EntryFault::Cut(Cut::Long(1))), "{entry:?}");
    }
    assert!(tags[1..].iter().all(|&n| n > 0), "{tags:?}");
}

/// The layout that the head of the module promises, byte by byte: other programs read it.
#[test]
fn a_notice_stands_as_it_is_written_down() {
    let entry = NoticeEntry {
        kind: Kind::Impression,
        effect: Effect::Charged,
        rule: PriceRule::Above,
        moment: Moment::from_unix_us(0x0101),
        made: Moment::from_unix_us(0x0202),
        day: -2,
        bid: BidId(0x0303),
        line: LineId(0x0404),
        campaign: Some(CampaignId(0x0505)),
        advertiser: None,
        creative: 0x0606,
        exchange: ExchangeIx(0x0707),
        price: Money::new(0x0808, Currency::EUR),
        charged: Money::new(0x0909, Currency::USD),
        due_nanos: 0x0a0a,
        held_nanos: 0x0b0b,
        expires: Moment::from_unix_us(0x0c0c),
        rates: 0x0d0d,
        loss: -1,
        min_to_win: 0x0e0e,
        billable: true,
        conflict: Some(Conflict::LossAfterWin),
    };
    let expected = concat!(
        "0201",
        "03",
        "01",
        "01",
        "01",
        "02", // kind, effect, rule, billable, conflict
        "0101000000000000",
        "0202000000000000",
        "feffffff", // moment, made, day
        "0303000000000000",
        "0404000000000000",
        "0505000000000000",
        "0000000000000000",
        "06060000",
        "0707",
        "455552",
        "0808000000000000",
        "555344",
        "0909000000000000",
        "0a0a000000000000",
        "0b0b000000000000",
        "0c0c000000000000",
        "0d0d000000000000",
        "ffffffff",
        "0e0e000000000000"
    );
    assert_eq!(hex(&Entry::Notice(entry).to_bytes()), expected);
}

/// 88 bytes as the first version wrote them.
fn old() -> Vec<u8> {
    let text = concat!(
        "01",
        "03",
        "02",
        "02", // version, kind, effect, rule
        "00c0a51c0e650600",
        "0300000000000000",
        "0700000000000000", // moment, bid, line
        "05000000",
        "0200",
        "455552",
        "00093d0000000000", // creative, exchange, price
        "555344",
        "0000000000000000",
        "404b4c0000000000", // charged, held
        "00f0dcea0e650600",
        "03000000",
        "0900000000000000", // expires, loss, min to win
        "01",
        "000000"
    );
    (0..88).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn a_notice_of_the_first_version_reads() {
    let bytes = old();
    let moment = Moment::from_unix_us(i64::from_le_bytes(bytes[4..12].try_into().unwrap()));
    let expected = NoticeEntry {
        kind: Kind::Impression,
        effect: Effect::Disputed,
        rule: PriceRule::Missing,
        moment,
        made: moment,
        day: (moment.unix_s() / 86_400) as i32,
        bid: BidId(3),
        line: LineId(7),
        campaign: None,
        advertiser: None,
        creative: 5,
        exchange: ExchangeIx(2),
        price: Money::new(4_000_000, Currency::EUR),
        charged: Money::zero(Currency::USD),
        due_nanos: 5_000_000,
        held_nanos: 5_000_000,
        expires: Moment::from_unix_us(i64::from_le_bytes(bytes[64..72].try_into().unwrap())),
        rates: 0,
        loss: 3,
        min_to_win: 9,
        billable: true,
        conflict: None,
    };
    assert_eq!(Entry::decode(&bytes), Ok(Entry::Notice(expected)));
    for end in 0..88 {
        assert!(Entry::decode(&bytes[..end]).is_err(), "cut off at {end}");
    }
    assert!(Entry::decode(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn of_an_old_notice_is_due_what_was_charged_or_held() {
    let bytes = old();
    let with = |changes: &[(usize, u8)]| {
        let mut bytes = bytes.clone();
        changes.iter().for_each(|&(at, byte)| bytes[at] = byte);
        match Entry::decode(&bytes) {
            Ok(Entry::Notice(entry)) => Ok((entry.due_nanos, entry.billable)),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault),
        }
    };
    assert_eq!(with(&[(2, 1), (48, 6)]), Ok((6, true)));
    assert_eq!(with(&[(2, 3)]), Ok((5_000_000, true)));
    assert_eq!(with(&[(2, 3), (84, 0)]), Ok((0, false)));
    assert_eq!(with(&[(2, 2), (84, 0)]), Ok((0, false)));
    assert_eq!(with(&[(2, 0)]), Ok((0, true)));
    // The first version knew no conflicts.
    assert_eq!(with(&[(2, 5)]), Err(EntryFault::Cut(Cut::Value("effect"))));
}

#[test]
fn what_is_none_of_ours_is_named() {
    assert_eq!(Entry::decode(&[]), Err(EntryFault::Cut(Cut::Short)));
    assert_eq!(Entry::decode(&[3, 1]), Err(EntryFault::Version(3)));
    assert_eq!(Entry::decode(&[2, 10]), Err(EntryFault::Kind(10)));
    assert_eq!(Entry::decode(&[2, 0]), Err(EntryFault::Kind(0)));
    let bytes = Entry::Notice(notice(Kind::Win, Effect::Counted, 0)).to_bytes();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        Entry::decode(&bytes).map(|_| ())
    };
    let value = |what| Err(EntryFault::Cut(Cut::Value(what)));
    assert_eq!(with(2, 200), value("kind"));
    assert_eq!(with(3, 6), value("effect"));
    assert_eq!(with(4, 200), value("price rule"));
    assert_eq!(with(5, 2), value("flag"));
    assert_eq!((with(6, 3), with(6, 4)), (Ok(()), value("conflict")));
    let mut budget = vec![5];
    budget.extend([0; 12]);
    assert_eq!(take_budget(&mut Take(&budget)), Err(Cut::Value("budget")));
}

#[test]
fn codes_read_back() {
    for &effect in Effect::ALL {
        assert_eq!(Effect::from_code(effect as u8), Some(effect));
    }
    let labels: std::collections::BTreeSet<_> = Effect::ALL.iter().map(|e| e.label()).collect();
    assert_eq!(labels.len(), Effect::ALL.len());
    assert_eq!(Effect::Conflict.label(), "conflict");
    assert_eq!(FundsKind::from_code(3), None);
    assert_ne!(crate::offer::ledger::rates_mark("ecb"), crate::offer::ledger::rates_mark(""));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
