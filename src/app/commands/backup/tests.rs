use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::app::commands::audit;
use crate::app::commands::restore;
use crate::app::run::DataLock;
use crate::base::journal::Journal;
use crate::offer::ledger::samples::Chance;
use crate::offer::ledger::{Entry, Following, Keep, Ledger, Snapshots};

fn small() -> journal::Config {
    journal::Config { segment_bytes: 16 << 10, ..journal::Config::default() }
}

/// A data folder whose journal says these entries, with snapshots and keys.
fn data(entries: &[Entry]) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::from(&data.path().join("journal"));
    let (journal, _) = Journal::open(&folder, &small(), &mut |_| Ok(())).unwrap();
    write(&journal, entries);
    let snapshots = Snapshots::new(&data.path().join("snapshots"), Keep::default());
    let start = snapshots.newest(&folder).unwrap();
    Following::on(start, &folder, snapshots).unwrap().turn(journal.durable()).unwrap();
    for (name, text) in [("ticket.key", "secret"), ("mark.key", "mark"), ("coin.key", "coin")] {
        fs::write(data.path().join(name), text).unwrap();
    }
    fs::create_dir(data.path().join("caps")).unwrap();
    fs::write(data.path().join("caps/00000001.ilj"), "caps").unwrap();
    fs::write(data.path().join("caps/LOCK"), "").unwrap();
    fs::write(data.path().join("caps/half.new"), "").unwrap();
    data
}

fn write(journal: &Journal, entries: &[Entry]) {
    for some in entries.chunks(20) {
        let waiting: Vec<_> =
            some.iter().map(|entry| journal.append(&entry.to_bytes()).unwrap()).collect();
        waiting.into_iter().for_each(|durable| durable.wait().unwrap());
    }
}

fn backup(data: &Path, to: &Path) -> anyhow::Result<Manifest> {
    super::backup(&Config::default(), data, to)
}

fn restore(from: &Path, data: &Path) -> anyhow::Result<Ledger> {
    Ok(restore::restore(&Config::default(), (from, None), data)?.0)
}

fn is_equal(data: &Path) -> u64 {
    let books = Books::find(&Config::default(), data).unwrap();
    let report = audit::compare(&books, 20).unwrap();
    assert!(report.bit_equal, "{:?}", report.differences);
    report.entries
}

#[test]
fn a_backup_restores_the_ledger_to_the_bit() {
    let (entries, ledger) = Chance::new(21).journal(500);
    let data = data(&entries);
    let place = tempfile::tempdir().unwrap();
    let (to, new) = (place.path().join("backup"), place.path().join("new"));
    let manifest = backup(data.path(), &to).unwrap();
    assert_eq!((manifest.entries, &manifest.version), (500, &ledger.version().to_string()));
    assert_eq!(Manifest::verified(&to).unwrap(), manifest);
    let restored = restore(&to, &new).unwrap();
    let started = restored.run().epoch;
    assert_eq!((restored.version().entries, started), (501, ledger.run().epoch + 1));
    assert_eq!(restored.accounts(), ledger.accounts(), "leases in force stay held");
    assert_eq!(is_equal(&new), 501);
    let read = |name: &str| fs::read_to_string(new.join(name)).unwrap();
    assert_eq!((read("ticket.key"), read("mark.key")), ("secret".into(), "mark".into()));
    assert_eq!(read("caps/00000001.ilj"), "caps");
    for name in ["coin.key", "caps/LOCK", "caps/half.new", MANIFEST] {
        assert!(!new.join(name).exists(), "{name}");
    }
    DataLock::take(&new).unwrap();
    // Restored once more, it is a folder of its own; not over one that is used.
    assert!(restore(&to, &new).unwrap_err().to_string().contains("not empty"));
    assert!(backup(data.path(), &to).unwrap_err().to_string().contains("not empty"));
}

#[test]
fn a_backup_under_load_is_whole() {
    let (entries, _) = Chance::new(22).journal(1500);
    let data = data(&entries[..300]);
    let folder = Folder::from(&data.path().join("journal"));
    let (journal, _) = Journal::open(&folder, &small(), &mut |_| Ok(())).unwrap();
    let snapshots = Snapshots::new(&data.path().join("snapshots"), Keep::default());
    let (start, _) = snapshots.ledger(&folder).unwrap();
    let mut following = Following::on(start, &folder, snapshots).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let (told, rest) = (Arc::clone(&done), entries[300..].to_vec());
    let writer = std::thread::spawn(move || {
        for some in rest.chunks(10) {
            write(&journal, some);
            following.turn(journal.durable()).unwrap();
        }
        told.store(true, Ordering::Release);
    });
    let place = tempfile::tempdir().unwrap();
    let mut last = 0;
    for n in 0.. {
        let ends = done.load(Ordering::Acquire);
        let (to, new) = (place.path().join(format!("b{n}")), place.path().join(format!("n{n}")));
        let manifest = backup(data.path(), &to).unwrap();
        assert!(manifest.entries >= last.max(300), "what was durable before is in it");
        last = manifest.entries;
        let mut naive = Ledger::default();
        entries[..last as usize].iter().for_each(|entry| naive.apply(entry).unwrap());
        assert_eq!(manifest.version, naive.version().to_string());
        restore(&to, &new).unwrap();
        assert_eq!(is_equal(&new), last + 1);
        if ends {
            break;
        }
    }
    writer.join().unwrap();
    assert_eq!(last, 1500);
    assert_eq!(is_equal(data.path()), 1500);
}

#[test]
fn a_backup_that_was_changed_is_refused() {
    let data = data(&Chance::new(23).journal(40).0);
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("backup");
    backup(data.path(), &to).unwrap();
    let new = place.path().join("new");
    let refused = || restore(&to, &new).unwrap_err().to_string();
    let path = to.join("journal/00000001.ilj");
    let bytes = fs::read(&path).unwrap();
    let mut bad = bytes.clone();
    bad[200] ^= 1;
    fs::write(&path, &bad).unwrap();
    assert!(refused().contains("journal/00000001.ilj is not what"), "{}", refused());
    fs::remove_file(&path).unwrap();
    assert!(refused().contains("journal/00000001.ilj is not what"));
    fs::write(&path, &bytes).unwrap();
    fs::write(to.join("more"), "").unwrap();
    assert!(refused().contains("more is not of this backup"));
    fs::remove_file(to.join("more")).unwrap();
    let text = fs::read_to_string(to.join(MANIFEST)).unwrap();
    fs::write(to.join(MANIFEST), text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    assert!(refused().contains("newer program"));
    fs::write(to.join(MANIFEST), text.replace("\"entries\": 40", "\"entries\": 41")).unwrap();
    fs::remove_file(to.join(MANIFEST)).unwrap();
    assert!(refused().contains("no backup"));
    assert!(!new.exists(), "nothing is made of it");
    fs::write(to.join(MANIFEST), text).unwrap();
    restore(&to, &new).unwrap();
}

#[test]
fn a_backup_in_one_file_restores_into_folders_of_other_names() {
    let (entries, ledger) = Chance::new(24).journal(300);
    let data = data(&entries);
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("today.tar");
    let in_one = |json| {
        let place = Place { config: None, data: Some(data.path().to_owned()) };
        run(Args { place, to: to.clone(), json })
    };
    in_one(true).unwrap();
    assert!(in_one(true).unwrap_err().to_string().contains("is there"));
    let mode = fs::metadata(&to).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    let file = place.path().join("other.toml");
    let names = "[notice]\ndir = \"money\"\n[ledger]\ndir = \"states\"\n\
                 [delivery.caps]\ndir = \"often\"\n";
    fs::write(&file, names).unwrap();
    let new = place.path().join("new");
    let restored = || {
        let place = Place { config: Some(file.clone()), data: Some(new.clone()) };
        restore::run(restore::Args { from: to.clone(), place, said_in: None, json: true })
    };
    restored().unwrap();
    assert_eq!(fs::read_to_string(new.join("often/00000001.ilj")).unwrap(), "caps");
    let config = Config::load(&file).unwrap();
    let books = Books::find(&config, &new).unwrap();
    let found = books.ledger(&config).unwrap();
    assert_eq!((found.version().entries, found.accounts()), (301, ledger.accounts()));
    assert!(audit::compare(&books, 20).unwrap().bit_equal);
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 3, "nothing stays beside: {left:?}");
    // Cut or changed anywhere, it is refused, and nothing is made of it.
    fs::remove_dir_all(&new).unwrap();
    let whole = fs::read(&to).unwrap();
    for at in (0..whole.len() - 1024).step_by(whole.len() / 40) {
        fs::write(&to, &whole[..at]).unwrap();
        assert!(restored().is_err(), "cut at {at}");
        assert!(!new.exists());
    }
    let mut evil = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.as_gnu_mut().unwrap().name[..9].copy_from_slice(b"../escape");
    header.set_cksum();
    evil.append(&header, &b"x"[..]).unwrap();
    fs::write(&to, evil.into_inner().unwrap()).unwrap();
    let refusal = restored().unwrap_err().to_string();
    assert!(refusal.contains("../escape is not of a backup"), "{refusal}");
    assert!(!place.path().join("escape").exists());
}
