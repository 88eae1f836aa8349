use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::record::PACE_BYTES;
use super::*;
use crate::base::journal::segments;
use crate::base::units::ids::{CreativeIx, LineId, LineIx, ListenerMark};
use crate::base::units::money::{Currency, Money};
use crate::base::units::time::{Moment, WallClock};
use crate::market::exchange::ExchangeIx;
use crate::market::outcome::{Malformed, NoBid, Outcome, Refusal};
use crate::market::ticket::BidId;
use crate::offer::delivery::{Ask, Hold, Live, PPM, Pace, Recorder};

/// Says something else every time, in turn.
struct Told(&'static [Result<Pace, Refusal>], usize);

const VARIED: &[Result<Pace, Refusal>] =
    &[Ok(SLOW), Err(Refusal::Capped), Ok(Pace::FULL), Ok(Pace { bid_ppm: 0, pass_ppm: PPM })];
const SLOW: Pace = Pace { bid_ppm: 987_654, pass_ppm: 1 };

impl Live<'_> for Told {
    fn may_bid(&mut self, _: &Ask) -> Result<Pace, Refusal> {
        self.1 += 1;
        self.0[(self.1 - 1) % self.0.len()]
    }

    fn hold(&mut self, _: &Hold) -> Result<(), Refusal> {
        Ok(())
    }
}

fn winner(n: u64) -> Winner {
    Winner {
        bid: BidId(n),
        line: LineId(n * 3),
        creative: n * 5,
        deal: n % 2 * 77,
        slot: n as u16,
        price: Money::new(n as i64 * 1_000_001, Currency::EUR),
    }
}

/// A record with every field different from nought.
fn record(id: &str, winners: u64, answers: u32) -> DecisionRecord {
    told(VARIED, id, (winners, answers))
}

fn told(
    live: &'static [Result<Pace, Refusal>],
    id: &str,
    (winners, answers): (u64, u32),
) -> DecisionRecord {
    let moment = Moment::from_unix_us(1_800_000_000_000_001);
    let mut record = DecisionRecord {
        exchange_key: 11,
        wire: 1,
        world: 12,
        request: RequestId::of(id),
        outcome: Outcome::Bid,
        coin: 13,
        listener: true,
        permitted: 2 << 8 | 1,
        suppressed: 5,
        counts: Counts { slots: 1, matched: 70_000, candidates: 3, bids: winners as u16 },
        answer_hash: 15,
        ..DecisionRecord::blank(moment, ExchangeIx(3))
    };
    (1..=winners).for_each(|n| record.winners.push(winner(n)));
    let mut recorder = Recorder::new(Told(live, 0), &mut record.answers);
    for n in 0..answers {
        let (line, creative) = (LineIx(n * 9), CreativeIx(n));
        let _ = recorder.may_bid(&Ask { line, creative, listener: None, moment });
    }
    record.answers.asleep = 16;
    record
}

fn bytes(record: &DecisionRecord) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes
}

#[test]
fn a_record_is_read_back_whole() {
    for (winners, answers) in [(0, 0), (1, 2), (8, 96)] {
        let record = record("6c0a-request", winners, answers);
        let bytes = bytes(&record);
        let (again, rest) = DecisionRecord::decode(&bytes).unwrap();
        assert_eq!(again, record);
        assert!(rest.is_empty());
    }
}

#[test]
fn every_outcome_is_read_back() {
    let no_bids = NoBid::ALL.iter().map(|&reason| Outcome::NoBid(reason));
    let malformed = Malformed::ALL.iter().map(|&reason| Outcome::Malformed(reason));
    for outcome in no_bids.chain(malformed) {
        let record = DecisionRecord { outcome, ..record("r", 0, 0) };
        assert_eq!(DecisionRecord::decode(&bytes(&record)).unwrap().0.outcome, outcome);
    }
}

#[test]
fn a_record_is_bounded() {
    let largest = told(&[Ok(SLOW)], &"x".repeat(1000), (20, 200));
    assert_eq!(bytes(&largest).len(), RECORD_BYTES_MAX);
    const { assert!(RECORD_BYTES_MAX <= 2048 && size_of::<DecisionRecord>() <= 3072) };
}

#[test]
fn long_ids_keep_their_hash_and_their_beginning() {
    let id = "é".repeat(40);
    let kept = RequestId::of(&id);
    assert_eq!(kept.text(), "é".repeat(32));
    assert_eq!((kept.len, kept.hash), (80, RequestId::of(&id).hash));
    let cut = RequestId::of(&format!("x{id}"));
    assert_eq!(cut.text(), format!("x{}", "é".repeat(31)));
}

#[test]
fn what_is_cut_off_or_newer_is_refused() {
    let bytes = bytes(&record("r", 2, 2));
    for end in 0..bytes.len() {
        assert_eq!(DecisionRecord::decode(&bytes[..end]).unwrap_err(), RecordFault::Short);
    }
    let mut newer = bytes;
    newer[0] = 5;
    assert_eq!(DecisionRecord::decode(&newer).unwrap_err(), RecordFault::Version(5));
}

#[test]
fn no_pace_is_more_than_the_whole() {
    let bytes = bytes(&record("r", 0, 1));
    let pace = bytes.len() - PACE_BYTES;
    let full = 1_000_000_u64 << 20 | 1_000_000;
    for packed in [full, full + 1, full + (1 << 20), u64::MAX] {
        let mut bytes = bytes.clone();
        bytes[pace..].copy_from_slice(&packed.to_le_bytes()[..PACE_BYTES]);
        let fault = RecordFault::Value("pace");
        assert_eq!(DecisionRecord::decode(&bytes).unwrap_err(), fault);
    }
}

/// A record as it was written before what was permitted stood in it, and what it said.
fn before_permissions(kept: &DecisionRecord, version: u8) -> (DecisionRecord, Vec<u8>) {
    let (mut bytes, answer) = (bytes(kept), 5 + 8 + 2 + 3 * 8);
    bytes.drain(answer + 8..answer + 14);
    bytes.splice(answer..answer, [0; 8]);
    bytes[0] = version;
    (DecisionRecord { permitted: 0, suppressed: 0, ..*kept }, bytes)
}

#[test]
fn records_from_before_permissions_are_read() {
    let (kept, bytes) = before_permissions(&record("r", 2, 3), 3);
    assert_eq!(DecisionRecord::decode(&bytes).unwrap(), (kept, &[][..]));
    assert_eq!(kept.permissions(), None);
}

#[test]
fn records_from_before_lines_were_paced_are_read() {
    let kept = told(&[Ok(Pace::FULL), Err(Refusal::Capped)], "r", (2, 3));
    let (kept, bytes) = before_permissions(&kept, 2);
    assert_eq!(DecisionRecord::decode(&bytes).unwrap(), (kept, &[][..]));
}

#[test]
fn records_from_before_lines_slept_are_read() {
    let kept = told(&[Ok(Pace::FULL), Err(Refusal::Capped)], "r", (2, 3));
    let (kept, mut bytes) = before_permissions(&kept, 1);
    let epoch = bytes.len() - (8 + 1 + 3 * 6);
    bytes.drain(epoch..epoch + 8);
    let (read, rest) = DecisionRecord::decode(&bytes).unwrap();
    let mut awake = kept;
    awake.answers.asleep = 0;
    assert_eq!(read, awake);
    assert!(rest.is_empty());
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), first in 0u8..5) {
        let mut bytes = bytes;
        bytes.insert(0, first);
        let _ = DecisionRecord::decode(&bytes);
    }
}

#[test]
fn samples_are_as_many_as_asked_for_and_always_the_same() {
    for ppm in [0, 1_000, 250_000, 1_000_000] {
        let count = (0..200_000u64).filter(|&coin| sampled(coin, ppm)).count() as i64;
        let expected = i64::from(ppm) * 200_000 / 1_000_000;
        assert!((count - expected).abs() <= 3 * (expected as f64).sqrt() as i64, "{ppm}: {count}");
    }
    assert!((0..1000).all(|coin| sampled(coin, 5_000) == sampled(coin, 5_000)));
}

fn small() -> Config {
    Config {
        ring: 32,
        sample_buffers: 4,
        sample_bytes_max: 64,
        segment_bytes: 1 << 16,
        total_bytes: 1 << 18,
        drain_ms: 1,
        ..Config::default()
    }
}

const REQUEST: &[u8] = br#"{"id":"r","imp":[{"id":"1"}]}"#;
const SAMPLE: Seen<'static> = Seen {
    sample: Sample { request: REQUEST, profile: b"profile" },
    listener: Some(ListenerMark(7)),
};

#[test]
fn a_full_ring_is_an_error() {
    let ring = RecordRing::new(&small());
    let record = record("r", 1, 1);
    for _ in 0..32 {
        ring.push(&record, None).unwrap();
    }
    assert_eq!(ring.push(&record, Some(SAMPLE)), Err(Full));
    assert_eq!(ring.len(), 32);
}

#[test]
fn a_sample_without_a_buffer_keeps_the_record() {
    let ring = RecordRing::new(&small());
    let record = record("r", 1, 1);
    let long = Sample { request: &[b'x'; 65], profile: b"" };
    let long = Seen { sample: long, listener: None };
    ring.push(&record, Some(long)).unwrap();
    for _ in 0..5 {
        ring.push(&record, Some(SAMPLE)).unwrap();
    }
    assert_eq!(ring.stats()[3], ("samples_dropped", 2));
    let kept: Vec<bool> =
        std::iter::from_fn(|| ring.pop()).map(|entry| entry.sample.is_some()).collect();
    assert_eq!(kept, [false, true, true, true, true, false]);
}

/// Pushes until there is room; the writer is running.
fn push(ring: &RecordRing, record: &DecisionRecord, sample: Option<Seen<'_>>) {
    let until = Instant::now() + Duration::from_secs(60);
    while ring.push(record, sample).is_err() {
        assert!(Instant::now() < until, "the writer does not drain");
        std::thread::yield_now();
    }
}

/// A record, and where it is sampled the bytes of its request and profile.
type Read = (DecisionRecord, Option<(Vec<u8>, Vec<u8>)>);

/// With the keys of the data folder around it.
fn all(path: &Path) -> Vec<Read> {
    let mut all = Vec::new();
    let data = path.ancestors().find(|folder| folder.join(KEYS).exists()).unwrap();
    let (keys, mut room) = (Keyring::read(data).unwrap(), Vec::new());
    read(path, &mut |kept| {
        let sample = kept.sample.map(|sample| sample.open(&keys, &mut room).unwrap());
        let sample = sample.map(|s| (s.request.to_vec(), s.profile.to_vec()));
        all.push((*kept.record, sample));
    })
    .unwrap();
    all
}

#[test]
fn what_was_pushed_is_read_back_in_order_over_restarts() {
    let data = tempfile::tempdir().unwrap();
    for start in 0..3u64 {
        let ring = Arc::new(RecordRing::new(&small()));
        let clock = Arc::new(WallClock);
        let writer = RecordWriter::start(Arc::clone(&ring), &small(), data.path(), clock);
        let writer = writer.unwrap();
        for n in 0..100 {
            let record = record("r", 2, 3);
            let record = DecisionRecord { coin: start * 100 + n, wire: 0, ..record };
            push(&ring, &record, (n % 50 == 0).then_some(SAMPLE));
        }
        drop(writer);
        assert_eq!(ring.stats()[4], ("written", 100));
    }
    let all = all(&data.path().join("decisions"));
    assert!(all.iter().map(|(record, _)| record.coin).eq(0..300));
    let samples: Vec<_> = all.iter().filter_map(|(_, sample)| sample.clone()).collect();
    assert_eq!(samples, vec![(REQUEST.to_vec(), b"profile".to_vec()); 6]);
    let (_, first) = segments(&data.path().join("decisions")).unwrap().remove(0);
    assert_eq!(self::all(&first).len(), 100);
}

#[test]
fn the_oldest_files_go() {
    let data = tempfile::tempdir().unwrap();
    let ring = Arc::new(RecordRing::new(&small()));
    let writer = RecordWriter::start(Arc::clone(&ring), &small(), data.path(), Arc::new(WallClock));
    let writer = writer.unwrap();
    for coin in 0..2000 {
        push(&ring, &DecisionRecord { coin, ..record("r", 8, 96) }, None);
    }
    drop(writer);
    let dir = data.path().join("decisions");
    let files = segments(&dir).unwrap();
    let size: u64 = files.iter().map(|(_, path)| fs::metadata(path).unwrap().len()).sum();
    // One batch may stand beyond each bound.
    assert!(size <= (1 << 18) + 256 * (RECORD_BYTES_MAX as u64 + 64), "{size}");
    assert!(ring.stats()[6].1 > 0);
    let coins: Vec<u64> = all(&dir).iter().map(|(record, _)| record.coin).collect();
    let first = coins[0];
    assert!(coins.iter().copied().eq(first..2000), "what is left has no gap");
}

#[test]
fn files_go_with_age() {
    let data = tempfile::tempdir().unwrap();
    let later = Moment::from_unix_us(
        crate::base::units::time::Clock::now(&WallClock).plus_s(40 * 86_400).unix_us,
    );
    let clock = Arc::new(crate::base::units::time::SetClock::new(later));
    let ring = Arc::new(RecordRing::new(&small()));
    let writer = RecordWriter::start(Arc::clone(&ring), &small(), data.path(), clock).unwrap();
    for coin in 0..500 {
        push(&ring, &DecisionRecord { coin, ..record("r", 8, 96) }, None);
    }
    drop(writer);
    let files = segments(&data.path().join("decisions")).unwrap();
    assert_eq!(files.len(), 1, "all but the one that is written");
}

#[test]
fn few_records_go_with_age_too() {
    let data = tempfile::tempdir().unwrap();
    let now = crate::base::units::time::Clock::now(&WallClock);
    let clock = Arc::new(crate::base::units::time::SetClock::new(now));
    let ring = Arc::new(RecordRing::new(&small()));
    let shared: Arc<dyn crate::base::units::time::Clock> = clock.clone();
    let _writer = RecordWriter::start(Arc::clone(&ring), &small(), data.path(), shared).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let awaited = |done: &dyn Fn() -> bool| {
        while !done() {
            assert!(Instant::now() < until, "the writer does not get there");
            std::thread::yield_now();
        }
    };
    push(&ring, &record("r", 1, 1), Some(SAMPLE));
    awaited(&|| ring.stats()[4] == ("written", 1));
    let dir = data.path().join("decisions");
    let (_, first) = segments(&dir).unwrap().remove(0);
    clock.set(now.plus_s(2 * 86_400));
    awaited(&|| segments(&dir).unwrap().len() == 2);
    assert_eq!(all(&first).len(), 1, "closed, and kept for its time");
    clock.set(now.plus_s(40 * 86_400));
    awaited(&|| !first.exists());
}

#[test]
fn bad_limits_are_named() {
    let bad = Config {
        ring: 0,
        sample_ppm: 2_000_000,
        sample_bytes_max: 1 << 30,
        keys_max: 0,
        segment_bytes: 1,
        total_bytes: 1,
        max_age_days: 0,
        drain_ms: 0,
        ..Config::default()
    };
    assert_eq!(bad.faults().len(), 8);
    assert!(Config::default().faults().is_empty());
}
