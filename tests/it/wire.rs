//! The wire as exchanges use it: every field by both formats, and requests that others wrote.

mod bare;
pub mod corpus;
pub mod message;

use std::fs;
use std::path::{Path, PathBuf};

use bumpalo::Bump;
use interlude::market::openrtb::{Wire, decode};
use interlude::market::outcome::Malformed;
use proptest::prelude::*;
use prost_reflect::prost::Message;
use serde_json::Value;

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)
}

fn every_field() -> Value {
    let text = fs::read_to_string(fixtures("wire/every_field.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The request as the decoder sees it, printed: all of it, or the reason of the refusal.
fn seen(wire: Wire, body: &[u8]) -> String {
    let arena = Bump::new();
    match decode(wire, body, &arena) {
        Ok(request) => bare::printed(&request),
        Err(refusal) => format!("{refusal:?}"),
    }
}

fn protobuf(request: &Value) -> Vec<u8> {
    message::encode(request, &message::descriptor("BidRequest")).encode_to_vec()
}

/// Nothing is absent or empty in the decoded request but the channel that may not stand beside
/// the app and what was folded away: so each row of each table reads.
#[test]
fn every_field_is_read_from_both_wires() {
    let mut request = every_field();
    let app = seen(Wire::Json, request.to_string().as_bytes());
    let absent: Vec<&str> = app
        .lines()
        .filter(|line| line.ends_with(": None,") || line.ends_with(": [],"))
        .map(str::trim)
        .collect();
    let folded = ["gdpr_of_ext: None,", "us_privacy_of_ext: None,"];
    assert_eq!(absent, ["site: None,", folded[0], folded[1]], "{app}");
    assert_eq!(seen(Wire::Protobuf, &protobuf(&request)), app);

    let mut site = request["app"].take();
    request.as_object_mut().unwrap().remove("app");
    site["page"] = "https://radio.example/live".into();
    request["site"] = site;
    let site = seen(Wire::Json, request.to_string().as_bytes());
    assert!(site.contains("live") && site.contains("app: None"), "{site}");
    assert_eq!(seen(Wire::Protobuf, &protobuf(&request)), site);
}

/// The bench reads one request by both wires; `INTERLUDE_REGENERATE=1` writes its protobuf anew.
#[test]
fn the_protobuf_of_the_bench_is_that_of_its_json() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/data");
    let json = fs::read(data.join("audio_request.json")).unwrap();
    let made = protobuf(&serde_json::from_slice(&json).unwrap());
    if std::env::var_os("INTERLUDE_REGENERATE").is_some() {
        fs::write(data.join("audio_request.pb"), &made).unwrap();
    }
    assert_eq!(fs::read(data.join("audio_request.pb")).unwrap(), made);
    assert_eq!(seen(Wire::Protobuf, &made), seen(Wire::Json, &json));
}

/// Takes out of a request whatever the coins say, so that each absence meets each presence.
fn thin_out(value: &mut Value, coins: &mut impl Iterator<Item = bool>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, _| coins.next().unwrap_or(true));
            fields.values_mut().for_each(|value| thin_out(value, coins));
        }
        Value::Array(entries) => {
            entries.retain(|_| coins.next().unwrap_or(true));
            entries.iter_mut().for_each(|value| thin_out(value, coins));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_wires_say_the_same(coins in prop::collection::vec(prop::bool::weighted(0.9), 400)) {
        let mut request = every_field();
        thin_out(&mut request, &mut coins.into_iter());
        let json = seen(Wire::Json, request.to_string().as_bytes());
        prop_assert_eq!(seen(Wire::Protobuf, &protobuf(&request)), json);
    }

    #[test]
    fn broken_protobuf_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = protobuf(&every_field());
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        seen(Wire::Protobuf, &body);
        body.truncate(cut.index(body.len()));
        seen(Wire::Protobuf, &body);
    }
}

/// Requests that hold several media, or are of 2.5, say the same by protobuf.
#[test]
fn the_shipped_audio_requests_say_the_same_by_both_wires() {
    let mut compared = 0;
    for path in corpus::files(&fixtures("bidrequests/audio")) {
        let request: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        // What protobuf cannot carry (another `ext`, a word for a number) is left out of both.
        let descriptor = message::descriptor("BidRequest");
        let carried = message::carried(&request, &descriptor);
        let json = seen(Wire::Json, carried.to_string().as_bytes());
        assert_eq!(seen(Wire::Protobuf, &protobuf(&request)), json, "{}", path.display());
        compared += 1;
    }
    assert!(compared > 50, "only {compared} requests");
}

#[test]
fn the_shipped_requests_decode() {
    corpus::refuses_only(&fixtures("bidrequests/audio"), &corpus::AUDIO_REFUSED);
    corpus::refuses_only(&fixtures("bidrequests/nonaudio"), &corpus::NONAUDIO_REFUSED);
    corpus::refuses_only(&fixtures("bidrequests/invalid"), &corpus::INVALID_REFUSED);
}

#[test]
fn what_is_no_request_is_refused() {
    assert!(seen(Wire::Json, b"[]").contains("Unparseable"));
    assert_eq!(
        decode(Wire::Protobuf, b"", &Bump::new()).err(),
        Some(Malformed::MissingId),
        "an empty message is a request without anything"
    );
}
