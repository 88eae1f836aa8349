use super::*;
use crate::base::units::ids::CampaignId;
use crate::base::units::money::Money;
use crate::base::units::time::Moment;
use crate::market::notice::Kind;
use crate::offer::ledger::entry::{NoticeEntry, Opened, OpenedLine};
use crate::offer::ledger::samples::notice;

const HOUR: i64 = 1_800_000_000;
const EXCHANGE: ExchangeIx = ExchangeIx(2);
const BOUNDS: Bounds = Bounds { rows: 100, faults: 10 };

fn claims(text: &str) -> Result<Vec<Claim>, Vec<RowFault>> {
    read(text, &Columns::default(), BOUNDS)
}

fn charged(bid: u64, line: LineId, hour: i64, nanos: i64) -> Entry {
    let made = Moment::from_unix_s(HOUR + hour * 3600 + 30);
    let charged = Money::new(nanos, Currency::EUR);
    let entry = notice(Kind::Impression, Effect::Charged, nanos);
    Entry::Notice(NoticeEntry { bid: BidId(bid), line, made, charged, exchange: EXCHANGE, ..entry })
}

fn lines() -> (LineId, LineId) {
    (LineId::of("acme", "spring", "one"), LineId::of("acme", "spring", "two"))
}

fn ours(claims: &[Claim]) -> Vec<Compared> {
    let (one, two) = lines();
    let mut ours = Ours::sought(EXCHANGE, claims);
    for entry in [
        charged(1, one, 0, 4_000_000),
        charged(2, one, 0, 5_000_000),
        charged(3, two, 1, 6_000_000),
        charged(4, two, 9, 6_000_000),
    ] {
        ours.entry(&entry);
    }
    let Entry::Notice(other) = charged(5, one, 0, 7) else { unreachable!() };
    ours.entry(&Entry::Notice(NoticeEntry { exchange: ExchangeIx(3), ..other }));
    ours.entry(&Entry::Notice(NoticeEntry { effect: Effect::Disputed, ..other }));
    ours.compare(claims)
}

#[test]
fn bids_are_compared_one_by_one() {
    let text = "bid,amount,currency\n0000000000000001,0.004,EUR\n0000000000000002,0.0051,EUR\n\
                0000000000000003,0.005,eur\n0000000000000005,0.000000007,EUR\n\
                0000000000000004,0.006,USD\n";
    let verdicts: Vec<_> = ours(&claims(text).unwrap()).iter().map(|row| row.verdict).collect();
    use Verdict::{Equal, OursMore, TheirsMore, Unknown};
    assert_eq!(verdicts, [Equal, TheirsMore, OursMore, Unknown, Unknown]);
}

#[test]
fn hours_are_compared_and_what_is_not_listed_is_told() {
    let text = "Line;Hour;Impressions;Amount\nacme/spring/one;2027-01-15 08;2;0.009\n\
                acme/spring/one;2027-01-15T09:00:00Z;1;0.001\n";
    let compared = ours(&claims(text).unwrap());
    let told: Vec<_> = compared.iter().map(|row| (row.row, row.verdict)).collect();
    let (equal, unknown) = ((Some(2), Verdict::Equal), (Some(3), Verdict::Unknown));
    assert_eq!(told, [equal, unknown, (None, Verdict::NotListed)]);
    assert_eq!(compared[2].ours, Count { impressions: 1, nanos: 6_000_000 });

    let mut ledger = Ledger::default();
    let (one, two) = lines();
    let opened = [(one, "acme/spring/one"), (two, "acme/spring/two")].map(|(line, path)| {
        let (campaign, advertiser) = (CampaignId(8), AdvertiserId(9));
        OpenedLine { line, campaign, advertiser, currency: Currency::EUR, path: path.into() }
    });
    let opened = Opened { moment: Moment::from_unix_s(HOUR), lines: opened.to_vec() };
    ledger.apply(&Entry::Opened(opened)).unwrap();
    let sums = corrections(&compared, &ledger);
    assert_eq!(sums, [((AdvertiserId(9), Currency::EUR), 6_000_000)].into());
}

#[test]
fn every_fault_of_a_report_is_told_with_row_column_and_mend() {
    let text = "line,hour,impressions,amount\nacme/spring,2027-01-15 08:30,many,-1\n\
                acme/spring/one,2027-01-15 08,1,0.001\nacme/spring/one,2027-01-15 08,1,0.002\n\
                ,,1,1\n1,2,3\n";
    let faults = claims(text).unwrap_err();
    let told: Vec<_> = faults.iter().map(|f| (f.row, f.column.as_str())).collect();
    let wanted = [
        (2, "line"),
        (2, "hour"),
        (2, "impressions"),
        (2, "amount"),
        (4, "-"),
        (5, "bid"),
        (6, "-"),
    ];
    assert_eq!(told, wanted);
    assert!(faults.iter().all(|fault| !fault.mend.is_empty()));
    for text in
        ["", "a,b\n1,2\n", "bid\n0000000000000001\n", "bid,amount\n\"1,2\n", "bid,amount\n1,2\n"]
    {
        assert!(claims(text).is_err(), "{text}");
    }
    let many: String = (0..200).map(|n| format!("{n:016x},1\n")).collect();
    let fault = &claims(&format!("bid,amount\n{many}")).unwrap_err()[0];
    assert!(fault.error.contains("more than 100 rows"), "{fault}");
}

#[test]
fn headers_may_have_other_names() {
    let mut columns = Columns::default();
    columns.rename("bid", "Auction ID").unwrap();
    columns.rename("amount", "Revenue").unwrap();
    assert!(columns.rename("price", "x").is_err());
    let text = "Auction ID,Revenue\n0000000000000001,4\n";
    let claims = read(text, &columns, BOUNDS).unwrap();
    assert_eq!((claims[0].nanos, claims[0].impressions), (Some(4_000_000_000), 1));
}
