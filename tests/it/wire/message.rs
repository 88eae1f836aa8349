//! JSON requests and answers as messages of `proto/openrtb.proto`, by its descriptors: an encoder
//! that shares nothing with the product.

use std::path::Path;

use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, Value as Field};
use serde_json::{Map, Value, json};

pub fn descriptor(name: &str) -> MessageDescriptor {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = protox::compile(["openrtb.proto"], [proto]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(files).unwrap();
    pool.get_message_by_name(&format!("openrtb.{name}")).unwrap()
}

/// The message that carries what of `value` has a field; the rest is left out.
pub fn encode(value: &Value, descriptor: &MessageDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for (key, value) in value.as_object().unwrap() {
        let Some(field) = descriptor.get_field_by_name(key) else { continue };
        if field.is_list() {
            let entries = value.as_array().cloned().unwrap_or_default();
            let list = entries.iter().filter_map(|entry| scalar(entry, &field.kind())).collect();
            message.set_field(&field, Field::List(list));
        } else if let Some(value) = scalar(value, &field.kind()) {
            message.set_field(&field, value);
        }
    }
    message
}

fn scalar(value: &Value, kind: &Kind) -> Option<Field> {
    Some(match kind {
        Kind::String => Field::String(value.as_str()?.to_owned()),
        Kind::Bool => {
            Field::Bool(value.as_bool().or_else(|| value.as_i64().map(|flag| flag != 0))?)
        }
        Kind::Int32 => Field::I32(value.as_f64()? as i32),
        Kind::Double => Field::F64(value.as_f64()?),
        Kind::Message(message) if value.is_object() => Field::Message(encode(value, message)),
        _ => return None,
    })
}

/// What of `value` a message of this kind can carry, said without making one.
pub fn carried(value: &Value, descriptor: &MessageDescriptor) -> Value {
    let mut kept = Map::new();
    for (key, value) in value.as_object().unwrap() {
        let Some(field) = descriptor.get_field_by_name(key) else { continue };
        let kept_value = match (field.is_list(), value) {
            (true, Value::Array(entries)) => {
                entries.iter().filter_map(|entry| carried_scalar(entry, &field.kind())).collect()
            }
            (true, _) => continue,
            (false, value) => carried_scalar(value, &field.kind()).unwrap_or_default(),
        };
        if !kept_value.is_null() && kept_value != json!([]) {
            kept.insert(key.clone(), kept_value);
        }
    }
    Value::Object(kept)
}

fn carried_scalar(value: &Value, kind: &Kind) -> Option<Value> {
    match (kind, value) {
        (Kind::String, Value::String(_)) => Some(value.clone()),
        (Kind::Bool | Kind::Int32 | Kind::Double, Value::Number(number)) => {
            Some(json!(number.as_f64()))
        }
        (Kind::Message(message), Value::Object(_)) => Some(carried(value, message)),
        _ => None,
    }
}
