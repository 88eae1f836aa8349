//! All bid requests of the corpus through the decoder, and IAB's mapper fixtures through protobuf.

#[path = "../it/wire/corpus.rs"]
pub mod corpus;
#[path = "../it/wire/message.rs"]
mod message;

use std::fs;

use interlude::market::openrtb::generated;
use prost_reflect::prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage, Value as Field};
use serde_json::{Value, json};

use crate::shared;

#[test]
fn audio_requests_decode() {
    corpus::refuses_only(&shared("bidrequests/audio"), &corpus::AUDIO_REFUSED);
}

#[test]
fn requests_without_audio_decode() {
    corpus::refuses_only(&shared("bidrequests/nonaudio"), &corpus::NONAUDIO_REFUSED);
}

#[test]
fn invalid_requests_are_refused_where_the_fault_is_of_the_strict_kind() {
    corpus::refuses_only(&shared("bidrequests/invalid"), &corpus::INVALID_REFUSED);
}

/// JSON → message → bytes → prost's message → bytes → message → JSON.
#[test]
fn the_mapper_fixtures_round_trip() {
    let mut requests = 0;
    let mut answers = 0;
    for path in corpus::files(&shared("protobuf")) {
        if path.extension().is_none_or(|ext| ext != "json") {
            continue;
        }
        let json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let is_request = corpus::name(&path).contains("REQUEST");
        let name = if is_request { "BidRequest" } else { "BidResponse" };
        let descriptor = message::descriptor(name);
        let bytes = message::encode(&json, &descriptor).encode_to_vec();
        let bytes = if is_request {
            requests += 1;
            generated::BidRequest::decode(&*bytes).unwrap().encode_to_vec()
        } else {
            answers += 1;
            generated::BidResponse::decode(&*bytes).unwrap().encode_to_vec()
        };
        let back = DynamicMessage::decode(descriptor.clone(), &*bytes).unwrap();
        let expected = message::carried(&json, &descriptor);
        assert_eq!(read(&back), expected, "{}", path.display());
        assert!(expected.get("id").is_some(), "{}", path.display());
    }
    assert!(requests >= 12 && answers >= 12, "{requests} requests, {answers} answers");
}

/// The message as JSON with 0/1 for flags.
fn read(message: &DynamicMessage) -> Value {
    let descriptor = message.descriptor();
    let fields = descriptor.fields().filter(|field| message.has_field(field));
    Value::Object(
        fields
            .map(|field| {
                let value = plain(&message.get_field(&field));
                (field.name().to_owned(), value)
            })
            .collect(),
    )
}

fn plain(value: &Field) -> Value {
    match value {
        Field::Bool(value) => json!(f64::from(u8::from(*value))),
        Field::I32(value) => json!(f64::from(*value)),
        Field::F64(value) => json!(value),
        Field::String(value) => json!(value),
        Field::Message(message) => read(message),
        Field::List(list) => list.iter().map(plain).collect(),
        other => panic!("{other:?} is not in openrtb.proto"),
    }
}
