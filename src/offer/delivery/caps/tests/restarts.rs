//! A process that bids, is told, stops and crashes, in simulated time over a simulated disk; and
//! an auditor who knows nothing of it but what exchanges and players saw.
//!
//! A violation: more impressions in a window than the cap says, of bids whose hold was open or won
//! when they were heard. A million decisions; `INTERLUDE_LONG=1` takes a hundred million.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;

use super::*;
use crate::base::journal::{Folder, MemoryDisk};
use crate::offer::delivery::{Book, Config as DeliveryConfig};

const LISTENERS: usize = 12;
const LIFE_S: i64 = 900;
const WIN_S: i64 = 10;

/// One cap, as the auditor knows it.
#[derive(Clone, Copy)]
struct Known {
    level: Level,
    target: u64,
    cap: Cap,
}

/// What is sold: line 2 and 3 of one campaign, 4 of another; two creatives, one of them capped.
fn caps(rng: &mut Rng) -> Vec<Known> {
    let windows = [
        Window::Rolling { seconds: 60 },
        Window::Rolling { seconds: 3600 },
        Window::Rolling { seconds: DAY },
        Window::Rolling { seconds: WEEK },
        Window::Calendar(Unit::Hour),
        Window::Calendar(Unit::Day),
        Window::Calendar(Unit::Week),
        Window::Calendar(Unit::Month),
        Window::Flight,
    ];
    let mut known = Vec::new();
    let targets = [(Level::Line, 2), (Level::Line, 3), (Level::Line, 4), (Level::Campaign, 1)];
    for (level, target) in targets.into_iter().chain([(Level::Advertiser, 1), (Level::Creative, 7)])
    {
        for _ in 0..rng.below(3) + usize::from(level == Level::Line) {
            let window = windows[rng.below(windows.len())];
            let most = match window {
                Window::Flight => 400,
                _ => 1 + rng.below(10) as u16,
            };
            known.push(Known { level, target, cap: Cap { impressions: most, window } });
        }
    }
    known
}

fn sets(known: &[Known], days: &Arc<Calendar>) -> Vec<CapSet> {
    let rules = |level, target| -> Vec<Rule> {
        let own = known.iter().filter(|known| (known.level, known.target) == (level, target));
        own.map(|known| Rule::new(level, target, known.cap, NOW + 400 * 86_400)).collect()
    };
    let of = |line: u64| {
        let owner = owner(line);
        let mut own = rules(Level::Line, line);
        own.extend(rules(Level::Campaign, owner.campaign.0));
        own.extend(rules(Level::Advertiser, owner.advertiser.0));
        let creative = OfCreative {
            creative: CreativeIx(7),
            mark: 7,
            rules: rules(Level::Creative, 7).into(),
        };
        CapSet::new(owner, days, own, vec![creative])
    };
    [2, 3, 4].into_iter().filter_map(of).collect()
}

/// A bid, as the exchange knows it.
#[derive(Clone, Copy)]
struct Bid {
    line: u64,
    creative: u32,
    mark: u64,
    made_s: i64,
    /// When it is over unless it is won.
    win_by_s: i64,
    won: bool,
    told_heard: bool,
}

impl Bid {
    fn ends_s(&self) -> i64 {
        if self.won { self.made_s + LIFE_S } else { self.win_by_s }
    }

    fn meeting(&self, bid: u64) -> Meeting {
        let made = Moment::from_unix_s(self.made_s);
        let (bid, mark) = (BidId(bid), Some(ListenerMark(self.mark)));
        let (line, creative, expires) = (LineId(self.line), self.creative, made.plus_s(LIFE_S));
        Meeting { bid, line, creative, mark, measured: true, made, expires }
    }
}

/// What dies with the process.
struct Process {
    book: Arc<Book>,
    log: CapsLog,
    sets: Vec<Arc<CapSet>>,
    /// Bids that were not gathered, and those that were, each with its end.
    fresh: Vec<(u64, Taken, i64)>,
    open: HashMap<u64, (Taken, i64)>,
}

struct Stage {
    rng: Rng,
    disk: MemoryDisk,
    known: Vec<Known>,
    days: Arc<Calendar>,
    config: Config,
    tells_wins: bool,
    now_s: i64,
    /// Bids whose tickets live, and a little longer.
    bids: BTreeMap<u64, Bid>,
    next: u64,
    decisions: u64,
    granted: u64,
    impressions: u64,
    /// Valid impressions of each cap and listener: when they were decided.
    audit: HashMap<(usize, u64), Vec<i64>>,
    violations: Vec<String>,
    restarts: u64,
}

impl Stage {
    fn new(seed: u64) -> Stage {
        let mut rng = Rng::new(seed);
        let zone = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"][rng.below(3)];
        Stage {
            known: caps(&mut rng),
            disk: MemoryDisk::new(),
            days: Arc::new(Calendar::of(zone).unwrap()),
            config: Config { settle_bytes: 1 << (12 + rng.below(6)), ..small() },
            tells_wins: rng.below(2) == 0,
            now_s: NOW + rng.below(100 * 86_400) as i64,
            bids: BTreeMap::new(),
            next: 1,
            decisions: 0,
            granted: 0,
            impressions: 0,
            audit: HashMap::new(),
            violations: Vec::new(),
            restarts: 0,
            rng,
        }
    }

    /// Each line is heard but once a day, and nobody tells of wins.
    fn of_one_a_day() -> Stage {
        let of = |target| Known { level: Level::Line, target, cap: Cap::rolling(1, DAY) };
        Stage { tells_wins: false, known: [2, 3, 4].map(of).to_vec(), ..Stage::new(7) }
    }

    fn now(&self) -> Moment {
        Moment::from_unix_s(self.now_s)
    }

    fn start(&mut self) -> (Process, Rebuilt) {
        let delivery = DeliveryConfig { caps: self.config.clone(), ..DeliveryConfig::default() };
        let book = Arc::new(Book::new(&delivery));
        let sets = sets(&self.known, &self.days).into_iter();
        let sets = sets.filter_map(|set| book.caps().stands(set.owner.line, Some(set))).collect();
        let mut told =
            self.bids.iter().filter(|(_, bid)| bid.won || bid.told_heard).map(|(&id, bid)| {
                let Meeting { bid: id, line, made, expires, .. } = bid.meeting(id);
                Told { bid: id, line, made, expires, heard: bid.told_heard }
            });
        let restart = Restart {
            now: self.now(),
            ticket_life_s: LIFE_S,
            quarantine_s: if self.tells_wins { WIN_S } else { LIFE_S },
            told: &mut told,
        };
        let folder = Folder::on(Arc::new(self.disk.clone()), "caps");
        let (log, rebuilt) = CapsLog::open(&self.config, folder, &book, restart).unwrap();
        (Process { book, log, sets, fresh: Vec::new(), open: HashMap::new() }, rebuilt)
    }

    fn bid(&mut self, process: &mut Process) {
        self.decisions += 1;
        let set = &process.sets[self.rng.below(process.sets.len())];
        let mark = self.rng.below(LISTENERS) as u64;
        let creative = 7 + self.rng.below(2) as u32;
        let ask = CapAsk { creative: CreativeIx(creative), ..ask(mark, self.now_s) };
        let Ok(taken) = process.book.caps().take(set, &ask) else { return };
        self.granted += 1;
        let win_s = if self.tells_wins { WIN_S } else { LIFE_S };
        let (line, made_s) = (set.owner.line.0, self.now_s);
        let (win_by_s, won, told_heard) = (made_s + win_s, false, false);
        let bid = Bid { line, creative, mark, made_s, win_by_s, won, told_heard };
        process.fresh.push((self.next, taken, win_by_s));
        self.bids.insert(self.next, bid);
        self.next += 1;
    }

    /// Some bid that is not forgotten yet.
    fn some(&mut self) -> Option<(u64, Bid)> {
        let (&first, &last) = (self.bids.keys().next()?, self.bids.keys().next_back()?);
        let from = first + self.rng.below((last - first + 1) as usize) as u64;
        self.bids.range(from..).next().map(|(&id, &bid)| (id, bid))
    }

    fn win(&mut self, process: &mut Process) {
        let Some((id, bid)) = self.some() else { return };
        // An exchange tells a win once, and soon.
        if bid.won || bid.told_heard || self.now_s >= bid.win_by_s {
            return;
        }
        process.gather();
        let caps = process.book.caps();
        match process.open.get_mut(&id) {
            Some((taken, ends_s)) => {
                *ends_s = bid.made_s + LIFE_S;
                caps.won(BidId(id), Some(taken));
            }
            None => {
                caps.won(BidId(id), None);
                caps.adopt(&bid.meeting(id), self.now());
                process.tell_money();
            }
        }
        self.bids.insert(id, Bid { won: true, ..bid });
    }

    fn heard(&mut self, process: &mut Process) {
        let Some((id, bid)) = self.some() else { return };
        // Nobody hears an ad in the second in which it is bid; some hear it late.
        if bid.told_heard || self.now_s < bid.made_s + 2 {
            return;
        }
        process.gather();
        let held = process.open.remove(&id).map(|(taken, _)| taken);
        process.book.caps().heard(&bid.meeting(id), held, self.now());
        process.tell_money();
        if self.now_s < bid.ends_s() {
            self.impressions += 1;
            self.look(&bid);
        }
        self.bids.insert(id, Bid { told_heard: true, ..bid });
    }

    fn lost(&mut self, process: &mut Process) {
        let Some((id, bid)) = self.some() else { return };
        if bid.won || bid.told_heard {
            return;
        }
        process.gather();
        let held = process.open.remove(&id).map(|(taken, _)| taken);
        process.book.caps().released(BidId(id), held);
        self.bids.remove(&id);
    }

    /// The auditor: does this impression exceed a cap?
    fn look(&mut self, bid: &Bid) {
        let owner = owner(bid.line);
        for (n, Known { level, target, cap }) in self.known.iter().enumerate() {
            let of = match level {
                Level::Line => bid.line,
                Level::Campaign => owner.campaign.0,
                Level::Advertiser => owner.advertiser.0,
                Level::Creative => bid.creative.into(),
            };
            if of != *target {
                continue;
            }
            let times = self.audit.entry((n, bid.mark)).or_default();
            let place = times.partition_point(|&t| t <= bid.made_s);
            times.insert(place, bid.made_s);
            let moment = Moment::from_unix_s(bid.made_s);
            let count = match cap.window {
                Window::Flight => times.len(),
                Window::Calendar(unit) => {
                    let span = self.days.span(unit, moment);
                    times.iter().filter(|&&t| span.contains(Moment::from_unix_s(t))).count()
                }
                Window::Rolling { seconds } => {
                    let near = |&&t: &&i64| (t - bid.made_s).abs() < seconds.into();
                    let near: Vec<i64> = times.iter().filter(near).copied().collect();
                    most_in_any(&near, seconds.into())
                }
            };
            if count > usize::from(cap.impressions) {
                self.violations.push(format!("{level:?} {target}: {count} of {cap:?}"));
            }
            if times.len() > 256 && cap.window != Window::Flight {
                let old_s = bid.made_s - 40 * 86_400;
                times.retain(|&t| t > old_s);
            }
        }
    }

    fn pass(&mut self, process: &mut Process) {
        let seconds = match self.rng.below(200) {
            0 => self.rng.below(40 * 3600),
            1..10 => self.rng.below(600),
            _ => self.rng.below(4),
        };
        // What is written is synced twice a second; a crash can lose only what this one saw.
        if seconds > 0 {
            process.gather();
            process.log.turn().unwrap();
            self.now_s += seconds as i64;
            process.sweep(self.now_s);
            let over_s = self.now_s - 2 * LIFE_S;
            self.bids.retain(|_, bid| bid.made_s > over_s);
        }
        if let Some(settling) = process.log.settle(self.now()).unwrap() {
            settling().unwrap();
        }
    }

    fn restart(&mut self, process: Process) -> Process {
        self.restarts += 1;
        let orderly = self.rng.below(2) == 0;
        let mut process = process;
        if orderly {
            process.gather();
        } else {
            self.disk.crash(self.rng.next_u64());
        }
        drop(process);
        self.now_s += self.rng.below(20) as i64;
        let (process, rebuilt) = self.start();
        assert_eq!(rebuilt.orderly, orderly, "{rebuilt:?}");
        process
    }

    fn run(&mut self, decisions: u64) {
        let (mut process, _) = self.start();
        while self.decisions < decisions {
            match self.rng.below(1000) {
                0..500 => self.bid(&mut process),
                500..600 => self.win(&mut process),
                600..800 => self.heard(&mut process),
                800..830 => self.lost(&mut process),
                998 => process = self.restart(process),
                _ => self.pass(&mut process),
            }
        }
    }
}

impl Process {
    fn gather(&mut self) {
        for (id, taken, ends_s) in self.fresh.drain(..) {
            let made = Moment::from_unix_s(taken.made_s.into());
            let ends = Moment::from_unix_s(ends_s);
            self.book.caps().opened(BidId(id), &taken, (ends, made.plus_s(LIFE_S)));
            self.open.insert(id, (taken, ends_s));
        }
    }

    /// Money's journal says it: what waits of bids that the log may not know is there before.
    fn tell_money(&mut self) {
        if self.book.caps().is_urgent() {
            self.log.turn().unwrap();
        }
    }

    /// Of each line, listener and creative: may it be bid?
    fn answers(&self, now_s: i64) -> Vec<bool> {
        let mut answers = Vec::new();
        for set in &self.sets {
            for (mark, creative) in (0..LISTENERS as u64).flat_map(|mark| [(mark, 7), (mark, 8)]) {
                let ask = CapAsk { creative: CreativeIx(creative), ..ask(mark, now_s) };
                answers.push(self.book.caps().has_room(set, &ask).is_ok());
            }
        }
        answers
    }

    fn sweep(&mut self, now_s: i64) {
        let ended = self.open.extract_if(|_, (_, ends_s)| *ends_s <= now_s);
        ended.for_each(|(_, (taken, _))| self.book.caps().give_back(&taken));
        self.book.caps().sweep(Moment::from_unix_s(now_s));
    }
}

/// How many decisions in all, and in one run. `INTERLUDE_DECISIONS` says another number than the
/// long one's, and `INTERLUDE_SEED` from which run on, so that it can be split.
fn decisions() -> (u64, u64) {
    match (long(), cfg!(debug_assertions)) {
        (true, _) => (told("INTERLUDE_DECISIONS").unwrap_or(100_000_000), 50_000),
        (false, false) => (1_000_000, 20_000),
        (false, true) => (50_000, 10_000),
    }
}

fn from() -> u64 {
    told("INTERLUDE_SEED").filter(|_| long()).unwrap_or(0)
}

fn told(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn no_cap_is_exceeded_whatever_restarts_and_crashes_there_are() {
    let (all, each) = decisions();
    let (mut granted, mut impressions, mut restarts) = (0, 0, 0);
    let first = from();
    for seed in first..first + all / each {
        let mut stage = Stage::new(seed);
        stage.run(each);
        assert!(stage.violations.is_empty(), "seed {seed}: {:?}", stage.violations);
        granted += stage.granted;
        impressions += stage.impressions;
        restarts += stage.restarts;
        let done = seed + 1 - first;
        if long() && done.is_multiple_of(20) {
            // For who waits: `--nocapture`.
            let decided = done * each;
            let line = format!("{decided} decisions, {impressions} heard, {restarts} restarts");
            writeln!(std::io::stdout(), "{line}, none beyond a cap").unwrap();
        }
    }
    // It was not all refused.
    assert!(granted > all / 50 && impressions > all / 200, "{granted} {impressions}");
    assert!(restarts > all / 1000, "{restarts}");
}

/// The auditor sees what there is to be seen: without the log he finds violations.
#[test]
fn the_auditor_finds_what_a_forgetful_process_does() {
    let mut found = 0;
    for seed in 0..10 {
        let mut stage = Stage::new(seed);
        let (mut process, _) = stage.start();
        for turn in 0..20_000 {
            match turn % 8 {
                0..4 => stage.bid(&mut process),
                4 => stage.win(&mut process),
                5 | 6 => stage.heard(&mut process),
                _ => stage.pass(&mut process),
            }
            if turn % 997 == 0 {
                stage.disk = MemoryDisk::new();
                process = stage.start().0;
            }
        }
        found += stage.violations.len();
    }
    assert!(found > 0);
}

/// An orderly restart changes no answer: what was open is open, what was heard is counted.
#[test]
fn after_an_orderly_stop_all_is_as_it_was() {
    for seed in 100..130 {
        let mut stage = Stage::new(seed);
        let (mut before, _) = stage.start();
        for _ in 0..500 {
            match stage.rng.below(10) {
                0..6 => stage.bid(&mut before),
                6 => stage.win(&mut before),
                7 | 8 => stage.heard(&mut before),
                _ => stage.pass(&mut before),
            }
        }
        before.gather();
        let expected = before.answers(stage.now_s);
        drop(before);
        let (after, rebuilt) = stage.start();
        assert!(rebuilt.orderly, "{rebuilt:?}");
        let found = after.answers(stage.now_s);
        assert_eq!(found, expected, "seed {seed}");
    }
}

/// An impression of a bid that a crash has lost outlives the next crash: nobody else knows for
/// whom it was.
#[test]
fn an_impression_of_a_lost_bid_is_not_lost_with_the_next_crash() {
    let mut stage = Stage::of_one_a_day();
    let (mut process, _) = stage.start();
    stage.bid(&mut process);
    stage.disk.crash(1);
    drop(process);
    let (mut process, _) = stage.start();
    stage.now_s += 2;
    stage.heard(&mut process);
    assert_eq!(stage.impressions, 1);
    stage.disk.crash(2);
    drop(process);
    let (process, rebuilt) = stage.start();
    assert_eq!((rebuilt.impressions, rebuilt.orderly), (1, false));
    let answers = process.answers(stage.now_s + LIFE_S + 2);
    assert_eq!(answers.iter().filter(|&&room| !room).count(), 2, "of both creatives");
}

/// What was heard just before a crash counts, also when its ticket has expired by the next start.
#[test]
fn what_was_heard_before_a_crash_counts_however_long_it_took() {
    let mut stage = Stage::of_one_a_day();
    let (mut process, _) = stage.start();
    stage.bid(&mut process);
    process.gather();
    process.log.turn().unwrap();
    stage.now_s += 2;
    stage.heard(&mut process);
    stage.disk.crash(1);
    drop(process);
    stage.now_s += LIFE_S + 100;
    let (process, rebuilt) = stage.start();
    assert_eq!((rebuilt.impressions, rebuilt.orderly, rebuilt.unknown), (1, false, 0));
    let answers = process.answers(stage.now_s + LIFE_S + 2);
    assert_eq!(answers.iter().filter(|&&room| !room).count(), 2, "of both creatives");
}

/// A win whose hold a crash has lost may be heard until its ticket expires, for whom nobody knows:
/// so long no line that would count it is bid, however often the process starts again.
#[test]
fn what_a_crash_lost_stays_unknown_over_the_next_starts() {
    let mut stage = Stage::new(7);
    stage.tells_wins = true;
    let (mut process, _) = stage.start();
    stage.bid(&mut process);
    let made_s = stage.now_s;
    stage.bids.values_mut().for_each(|bid| bid.won = true);
    stage.disk.crash(1);
    drop(process);
    let is_closed = |stage: &Stage, process: &Process, now_s| {
        let answers = process.answers(now_s);
        assert!(!answers.is_empty() && stage.bids.len() == 1);
        !answers.contains(&true)
    };
    let (process, rebuilt) = stage.start();
    assert_eq!((rebuilt.unknown, rebuilt.orderly), (1, false));
    stage.now_s += WIN_S + 1;
    assert!(is_closed(&stage, &process, stage.now_s));
    drop(process);
    let (process, rebuilt) = stage.start();
    assert!(rebuilt.orderly);
    assert!(is_closed(&stage, &process, stage.now_s), "an orderly start has opened it");
    stage.disk.crash(2);
    drop(process);
    let (mut process, rebuilt) = stage.start();
    assert!(!rebuilt.orderly);
    // Also when the log is written anew.
    process.log.turn().unwrap();
    let settling = process.log.settle(stage.now()).unwrap();
    settling.into_iter().for_each(|settling| settling().unwrap());
    drop(process);
    let (process, _) = stage.start();
    assert!(is_closed(&stage, &process, made_s + LIFE_S));
    assert!(!is_closed(&stage, &process, made_s + LIFE_S + 1), "closed for ever");
}
