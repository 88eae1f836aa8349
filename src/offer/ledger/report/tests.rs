use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::base::stdx::csv::Rows;
use crate::base::units::ids::CampaignId;
use crate::market::notice::Kind;
use crate::market::outcome::Refusal;
use crate::market::ticket::BidId;
use crate::offer::ledger::entry::{
    Effect, Entry, NoticeEntry, Opened, OpenedLine, Tally, TallyLine,
};
use crate::offer::ledger::samples::notice;
use crate::offer::ledger::{Figure, Keep};

const START: i64 = 1_800_000_000;

fn opened() -> Entry {
    let line = |n: u64, path: &str| OpenedLine {
        line: LineId(n),
        campaign: CampaignId(8),
        advertiser: AdvertiserId(9),
        currency: Currency::USD,
        path: path.to_owned(),
    };
    let lines = vec![line(7, "acme/spring/one"), line(6, "acme/spring/=two"), line(5, "ace/x/y")];
    Entry::Opened(Opened { moment: Moment::from_unix_s(START), lines })
}

pub(super) fn heard(n: u64, line: u64, hour: i64, nanos: i64) -> Entry {
    let made = Moment::from_unix_s(START + hour * 3600);
    let entry = notice(Kind::Impression, Effect::Charged, nanos);
    let (bid, line) = (BidId(n), LineId(line));
    Entry::Notice(NoticeEntry { made, moment: made, bid, line, ..entry })
}

pub(super) fn tally(line: u64, hour: i64, matched: u32) -> Entry {
    let moment = Moment::from_unix_s(START + hour * 3600);
    let refusals = vec![(Refusal::Capped, 2), (Refusal::Paused, 1)];
    let (line, currency) = (LineId(line), Currency::USD);
    let lines = vec![TallyLine { line, currency, matched, bids: matched / 2, refusals }];
    Entry::Tally(Tally { moment, hour: Hour::of(moment), lines })
}

pub(super) fn ledger(keep: Keep, entries: &[Entry]) -> Ledger {
    let mut ledger = Ledger::new(keep);
    ledger.apply(&opened()).unwrap();
    for entry in entries {
        ledger.apply(entry).unwrap();
    }
    ledger
}

pub(super) fn ask(by: By) -> Question {
    let zones = Zones::One(Arc::new(Calendar::utc()));
    Question { of: None, from: None, until: None, by, zones, rows_max: 10_000 }
}

fn of(ledger: &Ledger, question: &Question) -> Report {
    Report::of(ledger, question).unwrap()
}

#[test]
fn a_report_holds_what_is_asked_for() {
    let entries = [
        tally(7, 0, 10),
        heard(1, 7, 0, 4_000_000),
        heard(2, 7, 1, 5_000_000),
        heard(3, 6, 1, 1_500_000),
        heard(4, 5, 30, 7),
    ];
    let ledger = ledger(Keep::default(), &entries);
    let all = of(&ledger, &ask(By::Line));
    let told: Vec<_> = all.rows.iter().map(|r| (&r.path[..], r.figures.spent_nanos)).collect();
    let wanted = [("ace/x/y", 7), ("acme/spring/=two", 1_500_000), ("acme/spring/one", 9_000_000)];
    assert_eq!(told, wanted);
    assert_eq!(all.version, ledger.version());
    assert_eq!(all.totals[0].1.spent_nanos, 10_500_007);
    let hours = of(&ledger, &Question { of: Some("acme/spring/one".into()), ..ask(By::Hour) });
    let spent: Vec<_> = hours.rows.iter().map(|row| row.figures.spent_nanos).collect();
    assert_eq!(spent, [4_000_000, 5_000_000]);
    assert_eq!(hours.rows[0].figures.count(Figure::Matched), 10);
    for (part, rows) in [("acme", 2), ("ac", 0), ("acme/spring", 2), ("acme/sprin", 0)] {
        let asked = Question { of: Some(part.into()), ..ask(By::Line) };
        assert_eq!(of(&ledger, &asked).rows.len(), rows, "{part}");
    }
    let at = |hour: i64| Some(Moment::from_unix_s(START + hour * 3600));
    let later = Question { from: at(1), until: at(30), ..ask(By::Line) };
    let spent: Vec<_> = of(&ledger, &later).rows.iter().map(|r| r.figures.spent_nanos).collect();
    assert_eq!(spent, [1_500_000, 5_000_000]);
    let few = Question { rows_max: 2, ..ask(By::Line) };
    assert_eq!(Report::of(&ledger, &few), Err(TooManyRows(2)));
}

#[test]
fn a_day_is_that_of_the_account() {
    // 2027-01-15T08:00Z; the second is at 23:00Z, in Berlin on the next day.
    let ledger = ledger(Keep::default(), &[heard(1, 7, 0, 1), heard(2, 7, 15, 2)]);
    assert_eq!(of(&ledger, &ask(By::Day)).rows.len(), 1);
    let berlin = Arc::new(Calendar::of("Europe/Berlin").unwrap());
    let own = Zones::Own([(AdvertiserId(9), Arc::clone(&berlin))].into());
    for zones in [Zones::One(berlin), own] {
        let days = of(&ledger, &Question { zones, ..ask(By::Day) });
        let spent: Vec<_> = days.rows.iter().map(|row| row.figures.spent_nanos).collect();
        assert_eq!(spent, [1, 2]);
    }
}

#[test]
fn the_table_is_exact_and_harmless() {
    let entries = [
        tally(6, 0, 9),
        heard(1, 6, 0, 4_000_001),
        heard(2, 6, 0, 4_000_000),
        heard(3, 6, 0, 4_000_000),
    ];
    let ledger = ledger(Keep::default(), &entries);
    let mut report = of(&ledger, &ask(By::Hour));
    let listeners = [Some(170), Some(49), Some(0), None, None, None, None, None, None, Some(99)];
    report.rows[0].reach = Some(Reached::coarse(Some(319), listeners));
    let text = csv(&report, &TimeZone::UTC);
    let rows: Vec<_> = Rows::of(&text).map(|(_, row)| row.unwrap().cells).collect();
    assert_eq!(rows.len(), 2);
    let cell = |name: &str| {
        let at = COLUMNS.iter().position(|column| *column == name).unwrap();
        rows[1][at].as_str()
    };
    assert_eq!(cell("line"), "'=two");
    assert_eq!(cell("from"), "2027-01-15T08:00:00+00:00");
    assert_eq!((cell("spend"), cell("average_cpm")), ("0.012000001", "4"));
    assert_eq!((cell("impressions"), cell("completion_rate")), ("3", "0.0000"));
    assert_eq!((cell("reach"), cell("frequency")), ("300", "1 150; 10+ 50"));
    assert_eq!((cell("matched"), cell("not_bid")), ("9", "paused 1; capped 2"));
    assert_eq!(rows[1].last().unwrap(), &ledger.version().to_string());
    let told = json(&report, &TimeZone::UTC);
    assert_eq!(told["rows"][0]["spend"], "0.012000001");
    assert_eq!(told["rows"][0]["line"], "=two");
    assert_eq!(told["rows"][0]["not_bid"]["capped"], 2);
    assert_eq!(told["rows"][0]["frequency"]["2"], Value::Null);
    assert_eq!(told["totals"][0]["spend"], "0.012000001");
    assert_eq!(told["rows"][0].as_object().unwrap().len(), COLUMNS.len());
}

proptest! {
    /// However it is cut, nothing is lost or doubled, also of what was folded.
    #[test]
    fn every_cut_comes_to_the_same(
        events in proptest::collection::vec((5u64..8, 0i64..200, 1i64..1_000_000), 1..60),
    ) {
        let entries: Vec<Entry> = events
            .iter()
            .enumerate()
            .map(|(n, &(line, hour, nanos))| heard(n as u64, line, hour, nanos))
            .collect();
        let kept = Keep { hours: 20, ..Keep::default() };
        let (whole, folded) = (ledger(Keep::default(), &entries), ledger(kept, &entries));
        let wanted = of(&whole, &ask(By::Line));
        for by in [By::Hour, By::Day, By::Line] {
            for (ledger, zone) in [
                (&whole, "UTC"),
                (&folded, "UTC"),
                (&whole, "Asia/Kolkata"),
                (&folded, "Asia/Tokyo"),
            ] {
                let zones = Zones::One(Arc::new(Calendar::of(zone).unwrap()));
                let report = of(ledger, &Question { zones, ..ask(by) });
                prop_assert_eq!(&report.totals, &wanted.totals);
                prop_assert_eq!(report.version, wanted.version);
            }
        }
        let ranged = Question {
            from: Some(Moment::from_unix_s(START - 86_400)),
            ..ask(By::Line)
        };
        prop_assert_eq!(&of(&whole, &ranged).totals, &wanted.totals);
    }

    /// Differences of two answers tell of no group below the step.
    #[test]
    fn no_difference_tells_of_few(a in 0u64..5000, few in 0u64..50) {
        let coarse = |n| Reached::coarse(Some(n), [None; 10]).listeners.unwrap_or(0);
        prop_assert_eq!((coarse(a + few) - coarse(a)) % LISTENERS_STEP, 0);
    }
}
