//! Bid requests that others wrote, decoded one and all.

use std::fs;
use std::path::{Path, PathBuf};

use bumpalo::Bump;
use interlude::market::openrtb::{Wire, decode};
use interlude::market::outcome::Malformed;

/// The files of a folder, sorted, so that a finding names the same file each time.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext != "tsv"));
    files.sort();
    files
}

pub fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// How each file ends that is refused. The rest decoded.
pub fn refused(folder: &Path) -> Vec<(String, Malformed)> {
    let files = files(folder);
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let ends = files.iter().map(|path| {
        let body = fs::read(path).unwrap();
        let arena = Bump::new();
        let fault = decode(Wire::Json, &body, &arena).err();
        (name(path).to_owned(), fault)
    });
    ends.filter_map(|(name, fault)| fault.map(|fault| (name, fault))).collect()
}

/// Asserts that exactly the listed files are refused, for exactly the listed reasons. A list
/// may name files that this folder does not have: the shipped corpus is a part of the whole.
pub fn refuses_only(folder: &Path, listed: &[(&str, Malformed)]) {
    let present: Vec<PathBuf> = files(folder);
    let expected: Vec<(String, Malformed)> = listed
        .iter()
        .filter(|(listed, _)| present.iter().any(|path| name(path) == *listed))
        .map(|&(name, fault)| (name.to_owned(), fault))
        .collect();
    assert_eq!(refused(folder), expected, "{}", folder.display());
}

/// Audio requests that are refused: none. Three have an audio object that says nothing of audio
/// (`{}`, or only a width and a height), which offers none and is no fault.
pub const AUDIO_REFUSED: [(&str, Malformed); 0] = [];

/// Requests without audio that are refused.
pub const NONAUDIO_REFUSED: [(&str, Malformed); 3] = [
    // Two imps, both `test-imp-id`.
    ("prebid-openx-ex-optional-params-d58c7d.json", Malformed::DuplicateImpId),
    // Stored requests: templates whose imps the server would add.
    ("prebid-pbs-storedreqs-go-d6a956.json", Malformed::MissingImp),
    ("prebid-pbs-storedreqs-java-5a6f4a.json", Malformed::MissingImp),
];

/// Of the invalid requests, those whose fault is of the strict kind. The others have faults in
/// objects that Interlude does not read, or against one server's own configuration.
pub const INVALID_REFUSED: [(&str, Malformed); 32] = [
    ("malformed-InteractiveAdv-2157ecc0.json.bad", Malformed::Unparseable),
    ("malformed-InteractiveAdv-8552a763.json.bad", Malformed::Unparseable),
    ("malformed-InteractiveAdv-8ee74851.json.bad", Malformed::Unparseable),
    ("malformed-InteractiveAdv-b5ae2f73.json.bad", Malformed::Unparseable),
    ("malformed-InteractiveAdv-be6beab8.json.bad", Malformed::Unparseable),
    ("malformed-InteractiveAdv-e4b15178.json.bad", Malformed::Unparseable),
    ("malformed-lacunads-29133805.json.bad", Malformed::Unparseable),
    ("malformed-lacunads-a9295e2a.json.bad", Malformed::Unparseable),
    ("malformed-lacunads-c76ba5af.json.bad", Malformed::Unparseable),
    ("malformed-missing-value.json.bad", Malformed::Unparseable),
    ("malformed-shareitads-020250db.json.bad", Malformed::Unparseable),
    ("malformed-shareitads-05502328.json.bad", Malformed::Unparseable),
    ("malformed-shareitads-455fa724.json.bad", Malformed::Unparseable),
    ("malformed-shareitads-5a156635.json.bad", Malformed::Unparseable),
    ("malformed-shareitads-90682296.json.bad", Malformed::Unparseable),
    ("malformed-shareitads-a1329157.json.bad", Malformed::Unparseable),
    ("notjson-AppMonet-pc.json.bad", Malformed::Unparseable),
    ("notjson-InteractiveA-BANNER_SITE_25_mandatory_.json.bad", Malformed::Unparseable),
    ("notjson-benmfaul-garbage.txt.bad", Malformed::Unparseable),
    ("notjson-rtbkit-appnexus_allfields_req.json.bad", Malformed::Unparseable),
    ("notjson-rtbkit-exchange_parsing_from_file_bid_request2.json.bad", Malformed::Unparseable),
    ("notjson-thenexusengi-attack-requests.json.bad", Malformed::Unparseable),
    ("pbs-invalid-stored_bad_incoming_1.json", Malformed::Unparseable),
    ("pbs-invalid-whole_audio-maxbitrate-negative.json", Malformed::AudioImpossible),
    ("pbs-invalid-whole_audio-mimes-empty.json", Malformed::AudioWithoutMimes),
    ("pbs-invalid-whole_audio-minbitrate-negative.json", Malformed::AudioImpossible),
    ("pbs-invalid-whole_audio-sequence-negative.json", Malformed::AudioImpossible),
    ("pbs-invalid-whole_empty-object.json", Malformed::MissingId),
    ("pbs-invalid-whole_imp-empty-array.json", Malformed::MissingImp),
    ("pbs-invalid-whole_malformed-bid-request.json", Malformed::Unparseable),
    ("pbs-invalid-whole_site-app-both.json", Malformed::SiteAndApp),
    ("pbs-invalid-whole_site-dooh-both.json", Malformed::SiteAndApp),
];
