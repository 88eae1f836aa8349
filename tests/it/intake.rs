//! Is what was acknowledged there after kill -9, and what was half done nowhere? Processes of our
//! own, killed by their ids at random moments, again and again over the same folder.
//!
//! `INTERLUDE_LONG=1` kills a hundred times each.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use interlude::base::stdx::rng::Rng;
use interlude::base::units::ids::ListenerKey;
use interlude::knowledge::audience::{
    Audience, Change, Config, Intake, LinkKey, Purpose, Segment, Stand, encode,
};
use interlude::market::vocabulary::{Dimension, Vocabulary};

const FOLDER: &str = "INTERLUDE_CRASH_FOLDER";
/// Threads that send batches at once, so that one sync makes several durable.
const WRITERS: u64 = 3;
/// Listeners that every batch of a writer moves on together.
const MOVED: u64 = 40;
/// How long a batch's own listener stays before a later batch erases it.
const STAYS: u64 = 3;

fn kills() -> u64 {
    if std::env::var_os("INTERLUDE_LONG").is_some() { 100 } else { 5 }
}

fn config() -> Config {
    // Seals, merges and settles all the time.
    Config { seal_ms: 10, settle_bytes: 64 << 10, ..Config::default() }
}

fn open(folder: &Path) -> Intake {
    Stand::open(folder, &Default::default(), &config()).unwrap().alone(&config()).unwrap()
}

fn key(writer: u64, what: &str, n: u64) -> ListenerKey {
    ListenerKey::of(&format!("{writer} {what} {n}"))
}

/// Batch `n` of a writer: each of its listeners is put on a list of this number, one more listener
/// comes with a link, and one that came before goes.
fn batch(intake: &Intake, writer: u64, n: u64) -> Vec<Change> {
    let list = intake.words().grow(|words| words.intern(Dimension::List, &format!("list {n}")));
    let value = list.unwrap();
    let mut profile = Vec::new();
    let segment = Segment { value, confidence_pct: 100, expires: Segment::NEVER };
    encode(&mut vec![segment], &mut profile).unwrap();
    let put = |key| Change::Put { key, profile: profile.as_slice().into() };
    let mut changes: Vec<Change> = (0..MOVED).map(|i| put(key(writer, "moved", i))).collect();
    let own = key(writer, "own", n);
    changes.push(Change::Add { key: own, segments: vec![segment] });
    let link = LinkKey::of(&format!("writer{writer}"), &n.to_string());
    changes.push(Change::Link { link, key: own });
    if let Some(gone) = n.checked_sub(STAYS).filter(|&gone| gone > 0) {
        changes.push(Change::Erase { key: key(writer, "own", gone) });
    }
    changes
}

/// The batch that a writer's listeners show, all of them the same; nought before the first.
fn shown(audience: &Audience, words: &Vocabulary, writer: u64) -> u64 {
    let number = |key| {
        let profile = audience.profile_for(Purpose::Upkeep, key)?;
        let segments: Vec<Segment> = profile.segments().collect();
        assert_eq!(segments.len(), 1);
        words.text(segments[0].value).strip_prefix("list ")?.parse::<u64>().ok()
    };
    let seen: BTreeSet<Option<u64>> = (0..MOVED).map(|i| number(key(writer, "moved", i))).collect();
    assert_eq!(seen.len(), 1, "writer {writer}: a batch was applied by half: {seen:?}");
    let n = seen.into_iter().next().flatten().unwrap_or(0);
    // Neither a batch before it nor a piece of one behind it.
    for own in n.saturating_sub(20).max(1)..=n + 3 {
        let stays = own <= n && own + STAYS > n;
        let link = LinkKey::of(&format!("writer{writer}"), &own.to_string());
        let key = key(writer, "own", own);
        assert_eq!(number(key), stays.then_some(own), "writer {writer}, batch {own} of {n}");
        assert_eq!(audience.listener(link), stays.then_some(key), "writer {writer}, {own} of {n}");
    }
    n
}

/// Runs in a process of its own, until that is killed.
#[test]
#[ignore = "the child of what_was_acknowledged_survives_kill_9"]
fn sends_batches_until_killed() {
    let folder = std::env::var_os(FOLDER).expect("run by its parent");
    let intake = open(Path::new(&folder));
    let (audience, words) = (intake.audience(), intake.words().snapshot());
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (intake, from) = (&intake, shown(&audience, &words, writer) + 1);
            scope.spawn(move || {
                for n in from.. {
                    intake.submit(batch(intake, writer, n)).unwrap().wait().unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "\nacknowledged {writer} {n}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

fn child(folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "intake::sends_batches_until_killed", "--ignored", "--nocapture"]);
    command.env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(0x0011_7A4E);
    // Of each writer; at the start of a child, what is there.
    let mut acknowledged = [0; WRITERS as usize];
    for kill in 0..kills() {
        let mut child = child(folder.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let mut note = |line: String| {
            let mut said = line.strip_prefix("acknowledged ")?.split(' ');
            let mut number = || said.next()?.parse::<u64>().ok();
            let (writer, n) = (number()?, number()?);
            acknowledged[writer as usize] = n;
            Some(())
        };
        let some = rng.between(1, 60);
        let heard = lines.by_ref().filter_map(&mut note).take(some).count();
        assert_eq!(heard as u64, some as u64, "the child ended by itself");
        std::thread::sleep(Duration::from_micros(rng.between(0, 15_000) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts, too.
        lines.filter_map(&mut note).count();
        let intake = open(folder.path());
        let (audience, words) = (intake.audience(), intake.words().snapshot());
        for writer in 0..WRITERS {
            let shown = shown(&audience, &words, writer);
            let last = &mut acknowledged[writer as usize];
            assert!(shown >= *last, "kill {kill}: writer {writer} lost {last}, shows {shown}");
            // A writer has one batch on its way at most.
            assert!(shown <= *last + 1, "kill {kill}: writer {writer}: {shown} after {last}");
            *last = shown;
        }
    }
}

const LINES: u64 = 20_000;
const BATCH: u64 = 500;

fn import(folder: &Path, strict: bool) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlude"));
    command.args(["audience", "import", "--json", "--config"]);
    command.arg(folder.join("interlude.toml")).arg("--data").arg(folder.join("data"));
    if strict {
        command.arg("--strict");
    }
    command.arg(folder.join("listeners.jsonl"));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// How many listeners are there: the first so many of the file, and no others.
fn loaded(folder: &Path) -> u64 {
    let intake = open(&folder.join("data"));
    let audience = intake.audience();
    let there = |n: u64| {
        audience.profile_for(Purpose::Upkeep, ListenerKey::of(&format!("listener-{n}"))).is_some()
    };
    let count = (0..LINES).take_while(|&n| there(n)).count() as u64;
    assert_eq!(audience.len() as u64, count, "listeners beyond the first gap");
    count
}

#[test]
fn a_bulk_load_that_is_killed_leaves_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) =
        (folder.path().join("interlude.toml"), folder.path().join("listeners.jsonl"));
    let batches = format!("[audience]\nbatch = {BATCH}\nsettle_bytes = 65536\n");
    std::fs::write(config, batches).unwrap();
    let lines: String = (0..LINES)
        .map(|n| {
            let list = n % 300;
            format!("{{\"id\":\"listener-{n}\",\"segments\":{{\"list\":[\"list {list}\"]}}}}\n")
        })
        .collect();
    std::fs::write(&file, lines).unwrap();
    let data = folder.path().join("data");
    let started = Instant::now();
    assert!(import(folder.path(), false).wait().unwrap().success());
    let mut whole = started.elapsed();
    assert_eq!(loaded(folder.path()), LINES);

    let mut rng = Rng::new(0xB01C);
    let (mut kills_in_time, mut tries) = (0, 0);
    while kills_in_time < kills() {
        tries += 1;
        assert!(tries < 10 * kills(), "loads end before they are killed");
        // Every fourth time over what the last one left: it begins at the first line again.
        if tries % 4 != 0 && data.exists() {
            std::fs::remove_dir_all(&data).unwrap();
        }
        let before = if data.exists() { loaded(folder.path()) } else { 0 };
        let started = Instant::now();
        let mut child = import(folder.path(), tries % 2 == 1);
        std::thread::sleep(whole.mul_f64(rng.unit()));
        child.kill().unwrap();
        let ended = child.wait().unwrap().success();
        if ended {
            whole = whole.min(started.elapsed());
        }
        kills_in_time += u64::from(!ended);
        if !data.exists() {
            continue;
        }
        let count = loaded(folder.path());
        assert!(count.is_multiple_of(BATCH), "try {tries}: {count} is no whole batch");
        assert!(count >= before && (!ended || count == LINES), "try {tries}: {count} of {before}");
    }
    assert!(import(folder.path(), true).wait().unwrap().success());
    assert_eq!(loaded(folder.path()), LINES, "importing again ends in the same");
}
