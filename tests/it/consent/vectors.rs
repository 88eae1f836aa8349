//! Do strings decode as the IAB's own libraries decode them? Over a folder of vectors.

use std::fs;
use std::path::Path;

use interlude::market::privacy::{Kind, shown};
use serde_json::{Map, Value, json};

/// What the issue names of a TC string.
const TCF: [&str; 19] = [
    "version",
    "created",
    "lastUpdated",
    "cmpId",
    "cmpVersion",
    "consentScreen",
    "consentLanguage",
    "vendorListVersion",
    "policyVersion",
    "isServiceSpecific",
    "purposeOneTreatment",
    "publisherCountryCode",
    "specialFeatureOptins",
    "purposeConsents",
    "purposeLegitimateInterests",
    "vendorConsents",
    "vendorLegitimateInterests",
    "vendorsAllowed",
    "vendorsDisclosed",
];

/// How many were compared, and how many of them the reference rejects.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    pub vectors: usize,
    pub rejected: usize,
}

fn vectors(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// Compares what `keys` name of each decoding with what is expected.
fn compare(
    file: &Path,
    kind: impl Fn(&Value, &str) -> Kind,
    fields: impl Fn(&Map<String, Value>, &Map<String, Value>) -> Vec<String>,
) -> Seen {
    let (mut seen, mut wrong) = (Seen::default(), Vec::new());
    for vector in vectors(file) {
        let (text, expected) = (vector["string"].as_str().unwrap(), &vector["expected"]);
        let expected = expected.as_object().unwrap();
        seen.vectors += 1;
        match (shown(text, kind(&vector, text)), expected.get("error")) {
            (Err(_), Some(_)) => seen.rejected += 1,
            (Ok(_), Some(_)) => wrong.push(format!("{text}: the reference rejects it")),
            (Err(fault), None) => wrong.push(format!("{text}: {fault}")),
            (Ok(found), None) => {
                wrong.extend(fields(&found, expected).iter().map(|why| format!("{text}: {why}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", file.display(), wrong.join("\n"));
    seen
}

fn differ(key: &str, found: Option<&Value>, expected: &Value) -> Option<String> {
    (found != Some(expected)).then(|| format!("{key}: {found:?}, expected {expected}"))
}

pub fn tcf(folder: &Path) -> Seen {
    compare(
        &folder.join("tcf_vectors.json"),
        |_, text| {
            assert_eq!(Kind::of(text), Kind::Tcf);
            Kind::Tcf
        },
        |found, expected| {
            let named = TCF.iter().filter_map(|key| differ(key, found.get(*key), &expected[*key]));
            let publisher = [
                ("consents", "publisherConsents"),
                ("legitimateInterests", "publisherLegitimateInterests"),
            ];
            let publisher = publisher.iter().filter_map(|(ours, theirs)| {
                differ(theirs, found["publisher"].get(ours), &expected[*theirs])
            });
            let held = |list: &Value, keys: [&str; 3]| {
                let mut held = Vec::new();
                for entry in list.as_array().unwrap() {
                    for vendor in entry[keys[2]].as_array().unwrap() {
                        let number = |value: &Value| value.as_u64().unwrap();
                        held.push([&entry[keys[0]], &entry[keys[1]], vendor].map(number));
                    }
                }
                held.sort_unstable();
                held
            };
            let ours = held(&found["publisher"]["restrictions"], ["key", "type", "ids"]);
            let theirs = held(&expected["publisherRestrictions"], ["purpose", "type", "vendors"]);
            let publisher =
                publisher.chain((ours != theirs).then(|| format!("{ours:?}, expected {theirs:?}")));
            let extra = found.keys().filter(|key| *key != "publisher" && !TCF.contains(&&***key));
            named.chain(publisher).chain(extra.cloned()).collect()
        },
    )
}

pub fn gpp(folder: &Path) -> Seen {
    compare(
        &folder.join("gpp_vectors.json"),
        |_, text| {
            assert_eq!(Kind::of(text), Kind::Gpp);
            Kind::Gpp
        },
        |found, expected| {
            let keys = ["sectionIds", "sections"].iter();
            keys.filter_map(|key| differ(key, found.get(*key), &expected[*key])).collect()
        },
    )
}

pub fn sections(folder: &Path) -> Seen {
    compare(
        &folder.join("gpp_section_vectors.json"),
        |vector, _| Kind::of_section(vector["section"].as_str().unwrap()).unwrap(),
        |found, expected| {
            if found == expected { Vec::new() } else { vec![format!("{}", json!(found))] }
        },
    )
}

pub fn us_privacy(folder: &Path) -> Seen {
    let mut seen = Seen::default();
    for vector in vectors(&folder.join("us_privacy_vectors.json")) {
        let (text, expected) = (vector["string"].as_str().unwrap(), &vector["expected"]);
        seen.vectors += 1;
        assert_eq!(Kind::of(text), Kind::UsPrivacy, "{text}");
        match shown(text, Kind::UsPrivacy) {
            Ok(found) => assert_eq!(&Value::Object(found), expected, "{text}"),
            Err(_) => {
                assert_eq!(expected["valid_per_spec"], false, "{text}");
                seen.rejected += 1;
            }
        }
    }
    seen
}
