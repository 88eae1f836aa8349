//! Campaign files: are they read, or refused with the place of each fault, without a panic; and
//! alike each time?
//!
//! What begins with a brace is JSON, else YAML. Run by `tests/fuzz`; the seeds by tests/it/fuzz.rs.
#![cfg_attr(fuzzing, no_main)]

use std::path::Path;

use interlude::base::units::money::Currency;
use interlude::knowledge::catalog::{Limits, inspect_text};
use interlude::market::exchange::Rates;
use interlude::market::vocabulary::Vocabulary;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let name = if text.starts_with('{') { "campaign.json" } else { "campaign.yaml" };
    let rates = Rates::new("fuzz", [(Currency::USD, 1_000_000_000)]);
    let read = || {
        let mut vocabulary = Vocabulary::new();
        inspect_text(Path::new(name), text, &mut vocabulary, &rates, &Limits::default()).catalog
    };
    match (read(), read()) {
        (Ok(once), Ok(again)) => assert_eq!(once.version, again.version),
        (Err(once), Err(again)) => {
            assert_eq!(once.to_string(), again.to_string());
            // The end is a line of its own; YAML breaks lines at a carriage return, too.
            let lines = text.matches(['\n', '\r']).count() + 2;
            for fault in once.iter() {
                assert!(fault.line as usize <= lines, "{fault:?} of {lines} lines");
                assert!(!fault.message.is_empty(), "{fault:?}");
            }
        }
        (once, again) => panic!("{:?} and {:?}", once.err(), again.err()),
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
