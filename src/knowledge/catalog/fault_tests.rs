//! Does every faulty file in `tests/golden/check` get its faults, with place and mend?
//!
//! Beside each file stands `<name>.faults`, one line a fault or warning. To pin what is new:
//! `GOLDEN_WRITE=1`, then read what was written.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::base::units::money::Currency;
use crate::knowledge::catalog::{Limits, inspect_text};
use crate::market::exchange::Rates;
use crate::market::vocabulary::Vocabulary;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/check")
}

/// What is said of a file, by its name alone.
fn told(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let rates = Rates::new("test", [(Currency::EUR, 1_000_000_000)]);
    let mut vocabulary = Vocabulary::new();
    let report = inspect_text(path, &text, &mut vocabulary, &rates, &Limits::default());
    let mut out = String::new();
    for fault in report.catalog.err().into_iter().flat_map(|faults| faults.into_vec()) {
        writeln!(out, "fault {fault}").unwrap();
    }
    for warning in report.warnings {
        writeln!(out, "warning {warning}").unwrap();
    }
    out.replace(&format!("{}/", folder().display()), "")
}

#[test]
fn faults_are_told_as_the_goldens_say() {
    let mut files: Vec<_> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending != "faults"));
    files.sort();
    assert!(files.len() >= 20);
    let mut wrong = Vec::new();
    for file in files {
        let golden = PathBuf::from(format!("{}.faults", file.display()));
        let told = told(&file);
        if std::env::var_os("GOLDEN_WRITE").is_some() {
            std::fs::write(&golden, &told).unwrap();
        }
        let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
        if told != wanted {
            wrong.push(format!("{}\nwanted\n{wanted}told\n{told}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
