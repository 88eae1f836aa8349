//! The seeds of each fuzz target, replayed without a fuzzer. `tests/fuzz` goes on from them.

use std::path::Path;

#[path = "../../fuzz/fuzz_targets/campaign.rs"]
mod campaign;
#[path = "../../fuzz/fuzz_targets/gpp.rs"]
mod gpp;
#[path = "../../fuzz/fuzz_targets/gzip.rs"]
mod gzip;
#[path = "../../fuzz/fuzz_targets/json.rs"]
mod json;
#[path = "../../fuzz/fuzz_targets/notice.rs"]
mod notice;
#[path = "../../fuzz/fuzz_targets/protobuf.rs"]
mod protobuf;
#[path = "../../fuzz/fuzz_targets/record.rs"]
mod record;
#[path = "../../fuzz/fuzz_targets/tcf.rs"]
mod tcf;
#[path = "../../fuzz/fuzz_targets/vast.rs"]
mod vast;

/// A target of fuzz/, by the name of its file and its folder of seeds.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 9] = [
    ("campaign", campaign::run),
    ("gpp", gpp::run),
    ("gzip", gzip::run),
    ("json", json::run),
    ("notice", notice::run),
    ("protobuf", protobuf::run),
    ("record", record::run),
    ("tcf", tcf::run),
    ("vast", vast::run),
];

fn names(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn seeds_break_nothing() {
    for (target, run) in TARGETS {
        let seeds = names(&format!("corpus/{target}"));
        assert!(seeds.len() > 10, "{target} has {} seeds", seeds.len());
        for seed in seeds {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
            run(&std::fs::read(format!("{folder}/{target}/{seed}")).unwrap());
        }
    }
}

/// A target that CI forgets would be none.
#[test]
fn every_target_has_seeds_and_is_replayed() {
    let replayed = TARGETS.map(|(target, _)| target.to_owned());
    assert_eq!(names("corpus"), replayed);
    assert_eq!(names("fuzz_targets"), replayed.map(|target| target + ".rs"));
}
