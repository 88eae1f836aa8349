//! What may a campaign file hold? A JSON Schema (draft 2020-12) made from the loader's own tables.
//!
//! Printed by `interlude check --schema` and used by editors; cold. It can only say what the
//! loader says, since both read [`tables`](super::tables); what a schema cannot express (rates,
//! references, edges of age bands) the loader alone checks.

use serde_json::{Map, Value, json};

use crate::market::vocabulary::{AGE_BANDS, Dimension, Vocabulary};

use super::tables::{
    ADVERTISER, BUDGET, CAMPAIGN, CAP, CIRCLE, COMPANION, CREATIVE, DOCUMENT, FLIGHT, Field, Kind,
    LINE, PACING, RENDITION, TRACKER, Table, UNIVERSAL_AD_ID, VERIFICATION,
};

/// Every table of the language, the document first.
pub const TABLES: [&Table; 15] = [
    &DOCUMENT,
    &ADVERTISER,
    &CAMPAIGN,
    &LINE,
    &BUDGET,
    &PACING,
    &CAP,
    &FLIGHT,
    &CREATIVE,
    &RENDITION,
    &COMPANION,
    &TRACKER,
    &VERIFICATION,
    &UNIVERSAL_AD_ID,
    &CIRCLE,
];

/// The schema of campaign files.
pub fn schema() -> Value {
    let vocabulary = Vocabulary::new();
    let mut definitions = Map::new();
    for table in &TABLES[1..] {
        definitions.insert(table.name.to_owned(), object(table));
    }
    definitions.insert("targeting".to_owned(), targeting());
    for dimension in Dimension::all() {
        let name = format!("clause_{}", dimension.name());
        definitions.insert(name, clause(dimension, &vocabulary));
    }
    let mut document = object(&DOCUMENT);
    if let Value::Object(map) = &mut document {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        map.insert("$schema".to_owned(), json!(draft));
        map.insert("title".to_owned(), json!("Interlude campaign file"));
        map.insert("$defs".to_owned(), Value::Object(definitions));
        let one = [json!({"required": ["advertiser"]}), json!({"required": ["advertisers"]})];
        map.insert("oneOf".to_owned(), json!(one));
    }
    document
}

fn object(table: &Table) -> Value {
    let mut properties = Map::new();
    for field in table.fields {
        properties.insert(field.name.to_owned(), property(field));
    }
    let required = table.fields.iter().filter(|field| field.required).map(|field| field.name);
    json!({
        "type": "object",
        "description": table.doc,
        "properties": properties,
        "required": required.collect::<Vec<_>>(),
        "additionalProperties": false,
    })
}

fn property(field: &Field) -> Value {
    let mut value = kind(field.kind);
    if let Value::Object(map) = &mut value {
        map.insert("description".to_owned(), json!(field.doc));
    }
    value
}

fn pattern(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

/// A number, or its digits as text: both are read exactly.
fn decimal(places: u32) -> Value {
    let pattern = format!(r"^[0-9]+(\.[0-9]{{1,{places}}}0*)?$");
    json!({"anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": pattern},
    ]})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Key => json!({"type": ["string", "integer"], "pattern": r"^[A-Za-z0-9._-]{1,64}$"}),
        Kind::Text(most) => {
            json!({"type": ["string", "number"], "minLength": 1, "maxLength": most})
        }
        Kind::Url => pattern(r"^[Hh][Tt][Tt][Pp][Ss]?://[^/\s]+"),
        Kind::Domain => pattern(r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+$"),
        Kind::Currency => pattern(r"^[A-Za-z]{3}$"),
        Kind::Zone | Kind::Mime | Kind::File => json!({"type": "string", "minLength": 1}),
        Kind::Language => pattern(r"^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$"),
        Kind::Category => pattern(r"^IAB[0-9]{1,2}(-[0-9]{1,2})?$"),
        Kind::Digits => json!({"type": ["string", "integer"], "pattern": "^[0-9]{1,9}$"}),
        Kind::Sha256 => pattern("^[0-9a-f]{64}$"),
        Kind::Money => decimal(9),
        Kind::Cpm => decimal(6),
        Kind::Seconds => decimal(3),
        Kind::Int(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Number(min, max) => {
            json!({"type": ["number", "string"], "minimum": min, "maximum": max})
        }
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Instant => pattern(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].+)?$"),
        Kind::Window => pattern(r"^(minute|hour|day|week|month|flight|[0-9]+[mhd])$"),
        Kind::Traffic => traffic(),
        Kind::Short(short, table) => json!({"anyOf": [self::kind(*short), reference(table.name)]}),
        Kind::Choice(choices) => json!({"enum": choices}),
        Kind::Map(table) => reference(table.name),
        Kind::List(item) => {
            let item = self::kind(*item);
            json!({"anyOf": [{"type": "array", "items": item}, item]})
        }
        Kind::CreativeOrCrid => {
            json!({"anyOf": [{"type": "string"}, reference(CREATIVE.name)]})
        }
        Kind::Targeting => reference("targeting"),
    }
}

/// Shares of hours, as they stand or in millionths.
fn traffic() -> Value {
    let share = json!({"type": ["number", "string"], "minimum": 0});
    json!({"anyOf": [
        {"type": "array", "items": share, "minItems": 168, "maxItems": 168},
        {
            "type": "object",
            "additionalProperties": share,
            "examples": [{"mon-fri morning": 3, "weekend 10:00-22:00": 2, "other": 1}],
        },
    ]})
}

fn targeting() -> Value {
    let nested = json!({"anyOf": [
        {"type": "array", "items": reference("targeting")},
        reference("targeting"),
    ]});
    let mut properties = Map::new();
    properties.insert("all".to_owned(), nested.clone());
    properties.insert("any".to_owned(), nested);
    properties.insert("not".to_owned(), reference("targeting"));
    for dimension in Dimension::all() {
        properties.insert(dimension.name().to_owned(), reference(&clause_name(dimension)));
    }
    json!({
        "type": "object",
        "description": "True when all of its keys are; `all`, `any` and `not` nest.",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn clause_name(dimension: Dimension) -> String {
    format!("clause_{}", dimension.name())
}

/// A dimension's clause: a value, a list of values, or the long form.
fn clause(dimension: Dimension, vocabulary: &Vocabulary) -> Value {
    let value = value(dimension, vocabulary);
    let values = json!({"anyOf": [{"type": "array", "items": value}, value]});
    let mut long = Map::new();
    long.insert("any_of".to_owned(), values.clone());
    long.insert("none_of".to_owned(), values.clone());
    let unknown = "What the clause is where the fact is not known; `fail` where absent.";
    long.insert("if_unknown".to_owned(), json!({"enum": ["pass", "fail"], "description": unknown}));
    match dimension {
        Dimension::Age => {
            let from = AGE_BANDS.iter().map(|band| band.from).collect::<Vec<_>>();
            let to = AGE_BANDS.iter().map(|band| band.to).filter(|&to| to < 255);
            long.insert("min".to_owned(), json!({"enum": from}));
            long.insert("max".to_owned(), json!({"enum": to.collect::<Vec<_>>()}));
        }
        Dimension::OsVersion => {
            for (_, os) in vocabulary.values(Dimension::Os) {
                long.insert(os.to_owned(), json!({"type": ["string", "integer", "array"]}));
            }
        }
        _ => {}
    }
    let wire = dimension.row().wire;
    let found = if wire.is_empty() { "the listener's profile" } else { wire };
    let long = json!({"type": "object", "properties": long, "additionalProperties": false});
    json!({
        "description": format!("Found in: {found}."),
        "anyOf": [values["anyOf"][0], values["anyOf"][1], long],
    })
}

/// One value: of closed lists the names are offered, other spellings of them are taken too.
fn value(dimension: Dimension, vocabulary: &Vocabulary) -> Value {
    match dimension {
        Dimension::Radius => reference(CIRCLE.name),
        Dimension::HourOfWeek => json!({
            "type": "string",
            "examples": ["mon-fri 06:00-10:00, sat 22:00-02:00", "weekend"],
        }),
        Dimension::OsVersion => {
            json!({"type": "string", "examples": ["ios >=15", "android 9..14"]})
        }
        _ if dimension.row().closed => {
            let names: Vec<_> = vocabulary.values(dimension).map(|(_, text)| text).collect();
            json!({"anyOf": [{"enum": names}, {"type": ["string", "boolean", "integer"]}]})
        }
        _ => json!({"type": ["string", "number"]}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::catalog::json;
    use crate::knowledge::catalog::node::{Bounds, Kind as NodeKind, Node};

    #[test]
    fn every_key_of_the_loader_is_in_the_schema_and_no_other() {
        let schema = schema();
        for table in TABLES {
            let object = match table.name {
                "document" => &schema,
                name => &schema["$defs"][name],
            };
            let Value::Object(properties) = &object["properties"] else { panic!("{table:?}") };
            let keys: Vec<_> = properties.keys().map(String::as_str).collect();
            let mut names: Vec<_> = table.fields.iter().map(|field| field.name).collect();
            names.sort_unstable();
            assert_eq!(keys, names, "{table:?}");
            assert_eq!(object["additionalProperties"], false, "{table:?}");
        }
        let Value::Object(clauses) = &schema["$defs"]["targeting"]["properties"] else { panic!() };
        assert_eq!(clauses.len(), Dimension::COUNT + 3);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(name)) = map.get("$ref") {
                        found.push(name.clone());
                    }
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(list) => list.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let schema = schema();
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(found.len() > 50);
        for name in found {
            let pointer = name.strip_prefix('#').unwrap();
            assert!(schema.pointer(pointer).is_some(), "{name}");
        }
    }

    /// A small reading of the schema, of the words that ours uses: what the loader takes of the
    /// fixtures, the schema takes, too.
    fn takes(schema: &Value, rule: &Value, node: &Node) -> Result<(), String> {
        if let Some(name) = rule["$ref"].as_str() {
            return takes(schema, &schema.pointer(&name[1..]).unwrap().clone(), node);
        }
        if let Some(any) = rule["anyOf"].as_array() {
            let all: Vec<_> = any.iter().map(|rule| takes(schema, rule, node)).collect();
            let good = all.iter().any(Result::is_ok);
            return if good { Ok(()) } else { Err(format!("{all:?}")) };
        }
        match (&node.kind, rule["type"].as_str()) {
            (NodeKind::Map(map), Some("object")) => {
                for required in rule["required"].as_array().into_iter().flatten() {
                    if !map.iter().any(|entry| entry.key == *required) {
                        return Err(format!("no {required}"));
                    }
                }
                map.iter().try_for_each(|entry| {
                    let others = &rule["additionalProperties"];
                    let rule = match &rule["properties"][&entry.key] {
                        Value::Null if others.is_object() => others,
                        rule => rule,
                    };
                    if rule.is_null() {
                        return Err(format!("{} is not known", entry.key));
                    }
                    takes(schema, rule, &entry.value).map_err(|e| format!("{}: {e}", entry.key))
                })
            }
            (NodeKind::List(list), Some("array")) => {
                list.iter().try_for_each(|node| takes(schema, &rule["items"], node))
            }
            (NodeKind::Scalar { .. }, Some("object" | "array")) => Err("a scalar".to_owned()),
            (NodeKind::Scalar { text, .. }, _) => match rule["enum"].as_array() {
                Some(known) if !known.iter().any(|k| k.to_string().trim_matches('"') == text) => {
                    Err(text.clone())
                }
                _ => Ok(()),
            },
            _ => Err(format!("{} for {rule}", node.what())),
        }
    }

    #[test]
    fn what_the_loader_takes_the_schema_takes() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/catalog");
        let schema = schema();
        let mut read = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bounds = Bounds::default();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let nodes = match path.extension().and_then(|ending| ending.to_str()) {
                Some("json") => vec![json::read(&text, bounds).unwrap()],
                Some("yaml") => crate::knowledge::catalog::yaml::read(&text, bounds).unwrap(),
                _ => continue,
            };
            for node in nodes {
                takes(&schema, &schema, &node).unwrap_or_else(|e| panic!("{path:?}: {e}"));
                read += 1;
            }
        }
        assert!(read >= 6);
    }
}
