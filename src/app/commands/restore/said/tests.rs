use std::fs;

use super::*;
use crate::app::commands::backup::backup;
use crate::app::commands::restore::restore;
use crate::app::config::Config;
use crate::base::journal::{self, Folder, Journal};
use crate::base::units::ids::ListenerMark;
use crate::market::marks::Marks;
use crate::market::vocabulary::{OptOuts, SignalKind};
use crate::offer::ledger::samples::Chance;

fn no(kind: SignalKind) -> Suppressed {
    Suppressed { opted_out: OptOuts::NONE.with(kind), ..Suppressed::NONE }
}

fn act(day: i64, mark: u64, deed: Deed) -> Act {
    let at = Moment::from_unix_s(day * 86_400);
    Act { at, deed, mark: ListenerMark(mark), others: Vec::new(), who: "token 1".to_owned() }
}

/// A data folder with some money, a secret, and these acts.
fn data(place: &Path, said: &[Act]) {
    let folder = Folder::from(&place.join("journal"));
    let (journal, _) =
        Journal::open(&folder, &journal::Config::default(), &mut |_| Ok(())).unwrap();
    for entry in &Chance::new(3).journal(20).0 {
        journal.append_blocking(&entry.to_bytes()).unwrap();
    }
    fs::write(place.join(MARK_FILE), "secret").unwrap();
    say(place, said);
}

fn say(place: &Path, said: &[Act]) {
    Acts::open_with(place, &mut |_| {}).unwrap().keep_all(said).unwrap();
}

/// What a start on this folder finds: refusals by mark, and erasures to end.
fn start(place: &Path, marks: &[u64]) -> (Vec<Suppressed>, Vec<u64>) {
    let (_, said) = Acts::open(place, Marks::new(&[7; 32])).unwrap();
    let mut unended: Vec<_> = said.unended.iter().map(|mark| mark.0).collect();
    unended.sort_unstable();
    let of = |&mark: &u64| said.suppression.of_mark(ListenerMark(mark));
    (marks.iter().map(of).collect(), unended)
}

#[test]
fn a_no_outlives_a_restore_and_no_erasure_is_undone() {
    let place = tempfile::tempdir().unwrap();
    let of = |name: &str| place.path().join(name);
    let (mood, taste) = (no(SignalKind::Mood), no(SignalKind::Taste));
    let before = [
        act(1, 1, Deed::Said(mood)),
        // Long before the backup: nothing that is copied knows of it.
        act(1, 2, Deed::Erased(Suppressed::NONE)),
        act(1, 2, Deed::ErasureEnded),
        // Perhaps behind the copy of the caps.
        act(40, 3, Deed::Erased(taste)),
        act(40, 3, Deed::ErasureEnded),
    ];
    fs::create_dir(of("data")).unwrap();
    data(&of("data"), &before);
    backup(&Config::default(), &of("data"), &of("backup")).unwrap();
    let (_, said) = restore(&Config::default(), (&of("backup"), None), &of("new")).unwrap();
    assert_eq!(said, SaidSince { acts: 5, since: 0, erased_again: 1 });
    assert_eq!(start(&of("new"), &[1, 2, 3]), (vec![mood, Suppressed::NONE, taste], vec![3]));

    // The folder goes on: one more refusal, one taken back, two erasures, of whom one came back.
    let after = [
        act(50, 1, Deed::Said(Suppressed::NONE)),
        act(50, 4, Deed::Said(mood)),
        act(50, 5, Deed::Erased(Suppressed::NONE)),
        act(50, 5, Deed::ErasureEnded),
        act(51, 6, Deed::Erased(mood)),
        act(51, 6, Deed::ErasureEnded),
        act(52, 6, Deed::Said(taste)),
    ];
    say(&of("data"), &after);
    let since = of("data");
    let both = (&*of("backup"), Some(&*since));
    let (_, said) = restore(&Config::default(), both, &of("whole")).unwrap();
    assert_eq!(said, SaidSince { acts: 5, since: 7, erased_again: 3 });
    let (refused, unended) = start(&of("whole"), &[1, 3, 4, 5, 6]);
    assert_eq!(refused, [Suppressed::NONE, taste, mood, Suppressed::NONE, taste]);
    assert_eq!(unended, [3, 5, 6]);

    // A folder that went another way since the backup: all of both holds.
    fs::create_dir(of("other")).unwrap();
    data(&of("other"), &[&before[..2], &[act(60, 9, Deed::Said(mood))]].concat());
    let other = of("other");
    let both = (&*of("backup"), Some(&*other));
    let (_, said) = restore(&Config::default(), both, &of("merged")).unwrap();
    assert_eq!((said.acts, said.since), (5, 1));
    assert_eq!(start(&of("merged"), &[3, 9]).0, [taste, mood]);
}

#[test]
fn a_folder_of_other_marks_is_refused_and_nothing_is_made() {
    let place = tempfile::tempdir().unwrap();
    let of = |name: &str| place.path().join(name);
    for name in ["data", "foreign"] {
        fs::create_dir(of(name)).unwrap();
        data(&of(name), &[act(1, 1, Deed::Exported)]);
    }
    fs::write(of("foreign").join(MARK_FILE), "another").unwrap();
    backup(&Config::default(), &of("data"), &of("backup")).unwrap();
    for (name, word) in [("foreign", "another secret"), ("nowhere", "name a data folder")] {
        let since = of(name);
        let both = (&*of("backup"), Some(&*since));
        let why = restore(&Config::default(), both, &of("new")).unwrap_err().to_string();
        assert!(why.contains(word), "{why}");
        assert!(!of("new").exists());
    }
}
