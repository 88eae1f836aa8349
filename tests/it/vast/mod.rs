//! Is what players get valid VAST, and does a player that is not ours read it as it was meant?
//!
//! `check_vast` is for every test that has VAST in hand; [`ads`] is the matrix that this one uses.

mod ads;
mod answers;
mod client;
pub mod validate;

pub use validate::check_vast;

use ads::Sample;
use serde_json::{Map, Value};

/// Each file under `tests/vast-client/node_modules` aside, everything read is in the repository.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_ad_is_valid_in_its_version() {
    let documents: Vec<_> = ads::matrix().iter().map(|s| (s.version, s.vast())).collect();
    assert!(documents.len() > 500, "{}", documents.len());
    check_vast(&documents);
}

#[test]
fn the_validator_refuses_what_is_not_valid() {
    let sample = &ads::matrix()[0];
    let broken = sample.vast().replace("<AdTitle>", "<Title>").replace("</AdTitle>", "</Title>");
    let found = validate::faults(&[(sample.version, sample.vast()), (sample.version, broken)]);
    assert_eq!(found.iter().map(|fault| fault.document).collect::<Vec<_>>(), [1], "{found:?}");
    assert!(found[0].message.contains("Title"), "{found:?}");
}

#[test]
fn another_client_reads_back_what_was_put_in() {
    let samples = ads::matrix();
    let documents: Vec<_> = samples.iter().map(Sample::vast).collect();
    let read = client::read(&documents);
    assert_eq!(read.len(), samples.len());
    for ((sample, document), read) in samples.iter().zip(&documents).zip(&read) {
        let mut differences = Vec::new();
        compare("", read, &sample.expected(), &mut differences);
        assert!(differences.is_empty(), "{}: {differences:#?}\n{document}", sample.name);
    }
}

#[test]
fn what_the_demo_answers_is_valid_and_says_what_its_bid_says() {
    let answers = answers::answers();
    assert!(answers.len() > 300, "only {} bids", answers.len());
    let documents: Vec<_> = answers.iter().map(|a| (a.version, a.vast.clone())).collect();
    check_vast(&documents);
    let documents: Vec<_> = answers.iter().map(|answer| answer.vast.clone()).collect();
    let mut companions = 0;
    for (answer, read) in answers.iter().zip(client::read(&documents)) {
        let (bid, ad) = (&answer.bid, &read["ads"][0]);
        let at = |pointer: &str| ad.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(read["version"], answer.version.as_str(), "{bid}");
        assert_eq!(bid["protocol"], answer.version.protocol(), "{bid}");
        let seconds = (at("/linear/0/milliseconds").as_u64().unwrap() + 500) / 1000;
        assert_eq!(bid["dur"], seconds, "{bid}");
        let impression = at("/impressions/0").as_str().unwrap().to_owned();
        assert!(impression.starts_with("https://ads.example/beacon/impression/"), "{impression}");
        assert!(impression.ends_with("?price=${AUCTION_PRICE}"), "{impression}");
        let media = at("/linear/0/mediaFiles");
        assert!(!media.as_array().unwrap().is_empty(), "{}", answer.vast);
        companions += ad["companions"].as_array().unwrap().len();
    }
    assert!(companions > 10, "only {companions} companions");
}

/// Lists the places where the two differ: two whole documents side by side say nothing.
fn compare(at: &str, read: &Value, expected: &Value, out: &mut Vec<String>) {
    let same_keys = |a: &Map<String, Value>, b: &Map<String, Value>| a.keys().eq(b.keys());
    match (read, expected) {
        (Value::Object(a), Value::Object(b)) if same_keys(a, b) => {
            for (key, value) in a {
                compare(&format!("{at}.{key}"), value, &b[key], out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (ix, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{at}[{ix}]"), a, b, out);
            }
        }
        _ if read == expected => {}
        _ => out.push(format!("{at}: read {read}, put in {expected}")),
    }
}
