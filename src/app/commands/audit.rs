//! `interlude audit DIR`: every balance again, from the journal alone; equal to the bit, or where
//! not.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use super::books::Books;
use crate::app::config::Config;
use crate::base::journal::{self, Folder, Mark};
use crate::offer::ledger::{Keep, Ledger, Snapshots};
use crate::rehearsal::audit;

const AFTER: &str = "\
Reads the journal with a decoder and an arithmetic of its own, and compares what they come to
with what the ledger says: folded from the beginning, and from the newest snapshot on. Also
checks that each bid is charged at most once, that no budget exceeds the limit that was in force,
that all accounts come to nought, and that the chain of hashes holds. Changes nothing; a server
may go on writing meanwhile.

Exit 0: every balance is equal to the bit and nothing is wrong. Exit 1: something is not, and the
output names it.

Examples:
  interlude audit data
  interlude audit data --config my.toml
  interlude audit /backup/2026-11-22 --json";

/// Recompute every balance from the journal and compare.
#[derive(clap::Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// A data folder, or the folder of a journal.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The server's config, where it gives folders other names than the default ones.
    #[arg(long, value_name = "FILE", env = "INTERLUDE_CONFIG")]
    config: Option<PathBuf>,
    /// How many differences and faults are shown.
    #[arg(long, value_name = "N", default_value_t = 20)]
    show: usize,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
pub struct Report {
    pub bit_equal: bool,
    pub entries: u64,
    head: String,
    segments: u64,
    links: u64,
    unfinished_bytes: u64,
    charges: u64,
    accounts: usize,
    /// The entries that the newest snapshot stands for; `None` without one.
    snapshot_entries: Option<u64>,
    difference_count: usize,
    pub differences: Vec<String>,
    pub fault_count: u64,
    faults: Vec<String>,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.config.as_deref().map_or_else(|| Ok(Config::default()), Config::load)?;
    let books = Books::find(&config, &args.dir)?;
    let report = compare(&books, args.show)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        print(&report, &mut out)?;
    }
    Ok(if report.bit_equal && report.fault_count == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub fn compare(books: &Books, show: usize) -> anyhow::Result<Report> {
    let folder = Folder::from(&books.journal);
    let snapshots = Snapshots::new(&books.snapshots, Keep::default());
    // First: so that it is not newer than what is audited.
    let start = snapshots.newest(&folder)?;
    let audited = audit::audit(&books.journal)?;
    let mut differences = Vec::new();
    let mut whole = Ledger::default();
    fold(&folder, Mark::START, &mut whole, audited.entries, &mut differences);
    differences.extend(audit::differences("fold", &audited, &whole));
    let snapshot_entries = (start.entries > 0).then_some(start.entries);
    if snapshot_entries.is_some() {
        let mut ledger = start.ledger;
        fold(&folder, start.mark, &mut ledger, audited.entries, &mut differences);
        differences.extend(audit::differences("snapshot", &audited, &ledger));
    }
    differences.extend(start.passed_over);
    let mut faults = audited.faults;
    faults.truncate(show);
    let difference_count = differences.len();
    differences.truncate(show);
    Ok(Report {
        bit_equal: difference_count == 0,
        entries: audited.entries,
        head: audited.head.iter().map(|byte| format!("{byte:02x}")).collect(),
        segments: audited.segments,
        links: audited.links,
        unfinished_bytes: audited.unfinished,
        charges: audited.charges,
        accounts: audited.balances.len(),
        snapshot_entries,
        difference_count,
        differences,
        fault_count: audited.fault_count,
        faults,
    })
}

/// Folds up to as many entries as were audited: a server may have written more since.
fn fold(
    folder: &Folder,
    mark: Mark,
    ledger: &mut Ledger,
    entries: u64,
    differences: &mut Vec<String>,
) {
    let read = journal::read_on(folder, mark, &mut |record| {
        if ledger.version().entries == entries {
            return Ok(());
        }
        ledger.read(record).map_err(|why| why.to_string())
    });
    if let Err(fault) = read {
        differences.push(format!("the ledger stops: {fault}"));
    }
}

fn print(report: &Report, out: &mut impl std::io::Write) -> std::io::Result<()> {
    for difference in &report.differences {
        writeln!(out, "{difference}")?;
    }
    for fault in &report.faults {
        writeln!(out, "{fault}")?;
    }
    let snapshot = match report.snapshot_entries {
        Some(entries) => format!("and from the snapshot at {entries}"),
        None => "(there is no snapshot)".to_owned(),
    };
    let equal = if report.bit_equal { "bit-equal" } else { "NOT equal" };
    writeln!(
        out,
        "{} entries in {} segments, {} links hold; {} charges; {} accounts: {equal}, folded \
         {snapshot}",
        report.entries, report.segments, report.links, report.charges, report.accounts
    )?;
    if report.unfinished_bytes > 0 {
        writeln!(out, "{} bytes at the end are no whole batch", report.unfinished_bytes)?;
    }
    let (differences, faults) = (report.difference_count, report.fault_count);
    if differences > 0 || faults > 0 {
        writeln!(out, "{differences} differences, {faults} faults")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::journal::Journal;
    use crate::market::notice::Kind;
    use crate::offer::ledger::samples::{Chance, notice};
    use crate::offer::ledger::{Effect, Entry, Following};

    /// A journal on disk in small segments, with snapshots.
    fn journal(data: &Path, entries: &[Entry]) {
        let dir = data.join("journal");
        let config = journal::Config { segment_bytes: 16 << 10, ..journal::Config::default() };
        let (journal, _) = Journal::open(&dir, &config, &mut |_| Ok(())).unwrap();
        for some in entries.chunks(50) {
            let waiting: Vec<_> =
                some.iter().map(|entry| journal.append(&entry.to_bytes()).unwrap()).collect();
            waiting.into_iter().for_each(|durable| durable.wait().unwrap());
        }
        let snapshots = Snapshots::new(&data.join("snapshots"), Keep::default());
        let start = snapshots.newest(&Folder::from(&dir)).unwrap();
        let mut following = Following::on(start, &Folder::from(&dir), snapshots).unwrap();
        // A folder whose journal is refused has none.
        let _ = following.turn(journal.durable());
    }

    fn report(data: &Path) -> Report {
        compare(&Books::find(&Config::default(), data).unwrap(), 20).unwrap()
    }

    #[test]
    fn two_arithmetics_come_to_the_same() {
        let rounds = if std::env::var_os("INTERLUDE_LONG").is_some() { 300 } else { 6 };
        for seed in 0..rounds {
            let data = tempfile::tempdir().unwrap();
            let (entries, ledger) = Chance::new(500 + seed).journal(700);
            journal(data.path(), &entries);
            let report = report(data.path());
            assert!(report.bit_equal, "seed {seed}: {:?}", report.differences);
            assert!(report.accounts > 50 && report.segments > 2 && report.links > 2);
            assert!(report.snapshot_entries.is_some_and(|n| n > 0 && n <= 700));
            assert_eq!((report.entries, report.unfinished_bytes), (700, 0));
            assert_eq!(report.fault_count, ledger.breaches().count, "seed {seed}");
            assert!(report.charges > 50);
        }
    }

    #[test]
    fn what_differs_is_named() {
        let data = tempfile::tempdir().unwrap();
        let (entries, _) = Chance::new(1).journal(400);
        journal(data.path(), &entries);
        let folder = Folder::from(&data.path().join("journal"));
        let snapshots = Snapshots::new(&data.path().join("snapshots"), Keep::default());
        let mut start = snapshots.newest(&folder).unwrap();
        let mut other = notice(Kind::Impression, Effect::Charged, 11);
        other.bid.0 = u64::MAX;
        (other.campaign, other.advertiser) = (None, None);
        start.ledger.apply(&Entry::Notice(other)).unwrap();
        snapshots.write(&start.ledger, start.mark).unwrap();
        let report = report(data.path());
        assert!(!report.bit_equal);
        let named = report.differences.join("\n");
        assert!(named.contains("snapshot: spent of line 0000000000000007 (USD)"), "{named}");
        assert!(!named.contains("fold:"), "{named}");
    }

    #[test]
    fn what_must_not_be_is_told() {
        let data = tempfile::tempdir().unwrap();
        let paid = Entry::Notice(notice(Kind::Impression, Effect::Charged, 11));
        journal(data.path(), &[paid.clone(), paid]);
        let report = report(data.path());
        assert_eq!(report.faults, ["entry 2: bid 000000000000004d is charged twice"]);
        assert!(report.differences[0].contains("charged twice"), "{:?}", report.differences);
    }

    #[test]
    fn a_changed_byte_is_found_wherever_it_stands() {
        let data = tempfile::tempdir().unwrap();
        journal(data.path(), &Chance::new(3).journal(400).0);
        let first = data.path().join("journal/00000001.ilj");
        let bytes = std::fs::read(&first).unwrap();
        for at in (0..bytes.len()).step_by(97) {
            let mut bad = bytes.clone();
            bad[at] ^= 4;
            std::fs::write(&first, &bad).unwrap();
            let fault = audit::audit(&data.path().join("journal")).err();
            let fault = fault.unwrap_or_else(|| panic!("byte {at} is not missed")).to_string();
            assert!(fault.contains("00000001.ilj"), "{fault}");
        }
        std::fs::remove_file(&first).unwrap();
        let fault = audit::audit(&data.path().join("journal")).unwrap_err().to_string();
        assert!(fault.contains("00000002.ilj") && fault.contains("missing"), "{fault}");
    }

    #[test]
    fn an_end_that_is_being_written_is_passed_over() {
        let data = tempfile::tempdir().unwrap();
        journal(data.path(), &Chance::new(4).journal(60).0);
        let dir = data.path().join("journal");
        let (_, last) = journal::segments(&dir).unwrap().pop().unwrap();
        let bytes = std::fs::read(&last).unwrap();
        let whole = audit::audit(&dir).unwrap();
        for cut in 1..200 {
            std::fs::write(&last, &bytes[..bytes.len() - cut]).unwrap();
            let part = audit::audit(&dir).unwrap();
            assert!(part.entries <= whole.entries && part.unfinished < 20_000);
            assert_eq!(part.bytes + part.unfinished, whole.bytes - cut as u64);
        }
    }
}
