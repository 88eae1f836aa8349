//! TC strings: do they decode, or fail, without a panic; and is nothing permitted that what
//! decodes does not say?
//!
//! Run by `tests/fuzz`; the seeds by tests/it/fuzz.rs.
#![cfg_attr(fuzzing, no_main)]

use interlude::base::units::time::Moment;
use interlude::market::openrtb::request::{Regs, Request, User};
use interlude::market::privacy::{
    Config, Grant, Kind, Policy, RegsDefault, Signals, permissions, shown,
};
use serde_json::{Map, Value};

/// Whose grants are asked for.
const VENDOR: u16 = 8;

/// 2023-01-01.
const THEN: Moment = Moment::from_unix_s(1_672_531_200);

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let config = Config {
        vendor_id: VENDOR,
        policy_version_min: 0,
        string_max_age_days: 0,
        ..Config::default()
    };
    let policy = Policy::new(&config, None).expect("a policy of lists");
    let request = Request {
        user: Some(User { consent: Some(text), ..User::default() }),
        regs: Some(Regs { gdpr: Some(true), ..Regs::default() }),
        ..Request::default()
    };
    let (country, absent) = (Some("DEU"), RegsDefault::Full);
    let signals = Signals { request: &request, country, gpc: false, absent, moment: THEN };
    let granted = permissions(&signals, &policy);
    let read = shown(text, Kind::Tcf);
    let may = |grant| granted.may(grant);
    match read {
        Err(_) => assert!(!Grant::ALL.into_iter().any(may), "granted by what does not decode"),
        Ok(fields) => {
            let ids = |key: &str, id: u16| has(&fields, key, id);
            let needs = |purposes: &[u16]| {
                ids("vendorConsents", VENDOR) && purposes.iter().all(|&p| ids("purposeConsents", p))
            };
            assert!(!may(Grant::Answer) || needs(&[2]), "{fields:?}");
            assert!(!may(Grant::UseId) || needs(&[1, 2]), "{fields:?}");
            assert!(!may(Grant::ReadProfile) || needs(&[1, 2, 3, 4]), "{fields:?}");
            assert!(!may(Grant::Measure) || needs(&[1, 2, 7]), "{fields:?}");
            assert!(!may(Grant::PrecisePlace) || ids("specialFeatureOptins", 1), "{fields:?}");
        }
    }
}

fn has(fields: &Map<String, Value>, key: &str, id: u16) -> bool {
    fields[key].as_array().is_some_and(|list| list.contains(&Value::from(id)))
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
