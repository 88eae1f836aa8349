//! GPP strings and bare sections: do they decode, or fail, without a panic; and is a person used
//! only where the string decodes and opts out of nothing?
//!
//! Run by `tests/fuzz`; the seeds by tests/it/fuzz.rs.
#![cfg_attr(fuzzing, no_main)]

use interlude::base::units::time::Moment;
use interlude::market::openrtb::request::{Regs, Request};
use interlude::market::privacy::{
    Config, Grant, Kind, Policy, RegsDefault, Signals, permissions, shown,
};
use serde_json::{Map, Value};

/// 2023-01-01.
const THEN: Moment = Moment::from_unix_s(1_672_531_200);

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for id in 2..=27 {
        let _ = shown(text, Kind::Section(id));
    }
    let config =
        Config { vendor_id: 8, policy_version_min: 0, string_max_age_days: 0, ..Config::default() };
    let policy = Policy::new(&config, None).expect("a policy of lists");
    let request =
        Request { regs: Some(Regs { gpp: Some(text), ..Regs::default() }), ..Request::default() };
    let (country, absent) = (Some("USA"), RegsDefault::Full);
    let signals = Signals { request: &request, country, gpc: false, absent, moment: THEN };
    let granted = permissions(&signals, &policy);
    let used = [Grant::UseId, Grant::ReadProfile, Grant::CountCaps, Grant::Measure];
    if used.into_iter().any(|grant| granted.may(grant)) {
        let fields = shown(text, Kind::Gpp).expect("granted by what does not decode");
        let sections = fields["sections"].as_object().expect("sections by their names");
        let us = sections.iter().filter(|(name, _)| name.starts_with("us") && *name != "uspv1");
        for (name, fields) in us {
            let fields = fields.as_object().expect("a section has fields");
            let opted_out = OPT_OUTS.iter().any(|key| says(fields, key, 1));
            let child = says(fields, "KnownChildSensitiveDataConsents", 1);
            assert!(!opted_out && !child, "{name}: {fields:?}");
            assert_ne!(fields.get("Gpc"), Some(&Value::Bool(true)), "{name}");
        }
    }
}

const OPT_OUTS: [&str; 3] = ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"];

/// Whether a field has the value, or has it somewhere in its list.
fn says(fields: &Map<String, Value>, key: &str, value: u8) -> bool {
    match fields.get(key) {
        Some(Value::Array(list)) => list.contains(&Value::from(value)),
        Some(one) => *one == value,
        None => false,
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
