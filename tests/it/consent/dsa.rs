//! The answer to `regs.ext.dsa`: every value of `dsarequired`, `pubrender` and `datatopub`, for
//! advertisers that tell and that do not, in JSON and in protobuf.

use std::sync::Arc;

use interlude::base::units::time::Moment;
use interlude::flows::decide::scratch::Scratch;
use interlude::flows::decide::world::World;
use interlude::flows::decide::{Circumstance, Received, decide};
use interlude::market::openrtb::Wire;
use interlude::market::outcome::{NoBid, Outcome};
use interlude::market::privacy::{Config, Policy};
use interlude::rehearsal::traffic::stage::{Granting, Stage};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage as _, Value as Field};
use serde_json::{Value, json};

use crate::wire::message;

/// 2026-11-22T12:00:00Z
const NOW: Moment = Moment::from_unix_s(1_795_348_800);

fn world(telling: &Value) -> World {
    let mut advertiser = json!({
        "key": "brand", "domains": ["brand.example"], "currency": "USD",
        "creatives": [{"crid": "c15", "duration": 15, "language": "en",
            "renditions": [{"url": "https://cdn.example/s.mp3", "bitrate": 128}]}],
        "campaigns": [{"key": "all", "lines": [{"key": "all", "bid_cpm": "1.00",
            "creatives": ["c15"]}]}],
    });
    for (key, value) in telling.as_object().unwrap() {
        advertiser[key] = value.clone();
    }
    let mut parts = Stage::of_text(&json!({ "advertiser": advertiser }).to_string()).parts();
    parts.privacy = Arc::new(Policy::new(&Config::default(), None).unwrap());
    World::assemble(parts, None)
}

/// What was asked of the three; `None` is absent.
type Asked = [Option<i64>; 3];

fn request(asked: Asked) -> Value {
    let named = ["dsarequired", "pubrender", "datatopub"].into_iter().zip(asked);
    let dsa: serde_json::Map<String, Value> =
        named.filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect();
    json!({"id": "r", "cur": ["USD"], "regs": {"gdpr": 0, "ext": {"dsa": dsa}},
        "imp": [{"id": "1", "audio": {"mimes": ["audio/mpeg"], "protocols": [2, 3]}}],
        "user": {"buyeruid": "somebody"}, "site": {"domain": "radio.example"}})
}

/// How it ended, and `bid.ext.dsa`.
fn answered(world: &World, asked: Asked, wire: Wire) -> (Outcome, Value) {
    let request = request(asked);
    let body = match wire {
        Wire::Json => request.to_string().into_bytes(),
        Wire::Protobuf => {
            message::encode(&request, &message::descriptor("BidRequest")).encode_to_vec()
        }
    };
    let exchange = world.exchange_named("demo").unwrap();
    let at = Circumstance { moment: NOW, coin: world.coin };
    let mut scratch = Scratch::new();
    let received = Received::new(exchange, wire, &body);
    let outcome = decide(&received, world, &mut Granting, at, &mut scratch);
    if outcome != Outcome::Bid {
        assert!(scratch.reply().is_empty());
        return (outcome, Value::Null);
    }
    let reply = match wire {
        Wire::Json => serde_json::from_slice(scratch.reply()).unwrap(),
        Wire::Protobuf => {
            let kind: MessageDescriptor = message::descriptor("BidResponse");
            said(&DynamicMessage::decode(kind, scratch.reply()).unwrap())
        }
    };
    (outcome, reply["seatbid"][0]["bid"][0]["ext"]["dsa"].clone())
}

/// A message's fields that are set, by their names.
fn said(message: &DynamicMessage) -> Value {
    fn one(value: &Field) -> Value {
        match value {
            Field::String(text) => json!(text),
            Field::I32(number) => json!(number),
            Field::I64(number) => json!(number),
            Field::F64(number) => json!(number),
            Field::Bool(flag) => json!(flag),
            Field::List(list) => list.iter().map(one).collect(),
            Field::Message(message) => said(message),
            other => panic!("{other:?}"),
        }
    }
    let fields = message.descriptor().fields().collect::<Vec<_>>();
    let set = fields.iter().filter(|field| message.has_field(field));
    set.map(|field| (field.name().to_owned(), one(&message.get_field(field)))).collect()
}

/// What the answer should be, worked out from the extension's own words.
fn expected([required, shown, data]: Asked, telling: bool) -> (Outcome, Value) {
    let required = required.unwrap_or(0);
    if required >= 2 && (!telling || shown == Some(0)) {
        return (Outcome::NoBid(NoBid::DsaRequired), Value::Null);
    }
    if required < 1 || !telling {
        return (Outcome::Bid, Value::Null);
    }
    let mut dsa = json!({"behalf": "Brand Ltd", "paid": "Agency GmbH", "adrender": 0});
    if data != Some(0) {
        // Profiling, precise place: what this request permits.
        dsa["transparency"] = json!([{"domain": "brand.example", "dsaparams": [1, 3]}]);
    }
    (Outcome::Bid, dsa)
}

#[test]
fn transparency_is_answered_as_it_was_asked() {
    let told = json!({"dsa_behalf": "Brand Ltd", "dsa_paid": "Agency GmbH"});
    let (telling, silent) = (world(&told), world(&json!({})));
    let (mut refused, mut shown) = (0, 0);
    let values = |most: i64| std::iter::once(None).chain((0..=most).map(Some));
    for required in values(3) {
        for pubrender in values(2) {
            for datatopub in values(2) {
                let asked = [required, pubrender, datatopub];
                for (world, tells) in [(&telling, true), (&silent, false)] {
                    let wanted = expected(asked, tells);
                    for wire in [Wire::Json, Wire::Protobuf] {
                        let mut found = answered(world, asked, wire);
                        if wire == Wire::Protobuf && found.1.is_object() {
                            // A nought is not written where the field has no presence.
                            found.1["adrender"] = json!(found.1["adrender"].as_i64().unwrap_or(0));
                        }
                        assert_eq!(found, wanted, "{asked:?} {tells} {wire:?}");
                    }
                    refused += usize::from(wanted.0 != Outcome::Bid);
                    shown += usize::from(wanted.1.is_object());
                }
            }
        }
    }
    // 2 and 3 by the silent, and by those that tell where nobody can show it.
    assert_eq!((refused, shown), (2 * 16 + 2 * 4, 16 + 2 * 12));
}

/// Who pays is who it is for, unless said otherwise; and only what was used is told.
#[test]
fn the_answer_tells_of_no_profile_that_may_not_be_read() {
    let world = world(&json!({"dsa_behalf": "Brand Ltd"}));
    let (_, dsa) = answered(&world, [Some(1), None, None], Wire::Json);
    assert_eq!(dsa["paid"], "Brand Ltd");
    let mut request = request([Some(2), Some(2), Some(2)]);
    request["regs"]["coppa"] = json!(1);
    let body = request.to_string();
    let exchange = world.exchange_named("demo").unwrap();
    let at = Circumstance { moment: NOW, coin: world.coin };
    let mut scratch = Scratch::new();
    let received = Received::new(exchange, Wire::Json, body.as_bytes());
    assert_eq!(decide(&received, &world, &mut Granting, at, &mut scratch), Outcome::Bid);
    let reply: Value = serde_json::from_slice(scratch.reply()).unwrap();
    let dsa = &reply["seatbid"][0]["bid"][0]["ext"]["dsa"];
    assert_eq!(dsa["transparency"][0]["dsaparams"], json!([2]));
}
