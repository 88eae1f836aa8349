//! What does the log keep, and what does it tell? Reach, erasure, bounds, faults.

use super::*;
use crate::base::journal::{Config as JournalConfig, Folder, Journal, Mark, MemoryDisk};
use crate::offer::delivery::{Book, Config as DeliveryConfig};

struct Desk {
    book: Arc<Book>,
    log: CapsLog,
    folder: Folder,
}

fn open(disk: &MemoryDisk, config: &Config, now_s: i64) -> (Desk, Rebuilt) {
    let delivery = DeliveryConfig { caps: config.clone(), ..DeliveryConfig::default() };
    let book = Arc::new(Book::new(&delivery));
    let rules = vec![Rule::new(Level::Line, 2, Cap::rolling(3, DAY), i64::MAX)];
    let set = CapSet::new(owner(2), &Arc::new(Calendar::utc()), rules, Vec::new());
    book.caps().stands(LineId(2), set);
    let folder = Folder::on(Arc::new(disk.clone()), "caps");
    let restart = Restart {
        now: Moment::from_unix_s(now_s),
        ticket_life_s: 900,
        quarantine_s: 10,
        told: &mut std::iter::empty(),
    };
    let (log, rebuilt) = CapsLog::open(config, folder.clone(), &book, restart).unwrap();
    (Desk { book, log, folder }, rebuilt)
}

impl Desk {
    fn hears(&self, line: u64, mark: u64, at_s: i64) {
        let made = Moment::from_unix_s(at_s);
        self.met(&Meeting { mark: Some(ListenerMark(mark)), ..meeting(line, made) });
    }

    fn met(&self, meeting: &Meeting) {
        self.book.caps().heard(meeting, None, meeting.made);
    }

    fn settle(&mut self, now_s: i64) {
        self.log.turn().unwrap();
        let settling = self.log.settle(Moment::from_unix_s(now_s)).unwrap();
        settling.expect("it is due")().unwrap();
    }

    fn reach(&self, from_s: i64, to_s: i64) -> std::collections::BTreeMap<LineId, Reach> {
        let range = Moment::from_unix_s(from_s)..Moment::from_unix_s(to_s);
        reach(self.folder.clone(), range, None).unwrap()
    }

    fn has_room(&self, mark: u64, now_s: i64) -> bool {
        let set = Arc::clone(&self.book.caps().sets.get(&LineId(2)).unwrap());
        self.book.caps().has_room(&set, &ask(mark, now_s)).is_ok()
    }
}

/// Listener `n` of 200 hears it once, those from 100 on three times, those from 190 on twelve.
fn audience(desk: &Desk) {
    for mark in 1000..1200 {
        let times = [(1190, 12), (1100, 3), (0, 1)];
        let times = times.iter().find(|(from, _)| mark >= *from).unwrap().1;
        (0..times).for_each(|n| desk.hears(2, mark, NOW + n));
    }
}

#[test]
fn reach_is_exact_and_small_cells_are_not_told() {
    let (mut desk, _) = open(&MemoryDisk::new(), &small(), NOW);
    audience(&desk);
    // Twenty of a line without caps, and one who is not known.
    (0..20).for_each(|mark| desk.hears(9, mark, NOW));
    desk.met(&meeting(9, Moment::from_unix_s(NOW)));
    desk.log.turn().unwrap();
    let found = desk.reach(NOW, NOW + 100);
    let capped = found[&LineId(2)];
    assert_eq!((capped.impressions, capped.listeners), (100 + 270 + 120, Some(200)));
    // Ten heard it twelve times: not told, and with it the next smallest cell.
    let told: Vec<Option<u64>> = capped.frequencies.to_vec();
    assert_eq!((told[0], told[1], told[2], told[9]), (Some(100), Some(0), None, None));
    let open = found[&LineId(9)];
    assert_eq!((open.impressions, open.listeners), (20, None));
    // Of the first second alone everybody heard it once.
    let first = desk.reach(NOW, NOW + 1)[&LineId(2)];
    assert_eq!((first.listeners, first.frequencies[0]), (Some(200), Some(200)));
    assert!(desk.reach(NOW + 50, NOW + 100).is_empty());
}

fn meeting(line: u64, made: Moment) -> Meeting {
    Meeting {
        bid: BidId(made.unix_s() as u64),
        line: LineId(line),
        creative: 0,
        mark: None,
        measured: true,
        made,
        expires: made.plus_s(900),
    }
}

/// Caps may count some who may not be measured: they are in no reach, and of a line without caps
/// in no file at all.
#[test]
fn who_may_not_be_measured_is_in_no_reach() {
    let disk = MemoryDisk::new();
    let (mut desk, _) = open(&disk, &small(), NOW);
    audience(&desk);
    let made = Moment::from_unix_s(NOW);
    let quiet = |line, mark| Meeting {
        mark: Some(ListenerMark(mark)),
        measured: false,
        ..meeting(line, made)
    };
    (2000..2060).for_each(|mark| (0..3).for_each(|_| desk.met(&quiet(2, mark))));
    (2000..2060).for_each(|mark| desk.met(&quiet(9, mark)));
    desk.log.turn().unwrap();
    let found = desk.reach(NOW, NOW + 100);
    assert_eq!(found[&LineId(2)].listeners, Some(200));
    assert!(!found.contains_key(&LineId(9)));
    let mut grid = 0;
    super::super::heard(desk.folder.clone(), &mut |_, _, mark| grid += u32::from(mark.0 >= 2000))
        .unwrap();
    assert_eq!(grid, 0);
    let mut kept = Vec::new();
    super::super::log::read_on(&desk.folder, None, &mut |record| kept.push(record)).unwrap();
    let of_quiet = kept.iter().filter(|record| record.mark.0 >= 2000 && record.line == LineId(9));
    assert_eq!(of_quiet.count(), 0);
    // Their own export tells them, and their caps hold: also after a restart.
    assert_eq!(heard_by(desk.folder.clone(), ListenerMark(2000)).unwrap().len(), 3);
    let before = desk.has_room(2000, NOW);
    drop(desk);
    let (desk, _) = open(&disk, &small(), NOW + 1);
    assert_eq!((before, desk.has_room(2000, NOW + 1)), (false, false));
    assert!(desk.has_room(2100, NOW + 1));
    assert_eq!(desk.reach(NOW, NOW + 100)[&LineId(2)].listeners, Some(200));
}

#[test]
fn an_erased_listener_is_in_no_file_and_no_figure() {
    let disk = MemoryDisk::new();
    let (mut desk, _) = open(&disk, &small(), NOW);
    audience(&desk);
    desk.log.turn().unwrap();
    desk.book.caps().erase(ListenerMark(1000));
    desk.log.turn().unwrap();
    let range = || desk.reach(NOW, NOW + 100)[&LineId(2)].listeners;
    assert_eq!(range(), Some(199), "at once");
    desk.settle(NOW + 100);
    let mut marks = Vec::new();
    super::super::log::read_on(&desk.folder, None, &mut |record| marks.push(record.mark)).unwrap();
    assert!(marks.len() > 300 && !marks.contains(&ListenerMark(1000)));
    // Who comes back is counted from then on.
    desk.hears(2, 1000, NOW + 200);
    desk.log.turn().unwrap();
    assert_eq!(desk.reach(NOW, NOW + 300)[&LineId(2)].listeners, Some(200));
}

#[test]
fn the_log_keeps_what_counts_and_no_more() {
    let config = Config { settle_bytes: 1 << 10, reach_days: 1, ..small() };
    let disk = MemoryDisk::new();
    let (mut desk, _) = open(&disk, &config, NOW);
    let mut sizes = Vec::new();
    for day in 0..12 {
        let now_s = NOW + day * 86_400;
        (0..500).for_each(|n| desk.hears(2, n, now_s + n as i64));
        if day % 2 == 1 {
            desk.settle(now_s + 1000);
            sizes.push(disk.used());
        }
    }
    assert!(sizes[5] <= sizes[1] + 100, "{sizes:?}");
    let kept = desk.reach(NOW, NOW + 86_400 * 20)[&LineId(2)].impressions;
    assert!((1000..=1500).contains(&kept), "two days of twelve: {kept}");
    drop(desk);
    let (desk, rebuilt) = open(&disk, &config, NOW + 12 * 86_400);
    assert!(rebuilt.orderly && rebuilt.impressions == kept, "{rebuilt:?}");
    drop(desk);
}

#[test]
fn without_its_log_nobody_is_bid_for() {
    let disk = MemoryDisk::new();
    let (mut desk, _) = open(&disk, &small(), NOW);
    assert!(desk.has_room(5, NOW));
    desk.hears(2, 1, NOW);
    disk.fail(None, 1, true, std::io::ErrorKind::StorageFull);
    assert!(desk.log.turn().is_err());
    assert!(!desk.has_room(5, NOW + 400 * 86_400));
    // Nothing gathers any more, and the end is no orderly one.
    desk.hears(2, 1, NOW);
    assert_eq!(desk.book.caps().waiting_records(), 0);
    drop(desk);
    disk.heal();
    let (desk, rebuilt) = open(&disk, &small(), NOW + 5);
    assert!(!rebuilt.orderly && !desk.has_room(5, NOW + 15) && desk.has_room(5, NOW + 16));
}

#[test]
fn a_damaged_file_is_named() {
    let disk = MemoryDisk::new();
    let (mut desk, _) = open(&disk, &small(), NOW);
    audience(&desk);
    desk.book.caps().erase(ListenerMark(1));
    desk.settle(NOW);
    let path = desk.folder.path().join("caps.kept");
    let mut bytes = desk.folder.disk().read(&path, 0, u64::MAX).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    desk.folder.replace("caps.kept", &bytes).unwrap();
    let fault = super::super::log::read_on(&desk.folder, None, &mut |_| {}).unwrap_err();
    assert!(fault.to_string().contains("caps.kept is damaged at offset"), "{fault}");
}

/// What is told of a bid that the log may not know is there before money's journal says it.
#[test]
fn the_log_knows_before_the_journal_says() {
    let disk = MemoryDisk::new();
    let (desk, _) = open(&disk, &small(), NOW);
    let folder = Folder::on(Arc::new(disk.clone()), "journal");
    let config = JournalConfig::default();
    let open_journal =
        || Journal::stepped(folder.clone(), &config, Mark::START, &mut |_| Ok(())).unwrap();
    let (journal, _) = open_journal();
    let log = Arc::new(Mutex::new(desk.log));
    CapsLog::precede(&log, &journal);
    // Of a line without caps: nothing hurries.
    let caps = desk.book.caps();
    let made = Moment::from_unix_s(NOW);
    caps.heard(&Meeting { mark: Some(ListenerMark(4)), ..meeting(9, made) }, None, made);
    assert!(!caps.is_urgent());
    let of = |mark| Meeting { mark: Some(ListenerMark(mark)), ..meeting(2, made) };
    (0..3).for_each(|_| caps.heard(&of(5), None, made));
    assert!(caps.is_urgent());
    let mut durable = journal.append(b"heard").unwrap();
    journal.turn();
    assert_eq!((durable.now(), caps.is_urgent()), (Some(Ok(())), false));
    disk.crash(1);
    drop((journal, log));
    let (desk, rebuilt) = open(&disk, &small(), NOW + 1);
    assert_eq!((rebuilt.impressions, rebuilt.orderly), (4, false));
    assert!(!desk.has_room(5, NOW + 1000) && desk.has_room(4, NOW + 1000));
}

/// A log that was written anew while there was nothing to keep is no new one: after a crash
/// everybody counts as capped for as long as after any other.
#[test]
fn a_log_with_nothing_in_it_is_no_new_log() {
    let config = Config { reach: false, settle_bytes: 0, ..small() };
    let disk = MemoryDisk::new();
    let (mut desk, rebuilt) = open(&disk, &config, NOW);
    assert!(rebuilt.orderly && rebuilt.records == 0);
    desk.hears(2, 1, NOW - 40 * 86_400);
    desk.settle(NOW);
    disk.crash(1);
    drop(desk);
    let (desk, rebuilt) = open(&disk, &config, NOW + 1);
    assert!(!rebuilt.orderly && rebuilt.impressions == 0, "{rebuilt:?}");
    assert!(!desk.has_room(5, NOW + 11) && desk.has_room(5, NOW + 12));
}

/// A line is sold no more, and its bids are still open: its campaign counts them.
#[test]
fn whose_line_it_is_stays_known_while_its_bids_are_open() {
    let config = Config { settle_bytes: 0, ..small() };
    let disk = MemoryDisk::new();
    let (mut desk, _) = open(&disk, &config, NOW);
    let rule = |most| vec![Rule::new(Level::Campaign, 1, Cap::rolling(most, DAY), i64::MAX)];
    let days = Arc::new(Calendar::utc());
    let of = |line| CapSet::new(owner(line), &days, rule(1), Vec::new());
    let gone = desk.book.caps().stands(LineId(3), of(3)).unwrap();
    let taken = desk.book.caps().take(&gone, &ask(5, NOW)).unwrap();
    let ends = Moment::from_unix_s(NOW + 900);
    desk.book.caps().opened(BidId(1), &taken, (ends, ends));
    desk.settle(NOW);
    drop(desk);
    // The line that is still sold is of the same campaign.
    let delivery = DeliveryConfig { caps: config.clone(), ..DeliveryConfig::default() };
    let book = Arc::new(Book::new(&delivery));
    let sold = book.caps().stands(LineId(2), of(2)).unwrap();
    let folder = Folder::on(Arc::new(disk.clone()), "caps");
    let restart = Restart {
        now: Moment::from_unix_s(NOW + 5),
        ticket_life_s: 900,
        quarantine_s: 10,
        told: &mut std::iter::empty(),
    };
    let (_log, rebuilt) = CapsLog::open(&config, folder, &book, restart).unwrap();
    assert_eq!((rebuilt.open, rebuilt.orderly), (1, true));
    assert!(book.caps().has_room(&sold, &ask(5, NOW + 5)).is_err());
}
